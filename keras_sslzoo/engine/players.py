"""Several players, one optimizer each, behind the one `model.optimizer` that Keras' fit, saving and callbacks know."""

import contextlib
from dataclasses import dataclass

import keras
from keras import ops

from keras_sslzoo.optimizers import RunSchedule


@dataclass(frozen=True)
class Player:
    """Who minimises what: a name, a Keras optimizer, and the variables that it moves."""

    name: str
    optimizer: keras.optimizers.Optimizer
    variables: list

    @property
    def _inner(self):
        return getattr(self.optimizer, "inner_optimizer", self.optimizer)  # of a loss scaler

    @property
    def schedules(self):
        """Those of the learning rate and of the weight decay that follow the run."""
        inner = self._inner
        found = (inner._learning_rate, inner.weight_decay, getattr(inner, "penalty", None))
        return [s for s in found if isinstance(s, RunSchedule)]

    @contextlib.contextmanager
    def pinned(self, progress):
        """While the optimizer moves: its schedules stand at `progress`, a scheduled weight decay is a tensor."""
        optimizer, decay = self._inner, self._inner.weight_decay
        for schedule in self.schedules:
            schedule.pin(progress)
        try:
            if isinstance(decay, RunSchedule):
                optimizer.weight_decay = decay.value(progress)
            yield
        finally:
            optimizer.weight_decay = decay
            for schedule in self.schedules:
                schedule.pin(None)

    def gradient_norm(self, gradients):
        """The length of all gradients together as the loss has them: not scaled, clipped or accumulated. float32 scalar."""
        squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in gradients if g is not None]
        return ops.sqrt(sum(squares)) / ops.cast(self.optimizer.scale_loss(1.0), "float32")

    @property
    def averages_weights(self):
        """Whether the optimizer keeps an average of the weights (`use_ema`) that ends up in them."""
        return self._inner.use_ema

    @contextlib.contextmanager
    def watched(self):
        """Gives a function that tells, after the optimizer was called, whether it made a real update: a boolean scalar, or
        None where it always does. Accumulation waits, and a loss scaler skips gradients that are not finite."""
        inner, steps = self._inner, self._inner.gradient_accumulation_steps or 1
        scaled = inner is not self.optimizer
        if steps == 1 and not scaled:
            yield lambda: None
            return
        before = ops.copy(inner._iterations.value)

        def moved():
            after = inner._iterations.value
            return ops.logical_and(ops.not_equal(after, before), ops.equal(after % steps, 0))

        yield moved


class ByPlayer(dict):
    """Optimizers by player's name; iterating gives the optimizers, as Keras' callbacks expect of `.optimizers`."""

    def __iter__(self):
        return iter(self.values())


@keras.saving.register_keras_serializable("keras_sslzoo")
class Players(keras.optimizers.Optimizer):
    """One optimizer for each player of a game, as one Keras optimizer whose variables are the union of theirs.

    `optimizers["generator"].learning_rate = 1e-4` sets one player's rate. Keras' learning-rate callbacks act on each
    player in turn and log `learning_rate_generator` and so on.

    Args:
        optimizers: Dict from player's name to a Keras optimizer.
        name: Of this optimizer.
    """

    def __init__(self, optimizers, name="players"):
        super().__init__(learning_rate=0.0, name=name)
        self._players = dict(optimizers)

    @property
    def optimizers(self):
        """`ByPlayer`: the optimizers by player's name."""
        return ByPlayer(self._players.items())

    def build_players(self, variables):
        """Build each player's optimizer for its variables, a dict of lists by player's name."""
        for name, optimizer in self._players.items():
            optimizer.name = name
            optimizer.build(variables[name])
        self._groups = {name: [id(v) for v in group] for name, group in variables.items()}
        self._trainable_variables = [v for group in variables.values() for v in group]
        self.built = True

    def build(self, variables):
        """Keras calls this after loading; the method has called `build_players` by then."""

    @property
    def variables(self):
        """Own iteration count, then the variables of each player's optimizer."""
        return self._variables[:] + [v for optimizer in self._players.values() for v in optimizer.variables]

    @property
    def learning_rate(self):
        """Each player has its own: this raises."""
        raise AttributeError(
            f"Each player has its own learning rate. Received: a request for one rate of {list(self._players)}. Use "
            f"`model.optimizer.optimizers['{next(iter(self._players))}'].learning_rate`."
        )

    @learning_rate.setter
    def learning_rate(self, value):
        """Each player has its own: this raises."""
        raise AttributeError(
            f"Each player has its own learning rate. Received: {value} for {list(self._players)}. Set "
            f"`model.optimizer.optimizers['{next(iter(self._players))}'].learning_rate`."
        )

    def finalize_variable_values(self, var_list):
        """Keras' hook at the end of `fit`, passed on to each player: its averages stand in the order of its variables."""
        by_id = {id(v): v for v in var_list}
        for name, optimizer in self._players.items():
            optimizer.finalize_variable_values([by_id[i] for i in self._groups[name] if i in by_id])

    @property
    def iterations(self):
        """Of the player that moves last."""
        return list(self._players.values())[-1].iterations

    def save_own_variables(self, store):
        """Nothing: the players' optimizers save themselves."""

    def load_own_variables(self, store):
        """See `save_own_variables`."""

    def get_config(self):
        """The players' configs."""
        players = {name: keras.saving.serialize_keras_object(o) for name, o in self._players.items()}
        return {"optimizers": players, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The optimizer of `get_config`."""
        load = keras.saving.deserialize_keras_object
        players = {name: load(o, custom_objects=custom_objects) for name, o in config["optimizers"].items()}
        return cls(players, name=config["name"])


def portable(config):
    """A serialised optimizer that loads on every backend.

    On torch, Keras' optimizers are instances of private subclasses, and files name those.
    """
    if isinstance(config, dict):
        config = {key: portable(value) for key, value in config.items()}
        if str(config.get("module", "")).startswith("keras.src.backend.torch.optimizers"):
            config |= {"module": "keras.optimizers", "registered_name": None}
    return config
