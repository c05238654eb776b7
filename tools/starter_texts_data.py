"""What the shipped GPT-2s learn from: the public data sets, read, cleaned and split by seed."""

from __future__ import annotations

import csv
import html
import json
import random
import re
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from core.models.generation.placeholders import behind_placeholders, hide_in, placeholder, read_attributes
from core.text.sentences import sentence_spans
from core.training.language.data import Example
from core.training.language.packing import Pair

SEED = 20261122
HELD_OUT = 0.03  # of the texts, at most 400, for validation

# --- English ---------------------------------------------------------------------------------------------------------


def read_english(data: Path) -> tuple[list[Example], list[Example]]:
    """Plays, speeches, scripture, short opinions on products, and everyday sentences."""
    training, validation = _split([*_plays(data), *_speeches(data), *_genesis(data), *_opinions(data), *_reviews(data)])
    more_training, more_validation = _split(_everyday(data, 0))
    return training + more_training, validation + more_validation


def _plays(data: Path) -> list[str]:
    """Scenes of about 20 speeches from tinyshakespeare."""
    speeches = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8").split("\n\n")
    return ["\n\n".join(speeches[at : at + 20]).strip() for at in range(0, len(speeches), 20)]


def _speeches(data: Path) -> list[str]:
    found = []
    for name in ("state_union", "inaugural"):
        for text in _zipped(data / "nltk_text_en" / f"{name}.zip", ".txt"):
            paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
            found += _grouped([part for part in paragraphs if len(part) > 40], 1200)
    return found


def _genesis(data: Path) -> list[str]:
    texts = _zipped(data / "nltk_text_en" / "genesis.zip", "english-web.txt")
    return _grouped([" ".join(line.split()) for line in texts[0].splitlines() if line.strip()], 1200)


def _opinions(data: Path) -> list[str]:
    """Pros and cons of products, twelve of a kind under one heading."""
    found = []
    for name, heading in (("IntegratedPros", "Pros"), ("IntegratedCons", "Cons")):
        (text,) = _zipped(data / "nltk_sentiment_en" / "pros_cons.zip", f"{name}.txt")
        found_here = re.findall(r"<(?:Pros|Cons)>(.*?)</(?:Pros|Cons)>", text, re.S)
        lines = [" ".join(html.unescape(html.unescape(line)).split()) for line in found_here]
        kept = [line for line in dict.fromkeys(lines) if 8 <= len(line) <= 300]
        found += [f"{heading}:\n" + "\n".join(kept[at : at + 12]) for at in range(0, len(kept), 12)]
    return found


def _reviews(data: Path) -> list[str]:
    found = []
    for name in ("product_reviews_1", "product_reviews_2"):
        for text in _zipped(data / "nltk_sentiment_en" / f"{name}.zip", ".txt"):
            for review in re.split(r"^\[t\]", text, flags=re.M)[1:]:
                lines = [line.rpartition("##")[2] for line in review.splitlines()[1:] if "##" in line]
                sentence = " ".join(" ".join(lines).split())
                found.append(re.sub(r" ([.,!?;:'])", r"\1", sentence))
    return [text for text in found if len(text) > 80]


# --- Chinese ---------------------------------------------------------------------------------------------------------

_POEMS = (
    "全唐诗",
    "宋词",
    "元曲",
    "五代诗词",
    "曹操诗集",
    "楚辞",
    "水墨唐诗",
    "纳兰性德",
    "诗经",
    "论语",
    "四书五经",
    "幽梦影",
)
_LEFT_OUT = ("author", "intro", "preface", "表面")


def read_chinese(data: Path) -> tuple[list[Example], list[Example]]:
    """Poems and lyrics with their titles, prose of the classics, and everyday sentences; Simplified."""
    import opencc

    simplified = opencc.OpenCC("t2s").convert
    texts = [simplified(text) for text in (*_poems(data), *_primers(data), *_everyday(data, 1))]
    return _split(list(dict.fromkeys(texts)))


def _poems(data: Path) -> list[str]:
    found = []
    for folder in _POEMS:
        for path in sorted((data / "chinese_poetry" / folder).rglob("*.json")):
            if not any(part in path.name for part in _LEFT_OUT):
                content = json.loads(path.read_text(encoding="utf-8"))
                found += [_poem(entry) for entry in (content if isinstance(content, list) else [content])]
    return [text for text in found if text]


def _poem(entry: dict[str, Any]) -> str:
    lines = entry.get("paragraphs") or entry.get("content") or entry.get("para") or []
    lines = [lines] if isinstance(lines, str) else [line for line in lines if isinstance(line, str)]
    title = entry.get("title") or entry.get("rhythmic") or entry.get("chapter") or ""
    body = "\n".join(line.strip() for line in lines if line.strip())
    if len(body) < 8 or "□" in body:
        return ""
    return f"《{title}》\n{body}" if title else body


def _primers(data: Path) -> list[str]:
    """Chapters of the children's primers, whatever their depth in the file."""
    found: list[str] = []

    def walk(node: Any, title: str) -> None:
        if isinstance(node, dict):
            title = str(node.get("chapter") or node.get("title") or title)
            lines = node.get("paragraphs") or node.get("content")
            if isinstance(lines, list) and lines and all(isinstance(line, str) for line in lines):
                found.append(f"《{title}》\n" + "\n".join(lines))
            elif isinstance(lines, list):
                for child in lines:
                    walk(child, title)

    for path in sorted((data / "chinese_poetry" / "蒙学").glob("*.json")):
        walk(json.loads(path.read_text(encoding="utf-8")), "")
    return found


def _everyday(data: Path, column: int) -> list[str]:
    """Tatoeba's sentences, twelve in a text. ``column``: 0 for English, 1 for Chinese."""
    lines = (data / "tatoeba_cmn_eng" / "cmn.txt").read_text(encoding="utf-8").splitlines()
    sentences = list(dict.fromkeys(line.split("\t")[column] for line in lines))
    random.Random(SEED).shuffle(sentences)
    return ["\n".join(sentences[at : at + 12]) for at in range(0, len(sentences), 12)]


# --- attributes to a description -----------------------------------------------------------------------------------


def read_descriptions(data: Path) -> tuple[list[Example], list[Example]]:
    """Attribute sets with a description each (E2E's development set); a tenth of the sets is held out.

    Values that are said as they stand are put behind placeholders on both sides (delexicalised; Wen et al. 2015,
    arXiv:1508.01745), so that the model learns where a name goes and never which; sets that differ only there are one.
    Pairs whose text does not hold each such value word for word are left out, and none is learnt from that forgets a
    full stop.
    """
    pairs: list[Pair] = []
    for attributes, text in _rows(data / "e2e_nlg" / "devset.csv"):
        values = dict(re.findall(r"(\w[\w ]*)\[(.*?)\]", attributes))
        if (hidden := hide_in(text, values, COPIED)) is not None:
            pairs.append(Pair(behind_placeholders(values, COPIED), hidden))
    sets = sorted({pair.prompt for pair in pairs})
    held_out = set(random.Random(SEED).sample(sets, len(sets) // 10))
    kept = [pair for pair in pairs if pair.prompt not in held_out and not _NO_STOP.search(pair.response)]
    kept += _sentences(kept, held_out)
    training: list[Example] = list(dict.fromkeys([*kept, *_without_kind(kept, held_out)]))
    validation: list[Example] = list(dict.fromkeys(pair for pair in pairs if pair.prompt in held_out))
    return training, validation[:400]


_NO_STOP = re.compile(r"[a-z0-9X] (?:It|They|There|The) |(?<![.!?])$")

# What people say of values that are worded freely.
SAID = {
    "priceRange": r"pric|£|cheap|expens|cost|afford|moderate|budget|pound",
    "customer rating": r"\brat|star|out of|review|scor|custom",
    "familyFriendly": r"famil|kid|child|adult",
}


def _sentences(pairs: Sequence[Pair], held_out: Collection[str]) -> list[Pair]:
    """Sentences that name their place, each with the attributes that it says itself: the sets of E2E have three
    attributes at least, and people fill in two."""
    found = []
    for pair in pairs:
        for start, end in sentence_spans(pair.response):
            sentence = pair.response[start:end].strip()
            values = {
                name: value
                for name, value in read_attributes(pair.prompt).items()
                if (value in sentence if name in COPIED else re.search(SAID[name], sentence, re.IGNORECASE))
            }
            prompt = behind_placeholders(values, COPIED)
            if "name" in values and len(values) > 1 and prompt not in held_out:
                found.append(Pair(prompt, sentence))
    return found


def _without_kind(pairs: Sequence[Pair], held_out: Collection[str]) -> list[Pair]:
    """The pairs once more without their kind of place, which the text then leaves open: few rows come without one."""
    kind, found = f"; eatType: {placeholder('eatType')}", []
    for number, pair in enumerate(pairs):
        prompt = pair.prompt.replace(kind, "")
        if prompt != pair.prompt and prompt not in held_out:
            word = ("place", "restaurant", "venue")[number % 3]
            found.append(Pair(prompt, pair.response.replace(placeholder("eatType"), word)))
    return found


COPIED = ("name", "near", "food", "eatType", "area")
WORDED = ("priceRange", "customer rating", "familyFriendly")


def _rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [(row["mr"], row["ref"].strip()) for row in csv.DictReader(file)]


# --- shared --------------------------------------------------------------------------------------------------------


def _zipped(path: Path, ending: str) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(ending) and "README" not in name)
        return [archive.read(name).decode("latin-1") for name in names]


def _grouped(parts: Sequence[str], length: int) -> list[str]:
    """Neighbours joined to texts of about ``length`` characters."""
    found, some = [], ""
    for part in parts:
        some = f"{some}\n{part}" if some else part
        if len(some) >= length:
            found.append(some)
            some = ""
    return [*found, some] if some else found


def _split(texts: Sequence[str]) -> tuple[list[Example], list[Example]]:
    shuffled = list(texts)
    random.Random(SEED).shuffle(shuffled)
    held_out = min(400, max(1, round(HELD_OUT * len(shuffled))))
    return list(shuffled[held_out:]), list(shuffled[:held_out])
