"""What a pilot report holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

ANSWERED = ("faq", "document", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What cannot be measured here and is stated in the report. ``minutes``: a person would need for one question.
    ``tokens``: an answer worded by the endpoint takes, its passages included. ``price``: of a million tokens."""

    minutes: float = 4.0
    tokens: int = 1500
    price: float = 0.0
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Day:
    """One day, also one without a question: questions that were answered, refused, and handed to a person."""

    day: date
    answered: int
    refused: int
    person: int


@dataclass(frozen=True, slots=True)
class Open:
    """A question without an answer: how it was worded last, how often it or one like it was asked, and when last."""

    text: str
    times: int
    last: date


@dataclass(frozen=True, slots=True)
class PilotReport:
    """From ``since`` to ``until``, both included, days of UTC. ``source``: the name of a demo link, "" for everybody.

    ``rungs``: answers by who gave them (core.types.Rung) and ``failed``. ``moods``: customers' messages by label; empty
    where none was judged. ``cost`` None: no endpoint was used, everything ran on the owner's machine.
    """

    workspace: str
    source: str
    since: date
    until: date
    people: int
    conversations: int
    questions: int
    rungs: dict[str, int]
    handed_over: int
    up: int
    down: int
    moods: dict[str, int]
    days: tuple[Day, ...]
    unanswered: tuple[Open, ...]
    milliseconds: int
    assumptions: Assumptions
    spared: int
    cost: float | None

    @property
    def answered(self) -> int:
        return sum(self.rungs.get(rung, 0) for rung in ANSWERED)

    @property
    def minutes_saved(self) -> float:
        """At the stated assumption."""
        return self.spared * self.assumptions.minutes
