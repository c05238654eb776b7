"""What sentence-pair models learn, a batch at a time: bi-encoders by the batch, cross-encoders by their candidates."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.retrieval import ndcg, reciprocal_rank
from core.models.classifiers.text_network import Backbone, padded, run_network
from core.models.encoder import batches_by_length
from core.training.classification.batching import bucketed_batches
from core.training.pairs.args import Candidates, PairArgs
from core.training.processes import Processes

_DEPTH = 10  # ranks that count


class BiEncoderProblem:
    """Softmax over the texts of the batch: a query's own text against all others and its own misfits.

    With several processes each one tells apart the texts of its own share of the batch.
    """

    def __init__(
        self, network: Any, backbone: Backbone, rows: Sequence[Candidates], validation: Sequence[Candidates],
        args: PairArgs, processes: Processes,
    ) -> None:  # fmt: skip
        self.model, self._rows, self._validation, self._args = network, rows, validation, args
        self._backbone, self._processes = backbone, processes
        self._queries = self._ids([row.query for row in rows], args.query_prefix)
        texts = sorted({text for row in [*rows, *validation] for text in row.texts})
        self._number = {text: number for number, text in enumerate(texts)}
        self._texts = self._ids(texts, args.passage_prefix)
        self._lengths = [len(self._texts[self._number[row.fitting[0]]]) for row in rows]
        self._epoch = 0

    def _ids(self, texts: Sequence[str], prefix: str) -> list[list[int]]:
        return self._backbone.token_ids([prefix + text for text in texts], self._args.max_tokens)

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        self._epoch = epoch
        return bucketed_batches(self._lengths, self._args.batch_size, self._args.seed, epoch)

    def weight(self, rows: Sequence[int]) -> float:
        return float(len(rows))

    def head(self) -> Sequence[Any]:
        return ()

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        chosen = [self._drawn(row) for row in rows]
        texts = [positive for positive, _ in chosen] + [other for _, others in chosen for other in others]
        queries, passages = self._vectors(model, [self._queries[row] for row in rows], [self._texts[n] for n in texts])
        fits = [{self._number[text] for text in self._rows[row].fitting} for row in rows]
        return in_batch_loss(queries, passages, texts, fits, self._args.scale, symmetric=self._args.symmetric)

    def _drawn(self, row: int) -> tuple[int, list[int]]:
        """A fitting text and some of the others of a row, drawn anew each epoch, the same in every run."""
        generator = np.random.default_rng([self._args.seed, self._epoch, row])
        fitting, others = self._rows[row].fitting, self._rows[row].others
        some = generator.permutation(len(others))[: self._args.negatives]
        return self._number[fitting[int(generator.integers(len(fitting)))]], [self._number[others[i]] for i in some]

    def _vectors(self, model: Any, queries: list[list[int]], passages: list[list[int]]) -> tuple[Any, Any]:
        pad, device = self._backbone.pad, self._processes.device
        if self._processes.count == 1:
            first, second = padded(queries, pad, device), padded(passages, pad, device)
            return model(*first, vectors=True), model(*second, vectors=True)
        # Gradients are exchanged once a forward pass, so there must be only one.
        both = model(*padded([*queries, *passages], pad, device), vectors=True)
        return both[: len(queries)], both[len(queries) :]

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        """Every validation query against all texts of the validation rows."""
        queries = self._encoded(self._ids([row.query for row in self._validation], self._args.query_prefix))
        pool = sorted({self._number[text] for row in self._validation for text in row.texts})
        scores = queries @ self._encoded([self._texts[number] for number in pool]).T
        place = {number: column for column, number in enumerate(pool)}
        gains = [_gains(row, [place[self._number[text]] for text in row.texts]) for row in self._validation]
        return ranking_scores([np.asarray(row) for row in scores], gains)

    def _encoded(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        self.model.eval()
        found = np.zeros((len(rows), self._backbone.width), np.float32)
        for batch in batches_by_length([len(row) for row in rows]):
            part = [rows[row] for row in batch]
            found[batch] = run_network(self.model, part, self._backbone.pad, self._processes.device, vectors=True)
        return found


def in_batch_loss(
    queries: Any, passages: Any, texts: Sequence[int], fits: Sequence[set[int]], scale: float, *, symmetric: bool
) -> Any:
    """Sum over queries of -log softmax(scale * cosine) of their own passage (multiple negatives ranking).

    ``queries`` [n, width], ``passages`` [n + misfits, width], of length 1; ``texts`` numbers the passages, the first n
    belong to the queries in order; ``fits``: all passages that fit each query, which are never its negatives.
    ``symmetric`` takes the mean with the same over the queries of each passage.
    """
    import torch

    n = len(queries)
    with torch.autocast(queries.device.type, enabled=False):
        scores = queries.float() @ passages.float().T * scale
    own = torch.arange(n, device=scores.device)
    fitting = torch.tensor([[text in fit for text in texts] for fit in fits], device=scores.device)
    fitting[own, own] = False
    scores = scores.masked_fill(fitting, float("-inf"))
    loss = torch.nn.functional.cross_entropy(scores, own, reduction="sum")
    if not symmetric:
        return loss
    return (loss + torch.nn.functional.cross_entropy(scores[:, :n].T, own, reduction="sum")) / 2


class CrossEncoderProblem:
    """Query and candidate in one input; a row is a query with its candidates."""

    def __init__(
        self, model: Any, tokenizer: Any, rows: Sequence[Candidates], validation: Sequence[Candidates],
        args: PairArgs, processes: Processes, limit: int,
    ) -> None:  # fmt: skip
        self.model, self._tokenizer, self._args, self._processes = model, tokenizer, args, processes
        self._rows, self._validation, self._limit = rows, validation, min(args.max_tokens, limit)
        self._lengths = [max(len(row.query) + len(text) for text in row.texts) for row in rows]
        self._epoch = 0

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        self._epoch = epoch
        return bucketed_batches(self._lengths, self._args.batch_size, self._args.seed, epoch)

    def weight(self, rows: Sequence[int]) -> float:
        if self._args.loss == "softmax":
            return float(len(rows))
        return float(sum(len(self._drawn(row)) for row in rows))

    def head(self) -> Sequence[Any]:
        inside = {id(one) for one in getattr(self.model, self.model.base_model_prefix).parameters()}
        return [one for one in self.model.parameters() if id(one) not in inside]

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        import torch

        drawn = [self._drawn(row) for row in rows]
        pairs = [(self._rows[row].query, text) for row, some in zip(rows, drawn, strict=True) for text, _ in some]
        scores = model(**self._inputs(pairs)).logits.float().reshape(-1)
        gains = [torch.tensor([value for _, value in some], device=scores.device) for some in drawn]
        parts = scores.split([len(some) for some in drawn])
        return sum(pair_loss(part, gain, self._args.loss) for part, gain in zip(parts, gains, strict=True))

    def _drawn(self, row: int) -> list[tuple[str, float]]:
        generator = np.random.default_rng([self._args.seed, self._epoch, row])
        one = self._rows[row]
        both = list(zip(one.texts, one.relevance, strict=True))
        others = [pair for pair in both if pair[1] <= 0]
        some = [others[int(place)] for place in generator.permutation(len(others))[: self._args.negatives]]
        return [pair for pair in both if pair[1] > 0] + some

    def _inputs(self, pairs: Sequence[tuple[str, str]]) -> Any:
        queries, texts = [query for query, _ in pairs], [text for _, text in pairs]
        found = self._tokenizer(
            queries, texts, truncation="longest_first", max_length=self._limit, padding=True, return_tensors="pt"
        )
        return found.to(self._processes.device)

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        """The candidates of each validation query against each other."""
        import torch

        self.model.eval()
        pairs = [(row.query, text) for row in self._validation for text in row.texts]
        scores = np.zeros(len(pairs), np.float32)
        for batch in batches_by_length([(len(query) + len(text)) // 3 for query, text in pairs]):
            with torch.inference_mode():
                scores[batch] = self.model(**self._inputs([pairs[row] for row in batch])).logits.reshape(-1).cpu()
        ends = np.cumsum([len(row.texts) for row in self._validation])
        gains = [_gains(row, list(range(len(row.texts)))) for row in self._validation]
        return ranking_scores(np.split(scores, ends[:-1]), gains)


def pair_loss(scores: Any, relevance: Any, kind: str) -> Any:
    """Of one query's candidates. bce: summed over pairs, relevance above 0 against the rest. softmax: cross-entropy
    to the relevance as shares."""
    from torch.nn import functional

    if kind == "bce":
        return functional.binary_cross_entropy_with_logits(scores, (relevance > 0).float(), reduction="sum")
    return -(relevance / relevance.sum() * scores.log_softmax(0)).sum()


def ranking_scores(scores: Sequence[NDArray[Any]], gains: Sequence[Mapping[int, float]]) -> dict[str, float]:
    """mrr, ndcg (both at 10) and recall_at_1, means over queries; ``gains`` grades columns of ``scores`` above 0.
    Of equal scores those that do not fit come first, so that a model that says nothing gets no credit."""
    found: dict[str, list[float]] = {"mrr": [], "ndcg": [], "recall_at_1": []}
    for row, graded in zip(scores, gains, strict=True):
        fits = np.zeros(len(row))
        fits[list(graded)] = 1
        ranked = np.lexsort((fits, -row))[:_DEPTH].tolist()
        grades: dict[Hashable, int] = {column: max(1, round(gain)) for column, gain in graded.items()}
        found["mrr"].append(reciprocal_rank(ranked, grades, _DEPTH))
        found["recall_at_1"].append(float(ranked[0] in grades))
        found["ndcg"].append(ndcg(ranked, grades, _DEPTH))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _gains(row: Candidates, columns: Sequence[int]) -> dict[int, float]:
    return {column: gain for column, gain in zip(columns, row.relevance, strict=True) if gain > 0}
