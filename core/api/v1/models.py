"""What can be named as a model, and vectors of texts: both in the shape of OpenAI's API."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from core.access.actor import Permission
from core.api.v1.caller import App, Caller
from core.api.v1.shapes import Text
from core.errors import BadInput, NotFound
from core.services import direct

router = APIRouter(tags=["Models"])


class ModelShape(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = Field(description="knowledge_base, language_model or encoder.")


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelShape]


@router.get("/models", operation_id="list_models")
def list_models(app: App, actor: Caller) -> ModelList:
    """Everything that this key may name as `model`: knowledge bases (`knowledge-base:NAME`), language models, the
    sentence encoder."""
    return ModelList(data=[ModelShape(id=one.name, owned_by=one.kind) for one in direct.usable_models(app, actor)])


@router.get("/models/{model:path}", operation_id="get_model")
def get_model(app: App, actor: Caller, model: Text) -> ModelShape:
    """One of them."""
    found = next((one for one in direct.usable_models(app, actor) if one.name == model), None)
    if found is None:
        raise direct.unknown_model(app, actor, model)
    return ModelShape(id=found.name, owned_by=found.kind)


class EmbeddingsRequest(BaseModel):
    """Fields of OpenAI's that are not named here are passed over."""

    model_config = ConfigDict(extra="ignore")
    model: Text = Field(description="The encoder, as /v1/models names it.")
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=direct.MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1, le=100_000)
    input_type: Literal["query", "passage"] = Field(
        "passage", description="Ours: some encoders read questions and passages differently."
    )


class EmbeddingShape(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="Numbers, or little-endian float32 in base64.")


class EmbeddingUsage(BaseModel):
    prompt_tokens: int = Field(description="What the encoder read; what it cut off is not counted.")
    total_tokens: int


class EmbeddingList(BaseModel):
    object: Literal["list"] = "list"
    model: str
    data: list[EmbeddingShape]
    usage: EmbeddingUsage


@router.post("/embeddings", operation_id="create_embeddings")
def create_embeddings(app: App, actor: Caller, asked: EmbeddingsRequest) -> EmbeddingList:
    """Vectors of one text or up to 256, each of length 1: their inner product is the cosine. Tokens are counted."""
    actor.require(Permission.KNOWLEDGE_READ)
    if asked.model != app.settings.encoder:
        raise NotFound("api.encoder_unknown", name=asked.model[:120], known=app.settings.encoder)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if asked.dimensions not in (None, width := app.encoder().dimension):
        raise BadInput("api.dimensions", name=asked.model, known=width, found=asked.dimensions)
    made = direct.embed_texts(app, actor, texts, asked.input_type)
    packed = asked.encoding_format == "base64"
    data = [
        EmbeddingShape(
            index=number,
            embedding=base64.b64encode(row.astype("<f4").tobytes()).decode() if packed else [float(x) for x in row],
        )
        for number, row in enumerate(made.vectors)
    ]
    usage = EmbeddingUsage(prompt_tokens=made.tokens, total_tokens=made.tokens)
    return EmbeddingList(model=asked.model, data=data, usage=usage)
