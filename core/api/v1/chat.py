"""Chat in the shape of OpenAI's API: a knowledge base answers with quotes, or a language model writes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any, Literal, cast

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from core.api.v1.caller import App, Caller
from core.api.v1.errors import speaks, status_of
from core.api.v1.shapes import CitationShape, Text, citation
from core.errors import PilotlightError
from core.models.generation.sampling import GenerationSettings
from core.services import direct
from core.services.direct import Said, Writing
from core.services.spoken import Speech
from core.text.catalogue import translate
from core.types import Answer

router = APIRouter(tags=["Chat"])
log = structlog.get_logger(__name__)
MOST_MESSAGES = 200


class TextPart(BaseModel):
    type: Literal["text"]
    text: Text


class Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[TextPart], Field(max_length=50)]

    def said(self) -> Said:
        text = self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        return Said("system" if self.role == "developer" else self.role, text)


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """Fields of OpenAI's that are not named here are passed over. The numbers below hold for language models only."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    model: Text = Field(description="`knowledge-base:NAME`, or a language model, as /v1/models names them.")
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool = Field(False, description="Server-sent events, ended by `[DONE]`.")
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1024)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1024)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0.01, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=(1 << 31) - 1)] | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None

    def settings(self) -> GenerationSettings:
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        usual = GenerationSettings()
        return GenerationSettings(
            max_tokens=self.max_completion_tokens or self.max_tokens or usual.max_tokens,
            temperature=usual.temperature if self.temperature is None else self.temperature,
            top_p=usual.top_p if self.top_p is None else self.top_p,
            seed=self.seed, stop=tuple(one for one in stop if one),
        ).seeded()  # fmt: skip


class Spoken(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: str | None = None


class Choice(BaseModel):
    index: int = 0
    message: Spoken
    finish_reason: Literal["stop", "length"]


class TokenUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Outcome(BaseModel):
    """Ours: how a knowledge base came to its answer."""

    rung: str = Field(description="faq, document, model, smalltalk, person or refusal.")
    confidence: float = Field(description="Calibrated probability that the answer is right, 0 to 1.")
    refusal: str | None = Field(description="Why there is no answer: nothing_indexed, too_weak, in_review ...")


class Completion(BaseModel):
    """OpenAI's `chat.completion`; `citations` and `outcome` are ours. `[1]` in the text is `citations[0]`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage | None = Field(None, description="Of language models; a knowledge base quotes and uses none.")
    citations: list[CitationShape] = Field(default_factory=list)
    outcome: Outcome | None = None


@router.post(
    "/chat/completions",
    operation_id="create_chat_completion",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
def create_chat_completion(app: App, actor: Caller, asked: ChatRequest, request: Request) -> Response | Completion:
    """One answer to the messages. Nothing of it is stored.

    With `knowledge-base:NAME` the text quotes documents and marks each sentence with the numbers of its citations;
    where nothing can be quoted it says so (`outcome.refusal`). Streams carry the citations in the last chunk.
    """
    said = [one.said() for one in asked.messages]
    name = asked.model.removeprefix(direct.KNOWLEDGE_BASE)
    speech: Speech | Writing
    if name != asked.model:
        speech = direct.answer_messages(app, actor, name, said)
    else:
        speech = direct.write_messages(app, actor, asked.model, said, asked.settings())
    if asked.stream:
        chunks = _Chunks(asked.model, asked.stream_options is not None and asked.stream_options.include_usage)
        return StreamingResponse(chunks.of(speech, speaks(request)), media_type="text/event-stream")
    return _whole(asked.model, speech, speaks(request))


def _whole(model: str, speech: Speech | Writing, language: str) -> Completion:
    with closing(cast(Any, speech)):
        text = "".join(speech)
    completion = Completion(
        id=f"chatcmpl-{uuid.uuid4().hex}", created=int(time.time()), model=model,
        choices=[Choice(message=Spoken(content=text), finish_reason="stop")],
    )  # fmt: skip
    for name, value in _end(speech, language).items():
        setattr(completion, name, value)
    choice = completion.choices[0]
    if isinstance(speech, Writing):
        choice.finish_reason = _reason(speech)
    else:
        refused = direct.refusal_text(speech.answer, speech_language(speech, language))
        choice.message.content = refused or "".join(marked(speech.answer))
    return completion


def speech_language(speech: Speech, language: str) -> str:
    from core.text.language import detect_language

    return detect_language(speech.answer.query) if len(speech.answer.query) > 3 else language


def _reason(writing: Writing) -> Literal["stop", "length"]:
    return "length" if writing.finished is not None and writing.finished.reason == "length" else "stop"


def _end(speech: Speech | Writing, language: str) -> dict[str, Any]:
    """What is known once everything was said."""
    if isinstance(speech, Writing):
        end = speech.finished
        if end is None:
            return {}
        both = end.prompt_tokens + end.tokens
        return {"usage": TokenUsage(prompt_tokens=end.prompt_tokens, completion_tokens=end.tokens, total_tokens=both)}
    answer = speech.answer
    why = answer.refusal.reason.value if answer.refusal is not None else None
    return {
        "citations": [citation(one) for one in answer.citations],
        "outcome": Outcome(rung=answer.rung.value, confidence=answer.confidence, refusal=why),
    }


def marked(answer: Answer) -> Iterator[str]:
    """The text of an answer with ``[1]`` behind each sentence that a citation supports."""
    text, done = answer.text or "", 0
    for sentence in answer.sentences:
        start = text.find(sentence.text, done) if sentence.text else -1
        if start < 0:
            continue
        end = start + len(sentence.text)
        yield text[done:end] + "".join(f" [{number + 1}]" for number in sentence.citations)
        done = end
    if text[done:]:
        yield text[done:]


class _Chunks:
    """``chat.completion.chunk`` events."""

    def __init__(self, model: str, usage: bool) -> None:
        self._usage = usage
        self._same = {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": "chat.completion.chunk",
                      "created": int(time.time()), "model": model}  # fmt: skip

    def of(self, speech: Speech | Writing, language: str) -> Iterator[bytes]:
        """An error after the first words comes as an event of its own, as OpenAI's clients expect it."""
        try:
            with closing(cast(Any, speech)):
                yield self._chunk({"role": "assistant", "content": ""})
                for piece in filter(None, self._pieces(speech, language)):
                    yield self._chunk({"content": piece})
                yield from self._last(speech, language)
        except PilotlightError as error:
            kind = status_of(error)[1]
            said = {"message": error.sentence(language), "type": kind, "code": error.code, "param": None}
            yield _event({"error": said})
        except Exception:
            log.error("stream failed", request_id=self._same["id"], exc_info=True)
            failed = translate(language, "errors.api.failed", request_id=self._same["id"])
            said = {"message": failed, "type": "server_error", "code": "api.failed", "param": None}
            yield _event({"error": said})
        yield b"data: [DONE]\n\n"

    def _pieces(self, speech: Speech | Writing, language: str) -> Iterator[str]:
        if isinstance(speech, Writing) or speech.wording is not None:
            yield from speech
        else:  # it is all there: said with its marks
            for _ in speech:
                pass
            yield from marked(speech.answer)
        if isinstance(speech, Speech):
            yield direct.refusal_text(speech.answer, speech_language(speech, language))

    def _last(self, speech: Speech | Writing, language: str) -> Iterator[bytes]:
        end = {name: _plain(value) for name, value in _end(speech, language).items()}
        used = end.pop("usage", None)
        reason = _reason(speech) if isinstance(speech, Writing) else "stop"
        yield self._chunk({}, reason, **end)
        if self._usage and used is not None:
            yield _event({**self._same, "choices": [], "usage": used})

    def _chunk(self, delta: dict[str, str], reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _event({**self._same, "choices": [choice], **more})


def _plain(value: Any) -> Any:
    return [one.model_dump() for one in value] if isinstance(value, list) else value.model_dump()


def _event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
