import numpy as np
import pytest

from keras_sslzoo.data import emoji

# Counted in the npm package, by a look-up outside the code under test.
CATEGORIES = {
    "Activities": 85,
    "Animals & Nature": 159,
    "Food & Drink": 131,
    "Objects": 264,
    "People & Body": 386,
    "Smileys & Emotion": 169,
    "Symbols": 224,
    "Travel & Places": 218,
}


@pytest.fixture(scope="module")
def data():
    return emoji()


def test_shapes(data):
    assert data.images.shape == (1636, 32, 32, 3)
    assert data.images.dtype == np.uint8
    assert data.images.flags.writeable
    assert all(len(field) == 1636 for field in data)
    assert data.train.dtype == bool


def test_categories(data):
    assert {
        str(name): int(n) for name, n in zip(*np.unique(data.categories, return_counts=True), strict=True)
    } == CATEGORIES
    assert len(np.unique(data.subcategories)) == 95
    assert len(np.unique(data.code_points)) == 1636


def test_split_is_stratified(data):
    assert data.train.sum() == 1300
    for category, count in CATEGORIES.items():
        held_out = (~data.train & (data.categories == category)).sum()
        assert abs(held_out - count * 336 / 1636) < 1


def test_identical_pictures_stand_on_one_side(data):
    train = {image.tobytes() for image in data.images[data.train]}
    assert not any(image.tobytes() in train for image in data.images[~data.train])


@pytest.mark.parametrize(
    ("code_point", "name", "category", "colour"),
    [
        ("2764-FE0F", "heavy black heart", "Smileys & Emotion", (1, 0, 0)),
        ("1F49A", "green heart", "Smileys & Emotion", (0, 1, 0)),
        ("1F499", "blue heart", "Smileys & Emotion", (0, 0, 1)),
        ("1F7E5", "large red square", "Symbols", (1, 0, 0)),
        ("1F438", "frog face", "Animals & Nature", (0, 1, 0)),
    ],
)
def test_picture_is_the_named_one(data, code_point, name, category, colour):
    (i,) = np.flatnonzero(data.code_points == code_point)
    assert (data.names[i], data.categories[i]) == (name, category)
    mean = data.images[i, 8:20, 8:24].mean((0, 1))
    assert mean.argmax() == np.argmax(colour)


def test_on_white_and_not_empty(data):
    assert np.median(data.images[:, 0, 0]) == 255  # most leave the corner free
    assert (data.images.min((1, 2, 3)) < 200).all()


def test_short_names(data):
    (i,) = np.flatnonzero(data.names == "pot of food")
    assert data.short_names[i] == ("stew",)
    assert all(names and all(isinstance(name, str) for name in names) for names in data.short_names)


def test_two_calls_share_nothing(data):
    other = emoji()
    other.images[:] = 0
    assert data.images.any()
