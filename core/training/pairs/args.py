"""What sentence-pair models learn from, and the settings of their training, checked where they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import BadInput
from core.training.loop_args import LoopArgs, require, require_one_of

PairKind = Literal["bi_encoder", "cross_encoder"]


@dataclass(frozen=True, slots=True)
class Candidates:
    """A query and texts with how well each fits it: ``relevance`` above 0 fits, higher fits better, 0 does not."""

    query: str
    texts: tuple[str, ...]
    relevance: tuple[float, ...]

    @property
    def fitting(self) -> list[str]:
        return [text for text, value in zip(self.texts, self.relevance, strict=True) if value > 0]

    @property
    def others(self) -> list[str]:
        return [text for text, value in zip(self.texts, self.relevance, strict=True) if value <= 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairArgs(LoopArgs):
    """``kind`` bi_encoder: one vector a text, learnt by telling a query's text from all other texts of the batch
    (Henderson et al. 2017) and from its own candidates that do not fit; ``scale`` multiplies the cosines.
    cross_encoder: query and text are read together; ``loss`` bce judges each pair by itself, softmax ranks the
    candidates of a query against each other (Cao et al. 2007). ``negatives``: at most so many candidates that do not
    fit are taken a query and step, drawn anew each epoch. ``symmetric`` also tells the text's query from the others.
    """

    kind: PairKind = "bi_encoder"
    mode: Literal["full", "lora"] = "full"
    loss: Literal["bce", "softmax"] = "softmax"
    metric: Literal["mrr", "ndcg", "recall_at_1"] = "mrr"
    negatives: int = 4
    scale: float = 20.0
    symmetric: bool = True
    head_rate: float = 1.0
    query_prefix: str = ""
    passage_prefix: str = ""

    def __post_init__(self) -> None:
        self._check_loop()
        require_one_of("kind", self.kind, ("bi_encoder", "cross_encoder"))
        require_one_of("mode", self.mode, ("full", "lora"))
        require_one_of("loss", self.loss, ("bce", "softmax"))
        require_one_of("metric", self.metric, ("mrr", "ndcg", "recall_at_1"))
        for name in ("scale", "head_rate"):
            require(name, getattr(self, name), "> 0", getattr(self, name) > 0)
        require("negatives", self.negatives, ">= 0", self.negatives >= 0)
        # The texts of a bi-encoder's batch are each other's negatives: parts of it would not see all of them.
        in_parts = self.kind == "bi_encoder" and self.accumulate > 1
        require("accumulate", self.accumulate, "1 (bi_encoder)", not in_parts)


def check_candidates(rows: Sequence[Candidates], args: PairArgs, *, training: bool) -> None:
    """Raises BadInput: training.no_rows, .no_validation, .empty_text, .lengths, .no_candidates, .no_positive,
    .no_negative."""
    if not rows:
        raise BadInput("training.no_rows") if training else BadInput("training.no_validation", rows=0)
    for number, row in enumerate(rows, 1):
        if len(row.texts) != len(row.relevance):
            raise BadInput("training.lengths", texts=len(row.texts), labels=len(row.relevance))
        if not row.texts:
            raise BadInput("training.no_candidates", row=number)
        if not row.query.strip() or not all(text.strip() for text in row.texts):
            raise BadInput("training.empty_text", row=number)
        if not row.fitting and not (args.kind == "cross_encoder" and args.loss == "bce" and training):
            raise BadInput("training.no_positive", row=number)
        if training and args.kind == "cross_encoder" and args.loss == "softmax" and not row.others:
            raise BadInput("training.no_negative", row=number)
