"""What goes wrong in training, by which logs it shows, and the usual remedy: a table that `CollapseMonitor` reads.

A threshold lies between what ill and healthy runs showed, nearer to the ill ones: a missed disease shows in the next
epoch, a false alarm costs trust. `docs/healthy.md` has the numbers of both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Disease:
    """A way to fail.

    Args:
        name: Short.
        logs: Those that it shows in: it is looked for where an epoch has all of them.
        holds: Function `(now, first) -> bool` of the logs of this epoch and of the first one: two dicts of floats.
        cause: What happened.
        remedy: What usually helps.
        at_once: Whether one epoch is proof enough; otherwise it must hold for several in a row.
        alone: Whether it is what other diseases bring along: it is not named after another.
    """

    name: str
    logs: tuple
    holds: Callable
    cause: str
    remedy: str
    at_once: bool = False
    alone: bool = False

    def found(self, now, first):
        """Whether it shows in an epoch; None where the epoch does not say."""
        return self.holds(now, first) if set(self.logs) <= set(now) else None

    def line(self, now):
        """One line for the user."""
        shown = self.logs or [name for name, value in now.items() if not math.isfinite(value)]
        values = ", ".join(f"{name} {now[name]:.3g}" for name in shown)
        return f"{self.name} ({values}): {self.cause}. {self.remedy}."


def _candidates(now):
    """Among how many the positive was searched: log N = loss + information."""
    return math.exp(min(now["loss"] + now["information"], 50.0))


DISEASES = (
    Disease(
        "divergence",
        (),
        lambda now, first: not all(math.isfinite(value) for value in now.values()),
        "a log is not finite",
        "Lower the learning rate, or clip gradients (clipnorm=1); in float16 keep the loss scale",
        at_once=True,
    ),
    # A ReLU network whose units are off answers the same to every image, and no gradient passes. On Fashion-MNIST untrained
    # encoders of `nets` begin at 0.09 (ResNet18) to 0.26 (ConvNet).
    Disease(
        "dead encoder",
        ("feature_std",),
        lambda now, first: now["feature_std"] < 0.01,
        "its features hardly depend on the image",
        "Lower the learning rate, use batch norm or a leaky activation, and begin anew: it does not recover",
        alone=True,
    ),
    # Uniform embeddings have 1. Untrained networks may begin low, and rise where they are healthy.
    Disease(
        "collapse",
        ("embedding_std",),
        lambda now, first: now["embedding_std"] < min(0.2, first["embedding_std"]) or now["embedding_std"] < 0.02,
        "all images get nearly the same embedding",
        "Keep the stop-gradient on the target, the predictor, and batch norm in the heads; raise the target's momentum",
    ),
    # Equal embeddings guess one of N: the information is 0. Healthy runs pass through small values, not through none.
    Disease(
        "collapse",
        ("loss", "information", "positive_similarity"),
        lambda now, first: (
            abs(now["information"]) < 1e-4 * math.log(_candidates(now))
            or (now["information"] < 0.02 * math.log(_candidates(now)) and now["positive_similarity"] > 0.99)
        ),
        "the loss is that of guessing, the embeddings do not tell one sample from another",
        "Lower the learning rate and warm it up; look at the views with zoo.viz.views_grid",
    ),
    # H of the mean class less the mean H is what the teacher's classes tell of the images: 0 in both collapses (DINO,
    # section 5.3). Without centering one class remains, or two (log 2): the exponential of the entropy counts them.
    Disease(
        "collapse to few classes",
        ("class_entropy", "teacher_entropy"),
        lambda now, first: now["class_entropy"] < 1.0,
        "the teacher puts all images into one class or two",
        "Centre the teacher's output (center_momentum=0.9), or raise its temperature",
    ),
    Disease(
        "collapse to uniform",
        ("class_entropy", "teacher_entropy"),
        lambda now, first: now["class_entropy"] >= 1.0 and now["class_entropy"] - now["teacher_entropy"] < 0.02,
        "the teacher gives each class the same share, whatever the image",
        "Sharpen it: lower teacher_temperature (0.04), well below the student's",
    ),
    Disease(
        "posterior collapse",
        ("active_units", "kl"),
        lambda now, first: now["active_units"] < 0.5,
        "no dimension of the code depends on the image",
        "Lower `beta`, or raise it slowly from 0; use a weaker decoder",
    ),
    # The saturating generator's gradient is D(G(z)): at 0.02 it is 4 % of that at 1/2. Healthy games pass 0.95 and 0.05.
    Disease(
        "saturated discriminator",
        ("d_real", "d_fake"),
        lambda now, first: now["d_real"] > 0.98 and now["d_fake"] < 0.02,
        "the discriminator is too strong and the generator learns little from it",
        "Lower its learning rate, smooth its labels (label_smoothing=0.1), or make it smaller",
    ),
    Disease(
        "mode collapse",
        ("sample_std",),
        lambda now, first: now["sample_std"] < 0.1,
        "the generator makes nearly the same sample from any noise",
        "Lower both learning rates, use a larger batch, or another loss (zoo.LSGAN)",
    ),
    # The bound on the information cannot pass log N: near it, more negatives teach more and nothing else does.
    Disease(
        "too few negatives",
        ("loss", "information"),
        lambda now, first: _candidates(now) < 64 and now["information"] > 0.5 * math.log(_candidates(now)),
        "the positive is found among so few already",
        "Use a larger batch (256), or stronger views",
    ),
    Disease(
        "equal views",
        ("alignment", "feature_std"),
        lambda now, first: now["alignment"] < 1e-4 and now["feature_std"] > 0.02,
        "both views of an image are the same, so there is nothing to learn",
        "Pass random views, such as zoo.views.simclr(image_shape)",
    ),
    Disease(
        "codebook collapse",
        ("codebook_usage",),
        lambda now, first: now["codebook_usage"] < 0.05,
        "nearly all codes are never used",
        "Restart unused codes, update the codebook by moving averages, or use fewer codes",
    ),
    # The rank of one direction is 1. An untrained ViT begins at 2.8; few live ReLU units leave 1.8 in healthy autoencoders.
    Disease(
        "dimensional collapse",
        ("rankme",),
        lambda now, first: now["rankme"] < 1.1,
        "features lie along one direction",
        "Lower the learning rate and the weight decay, strengthen the views if there are any",
        alone=True,
    ),
)


def gradient_diseases(log):
    """Those of a log of a gradient's length, `gradient_norm` or that of a player."""
    yield Disease(
        "vanished gradient",
        (log,),
        lambda now, first: now[log] < 1e-5 * first.get(log, now[log]) or now[log] == 0.0,
        "nothing is learned any more",
        "Look for saturated or dead layers, a collapse, or a loss at its least value",
        alone=True,
    )
    yield Disease(
        "exploding gradient",
        (log,),
        lambda now, first: now[log] > 1e3 * first.get(log, now[log]),
        "steps go astray",
        "Lower the learning rate, warm it up, or clip gradients (clipnorm=1)",
    )
