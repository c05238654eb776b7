"""What the shipped sentiment classifier learns from, and what is held back to judge it: read, cleaned, split by hash.

Three classes. Reviews give positive and negative; neutral are questions, help pages and everyday statements without a
word of an opinion. Everyday sentences are labelled by their English side (VADER's lexicon, Hutto and Gilbert 2014, and
Hu and Liu's opinion lexicon must agree), and their Chinese side takes the same label.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import math
import random
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HELP = Path(__file__).resolve().parent.parent / "core" / "training" / "data"
NEGATIVE, NEUTRAL, POSITIVE = "negative", "neutral", "positive"
LABELS = (NEGATIVE, NEUTRAL, POSITIVE)
HELD_PRODUCTS = ("Nokia_6600", "Canon_G3")  # of the product reviews: for tests only
_SURE = 0.4  # of VADER's compound score, in -1..1, from which a sentence has an opinion
_NOT = frozenset("not no never none cannot without hardly n't nor".split())
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|[.,!?;:]")
# A bank's customer who asks how something is done; who says that it did not work is not neutral.
_ASKS = re.compile(r"(?:how|what|which|where|when|who|can|could|may|do|does|is|are|will)\b", re.IGNORECASE)
_KEEP = re.compile(r"[^\w]+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled text. ``language``: en or zh. ``source``: which data set it is from. ``pair``: its translation's
    English text, so that both go to the same split."""

    text: str
    label: str
    language: str
    source: str
    pair: str = ""

    @property
    def share(self) -> float:
        """A number in 0..1 that stays with the text: where it falls decides its split."""
        return _share(self.pair or self.text)


def normal(text: str) -> str:
    """By which two texts are the same: no marks, no spaces, lower case."""
    return _KEEP.sub("", text).lower()


def _share(text: str) -> float:
    return int.from_bytes(hashlib.sha256(normal(text).encode()).digest()[:6], "big") / 2**48


# --- opinion words -------------------------------------------------------------------------------------------------


@cache
def _lexicons(data: Path) -> tuple[dict[str, float], frozenset[str], frozenset[str]]:
    """VADER's valences (-4..4), and Hu and Liu's positive and negative words."""
    folder = data / "nltk_sentiment_en"
    (vader,) = _zipped(folder / "vader_lexicon.zip", "vader_lexicon.txt")
    valences = {parts[0]: float(parts[1]) for line in vader.splitlines() if len(parts := line.split("\t")) > 1}
    positive, negative = (
        frozenset(
            line.strip()
            for line in _zipped(folder / "opinion_lexicon.zip", f"{name}-words.txt")[0].splitlines()
            if line.strip() and not line.startswith(";")
        )
        for name in (POSITIVE, NEGATIVE)
    )
    return valences, positive, negative


def opinion(text: str, data: Path) -> tuple[float, int, int]:
    """(VADER's compound score with negation, positive words, negative words) of an English text."""
    valences, positive, negative = _lexicons(data)
    words = _WORD.findall(text.lower().replace("’", "'"))
    total = 0.0
    for at, word in enumerate(words):
        if word in valences:
            before = words[max(0, at - 3) : at]
            turned = any(item in _NOT or item.endswith("n't") for item in before)
            total += valences[word] * (-0.74 if turned else 1)
    compound = total / math.sqrt(total * total + 15)
    return compound, sum(word in positive for word in words), sum(word in negative for word in words)


def everyday_label(text: str, data: Path) -> str:
    """The class of an everyday English sentence, "" where the lexicons are not sure or do not agree."""
    score, positive, negative = opinion(text, data)
    if abs(score) < 0.05 and not positive and not negative:
        return NEUTRAL
    if "?" in text:
        return NEUTRAL if not negative and score >= 0 else ""
    turned = _turned(text)
    if score >= _SURE and positive and not negative and not turned:
        return POSITIVE
    return NEGATIVE if score <= -_SURE and (negative or turned) and not (positive and not turned) else ""


def _turned(text: str) -> bool:
    """Whether the text denies something."""
    return bool(_NOT & set(_WORD.findall(text.lower()))) or "n't" in text


# --- the sets ------------------------------------------------------------------------------------------------------


def _zipped(path: Path, ending: str) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(ending) and "README" not in name)
        return [archive.read(name).decode("latin-1") for name in names]


def pros_cons(data: Path) -> Iterator[Row]:
    """Short praise and blame of products. A list of nouns under a heading says nothing by itself and is left out."""
    for name, label in (("IntegratedPros", POSITIVE), ("IntegratedCons", NEGATIVE)):
        (text,) = _zipped(data / "nltk_sentiment_en" / "pros_cons.zip", f"{name}.txt")
        for line in re.findall(r"<(?:Pros|Cons)>(.*?)</(?:Pros|Cons)>", text, re.S):
            clean = " ".join(html.unescape(html.unescape(line)).split())
            _, positive, negative = opinion(clean, data)
            if 8 <= len(clean) <= 300 and (positive if label == POSITIVE else negative):
                yield Row(clean, label, "en", "pros_cons")


def product_reviews(data: Path, *, held: bool = False) -> Iterator[Row]:
    """Sentences of product reviews by the sum of their aspect marks; unmarked ones without opinion words: neutral."""
    for name in ("product_reviews_1", "product_reviews_2"):
        with zipfile.ZipFile(data / "nltk_sentiment_en" / f"{name}.zip") as archive:
            for file in sorted(archive.namelist()):
                if not file.endswith(".txt") or "README" in file:
                    continue
                if any(product in file for product in HELD_PRODUCTS) == held:
                    yield from _marked(archive.read(file).decode("latin-1"), data)


def _marked(text: str, data: Path) -> Iterator[Row]:
    for line in text.splitlines():
        marks, found, sentence = line.partition("##")
        clean = re.sub(r" ([.,!?;:'])", r"\1", " ".join(sentence.split()))
        if not found or not 8 <= len(clean) <= 400:
            continue
        given = [int(mark) for mark in re.findall(r"\[([+-]\d)\]", marks)]
        if given and (all(mark > 0 for mark in given) or all(mark < 0 for mark in given)):
            yield Row(clean, POSITIVE if given[0] > 0 else NEGATIVE, "en", "product_reviews")
        elif not marks.strip() and not _turned(clean) and everyday_label(clean, data) == NEUTRAL:
            yield Row(clean, NEUTRAL, "en", "product_reviews")


def sst2(data: Path, name: str = "train.tsv") -> Iterator[Row]:
    """Phrases and sentences of film reviews; ``test.tsv`` is GLUE's development set."""
    with (data / "sst2_sentences" / name).open(encoding="utf-8") as lines:
        for line in list(lines)[1:]:
            text, _, label = line.rstrip("\n").rpartition("\t")
            if name == "test.tsv" or len(text.split()) >= 4:
                yield Row(text.strip(), POSITIVE if label == "1" else NEGATIVE, "en", "sst2")


def chnsenticorp(data: Path, name: str = "train.tsv") -> Iterator[Row]:
    """Reviews of hotels, books and computers. The labelled test rows that also stand in train are left out."""
    folder = data / "chnsenticorp"
    if name == "test":
        known = {normal(row.text) for part in ("train.tsv", "dev.tsv") for row in chnsenticorp(data, part)}
        with (folder / "test_labelled_derived.tsv").open(encoding="utf-8") as lines:
            for line in list(lines)[1:]:
                _, label, text = line.rstrip("\n").split("\t", 2)
                if normal(text) not in known:
                    yield Row(text, POSITIVE if label == "1" else NEGATIVE, "zh", "chnsenticorp")
        return
    with (folder / name).open(encoding="utf-8") as lines:
        for line in lines:
            text, _, label = line.rstrip("\n").rpartition("\t")
            if label in (POSITIVE, NEGATIVE) and text.strip():
                yield Row(text.strip(), label, "zh", "chnsenticorp")


def waimai(data: Path) -> Iterator[Row]:
    """Take-away reviews."""
    with (data / "waimai_10k" / "waimai_10k.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["review"].strip():
                yield Row(row["review"].strip(), POSITIVE if row["label"] == "1" else NEGATIVE, "zh", "waimai")


def everyday(data: Path) -> Iterator[Row]:
    """Tatoeba's sentences of which the lexicons are sure, in both languages."""
    import opencc

    simplified = opencc.OpenCC("t2s").convert
    for line in (data / "tatoeba_cmn_eng" / "cmn.txt").read_text(encoding="utf-8").splitlines():
        english, chinese = line.split("\t")[:2]
        label = everyday_label(english, data)
        if label:
            yield Row(english, label, "en", "tatoeba")
            yield Row(simplified(chinese), label, "zh", "tatoeba", english)


def plain(data: Path) -> Iterator[Row]:
    """Neutral by what they are: questions to companies and sentences of help pages, in both languages."""
    with (data / "banking77" / "train.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if _ASKS.match(row["text"]) and everyday_label(row["text"], data) == NEUTRAL:
                yield Row(row["text"], NEUTRAL, "en", "banking77")
    for language, other in (("en", "question_zh"), ("zh", "question_en")):
        for item in _help(language, "questions"):
            yield Row(item["question"], NEUTRAL, language, "help")
            if item.get(other):
                yield Row(item[other], NEUTRAL, "zh" if language == "en" else "en", "help")
        for item in _help(language, "passages"):
            for sentence in re.split(r"(?<=[。！？；])|(?<=[.!?])\s|\n", item["text"]):
                if 8 <= len(sentence.strip()) <= 160:
                    yield Row(sentence.strip(), NEUTRAL, language, "help")


def _help(language: str, name: str) -> list[dict[str, str]]:
    with (HELP / f"help_{language}_{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# --- splits --------------------------------------------------------------------------------------------------------

HELD_OUT = {"pros_cons": 0.03, "waimai": 0.1, "tatoeba": 0.1}  # share of the set that only tests see
_VALIDATION = 0.05
# Source, rows of each class that are learnt from at most.
_LIMITS: tuple[tuple[Callable[[Path], Iterator[Row]], int], ...] = (
    (pros_cons, 2200),
    (product_reviews, 2000),
    (sst2, 3500),
    (chnsenticorp, 3600),
    (waimai, 3200),
    (everyday, 4000),
    (plain, 4000),
)


def held(source: Callable[[Path], Iterator[Row]], data: Path) -> list[Row]:
    """The rows of ``source`` that only tests see, each once."""
    rows = {normal(row.text): row for row in source(data) if _is_held(row)}
    return list(rows.values())


def _is_held(row: Row) -> bool:
    return row.share < HELD_OUT.get(row.source, 0.0)


def training_rows(data: Path, *, scale: float = 1.0, seed: int = 20261122) -> tuple[list[Row], list[Row]]:
    """Rows to learn from and rows to choose and calibrate on, no text in both, none of the held-out ones.

    ``scale``: share of the full number of rows, for a quick look.
    """
    taken = {normal(row.text) for row in _never(data)}
    chance = random.Random(seed)
    training: list[Row] = []
    validation: list[Row] = []
    for source, limit in _LIMITS:
        for row in _some(list(source(data)), max(3, round(limit * scale)), taken, chance):
            (validation if row.share > 1 - _VALIDATION else training).append(row)
    chance.shuffle(training)
    return training, validation


def _never(data: Path) -> Iterator[Row]:
    """Every row of a test."""
    yield from sst2(data, "test.tsv")
    yield from chnsenticorp(data, "dev.tsv")
    yield from chnsenticorp(data, "test")
    yield from product_reviews(data, held=True)


def _some(rows: Sequence[Row], limit: int, taken: set[str], chance: random.Random) -> list[Row]:
    """At most ``limit`` rows of each class and language, each text once; ``taken`` grows by them."""
    chosen: list[Row] = []
    counts: dict[tuple[str, str], int] = {}
    for row in chance.sample(rows, len(rows)):
        kind, key = (row.label, row.language), normal(row.text)
        if key and key not in taken and counts.get(kind, 0) < limit and not _is_held(row):
            taken.add(key)
            counts[kind] = counts.get(kind, 0) + 1
            chosen.append(row)
    return chosen
