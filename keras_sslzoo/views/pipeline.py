"""Operations in sequence, and several views of one batch.

    images (B, H, W, C) --MultiView--> view 1 (B, h1, w1, C), ..., view n (B, hn, wn, C)

All parameters of all views come from one draw per step, `(B, draws)`: the generator costs a hundred small operations
however many numbers it returns.
"""

import keras

from keras_sslzoo.views.base import View


def _parts(name, parts):
    parts = tuple(parts) if isinstance(parts, (list, tuple)) else (parts,)
    wrong = [part for part in parts if not isinstance(part, View) or isinstance(part, _Several)]
    if not parts or wrong:
        raise ValueError(
            f"`{name}` must be a list of view operations or pipelines, such as `RandomFlip(0.5)`. "
            f"Received: {name}={wrong or parts}."
        )
    return parts


def _shares(parts, u):
    """Each part with its columns of the uniforms."""
    first = 0
    for part in parts:
        yield part, u[:, first : first + part.draws]
        first += part.draws


@keras.saving.register_keras_serializable("keras_sslzoo")
class Pipeline(View):
    """Operations applied one after the other: one view.

    Args:
        operations: list of operations.
    """

    def __init__(self, operations):
        self.operations = _parts("operations", operations)

    @property
    def draws(self):
        """Uniforms per sample of all operations."""
        return sum(operation.draws for operation in self.operations)

    def apply(self, images, u):
        """Apply the operations in order."""
        for operation, share in _shares(self.operations, u):
            images = operation.apply(images, share)
        return images


class _Several(View):
    """One view for each of `pipelines`."""

    pipelines = ()

    @property
    def draws(self):
        """Uniforms per sample of all views."""
        return sum(pipeline.draws for pipeline in self.pipelines)

    def apply(self, images, u):
        """(B, H, W, C) -> tuple of (B, h, w, C), one for each pipeline."""
        return tuple(pipeline.apply(images, share) for pipeline, share in _shares(self.pipelines, u))


@keras.saving.register_keras_serializable("keras_sslzoo")
class MultiView(_Several):
    """Several views of each image, a tuple; they may differ in their operations and sizes.

    Args:
        pipelines: list of pipelines (or single operations), one for each view.
    """

    def __init__(self, pipelines):
        self.pipelines = _parts("pipelines", pipelines)


@keras.saving.register_keras_serializable("keras_sslzoo")
class MultiCrop(_Several):
    """Multi-crop (Caron et al. 2020, arXiv:2006.09882, section 3.2): a few large views and many small ones, a tuple.

    Methods tell them apart by their size: a view of the first one's size is global.

    Args:
        global_views: list of pipelines, one for each large view.
        local_view: pipeline of a small view.
        num_local: number of small views.
    """

    def __init__(self, global_views, local_view, num_local=6):
        if not isinstance(num_local, int) or num_local < 0:
            raise ValueError(f"`num_local` must be an int of at least 0. Received: num_local={num_local}.")
        self.global_views = _parts("global_views", global_views)
        (self.local_view,) = _parts("local_view", local_view)
        self.num_local = num_local

    @property
    def pipelines(self):
        """One for each view: the global ones first."""
        return (*self.global_views, *(self.local_view,) * self.num_local)
