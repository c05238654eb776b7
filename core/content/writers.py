"""Whoever writes: a model here, an endpoint, or the documents themselves; all tell of it in the same events."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.models.generation.batching import Event, Finished, Piece
from core.models.generation.sampling import GenerationSettings
from core.text.language import has_han

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_NAME = re.compile(r"^[a-z]+(?:_[a-z]+)+(?=:)")  # of a column: what_you_can_do
_POLL = 0.1  # seconds between two looks at whether the reader has gone
AT_ONCE = 4  # variants asked of an endpoint at one time


def from_chat(
    chat: BaseChatModel,
    system: str,
    instruction: str,
    settings: GenerationSettings,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Variants written by a chat model, each with a seed of its own (``settings.seed`` plus its number).

    Pieces are counted as tokens: endpoints send one a piece. Raises Unavailable (llm.*) of whichever fails first.
    """
    told: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
    stop, places = threading.Event(), threading.BoundedSemaphore(AT_ONCE)

    def write(variant: int) -> None:
        with places:
            try:
                told.put(_variant(chat, system, instruction, settings, variant, stop.is_set, told))
            except BaseException as error:  # noqa: BLE001 - raised again by whoever reads
                told.put(error)

    for variant in range(settings.variants):
        threading.Thread(target=write, args=(variant,), name=f"chat-variant-{variant}", daemon=True).start()
    left = settings.variants
    try:
        while left:
            if cancelled():
                stop.set()
            try:
                event = told.get(timeout=_POLL)
            except queue.Empty:
                continue
            if isinstance(event, BaseException):
                raise event
            left -= isinstance(event, Finished)
            yield event
    finally:
        stop.set()


def _variant(
    chat: BaseChatModel,
    system: str,
    instruction: str,
    settings: GenerationSettings,
    variant: int,
    stopped: Callable[[], bool],
    told: queue.SimpleQueue[Event | BaseException],
) -> Finished:
    from langchain_core.messages import HumanMessage, SystemMessage

    from core.models.chat import speak

    seed = (settings.seed or 0) + variant
    pieces = 0
    messages = [SystemMessage(system), HumanMessage(instruction)]
    if not stopped():
        for text in speak(configured(chat, settings, seed), messages, cancelled=stopped):
            pieces += 1
            told.put(Piece(0, variant, text))
    return Finished(0, variant, "cancelled" if stopped() else "end", pieces, 0, 0, settings.seed or 0)


def configured(chat: BaseChatModel, settings: GenerationSettings, seed: int) -> BaseChatModel:
    """``chat`` with these settings, as far as it knows them. The loaded model itself is shared, not copied."""
    if hasattr(chat, "warm_up"):
        chat.warm_up()
    known = type(chat).model_fields
    wanted: dict[str, Any] = {"temperature": settings.temperature, "max_tokens": settings.max_tokens}
    wanted |= {"top_p": settings.top_p, "seed": seed, "repetition_penalty": settings.repetition_penalty}
    return chat.model_copy(update={name: value for name, value in wanted.items() if name in known})


def behind(opening: str, events: Iterator[Event]) -> Iterator[Event]:
    """``events`` with ``opening`` before the first piece of each variant."""
    begun: set[int] = set()
    for event in events:
        if isinstance(event, Piece) and event.variant not in begun:
            begun.add(event.variant)
            yield Piece(event.prompt, event.variant, opening + event.text)
        else:
            yield event


def from_texts(texts: Sequence[str], seed: int) -> Iterator[Event]:
    """Texts that are there already, as if they had been written."""
    for variant, text in enumerate(texts):
        yield Piece(0, variant, text)
        yield Finished(0, variant, "end", 0, 0, 0, seed)


def without_tables(text: str, language: str) -> str:
    """``text`` with its table rows ("status: refunded | 状态：已退款 | ...") as lists of their cells, a line each; of a
    row in two languages only the cells in ``language``. The words stay as they are."""
    return "\n".join(_as_list(line, language) for line in text.split("\n"))


def _as_list(line: str, language: str) -> str:
    cells = [cell.strip() for cell in line.split(" | ") if cell.strip()]
    if len(cells) < 2:
        return line
    mine = [cell for cell in cells if has_han(cell) == (language == "zh")] or cells
    return "\n".join(f"- {_NAME.sub(_spaced, cell)}" for cell in mine)


def _spaced(name: re.Match[str]) -> str:
    return name.group().replace("_", " ")
