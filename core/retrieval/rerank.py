"""Reranking by a cross-encoder, where one is configured. Without one there is no such stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.index.base import Floats
from core.models.cross_encoder import CrossEncoder
from core.text.language import detect_language

# (question, passage ids) -> one score an id, or None when the model does not know the question's language
Rerank = Callable[[str, Sequence[int]], Floats | None]


def make_reranker(model: CrossEncoder, texts: Callable[[Sequence[int]], Sequence[str]]) -> Rerank:
    """A stage that reads the passages' texts (``texts``: one an id, in their order) together with the question."""

    def rerank(question: str, passage_ids: Sequence[int]) -> Floats | None:
        if detect_language(question) not in model.languages:
            return None
        return model.score(question, texts(passage_ids))

    return rerank
