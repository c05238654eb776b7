"""Builds an index version from a knowledge base's passages, reusing what the version before already worked out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import IndexDamaged
from core.index.base import Mask, Rows
from core.index.faiss_index import FaissIndex, Rule, build_faiss, choose_rule, tune
from core.index.store import Manifest, new_version, open_array, open_version, save_array
from core.retrieval.lexical import K1, METHOD, B, LexicalIndex, TokenTable, read_vocabulary, tokenise
from core.retrieval.windows import recipe
from core.text.words import WORDS_VERSION
from core.types import Language

log = logging.getLogger(__name__)

LANGUAGE_CODES: tuple[Language, ...] = ("en", "zh")  # place in this tuple = the code in languages.npy
DENSE_FILE = "dense.faiss"
NO_PASSAGE = -1  # the id of a row whose passage is gone
_BLOCK = 4096
# Above this share of rows whose passages are gone, an HNSW graph is built anew instead of added to: with more of them
# masked, every search would be a scan.
_MOST_DEAD = 0.1


class PassageSource(Protocol):
    """The passages of a version. A passage's text and vector never change: another text is another id.

    ``texts`` and ``vectors`` are asked for in blocks, and only for what the version before does not hold, so a source
    can read them from the database as they are asked for.
    """

    @property
    def passage_ids(self) -> Rows: ...  # [n], unique, >= 0

    @property
    def document_ids(self) -> Rows: ...  # [n]

    @property
    def languages(self) -> NDArray[np.int8]: ...  # [n], codes of LANGUAGE_CODES

    def texts(self, passage_ids: Sequence[int]) -> Sequence[str]:
        """What is indexed of each passage (``index_text``), in the order of ``passage_ids``."""
        ...

    @property
    def vector_counts(self) -> Rows: ...  # [n], vectors of each passage; 0: it is found by words alone

    def vectors(self, passage_ids: Sequence[int]) -> NDArray[Any]:
        """L2-normalised vectors [sum of their counts, d], passage after passage, of languages the encoder knows."""
        ...


@dataclass(frozen=True)
class PassageList:
    """A source in memory, for small collections; ``counts`` [n] are left out where each passage has one vector."""

    passage_ids: Rows
    document_ids: Rows
    languages: NDArray[np.int8]
    all_texts: Sequence[str]
    all_vectors: NDArray[Any]
    counts: Rows | None = None
    _rows: dict[int, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._rows.update({int(passage_id): row for row, passage_id in enumerate(self.passage_ids)})

    def texts(self, passage_ids: Sequence[int]) -> Sequence[str]:
        return [self.all_texts[self._rows[int(i)]] for i in passage_ids]

    @property
    def vector_counts(self) -> Rows:
        return np.ones(len(self.passage_ids), np.int64) if self.counts is None else self.counts

    def vectors(self, passage_ids: Sequence[int]) -> NDArray[Any]:
        ends = np.cumsum(self.vector_counts)
        rows = [self._rows[int(i)] for i in passage_ids]
        return np.concatenate([self.all_vectors[ends[row] - self.vector_counts[row] : ends[row]] for row in rows])


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``encoder`` made the vectors of ``windows``; its ``languages`` decide which passages are in the dense half."""

    encoder: str
    dimension: int
    languages: tuple[Language, ...]
    exact_limit: int = 50_000
    hnsw_limit: int = 1_000_000


Progress = Callable[[int, int], None]


def build_version(
    folder: Path,
    source: PassageSource,
    options: BuildOptions,
    *,
    previous: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Manifest:
    """Writes a version into ``folder`` (``index_dir/<knowledge base>/<version>``) and returns its manifest.

    ``previous`` is the folder of an older version to reuse words and an HNSW graph from; one that is damaged or was
    made otherwise is ignored. ``progress(done, total)`` counts passages, each once for its words and once for its
    vector; an error it raises (somebody cancelled) ends the build and leaves nothing behind.
    """
    before = _open_previous(previous)
    plan = _plan(source, options, before)
    counter = _Counter(progress, 2 * len(source.passage_ids))
    facts = _facts(options, plan)
    with new_version(folder, facts) as building:
        _write_rows(building, plan)
        facts["words"] = _write_lexical(building, source, plan, before, counter)
        facts |= _write_dense(building, source, options, plan, before, counter)
    progress(counter.total, counter.total)
    return open_version(folder, verify=False)


class _Counter:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self.total = total
        self._done = 0

    def add(self, count: int) -> None:
        self._done = min(self._done + count, self.total)
        self._progress(self._done, self.total)


@dataclass(frozen=True, slots=True)
class _Previous:
    folder: Path
    facts: dict[str, Any]
    passage_ids: Rows


@dataclass(frozen=True, slots=True)
class _Plan:
    """The new version's rows: ``old`` of the previous version's rows come first, in their order, then new passages.

    ``dense_rows`` [vectors] names the row of each vector, ascending: a row has as many places as it has vectors.
    With ``append`` all of its rows stay, those whose passage is gone as NO_PASSAGE, so that the dense index can be
    added to; without it only the ``kept`` [rows of the previous version] stay.
    """

    passage_ids: Rows
    document_ids: Rows
    languages: NDArray[np.int8]
    dense_rows: Rows
    rule: Rule
    kept: Mask
    old: int
    append: bool


def _open_previous(folder: Path | None) -> _Previous | None:
    if folder is None or not folder.is_dir():
        return None
    try:
        manifest = open_version(folder)
    except IndexDamaged as error:
        log.warning("the previous index version is damaged and nothing of it is reused: %s", error)
        return None
    if manifest.facts["words_version"] != WORDS_VERSION:
        return None
    return _Previous(folder, dict(manifest.facts), np.asarray(open_array(folder, "passage_ids")))


def _plan(source: PassageSource, options: BuildOptions, before: _Previous | None) -> _Plan:
    ids = np.asarray(source.passage_ids, np.int64)
    known = before.passage_ids if before is not None else np.zeros(0, np.int64)
    kept = np.isin(known, ids)
    codes = [LANGUAGE_CODES.index(language) for language in options.languages]
    counts = np.where(np.isin(source.languages, codes), source.vector_counts, 0)
    dense = int(counts.sum())
    rule = choose_rule(dense, exact_limit=options.exact_limit, hnsw_limit=options.hnsw_limit)
    append = before is not None and _can_append(before, options, rule, kept)
    old = known if append else known[kept]
    old = np.where(np.isin(old, ids), old, NO_PASSAGE)
    passage_ids = np.concatenate([old, ids[~np.isin(ids, known)]])
    order = np.argsort(ids, kind="stable")
    alive = passage_ids != NO_PASSAGE
    places = order[np.searchsorted(ids, passage_ids[alive], sorter=order)]
    document_ids = np.full(len(passage_ids), NO_PASSAGE, np.int64)
    document_ids[alive] = np.asarray(source.document_ids, np.int64)[places]
    languages = np.full(len(passage_ids), -1, np.int8)
    languages[alive] = np.asarray(source.languages, np.int8)[places]
    vectors = np.zeros(len(passage_ids), np.int64)
    vectors[alive] = counts[places]
    rows = np.arange(len(passage_ids))
    if append and before is not None:  # rows that are gone keep their places in the graph
        new = np.repeat(rows[len(old) :], vectors[len(old) :])
        dense_rows = np.concatenate([open_array(before.folder, "dense_rows"), new])
    else:
        dense_rows = np.repeat(rows, vectors)
    return _Plan(passage_ids, document_ids, languages, dense_rows, rule, kept, len(old), append)


def _can_append(before: _Previous, options: BuildOptions, rule: Rule, kept: Mask) -> bool:
    facts = before.facts
    same = facts["encoder"] == recipe(options.encoder) and facts["languages"] == list(options.languages)
    dead = 1.0 - (np.count_nonzero(kept) / len(kept) if len(kept) else 1.0)
    return bool(same and facts["kind"] == rule.kind == "hnsw" and dead <= _MOST_DEAD)


def _facts(options: BuildOptions, plan: _Plan) -> dict[str, Any]:
    return {
        "rule": plan.rule.text,
        "kind": plan.rule.kind,
        "encoder": recipe(options.encoder),
        "dimension": options.dimension,
        "languages": list(options.languages),
        "words_version": WORDS_VERSION,
        "bm25": {"method": METHOD, "k1": K1, "b": B},
        "rows": len(plan.passage_ids),
        "passages": int(np.count_nonzero(plan.passage_ids != NO_PASSAGE)),
        "dense_rows": len(plan.dense_rows),
    }


def _write_rows(building: Path, plan: _Plan) -> None:
    save_array(building, "passage_ids", plan.passage_ids)
    save_array(building, "document_ids", plan.document_ids)
    save_array(building, "languages", plan.languages)
    save_array(building, "dense_rows", plan.dense_rows)


def _write_lexical(
    building: Path, source: PassageSource, plan: _Plan, before: _Previous | None, counter: _Counter
) -> int:
    """Writes words and BM25 scores; returns how many words there are."""
    vocabulary = read_vocabulary(before.folder) if before is not None else {}
    counter.add(int(np.count_nonzero(plan.kept)))
    tokens = tokenise(_texts(source, plan.passage_ids[plan.old :], counter), vocabulary)
    if before is not None:
        tokens = TokenTable.open(before.folder).keep(plan.kept, empty=plan.append).join(tokens)
    tokens.save(building)
    LexicalIndex.build(vocabulary, tokens, plan.passage_ids != NO_PASSAGE).save(building)
    return len(vocabulary)


def _texts(source: PassageSource, passage_ids: Rows, counter: _Counter) -> Iterator[str]:
    for block in _blocks(passage_ids):
        yield from source.texts(block)
        counter.add(len(block))


def _write_dense(
    building: Path,
    source: PassageSource,
    options: BuildOptions,
    plan: _Plan,
    before: _Previous | None,
    counter: _Counter,
) -> dict[str, Any]:
    """Writes the vector index, if any passage is in a language the encoder knows; returns its facts."""
    if not len(plan.dense_rows):
        return {"width": 0, "recall": 1.0}
    rows = np.unique(plan.dense_rows)
    if plan.append and before is not None:
        index = FaissIndex.load(before.folder / DENSE_FILE, "hnsw", in_memory=True)
        new = rows[rows >= plan.old]
        counter.add(len(rows) - len(new))
        for block in _vectors(source, plan.passage_ids[new], counter):
            index.add(block)
    else:
        ids = plan.passage_ids[rows]
        count = len(plan.dense_rows)
        blocks = _vectors(source, ids, counter)
        index = build_faiss(plan.rule, options.dimension, count, blocks, lambda n: _sample(source, ids, n))
    recall = tune(index)
    index.save(building / DENSE_FILE)
    return {"width": index.width, "recall": round(recall, 4)}


def _vectors(source: PassageSource, passage_ids: Rows, counter: _Counter) -> Iterator[NDArray[Any]]:
    for block in _blocks(passage_ids):
        yield source.vectors(block)
        counter.add(len(block))


def _sample(source: PassageSource, passage_ids: Rows, count: int) -> NDArray[Any]:
    chosen = passage_ids[np.linspace(0, len(passage_ids) - 1, min(count, len(passage_ids))).astype(np.int64)]
    return np.concatenate([source.vectors(block) for block in _blocks(np.unique(chosen))])


def _blocks(passage_ids: Rows) -> Iterator[list[int]]:
    for first in range(0, len(passage_ids), _BLOCK):
        yield [int(passage_id) for passage_id in passage_ids[first : first + _BLOCK]]
