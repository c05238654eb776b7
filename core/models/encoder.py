"""Sentence encoders: text to L2-normalised float32 vectors, whose inner product is the cosine."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from core.models.catalogue import ModelEntry, Place, find_entry, locate
from core.models.device import choose_device
from core.settings import Settings
from core.text.words import HAN_RUN
from core.types import Language

Kind = Literal["query", "passage"]
Vectors = NDArray[np.float32]

# Small batches keep a layer's activations in the processor's cache: 1,024 tokens were fastest of 512 to 8,192.
_BATCH_TOKENS = 1024
_BATCH_TEXTS = 32
_CHUNK = 512  # texts tokenised at a time, so that a long list never holds all its token ids


class Encoder(Protocol):
    """What turns text into vectors. Thread-safe. ``languages`` are those it knows: scores of others are noise.

    ``floor`` is the cosine that unrelated texts get; fusion counts from there.
    """

    name: str
    dimension: int
    languages: tuple[Language, ...]
    floor: float

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        """Vectors of ``texts``, float32 [n, dimension], each of length 1, in the order given."""
        ...

    def count_tokens(self, texts: Sequence[str], *, kind: Kind) -> int:
        """How many tokens ``encode`` reads of ``texts``: special ones counted, what is cut off not."""
        ...


class OnnxEncoder:
    """A BERT encoder through onnxruntime. Batches are sorted by length; long lists use ``threads`` processors."""

    def __init__(
        self,
        name: str,
        languages: tuple[Language, ...],
        source: Path,
        graph: Path,
        *,
        max_tokens: int,
        threads: int,
        prefixes: tuple[str, str] = ("", ""),
        floor: float = 0.0,
    ) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.name = name
        self.languages = languages
        self.floor = floor
        self.graph = graph
        self.precision = graph.stem
        self._prefixes = dict(zip(("query", "passage"), prefixes, strict=True))
        # Set here and never again: changing it while another thread encodes is what "Already borrowed" means.
        self._tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        options = onnxruntime.SessionOptions()
        # One thread a batch and several batches at once beats several threads a batch, and a question needs only one.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # patterns are kept for every batch shape ever seen
        options.enable_cpu_mem_arena = False  # the arena never gives back what the longest batch took
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self.dimension = int(self._session.get_outputs()[0].shape[-1] or 0) or self._probe()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder") if threads > 1 else None

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        prefix = self._prefixes[kind]
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for first in range(0, len(texts), _CHUNK):
            chunk = [prefix + text for text in texts[first : first + _CHUNK]]
            self._encode_chunk(chunk, vectors[first : first + len(chunk)])
        return vectors

    def count_tokens(self, texts: Sequence[str], *, kind: Kind) -> int:
        prefix = self._prefixes[kind]
        return sum(len(encoding.ids) for encoding in self._tokenizer.encode_batch([prefix + text for text in texts]))

    def _encode_chunk(self, texts: list[str], into: Vectors) -> None:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        batches = batches_by_length([len(row) for row in ids])
        if self._pool is None or len(batches) == 1:
            for batch in batches:
                into[batch] = self._run([ids[i] for i in batch])
            return
        results = self._pool.map(lambda batch: self._run([ids[i] for i in batch]), batches)
        for batch, vectors in zip(batches, results, strict=True):
            into[batch] = vectors

    def _run(self, rows: list[list[int]]) -> Vectors:
        width = max(len(row) for row in rows)
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return cast(Vectors, self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0])

    def _probe(self) -> int:
        return int(self._run([[101, 102]]).shape[1])


class SentenceTransformersEncoder:
    """Any encoder of the catalogue through sentence-transformers, on any device. One call at a time: its fast tokenizer
    changes its own truncation and must not be shared."""

    def __init__(self, place: Place, device: str) -> None:
        from sentence_transformers import SentenceTransformer

        self.name = place.entry.name
        self.dimension = place.entry.dimension
        self.languages = place.entry.languages
        self.floor = place.entry.floor
        self._prefixes = {"query": place.entry.query_prefix, "passage": place.entry.passage_prefix}
        self._model: Any = SentenceTransformer(
            str(place.path), device=device, local_files_only=True, model_kwargs={"use_safetensors": True}
        )
        self._model.max_seq_length = min(place.entry.max_tokens, self._model.max_seq_length or place.entry.max_tokens)
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        prefixed = [self._prefixes[kind] + text for text in texts]
        with self._lock:
            vectors = self._model.encode(
                prefixed, batch_size=_BATCH_TEXTS, normalize_embeddings=True, show_progress_bar=False
            )
        return cast(Vectors, np.asarray(vectors, np.float32))

    def count_tokens(self, texts: Sequence[str], *, kind: Kind) -> int:
        if not texts:
            return 0
        prefixed = [self._prefixes[kind] + text for text in texts]
        with self._lock:
            read = self._model.tokenizer(prefixed, truncation=True, max_length=self._model.max_seq_length)
        return sum(len(ids) for ids in read["input_ids"])


def batches_by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of all texts, short ones first, cut where padding them together would pass the token budget."""
    batches: list[list[int]] = []
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == _BATCH_TEXTS or (len(batch) + 1) * lengths[index] > _BATCH_TOKENS):
            batches.append(batch)
            batch = []
        batch.append(index)
    if batch:
        batches.append(batch)
    return batches


class TwoLanguageEncoder:
    """A starter beside its base: texts with Han characters go through the starter, all others through the base.

    The starter was trained to put Chinese where the unchanged base puts its translation. So English vectors are those
    of the base, to the last bit, and both languages share one space.
    """

    def __init__(self, entry: ModelEntry, base: Encoder, extended: Encoder) -> None:
        self.name = entry.name
        self.dimension = extended.dimension
        self.languages = entry.languages
        self.floor = entry.floor
        self.precision = getattr(extended, "precision", "fp32")
        self._base = base
        self._extended = extended

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for mask, encoder in self._by_encoder(texts):
            if mask.any():
                vectors[mask] = encoder.encode([texts[int(i)] for i in np.flatnonzero(mask)], kind=kind)
        return vectors

    def count_tokens(self, texts: Sequence[str], *, kind: Kind) -> int:
        return sum(
            encoder.count_tokens([texts[int(i)] for i in np.flatnonzero(mask)], kind=kind)
            for mask, encoder in self._by_encoder(texts)
        )

    def _by_encoder(self, texts: Sequence[str]) -> tuple[tuple[NDArray[np.bool_], Encoder], ...]:
        han = np.fromiter((HAN_RUN.search(text) is not None for text in texts), bool, len(texts))
        return (~han, self._base), (han, self._extended)


def load_encoder(settings: Settings) -> Encoder:
    """The encoder named in settings: a packaged or shipped BERT through onnxruntime on a CPU, others through torch.

    The first load on a machine exports the ONNX files (seconds). Raises Unavailable.
    """
    place = locate(find_entry(settings.encoder, "encoder"), settings)
    encoder = _load_one(opened(place, settings), settings)
    if not place.entry.base:
        return encoder
    base = locate(find_entry(place.entry.base, "encoder"), settings)
    return TwoLanguageEncoder(place.entry, _load_one(base, settings), encoder)


def _load_one(place: Place, settings: Settings) -> Encoder:
    device = choose_device(settings.device)
    if device != "cpu" or not (place.entry.module or place.entry.starter):
        return SentenceTransformersEncoder(place, device)
    return load_onnx_encoder(place, settings)


def opened(place: Place, settings: Settings) -> Place:
    """``place`` as an ordinary model folder: a starter that only adds to its base is merged with it once (seconds).

    Raises Unavailable when the base is not on this machine or the starter's files were changed.
    """
    if not place.entry.base or (place.path / "config.json").is_file():
        return place
    from core.models.extended import merged

    base = locate(find_entry(place.entry.base, "encoder"), settings)
    return Place(place.entry, merged(base.path, place.path, settings.data_dir / "models" / place.entry.name), "starter")


def load_onnx_encoder(place: Place, settings: Settings) -> OnnxEncoder:
    """``place`` through onnxruntime, in the precision that settings ask for or that holds its quality here."""
    from core.models.onnx_export import exported

    entry = place.entry
    folder, report = exported(place.path, settings.data_dir / "models" / entry.name)
    return OnnxEncoder(
        entry.name,
        entry.languages,
        place.path,
        folder / f"{report.chosen(settings.encoder_precision)}.onnx",
        max_tokens=entry.max_tokens,
        threads=settings.threads or os.cpu_count() or 1,
        prefixes=(entry.query_prefix, entry.passage_prefix),
        floor=entry.floor,
    )
