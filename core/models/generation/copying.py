"""A language model that never reads what it copies: it writes placeholders, and the best of a few tries is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.models.generation.batching import Event, Finished, Piece, Shape
from core.models.generation.placeholders import (
    behind_placeholders,
    put_back,
    read_attributes,
    slot_errors,
    values_invented,
    values_unsaid,
)
from core.models.generation.sampling import MOST_VARIANTS, GenerationSettings
from core.models.generation.text_generation import TextGenerator

TRIES = 8  # texts that are written for each that is asked for


class CopyingGenerator(TextGenerator):
    """``TextGenerator`` of a model that was taught with placeholders for the values of ``copied`` and puts those of
    ``worded`` in its own words. A prompt that is no list of attributes goes to the model as it stands. Each text comes
    in one piece, when the best is known.
    """

    def __init__(self, *args: Any, copied: Sequence[str], worded: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self._copied, self._worded = tuple(copied), tuple(worded)

    def generate(
        self,
        prompts: Sequence[str],
        settings: GenerationSettings | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        shape: Shape | None = None,
    ) -> Iterator[Event]:
        settings = settings or GenerationSettings()
        asked = max(1, len(prompts)) * settings.variants
        tries = max(1, min(TRIES, self.limits.waiting // asked, MOST_VARIANTS // settings.variants))
        values = [read_attributes(prompt) for prompt in prompts]
        read = [
            behind_placeholders(one, self._copied) if one else prompt
            for prompt, one in zip(prompts, values, strict=True)
        ]
        more = replace(settings, variants=settings.variants * tries)
        return self._best(super().generate(read, more, cancelled, shape=shape), values, tries)

    def _best(self, events: Iterator[Event], values: Sequence[Mapping[str, str]], tries: int) -> Iterator[Event]:
        """Of ``tries`` variants next to each other the one with the fewest slot errors; of equals the one whose other
        attributes are most nearly those that were given, or that was first."""
        texts: dict[tuple[int, int], str] = {}
        ended: dict[tuple[int, int], list[Finished]] = {}
        for event in events:
            if isinstance(event, Piece):
                at = event.prompt, event.variant
                texts[at] = texts.get(at, "") + event.text
                continue
            place = event.prompt, event.variant // tries
            group = ended.setdefault(place, [])
            group.append(event)
            if len(group) == tries:
                yield from self._kept(place, group, texts, values[event.prompt])

    def _kept(
        self,
        place: tuple[int, int],
        group: Sequence[Finished],
        texts: Mapping[tuple[int, int], str],
        values: Mapping[str, str],
    ) -> Iterator[Event]:
        def faults(one: Finished) -> tuple[bool, int, int, int]:
            text = texts.get((one.prompt, one.variant), "")
            wrong = slot_errors(text, values, self._copied)
            loose = values_unsaid(text, values, self._copied) + values_invented(text, values, self._worded)
            return one.reason in ("length", "cancelled") or not text, wrong, loose, one.variant

        best = min(group, key=faults)
        prompt, variant = place
        yield Piece(prompt, variant, put_back(texts.get((prompt, best.variant), ""), values, self._copied))
        yield replace(best, variant=variant)
