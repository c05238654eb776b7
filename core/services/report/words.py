"""The report in words: what stands in it in which order, the same in the page, the HTML and the PDF."""

from __future__ import annotations

from typing import Any

from core.services.report.views import PilotReport
from core.text.catalogue import translate

RUNGS = ("faq", "document", "model", "person", "smalltalk", "refusal", "failed")
MOODS = ("positive", "neutral", "negative", "uncertain")
COLOURS = {
    "faq": "#2E7D55", "document": "#0B7A75", "model": "#6C5BA7", "person": "#2F6CA8", "smalltalk": "#61706F",
    "refusal": "#B96A15", "failed": "#B3423A", "positive": "#2E7D55", "neutral": "#61706F", "negative": "#B3423A",
    "uncertain": "#B96A15", "answered": "#0B7A75", "refused": "#E09F3E",
}  # fmt: skip


class Words:
    """A report's sentences in one language."""

    def __init__(self, report: PilotReport, language: str) -> None:
        self.report, self.language = report, language

    def say(self, key: str, **values: Any) -> str:
        return translate(self.language, f"pilot.{key}", **values)

    def title(self) -> str:
        return self.say("sheet.title", workspace=self.report.workspace)

    def period(self) -> str:
        found = self.say("sheet.period", since=self.report.since.isoformat(), until=self.report.until.isoformat())
        return f"{found} · {self.say('sheet.source', name=self.report.source)}" if self.report.source else found

    def figures(self) -> list[tuple[str, str, str]]:
        """The numbers at the top: name, value, and a word on each."""
        report, total = self.report, sum(self.report.rungs.values())
        rated = report.up + report.down
        rows = [
            ("people", f"{report.people:,}", self.say("note.conversations", n=report.conversations)),
            ("questions", f"{report.questions:,}", self.say("note.a_day", n=report.questions / len(report.days))),
            ("answered", self._share(report.answered, total), self.say("note.of", n=report.answered, total=total)),
            ("refused", self._share(report.rungs.get("refusal", 0), total), self.say("note.refused")),
            ("handed_over", f"{report.handed_over:,}", self.say("note.handed_over")),
            ("ratings", self._share(report.up, rated), self.say("note.ratings", up=report.up, down=report.down)),
            ("time", self.hours(report.minutes_saved), self._time_note()),
            ("cost", self.cost(), self._cost_note()),
        ]
        if report.milliseconds:
            seconds = self.say("seconds", n=report.milliseconds / 1000)
            rows.insert(5, ("speed", seconds, self.say("note.speed")))
        return [(self.say(f"figure.{name}"), value, note) for name, value, note in rows]

    def who(self) -> list[tuple[str, int, str]]:
        """Who answered: name, number, colour; only those that did."""
        found = self.report.rungs
        return [(self.say(f"rung.{name}"), found[name], COLOURS[name]) for name in RUNGS if found.get(name)]

    def moods(self) -> list[tuple[str, int, str]]:
        found = self.report.moods
        return [(self.say(f"mood.{name}"), found[name], COLOURS[name]) for name in MOODS if found.get(name)]

    def assumption(self) -> str:
        report = self.report
        found = self.say("assumed.time", minutes=f"{report.assumptions.minutes:g}", n=report.spared)
        if report.cost is None:
            return f"{found} {self.say('assumed.local')}"
        assumed = report.assumptions
        return f"{found} " + self.say(
            "assumed.cost", n=report.rungs.get("model", 0), tokens=assumed.tokens, price=f"{assumed.price:g}",
            currency=assumed.currency,
        )  # fmt: skip

    def hours(self, minutes: float) -> str:
        return self.say("hours", n=minutes / 60) if minutes >= 60 else self.say("minutes", n=round(minutes))

    def cost(self) -> str:
        report = self.report
        return self.say("nothing") if report.cost is None else f"{report.cost:,.2f} {report.assumptions.currency}"

    def _time_note(self) -> str:
        return self.say("note.time", minutes=f"{self.report.assumptions.minutes:g}")

    def _cost_note(self) -> str:
        return self.say("note.local" if self.report.cost is None else "note.estimated")

    def _share(self, part: int, whole: int) -> str:
        return f"{part / whole:.0%}" if whole else "–"
