"""A language model rephrases, the passages decide: sentences stream out one by one, checked before they are shown.

What no passage says is dropped (or marked). When nothing survives, the quoted answer stands, whatever the model was.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from core.assistant.cite import cite
from core.assistant.claim_words import PRONOUN
from core.assistant.claims import Evidence, Similarity, Support
from core.errors import Unavailable
from core.models.chat import speak
from core.text.catalogue import translate
from core.text.sentences import sentence_spans
from core.text.words import simplify
from core.types import Answer, AnswerSentence, Citation, Found, Language, PassageRecord, Rung

Policy = Literal["drop", "mark"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a model is cut off. Characters count what it says, shown or not."""

    sentences: int = 6  # shown
    chars: int = 1500
    sentence_chars: int = 400  # without an end in sight: a runaway
    dropped: int = 8  # in all; a model that says this much nothing supports says nothing
    repeats: int = 2  # the same sentence again
    seconds: float = 120.0
    passages: int = 6


@dataclass(frozen=True, slots=True)
class Checked:
    """One sentence that may be shown now. ``citations`` is empty exactly when ``state`` is marked."""

    text: str
    state: Literal["supported", "marked", "quoted"]
    citations: tuple[Citation, ...]
    support: Support | None = None


@dataclass(slots=True)
class Wording(Iterator[Checked]):
    """The stream, and what stands of it at any moment (also after a stop or an error in the middle).

    ``answer`` is never without an answer that ``quoted`` had. ``cut`` says what ended the model early: repetition,
    runaway, length, time, nothing_supported, stopped; empty when it ended by itself. ``trouble`` is set when it broke
    off after some sentences had been shown.
    """

    quoted: Answer
    shown: list[Checked] = field(default_factory=list)
    dropped: int = 0
    cut: str = ""
    trouble: Unavailable | None = None
    _stream: Iterator[Checked] = field(default_factory=lambda: iter(()))

    def __iter__(self) -> Wording:
        return self

    def __next__(self) -> Checked:
        return next(self._stream)

    def close(self) -> None:
        """Stops the model. ``answer`` keeps what was shown."""
        cast(Any, self._stream).close()

    @property
    def answer(self) -> Answer:
        worded = [c for c in self.shown if c.state != "quoted"]
        if not any(c.state == "supported" for c in worded):
            return replace(self.quoted, dropped=self.dropped)
        citations: list[Citation] = []
        sentences: list[AnswerSentence] = []
        for checked in worded:
            citations.extend(c for c in checked.citations if c not in citations)
            sentences.append(AnswerSentence(checked.text, tuple(citations.index(c) for c in checked.citations)))
        return replace(
            self.quoted,
            text=_joined([s.text for s in sentences]),
            rung=Rung.MODEL,
            citations=tuple(citations),
            sentences=tuple(sentences),
            dropped=self.dropped,
        )


def stream_wording(
    chat: BaseChatModel,
    question: str,
    passages: Sequence[Found],
    quoted: Answer,
    language: Language,
    *,
    policy: Policy = "drop",
    limits: Limits | None = None,
    similarity: Similarity | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Wording:
    """Rewords ``quoted`` from ``passages`` in ``language``; yields each sentence as soon as it is complete and checked.

    Nothing runs before the first ``next``. Raises Unavailable from it when the model fails before a sentence was shown:
    ``answer`` then is ``quoted``, and the caller says so with the error's sentence.
    """
    wording = Wording(quoted)
    run = _Run(wording, limits or Limits(), policy, cancelled)
    records = tuple(_disarmed(found.passage) for found in passages[: run.limits.passages])
    wording._stream = run.stream(chat, question, records, language, similarity)
    return wording


# --- the prompt ------------------------------------------------------------------------------------------

# What a document may say to a model instead of to a reader. Ingest holds such documents for review; this is the
# second lock.
_FORGED = re.compile(
    r"</?(?:passages?|system|assistant|user)>|<\|[^|>]{1,40}\|>|\[/?INST\]|<</?SYS>>",
    re.I,
)
_ORDERS = re.compile(
    r"(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rule|above|previous|prior)"
    r"|\b(?:system|developer) prompt\b|\byou are now\b|\bact as (?:a|an|if)\b|\bpretend (?:to be|you)\b|\bjailbreak"
    r"|\b(?:respond|reply|answer) only with\b|\bdo not (?:mention|tell|reveal) (?:the user|this)"
    r"|^\s*(?:system|assistant|user)\s*:"
    r"|(?:忽略|无视|忘记|不要理会).{0,16}(?:指令|提示|规则|要求|内容)|系统提示词?|你现在是|从现在起你|扮演"
    r"|^\s*(?:系统|助手)\s*[:：]|只(?:能|需)?回复",
    re.I,
)


def _disarmed(passage: PassageRecord) -> PassageRecord:
    """The passage with instruction-like sentences blanked out, its length (and so every offset) unchanged."""
    text = passage.text
    for start, end in sentence_spans(text):
        if _ORDERS.search(text[start:end]) or _FORGED.search(text[start:end]):
            text = text[:start] + " " * (end - start) + text[end:]
    return replace(passage, text=text) if text != passage.text else passage


def build_prompt(
    question: str, passages: Sequence[PassageRecord], language: Language, sentences: int
) -> list[BaseMessage]:
    """System and user message. Passages are numbered, delimited, and declared to be data."""
    blocks = []
    for number, passage in enumerate(passages, 1):
        label = " › ".join(part for part in (passage.document_name, passage.section) if part)
        body = "\n".join(part for part in (passage.header, passage.text) if part).strip()
        blocks.append(f"[{number}] {label}\n{_plain(body)}")
    user = translate(language, "wording.user", passages="\n\n".join(blocks), question=_plain(question))
    return [SystemMessage(translate(language, "wording.system", sentences=sentences)), HumanMessage(user)]


def _plain(text: str) -> str:
    """No text may close our delimiters or forge a turn of the conversation."""
    return _FORGED.sub(" ", text)


def fitting_prompt(
    chat: BaseChatModel, question: str, passages: Sequence[PassageRecord], language: Language, sentences: int
) -> list[BaseMessage]:
    """The prompt with as many passages, best first, as the model's window holds; at least one, which it may cut."""
    room = getattr(chat, "prompt_room", None)
    count = getattr(chat, "count_prompt", None)
    kept = list(passages)
    messages = build_prompt(question, kept, language, sentences)
    if room is None or count is None:
        return messages
    allowed = room()
    while len(kept) > 1 and count(messages) > allowed:
        kept.pop()
        messages = build_prompt(question, kept, language, sentences)
    return messages


# --- the stream ------------------------------------------------------------------------------------------

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.S)
_MARKS = re.compile(r"\s*[\[［【(（]\s*\d{1,2}(?:\s*[,，、-]\s*\d{1,2})*\s*[\]］】)）]")
_LEAD = re.compile(r"^(?:\s*(?:[-*•>#]+\s+|\d{1,2}[.)、]\s+|(?:answer|a|assistant|回答|答案?)\s*[:：]\s*))+", re.I)


def _clean(sentence: str) -> str:
    """A sentence without the model's own citation marks, list marks and bold; ours come from the check."""
    text = _MARKS.sub("", sentence).replace("**", "").replace("__", "")
    return re.sub(r"\s+", " ", _LEAD.sub("", text)).strip()


class _Run:
    """One pass over the model's words; keeps ``wording`` true at every step."""

    def __init__(self, wording: Wording, limits: Limits, policy: Policy, cancelled: Callable[[], bool]) -> None:
        self.wording, self.limits, self.policy, self.cancelled = wording, limits, policy, cancelled
        self._seen: dict[str, int] = {}
        self._deadline = 0.0
        self._before = ""  # the last sentence, if it was shown

    def stream(
        self,
        chat: BaseChatModel,
        question: str,
        passages: Sequence[PassageRecord],
        language: Language,
        similarity: Similarity | None,
    ) -> Iterator[Checked]:
        self._deadline = time.monotonic() + self.limits.seconds
        evidence = Evidence(passages, similarity=similarity if language == "en" else None)
        try:
            messages = fitting_prompt(chat, question, passages, language, self.limits.sentences)
            with closing(cast(Any, speak(chat, messages, cancelled=self.cancelled))) as words:
                for sentence in self._sentences(words):
                    checked = self._check(sentence, evidence, passages)
                    if checked:
                        self.wording.shown.append(checked)
                        yield checked
                    if self.wording.cut:
                        break
        except Unavailable as trouble:
            if not self.wording.shown:
                raise
            self.wording.trouble = trouble
        if self.cancelled():
            self.wording.cut = "stopped"
        if not self.wording.shown and not self.cancelled():
            yield from self._quote()

    def _quote(self) -> Iterator[Checked]:
        quoted = self.wording.quoted
        for sentence in quoted.sentences:
            checked = Checked(sentence.text, "quoted", tuple(quoted.citations[i] for i in sentence.citations))
            self.wording.shown.append(checked)
            yield checked

    def _sentences(self, words: Iterator[str]) -> Iterator[str]:
        """Complete sentences as they end; sets ``cut`` and stops where a limit is reached."""
        buffer, total = "", 0
        for piece in words:
            buffer += piece
            total += len(piece)
            if "<think>" in buffer:
                buffer = _THINKING.sub("", buffer) if "</think>" in buffer else buffer
                if "<think>" in buffer:
                    continue
            ready, buffer = _complete(buffer)
            yield from ready
            if self._over(total, len(buffer)):
                return
        if not self.cancelled():
            rest = _THINKING.sub("", buffer)
            yield from (rest[start:end] for start, end in sentence_spans(rest))

    def _over(self, total: int, unfinished: int) -> bool:
        if unfinished > self.limits.sentence_chars:
            self.wording.cut = "runaway"
        elif total > self.limits.chars:
            self.wording.cut = "length"
        elif time.monotonic() > self._deadline:
            self.wording.cut = "time"
        return bool(self.wording.cut) or self.cancelled()

    def _check(self, sentence: str, evidence: Evidence, passages: Sequence[PassageRecord]) -> Checked | None:
        text = _clean(sentence)
        key = "".join(c for c in simplify(text) if c.isalnum())
        if not key:
            self.wording.dropped += bool(text)
            return None
        self._seen[key] = self._seen.get(key, 0) + 1
        if self._seen[key] > 1:
            if self._seen[key] > self.limits.repeats:
                self.wording.cut = "repetition"
            return None
        before, self._before = self._before, ""
        support = evidence.check(text, before=before)
        # "It" means what stood before; when that was dropped, the reader would take it for something else.
        if support.supported and not before and PRONOUN.search(simplify(text)):
            support = Support(False, support.score, why="pronoun")
        if support.supported:
            self._before = text
            spans = (cite(passages[span.passage], span.start, span.end) for span in support.citations)
            checked = Checked(text, "supported", tuple(spans), support)
        else:
            self.wording.dropped += 1
            if self.wording.dropped >= self.limits.dropped:
                self.wording.cut = "nothing_supported"
            # A mark tells a reader "nobody vouches for this"; it is only worth reading beside something that stands.
            if self.policy == "drop" or not any(c.state == "supported" for c in self.wording.shown):
                return None
            checked = Checked(text, "marked", (), support)
        if len(self.wording.shown) + 1 >= self.limits.sentences:
            self.wording.cut = self.wording.cut or "length"
        return checked


def _complete(buffer: str) -> tuple[list[str], str]:
    """Sentences that have certainly ended, and what is left.

    The last one waits for the first character of the next: "3." may become "3.5", a line's end may be none, and closing
    quotes belong to what they close.
    """
    spans = sentence_spans(buffer)
    if not spans:
        return [], buffer
    return [buffer[start:end] for start, end in spans[:-1]], buffer[spans[-1][0] :]


def _joined(texts: Sequence[str]) -> str:
    """Sentences as a paragraph: a space between them unless the first ends in a Chinese mark."""
    out = ""
    for text in texts:
        out += text if not out or out[-1] in "。！？；" else f" {text}"
    return out
