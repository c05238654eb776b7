"""Sentiment of texts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.v1.caller import App, Caller
from core.api.v1.shapes import Shape, Text
from core.services.sentiment import one

router = APIRouter(tags=["Sentiment"])


class SentimentRequest(Shape):
    texts: Annotated[list[Text], Field(min_length=1, max_length=256)]
    aspects: bool = Field(False, description="Also say which aspects each text praises or blames.")


class AspectShape(BaseModel):
    aspect: str
    polarity: str
    clause: str


class SentimentShape(BaseModel):
    """`label` is `uncertain` where no polarity is likely enough. `probabilities` add up to 1."""

    label: str
    confidence: float
    probabilities: dict[str, float]
    language: str
    aspects: list[AspectShape] | None = None


class SentimentList(BaseModel):
    model: str
    results: list[SentimentShape]


@router.post("/sentiment", operation_id="judge_sentiment")
def judge_sentiment(app: App, actor: Caller, asked: SentimentRequest) -> SentimentList:
    """Judges up to 256 texts, English or Chinese, in the order given."""
    found = one.score_texts(app, actor, asked.texts)
    results = []
    for scored in found:
        said = scored.judgement
        mentions = one.aspects_of(app, actor, scored.text) if asked.aspects else None
        results.append(
            SentimentShape(
                label=said.label, confidence=said.confidence, language=said.language,
                probabilities=dict(zip(one.POLARITIES, said.probabilities, strict=True)),
                aspects=None if mentions is None else [
                    AspectShape(aspect=m.aspect, polarity=m.polarity, clause=m.clause) for m in mentions
                ],
            )
        )  # fmt: skip
    return SentimentList(model=found[0].model, results=results)
