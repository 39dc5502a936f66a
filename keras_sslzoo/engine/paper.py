"""What a method's file says of its paper: where it is published, and the values it was trained with."""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras

from keras_sslzoo.optimizers import LARS, AdamW, WarmupCosine


@dataclass(frozen=True)
class Paper:
    """A method's publication.

    Args:
        title: Full title.
        authors: Short form, "Chen et al.".
        year: Of the first version.
        url: Of the paper.
        code: Repository and file of the authors' code that the numbers follow, or None.
    """

    title: str
    authors: str
    year: int
    url: str
    code: str | None = None


@dataclass(frozen=True)
class Recipe:
    """The paper's training values, and a default for a laptop.

    Args:
        source: Where in the paper (or its code) the values stand.
        batch_size: The paper's.
        epochs: The paper's; None where it counts otherwise.
        players: For each player, a function `(scale, epochs) -> keras.optimizers.Optimizer` that builds the paper's
            optimizer with its schedule, its rate times `scale`.
        laptop: For each player, a function `() -> keras.optimizers.Optimizer`: what a bare `compile()` takes.
        values: Further values of the paper, by name.
    """

    source: str
    batch_size: int
    epochs: int | None
    players: dict[str, Callable]
    laptop: dict[str, Callable]
    values: dict = field(default_factory=dict)

    def optimizer(self, batch_size=None, epochs=None, scaling="linear"):
        """The paper's optimizer and schedule, its rate scaled to the batch.

        Args:
            batch_size: Of the run; the paper's by default.
            epochs: Of the run; the paper's by default. Warm-ups that the paper counts in epochs keep their number.
            scaling: How the rate follows the batch where the paper scales it: "linear", or "sqrt", the square root. Both
                give the paper's rate at the paper's batch (SimCLR's 0.3 B / 256 and 0.075 sqrt(B), appendix B.1).

        Returns:
            A `keras.optimizers.Optimizer`, or a dict of them by player.
        """
        powers = {"linear": 1.0, "sqrt": 0.5}
        if scaling not in powers:
            raise ValueError(f'`scaling` must be "linear" or "sqrt". Received: scaling={scaling!r}.')
        scale = ((batch_size or self.batch_size) / self.batch_size) ** powers[scaling]
        return _unwrap({name: build(scale, epochs or self.epochs) for name, build in self.players.items()})

    def default_optimizer(self):
        """The laptop default: an optimizer, or a dict of them by player."""
        return _unwrap({name: build() for name, build in self.laptop.items()})


def _unwrap(optimizers):
    return next(iter(optimizers.values())) if len(optimizers) == 1 else optimizers


def lars(peak, weight_decay, warmup_epochs):
    """A builder of LARS with this rate at the paper's batch, a linear warm-up in epochs, and a cosine to 0."""

    def build(scale, epochs):
        warmup = min(warmup_epochs / epochs, 0.5)  # a run shorter than twice the paper's warm-up warms up for its half
        return LARS(WarmupCosine(peak * scale, warmup=warmup), momentum=0.9, weight_decay=weight_decay)

    return build


def adamw(peak, weight_decay, warmup_epochs, end=0.0, **options):
    """A builder of AdamW with this rate at the paper's batch, a linear warm-up in epochs, and a cosine to `end`.

    Args:
        peak: Learning rate.
        weight_decay: Number, or (first, last) of a cosine over the run.
        warmup_epochs: Of the learning rate.
        end: Learning rate at the end of the run.
        **options: Of `optimizers.AdamW`.
    """

    def build(scale, epochs):
        decay = WarmupCosine(weight_decay[0], end=weight_decay[1]) if isinstance(weight_decay, tuple) else weight_decay
        warmup = min(warmup_epochs / epochs, 0.5)
        return AdamW(WarmupCosine(peak * scale, warmup=warmup, end=end), weight_decay=decay, **options)

    return build


def adam(learning_rate, beta_1=0.9):
    """A builder of Adam, whatever the batch size and the epochs."""
    return lambda *_: keras.optimizers.Adam(learning_rate, beta_1=beta_1)
