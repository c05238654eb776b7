"""Golden questions judged: did the answer say what was expected, from where it was expected. Pure, no search.

Comparing two runs question by question gives what a change broke and mended; what it broke blocks publishing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.assistant.claim_values import values
from core.types import Answer, Rung

Why = Literal[
    "right", "refused_rightly", "refused", "answered_unanswerable", "wrong_document", "answer_missing", "person"
]

_LOOSE = re.compile(r"[\s\W_]+")
_DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class GoldenExpectation:
    """What is expected of one question. ``document`` and ``answer`` may be empty: then they are not checked.

    ``answer``: words that must be in the answer; alternatives are separated by ``|``.
    """

    document: str = ""
    answer: str = ""
    answerable: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """``why`` is a stable code; its sentence is ``assistant.verdict.<why>`` in the catalogues."""

    passed: bool
    why: Why


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs by question id. ``added`` and ``removed`` are questions that only one of the runs holds."""

    newly_failing: tuple[int, ...]
    newly_passing: tuple[int, ...]
    unchanged: tuple[int, ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]


def judge(expected: GoldenExpectation, answer: Answer) -> Verdict:
    """Did ``answer`` pass. Numbers, widths, scripts (Traditional, Simplified) and punctuation may differ."""
    refused = answer.refusal is not None or answer.text is None
    if not expected.answerable:
        return Verdict(True, "refused_rightly") if refused else Verdict(False, "answered_unanswerable")
    if refused:
        return Verdict(False, "refused")
    if answer.rung in (Rung.PERSON, Rung.SMALLTALK):
        return Verdict(False, "person")
    if expected.answer and not _says(expected.answer, answer):
        return Verdict(False, "answer_missing")
    # An approved FAQ entry is the owner's own word: it needs no document behind it.
    if expected.document and answer.rung is not Rung.FAQ and not _cites(expected.document, answer):
        return Verdict(False, "wrong_document")
    return Verdict(True, "right")


def compare(previous: Mapping[int, Verdict], current: Mapping[int, Verdict]) -> Comparison:
    """What changed between two runs, ids in order."""
    both = sorted(previous.keys() & current.keys())
    return Comparison(
        newly_failing=tuple(i for i in both if previous[i].passed and not current[i].passed),
        newly_passing=tuple(i for i in both if not previous[i].passed and current[i].passed),
        unchanged=tuple(i for i in both if previous[i].passed == current[i].passed),
        added=tuple(sorted(current.keys() - previous.keys())),
        removed=tuple(sorted(previous.keys() - current.keys())),
    )


def gate(previous: Mapping[int, Verdict], current: Mapping[int, Verdict]) -> list[int]:
    """Questions that passed and now fail: while there are any, a changed knowledge base is not published."""
    return list(compare(previous, current).newly_failing)


def loose(text: str) -> str:
    """Folded text whose numbers are digits ("thirty" and 三十 are 30), without punctuation and white space."""
    folded = _THOUSANDS.sub("", values(text).text)
    return _LOOSE.sub("", _DECIMAL.sub("点", folded))


def _says(expected: str, answer: Answer) -> bool:
    parts = [answer.text or "", *(f"{c.header}\n{c.quote}" for c in answer.citations)]
    said = [_spaced(part) for part in parts]
    wanted = [_spaced(one) for one in expected.split("|") if one.strip()]
    return not wanted or any(_within(one, part) for one in wanted for part in said)


def _spaced(text: str) -> str:
    # Words stay apart until they are compared, so that "30" is not found in "300".
    folded = _DECIMAL.sub("点", _THOUSANDS.sub("", values(text).text))
    return " ".join(_LOOSE.sub(" ", folded).split())


def _within(wanted: str, said: str) -> bool:
    tight = wanted.replace(" ", "")
    pattern = r"\s?".join(map(re.escape, tight))
    left = r"(?<![0-9])(?<!\d点)" if tight[:1].isdigit() else r"(?<![a-z])" if tight[:1].isascii() else ""
    right = r"(?![0-9]|点\d)" if tight[-1:].isdigit() else r"(?![a-z])" if tight[-1:].isascii() else ""
    return re.search(left + pattern + right, said) is not None


def _cites(document: str, answer: Answer) -> bool:
    wanted = document.strip().casefold()
    return any(c.document.strip().casefold() == wanted for c in answer.citations)
