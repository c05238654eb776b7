"""Answers to JSON and back, without loss.

Fields it does not know are ignored, missing ones take their defaults, so that rows written by an older or newer version
stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from core.types import Answer, AnswerSentence, Citation, Refusal, RefusalReason, Rung

T = TypeVar("T")

_COLUMNS = ("text", "rung", "confidence")  # stand in columns of the message, not in its detail
_EMPTY: Mapping[str, Any] = {"int": 0, "str": ""}


def to_json(answer: Answer) -> dict[str, Any]:
    """The whole answer as JSON values. ``refusal.detail`` must hold JSON values already."""
    found: dict[str, Any] = {f.name: getattr(answer, f.name) for f in fields(Answer)}
    found["rung"] = answer.rung.value
    found["citations"] = [citation_json(citation) for citation in answer.citations]
    found["sentences"] = [{"text": s.text, "citations": list(s.citations)} for s in answer.sentences]
    if answer.refusal is not None:
        found["refusal"] = {
            "reason": answer.refusal.reason.value,
            "best": [citation_json(citation) for citation in answer.refusal.best],
            "detail": dict(answer.refusal.detail),
        }
    return found


def citation_json(citation: Citation) -> dict[str, Any]:
    return asdict(citation)


def from_json(found: Mapping[str, Any]) -> Answer:
    """The answer that :func:`to_json` wrote, also from a row with fields too many or too few."""
    refusal = _refusal(found.get("refusal"))
    text = None if refusal is not None else str(found.get("text") or "")
    return Answer(
        text=text,
        rung=_rung(found.get("rung"), refused=refusal is not None),
        confidence=float(found.get("confidence") or 0.0),
        citations=_citations(found.get("citations")),
        sentences=tuple(
            AnswerSentence(str(s.get("text", "")), tuple(int(i) for i in s.get("citations", ())))
            for s in found.get("sentences") or ()
        ),
        refusal=refusal,
        **_plain(found),
    )


def to_detail(answer: Answer) -> dict[str, Any]:
    """What of an answer goes into ``message.detail``."""
    return {key: value for key, value in to_json(answer).items() if key not in _COLUMNS}


def from_message(text: str, rung: str, confidence: float | None, detail: Mapping[str, Any]) -> Answer:
    """The answer of a stored assistant message."""
    return from_json({**detail, "text": text, "rung": rung, "confidence": confidence})


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """The remaining, simple fields of an answer, where the row has them."""
    special = {"text", "rung", "confidence", "citations", "sentences", "refusal"}
    return {f.name: found[f.name] for f in fields(Answer) if f.name not in special and found.get(f.name) is not None}


def _rung(value: Any, *, refused: bool) -> Rung:
    try:
        return Rung(value)
    except ValueError:  # a rung that this version does not have
        return Rung.REFUSAL if refused else Rung.DOCUMENT


def _refusal(found: Any) -> Refusal | None:
    if not isinstance(found, Mapping):
        return None
    try:
        reason = RefusalReason(str(found.get("reason")))
    except ValueError:
        reason = RefusalReason.TOO_WEAK
    return Refusal(reason, _citations(found.get("best")), dict(found.get("detail") or {}))


def _citations(found: Any) -> tuple[Citation, ...]:
    return tuple(_build(Citation, row) for row in found or ())


def _build(cls: type[T], row: Mapping[str, Any]) -> T:
    """``cls`` from the fields of ``row`` that it knows; a required one that is missing becomes empty."""
    values: dict[str, Any] = {}
    for f in fields(cls):  # type: ignore[arg-type]
        if f.name in row:
            values[f.name] = row[f.name]
        elif f.default is MISSING:
            values[f.name] = _EMPTY[str(f.type)]
    return cls(**values)
