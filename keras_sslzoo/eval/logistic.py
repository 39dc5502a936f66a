"""Logistic regression as the probes fit it: standardised features, scikit-learn's L-BFGS, stratified draws."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

MAX_ITER = 1000  # part of the protocols


def draw(y, counts, rng):
    """Row numbers of a stratified draw without replacement: `counts[c]` of class c."""
    return np.concatenate([rng.permutation(np.flatnonzero(y == c))[:n] for c, n in enumerate(counts)])


def standardise(f, ft):
    """Both sets with the mean and deviation of the first; the scale of a constant feature stays."""
    scaler = StandardScaler().fit(f)
    return scaler.transform(f), scaler.transform(ft)


def fit_logistic(f, y, C):
    """A fitted classifier, and whether it converged."""
    # one BLAS thread: more slow these small problems down several times where other processes run, and shift the result
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(C=C, max_iter=MAX_ITER).fit(f, y)
    return probe, bool(np.max(probe.n_iter_) < MAX_ITER)
