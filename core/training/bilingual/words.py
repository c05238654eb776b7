"""New rows for an English WordPiece encoder: which Chinese words get one, what they start from, how text finds them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.extended import HAN

Rows = NDArray[np.float32]

_EMPTY_WORDS = frozenset(
    "a an the to of for in on at by with and or be is are sth sb one's sb's that which as from into his her etc".split()
)
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_REFERENCE = re.compile(
    r"^(cl:|see |see also|variant of|old variant|also written|abbr\. for|used in|same as|erhua)", re.I
)
_HAN_ONLY = re.compile(f"^[{HAN}]+$")


@dataclass(frozen=True, slots=True)
class Headword:
    """One dictionary entry: both scripts and its English meanings, the plainest first."""

    traditional: str
    simplified: str
    glosses: tuple[str, ...]
    proper: bool


def parse_entry(line: str) -> Headword | None:
    """A line of CC-CEDICT ("Traditional Simplified [pinyin] /gloss/gloss/"); None for comments and empty meanings."""
    found = re.match(r"(\S+) (\S+) \[([^\]]*)\] /(.*)/", line)
    if not found or line.startswith("#"):
        return None
    glosses = tuple(gloss for part in found[4].split("/") if (gloss := clean_gloss(part)))
    return Headword(found[1], found[2], glosses, found[3][:1].isupper()) if glosses else None


def clean_gloss(gloss: str) -> str:
    """The meaning alone: without asides, pinyin and measure words; "" for a mere pointer to another entry."""
    if _REFERENCE.match(gloss.strip()):
        return ""
    while (shorter := _ASIDE.sub("", gloss)) != gloss:
        gloss = shorter
    return " ".join(re.sub(f"[{HAN}|]", "", gloss).split()).strip(" ;,")


def meanings(entries: Sequence[Headword]) -> dict[str, list[str]]:
    """Simplified headword to its meanings; those of proper names last."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.proper):
        found[entry.simplified] += [gloss for gloss in entry.glosses if gloss not in found[entry.simplified]]
    return dict(found)


def choose_rows(entries: Sequence[Headword], frequency: Mapping[str, int], words: int) -> list[str]:
    """Every character that a word of several is written with, then the ``words`` most frequent words, in Simplified."""
    heads = {entry.simplified for entry in entries if _HAN_ONLY.match(entry.simplified)}
    characters = sorted({character for head in heads if len(head) > 1 for character in head})
    several = sorted((head for head in heads if 2 <= len(head) <= 6), key=lambda head: (-frequency.get(head, 0), head))
    return characters + sorted(several[:words])


def spellings(
    rows: Sequence[str], entries: Sequence[Headword], to_traditional: Sequence[Callable[[str], str]]
) -> list[list[str]]:
    """Of each row: itself, and its Traditional spellings where they are no row of their own."""
    known = set(rows)
    spelt: dict[str, str] = {}
    for entry in entries:
        if entry.simplified in known and _HAN_ONLY.match(entry.traditional):
            spelt.setdefault(entry.traditional, entry.simplified)
        if len(entry.traditional) == len(entry.simplified):
            for old, new in zip(entry.traditional, entry.simplified, strict=True):
                if new in known and _HAN_ONLY.match(old):
                    spelt.setdefault(old, new)
    for convert in to_traditional:
        for row in rows:
            spelt.setdefault(convert(row), row)
    spelt.update({row: row for row in rows})
    at = {row: i for i, row in enumerate(rows)}
    found = [[row] for row in rows]
    for name, row in sorted(spelt.items()):
        if name != row:
            found[at[row]].append(name)
    return found


def first_rows(rows: Sequence[str], meaning: Mapping[str, Sequence[str]], base: Rows, tokenizer: Any) -> Rows:
    """A start for each row, float32 [len(rows), d]: the mean of the English tokens of its first three meanings.

    A row without a meaning starts from the mean of the rows of words it occurs in. All get the usual length of a row.
    """
    length = float(np.median(np.linalg.norm(base, axis=1)))
    start = np.zeros((len(rows), base.shape[1]), np.float32)
    for i, row in enumerate(rows):
        for rank, gloss in enumerate(meaning.get(row, ())[:3]):
            words = [w for w in re.findall(r"[\w'.-]+", gloss.lower()) if w not in _EMPTY_WORDS] or [gloss]
            ids = tokenizer.encode(" ".join(words), add_special_tokens=False).ids[:12]
            if ids:
                start[i] += base[ids].mean(0) / (1 + rank)
    at = {row: i for i, row in enumerate(rows)}
    sums: dict[str, Rows] = defaultdict(lambda: np.zeros(base.shape[1], np.float32))
    for row in rows:
        for character in row if len(row) > 1 else "":
            sums[character] += start[at[row]]
    for i, row in enumerate(rows):
        if not start[i].any():
            start[i] = sums[row] if sums[row].any() else base.mean(0)
    unit = start / np.linalg.norm(start, axis=1, keepdims=True).clip(1e-6)
    return np.asarray(unit * length, np.float32)
