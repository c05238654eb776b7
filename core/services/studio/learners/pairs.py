"""Sentence pairs: bi-encoders for search and duplicates, cross-encoders that rerank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import mean_difference
from core.models.manifest import Manifest
from core.models.pair_scorer import BiEncoderScorer, PairScorer, load_pair_scorer
from core.services.studio.learners.base import Judged, Limit, Material, Record
from core.training.encoders import encoder_folder
from core.training.pairs.args import Candidates, PairArgs
from core.training.pairs.problems import ranking_scores

YES = frozenset("1 true yes y match duplicate relevant positive same entailment 是 对 相关 重复 匹配 相同".split())
DRAWN = 4  # texts of other queries put beside a query that has none that does not fit, in training
JUDGED_DRAWN = 19  # and where it is judged: the fitting one is one of twenty
MOST_JUDGED = 1000  # held-out queries

Floats = NDArray[np.float64]


class SentencePairLearner:
    """``core.training.pairs.train`` on the rows of a data set of sentence pairs."""

    def train(self, material: Material) -> Manifest:
        from core.training.pairs.train import train_pairs

        encoder = str(material.base) if material.base is not None else material.args.encoder
        args: PairArgs = replace(material.args, encoder=encoder)
        training = candidates(material, "train", drawn=DRAWN)
        validation = candidates(material, "validation", drawn=JUDGED_DRAWN)
        label = fitting_label(material.version.labels)
        material.watch.say(f"“{label}” is the label that fits" if label else "every pair of the data fits")
        return train_pairs(
            training, validation, args, material.folder, material.watch,
            name=material.name, data=material.data, settings=material.settings,
        )  # fmt: skip

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        """Beside the encoder that it started from, each query's measures paired."""
        args: PairArgs = material.args
        rows = candidates(material, material.held_out, drawn=JUDGED_DRAWN)[:MOST_JUDGED]
        source = material.base if material.base is not None else encoder_folder(args.encoder, material.settings)
        before: PairScorer = BiEncoderScorer(
            encoder_folder(str(source), material.settings), device=args.device, max_tokens=args.max_tokens,
            query_prefix=args.query_prefix, passage_prefix=args.passage_prefix,
        )  # fmt: skip
        after = load_pair_scorer(material.folder, device=args.device)
        ranked = _over_all if args.kind == "bi_encoder" else _own
        material.watch.step("report", 0, 2)
        was = ranked(rows, before)
        material.watch.step("report", 1, 2)
        now = ranked(rows, after)
        measures = {name: _compared(was[name], now[name]) for name in now}
        figures = {"kind": "pairs", "rows": len(rows), "split": material.held_out, "measures": measures}
        limits = (Limit("cut", {"tokens": manifest.facts.get("max_tokens")}),)
        metrics = {f"{material.held_out}_{name}": float(values.mean()) for name, values in now.items()}
        return Judged(metrics, limits=limits, figures=figures)


def fitting_label(labels: Sequence[str]) -> str:
    """The label that says "these belong together": by its name, else the last one (of 0 and 1 it is 1)."""
    return next((label for label in labels if label.strip().lower() in YES), labels[-1] if labels else "")


def candidates(material: Material, split: str, *, drawn: int) -> list[Candidates]:
    """The rows of a split by their first text, each query with the texts it was paired with.

    A query whose texts all fit gets ``drawn`` texts of other queries that do not; one that nothing fits is left out.
    """
    grouped: dict[str, dict[str, float]] = {}
    label = fitting_label(material.version.labels)
    for row in material.rows(split):
        grouped.setdefault(str(row["first"]), {})[str(row["second"])] = _relevance(row, label)
    pool = sorted({text for texts in grouped.values() for text in texts})
    found = []
    for number, (query, texts) in enumerate(grouped.items()):
        if not any(value > 0 for value in texts.values()):
            continue
        whole = dict(texts)
        if all(value > 0 for value in texts.values()):
            generator = np.random.default_rng([int(material.args.seed), number])
            some = generator.permutation(len(pool))[: drawn + len(texts)]
            whole |= dict.fromkeys([pool[place] for place in some if pool[place] not in texts][:drawn], 0.0)
        found.append(Candidates(query, tuple(whole), tuple(whole.values())))
    return found


def _relevance(row: Record, label: str) -> float:
    if "score" in row:
        return float(row["score"])
    return 1.0 if "label" not in row or row["label"] == label else 0.0


def _over_all(rows: Sequence[Candidates], scorer: PairScorer) -> dict[str, Floats]:
    """Each query against all texts of the held-out rows."""
    assert isinstance(scorer, BiEncoderScorer)
    pool = sorted({text for row in rows for text in row.texts})
    place = {text: column for column, text in enumerate(pool)}
    scores = scorer.queries([row.query for row in rows]) @ scorer.passages(pool).T
    gains = [{place[text]: gain for text, gain in zip(row.texts, row.relevance, strict=True)} for row in rows]
    return _each(list(scores), gains)


def _own(rows: Sequence[Candidates], scorer: PairScorer) -> dict[str, Floats]:
    """The candidates of each query against each other."""
    scores = scorer.scores([(row.query, text) for row in rows for text in row.texts])
    ends = np.cumsum([len(row.texts) for row in rows])
    return _each(np.split(scores, ends[:-1]), [dict(enumerate(row.relevance)) for row in rows])


def _each(scores: Sequence[Any], gains: Sequence[Mapping[int, float]]) -> dict[str, Floats]:
    """Measures [queries], one query at a time."""
    lines = [
        ranking_scores([row], [{column: gain for column, gain in graded.items() if gain > 0}])
        for row, graded in zip(scores, gains, strict=True)
    ]
    return {name: np.array([line[name] for line in lines], np.float64) for name in ("mrr", "ndcg", "recall_at_1")}


def _compared(before: Floats, after: Floats) -> dict[str, float]:
    change = mean_difference(before, after)
    return {"before": float(before.mean()), "after": float(after.mean()), "low": change.low, "high": change.high}
