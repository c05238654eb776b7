"""Writes text with a language model: one interface, whatever engine computes it and however many people ask at once."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import BadInput, Unavailable
from core.models.generation.batching import Event, Finished, Piece, Reason, Request, Shape, StepScheduler, Writing
from core.models.generation.decoder import Decoder, Score
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_stream import TextStream

__all__ = ["Event", "Finished", "GenerationSettings", "Limits", "Piece", "TextGenerator", "Written", "open_generator"]

EngineName = Literal["auto", "onnxruntime", "transformers"]
_LEAST_VOCABULARY = 20
_POLL = 0.05  # seconds between two looks at whether the reader has gone


@dataclass(frozen=True, slots=True)
class Limits:
    """``new_tokens``: most that one text may ask for; ``at_once``: texts written together; ``waiting``: texts that may
    queue for a place.
    """

    new_tokens: int = 1024
    at_once: int = 8
    waiting: int = 64


@dataclass(frozen=True, slots=True)
class Written:
    """A finished variant and how it came to its end."""

    text: str
    reason: Reason
    tokens: int
    dropped_tokens: int
    seed: int


class TextGenerator:
    """A loaded language model. Safe to share between threads; texts asked for at once are written in one batch.

    ``opening``: token that each text begins with in training, None when none does; ``marker``: what stands between
    prompt and response in the training of a model that answers prompts, "" for one that goes on writing.
    """

    def __init__(
        self,
        name: str,
        tokenizer: Any,
        decoder: Decoder,
        limits: Limits,
        *,
        opening: str | None = None,
        marker: str = "",
    ) -> None:
        self.name, self.engine, self.window, self.limits = name, decoder.engine, decoder.window, limits
        self.width = decoder.width
        self._tokenizer, self._decoder = tokenizer, decoder
        self._scheduler = StepScheduler(decoder, most_waiting=limits.waiting)
        self._opening = [tokenizer.token_to_id(opening)] if opening else []
        self._marker = _encode_marker(tokenizer, marker)

    def generate(
        self,
        prompts: Sequence[str],
        settings: GenerationSettings | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        shape: Shape | None = None,
    ) -> Iterator[Event]:
        """Pieces of all variants of all ``prompts`` as they come, and one Finished for each, in no fixed order.

        A prompt longer than the window loses its beginning (``Finished.dropped_tokens``). ``cancelled`` is asked a few
        times a second; closing the iterator cancels too; both take effect at the next token. ``shape`` may change the
        scores of each token before it is chosen. Raises BadInput (generation.empty, generation.too_long,
        generation.too_many) here, Unavailable (generation.busy, generation.failed, generation.closed) while iterating.
        """
        settings = settings or GenerationSettings()
        request = Request(settings, shape)
        self._check(prompts, settings)
        texts = [text for number, prompt in enumerate(prompts) for text in self._writings(request, number, prompt)]
        return self._events(request, texts, cancelled)

    def write(self, prompts: Sequence[str], settings: GenerationSettings | None = None) -> list[list[Written]]:
        """All variants of each prompt, when they are complete. Raises what ``generate`` raises."""
        settings = settings or GenerationSettings()
        texts = [["" for _ in range(settings.variants)] for _ in prompts]
        done: dict[tuple[int, int], Finished] = {}
        for event in self.generate(prompts, settings):
            if isinstance(event, Piece):
                texts[event.prompt][event.variant] += event.text
            else:
                done[event.prompt, event.variant] = event
        return [
            [_written(text, done[prompt, variant]) for variant, text in enumerate(variants)]
            for prompt, variants in enumerate(texts)
        ]

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` alone."""
        return len(self._encode(text))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``, special tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def score(self, text: str, *, end: bool = False) -> tuple[list[int], Score]:
        """Token ids of ``text`` (behind the opening token, if the model has one; cut to the window) and what the model
        thinks of each from the second on. ``end``: what is cut off is the beginning. Raises BadInput generation.empty.
        """
        room = self.window - len(self._opening)
        read = self._encode(text)
        ids = [*self._opening, *(read[-room:] if end else read[:room])]
        if len(ids) < 2:
            raise BadInput("generation.empty")
        return ids, self._scheduler.between_steps(lambda: self._decoder.score(ids))

    def close(self) -> None:
        """Cancels what is being written."""
        self._scheduler.close()

    def _check(self, prompts: Sequence[str], settings: GenerationSettings) -> None:
        asked = len(prompts) * settings.variants
        if not prompts or (not self._opening and not all(prompt.strip() for prompt in prompts)):
            raise BadInput("generation.empty")
        if settings.max_tokens > self.limits.new_tokens:
            raise BadInput("generation.too_long", asked=settings.max_tokens, most=self.limits.new_tokens)
        if asked > self.limits.waiting:
            raise BadInput("generation.too_many", asked=asked, most=self.limits.waiting)

    def _writings(self, request: Request, number: int, prompt: str) -> list[Writing]:
        settings = request.settings
        # At least half of the window is left to the prompt: a length that was set too high must not erase it.
        room = self.window - min(settings.max_tokens, self.window // 2) - len(self._opening) - len(self._marker)
        body = self._encode(prompt)
        dropped = max(0, len(body) - room)
        ids = [*self._opening, *body[dropped:], *self._marker]
        limit = min(settings.max_tokens, self.window - len(ids))
        return [
            Writing(request, number, variant, ids, dropped, limit, TextStream(self._tokenizer, settings.stop))
            for variant in range(settings.variants)
        ]

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _events(
        self, request: Request, texts: Sequence[Writing], cancelled: Callable[[], bool]
    ) -> Generator[Event, None, None]:
        missing = len(texts)
        try:
            self._scheduler.submit(texts)
            while missing:
                if cancelled():
                    request.cancelled.set()
                try:
                    event = request.sink.get(timeout=_POLL)
                except queue.Empty:
                    continue
                if isinstance(event, BaseException):
                    raise event
                missing -= isinstance(event, Finished)
                yield event
        finally:
            request.cancelled.set()


def _written(text: str, done: Finished) -> Written:
    return Written(text, done.reason, done.tokens, done.dropped_tokens, done.seed)


def _encode_marker(tokenizer: Any, marker: str) -> list[int]:
    if not marker:
        return []
    known = tokenizer.token_to_id(marker)
    return [known] if known is not None else list(tokenizer.encode(marker, add_special_tokens=False).ids)


def open_generator(
    folder: Path,
    cache: Path,
    *,
    engine: EngineName = "auto",
    device: str = "auto",
    threads: int = 0,
    limits: Limits | None = None,
) -> TextGenerator:
    """The language model in ``folder``, loaded. ``cache``: where converted weights are kept.

    "auto" is int8 on onnxruntime for a GPT-2 on a CPU and transformers for everything else. Raises Unavailable
    (models.*, generation.*) when the folder cannot be used, and says why.
    """
    from core.models.generation.gpt2_onnx import MOST_BYTES, graph_bytes
    from core.models.generation.gpt2_shape import read_shape

    limits = limits or Limits()
    facts = _facts(folder)
    if engine == "auto":
        shape = read_shape(folder) if _chosen_device(device) == "cpu" else None
        engine = "onnxruntime" if shape and graph_bytes(shape) <= MOST_BYTES else "transformers"
    parts = folder.name, load_tokenizer(folder), _decoder(engine, folder, cache, device, threads, limits), limits
    opening, marker = facts.get("separator") or None, str(facts.get("marker") or "")
    if copied := facts.get("copied"):
        from core.models.generation.copying import CopyingGenerator

        return CopyingGenerator(*parts, opening=opening, marker=marker, copied=copied, worded=facts.get("worded", ()))
    return TextGenerator(*parts, opening=opening, marker=marker)


def _decoder(engine: str, folder: Path, cache: Path, device: str, threads: int, limits: Limits) -> Decoder:
    if engine == "onnxruntime":
        from core.models.generation.decoder_onnx import OnnxDecoder

        return OnnxDecoder(folder, cache, most_rows=limits.at_once, threads=threads)
    from core.models.generation.decoder_transformers import TransformersDecoder

    return TransformersDecoder(folder, device=device, most_rows=limits.at_once, threads=threads)


def _chosen_device(device: str) -> str:
    from core.models.device import choose_device

    return choose_device(device)


def _facts(folder: Path) -> dict[str, Any]:
    """What training wrote down about the model; nothing for one that was not trained here."""
    from core.models.manifest import NAME, read_manifest

    return dict(read_manifest(folder).facts) if (folder / NAME).is_file() else {}


def load_tokenizer(folder: Path) -> Any:
    """The ``tokenizers.Tokenizer`` of ``folder``. Raises Unavailable generation.no_tokenizer."""
    from tokenizers import Tokenizer

    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        from transformers import AutoTokenizer

        made = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
        found = made.backend_tokenizer
    except Exception as error:  # tokenizers raises bare Exception, transformers many kinds
        raise Unavailable("generation.no_tokenizer", name=folder.name, reason=type(error).__name__) from error
    if found.get_vocab_size() < _LEAST_VOCABULARY:  # transformers makes an empty one where it finds no file
        raise Unavailable("generation.no_tokenizer", name=folder.name, reason="FileNotFoundError")
    return found
