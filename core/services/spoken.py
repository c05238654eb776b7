"""An answer as it is spoken: pieces of text, and at any moment the answer as far as it was said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from core.assistant.wording import Wording
from core.errors import Unavailable
from core.types import Answer

log = structlog.get_logger(__name__)


class Clock:
    """Milliseconds of each stage of an answer."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._stages[name] = self._stages.get(name, 0.0) + (time.perf_counter() - begun) * 1000

    def timings(self) -> dict[str, float]:
        """Stage to milliseconds, ``total`` since the clock was made."""
        total = (time.perf_counter() - self._begun) * 1000
        return {name: round(spent, 1) for name, spent in {**self._stages, "total": total}.items()}


@dataclass(slots=True)
class Speech(Iterator[str]):
    """Pieces of text that add up to the answer's. ``close`` stops a language model that is at it.

    ``trouble`` is the code and values of a language model's failure that the quoted answer stands in for.
    """

    quoted: Answer
    clock: Clock
    wording: Callable[[], Wording] | None = None
    said: str = ""
    trouble: dict[str, Any] | None = None
    _worded: Answer | None = None
    _finished: bool = False
    _pieces: Iterator[str] | None = field(default=None)

    def __iter__(self) -> Speech:
        return self

    def __next__(self) -> str:
        if self._pieces is None:
            self._pieces = self._speak()
        piece = next(self._pieces)
        self.said += piece
        return piece

    def close(self) -> None:
        if self._pieces is not None:
            self._pieces.close()  # type: ignore[attr-defined]

    @property
    def answer(self) -> Answer:
        """The whole answer when it was said to its end, else the sentences that were, with their citations."""
        whole = self._worded or self.quoted
        if self._finished or whole.text is None or whole.text == self.said:
            return whole
        kept = tuple(sentence for sentence in whole.sentences if sentence.text and sentence.text in self.said)
        return replace(whole, text=self.said, sentences=kept)

    def _speak(self) -> Iterator[str]:
        if self.wording is None:
            yield from pieces(self.quoted)
        else:
            yield from self._model(self.wording)
        self._finished = True

    def _model(self, make: Callable[[], Wording]) -> Iterator[str]:
        wording = make()
        try:
            with closing(wording):
                while (checked := self._next(wording)) is not None:
                    self._worded = wording.answer
                    yield f"{self._space()}{checked}"
        except Unavailable as error:
            self.trouble = {"code": error.code, "values": {k: str(v) for k, v in error.values.items()}}
            log.warning("language model failed", code=error.code)
            yield from pieces(self.quoted)
            return
        if wording.trouble is not None:
            self.trouble = {
                "code": wording.trouble.code,
                "values": {k: str(v) for k, v in wording.trouble.values.items()},
            }
        self._worded = wording.answer

    def _next(self, wording: Wording) -> str | None:
        with self.clock.stage("wording"):
            checked = next(wording, None)
        return checked.text if checked is not None else None

    def _space(self) -> str:
        return "" if not self.said or self.said[-1] in "。！？；" else " "


def pieces(answer: Answer) -> Iterator[str]:
    """The text of an answer, sentence by sentence; they add up to it to the letter. A refusal has none."""
    text = answer.text or ""
    done = 0
    for sentence in answer.sentences[1:]:
        start = text.find(sentence.text, done) if sentence.text else -1
        if start > done:
            yield text[done:start]
            done = start
    if text[done:]:
        yield text[done:]
