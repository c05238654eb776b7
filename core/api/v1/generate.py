"""Texts written from templates."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.v1.caller import App, Caller
from core.api.v1.knowledge import code_of
from core.api.v1.shapes import RowId, Shape, Text
from core.services.content import templates
from core.services.content.prepare import MOST_VARIANTS
from core.services.content.views import WriteRequest
from core.services.content.writing import write
from core.types import Language

router = APIRouter(tags=["Generation"])


class FieldShape(BaseModel):
    name: str
    label: str
    required: bool
    example: str


class TemplateShape(BaseModel):
    id: str
    title: str
    help: str
    fields: list[FieldShape]
    languages: list[str]


class TemplateList(BaseModel):
    data: list[TemplateShape]


class GenerateRequest(Shape):
    template: Text = Field(description="As /v1/templates names it.")
    values: Annotated[dict[Text, Text], Field(max_length=20)] = Field(description="A value for each field.")
    language: Language = "en"
    model: Text = Field("", description="Empty for the best that can do the template.")
    knowledge_base_id: RowId | None = Field(None, description="Write from its passages.")
    voice_id: RowId | None = None
    variants: Annotated[int, Field(ge=1, le=MOST_VARIANTS)] = 1
    max_tokens: Annotated[int, Field(ge=1, le=1024)] = 120
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    top_p: Annotated[float, Field(ge=0.01, le=1)] = 0.95
    repetition_penalty: Annotated[float, Field(ge=0.5, le=3)] = 1.1
    seed: Annotated[int, Field(ge=0, le=(1 << 31) - 1)] | None = None


class VariantShape(BaseModel):
    text: str
    reason: str = Field(description="end, stop_word, length, cancelled.")
    tokens: int


class DraftShape(BaseModel):
    id: int
    state: str = Field(description="done, stopped, failed.")
    template: str
    model: str
    language: str
    variants: list[VariantShape]
    sources: list[dict[str, Any]]
    notes: list[str] = Field(description="Codes of things to know, such as a prompt that was shortened.")
    error: str | None


@router.get("/templates", operation_id="list_templates")
def list_templates(app: App, actor: Caller, language: Language = "en") -> TemplateList:
    """What can be written, and the fields of each."""
    return TemplateList(
        data=[
            TemplateShape(
                id=one.id, title=one.title, help=one.help, languages=list(one.languages),
                fields=[FieldShape(name=f.name, label=f.label, required=f.required, example=f.example)
                        for f in one.fields],
            )
            for one in templates.list_templates(app, actor, language)
        ]
    )  # fmt: skip


@router.post("/generate", operation_id="generate")
def generate(app: App, actor: Caller, asked: GenerateRequest) -> DraftShape:
    """Writes up to eight variants and answers when they are complete. The draft is kept in the workspace's history."""
    draft = write(app, actor, WriteRequest(**asked.model_dump()))
    return DraftShape(
        id=draft.id, state=draft.state, template=draft.template, model=draft.model, language=draft.language,
        variants=[VariantShape(text=v.text, reason=v.reason, tokens=v.tokens) for v in draft.variants],
        sources=[dict(one) for one in draft.sources], notes=[str(one.get("code", "")) for one in draft.notes],
        error=code_of(draft.error),
    )  # fmt: skip
