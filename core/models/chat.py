"""The language model that words answers, if one is configured: a local one or an OpenAI-compatible endpoint.

Whatever goes wrong on the way is one ``Unavailable`` with a sentence that says what to do; a caller then shows the
quoted answer and says so.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from core.access.privacy import mask_personal, unmasked
from core.errors import PilotlightError, Unavailable
from core.settings import Settings

log = logging.getLogger(__name__)
_MASKED = "pilotlight_masked"
_BETWEEN = "\n\x1e\n"  # record separator: no finder's pattern reaches over it


def build_chat(settings: Settings) -> BaseChatModel | None:
    """The chat model that ``settings`` name, or None. Nothing is loaded and nothing is asked here."""
    if settings.llm == "local":
        return _local(settings)
    if settings.llm == "endpoint":
        return _endpoint(settings)
    return None


def _local(settings: Settings) -> BaseChatModel:
    from core.models.generator import LocalCausalChat

    name = settings.llm_model
    if settings.models_dir and (settings.models_dir / name).is_dir():
        name = str(settings.models_dir / name)
    return LocalCausalChat(
        model=name,
        max_tokens=settings.llm_max_tokens,
        device=settings.device,
        threads=settings.threads,
        allow_hub=settings.allow_hub,
        wait_seconds=settings.llm_timeout,
    )


def _endpoint(settings: Settings) -> BaseChatModel:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    key = settings.llm_api_key.get_secret_value()
    return ChatOpenAI(
        model=settings.llm_model,
        base_url=settings.llm_base_url,
        # Many local servers want no key, the client library wants one.
        api_key=SecretStr(key or "none"),
        timeout=settings.llm_timeout,
        # Retries are ours (see ``speak``): the client's would repeat the whole timeout each time.
        max_retries=0,
        max_completion_tokens=settings.llm_max_tokens,
        temperature=0.0,
        streaming=True,
        # Servers differ in what they make of stream_options; the figures are not used.
        stream_usage=False,
        use_responses_api=False,
    )


def masking(chat: BaseChatModel) -> BaseChatModel:
    """The same model, told by :func:`speak` nothing but placeholders where a text holds personal data."""
    return chat.model_copy(update={"metadata": {**(chat.metadata or {}), _MASKED: True}})


def speak(
    chat: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    retries: int = 1,
    patience: float = 5.0,
) -> Iterator[str]:
    """Streams the words of ``chat``. Raises Unavailable (llm.*), whatever the model's own errors are.

    A model that came from :func:`masking` sees ``[PHONE_1]`` and the like; what it says of them is put back, so that
    whoever asked reads their own number. For the rest see :func:`_speak`.
    """
    if not (getattr(chat, "metadata", None) or {}).get(_MASKED):
        yield from _speak(chat, messages, cancelled=cancelled, retries=retries, patience=patience)
        return
    # All texts as one, so that a value bears the same placeholder in each of them.
    masked = mask_personal(_BETWEEN.join(str(message.text) for message in messages))
    texts = masked.text.split(_BETWEEN)
    hidden = [type(message)(content=text) for message, text in zip(messages, texts, strict=True)]
    spoken = _speak(chat, hidden, cancelled=cancelled, retries=retries, patience=patience)
    with closing(cast(Any, spoken)) as words:
        yield from unmasked(words, masked.values)


def _speak(
    chat: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    retries: int = 1,
    patience: float = 5.0,
) -> Iterator[str]:
    """Before the first word a refused connection, a 429 or a 5xx is tried again up to ``retries`` times, waiting as the
    server asks but never more than ``patience`` seconds; a timeout is not, the person has waited long enough.
    """
    for attempt in range(retries + 1):
        said = False
        try:
            with closing(cast(Any, chat.stream(list(messages)))) as stream:
                for chunk in stream:
                    if cancelled():
                        return
                    if text := str(chunk.text).replace("\x00", ""):  # no database holds it
                        said = True
                        yield text
            if not said:
                raise Unavailable("llm.empty", name=_name(chat))
            return
        except PilotlightError:
            raise
        except Exception as error:
            wait = _worth_waiting(error, patience)
            if said or wait is None or attempt == retries:
                raise explain(error, chat) from error
            time.sleep(wait)


def _name(chat: BaseChatModel) -> str:
    return str(getattr(chat, "model_name", "") or type(chat).__name__)


def _worth_waiting(error: Exception, patience: float) -> float | None:
    """Seconds after which a second try makes sense; None when it does not."""
    import openai

    if _is_timeout(error):
        return None
    if isinstance(error, openai.APIConnectionError):
        return min(0.5, patience)
    if isinstance(error, openai.APIStatusError) and (error.status_code == 429 or error.status_code >= 500):
        asked = error.response.headers.get("retry-after", "")
        seconds = float(asked) if asked.replace(".", "", 1).isdigit() else 1.0
        return seconds if seconds <= patience else None
    return None


def _is_timeout(error: BaseException) -> bool:
    """Whether ``error`` or what caused it is a timeout; langchain, openai and httpx each have their own class."""
    cause: BaseException | None = error
    while cause is not None:
        if "timeout" in type(cause).__name__.lower():
            return True
        cause = cause.__cause__
    return False


def explain(error: Exception, chat: BaseChatModel) -> Unavailable:
    """The ``Unavailable`` that a person sees for ``error``. Never carries the prompt, the key or the server's text."""
    import openai

    name = _name(chat)
    status = getattr(error, "status_code", None)
    log.warning("language model %s failed: %s status=%s", name, type(error).__name__, status)
    if _is_timeout(error):
        return Unavailable("llm.timeout", name=name, seconds=round(float(getattr(chat, "request_timeout", 0) or 0)))
    if isinstance(error, openai.APIConnectionError):
        return Unavailable("llm.unreachable", name=name, address=_address(chat))
    if isinstance(error, openai.APIResponseValidationError | json.JSONDecodeError | UnicodeDecodeError):
        return Unavailable("llm.garbled", name=name, problem=type(error).__name__)
    if isinstance(error, openai.APIStatusError):
        return _for_status(error.status_code, name)
    if isinstance(error, openai.APIError) or type(error).__module__.split(".")[0] in ("httpx", "httpx2", "httpcore"):
        return Unavailable("llm.broken_off", name=name)
    # What is left is an answer of a shape that nobody can read (langchain raises TypeError, KeyError, ValueError ...).
    return Unavailable("llm.garbled", name=name, problem=type(error).__name__)


def _for_status(status: int, name: str) -> Unavailable:
    codes = {401: "key", 403: "key", 404: "model_unknown", 429: "busy", 408: "failing"}
    code = codes.get(status, "failing" if status >= 500 else "rejected")
    return Unavailable(f"llm.{code}", name=name, status=status)


def _address(chat: BaseChatModel) -> str:
    """Host and port of the endpoint, without path, user or key."""
    from urllib.parse import urlsplit

    parts = urlsplit(str(getattr(chat, "openai_api_base", "") or ""))
    return f"{parts.hostname or '?'}{f':{parts.port}' if parts.port else ''}"
