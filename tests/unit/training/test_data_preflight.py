"""What a run will take, and what would fit: the estimate is held against work whose needs are known."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.training import machine, preflight
from core.training.machine import free_disk, free_memory, measured
from core.training.preflight import Advice, Estimate, Workload, estimate, require_fit
from core.training.watch import Quiet

MIB = 1 << 20
QUIET = Quiet(1e9)
# Beyond 32 MiB an array is given back to the system at once; smaller ones would blur what is measured.
FIXED, ROW = 40 * MIB, 10 * MIB


def train(batch: int, tokens: int, steps: int) -> None:
    """Holds ``FIXED`` and ``ROW`` bytes a row while it works, long enough to be seen."""
    for _ in range(steps):
        held = [np.ones(FIXED // 8), np.ones(batch * ROW // 8)]
        time.sleep(0.02 + 0.002 * batch)
        del held


def evaluate(rows: int) -> None:
    held = np.ones(100 * MIB // 8)
    time.sleep(0.001 * rows + 0.02)
    del held


WORK = Workload(rows=1000, validation_rows=500, batch_size=32, epochs=2, evaluations=2)


def test_memory_and_time_are_reckoned_from_the_probes(tmp_path: Path) -> None:
    found = estimate(WORK, train, evaluate, tmp_path, QUIET)
    assert found.row_bytes == pytest.approx(ROW, rel=0.25)
    assert found.fixed_bytes == pytest.approx(FIXED, rel=0.6)
    assert found.peak_bytes == pytest.approx(FIXED + 32 * ROW, rel=0.25)
    assert found.evaluation_bytes == pytest.approx(100 * MIB, rel=0.25)
    assert WORK.steps == 64
    assert found.training_seconds == pytest.approx(found.step_seconds * 64)
    assert found.step_seconds > 0.05
    assert found.evaluation_seconds > 0.9
    assert found.seconds == found.training_seconds + found.evaluation_seconds
    assert found.fits
    require_fit(found)


def test_a_probe_never_takes_the_whole_batch(tmp_path: Path) -> None:
    sizes: list[tuple[int, int]] = []
    estimate(replace(WORK, batch_size=64), lambda b, t, s: sizes.append((b, s)), None, tmp_path, QUIET)
    assert sizes == [(8, 1), (8, 3), (32, 1), (32, 3)]
    sizes.clear()
    estimate(replace(WORK, batch_size=1), lambda b, t, s: sizes.append((b, s)), None, tmp_path, QUIET)
    assert sizes == [(1, 1), (1, 3)]


def made(free_mib: int, **workload: object) -> Estimate:
    """An estimate of 168 MiB for a batch of 32."""
    work = replace(WORK, **workload)  # type: ignore[arg-type]
    bare = Estimate(work, 100.0, 20.0, 1.0, 40 * MIB, 4 * MIB, 100 * MIB, free_mib * MIB, 10, 100)
    return replace(bare, advice=preflight._advise(bare, 0.0))


def test_a_smaller_batch_is_advised_when_it_fits() -> None:
    found = made(120)
    assert found.peak_bytes == 168 * MIB
    assert not found.fits
    assert found.advice[:2] == (Advice("batch", 16), Advice("tokens", 64))
    with pytest.raises(BadInput, match=r"169 MiB of memory, and 120 MiB are free\. A batch of 16 would fit") as caught:
        require_fit(found)
    assert "批大小改为 16" in caught.value.sentence("zh")
    smaller = replace(found, workload=replace(found.workload, batch_size=16), evaluation_bytes=0)
    assert smaller.fits
    shorter = replace(found, row_bytes=2 * MIB, evaluation_bytes=0)
    assert shorter.fits


def test_evaluation_has_to_fit_too() -> None:
    found = replace(made(1000), evaluation_bytes=1700 * MIB)
    assert not found.fits
    assert preflight._advise(found, 0.0)[0] == Advice("batch", 16)


def test_lora_and_frozen_are_advised_when_the_weights_are_the_trouble() -> None:
    """100 M parameters take 1.5 GiB with AdamW, 0.4 GiB without."""
    work = {"parameters": 100_000_000, "method": "full"}
    found = replace(made(700, **work), fixed_bytes=1600 * MIB)
    advice = preflight._advise(found, 0.0)
    assert [one.code for one in advice] == ["lora"]
    assert [one.code for one in preflight._advise(replace(found, free_bytes=300 * MIB), 0.0)] == ["smaller_model"]
    with pytest.raises(BadInput, match="With LoRA"):
        require_fit(replace(found, advice=advice))


def test_what_cannot_fit_at_all_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: int) -> None:
        raise AssertionError("probed")

    monkeypatch.setattr(preflight, "free_memory", lambda device: 1000 * MIB)
    huge = replace(WORK, parameters=300_000_000, method="full")
    with pytest.raises(BadInput, match="smaller model"):
        estimate(replace(huge, parameters=3_000_000_000), never, None, tmp_path, QUIET)
    monkeypatch.setattr(preflight, "free_memory", lambda device: 1500 * MIB)
    with pytest.raises(BadInput) as caught:
        estimate(huge, never, None, tmp_path, QUIET)
    assert caught.value.code == "data.memory_lora"


def test_a_disk_that_is_too_small_is_refused(tmp_path: Path) -> None:
    work = replace(WORK, checkpoint_bytes=1 << 60, checkpoints=2)
    found = estimate(work, lambda *_: None, None, tmp_path, QUIET)
    assert found.fits_memory
    with pytest.raises(BadInput, match="free on the disk") as caught:
        require_fit(found)
    assert caught.value.code == "data.disk_short"


def test_time_that_is_not_there_gives_fewer_epochs() -> None:
    found = made(10_000)
    assert found.fits
    assert preflight._advise(found, 200.0) == ()
    assert preflight._advise(found, 70.0) == (Advice("epochs", 1),)
    assert preflight._advise(found, 10.0) == (Advice("frozen"),)
    assert preflight._advise(replace(found, workload=replace(found.workload, method="frozen")), 10.0) == (
        Advice("smaller_model"),
    )
    for code in ("batch", "tokens", "lora", "frozen", "smaller_model", "epochs"):
        for language in ("en", "zh"):
            assert Advice(code, 3).sentence(language)  # type: ignore[arg-type]


def test_a_container_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"max": str(64 * MIB), "current": str(50 * MIB), "stat": f"anon 5\ninactive_file {10 * MIB}\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(machine, "_CGROUPS", ((tmp_path / "max", tmp_path / "current", tmp_path / "stat"),))
    assert free_memory() == 24 * MIB
    (tmp_path / "max").write_text("max\n")
    assert free_memory() > 24 * MIB


def test_the_machine_tells_what_it_has(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "not" / "there" / "yet") == pytest.approx(free_disk(tmp_path), rel=0.01)
    with measured() as usage:
        held = np.ones(60 * MIB // 8)
        time.sleep(0.05)
        del held
    assert usage.peak_bytes == pytest.approx(60 * MIB, rel=0.3)
    assert usage.seconds >= 0.05
