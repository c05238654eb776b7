"""A local causal language model (GPT-2, Qwen, Llama, ...) as a LangChain chat model, streamed through transformers.

Weights are safetensors and no code from a model's repository runs. The model is loaded at the first use and once; at
most ``concurrency`` answers are made at a time, others wait up to ``wait_seconds``.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, PrivateAttr

from core.errors import PilotlightError, Unavailable
from core.text.language import has_han

log = logging.getLogger(__name__)
_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "user"}
_UNENDING = 1_000_000  # tokenizers without a limit of their own say 1e30


class LocalCausalChat(BaseChatModel):
    """Words of a causal LM on this machine. ``model_name`` is a folder, or a hub id when ``allow_hub``.

    ``max_tokens`` bounds an answer's length, ``max_seconds`` its time. ``temperature`` 0 is greedy.
    Raises Unavailable: llm.model_missing, llm.model_unusable, llm.local_busy, llm.local_failed.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_name: str = Field(alias="model")
    max_tokens: int = 300
    temperature: float = 0.0
    repetition_penalty: float = 1.1
    stop: list[str] | None = None
    device: str = "auto"
    threads: int = 0  # 0 leaves torch's own choice
    allow_hub: bool = False
    concurrency: int = Field(1, ge=1)
    wait_seconds: float = 30.0
    max_seconds: float = 120.0

    _load_lock: Any = PrivateAttr(default_factory=threading.Lock)
    _token_lock: Any = PrivateAttr(default_factory=threading.Lock)
    _places: Any = PrivateAttr(default=None)
    _model: Any = PrivateAttr(default=None)
    _tokenizer: Any = PrivateAttr(default=None)

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._places = threading.BoundedSemaphore(self.concurrency)

    @property
    def _llm_type(self) -> str:
        return "pilotlight-local-causal"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "max_tokens": self.max_tokens, "temperature": self.temperature}

    # --- the prompt ------------------------------------------------------------------------------------------------

    def warm_up(self) -> LocalCausalChat:
        """Loads the model now instead of at the first question."""
        with self._load_lock:
            if self._model is None:
                self._tokenizer, self._model = load_causal(self.model_name, self.device, self.allow_hub, self.threads)
        return self

    def context_tokens(self) -> int:
        """Most tokens (prompt and answer together) that the model can attend to."""
        self.warm_up()
        config = self._model.config
        limits = [
            getattr(config, name, None) for name in ("max_position_embeddings", "n_positions", "max_sequence_length")
        ]
        limits.append(getattr(self._tokenizer, "model_max_length", None))
        return min((int(limit) for limit in limits if limit and limit < _UNENDING), default=2048)

    def prompt_room(self) -> int:
        """Tokens that a prompt may have so that an answer of ``max_tokens`` (or half the window) still fits."""
        window = self.context_tokens()
        return window - min(self.max_tokens, window // 2)

    def count_prompt(self, messages: Sequence[BaseMessage]) -> int:
        """Tokens of ``messages`` as the model would read them, template included."""
        self.warm_up()
        return len(self._encode(messages))

    def get_num_tokens(self, text: str) -> int:
        self.warm_up()
        with self._token_lock:
            return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _encode(self, messages: Sequence[BaseMessage]) -> list[int]:
        turns = _turns(messages)
        with self._token_lock:
            if not getattr(self._tokenizer, "chat_template", None):
                return list(self._tokenizer(plain_prompt(turns), split_special_tokens=True, verbose=False)["input_ids"])
            try:
                return self._templated(turns)
            except Exception as error:
                # Some templates (Gemma's among them) refuse a system turn: its words then lead the first question.
                if type(error).__module__.split(".")[0] != "jinja2" or turns[0]["role"] != "system":
                    raise
                return self._templated(_without_system(turns))

    def _templated(self, turns: list[dict[str, str]]) -> list[int]:
        # Control tokens inside a passage or a question are encoded as plain text: nobody can forge a turn.
        encoded = self._tokenizer.apply_chat_template(
            turns,
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            return_dict=True,
            tokenizer_kwargs={"verbose": False},
            enable_thinking=False,  # read by templates of models that can think aloud, ignored by the others
        )
        return list(encoded["input_ids"])

    def _fit(self, messages: Sequence[BaseMessage]) -> list[int]:
        """Token ids of ``messages`` cut to the window.

        Old turns go first, then the longest message loses its middle, so that what opens it (the instruction, the best
        passages) and what ends it (the question) stay.
        """
        room = self.prompt_room()
        kept = list(messages)
        ids = self._encode(kept)
        while len(ids) > room:
            droppable = next((i for i, m in enumerate(kept[:-1]) if m.type != "system"), None)
            if droppable is not None:
                del kept[droppable]
                if kept[droppable].type == "ai" and droppable < len(kept) - 1:
                    del kept[droppable]  # an answer without its question would only mislead
            elif not _halve_longest(kept):
                return ids[-room:]
            ids = self._encode(kept)
        return ids

    # --- generation --------------------------------------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, None, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.warm_up()
        if not self._places.acquire(timeout=self.wait_seconds):
            raise Unavailable("llm.local_busy", seconds=round(self.wait_seconds))
        try:
            ids = self._fit(messages)
            run = _Run(self, ids, [*(self.stop or []), *(stop or [])], int(kwargs.get("max_tokens", self.max_tokens)))
        except BaseException:
            self._places.release()
            raise
        run.start()
        try:
            for piece in run.pieces():
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
                if run_manager:
                    run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk
            yield ChatGenerationChunk(message=self._last(len(ids), run))
        finally:
            run.cancel()

    def _last(self, prompt: int, run: _Run) -> AIMessageChunk:
        usage = UsageMetadata(input_tokens=prompt, output_tokens=run.produced, total_tokens=prompt + run.produced)
        return AIMessageChunk(
            content="",
            usage_metadata=usage,
            response_metadata={"model_name": self.model_name, "finish_reason": run.reason},
            chunk_position="last",
        )


def load_causal(name: str, device: str, allow_hub: bool, threads: int) -> tuple[Any, Any]:
    """Tokenizer and model of ``name`` on the chosen device, ready to generate. Raises Unavailable."""
    is_path = Path(name).expanduser().exists()
    if not is_path and not allow_hub and not _in_cache(name):
        raise Unavailable("llm.model_missing", name=name)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from core.models.device import choose_device

    chosen = choose_device(device)
    source = str(Path(name).expanduser()) if is_path else name
    common = {"trust_remote_code": False, "local_files_only": not allow_hub}
    if threads:
        torch.set_num_threads(threads)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **common)
        model = AutoModelForCausalLM.from_pretrained(source, use_safetensors=True, dtype="auto", **common)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        log.warning("language model %s cannot be loaded: %s", name, type(error).__name__)
        raise Unavailable("llm.model_unusable", name=name, problem=str(error).splitlines()[0][:200]) from error
    return tokenizer, model.to(chosen).eval()


def _in_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except ValueError:  # not a hub id at all
        return False


class _Run:
    """One answer in the making: a thread that generates, a queue of text, a flag that stops both."""

    def __init__(self, chat: LocalCausalChat, ids: list[int], stop: list[str], max_tokens: int) -> None:
        self._chat, self._ids, self._stop = chat, ids, [word for word in stop if word]
        self._limit = max(1, min(max_tokens, chat.context_tokens() - len(ids)))
        self._queue: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._deadline = time.monotonic() + chat.max_seconds
        self._thread = threading.Thread(target=self._work, name="local-causal-lm", daemon=True)
        self._tokens: list[int] = []
        self._shown = 0
        self.produced = 0
        self.reason = "stop"

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stops the thread within a token and waits for it, so that the next question finds its place free."""
        self._cancelled.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    # transformers' streamer protocol: put() first receives the prompt, then each token; end() closes.
    def put(self, value: Any) -> None:
        ids = value.reshape(-1).tolist()
        if self.produced < 0:
            self.produced = 0
            return
        self.produced += len(ids)
        self._tokens.extend(ids)
        text = self._decode()
        # A byte-level token may hold half a Chinese character; the next one completes it.
        if not text.endswith("\ufffd"):
            self._queue.put(text[self._shown :])
            self._shown = len(text)

    def end(self) -> None:
        self._queue.put(self._decode()[self._shown :])

    def _decode(self) -> str:
        with self._chat._token_lock:
            return str(self._chat._tokenizer.decode(self._tokens, skip_special_tokens=True))

    def _work(self) -> None:
        try:
            self._call_model()
        except Exception as error:  # noqa: BLE001 - raised where the queue is read
            self._queue.put(error)
        finally:
            self._chat._places.release()
            self._queue.put(None)

    def _call_model(self) -> None:
        import torch
        from transformers import GenerationConfig, StoppingCriteriaList

        chat, model = self._chat, self._chat._model
        own = model.generation_config
        config = GenerationConfig(
            max_new_tokens=self._limit,
            do_sample=chat.temperature > 0,
            temperature=chat.temperature if chat.temperature > 0 else None,
            repetition_penalty=chat.repetition_penalty,
            eos_token_id=own.eos_token_id,
            bos_token_id=own.bos_token_id,
            pad_token_id=own.pad_token_id if own.pad_token_id is not None else chat._tokenizer.eos_token_id,
        )
        ids = torch.tensor([self._ids], device=model.device)
        self.produced = -1
        with torch.inference_mode():
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                generation_config=config,
                streamer=self,
                stopping_criteria=StoppingCriteriaList([self._should_stop]),
            )
        if self.produced >= self._limit:
            self.reason = "length"

    def _should_stop(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        late = time.monotonic() > self._deadline
        if late:
            self.reason = "length"
        done = late or self._cancelled.is_set()
        return torch.full((input_ids.shape[0],), done, dtype=torch.bool, device=input_ids.device)

    def pieces(self) -> Iterator[str]:
        """Text as it comes, without the stop words: what may be the beginning of one is held back."""
        held = ""
        while True:
            item = self._queue.get()
            if item is None:
                break
            if isinstance(item, PilotlightError):
                raise item
            if isinstance(item, BaseException):
                raise Unavailable("llm.local_failed", problem=type(item).__name__) from item
            held += item
            at = min((held.find(word) for word in self._stop if word in held), default=-1)
            if at >= 0:
                held = held[:at]
                self.cancel()
                break
            keep = _open_end(held, self._stop)
            ready, held = held[: len(held) - keep], held[len(held) - keep :]
            if ready:
                yield ready
        if held:
            yield held


def _open_end(text: str, stop: Sequence[str]) -> int:
    """Length of the longest end of ``text`` that begins one of the ``stop`` words."""
    return max(
        (size for word in stop for size in range(1, len(word)) if text.endswith(word[:size])),
        default=0,
    )


def _turns(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    return [{"role": _ROLES.get(m.type, "user"), "content": str(m.text)} for m in messages]


def _without_system(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    system, first, *rest = turns
    return [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *rest]


def plain_prompt(turns: Sequence[dict[str, str]]) -> str:
    """The prompt of a model that knows no chat: the turns in order, then the word that asks for an answer."""
    cue = "回答：" if turns and has_han(turns[-1]["content"]) else "Answer:"
    parts = [f"{cue} {turn['content']}" if turn["role"] == "assistant" else turn["content"] for turn in turns]
    return "\n\n".join([*parts, cue])


def _halve_longest(messages: list[BaseMessage]) -> bool:
    """Takes the middle quarter or so out of the longest message, in place. False when nothing is left to take."""
    at = max(range(len(messages)), key=lambda i: len(str(messages[i].text)))
    text = str(messages[at].text)
    if len(text) < 40:
        return False
    first, last = len(text) * 3 // 8, len(text) * 5 // 8
    cut_from = max(text.rfind("\n", 0, first), text.rfind(" ", 0, first)) + 1 or first
    cut_to = text.find("\n", last) if "\n" in text[last : last + 80] else last
    messages[at] = messages[at].model_copy(update={"content": f"{text[:cut_from]}…{text[cut_to:]}"})
    return True
