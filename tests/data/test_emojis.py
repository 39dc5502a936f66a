import numpy as np
import pytest

from keras_sslzoo.data import EMOJI_TEMPLATES, emoji

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


# ---- captions ------------------------------------------------------------------------------------------------------------


def test_captions(data):
    captions = data.captions()
    assert len(captions) == 1636
    (i,) = np.flatnonzero(data.names == "pot of food")
    assert captions[i] == (
        "an emoji of pot of food",
        "an emoji of stew",
        "pot of food",
        "stew",
        "a picture of pot of food",
        "a picture of stew",
        "a small drawing of pot of food",
        "a small drawing of stew",
        "pot of food, an emoji of food and drink",
        "stew, an emoji of food and drink",
        "pot of food, food prepared",
        "stew, food prepared",
    )
    assert captions == emoji().captions(list(EMOJI_TEMPLATES))


def test_captions_do_not_repeat_and_are_plain(data):
    captions = data.captions()
    assert all(len(set(texts)) == len(texts) >= len(EMOJI_TEMPLATES) for texts in captions)
    letters = set("".join("".join(texts) for texts in captions))
    assert letters <= set("abcdefghijklmnopqrstuvwxyz0123456789 ,'*-")
    assert len({texts[0] for texts in captions}) == 1635
    assert all(
        text == " ".join(text.split()) and not text.endswith((" of", ",")) for texts in captions for text in texts
    )


def test_short_names_without_letters_are_spoken(data):
    (i,) = np.flatnonzero(data.code_points == "1F44D")
    assert data.captions(["{name}"])[i] == ("thumbs up sign", "plus one", "thumbsup")
    (i,) = np.flatnonzero(data.code_points == "1F44E")
    assert "minus one" in data.captions(["{name}"])[i]


def test_captions_of_other_templates(data):
    assert data.captions(("{category}", "A {category}"))[0] == ("smileys and emotion", "a smileys and emotion")
    for templates in ("{name}", ()):
        with pytest.raises(ValueError, match=r"sequence of at least one string.*EMOJI_TEMPLATES"):
            data.captions(templates)
    for template, field in (("a {colour}", "colour"), ("{}", "an empty one")):
        with pytest.raises(ValueError, match=f"fields must be.*Received: {field}"):
            data.captions([template])
