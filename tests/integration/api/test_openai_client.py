"""OpenAI's own client against the real server."""

from __future__ import annotations

import numpy as np
import openai
import pytest
from openai import OpenAI

from core.services import quota
from tests.integration.api.conftest import Service

QUESTION = "Within how many days can lamps be returned?"


@pytest.fixture(scope="module")
def client(service: Service) -> OpenAI:
    return OpenAI(base_url=f"{service.url}/v1", api_key=service.key, max_retries=0)


def test_models_are_listed_and_found(client: OpenAI, service: Service) -> None:
    names = {one.id: one.owned_by for one in client.models.list()}
    assert names["knowledge-base:Help"] == "knowledge_base"
    assert names[service.app.settings.encoder] == "encoder"
    assert "language_model" in names.values()
    assert client.models.retrieve("knowledge-base:Help").id == "knowledge-base:Help"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("knowledge-base:Other")


def test_a_knowledge_base_answers_with_citations(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="knowledge-base:Help", messages=[{"role": "user", "content": QUESTION}]
    )
    text = completion.choices[0].message.content or ""
    assert "30 days" in text
    assert "[1]" in text
    assert completion.choices[0].finish_reason == "stop"
    extra = completion.model_extra or {}
    (first, *_) = extra["citations"]
    assert (first["document"], first["end"] - first["start"]) == ("returns.md", len(first["quote"]))
    assert extra["outcome"]["rung"] == "document"
    assert completion._request_id


def test_a_stream_says_the_same_piece_by_piece(client: OpenAI) -> None:
    asked = {"model": "knowledge-base:Help", "messages": [{"role": "user", "content": QUESTION}]}
    whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
    chunks = list(client.chat.completions.create(**asked, stream=True))  # type: ignore[call-overload]
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].model_extra["citations"] == whole.model_extra["citations"]


def test_what_no_document_says_is_refused_in_words(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="knowledge-base:Help", messages=[{"role": "user", "content": "Who won the chess championship in 1972?"}]
    )
    assert (completion.model_extra or {})["outcome"]["refusal"]
    assert completion.choices[0].message.content


def test_a_follow_up_refers_to_the_messages_before(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="knowledge-base:Help",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How long is the warranty of a lamp?"},
            {"role": "assistant", "content": "Every Lumen lamp has a warranty of 24 months."},
            {"role": "user", "content": [{"type": "text", "text": "And for batteries?"}]},
        ],
    )
    assert "12 months" in (completion.choices[0].message.content or "")


def test_a_language_model_writes_and_streams(client: OpenAI, service: Service) -> None:
    name = next(one.id for one in client.models.list() if one.owned_by == "language_model")
    before = _tokens(service)
    asked = {"model": name, "messages": [{"role": "user", "content": "Once upon a time"}], "max_tokens": 12, "seed": 7}
    whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
    assert whole.choices[0].message.content.strip()
    assert 1 <= whole.usage.completion_tokens <= 12
    assert _tokens(service) == before + whole.usage.completion_tokens
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})  # type: ignore[call-overload]
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def _tokens(service: Service) -> int:
    return sum(line.all for line in quota.usage(service.app, service.shop.owner())
               if (line.subject, line.metric) == ("workspace", "tokens"))  # fmt: skip


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_embeddings_are_those_of_the_encoder(client: OpenAI, service: Service, encoding: str | None) -> None:
    texts, before = ["How long is the warranty?", "保修期多长？"], _tokens(service)
    more = {} if encoding is None else {"encoding_format": encoding}
    made = client.embeddings.create(model=service.app.settings.encoder, input=texts, **more)  # type: ignore[call-overload]
    rows = [np.frombuffer(_bytes(one.embedding), "<f4") if isinstance(one.embedding, str) else np.array(one.embedding)
            for one in made.data]  # fmt: skip
    expected = service.app.encoder().encode(texts, kind="passage")
    np.testing.assert_allclose(np.stack(rows), expected, atol=1e-4)
    assert made.usage.total_tokens == made.usage.prompt_tokens == _tokens(service) - before
    assert made.usage.prompt_tokens == service.app.encoder().count_tokens(texts, kind="passage") > 10


def test_embeddings_end_where_the_tokens_do(service: Service) -> None:
    made = service.make_key("documents")
    quota.set_quota(service.app, service.shop.owner(), "key", made.view.id, "tokens", "day", 5)
    client = OpenAI(base_url=f"{service.url}/v1", api_key=made.secret, max_retries=0)
    client.embeddings.create(model=service.app.settings.encoder, input="How long is the warranty of a lamp?")
    with pytest.raises(openai.RateLimitError) as caught:
        client.embeddings.create(model=service.app.settings.encoder, input="hello")
    assert caught.value.code == "quota.renews"


def _bytes(packed: str) -> bytes:
    import base64

    return base64.b64decode(packed)


def test_errors_become_the_exceptions_of_the_client(client: OpenAI, service: Service) -> None:
    narrow = service.make_key("sentiment").secret
    message = [{"role": "user", "content": "hello"}]

    def code(expected: type[openai.APIStatusError], key: str = service.key, **asked: object) -> str:
        with pytest.raises(expected) as caught:
            OpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0).chat.completions.create(
                **{"model": "knowledge-base:Help", "messages": message, **asked}  # type: ignore[call-overload]
            )
        return str(caught.value.code)

    assert code(openai.AuthenticationError, "plk_wrong") == "api.key_unknown"
    assert code(openai.PermissionDeniedError, narrow) == "not_allowed"
    assert code(openai.NotFoundError, model="gpt-99") == "api.model_unknown"
    assert code(openai.BadRequestError, messages=[{"role": "assistant", "content": "hi"}]) == "api.no_question"
    assert code(openai.UnprocessableEntityError, temperature=9) == "api.invalid"


def test_a_quota_that_is_used_up_is_a_rate_limit_error(service: Service) -> None:
    made = service.make_key("ask")
    quota.set_quota(service.app, service.shop.owner(), "key", made.view.id, "messages", "day", 1)
    client = OpenAI(base_url=f"{service.url}/v1", api_key=made.secret, max_retries=0)
    message = [{"role": "user", "content": QUESTION}]
    client.chat.completions.create(model="knowledge-base:Help", messages=message)  # type: ignore[arg-type]
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="knowledge-base:Help", messages=message)  # type: ignore[arg-type]
    assert caught.value.code == "quota.renews"
    assert 0 < int(caught.value.response.headers["Retry-After"]) <= 24 * 3600
    assert "1 message" in caught.value.message
