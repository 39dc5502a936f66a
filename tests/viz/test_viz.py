import inspect
import io
import pathlib
import re

import keras
import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import ops
from PIL import Image
from sklearn.metrics import confusion_matrix

from keras_sslzoo import viz
from keras_sslzoo.viz.grids import SAME

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 6, 8, 1), dtype="uint8")
RGB = RNG.random((7, 6, 8, 3), dtype="float32")
LABELS = np.arange(7) % 3
INDICES = np.array([[0, 1, 2, 3], [6, 5, 4, 3]])
POINTS = RNG.normal(size=(30, 5))


def check(figure, axes):
    """A figure with that many axes, which draws."""
    assert isinstance(figure, matplotlib.figure.Figure)
    assert len(figure.axes) == axes
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    image = Image.open(buffer).convert("L")
    assert image.getextrema()[0] < image.getextrema()[1]
    return np.asarray(image)


@pytest.mark.parametrize("images", [GREY, RGB, ops.convert_to_tensor(RGB), list(GREY), RGB.astype("float64")])
def test_image_grid(images):
    check(viz.image_grid(images), 7)
    check(viz.image_grid(images, columns=2, titles=range(7)), 7)


def test_image_grid_shows_the_pixels():
    """A dark uint8 image stays dark: the range is that of the type, not of the image."""
    for image, level in ((np.full((1, 8, 8, 1), 51, "uint8"), 51), (np.full((1, 8, 8, 3), 0.2), 51)):
        png = check(viz.image_grid(image), 1)
        assert abs(int(png[png.shape[0] // 2, png.shape[1] // 2]) - level) <= 1


def test_image_grid_order():
    """Row by row, the first image on top left."""
    images = np.repeat(np.linspace(0, 0.8, 4), 16).reshape(4, 4, 4, 1)
    png = check(viz.image_grid(images, columns=2), 4)
    h, w = png.shape
    corners = [png[int(h * r), int(w * c)] for r in (0.25, 0.75) for c in (0.25, 0.75)]
    assert corners == sorted(corners)


def test_image_rows():
    figure = viz.image_rows({"original": GREY, "a longer name": RGB})
    png = check(figure, 2 * 7)
    assert [ax.texts[0].get_text() for ax in figure.axes[::7]] == ["original", "a longer name"]
    images = figure.axes[0].get_position().x0 * png.shape[1]
    assert (png[:, : int(images) - 2] < 255).any()  # the names are within the picture,
    assert (png[:, :2] == 255).all()  # and are not cut off


def test_views_grid():
    check(viz.views_grid(RGB[:3], [RGB[:3], RGB[:3, :2, :2], GREY[:3]]), 3 * 4)


def test_neighbours():
    check(viz.neighbours(RGB[:2], RGB, INDICES), 2 * 5)
    figure = viz.neighbours(RGB[:2], RGB, INDICES, LABELS[:2], LABELS, ["bag", "boot", "dress"])
    check(figure, 2 * 5)
    frames = [ax.patches[0].get_edgecolor() for ax in figure.axes if ax.patches]
    same = [LABELS[i] == LABELS[q] for q in range(2) for i in INDICES[q]]
    green = matplotlib.colors.to_rgba(SAME)
    assert [frame == green for frame in frames] == same
    assert [ax.get_title() for ax in figure.axes[:3]] == ["bag", "bag", "≠ boot"]


def test_attention_brightens_the_cell_that_is_attended_to():
    """White images: the picture of a head is its map, the cell of row 0 and column 1 bright, of row 2 half as bright."""
    maps = np.zeros((2, 3, 3, 4))
    maps[:, :, 0, 1], maps[:, :, 2, 3] = 0.2, 0.1
    figure = viz.attention(np.ones((2, 6, 8, 3)), maps)
    check(figure, 2 * 5)
    assert [ax.get_title() for ax in figure.axes[:5]] == ["image", "head 1", "head 2", "head 3", "mean"]
    assert (figure.axes[0].images[0].get_array() == 1).all()
    for ax in figure.axes[1:5]:
        drawn = np.asarray(ax.images[0].get_array())[..., 0]
        assert (drawn[:2, 2:4] == 1).all()
        np.testing.assert_allclose(drawn[4:, 6:], 0.55)
        np.testing.assert_allclose(drawn[:2, :2], 0.1)
    check(viz.attention(GREY, np.ones((7, 1, 6, 8))), 7 * 3)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_feature_map(method):
    labels = np.arange(30) % 3
    figure = viz.feature_map(POINTS, labels, ["a", "b", "c"], method=method, images=np.resize(GREY, (30, 6, 8, 1)))
    check(figure, 1)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    check(viz.feature_map(POINTS, method=method), 1)


@pytest.mark.filterwarnings("error")
def test_feature_map_of_many_classes_and_of_a_collapse():
    check(viz.feature_map(POINTS, np.arange(30)), 1)
    check(viz.feature_map(np.ones((30, 5)), np.arange(30) % 2, images=np.resize(RGB, (30, 6, 8, 3))), 1)


def test_latent_map():
    """The points where the codes are, each in the colour that the legend gives its class; both axes in the same units."""
    codes = POINTS[:, :2]
    figure = viz.latent_map(ops.convert_to_tensor(codes), np.arange(30) % 3, ["a", "b", "c"])
    check(figure, 1)
    (ax,) = figure.axes
    assert ax.get_aspect() == 1
    legend = {tuple(dot.get_facecolor()[0]): dot.get_label() for dot in ax.collections[1:]}
    points = ax.collections[0]
    distance = np.linalg.norm(points.get_offsets()[:, None] - codes, axis=-1)
    assert sorted(distance.argmin(axis=1)) == list(range(30))
    assert distance.min(axis=1).max() < 1e-6
    for i, color in zip(distance.argmin(axis=1), points.get_facecolors(), strict=True):
        assert legend[*color[:3], 1.0] == "abc"[i % 3]
    check(viz.latent_map(codes[:1]), 1)


def test_confusion_counts_each_pair_of_classes():
    """Four classes of words, one of them only ever predicted, against scikit-learn."""
    words = np.array(["bag", "boot", "dress", "sandal"])
    labels, predictions = words[RNG.integers(0, 3, 50)], words[RNG.integers(0, 4, 50)]
    figure = viz.confusion(labels, predictions)
    check(figure, 1)
    (ax,) = figure.axes
    counts = confusion_matrix(labels, predictions, labels=words)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(ax.images[0].get_array(), percent)
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in ax.texts}
    assert texts == {(i, j): f"{percent[i, j]:.0f}" for i, j in np.argwhere(percent)}
    rows = [f"{word} ({total})" for word, total in zip(words, counts.sum(axis=1), strict=True)]
    assert [text.get_text() for text in ax.get_yticklabels()] == rows
    assert [text.get_text() for text in ax.get_xticklabels()] == list(words)
    assert ax.get_title().startswith(f"{np.trace(counts)} of 50 right")
    check(viz.confusion(np.arange(30), np.arange(30)), 1)


def test_curves():
    logs = {"loss": [3, 2, 1], "val_loss": [3, 2.5, 2], "kl": [0, 1, np.nan], "knn": [0.5]}
    figure = viz.curves(logs)
    check(figure, 3)
    assert [ax.get_title() for ax in figure.axes] == ["loss", "kl", "knn"]
    assert [len(ax.lines) for ax in figure.axes] == [2, 1, 1]


def test_curves_of_a_resumed_fit():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), initial_epoch=3, epochs=5, verbose=0)
    figure = viz.curves(history)
    check(figure, 1)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [4, 5]


def test_pyplot_holds_no_figure_and_a_notebook_shows_it():
    assert viz.image_grid(GREY)._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == []


def test_each_function_has_a_picture_on_the_page():
    """Which scripts/pictures.py draws by running the page; what it calls and names is there."""
    docs = pathlib.Path(__file__).parents[2] / "docs"
    page = (docs / "pictures.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```\n\n!\[[^\]]+\]\((pictures/\w+\.png)\)", page, re.DOTALL)
    public = {name for name, value in vars(viz).items() if inspect.isfunction(value)}
    called = {name for code, _ in blocks for name in re.findall(r"zoo\.viz\.(\w+)\(", code)}
    assert called | {"views_grid"} == public  # which `preview` calls
    assert {path.name for path in (docs / "pictures").iterdir()} == {pathlib.Path(path).name for _, path in blocks}
    sizes = [(docs / path).stat().st_size for _, path in blocks]
    assert max(sizes) < 120_000
    assert sum(sizes) < 1_200_000


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (GREY[..., 0], r"Received: shape \(7, 6, 8\).*\[..., None\]"),
        (GREY[0], "a single one"),
        (RGB.transpose(0, 3, 1, 2), "transpose"),
        (GREY[:0], r"shape \(0, 6, 8, 1\)"),
        (GREY.astype("int64"), "dtype int64"),
        (RGB * 2 - 1, r"values in \[-.*\(images \+ 1\) / 2"),
        (RGB * 255, "images / 255"),
        (RGB * np.nan, "nan"),
    ],
)
def test_image_errors(images, message):
    with pytest.raises(ValueError, match=message):
        viz.image_grid(images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: viz.image_grid(GREY, titles=["a"]), "1 titles, 7 images"),
        (lambda: viz.image_grid(GREY, columns=0), "columns=0"),
        (lambda: viz.image_rows({"a": RGB, "b": RGB[:3]}), r"Received: \[7, 3\]"),
        (lambda: viz.image_rows({}), r"Received: \[\]"),
        (lambda: viz.image_rows({"a": RGB * 3}), r"`rows\['a'\]`"),
        (lambda: viz.views_grid(RGB, RGB), r"Pass `\[views\]`"),
        (lambda: viz.views_grid(RGB, [RGB[:3]]), r"7 images, views of \[3\]"),
        (lambda: viz.views_grid(RGB, []), r"views of \[\]"),
        (lambda: viz.views_grid(RGB, [RGB * 3]), r"`views\[0\]`"),
        (lambda: viz.neighbours(RGB, RGB, INDICES), "for 7 queries"),
        (lambda: viz.neighbours(RGB[:2], RGB[:5], INDICES), r"\[0, 5\).*\[0, 6\]"),
        (lambda: viz.neighbours(RGB[:2], RGB, INDICES[:, :0]), "Received: none"),
        (lambda: viz.neighbours(RGB[:2], RGB, INDICES, LABELS[:2]), "gallery_labels=None"),
        (lambda: viz.neighbours(RGB[:2], RGB, INDICES, LABELS, LABELS), "7 labels for 2 queries"),
        (lambda: viz.neighbours(RGB[:2], RGB, INDICES, LABELS[:2], LABELS, ["a"]), "label 1, 1 names"),
        (lambda: viz.attention(RGB, np.ones((7, 3, 4))), r"shape \(7, 3, 4\)"),
        (lambda: viz.attention(RGB, np.ones((6, 1, 3, 4))), "for 7 images"),
        (lambda: viz.attention(RGB, -np.ones((7, 1, 3, 4))), r"\[-1, -1\]"),
        (lambda: viz.attention(RGB, np.ones((7, 1, 4, 4))), "maps of 4 x 4, images of 6 x 8"),
        (lambda: viz.feature_map(POINTS[:, 0]), r"Received: shape \(30,\)"),
        (lambda: viz.feature_map(POINTS * np.nan), "with NaN"),
        (lambda: viz.feature_map(POINTS, LABELS), "7 labels, 30 features"),
        (lambda: viz.feature_map(POINTS, images=GREY), "7 images, 30 features"),
        (lambda: viz.feature_map(POINTS, method="umap"), "method='umap'"),
        (lambda: viz.latent_map(POINTS), r"shape \(30, 5\).*`feature_map`"),
        (lambda: viz.latent_map(POINTS[:0, :2]), r"shape \(0, 2\)"),
        (lambda: viz.latent_map(POINTS[:, :2] * np.nan), "with NaN"),
        (lambda: viz.latent_map(POINTS[:, :2], LABELS), "7 labels, 30 codes"),
        (lambda: viz.image_rows({"a": RGB}, titles=["a"]), "1, of 7 columns"),
        (lambda: viz.confusion(LABELS, LABELS[:3]), r"\(7,\) and \(3,\)"),
        (lambda: viz.confusion(LABELS, np.ones((7, 3))), "argmax"),
        (lambda: viz.confusion(LABELS, LABELS, ["a"]), "label 1, 1 names"),
        (lambda: viz.curves({}), "empty history"),
        (lambda: viz.curves([1, 2]), r"Received: \[1, 2\]"),
    ],
)
def test_argument_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
