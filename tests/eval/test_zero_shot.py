import types

import numpy as np
import pytest

from keras_sslzoo import eval as ev


class Dual:
    """A dual encoder whose images are their embeddings, and whose names are looked up."""

    table = np.eye(4, dtype="float32")

    def encode_image(self, x):
        return x

    def zero_shot_classifier(self, names):
        return types.SimpleNamespace(weights=self.table[["abcd".index(name) for name in names]])


def test_it_is_the_argument_of_the_largest_cosine():
    rng = np.random.default_rng(0)
    x, classes, y = rng.normal(size=(50, 6)), rng.normal(size=(7, 6)), rng.integers(0, 7, 50)
    result = ev.zero_shot(None, x, classes, y, ks=(1, 3, 9))
    cosine = np.array([[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in classes] for a in x])
    assert result.accuracy == pytest.approx(np.mean(cosine.argmax(axis=1) == y))
    assert result.top == {"3": pytest.approx(np.mean([y[i] in np.argsort(-row)[:3] for i, row in enumerate(cosine)]))}
    assert 0 < result.accuracy < result.top["3"] < 1


def test_a_model_and_its_embeddings_give_the_same():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 4
    x = (np.eye(4)[y] + 0.5 * rng.normal(size=(40, 4))).astype("float32")
    model = Dual()
    by_model = ev.zero_shot(model, x, list("abcd"), y)
    assert by_model == ev.zero_shot(None, x, Dual.table, y)
    assert by_model.accuracy > 0.5
    assert ev.zero_shot(model, x, list("badc"), y).accuracy < by_model.accuracy
    assert str(by_model).startswith("zero_shot/1: accuracy")


X, C, Y = np.ones((6, 3)), np.eye(3), np.arange(6) % 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ev.zero_shot(None, X, C, None), ValueError, "y=None"),
        (lambda: ev.zero_shot(None, X, C, Y + 1), ValueError, "0 to 2"),
        (lambda: ev.zero_shot(None, X, C, np.array(list("abcabc"))), ValueError, "0 to 2"),
        (lambda: ev.zero_shot(None, X, C[:, :2], Y), ValueError, "one size"),
        (lambda: ev.zero_shot(None, X, C * np.nan, Y), ValueError, "`classes` must be finite"),
        (lambda: ev.zero_shot(object(), X, ["a"], Y), TypeError, "dual encoder"),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
