"""Layer-wise learning-rate decay: the lower a layer, the smaller its steps, so that fine-tuning keeps what it learned."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class ScaledUpdates(keras.optimizers.Optimizer):
    """Another optimizer whose step is multiplied by a constant for each variable: w <- w + s * (step of the optimizer).

    For every optimizer whose step is proportional to its learning rate this is a learning rate for each variable. It also
    scales decoupled weight decay, as parameter groups with a rate of their own do.

    Args:
        inner_optimizer: Keras optimizer without `use_ema`, whose average would not see the scaling.
        scales: One number for each variable that is trained, in the order of `model.trainable_variables`; see
            `layer_decay`.
        name: Of this optimizer.
    """

    def __init__(self, inner_optimizer, scales, name="scaled_updates"):
        if inner_optimizer.use_ema:
            raise ValueError("`inner_optimizer` must not average weights. Received: use_ema=True. Leave it out.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.scales = [float(s) for s in scales]

    def build(self, variables):
        """Build the inner optimizer; there must be a scale for each variable."""
        if self.built:
            return
        if len(variables) != len(self.scales):
            raise ValueError(
                "`scales` must hold one number for each variable that is trained. Received: "
                f"{len(self.scales)} scales for {len(variables)} variables. Set `trainable` before counting them."
            )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self):
        """Own, then the inner optimizer's."""
        return self._variables[:] + self.inner_optimizer.variables

    def apply(self, grads, trainable_variables=None):
        """Let the inner optimizer move the variables, then take them back part of the way."""
        if not self.built:
            self.build(list(trainable_variables))
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        scales = [self.scales[self._get_variable_index(v)] for v in variables]
        before = [None if s == 1.0 else ops.copy(v.value) for v, s in zip(variables, scales, strict=True)]
        self.inner_optimizer.apply(grads, variables)
        for variable, start, scale in zip(variables, before, scales, strict=True):
            if start is not None:
                variable.assign(start + ops.cast(scale, start.dtype) * (variable.value - start))

    @property
    def learning_rate(self):
        """The inner optimizer's: of variables with scale 1."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self):
        """The inner optimizer's."""
        return self.inner_optimizer.iterations

    def get_config(self):
        """The constructor's arguments."""
        inner = keras.saving.serialize_keras_object(self.inner_optimizer)
        return {"inner_optimizer": inner, "scales": self.scales, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The optimizer of `get_config`."""
        load = keras.saving.deserialize_keras_object
        inner = load(config["inner_optimizer"], custom_objects=custom_objects)
        return cls(inner, config["scales"], config["name"])


MOST_GROUPS = 12


def layer_groups(model):
    """The layers with trainable weights from the input to the output, in groups that share a learning rate.

    Where the model has blocks (layers that hold other layers), each block is a group, with the plain layers that follow it;
    what stands before the first block is the group below, and what follows the last block trains like a head: BEiT's rule
    (Bao et al. 2022, arXiv:2106.08254; microsoft/unilm, beit/optim_factory.py). Without blocks a group begins at each layer
    with a kernel; where that makes more than 12, neighbours are joined to 12 (facebookresearch/ConvNeXt, optim_factory.py).

    Returns:
        List of lists of layers. The last list holds what trains like a head, and may be empty.
    """
    parts = [layer for layer in _parts(model) if layer.trainable_weights]
    with_blocks = any(_children(layer) for layer in parts)
    groups = []
    for layer in parts:
        begins = bool(_children(layer)) if with_blocks else any(len(w.shape) > 1 for w in layer.trainable_weights)
        if begins or not groups:
            groups.append([])
        groups[-1].append(layer)
    if with_blocks:
        return [*groups[:-1], groups[-1][:1], groups[-1][1:]]
    cuts = np.array_split(np.arange(len(groups)), min(len(groups), MOST_GROUPS)) if groups else []
    return [[layer for i in cut for layer in groups[i]] for cut in cuts] + [[]]


def layer_decay(model, decay):
    """Scales for `ScaledUpdates`: `decay ** k` for the k-th group of `layer_groups` below the head, whose scale is 1.

    Args:
        model: Built Keras model, an encoder.
        decay: In (0, 1]. MAE fine-tunes ViT-B with 0.65, BEiT with 0.65 to 0.85.

    Returns:
        List of floats, one for each of `model.trainable_variables`.
    """
    if not 0.0 < decay <= 1.0:
        raise ValueError(
            f"`decay` must lie in (0, 1]. Received: decay={decay}. The papers use 0.65 to 0.85; 1 is none."
        )
    groups = layer_groups(model)
    scales = {}
    for height, group in enumerate(reversed(groups)):
        scales |= {id(w): decay**height for layer in group for w in layer.trainable_weights}
    lowest = decay ** (len(groups) - 1)  # of a weight of the model itself, such as a token
    return [scales.get(id(w), lowest) for w in model.trainable_variables]


def _children(layer):
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _parts(layer):
    """Layers from the input to the output, models and stacks of blocks taken apart."""
    children = _children(layer)
    kinds = [type(child) for child in children if _children(child)]
    if isinstance(layer, keras.Model) or len(kinds) > len(set(kinds)):
        return [part for child in children for part in _parts(child)]
    return [layer]
