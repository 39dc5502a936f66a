import keras
import numpy as np
import pytest
from contract import Contract, tiny_coders, values

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.JointAutoEncoder

    def build(self, **kwargs):
        return super().build(**{**tiny_coders(), **kwargs})

    def test_same_seed_same_run_whether_there_are_labels_or_not(self, images, run):
        """Labels of -1 are none; others train the classifier."""
        plain = run[1]
        assert self.fit(self.compiled(), images, epochs=2) == plain
        unlabelled = self.fit(self.compiled(), images, np.full(64, -1), epochs=2)
        assert plain["loss"] == pytest.approx(unlabelled["loss"], rel=1e-6)
        labelled = self.fit(self.compiled(), images, np.arange(64) % 10, epochs=2)
        assert plain["cross_entropy"] == unlabelled["cross_entropy"] == [0.0, 0.0] != labelled["cross_entropy"]

    def test_every_trainable_weight_gets_a_gradient_and_targets_get_none(self, images):
        """The classifier's from labels alone."""
        for labels in (None, np.arange(32) % 10):
            model = self.compiled(lambda: keras.optimizers.SGD(1.0))
            before = values(model.trainable_variables)
            model.train_on_batch(images[:32], labels)
            after = values(model.trainable_variables)
            still = {v.path for v, a, b in zip(model.trainable_variables, before, after, strict=True) if (a == b).all()}
            assert still == (set() if labels is not None else {v.path for v in model.classifier.weights})


def squares(images):
    """Whether the bright square of an image lies in the upper half: 0 or 1."""
    rows = images[..., 0].sum(2)
    return (rows @ np.arange(12) / rows.sum(1) > 5.5).astype("int64")


def test_objective_is_the_equation(images):
    labels = squares(images)
    labels[::3] = -1
    model = zoo.JointAutoEncoder(**tiny_coders(), classes=2, weight=5.0)
    model.compile()
    logs = model.evaluate(images, labels, batch_size=64, verbose=0, return_dict=True)
    kernel, bias = model.classifier.get_weights()
    logits = (model.encode(images) @ kernel + bias).astype("float64")
    known = labels >= 0
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    entropy = -np.mean([row[c] for row, c in zip(log_p[known], labels[known], strict=True)])
    error = np.mean((images - model.reconstruct(images)) ** 2)
    assert logs["cross_entropy"] == pytest.approx(entropy, rel=1e-4)
    assert logs["loss"] == pytest.approx(error + 5.0 * entropy / 144, rel=1e-4)
    assert logs["accuracy"] == pytest.approx(np.mean(logits.argmax(1)[known] == labels[known]), abs=1e-6)
    np.testing.assert_array_equal(model.predict_classes(images), logits.argmax(1))


def test_learns_to_reconstruct_and_to_classify_from_a_few_labels(images):
    truth = squares(images)
    labels = np.where(np.arange(64) < 24, truth, -1)
    model = zoo.JointAutoEncoder(**tiny_coders(), classes=2, weight=20.0)
    model.compile(keras.optimizers.Adam(1e-2))
    before = model.evaluate(images, verbose=0, return_dict=True)["reconstruction"]
    history = model.fit(images, labels, batch_size=32, epochs=60, verbose=0).history
    assert history["reconstruction"][-1] < 0.6 * before
    assert np.mean(model.predict_classes(images)[24:] == truth[24:]) > 0.85


@pytest.mark.parametrize(
    "labels", [np.full(64, 2), np.full(64, -2), np.zeros(64, "float32"), np.zeros((64, 2), int), np.array(["a"] * 64)]
)
def test_bad_labels_are_refused(images, labels):
    model = zoo.JointAutoEncoder(**tiny_coders(), classes=2)
    model.compile()
    with pytest.raises(ValueError, match="Labels must be integers from 0 to 1"):
        model.fit(images, labels, verbose=0)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`weight`"):
        zoo.JointAutoEncoder(weight=-1.0)
    with pytest.raises(ValueError, match="`classifier` must take vectors of 8"):
        zoo.JointAutoEncoder(**tiny_coders(), classifier=zoo.nets.MLP((9,), (2,)))
