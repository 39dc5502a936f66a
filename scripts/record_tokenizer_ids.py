"""Records what OpenAI's and open_clip's tokenizers make of ordinary and hostile texts: tests/data/tokenizer_ids.json.

    pip install --target peers --no-deps openai-clip open_clip_torch ftfy regex wcwidth
    python scripts/record_tokenizer_ids.py peers

Only their tokenizer files are loaded (open_clip's wants torch). The hostile texts are drawn from a fixed seed.
"""

import html
import importlib.util
import json
import random
import sys
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "tokenizer_ids.json"

ORDINARY = [
    "a photo of a cat",
    "A Photo Of A CAT.",
    "an emoji of pot of food, food and drink",
    "it's the dog's, we're sure they've won; I'm glad you'll say he'd can't",
    "4x4 in 1999: 3.14 % of 1,000,000",
    "The quick brown fox jumps over the lazy dog! (twice?)",
    "naïve café, Zürich, Ångström, œuvre, straße",
    "фотография кошки",
    "一张猫的照片",
    "猫の写真です",
    "고양이 사진",
    "صورة قطة",
    "תמונה של חתול",
    "एक बिल्ली की तस्वीर",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
]
HOSTILE = [
    "",
    " ",
    "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0\u2003\u2028\u3000",
    "a\u00a0b\u2003c\u200bd\u2060e\ufefff",
    "\x00\x01\x7f\x80\x9f",
    "&amp;lt;b&amp;gt; &lt;i&gt; &#233;&#x1F600; &notit; &amp;amp;amp;",
    "â€œmojibakeâ€\x9d CafÃ© lâ€™hÃ´tel",
    "l’hôtel “quoted” ‘single’ – — … ﬁ ﬂ",
    "ＦＵＬＬ　ｗｉｄｔｈ １２３",
    "👩\u200d👩\u200d👧\u200d👦 👍🏽 🇨🇭 ❤\ufe0f 1\ufe0f\u20e3",
    "İstanbul ISTANBUL ıI ß ẞ ſ 'ſ it'ſ K Å Ω",
    "e\u0301 é a\u0308\u0323\u0327 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
    "² ³ ½ Ⅷ ① ٣ ৪ 五 ๙",
    "<|startoftext|> <|endoftext|>",
    "<start_of_text> <end_of_text>",
    "<|STARTOFTEXT|>a<|EndOfText|>",
    "x<|endoftext|>y<end_of_text>z",
    "'S 'T 'RE 'VE 'M 'LL 'D ''s 'sss s's",
    "don’t it’s",
    "a" * 300,
    "ab" * 200,
    "!?" * 100,
    "word " * 100,
    "9" * 100,
    "\u202eright to left\u202c \u2066isolate\u2069",
    "</w> a</w> </w>b Ġ Ċ ÃĦ",
    "https://example.org/a_b?c=d&e=%20#f user@example.org C:\\dir\\file.txt",
    "\ud7ff\ue000\ufffd\U0010ffff",
    "Ⅳ ꙮ ﷽ 𒐫 𝕬𝖇𝖈 𝟛",
    "\u1e9e\u0130\u0149\u01f0\u0390\u03b0 ΣΑΣ ὈΔΥΣΣΕΎΣ",
]


def drawn(n, seed=0):
    """Random texts: mixed scripts, spoiled encodings, entities, controls."""
    rng = random.Random(seed)
    blocks = [(32, 126), (160, 255), (0x100, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F)]
    blocks += [
        (0x2000, 0x206F),
        (0x2100, 0x218F),
        (0x3040, 0x30FF),
        (0x4E00, 0x4FFF),
        (0xAC00, 0xACFF),
        (0xFE00, 0xFFEF),
    ]
    blocks += [(0x1F300, 0x1F6FF), (0, 31), (127, 159)]
    for _ in range(n):
        parts = []
        for _ in range(rng.randint(1, 6)):
            low, high = rng.choice(blocks)
            part = "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 8)))
            spoil = rng.random()
            if spoil < 0.15:
                part = part.encode("utf-8").decode("latin-1")
            elif spoil < 0.3:
                part = html.escape(html.escape(part))
            elif spoil < 0.4:
                part = part.encode("utf-8").decode("cp1252", "replace")
            elif spoil < 0.5:
                part = "".join(f"&#{ord(c)};" for c in part)
            parts.append(part)
        yield rng.choice(["", " ", "  ", "'", "-"]).join(parts)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()


def main(folder):
    sys.path.insert(0, folder)
    openai, open_clip = (load(Path(folder) / f) for f in ("clip/simple_tokenizer.py", "open_clip/tokenizer.py"))
    texts = [*ORDINARY, *HOSTILE, *drawn(400)]
    rows = [{"text": t, "openai": openai.encode(t), "open_clip": open_clip.encode(t)} for t in texts]
    for row in rows:
        if row["open_clip"] == row["openai"]:
            del row["open_clip"]
    lines = ",\n".join(json.dumps(row) for row in rows)
    OUTPUT.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(rows)} texts, of which open_clip differs in {sum('open_clip' in row for row in rows)}")


if __name__ == "__main__":
    main(sys.argv[1])
