"""A company's voice at once: the texts are kept as a datastore that is asked at each token (kNN-LM).

Khandelwal et al. 2020 (arXiv 1911.00172): the state from which a language model predicted each token of the texts is a
key, the token that followed is its value. When writing, the nearest keys of the state at hand vote for the next token,
and their vote is mixed with the model's own opinion. Here the key is the state after the last norm, centred on the mean
of all keys and L2-normalised, so that the distance follows from an inner product; the mixture's weight and temperature
are chosen on a part of the texts that is in neither the datastore nor the final measurement.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput, Unavailable
from core.text.sentences import sentence_spans

if TYPE_CHECKING:
    from core.index.faiss_index import FaissIndex
    from core.models.generation.text_generation import TextGenerator

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

MOST_KEYS = 200_000
LEAST_TOKENS = 400  # of all texts: with fewer nothing can be held back to judge by
EXACT_KEYS = 6_000  # up to this many keys every one is compared
WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
TEMPERATURES = (0.01, 0.02, 0.035, 0.05, 0.08, 0.12, 0.2, 0.35)
_INDEX, _TARGETS, _FACTS = "keys.faiss", "memory.safetensors", "memory.json"
_TUNED_ON = 4000  # tokens: more would not move the choice


class Progress(Protocol):
    """Told how far the reading of the texts is; may raise to stop it."""

    def __call__(self, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Mixture:
    """``weight``: share of the datastore's vote; ``temperature``: of the softmax over cosines of the neighbours."""

    neighbours: int = 64
    weight: float = 0.3
    temperature: float = 0.08


@dataclass(frozen=True, slots=True)
class Measured:
    """What a memory changes. Perplexities are per token, on texts that are not in it. Times in seconds."""

    keys: int
    tuned_tokens: int
    test_tokens: int
    before: float
    after: float
    weight: float
    temperature: float
    seconds: float

    @property
    def ratio(self) -> float:
        return self.after / self.before


@dataclass(frozen=True, slots=True)
class Read:
    """Texts as the model read them. ``keys`` [n, width]: states; ``targets`` [n]: the token that followed each;
    ``own`` [n]: natural logarithm of what the model gave it."""

    keys: Floats
    targets: Ids
    own: Floats

    def __len__(self) -> int:
        return len(self.targets)


class Memory:
    """The datastore. Safe to share between threads."""

    def __init__(self, index: FaissIndex, targets: Ids, mean: Floats, mixture: Mixture) -> None:
        self._index, self._targets, self._mean = index, targets, mean
        self.mixture = mixture

    @property
    def size(self) -> int:
        return len(self._targets)

    def shape(self, hidden: Floats, logits: Floats) -> Floats:
        """Scores of the next token with the neighbours' vote mixed in; ``hidden`` [width], ``logits`` [vocabulary].

        Scaled so that with a weight of 0 they are the model's own, which settings of sampling count on.
        """
        vote, tokens = self._votes(hidden[None], self.mixture)
        top = float(logits.max())
        norm = top + math.log(float(np.exp(logits - top).sum()))
        mixed: Floats = logits + np.float32(math.log1p(-self.mixture.weight))
        found, where = np.unique(tokens[0], return_inverse=True)
        known = found >= 0
        chance = np.bincount(where, vote[0], len(found))[known]
        rows = found[known]
        own = np.exp(logits[rows] - norm) * (1 - self.mixture.weight)
        mixed[rows] = np.log(own + self.mixture.weight * chance + 1e-12) + norm
        return mixed

    def mixed(self, read: Read, mixture: Mixture | None = None) -> Floats:
        """Natural logarithms [n] of what model and memory together give each token of ``read``."""
        mixture = mixture or self.mixture
        vote, tokens = self._votes(read.keys, mixture)
        return _blend(read, vote, tokens, mixture.weight)

    def tune(self, read: Read, neighbours: int = 64) -> Memory:
        """The same memory with the weight and temperature under which ``read`` is likeliest."""
        sample = Read(read.keys[:_TUNED_ON], read.targets[:_TUNED_ON], read.own[:_TUNED_ON])
        scores, tokens = self._nearest(sample.keys, neighbours)
        best, chosen = -math.inf, self.mixture
        for temperature in TEMPERATURES:
            vote = _softmax(scores / temperature)
            for weight in WEIGHTS:
                likely = float(_blend(sample, vote, tokens, weight).mean())
                if likely > best:
                    best, chosen = likely, Mixture(neighbours, weight, temperature)
        return self.with_mixture(chosen)

    def with_mixture(self, mixture: Mixture) -> Memory:
        return Memory(self._index, self._targets, self._mean, mixture)

    def save(self, folder: Path, **facts: Any) -> None:
        """Writes the datastore; ``memory.json`` last, so that a folder without it is never read."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        self._index.save(folder / _INDEX)
        save_file({"targets": self._targets.astype(np.int32), "mean": self._mean}, folder / _TARGETS)
        kept = {"kind": self._index.kind, "width": self._index.width, "mixture": asdict(self.mixture), **facts}
        (folder / _FACTS).write_text(json.dumps(kept, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Memory:
        """Raises Unavailable content.voice_damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        from core.index.faiss_index import FaissIndex

        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            arrays = load_file(folder / _TARGETS)
            index = FaissIndex.load(folder / _INDEX, facts["kind"], facts["width"], in_memory=True)
            return cls(index, arrays["targets"].astype(np.int64), arrays["mean"], Mixture(**facts["mixture"]))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise Unavailable("content.voice_damaged", reason=type(error).__name__) from error

    def _votes(self, states: Floats, mixture: Mixture) -> tuple[Floats, Ids]:
        scores, tokens = self._nearest(states, mixture.neighbours)
        return _softmax(scores / np.float32(mixture.temperature)), tokens

    def _nearest(self, states: Floats, neighbours: int) -> tuple[Floats, Ids]:
        """Cosines and tokens, both [n, k], of the keys nearest to ``states`` [n, width]; token -1 where none is."""
        scores, rows = self._index.search(_unit(states - self._mean), min(neighbours, self.size))
        return scores, np.where(rows >= 0, self._targets[np.maximum(rows, 0)], -1)


def _blend(read: Read, vote: Floats, tokens: Ids, weight: float) -> Floats:
    chance = (vote * (tokens == read.targets[:, None])).sum(1)
    result: Floats = np.log((1 - weight) * np.exp(read.own) + weight * chance + 1e-12)
    return result


def _softmax(scores: Floats) -> Floats:
    scores = np.where(np.isfinite(scores), scores, -1e9)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    result: Floats = (powers / powers.sum(1, keepdims=True)).astype(np.float32)
    return result


def _unit(vectors: Floats) -> Floats:
    result: Floats = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return result


def perplexity(log_probabilities: Floats) -> float:
    """exp of the mean surprise, per token."""
    return float(np.exp(-log_probabilities.mean()))


def read_texts(generator: TextGenerator, texts: Sequence[str], progress: Progress | None = None) -> Read:
    """What the model makes of ``texts``, cut to pieces that fit its window, up to MOST_KEYS tokens."""
    keys: list[Floats] = []
    targets: list[Ids] = []
    own: list[Floats] = []
    count = 0
    for number, text in enumerate(texts):
        for piece in pieces(text, generator.window - 2, generator.count_tokens):
            ids, score = generator.score(piece)
            keys.append(score.hidden.astype(np.float16))
            targets.append(np.array(ids[1:], np.int64))
            own.append(score.log_probabilities)
            count += len(ids) - 1
        if progress is not None:
            progress(number + 1, len(texts))
        if count >= MOST_KEYS:
            break
    if not keys:
        return Read(np.zeros((0, generator.width), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    return Read(np.concatenate(keys).astype(np.float32), np.concatenate(targets), np.concatenate(own))


def pieces(text: str, most: int, count: Callable[[str], int]) -> list[str]:
    """Whole sentences together, at most ``most`` tokens a piece; only a sentence longer than that is cut."""
    found: list[str] = []
    start = end = 0
    for first, last in [*sentence_spans(text), (len(text), len(text))]:
        if first == last or count(text[start:last]) > most:
            if text[start:end].strip():
                found += _halves(text[start:end], most, count)
            start = first
        end = last
    return [piece for piece in found if count(piece) > 1]


def _halves(text: str, most: int, count: Callable[[str], int]) -> list[str]:
    if len(text) < 2 or count(text) <= most:
        return [text]
    middle = len(text) // 2
    return [*_halves(text[:middle], most, count), *_halves(text[middle:], most, count)]


def build_memory(read: Read, mixture: Mixture | None = None) -> Memory:
    """The datastore of what was read: exact when small, HNSW above (see ``core.index``)."""
    from core.index.faiss_index import build_faiss, choose_rule

    mean: Floats = read.keys.mean(0).astype(np.float32)
    unit = _unit(read.keys - mean)
    rule = choose_rule(len(unit), exact_limit=EXACT_KEYS, hnsw_limit=10 * MOST_KEYS)

    def sample(rows: int) -> Floats:
        return unit[:rows]

    index = build_faiss(rule, unit.shape[1], len(unit), iter([unit]), sample)
    return Memory(index, read.targets, mean, mixture or Mixture())


def learn(generator: TextGenerator, texts: Sequence[str], progress: Progress | None = None) -> tuple[Memory, Measured]:
    """A tuned memory of ``texts``, and what it changes on those held back: every tenth text for choosing the mixture,
    every tenth for the measurement, none of them in the datastore.

    Raises BadInput content.voice_short when the texts are too few or too short.
    """
    started = time.perf_counter()
    kept, tuning, testing = split(texts)
    tokens = sum(generator.count_tokens(text) for text in texts[:2000])
    if tokens < LEAST_TOKENS or not tuning or not testing:
        raise BadInput("content.voice_short", tokens=tokens, least=LEAST_TOKENS, texts=len(texts))
    total = len(texts)

    def at(offset: int) -> Progress | None:
        return None if progress is None else lambda done, _all: progress(min(total, offset + done), total)

    store = read_texts(generator, kept, at(0))
    memory = build_memory(store)
    tuned = read_texts(generator, tuning, at(len(kept)))
    memory = memory.tune(tuned)
    seconds = time.perf_counter() - started
    test = read_texts(generator, testing, at(len(kept) + len(tuning)))
    before, after = perplexity(test.own), perplexity(memory.mixed(test))
    mixture = memory.mixture
    return memory, Measured(
        len(store), len(tuned), len(test), before, after, mixture.weight, mixture.temperature, seconds
    )


def split(texts: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """In the datastore, for tuning, for the measurement. A text that stands there twice is used once, so that none is
    on both sides."""
    once = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    tuning = [text for number, text in enumerate(once) if number % 10 == 4]
    testing = [text for number, text in enumerate(once) if number % 10 == 9]
    return [text for number, text in enumerate(once) if number % 10 not in (4, 9)], tuning, testing


def passing(texts: Sequence[str], generator: TextGenerator, weight: float = 0.5) -> Memory:
    """A memory of a few passages for one draft, with a fixed mixture: there is nothing to hold back."""
    return build_memory(read_texts(generator, texts), replace(Mixture(), weight=weight, neighbours=16))
