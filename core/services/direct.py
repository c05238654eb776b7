"""Without a conversation of its own: one answer to messages that a program holds, one text, vectors.

Nothing that is said here is stored; messages and tokens are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from core.access.actor import Actor, Permission
from core.assistant.dialogue import Turn
from core.content import writers
from core.errors import BadInput, NotFound, PilotlightError, Unavailable
from core.models.generation.batching import Event, Finished, Piece
from core.models.generation.sampling import GenerationSettings
from core.services import quota
from core.services.application import Application
from core.services.ask import HISTORY, MAX_QUESTION
from core.services.content.models import CONFIGURED, ModelView, find_model, list_models, open_model
from core.services.knowledge import list_knowledge_bases
from core.services.ladder import decide, speak
from core.services.spoken import Clock, Speech
from core.text.catalogue import translate
from core.text.language import detect_language
from core.types import Answer

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from core.models.encoder import Vectors

KNOWLEDGE_BASE = "knowledge-base:"
LONGEST_CHAT = 100_000  # characters of all messages together
MOST_TEXTS, LONGEST_TEXT = 256, 20_000  # of one call for vectors

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation that is kept elsewhere."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Usable:
    """A model that can be named in a request. ``kind``: knowledge_base, language_model, encoder."""

    name: str
    kind: str


def usable_models(app: Application, actor: Actor) -> list[Usable]:
    """What this actor may name as ``model``: knowledge bases, language models, the sentence encoder."""
    found: list[Usable] = []
    if actor.may(Permission.CHAT):
        bases = list_knowledge_bases(app, actor)
        found += [Usable(f"{KNOWLEDGE_BASE}{one.name}", "knowledge_base") for one in bases]
    if actor.may(Permission.CONTENT):
        writing = [one for one in list_models(app, actor) if one.origin != "documents"]
        found += [Usable(one.name if one.key == CONFIGURED else one.key, "language_model") for one in writing]
    if actor.may(Permission.KNOWLEDGE_READ):
        found.append(Usable(app.settings.encoder, "encoder"))
    return found


def unknown_model(app: Application, actor: Actor, name: str) -> NotFound:
    """The error that names what there is."""
    known = ", ".join(one.name for one in usable_models(app, actor) if one.kind != "encoder")
    return NotFound("api.model_unknown", name=name[:120], known=known or "–")


def _question(messages: Sequence[Said]) -> str:
    length = sum(len(one.text) for one in messages)
    if length > LONGEST_CHAT:
        raise BadInput("api.messages_long", length=length, limit=LONGEST_CHAT)
    if not messages or messages[-1].role != "user" or not messages[-1].text.strip():
        raise BadInput("api.no_question")
    return messages[-1].text.strip()


# --- a knowledge base ---


def answer_messages(app: Application, actor: Actor, name: str, messages: Sequence[Said]) -> Speech:
    """The answer of the knowledge base of that name, ready to be read piece by piece; earlier messages are what a
    follow-up refers to.

    Raises NotFound for a knowledge base that there is not, BadInput without a question, OverLimit.
    """
    actor.require(Permission.CHAT)
    question = _question(messages)
    if len(question) > MAX_QUESTION:
        raise BadInput("chat.text_too_long", length=len(question), limit=MAX_QUESTION)
    base = next((one for one in list_knowledge_bases(app, actor) if one.name == name), None)
    if base is None:
        raise unknown_model(app, actor, f"{KNOWLEDGE_BASE}{name}")
    quota.spend(app, actor, "messages")
    history = [Turn("customer" if one.role == "user" else "assistant", one.text) for one in messages[:-1]
               if one.role != "system"][-HISTORY:]  # fmt: skip
    clock = Clock()
    language = detect_language(question) if len(question) > 3 else "zh" if actor.language == "zh" else "en"
    decided = decide(
        app, actor.workspace_id, base.id, question, history=tuple(history), language=language, clock=clock
    )  # fmt: skip
    return speak(app, actor.workspace_id, decided, clock)


def refusal_text(answer: Answer, language: str) -> str:
    """What is said instead of an answer; "" when there is one."""
    if answer.refusal is None:
        return ""
    return translate(language, f"conversation.refusal_{answer.refusal.reason.value}")


# --- a language model ---


@dataclass(slots=True)
class Writing(Iterator[str]):
    """Pieces of a text as they come. After the end: ``finished``. Closing it stops the model."""

    events: Iterator[Event]
    finished: Finished | None = None
    pieces: int = 0
    _settle: Callable[[int], None] = field(default=lambda tokens: None)
    _open: bool = True

    def __iter__(self) -> Writing:
        return self

    def __next__(self) -> str:
        try:
            for event in self.events:
                if isinstance(event, Piece):
                    self.pieces += 1
                    return event.text
                self.finished = event
        except BaseException:
            self.close()
            raise
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Counts what was written, once."""
        if self._open:
            self._open = False
            with closing(cast(Any, self.events)):
                self._settle(self.finished.tokens if self.finished is not None else self.pieces)


def write_messages(
    app: Application, actor: Actor, name: str, messages: Sequence[Said], settings: GenerationSettings
) -> Writing:
    """What the language model of that name says next. A model that goes on writing, or was taught single prompts, reads
    the last message only; the configured chat model reads all of them.

    Raises NotFound, BadInput, OverLimit, Unavailable (while it is read too).
    """
    actor.require(Permission.CONTENT)
    _question(messages)
    try:
        model = find_model(app, actor, CONFIGURED if name == app.settings.llm_model and name else name)
    except NotFound as error:
        raise unknown_model(app, actor, name) from error
    if model.origin == "documents":
        raise unknown_model(app, actor, name)
    made = _events(app, model, messages, settings)
    quota.spend(app, actor, "tokens", settings.max_tokens)

    def settle(tokens: int) -> None:
        with app.database.write(actor.workspace_id) as rows:
            quota.note(rows, quota.subjects_of(actor), "tokens", tokens - settings.max_tokens)

    return Writing(made, _settle=settle)


def _events(
    app: Application, model: ModelView, messages: Sequence[Said], settings: GenerationSettings
) -> Iterator[Event]:
    if model.origin != "configured":
        return open_model(app, model).generate([messages[-1].text], settings)
    chat = app.chat_model()
    if chat is None:
        raise Unavailable("content.no_endpoint")
    return _ours(_spoken(chat, messages, settings))


def _spoken(chat: BaseChatModel, messages: Sequence[Said], settings: GenerationSettings) -> Iterator[Event]:
    """Pieces are counted as tokens: endpoints send one a piece."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    from core.models.chat import speak as say

    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    told = [kinds[one.role](one.text) for one in messages]
    pieces = 0
    for text in say(writers.configured(chat, settings, settings.seed or 0), told):
        pieces += 1
        yield Piece(0, 0, text)
    yield Finished(0, 0, "end", pieces, 0, 0, settings.seed or 0)


def _ours(events: Iterator[Event]) -> Iterator[Event]:
    """The sentences of ``llm.*`` promise a quoted answer, which there is not here."""
    try:
        yield from events
    except PilotlightError as error:
        family, _, name = error.code.partition(".")
        raise (Unavailable(f"content.endpoint_{name}", **error.values) if family == "llm" else error) from error


# --- vectors ---


@dataclass(frozen=True, slots=True)
class Embedded:
    """``vectors``: float32 [n, dimension], each of length 1. ``tokens``: what the encoder read."""

    vectors: Vectors
    tokens: int


def embed_texts(app: Application, actor: Actor, texts: Sequence[str], kind: Literal["query", "passage"]) -> Embedded:
    """Vectors of texts, whose tokens are counted. Raises BadInput, naming the text by its number, and OverLimit."""
    actor.require(Permission.KNOWLEDGE_READ)
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise BadInput("api.embed_empty", number=number)
        if len(text) > LONGEST_TEXT:
            raise BadInput("api.embed_long", number=number, length=len(text), limit=LONGEST_TEXT)
    encoder = app.encoder()
    tokens = encoder.count_tokens(texts, kind=kind)
    quota.spend(app, actor, "tokens", tokens)
    return Embedded(encoder.encode(texts, kind=kind), tokens)
