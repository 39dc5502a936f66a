"""CLIP's byte-pair encoding of text.

    text --clean: mojibake, HTML entities, white space, lower case--> --words: letters, digits one by one, the rest-->
    --UTF-8 bytes, each a symbol--> --merge the pair of symbols that stands first in the list, until none is left-->
    ids, between the start and the end symbol, filled up with 0: (T,)

Sennrich et al. 2016, arXiv:1508.07909, on bytes as in GPT-2. The ids are those of OpenAI's tokenizer, whose list of merges
is bundled. No other library's tokenizer is asked, and no framework.
"""

import functools
import gzip
import html
import itertools

import ftfy
import keras
import numpy as np
import regex

from keras_sslzoo.data.assets import read_asset

ASSET = "bpe_simple_vocab_16e6.txt.gz"
VOCABULARY = 49408  # 256 bytes, 256 bytes that end a word, 48,894 merges, start and end
SMALLEST = 2 * 256 + 2
END_OF_WORD = "</w>"
OPENAI = ("<|startoftext|>", "<|endoftext|>")
OPEN_CLIP = ("<start_of_text>", "<end_of_text>")
CACHED_WORDS = 1 << 16


@functools.cache
def _merges():
    """The pairs of symbols that are merged, the first ones first."""
    lines = gzip.decompress(read_asset(ASSET)).decode("utf-8").split("\n")
    return [tuple(line.split()) for line in lines[1 : VOCABULARY - SMALLEST + 1]]


@functools.cache
def _symbols():
    """The printable character that stands for each byte, in the order of the ids: dict from byte to str."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [byte for byte in range(256) if byte not in set(printable)]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + i) for i, byte in enumerate(rest)}}


@keras.saving.register_keras_serializable("keras_sslzoo")
class CLIPTokenizer:
    """Texts to token ids, identical to OpenAI's: a list of N texts -> int32 `(N, context)`.

    A text is start, its symbols, end, zeros. One that is too long is cut, and still ends with the end symbol, the largest
    id: `nets.TextTransformer` reads the text there.

    Args:
        context: T, number of ids of a text. CLIP's is 77.
        vocabulary: Number of ids. A smaller one keeps the first merges: words are cut into shorter pieces, and a text tower
            for small data need not learn 49,408 vectors. At least 514.
        specials: How start and end are written where a text spells them out: OpenAI's way, or `tokenizer.OPEN_CLIP`.

    Example:
        >>> CLIPTokenizer()("a photo of a cat")[0, :7].tolist()
        [49406, 320, 1125, 539, 320, 2368, 49407]
    """

    def __init__(self, context=77, vocabulary=VOCABULARY, specials=OPENAI):
        if not isinstance(context, int) or context < 3:
            raise ValueError(f"`context` must be an integer >= 3. Received: context={context!r}. CLIP's is 77.")
        if not isinstance(vocabulary, int) or not SMALLEST <= vocabulary <= VOCABULARY:
            raise ValueError(
                f"`vocabulary` must be an integer from {SMALLEST} to {VOCABULARY}. Received: vocabulary={vocabulary!r}. "
                "CLIP's is 49408."
            )
        if isinstance(specials, str) or len(specials) != 2 or not all(specials):
            raise ValueError(f"`specials` must be a pair (start, end) of texts. Received: specials={specials!r}.")
        self.context = context
        self.vocabulary = vocabulary
        self.specials = tuple(specials)
        merges = _merges()[: vocabulary - SMALLEST]
        alphabet = list(_symbols().values())
        pieces = [*alphabet, *(symbol + END_OF_WORD for symbol in alphabet), *map("".join, merges), *self.specials]
        self.start, self.end = vocabulary - 2, vocabulary - 1
        self._pieces = pieces
        self._ids = {piece: i for i, piece in enumerate(pieces)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        kinds = ("'s|'t|'re|'ve|'m|'ll|'d", r"\p{L}+", r"\p{N}", r"[^\s\p{L}\p{N}]+")
        self._words = regex.compile("|".join([*map(regex.escape, self.specials), *kinds]), regex.IGNORECASE)
        self._word_ids = functools.lru_cache(CACHED_WORDS)(self._encode_word)

    def __call__(self, texts):
        """One text or a sequence of N texts -> int32 `(N, context)`."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        tokens = np.zeros((len(texts), self.context), "int32")
        for row, text in zip(tokens, texts, strict=True):
            ids = [self.start, *self.encode(text)][: self.context - 1]
            row[: len(ids) + 1] = [*ids, self.end]
        return tokens

    def encode(self, text):
        """The ids of one text, without start and end: list of int."""
        if not isinstance(text, str):
            raise ValueError(
                f"A text must be a str. Received: {type(text).__name__} {text!r:.60}. Pass a list of texts, or decode bytes."
            )
        return [i for word in self._words.findall(_clean(text)) for i in self._word_ids(word)]

    def decode(self, ids):
        """The text of ids, in lower case, from after the start to before the end: str."""
        ids = [int(i) for i in ids]
        if self.start in ids:
            ids = ids[ids.index(self.start) + 1 :]
        if self.end in ids:
            ids = ids[: ids.index(self.end)]
        text = "".join(self._pieces[i] for i in ids)
        byte_of = {symbol: byte for byte, symbol in _symbols().items()}
        words = text.split(END_OF_WORD)
        return " ".join(bytes(byte_of[s] for s in word).decode("utf-8", "replace") for word in words).strip()

    def _encode_word(self, word):
        """The ids of one word."""
        if word in self.specials:
            return (self._ids[word],)
        *head, last = (_symbols()[byte] for byte in word.encode("utf-8"))
        symbols = [*head, last + END_OF_WORD]
        while len(symbols) > 1:
            pair = min(itertools.pairwise(symbols), key=lambda pair: self._ranks.get(pair, VOCABULARY))
            if pair not in self._ranks:
                break
            symbols = _merge(symbols, pair)
        return tuple(self._ids[symbol] for symbol in symbols)

    def get_config(self):
        """The constructor's arguments."""
        return {"context": self.context, "vocabulary": self.vocabulary, "specials": self.specials}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**config)


def _merge(symbols, pair):
    """The symbols with each occurrence of the pair, from the left, made one."""
    merged, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            merged.append("".join(pair))
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged


def _clean(text):
    """Mojibake mended, HTML entities (of HTML entities) replaced, runs of white space one space, lower case."""
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return regex.sub(r"\s+", " ", text).strip().lower()
