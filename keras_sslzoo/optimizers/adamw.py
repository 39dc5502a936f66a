"""AdamW as vision transformers are trained with: biases and norms do not decay."""

import keras

# Keras' own has a class for each backend (fused updates on torch); only `__new__`, as an instance would make variables
_BackendAdamW = type(keras.optimizers.AdamW.__new__(keras.optimizers.AdamW))


@keras.saving.register_keras_serializable("keras_sslzoo")
class AdamW(_BackendAdamW):
    """`keras.optimizers.AdamW` that spares variables with at most one axis (biases, scales, shifts) the weight decay.

    `exclude_from_weight_decay` of Keras' own does it too, but `.keras` files do not hold what it was told.

    Args:
        learning_rate: Number or schedule.
        weight_decay: Decoupled, times the learning rate as in Keras and torch. Number or schedule, such as
            `WarmupCosine(0.04, end=0.4)`.
        **kwargs: As in `keras.optimizers.AdamW`.

    Source: Loshchilov and Hutter 2017, arXiv:1711.05101, algorithm 2; the exclusions as in facebookresearch/dino.
    """

    def __init__(self, learning_rate=1e-3, weight_decay=0.04, **kwargs):
        if isinstance(weight_decay, dict):  # from a file
            weight_decay = keras.saving.deserialize_keras_object(weight_decay)
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, **kwargs)

    def _use_weight_decay(self, variable):
        return len(variable.shape) > 1 and super()._use_weight_decay(variable)

    def _apply_weight_decay(self, variables):
        if any(self._use_weight_decay(v) for v in variables):  # Keras on torch refuses an empty list
            super()._apply_weight_decay(variables)
