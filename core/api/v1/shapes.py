"""What routes take and give: kinds of values that several share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.types import Citation

BIGGEST_ID = (1 << 31) - 1


def _storable(text: str) -> str:
    """Half a character or a NUL can be written into no database and no answer."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that is no text (NUL or half a surrogate pair)")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
RowId = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


class Shape(BaseModel):
    """A request's body: what is not known is refused by name, so that a misspelt option does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class CitationShape(BaseModel):
    """A quoted place: ``quote`` stands in the document's text at ``[start, end)`` (characters), to the letter."""

    document: str
    document_id: int
    version_id: int
    page: int
    section: str
    start: int
    end: int
    quote: str
    document_date: str


class ErrorNote(BaseModel):
    code: str
    values: dict[str, Any]


def citation(one: Citation) -> CitationShape:
    return CitationShape(
        document=one.document, document_id=one.document_id, version_id=one.version_id, page=one.page,
        section=one.section, start=one.start, end=one.end, quote=one.quote, document_date=one.document_date,
    )  # fmt: skip
