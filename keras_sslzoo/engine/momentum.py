"""Target networks: copies that follow a network by an exponential moving average and never see a gradient."""

import keras

from keras_sslzoo import backend


def momentum_copy(net, name, dropout=True):
    """A copy of `net`, equal weights, none of them trainable.

    Each variable is marked, not the layer: `layer.trainable = False` would put batch norm into inference mode. Without
    `dropout`, layers that drop units or paths drop nothing in the copy.
    """
    with keras.name_scope(name):  # so that variable paths stay unique in the method
        copy = keras.models.clone_model(net)
    copy.set_weights(net.get_weights())  # through NumPy: sharing a buffer breaks donation on JAX
    freeze(copy)
    if not dropout:
        for layer in copy._flatten_layers():
            if "drop" in type(layer).__name__.lower() and hasattr(layer, "rate"):
                layer.rate = 0.0
    return copy


def freeze(net):
    """Mark every weight of `net` as not trainable, without touching the mode of its layers."""
    for weight in net.weights:
        weight.trainable = False


def momentum_update(targets, sources, decay, statistics=False):
    """target <- decay * target + (1 - decay) * source, for what is trained in each source network.

    A target that is run in training, as BYOL's and DINO's are, keeps running statistics of batch norm of its own, as in
    the official codes. One that only predicts sees no data to count: average them with the weights.

    Args:
        targets: Networks made by `momentum_copy`.
        sources: The networks that they follow.
        decay: Scalar in [0, 1].
        statistics: Whether the running statistics follow too, as in BigGAN's averaged generator (ajbrock/BigGAN-PyTorch:
            utils.py).
    """
    pairs = [
        (target, source)
        for target_net, source_net in zip(targets, sources, strict=True)
        for target, source in zip(target_net.weights, source_net.weights, strict=True)
        if source.trainable or (statistics and keras.backend.is_float_dtype(source.dtype))
    ]
    backend.ema_update([t for t, _ in pairs], [s for _, s in pairs], decay)
