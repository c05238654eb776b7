"""Personal data in text: found by rules, replaced by typed placeholders that keep who is who.

``Call 13812345678 or a@b.com, again 13812345678`` becomes ``Call [PHONE_1] or [EMAIL_1], again [PHONE_1]``. Rules
find what has a shape (numbers with check digits, addresses with a house number, names after a title); what has none, a
name in running text, stays. ``benchmarks/privacy.py`` prints recall and precision a kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.access import personal_numbers, personal_words

Kind = Literal["email", "iban", "cn_id", "bank_card", "ip", "phone", "address", "person"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_TAGS: dict[Kind, str] = {
    "email": "EMAIL", "iban": "IBAN", "cn_id": "ID", "bank_card": "CARD", "ip": "IP", "phone": "PHONE",
    "address": "ADDRESS", "person": "PERSON",
}  # fmt: skip
# In order of trust: where two overlap, the earlier one is right.
_FINDERS: tuple[tuple[Kind, Callable[[str], Iterator[tuple[int, int]]]], ...] = (
    ("email", personal_numbers.emails),
    ("iban", personal_numbers.ibans),
    ("cn_id", personal_numbers.identity_numbers),
    ("bank_card", personal_numbers.bank_cards),
    ("ip", personal_numbers.machine_addresses),
    ("phone", personal_numbers.phones),
    ("address", personal_words.addresses),
    ("person", personal_words.names),
)
PLACEHOLDER = re.compile(rf"\[(?P<tag>{'|'.join(_TAGS.values())})_(?P<number>\d{{1,6}})\]")
# One character for one, so that spans of the folded text are spans of the text.
_FOLD = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "，！？；"}
_FOLD |= dict.fromkeys(map(ord, "\u3000\u00a0\u2007\u202f"), " ") | dict.fromkeys(map(ord, "‐‑‒–—−"), "-")


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One find: ``text[start:end]`` is of ``kind``."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """``text`` with placeholders; ``found`` are the spans in the text as it was, in order, none overlapping.

    ``values``: what each new placeholder stands for, as it was first written.
    """

    text: str
    found: tuple[PersonalData, ...]
    values: Mapping[str, str] = field(default_factory=dict)


def fold(text: str) -> str:
    """Full-width digits, letters and signs, odd spaces and dashes as plain ones; the length stays."""
    return text.translate(_FOLD)


def find_personal(text: str, kinds: Collection[Kind] = KINDS) -> tuple[PersonalData, ...]:
    """Personal data in ``text``, in order, none overlapping. Placeholders of an earlier masking are passed over.

    What is left between finds is searched again as texts of their own until nothing is found: masking what was masked
    changes nothing.
    """
    folded = fold(text)
    found: list[PersonalData] = []
    waiting = list(_gaps(folded, 0, [match.span() for match in PLACEHOLDER.finditer(text)]))
    while waiting:
        base, piece = waiting.pop()
        here = _find(piece, kinds)
        found += [PersonalData(item.kind, base + item.start, base + item.end) for item in here]
        if here:
            waiting += _gaps(piece, base, [(item.start, item.end) for item in here])
    return tuple(sorted(found, key=lambda item: item.start))


def mask_personal(text: str, kinds: Collection[Kind] = KINDS) -> Masked:
    """Replaces personal data by ``[EMAIL_1]``, ``[PHONE_2]``: the same value bears the same number within a text.

    Nothing outside the spans changes, and masking twice gives what masking once gave.
    """
    found = find_personal(text, kinds)
    numbers: dict[tuple[str, str], int] = {}
    highest: dict[str, int] = {}
    for match in PLACEHOLDER.finditer(text):
        highest[match["tag"]] = max(highest.get(match["tag"], 0), int(match["number"]))
    parts: list[str] = []
    values: dict[str, str] = {}
    at = 0
    for item in found:
        tag = _TAGS[item.kind]
        written = text[item.start : item.end]
        key = (tag, _value(written))
        if key not in numbers:
            highest[tag] = numbers[key] = highest.get(tag, 0) + 1
        placeholder = f"[{tag}_{numbers[key]}]"
        values.setdefault(placeholder, written)
        parts += (text[at : item.start], placeholder)
        at = item.end
    return Masked("".join((*parts, text[at:])), found, values)


_BEGUN = re.compile(r"\[[A-Z]{0,7}(?:_\d{0,6})?$")


def unmasked(pieces: Iterable[str], values: Mapping[str, str]) -> Iterator[str]:
    """A text that comes in pieces, with the placeholders of :func:`mask_personal` replaced by what they stand for.

    A piece that ends within a placeholder waits for the next one.
    """
    waiting = ""
    for piece in pieces:
        waiting += piece
        begun = _BEGUN.search(waiting)
        ready, waiting = (waiting[: begun.start()], waiting[begun.start() :]) if begun else (waiting, "")
        if ready:
            yield PLACEHOLDER.sub(lambda match: values.get(match.group(), match.group()), ready)
    if waiting:
        yield waiting


def _value(written: str) -> str:
    """What two ways of writing one thing have in common: no spaces and signs, one case, no country code of China."""
    plain = re.sub(r"[\W_]", "", fold(written)).casefold()
    return re.sub(r"^(?:00)?86(?=1[3-9]\d{9}$)", "", plain)


def _gaps(text: str, base: int, spans: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    at = 0
    for start, end in (*spans, (len(text), len(text))):
        if start > at:
            yield base + at, text[at:start]
        at = end


def _find(text: str, kinds: Collection[Kind]) -> list[PersonalData]:
    taken = bytearray(len(text))
    found: list[PersonalData] = []
    for kind, finder in _FINDERS:
        if kind not in kinds:
            continue
        for start, end in sorted(finder(text), key=lambda span: (span[0], -span[1])):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(PersonalData(kind, start, end))
    return sorted(found, key=lambda item: item.start)
