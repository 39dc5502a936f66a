import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_sslzoo import nets
from keras_sslzoo.optimizers import LARS, AdamW, ScaledUpdates, layer_decay, layer_groups


def moved(optimizer, weights, gradients):
    variables = [keras.Variable(w) for w in weights]
    optimizer.build(variables)
    for g in gradients:
        optimizer.apply([ops.convert_to_tensor(part) for part in g], variables)
    return [ops.convert_to_numpy(v.value) for v in variables]


@pytest.mark.parametrize(
    "make",
    [
        lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        lambda rate: keras.optimizers.Adam(rate),
        lambda rate: AdamW(rate, weight_decay=0.3),
        lambda rate: LARS(rate, trust=0.1),
    ],
)
def test_a_scale_is_a_learning_rate_of_its_own(make):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=s).astype("float32") for s in [(3, 4), (4,), (4, 2)]]
    gradients = [[rng.normal(size=w.shape).astype("float32") for w in weights] for _ in range(4)]
    scales = [0.25, 1.0, 0.5]
    together = moved(ScaledUpdates(make(0.1), scales), weights, gradients)
    for i, scale in enumerate(scales):
        expected = moved(make(0.1 * scale), weights, gradients)
        np.testing.assert_allclose(together[i], expected[i], rtol=1e-5, atol=1e-6)


def test_it_trains_under_fit_and_its_state_is_saved(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 1)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)])
    first = model.layers[0].get_weights()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 16)
    model.compile(ScaledUpdates(keras.optimizers.Adam(schedule), [0.0, 0.0, 1.0, 1.0]), "mse")
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history["loss"]
    assert history[-1] < history[0]
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first[0])
    assert int(model.optimizer.iterations) == 8
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.scales == [0, 0, 1, 1]
    assert int(again.optimizer.iterations) == 8
    for m in (model, again):
        m.fit(x, y, batch_size=8, epochs=1, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match="use_ema=True"):
        ScaledUpdates(keras.optimizers.SGD(0.1, use_ema=True), [1.0])
    with pytest.raises(ValueError, match="2 scales for 1 variables"):
        ScaledUpdates(keras.optimizers.SGD(0.1), [1.0, 1.0]).build([keras.Variable(np.zeros(3))])
    with pytest.raises(ValueError, match="decay=0"):
        layer_decay(nets.MLP((4,), (3,)), 0)


def test_a_transformer_decays_as_beit_does():
    depth, decay = 3, 0.5
    model = nets.ViT((8, 8, 3), "Ti", 4, depth=depth)
    scales = layer_decay(model, decay)
    assert len(scales) == len(model.trainable_variables)
    for weight, scale in zip(model.trainable_variables, scales, strict=True):
        # get_layer_id_for_vit of microsoft/unilm, beit/optim_factory.py, from the name
        name = weight.path.split("/")[-2] if "block" not in weight.path else weight.path
        if "block" in name:
            number = int(next(part for part in weight.path.split("/") if part.startswith("blocks_")).split("_")[1]) + 1
        else:
            number = depth + 1 if weight.path.startswith("norm") else 0
        assert scale == decay ** (depth + 1 - number), weight.path


def test_a_stack_of_blocks_is_taken_apart():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(4)

        def build(self, shape):
            self.dense.build(shape)

        def call(self, x):
            return self.dense(x)

    class Stack(Block):
        def __init__(self):
            super().__init__()
            self.dense, self.second, self.norm = Block(name="one"), Block(name="two"), layers.LayerNormalization()

        def build(self, shape):
            for part in (self.dense, self.second, self.norm):
                part.build(shape)

        def call(self, x):
            return self.norm(self.second(self.dense(x)))

    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="stem"), Stack()])
    names = [[layer.name.split("_")[0] for layer in group] for group in layer_groups(model)]
    assert names == [["stem"], ["one"], ["two"], ["layer"]]
    assert layer_decay(model, 0.5) == [0.125] * 2 + [0.25] * 2 + [0.5] * 2 + [1.0] * 2


def test_a_plain_network_has_at_most_twelve_groups():
    model = nets.ResNet18((16, 16, 3), stem="small")
    groups = layer_groups(model)
    assert len(groups) == 13
    assert groups[-1] == []
    kernels = [sum(len(w.shape) > 1 for layer in g for w in layer.trainable_weights) for g in groups[:-1]]
    assert sum(kernels) == 20  # 17 convolutions and 3 shortcuts
    assert max(kernels) - min(kernels) <= 1
    scales = layer_decay(model, 0.8)
    assert scales[0] == pytest.approx(0.8**12)
    assert scales[-1] == pytest.approx(0.8)
    small = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)])
    assert layer_decay(small, 0.5) == [0.25] * 4 + [0.5] * 2
