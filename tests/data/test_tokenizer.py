"""The tokenizer against ids that OpenAI's and open_clip's own gave: scripts/record_tokenizer_ids.py recorded them."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_sslzoo.data import CLIPTokenizer, tokenizer

RECORDED = json.loads((Path(__file__).parent / "tokenizer_ids.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def openai():
    return CLIPTokenizer()


def test_ids_are_openais(openai):
    assert len(RECORDED) > 400
    wrong = [row["text"] for row in RECORDED if openai.encode(row["text"]) != row["openai"]]
    assert not wrong


def test_ids_are_open_clips_with_its_specials():
    """The two differ in how start and end are spelled out, and in nothing else."""
    ours = CLIPTokenizer(specials=tokenizer.OPEN_CLIP)
    wrong = [row["text"] for row in RECORDED if ours.encode(row["text"]) != row.get("open_clip", row["openai"])]
    assert not wrong


def test_context_of_ids(openai):
    tokens = openai(["a photo of a cat", "", "word " * 100])
    assert tokens.shape == (3, 77)
    assert tokens.dtype == "int32"
    assert tokens[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 0]
    assert tokens[1, :3].tolist() == [49406, 49407, 0]
    assert tokens[2].tolist() == [49406, *openai.encode("word") * 75, 49407]
    assert (tokens.argmax(axis=1) == [6, 1, 76]).all()
    np.testing.assert_array_equal(openai("a photo of a cat"), tokens[:1])
    assert openai([]).shape == (0, 77)


def test_decode_is_the_inverse_up_to_case_and_spaces(openai):
    for text in ("a photo of a cat", "naïve café, 猫 !", ""):
        assert openai.decode(openai(text)[0]) == " ".join(tokenizer._clean(text).replace(",", " ,").split())


@pytest.mark.parametrize("vocabulary", [514, 600, 4096])
def test_a_smaller_vocabulary_keeps_the_first_merges(vocabulary):
    """Its pieces spell the same text, its ids are those of the large one where the pieces are the same."""
    small, large = CLIPTokenizer(vocabulary=vocabulary), CLIPTokenizer()
    for text in ("an emoji of pot of food", "naïve 猫"):
        tokens = small(text)[0]
        assert tokens.max() == vocabulary - 1 == small.end
        assert small.decode(tokens) == large.decode(large(text)[0])
    kept = small._pieces[:-2]
    assert kept == large._pieces[: len(kept)]


def test_config_round_trip(openai):
    small = CLIPTokenizer(16, 1000, tokenizer.OPEN_CLIP)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(small))
    np.testing.assert_array_equal(again("a cat <end_of_text> b"), small("a cat <end_of_text> b"))
    assert again.get_config() == small.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"context": 2}, "context=2"),
        ({"vocabulary": 513}, "from 514 to 49408"),
        ({"vocabulary": 50000}, "from 514 to 49408"),
        ({"specials": "ab"}, "pair"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CLIPTokenizer(**arguments)


@pytest.mark.parametrize("text", [b"bytes", 3, None, ["nested"]])
def test_what_is_no_text_is_refused(openai, text):
    with pytest.raises(ValueError, match=r"must be a str\. Received"):
        openai([text])
