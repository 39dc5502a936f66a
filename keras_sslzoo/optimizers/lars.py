"""LARS: a learning rate for each layer, so that very large batches train."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class LARS(keras.optimizers.Optimizer):
    """Layer-wise adaptive rate scaling.

        g <- g + weight_decay * w
        r  = trust * ||w|| / ||g||          (1 where either norm is 0)
        m <- momentum * m + learning_rate * r * g
        w <- w - m

    Variables with at most one axis (biases, scales and shifts of norms) have neither weight decay nor adaptation: r = 1.

    Args:
        learning_rate: Number or schedule. The papers scale it with the batch: 0.3 * batch_size / 256 in SimCLR.
        momentum: Of the velocity m.
        weight_decay: L2 penalty's factor, inside the gradient as the paper has it (not decoupled). Number or schedule;
            `exclude_from_weight_decay` takes out more variables.
        trust: The trust coefficient (eta).
        name, **kwargs: As in `keras.optimizers.Optimizer`.

    Source: You, Gitman, Ginsburg 2017, arXiv:1708.03888, algorithm 1; the exclusions and the default trust coefficient
    follow google-research/simclr.
    """

    def __init__(self, learning_rate=0.3, momentum=0.9, weight_decay=1e-6, trust=1e-3, name="lars", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must lie in [0, 1). Received: momentum={momentum}. The papers use 0.9.")
        self.momentum = momentum
        if isinstance(weight_decay, dict):  # from a file
            weight_decay = keras.saving.deserialize_keras_object(weight_decay)
        self.penalty = weight_decay  # not `self.weight_decay`: Keras would apply that decoupled, to every variable
        self.trust = trust

    def build(self, variables):
        """Create one velocity a variable."""
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        """Keras' hook: update one variable."""
        velocity = self.velocities[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        if len(variable.shape) > 1:
            if self._use_weight_decay(variable):
                penalty = self.penalty(self._iterations) if callable(self.penalty) else self.penalty
                gradient = gradient + ops.cast(penalty, variable.dtype) * variable
            weight_norm, gradient_norm = (ops.sqrt(ops.sum(ops.square(t))) for t in (variable, gradient))
            adapt = ops.logical_and(weight_norm > 0, gradient_norm > 0)
            ratio = self.trust * weight_norm / ops.where(adapt, gradient_norm, 1.0)
            rate = rate * ops.where(adapt, ratio, 1.0)
        self.assign(velocity, self.momentum * velocity + rate * gradient)
        self.assign_sub(variable, velocity)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "weight_decay": self.penalty,
            "trust": self.trust,
        }
