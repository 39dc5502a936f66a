"""What `fit` takes besides arrays: every kind of data set, with plain images, labels beside them, or views."""

import functools
import importlib.util

import keras
import numpy as np
import pytest
from contract import values

import keras_sslzoo as zoo
from keras_sslzoo.data import HuggingFaceImages

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (32, 12, 12, 1), "uint8")
LABELS = np.arange(32) % 4
SIZE = 8


def elements(kind):
    """Batches of 8, in order."""
    for i in range(0, 32, SIZE):
        x, y = IMAGES[i : i + SIZE], LABELS[i : i + SIZE]
        yield {"images": (x,), "labels": (x, y), "views": ({"views": (x, x[:, :, ::-1].copy())},)}[kind]


class Py(keras.utils.PyDataset):
    def __init__(self, kind):
        super().__init__()
        self.batches = list(elements(kind))

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        return self.batches[i]


def pydataset(kind):
    return Py(kind), {}


def generator(kind):
    return (element for _ in range(9) for element in elements(kind)), {"steps_per_epoch": 4}


def tf_data(kind):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(
        {"images": (IMAGES,), "labels": (IMAGES, LABELS), "views": ({"views": (IMAGES, IMAGES[:, :, ::-1])},)}[kind]
    )
    return data.batch(SIZE), {}


class Rows:
    """One sample after the other."""

    def __init__(self, kind):
        self.kind = kind

    def __len__(self):
        return 32

    def __getitem__(self, i):
        x, y = IMAGES[i], LABELS[i]
        return {"images": (x,), "labels": (x, y), "views": ({"views": (x, x[:, ::-1].copy())},)}[self.kind]


def torch_loader(kind):
    from torch.utils.data import DataLoader

    return DataLoader(Rows(kind), batch_size=SIZE), {}


def grain_map(kind):
    import grain

    return grain.MapDataset.source(Rows(kind)).batch(SIZE), {}


def grain_iter(kind):
    data, _ = grain_map(kind)
    return data.repeat().to_iter_dataset(), {"steps_per_epoch": 4}


def grain_loader(kind):
    import grain

    sampler = grain.samplers.IndexSampler(32, shuffle=False, num_epochs=9, seed=0)
    operations = [grain.transforms.Batch(SIZE)]
    return grain.DataLoader(data_source=Rows(kind), sampler=sampler, operations=operations), {"steps_per_epoch": 4}


SOURCES = {
    "PyDataset": (pydataset, "keras"),
    "generator": (generator, "keras"),
    "tf.data": (tf_data, "tensorflow"),
    "torch DataLoader": (torch_loader, "torch"),
    "grain.MapDataset": (grain_map, "grain"),
    "grain.IterDataset": (grain_iter, "grain"),
    "grain.DataLoader": (grain_loader, "grain"),
}


def simclr():
    keras.utils.set_random_seed(0)
    net = zoo.nets.ConvNet((12, 12, 1), width=4, features=8, grid=1)
    model = zoo.SimCLR(net, projector=zoo.nets.Head(8, (8,), 4))
    model.compile(keras.optimizers.SGD(0.01))
    return model


def autoencoder():
    keras.utils.set_random_seed(0)
    decoder = zoo.nets.MLP((4,), (8, 144), output_shape=(12, 12, 1), output_activation="sigmoid")
    model = zoo.AutoEncoder(zoo.nets.MLP((12, 12, 1), (8, 4)), decoder)
    model.compile(keras.optimizers.SGD(0.01))
    return model


@functools.cache
def weights_by_arrays(views):
    """After two epochs on images or on views."""
    model = simclr()
    arrays = {"views": (IMAGES, IMAGES[:, :, ::-1].copy())} if views else IMAGES
    model.fit(arrays, batch_size=SIZE, epochs=2, shuffle=False, verbose=0)
    return values(model.trainable_variables)


@pytest.mark.parametrize("kind", ["images", "labels", "views"])
@pytest.mark.parametrize("name", SOURCES)
def test_trains_as_arrays_do(name, kind):
    make, package = SOURCES[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    if package == "tensorflow" and keras.config.backend() != "tensorflow":
        pytest.skip("tf.data under another backend starts TensorFlow's threads beside it")
    data, options = make(kind)
    model = simclr()
    model.fit(data, epochs=2, verbose=0, shuffle=False, **options)
    for a, b in zip(values(model.trainable_variables), weights_by_arrays(kind == "views"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_an_autoencoder_ignores_labels_in_data_sets(kind):
    model, expected = autoencoder(), autoencoder()
    model.fit(Py(kind), epochs=1, verbose=0, shuffle=False)
    expected.fit(IMAGES, batch_size=SIZE, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(values(model.trainable_variables), values(expected.trainable_variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def hugging_face(images=IMAGES):
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    pictures = [Image.fromarray(x[..., 0]) for x in images]
    features = datasets.Features({"picture": datasets.Image(), "label": datasets.Value("int64")})
    return datasets.Dataset.from_dict({"picture": pictures, "label": LABELS[: len(images)].tolist()}, features=features)


def test_hugging_face():
    data = hugging_face()
    model, expected = simclr(), simclr()
    model.fit(data, batch_size=SIZE, epochs=2, verbose=0)
    expected.fit(IMAGES, batch_size=SIZE, epochs=2, verbose=0)  # shuffled in the same order
    for a, b in zip(values(model.trainable_variables), values(expected.trainable_variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict(data, verbose=0), model.predict(IMAGES, verbose=0), rtol=1e-4, atol=1e-5)
    assert np.isfinite(model.evaluate(data, batch_size=SIZE, verbose=0)).all()
    model.fit(data, batch_size=SIZE, validation_data=data, epochs=1, verbose=0)
    x, y = HuggingFaceImages(data, label_column="label", batch_size=5, shuffle=False)[1]
    np.testing.assert_array_equal(x, IMAGES[5:10])
    np.testing.assert_array_equal(y, LABELS[5:10])


def test_hugging_face_slips():
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    model, data = simclr(), hugging_face()
    with pytest.raises(ValueError, match="Pass one, as `x"):
        model.fit(datasets.DatasetDict({"train": data}))
    with pytest.raises(ValueError, match="streaming"):
        model.fit(data.to_iterable_dataset())
    with pytest.raises(ValueError, match=r"none among \['label'\]"):
        model.fit(data.remove_columns("picture"))
    with pytest.raises(ValueError, match=r"'pictures'.*'picture'"):
        HuggingFaceImages(data, column="pictures")
    sizes = {"picture": [Image.new("L", (12, 12)), Image.new("L", (9, 12))]}
    mixed = datasets.Dataset.from_dict(sizes, features=datasets.Features({"picture": datasets.Image()}))
    with pytest.raises(ValueError, match=r"one shape\. Received: \(12, 9\), \(12, 12\)"):
        HuggingFaceImages(mixed)[0]


def test_predict_refuses_a_shuffled_data_set():
    with pytest.raises(ValueError, match="shuffle=False"):
        simclr().predict(HuggingFaceImages(hugging_face()))


def test_data_that_keras_does_not_know_are_refused():
    with pytest.raises(ValueError, match="Unrecognized data type"):
        simclr().fit(object())
