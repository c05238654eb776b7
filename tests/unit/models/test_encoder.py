"""The packaged encoder: what its vectors are, that int8 keeps close to fp32, that threads may share it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.catalogue import find_entry, locate
from core.models.encoder import (
    Encoder,
    OnnxEncoder,
    SentenceTransformersEncoder,
    batches_by_length,
    load_onnx_encoder,
)
from core.models.hub import ModelHub
from core.models.onnx_export import LEAST_COSINE, SENTENCES, ExportReport, exported
from core.settings import Settings


@pytest.fixture(scope="module")
def encoder(model_folder: Path) -> Encoder:
    """The packaged encoder; tests/unit/training/test_bilingual.py has the one that ships."""
    return ModelHub(Settings(encoder="all-MiniLM-L6-v2", data_dir=model_folder, _env_file=None)).encoder()


def in_precision(encoder: Encoder, precision: str) -> OnnxEncoder:
    """The same exported files as the shared encoder's, in another precision."""
    assert isinstance(encoder, OnnxEncoder)
    place = locate(find_entry(encoder.name, "encoder"), Settings(_env_file=None))
    graph = encoder.graph.with_name(f"{precision}.onnx")
    return OnnxEncoder(encoder.name, ("en",), place.path, graph, max_tokens=256, threads=1)


def test_vectors_are_float32_of_length_one_in_the_order_given(encoder: Encoder) -> None:
    texts = ["a much longer text about returning parcels and getting money back", "short", "", "reset password"]
    together = encoder.encode(texts, kind="passage")
    assert together.dtype == np.float32
    assert together.shape == (4, encoder.dimension) == (4, 384)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1.0, abs=1e-4)
    for text, vector in zip(texts, together, strict=True):
        assert float(encoder.encode([text], kind="passage")[0] @ vector) > 0.96


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([], kind="query").shape == (0, 384)
    assert encoder.count_tokens([], kind="query") == 0


def test_tokens_are_counted_as_they_are_read(encoder: Encoder) -> None:
    texts = ["reset password", "lamp " * 1000]
    torch_encoder = SentenceTransformersEncoder(
        locate(find_entry(encoder.name, "encoder"), Settings(_env_file=None)), "cpu"
    )
    for one in (encoder, torch_encoder):
        assert one.count_tokens(texts[:1], kind="passage") == 4  # with [CLS] and [SEP]
        assert one.count_tokens(texts, kind="passage") == 4 + 256


def test_meaning_is_nearer_than_words(encoder: Encoder) -> None:
    question, right, wrong = encoder.encode(
        ["How do I get my money back?", "Refunds are paid within five days.", "Back up your files to the cloud."],
        kind="passage",
    )
    assert question @ right > question @ wrong + 0.1


def test_fp32_equals_the_torch_model(encoder: Encoder) -> None:
    place = locate(find_entry(encoder.name, "encoder"), Settings(_env_file=None))
    torch_vectors = SentenceTransformersEncoder(place, "cpu").encode(SENTENCES, kind="passage")
    ours = in_precision(encoder, "fp32").encode(SENTENCES, kind="passage")
    assert np.abs(ours - torch_vectors).max() < 1e-4


def test_int8_stays_close_to_fp32_on_texts_the_gate_never_saw(encoder: Encoder) -> None:
    texts = [f"{a} {b}" for a in ("The invoice", "My parcel", "Our contract") for b in ("is late.", "was paid twice.")]
    fp32 = in_precision(encoder, "fp32").encode(texts, kind="passage")
    int8 = in_precision(encoder, "int8").encode(texts, kind="passage")
    assert (fp32 * int8).sum(axis=1).min() > LEAST_COSINE


def test_int8_is_refused_where_its_quality_or_speed_does_not_hold() -> None:
    def report(cosine: float, fp32: float, int8: float) -> ExportReport:
        return ExportReport({}, cosine, fp32, int8)

    assert report(0.99, 2.0, 1.0).chosen("auto") == "int8"
    assert report(0.97, 2.0, 1.0).chosen("auto") == "fp32"
    assert report(0.99, 1.0, 2.0).chosen("auto") == "fp32"
    assert report(0.5, 1.0, 2.0).chosen("int8") == "int8"


def test_sixteen_threads_share_one_encoder(encoder: Encoder) -> None:
    texts = [f"question number {i} about " + "delivery " * (i % 7) for i in range(48)]
    expected = [encoder.encode([text], kind="query")[0] for text in texts]
    start = threading.Barrier(16)

    def ask(thread: int) -> float:
        start.wait()
        worst = 1.0
        for i in range(thread, len(texts) * 2, 5):
            vector = encoder.encode([texts[i % len(texts)]], kind="query")[0]
            worst = min(worst, float(vector @ expected[i % len(texts)]))
        batch = encoder.encode(texts, kind="passage")
        return min(worst, float((batch * np.asarray(expected)).sum(axis=1).min()) + 0.03)

    with ThreadPoolExecutor(16) as pool:
        assert min(pool.map(ask, range(16))) > 0.999


@given(st.lists(st.integers(1, 600), max_size=80))
def test_batches_hold_every_text_once_and_respect_the_budget(lengths: list[int]) -> None:
    batches = batches_by_length(lengths)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 1024
        assert len(batch) <= 32


def test_a_damaged_export_is_made_anew(encoder: Encoder, tmp_path: Path) -> None:
    assert isinstance(encoder, OnnxEncoder)
    place = locate(find_entry(encoder.name, "encoder"), Settings(_env_file=None))
    folder = tmp_path / "models" / encoder.name / encoder.graph.parent.name
    folder.mkdir(parents=True)
    for name in ("fp32.onnx", "int8.onnx", "report.json"):
        (folder / name).write_bytes((encoder.graph.parent / name).read_bytes())
    kept, _ = exported(place.path, tmp_path / "models" / encoder.name)
    assert kept == folder
    before = (folder / "report.json").stat().st_mtime_ns
    with (folder / "int8.onnx").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    rebuilt = load_onnx_encoder(place, Settings(data_dir=tmp_path, _env_file=None))
    assert (folder / "report.json").stat().st_mtime_ns > before
    assert rebuilt.encode(["still works"], kind="query").shape == (1, 384)
