"""The base class of every method: one training step for three backends, under Keras' own `fit`.

    fit(data) -> prepare(x, y) -> step(inputs) -> minimize(player, objective) ... -> after_update()
                 cast, views      one a player     gradients, optimizer              EMA, queue, centre

A method file says what is particular to its paper: `objective` (the equation), for games `step` (who moves when), and
`after_update` (what moves without a gradient). The rest is here, once.
"""

import random
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.data.batches import Batches, OrderedBatches, number_of_samples
from keras_sslzoo.data.huggingface import HuggingFaceImages, is_huggingface
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.logs import Logs
from keras_sslzoo.engine.momentum import freeze
from keras_sslzoo.engine.players import Player, Players, portable
from keras_sslzoo.ops.config import deserialize_config, signature_config
from keras_sslzoo.ops.random import Key, stream


@dataclass
class _Now:
    """What holds while a step is run or traced: kept off the model, whose attributes Keras watches."""

    training: bool = False  # a training step, not an evaluation
    sample_weight: object = None
    moved: object = None  # whether the last optimizer made a real update: a boolean scalar, None for always
    reads_progress: bool = False  # some schedule follows the run
    run_known: bool = False  # the run has a length
    gradient_norms: bool = False  # training steps log the length of their gradients


class Method(backend.TrainStep, keras.Model):
    """A method of self-supervised or generative learning, trained by `compile(); fit(data)` on every Keras backend.

    A subclass defines `call` (inference) and `objective`, and may define `prepare`, `step`, `after_update`,
    `player_networks`, `frozen_networks`, `log_names`, `full_batches` and `needs_targets`. Each constructor argument must
    be an attribute of the same name: the config is derived from the signature.

    Args:
        value_range: `(low, high)` of float data, mapped to [0, 1]; uint8 always is. None: any values, left as they are.
        seed: Of views, noise and order. Drawn from Keras' global seed where None.
        **kwargs: `name`, `dtype`, `trainable` as in `keras.Model`.
    """

    paper = None
    recipe = None
    log_names = ()
    full_batches = False
    needs_targets = False  # whether `fit` takes (x, y) with a y that is no label
    smallest_batch = 1
    batch_size = 32

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable(cls.__module__.split(".")[0])(cls)

    def __init__(self, value_range=None, seed=None, **kwargs):
        if value_range is not None and not (len(value_range) == 2 and value_range[0] < value_range[1]):
            raise ValueError(
                f"`value_range` must be (low, high) with low < high, or None. Received: value_range={value_range}."
            )
        super().__init__(**kwargs)
        self.value_range = None if value_range is None else tuple(value_range)
        self.seed = random.randint(1, 2**31 - 1) if seed is None else int(seed)
        self._rng_seed = self._counter("rng_seed", self.seed)
        self._steps = self._counter("steps")  # batches trained on, real updates or not
        self._test_steps = self._counter("test_steps")  # batches of the current evaluation
        self._run_start = self._counter("run_start")  # value of `_steps` at progress 0
        self._run_steps = self._counter("run_steps")  # steps from progress 0 to 1
        self._now = _Now()
        self._reports = None
        self.built = True  # each part is built by the constructor

    def _counter(self, name, value=0):
        return self.add_weight(
            shape=(), dtype="int32", initializer=keras.initializers.Constant(value), trainable=False, name=name
        )

    # ---- what a method defines ---------------------------------------------------------------------------------------

    def objective(self, inputs, training=True):
        """The paper's loss.

        Args:
            inputs: What `prepare` returned.
            training: Passed on to the networks.

        Returns:
            `(loss, logs)`: the loss `(B,)` where it is a mean over samples, else a scalar; logs a dict of such tensors.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `objective(inputs, training)`.")

    def prepare(self, x, y):
        """From a batch to what `objective` and `step` take. Nothing here is differentiated."""
        return self.to_unit_range(x)

    def step(self, inputs, training=True):
        """One step of training: which player minimises what, in which order. Returns the logs."""
        return self.minimize("model", lambda: self.objective(inputs, training))

    def after_update(self):
        """What moves after the optimizer did, without a gradient: targets, queues, centres."""

    def player_networks(self):
        """Dict from a player's name to the network (or layer) whose trainable weights it owns."""
        return {"model": self}

    def frozen_networks(self):
        """Networks none of whose weights is ever trained by gradient (targets)."""
        return []

    def to_arrays(self, x):
        """What batches are made of, on the host, from what the user passed: a method of texts tokenises them."""
        return x

    def check_input(self, x):
        """Refuse a batch or an array of data that the method cannot take. NumPy in, nothing out."""

    def check_targets(self, x, y):
        """Refuse targets that the method cannot take; labels that it ignores are no targets. NumPy in, nothing out."""

    # ---- compile -----------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer=None,
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Configure training.

        Args:
            optimizer: Keras optimizer or its name; for several players a dict from player's name to optimizer. None
                takes the method's laptop default, `recipe.default_optimizer()`.
            loss, loss_weights, metrics, weighted_metrics: Not taken: the method is the loss.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: As in `keras.Model.compile`.
        """
        given = {
            "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None}
        if given:
            name, value = next(iter(given.items()))
            raise ValueError(
                f"{type(self).__name__} is its own loss, so `compile` takes no `{name}`. Received: {name}={value!r}. To "
                "change the loss, subclass the method and override `objective`; to measure more, use a callback."
            )
        if backend.name == "torch" and steps_per_execution > 1:
            raise ValueError(
                "`steps_per_execution` must be 1 on torch, where Keras runs each step by itself. Received: "
                f"steps_per_execution={steps_per_execution}. Leave it out, or use KERAS_BACKEND=jax or tensorflow."
            )
        unbuilt = [layer.name for layer in self._flatten_layers(include_self=False) if not layer.built]
        if unbuilt:
            raise ValueError(
                "Every layer must be built before `compile`, or its weights would not be trained. Received: "
                f"{type(self).__name__} with the unbuilt {', '.join(unbuilt)}. Begin each network with "
                "`keras.layers.Input`, or call `layer.build(shape)`."
            )
        for net in self.frozen_networks():
            freeze(net)  # again: `model.trainable = True` would have undone it
        variables = {player: list(net.trainable_variables) for player, net in self.player_networks().items()}
        for player, owned in variables.items():
            if not owned:
                raise ValueError(
                    f"There must be something to train. Received: the player {player!r} of {type(self).__name__} without a "
                    "trainable weight. Set `trainable = True` on some of its layers."
                )
        optimizers = self._optimizers_by_player(optimizer, list(variables))
        for o in optimizers.values():
            if isinstance(o.weight_decay, dict):  # from a file: Keras restores schedules of the learning rate only
                o.weight_decay = keras.saving.deserialize_keras_object(o.weight_decay)
            backend.fuse_updates(o)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            scaler = keras.optimizers.LossScaleOptimizer
            optimizers = {p: o if isinstance(o, scaler) else scaler(o) for p, o in optimizers.items()}
        if len(optimizers) == 1:
            (player,) = optimizers
            optimizer = optimizers[player]
            optimizer.build(variables[player])
        else:
            optimizer = Players(optimizers)
            optimizer.build_players(variables)
        if jit_compile is True:
            backend.prepare_compilation(self)
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=False,
        )
        self._loss_tracker = None
        self._players = [Player(name, optimizers[name], variables[name]) for name in variables]
        self._watch_gradients(self._now.gradient_norms)
        self._schedules = [schedule for player in self._players for schedule in player.schedules]
        for schedule in self._schedules:
            schedule.bind(lambda: self.progress)
        self._now.reads_progress = bool(self._schedules)
        self._compile_options = {
            "run_eagerly": run_eagerly,
            "jit_compile": jit_compile,
            "steps_per_execution": steps_per_execution,
            "auto_scale_loss": auto_scale_loss,
        }

    def _optimizers_by_player(self, optimizer, players):
        if optimizer is None:
            if self.recipe is None:
                raise ValueError(
                    f"{type(self).__name__} has no recipe, so `compile` needs an optimizer. Received: optimizer=None."
                )
            optimizer = self.recipe.default_optimizer()
        if isinstance(optimizer, Players):
            optimizer = dict(optimizer.optimizers.items())
        name = type(self).__name__
        if len(players) == 1:
            if isinstance(optimizer, dict):
                raise ValueError(
                    f"{name} has one player, so `compile` takes one optimizer. Received: a dict with the keys "
                    f"{list(optimizer)}. Pass the optimizer itself."
                )
            return {players[0]: keras.optimizers.get(optimizer)}
        if not isinstance(optimizer, dict) or set(optimizer) != set(players):
            received = f"keys {list(optimizer)}" if isinstance(optimizer, dict) else repr(optimizer)
            if isinstance(optimizer, dict):
                odd = sorted(set(optimizer) ^ set(players), key=str)
                received += (
                    f", of which {', '.join(map(str, odd))} {'is' if len(odd) == 1 else 'are'} unknown or missing"
                )
            example = ", ".join(f'"{p}": keras.optimizers.Adam(2e-4)' for p in players)
            raise ValueError(
                f"{name} has the players {', '.join(players)}, and `compile` takes one optimizer for each. Received: "
                f"{received}. Pass optimizer={{{example}}}."
            )
        optimizers = {player: keras.optimizers.get(optimizer[player]) for player in players}
        if len({id(o) for o in optimizers.values()}) < len(players):
            raise ValueError(
                f"Each player of {name} needs an optimizer of its own. Received: one object for several players. "
                "Create one optimizer for each."
            )
        return optimizers

    def _log_name(self, name, player):
        """Of a log that each player has."""
        return name if len(self.player_networks()) == 1 else f"{player}_{name}"

    def _report_names(self):
        return [*(self._log_name("loss", player) for player in self.player_networks()), *self.log_names]

    def _watch_gradients(self, on):
        """Whether training steps log the length of each player's gradient; the steps are compiled anew."""
        self._now.gradient_norms = on
        norms = [self._log_name("gradient_norm", player.name) for player in self._players] if on else []
        self._reports = Logs(type(self).__name__, self._report_names(), of_training=norms)
        self.train_function = self.test_function = None

    def get_compile_config(self):
        """What `compile` was called with; not what `jit_compile="auto"` became on this backend."""
        if not self.compiled:
            return None
        return {"optimizer": portable(keras.saving.serialize_keras_object(self.optimizer)), **self._compile_options}

    def compile_from_config(self, config):
        """Compile a loaded model as the saved one was."""
        options = {name: value for name, value in config.items() if name != "optimizer"}
        if backend.name == "torch":
            options["steps_per_execution"] = 1
        self.compile(optimizer=keras.saving.deserialize_keras_object(config["optimizer"]), **options)

    # ---- one step ----------------------------------------------------------------------------------------------------

    @property
    def state(self):
        """Every variable that a step may read or write, each once."""
        optimizer = self.optimizer.variables if self.compiled else []
        return list({id(v): v for v in [*self.variables, *optimizer, *self.metrics_variables]}.values())

    @property
    def metrics(self):
        """The running means that `fit` and `evaluate` report."""
        return list(self._reports.means.values()) if self._reports else []

    def minimize(self, player, objective, hold=()):
        """Move one player down the gradient of its loss; in `evaluate`, only compute the loss.

        Args:
            player: Name, a key of `player_networks()`.
            objective: Function `() -> (loss, logs)`, see `Method.objective`.
            hold: Pairs `(variables, predicate)`: while the boolean scalar is true these variables do not move at all, by
                gradient, momentum or weight decay.

        Returns:
            Dict of scalars: the loss (`loss`, or `<player>_loss` where there are several) and the logs.
        """
        by_name = {p.name: p for p in self._players}
        if player not in by_name:
            raise ValueError(f"`minimize` takes a player, {' or '.join(by_name)}. Received: player={player!r}.")
        player = by_name[player]
        optimizer, variables = player.optimizer, player.variables
        log_name = self._log_name("loss", player.name)

        def scalars():
            loss, logs = objective()
            loss = self._mean(loss, weighted=True)
            for v in variables:
                if v.regularizer is not None:
                    loss = loss + ops.cast(v.regularizer(v), "float32")
            return loss, {log_name: loss, **{name: self._mean(value) for name, value in logs.items()}}

        if not self._now.training:
            return scalars()[1]

        def scaled():
            loss, logs = scalars()
            return optimizer.scale_loss(loss), logs

        (_, logs), gradients = backend.value_and_grad(self, scaled, variables)
        if self._now.gradient_norms:
            logs[self._log_name("gradient_norm", player.name)] = player.gradient_norm(gradients)
        held = {id(v): predicate for group, predicate in hold for v in group}
        before = {id(v): ops.copy(v.value) for v in variables if id(v) in held}
        gradients = [
            ops.where(held[id(v)], ops.zeros_like(g), g) if id(v) in held and g is not None else g
            for v, g in zip(variables, gradients, strict=True)
        ]
        with player.watched() as moved, player.pinned(self.progress if self._schedules else None):
            backend.apply_gradients(optimizer, gradients, variables)
            self._now.moved = moved()
        for v in variables:
            if id(v) in held:
                v.assign(ops.where(held[id(v)], before[id(v)], v.value))
        return logs

    def _mean(self, value, weighted=False):
        value = ops.cast(value, "float32")
        weight = self._now.sample_weight if weighted else None
        if weight is not None:
            if len(value.shape) == 0:
                raise ValueError(
                    f"The loss of {type(self).__name__} is not a mean over samples, so `sample_weight` and "
                    "`class_weight` have no meaning in it. Received: sample weights. Leave them out."
                )
            value = value * ops.cast(weight, "float32")
        return ops.mean(value)

    def run_train_step(self, data):
        """One training step on a batch as Keras delivers it; returns the running means of the logs."""
        self._now.training = True
        try:
            logs, batch_size = self._run(data, training=True)
            if self._now.moved is None:
                self.after_update()
            else:
                backend.update_if(self, self._now.moved, self.after_update)
            self._steps.assign_add(1)
        finally:
            self._now.training, self._now.moved = False, None
        return self._reports.update(logs, batch_size)

    def run_test_step(self, data):
        """The logs of a batch without any update, in inference mode, with views and noise from a fixed seed."""
        logs, batch_size = self._run(data, training=False)
        self._test_steps.assign_add(1)
        return self._reports.update(logs, batch_size)

    def _run(self, data, training):
        x, y, self._now.sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        try:
            inputs = self.prepare(x, y)
            batch_size = ops.shape(keras.tree.flatten(x)[0])[0]
            return self.step(inputs, training=training), batch_size
        finally:
            self._now.sample_weight = None

    @property
    def key(self):
        """What the random draws of this step depend on: see `keras_sslzoo.ops.random`."""
        if self._now.training:
            return Key(self._rng_seed.value, self._steps.value)
        return Key(ops.bitwise_xor(self._rng_seed.value, stream("evaluate")), self._test_steps.value)

    def to_unit_range(self, x):
        """Floats as float32, `value_range` mapped to [0, 1]; uint8 divided by 255. `(B, ...)` -> `(B, ...)`."""
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype == "uint8":
            return ops.cast(x, "float32") / 255.0
        x = ops.cast(x, "float32")
        if self.value_range in (None, (0, 1)):
            return x
        low, high = self.value_range
        return (x - low) / (high - low)

    # ---- progress of the run -----------------------------------------------------------------------------------------

    @property
    def progress(self):
        """Where the run stands, a float32 scalar from 0 (first step) to 1: what schedules read, inside the step."""
        if self._now.training:
            self._now.reads_progress = True
            self._require_run_length()
        passed = ops.cast(self._steps.value - self._run_start.value, "float32")
        total = ops.cast(ops.maximum(self._run_steps.value, 1), "float32")
        return ops.clip(passed / total, 0.0, 1.0)

    def set_run_length(self, steps, position=0):
        """Say how long the run is: `fit` does it; with `train_on_batch` call it once before.

        Args:
            steps: Training steps (batches) from progress 0 to progress 1.
            position: Steps of them that are already done.
        """
        self._now.run_known = True
        self._run_steps.assign(int(steps))
        self._run_start.assign(int(ops.convert_to_numpy(self._steps.value)) - int(position))

    def _require_run_length(self):
        if not self._now.run_known:
            raise ValueError(
                f"{type(self).__name__} follows schedules over the whole run, so it must know how long the run is. "
                "Received: data without a length. Pass `steps_per_epoch=` to `fit`, or with `train_on_batch` call "
                "`model.set_run_length(steps)` first."
            )

    # ---- fit, evaluate, predict ----------------------------------------------------------------------------------------

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Train, as `keras.Model.fit`.

        Arrays are shuffled in an order that depends on the seed and the epoch alone; `steps_per_epoch` takes the first
        batches of that order. Where the loss needs full batches an incomplete last one is left out. Validation data smaller
        than a batch are one batch. Schedules run from 0 to 1 over `epochs`, and where `initial_epoch` is given they go on
        from there. Callbacks that add to the logs (`writes_logs`) come before the others, which may read them.
        """
        self._require_compiled("fit")
        if validation_split:
            (x, y, sample_weight), validation_data = self._split(x, y, sample_weight, validation_split, validation_data)
        elif validation_data is not None:
            validation_data = keras.utils.unpack_x_y_sample_weight(validation_data)
        callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks else []
        callbacks.sort(key=lambda callback: not getattr(callback, "writes_logs", False))  # before those that read them
        gradient_norms = any(getattr(callback, "reads_gradient_norm", False) for callback in callbacks)
        if gradient_norms != self._now.gradient_norms:
            self._watch_gradients(gradient_norms)
        first_batch, means = 0, {}
        for callback in callbacks:
            if hasattr(callback, "resume_point"):
                epoch, batch, means = callback.resume_point(self)
                if epoch >= initial_epoch:
                    initial_epoch, first_batch = epoch, batch
        if class_weight is not None and np.ndim(y) != 1 and feed.is_arrays(x):
            raise ValueError(
                "`class_weight` needs the labels of the samples, y of shape (N,). Received: "
                f"{'no y' if y is None else f'y of shape {np.shape(y)}'}. Pass `fit(x, labels, class_weight=...)`."
            )
        data = self._batches(x, y, sample_weight, batch_size, shuffle, "training", keep_labels=class_weight is not None)
        if isinstance(data, OrderedBatches):
            data.limit(steps_per_epoch)
            if first_batch >= len(data):
                raise ValueError(
                    f"A run goes on with the batches it was begun with. Received: a checkpoint after batch {first_batch} of "
                    f"an epoch, and epochs of {len(data)} batches. Use the same data and batch_size, or another folder."
                )
            callbacks.insert(0, feed.EpochOrder(data, initial_epoch, first_batch, means))
            x, y, sample_weight, batch_size, shuffle, steps_per_epoch = data, None, None, None, False, None
        else:
            x = data
        if first_batch and not isinstance(data, OrderedBatches):
            raise ValueError(
                "A run over a data set can go on from the end of an epoch only. Received: a checkpoint in the middle of "
                f'epoch {initial_epoch} and data of type {type(x).__name__}. Use Checkpoint(every="epoch"), or arrays.'
            )
        if validation_data is not None:
            size = validation_batch_size or getattr(data, "batch_size", None)
            if validation_batch_size is None and size and feed.is_arrays(validation_data[0]):
                size = min(size, number_of_samples(validation_data[0]))
            held_out = self._batches(*validation_data, size, False, "validation")
            arrays = isinstance(held_out, OrderedBatches)
            validation_data = held_out if arrays else (held_out, *validation_data[1:])
        steps = feed.length(x, steps_per_epoch)
        self._now.run_known = steps is not None
        if steps is not None:
            self.set_run_length(steps * epochs, position=steps * initial_epoch + first_batch)
        elif self._now.reads_progress:
            self._require_run_length()
        with feed.expect_short_epoch(first_batch > 0):
            history = super().fit(
                x,
                y,
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=[feed.FiniteFirstStep(), *callbacks],
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                sample_weight=sample_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=None if hasattr(validation_data, "num_batches") else validation_batch_size,
                validation_freq=validation_freq,
            )
        for player in self._players:
            if player.averages_weights:
                backend.own_buffers(player.variables)  # Keras assigned each weight its average
        return history

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, **kwargs):
        """The logs on held-out data, as `keras.Model.evaluate`: no update, views and noise from a fixed seed.

        Where the loss needs full batches an incomplete last one is left out, since the loss depends on the batch's size.
        """
        self._require_compiled("evaluate")
        self._test_steps.assign(0)
        if not kwargs.get("_use_cached_eval_dataset"):
            data = self._batches(x, y, sample_weight, batch_size, False, "evaluation")
            x = data
            if isinstance(data, OrderedBatches):
                y, sample_weight, batch_size = None, None, None
        return super().evaluate(
            x, y, batch_size=batch_size, verbose=verbose, sample_weight=sample_weight, steps=steps, **kwargs
        )

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Inference on arrays or a data set, as `keras.Model.predict`, in the order of the samples."""
        x = self.to_arrays(x)
        if is_huggingface(x):
            x, batch_size = HuggingFaceImages(x, batch_size=batch_size or 32, shuffle=False), None
        if isinstance(x, OrderedBatches) and x.shuffle:
            raise ValueError(
                "`predict` returns results in the order of the data, which must not change from epoch to epoch. Received: a "
                f"{type(x).__name__} with shuffle=True. Build it with shuffle=False."
            )
        return super().predict(x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step, as `keras.Model.train_on_batch`; the data are checked as in `fit`."""
        self._require_compiled("train_on_batch")
        x = self.to_arrays(x)
        self._check(x, y)
        return super().train_on_batch(x, y, sample_weight, class_weight, return_dict)

    def inference_input(self, x):
        """What `call` takes, from what a user passes: uint8 scaled, other ranges mapped to [0, 1]."""
        return self.to_unit_range(x) if ops.is_tensor(x) or isinstance(x, np.ndarray) else x

    def __call__(self, x, *args, **kwargs):
        """Inference on a batch: `inference_input`, then `call`."""
        return super().__call__(self.inference_input(x), *args, **kwargs)

    def stateless_call(self, trainable_variables, non_trainable_variables, x, *args, **kwargs):
        """`__call__` with the state as arguments: Keras' `predict` on JAX comes here."""
        x = self.inference_input(x)
        return super().stateless_call(trainable_variables, non_trainable_variables, x, *args, **kwargs)

    def in_batches(self, fn, x, batch_size=256):
        """Inference outside `predict`: `fn` on batches of the array `x`, one after the other, as NumPy."""
        x = feed.to_numpy(x)
        parts = [fn(ops.convert_to_tensor(x[i : i + batch_size])) for i in range(0, len(x), batch_size)]
        return np.concatenate([ops.convert_to_numpy(part) for part in parts])

    def _require_compiled(self, verb):
        if not self.compiled:
            raise ValueError(
                f"Call `model.compile()` before `model.{verb}()`. Received: a {type(self).__name__} that is not compiled. "
                "A bare `compile()` takes the method's default optimizer."
            )

    def _check(self, x, y):
        """Refuse inputs, and targets where there are any, that the method cannot take."""
        x = feed.to_numpy(x)
        self.check_input(x)
        if self.needs_targets and not hasattr(y, "shape"):
            raise ValueError(
                f"{type(self).__name__} learns from pairs of inputs and targets, one array of each. Received: "
                f"{'no targets' if y is None else f'targets of type {type(y).__name__}'}. Pass `fit(x, y)`, or a data set "
                "of (x, y)."
            )
        if y is not None and not isinstance(y, (dict, list, tuple)):
            self.check_targets(x, feed.to_numpy(y))

    def _batches(self, x, y, sample_weight, batch_size, shuffle, what, keep_labels=False):
        """`Batches` over arrays, checked; any other data as it is, its first element checked."""
        x = self.to_arrays(x)
        seed = int(ops.convert_to_numpy(self._rng_seed.value))  # not `self.seed`: loaded weights bring theirs
        if is_huggingface(x):
            x = HuggingFaceImages(x, batch_size=batch_size or min(self.batch_size, len(x)), shuffle=shuffle, seed=seed)
        if not feed.is_arrays(x):
            if self.full_batches and isinstance(x, OrderedBatches):
                x.drop_remainder = True
            element, x = feed.first_element(x)
            if element is not None:
                self._check(*keras.utils.unpack_x_y_sample_weight(feed.as_tuples(element))[:2])
                if backend.name == "tensorflow" and feed.holds_a_list_in_a_dict(element) and hasattr(x, "__len__"):
                    x = feed.InOrder(x)
            return x
        self._check(x, y)
        if y is not None and not keep_labels and np.asarray(y).dtype.kind in "USO":
            y = np.zeros(len(y), "float32")  # names of classes, which no backend takes: ignored like other labels
        if sample_weight is not None and y is None:
            y = np.zeros(len(sample_weight), "float32")  # labels, which are ignored: weights stand in the third place
        arrays = feed.to_numpy(tuple(a for a in (x, y, sample_weight) if a is not None))
        n = number_of_samples(arrays)
        if n == 0:
            raise ValueError(f"The {what} data must hold at least one sample. Received: none.")
        batch_size = batch_size or min(self.batch_size, n)
        if batch_size < self.smallest_batch:
            raise ValueError(
                f"{type(self).__name__} compares the samples of a batch, so it needs at least {self.smallest_batch} in one. "
                f"Received: {n} {what} samples and batch_size={batch_size}."
            )
        if self.full_batches and n < batch_size:
            raise ValueError(
                f"The loss of {type(self).__name__} needs full batches. Received: {n} {what} samples and "
                f"batch_size={batch_size}. Give more samples, or a batch size of at most {n}."
            )
        return Batches(arrays, batch_size, shuffle, self.full_batches, seed)

    def _split(self, x, y, sample_weight, fraction, validation_data):
        x = self.to_arrays(x)
        if validation_data is not None or not feed.is_arrays(x):
            raise ValueError(
                "`validation_split` holds out the last part of arrays. Received: "
                + ("`validation_data` as well" if validation_data is not None else f"data of type {type(x).__name__}")
                + ". Pass `validation_data=` alone."
            )
        n = number_of_samples(x)
        cut = n - int(n * fraction)
        if not 0 < cut < n:
            raise ValueError(
                f"`validation_split` must leave samples on both sides. Received: {fraction} of {n} samples."
            )
        parts = [None if a is None else feed.to_numpy(a) for a in (x, y, sample_weight)]

        def rows(part, which):
            return None if part is None else keras.tree.map_structure(lambda a: a[which], part)

        return tuple(tuple(rows(part, which) for part in parts) for which in (slice(None, cut), slice(cut, None)))

    # ---- saving --------------------------------------------------------------------------------------------------------

    def _generators(self):
        """Keras' own random generators, those of a foreign encoder's dropout, whose state its files leave out."""
        return [g for layer in self._flatten_layers() for g in layer._seed_generators]

    def save_own_variables(self, store):
        """Keras' hook: the counters, and where each of Keras' random generators stands."""
        super().save_own_variables(store)
        for i, generator in enumerate(self._generators()):
            store[f"generator{i}"] = ops.convert_to_numpy(generator.state.value)

    def load_own_variables(self, store):
        """Keras' hook, see `save_own_variables`."""
        super().load_own_variables({key: store[key] for key in store.keys() if not key.startswith("generator")})  # noqa: SIM118
        for i, generator in enumerate(self._generators()):
            if f"generator{i}" in store.keys():  # noqa: SIM118  (a store is no mapping)
                generator.state.assign(store[f"generator{i}"])

    def get_config(self):
        """The constructor's arguments, derived from its signature."""
        base = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }
        return {**base, **signature_config(self, keras.Model)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The method of `get_config`, with fresh weights."""
        return cls(**deserialize_config(config))
