"""Writes `golden.json` of rust/tokens: what tiktoken counts, for its test `golden.rs`.

    .venv/bin/python scripts/golden_tokens.py

It needs tiktoken and LiteLLM (requirements/clients.txt), whose wheel holds the vocabularies: nothing is fetched. Of the
recorded traffic only sums are kept.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "rust/tokens/tests/it/golden.json"
WIRE = Path(os.environ.get("TOLLWAY_WIRE", ROOT.parent / "shared/wire")) / "recordings.jsonl.gz"

PIECES = [
    *("a", "the", " the", "The", "don't", " I'll", "WE'VE", "naïve", "ﬁne", "ß", "İstanbul", "ǅ", "straße"),
    *(" ", "  ", "\t", "\n", "\r\n", "\n\n", " \n", "\u00a0", "\u3000", "\u2028", "\u200b", "\ufeff"),
    *("1", "42", "1234567", "3.14", "١٢٣", "Ⅷ", "½", "²"),
    *("日本語", "中文字符", "한국어", "ไทย", "हिन्दी", "עברית", "العربية", "Ελληνικά", "Русский"),
    *("🙂", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\u0301", "\U0010ffff", "\x00", "\x7f"),
    *("<|endoftext|>", "<|im_start|>", "</s>", "[INST]"),
    *(
        "fn main() {",
        "}",
        ";\n",
        "    ",
        "#include <",
        "==",
        "!=",
        "//",
        "/*",
        "*/",
        "\\n",
        '"',
        "'",
        "`",
        "$x",
        "_",
        "-",
    ),
    *("http://", "a@b.c", "...", "!!!", "——", '{"k": [1, 2]}', "0x1F", "camelCaseWord", "snake_case", "SCREAMING"),
]


def texts() -> Iterator[str]:
    yield from PIECES
    yield from ("a" * 1000, " " * 1000, "\n" * 300, "ab " * 300, "=" * 500, "日" * 300, "0" * 500, "aA" * 300)
    chance = random.Random(20261121)  # noqa: S311
    for _ in range(400):
        yield "".join(chance.choices(PIECES, k=chance.randint(2, 12)))
    for _ in range(100):
        yield "".join(
            chr(chance.choice((chance.randint(1, 0xD7FF), chance.randint(0xE000, 0x1FFFF)))) for _ in range(20)
        )


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from strings(value[key])
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry)


def main() -> None:
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        raise SystemExit("LiteLLM is not installed")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(spec.origin).parent / "litellm_core_utils/tokenizers")
    import tiktoken  # noqa: PLC0415 - after its folder is set

    encodings = [tiktoken.get_encoding(name) for name in ("o200k_base", "cl100k_base")]

    def counts(text: str) -> list[int]:
        return [len(encoding.encode_ordinary(text)) for encoding in encodings]

    recorded = [0, 0, 0]
    with gzip.open(WIRE, "rt", encoding="utf-8") as lines:
        for line in lines:
            for text in strings(json.loads(line)["req"].get("json")):
                recorded = [sum(pair) for pair in zip(recorded, [1, *counts(text)], strict=True)]
    golden = {"recorded": recorded, "texts": [[text, *counts(text)] for text in texts()]}
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")).replace("],[", "],\n[") + "\n")


main()
