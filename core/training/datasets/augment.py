"""More training texts from those there are: small noise that leaves the meaning, by English word or Chinese character.

Random swaps and deletions after EDA (Wei and Zou, "Easy data augmentation", 2019), without its synonyms: a list of
those would bring words that a product never uses. For Chinese the unit is the character, except in runs of Latin
letters and digits. What carries the meaning is left alone: negations, numbers, placeholders of masked data, words in
capitals. Held-out rows are never augmented, and no augmented text says what any row of the data set says.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.text.language import detect_language

_TOKEN = re.compile(r"\[[A-Z]+_\d+\]|[A-Za-z0-9]+(?:[.'’_-][A-Za-z0-9]+)*|[㐀-䶿一-鿿豈-﫿]|\s+|[^\w\s]|\w+")
_HELD = re.compile(
    r"\[[A-Z]+_\d+\]|.*\d.*|[A-Z]{2,}|(?:no|not|never|none|nothing|neither|nor|without|cannot|hardly|barely|but|if|less|more|"
    r"too|very)|.*n['’]t|[不没无非未别莫勿否难差好坏少多太很最但虽若]",
)
_MARKS = re.compile(r"[^\w\s]|\s+")
_NEIGHBOURS = {
    "a": "qs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_WIDE = {"，": " ", "。": "", "！": "!", "？": "?", "、": " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentOptions:
    """``copies`` of each training row. ``swap``, ``delete``, ``noise``: shares of a text's words (characters) touched.

    ``noise`` is a typing error in a long English word, or a mark of punctuation written another way. Texts of fewer
    than ``least`` words (characters) are left alone: there is nothing in them that could go.
    """

    copies: int = 1
    swap: float = 0.1
    delete: float = 0.1
    noise: float = 0.05
    least: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.copies <= 10:
            raise BadInput("data.option", name="copies", value=self.copies, expected="1 <= x <= 10")
        for name in ("swap", "delete", "noise"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise BadInput("data.option", name=name, value=getattr(self, name), expected="0 <= x <= 0.5")
        if self.swap + self.delete + self.noise == 0:
            raise BadInput("data.option", name="swap + delete + noise", value=0, expected="> 0")


def augment_record(record: dict[str, Any], fields: Sequence[str], options: AugmentOptions) -> Iterator[dict[str, Any]]:
    """Varied copies of ``record``, each marked ``augmented``; fewer than asked where a text gives no more.

    The same record and options give the same copies, whatever stands before or after it.
    """
    seen = {tuple(record[name] for name in fields)}
    for number in range(options.copies):
        source = "\x1f".join((str(options.seed), str(number), *(record[name] for name in fields)))
        generator = random.Random(hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest())
        varied = tuple(augment_text(record[name], generator, options) for name in fields)
        if varied not in seen:
            seen.add(varied)
            yield {**record, **dict(zip(fields, varied, strict=True)), "augmented": True}


def augment_text(text: str, generator: random.Random, options: AugmentOptions) -> str:
    """``text`` varied once; with nothing to vary, ``text`` itself."""
    tokens = _TOKEN.findall(text)
    free = [place for place, token in enumerate(tokens) if not _MARKS.fullmatch(token) and not _HELD.fullmatch(token)]
    if len(free) < options.least:
        return text
    steps = [(options.swap, _swap), (options.delete, _delete), (options.noise, _noise)]
    steps = [step for step in steps if step[0] > 0]
    generator.shuffle(steps)
    for place, (share, change) in enumerate(steps):
        # One kind of change always happens; each further one in every second copy.
        if place and generator.random() < 0.5:
            continue
        for _ in range(max(1, round(share * len(free)))):
            change(tokens, free, generator)
    varied = "".join(tokens)
    joined = varied if detect_language(text) == "zh" else re.sub(r" {2,}", " ", varied)
    return joined.strip() or text


def _swap(tokens: list[str], free: list[int], generator: random.Random) -> None:
    """Two neighbours change places: far swaps would move words from one clause into another."""
    place = generator.randrange(len(free) - 1)
    left, right = free[place], free[place + 1]
    if right - left <= 2:
        tokens[left], tokens[right] = tokens[right], tokens[left]


def _delete(tokens: list[str], free: list[int], generator: random.Random) -> None:
    """One goes, as long as three in four stay."""
    if sum(1 for place in free if tokens[place]) * 4 > len(free) * 3:
        tokens[generator.choice(free)] = ""


def _noise(tokens: list[str], free: list[int], generator: random.Random) -> None:
    long = [place for place in free if len(tokens[place]) >= 5 and tokens[place].isascii() and tokens[place].islower()]
    marks = [place for place, token in enumerate(tokens) if token in _WIDE]
    if long:
        place = generator.choice(long)
        tokens[place] = _mistyped(tokens[place], generator)
    elif marks:
        place = generator.choice(marks)
        tokens[place] = _WIDE[tokens[place]]


def _mistyped(word: str, generator: random.Random) -> str:
    """One inner letter doubled, left out, exchanged with the next, or hit beside its key."""
    place = generator.randrange(1, len(word) - 2)
    kind = generator.randrange(4)
    if kind == 0:
        return word[:place] + word[place] + word[place:]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    if kind == 2:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + generator.choice(_NEIGHBOURS.get(word[place], word[place])) + word[place + 1 :]
