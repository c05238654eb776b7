"""What pages, the CLI and jobs see of content generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.content.templates import Fit, Template
from core.models.generation.sampling import GenerationSettings
from core.services.content.models import ModelView
from core.types import Language, PassageRecord


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """What is asked for. ``model``: a key of ``list_models``, "" for the best that can do it; ``seed`` None draws one.

    ``language``: of the text. ``knowledge_base_id``: the draft is built from its passages. ``voice_id``: a voice.
    """

    template: str
    values: Mapping[str, str]
    language: Language = "en"
    model: str = ""
    knowledge_base_id: int | None = None
    voice_id: int | None = None
    variants: int = 3
    max_tokens: int = 120
    temperature: float = 0.8
    top_p: float = 0.95
    repetition_penalty: float = 1.1
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be carried out: everything checked, nothing stored yet."""

    request: WriteRequest
    template: Template
    values: dict[str, str]
    model: ModelView
    fit: Fit
    settings: GenerationSettings
    passages: tuple[PassageRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class VariantView:
    """``text``: as it stands; ``written``: as the model wrote it. ``reason``: end, stop_word, length, cancelled, ""."""

    id: int
    draft_id: int
    number: int
    text: str
    written: str
    reason: str
    tokens: int
    favourite: bool
    rating: int
    edits: int


@dataclass(frozen=True, slots=True)
class DraftView:
    """``state``: writing, done, stopped, failed. ``notes``: things to know, each {"code", "values"}; ``sources``:
    passages that it was written from, each {"document", "page", "text", "document_id"}."""

    id: int
    template: str
    title: str
    language: str
    model: str
    model_name: str
    values: Mapping[str, str]
    settings: Mapping[str, Any]
    sources: tuple[Mapping[str, Any], ...]
    knowledge_base_id: int | None
    voice_id: int | None
    state: str
    notes: tuple[Mapping[str, Any], ...]
    error: Mapping[str, Any]
    created_at: datetime
    variants: tuple[VariantView, ...] = field(default=())
    number: int = 0  # of its brief in the batch, counted from 1; 0 for a draft of no batch


@dataclass(frozen=True, slots=True)
class DraftPage:
    """One page of the history. ``total``: drafts that fit the search."""

    total: int
    drafts: tuple[DraftView, ...]
