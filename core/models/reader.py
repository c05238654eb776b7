"""A reader at work: a question beside each passage, one logit a sentence, through onnxruntime.

The weights are the encoder's with low-rank changes on top (``starters/reader``), put together and exported once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.models.catalogue import STARTERS, find_entry, locate
from core.models.encoder import batches_by_length, opened
from core.models.manifest import NAME as MANIFEST
from core.models.manifest import read_manifest
from core.models.onnx_export import export_key, exported_by
from core.models.reader_export import CHANGES
from core.models.reading import Page, Sheet, SheetMaker, padded
from core.settings import Settings
from core.types import Language

Logits = NDArray[np.float32]


class Reader(Protocol):
    """``languages``: those it was taught. ``read`` may be called by many threads."""

    name: str
    languages: tuple[Language, ...]

    def read(self, question: str, pages: Sequence[Page]) -> list[Logits]:
        """One array a page with a logit for each of its sentences; NaN where the page was cut off before."""
        ...


class OnnxReader:
    """Short pages first, several batches at once; one thread a batch."""

    def __init__(
        self, name: str, languages: tuple[Language, ...], tokenizer: Path, graph: Path, *, threads: int = 0
    ) -> None:
        import onnxruntime

        self.name = name
        self.languages = languages
        self._maker = SheetMaker(tokenizer)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader") if threads > 1 else None

    def read(self, question: str, pages: Sequence[Page]) -> list[Logits]:
        sheets = self._maker.sheets(question, pages)
        batches = batches_by_length([len(sheet.ids) for sheet in sheets])
        found: list[Logits] = [np.zeros(0, np.float32)] * len(sheets)
        run = self._pool.map if self._pool is not None and len(batches) > 1 else map
        for batch, logits in zip(batches, run(lambda b: self._run([sheets[i] for i in b]), batches), strict=True):
            for row, i in zip(logits, batch, strict=True):
                found[i] = sentence_logits(row, sheets[i])
        return found

    def _run(self, sheets: Sequence[Sheet]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(None, dict(padded(sheets)))[0], np.float32)


def sentence_logits(tokens: NDArray[np.float32], sheet: Sheet) -> Logits:
    """The mean of each sentence's token logits, shape (sentences,); NaN for a sentence that was cut off."""
    return np.array(
        [tokens[start:end].mean() if end > start else np.nan for start, end in sheet.sentences], dtype=np.float32
    )


def load_reader(settings: Settings) -> Reader | None:
    """The reader that settings name, put together and exported at the first use (seconds); None when none is named.

    Raises Unavailable when its files, or those of the encoder it was made from, are not here or were changed.
    """
    if not settings.reader:
        return None
    folder = next((path for path in _places(settings) if (path / MANIFEST).is_file()), None)
    if folder is None:
        raise Unavailable("models.no_manifest", name=settings.reader)
    manifest = read_manifest(folder)
    encoder = opened(locate(find_entry(manifest.base, "encoder"), settings), settings)
    key = export_key(manifest.files[CHANGES], (encoder.path / "model.safetensors").stat().st_size)
    target, report = exported_by(
        "core.models.reader_export", key, settings.data_dir / "models" / settings.reader, encoder.path, folder
    )
    graph = target / f"{report.chosen(settings.encoder_precision)}.onnx"
    languages = cast(tuple[Language, ...], tuple(manifest.facts["languages"]))
    return OnnxReader(manifest.name, languages, target / "tokenizer.json", graph, threads=settings.threads)


def _places(settings: Settings) -> list[Path]:
    """Where a reader may lie: the owner's models folder first, then what is shipped."""
    own = [settings.models_dir / settings.reader] if settings.models_dir else []
    return [*own, STARTERS / settings.reader]
