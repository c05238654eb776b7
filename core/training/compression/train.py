"""Smaller and faster variants of a text classifier, measured beside it in one run, behind a parity gate.

onnx-int8: dynamic 8-bit weights on onnxruntime. dynamic-int8: the same idea in torch, for comparison only (nothing
loads it). pruned and distilled: smaller networks that learnt from the original (``compress_students``). Every variant
but dynamic-int8 is a sealed folder of its own that ``core.models.classifiers.classifier`` opens.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput, Conflict, Unavailable
from core.models.classifiers.classifier import ONNX, load_classifier
from core.models.classifiers.export import chosen_precision, compare_exports, export_classifier
from core.models.classifiers.ngrams import Beside
from core.models.classifiers.text_network import ENCODER, HEAD, Backbone, open_network, save_network
from core.models.manifest import NAME, Manifest, read_manifest, write_manifest
from core.training.checkpoint import FOLDER, fingerprint
from core.training.classification.ngrams import fit_voices
from core.training.classification.rows import LabelledTexts
from core.training.classification.train import fitted_calibration
from core.training.compression.args import VARIANTS, CompressArgs, Compression, Job, TextRows, Variant
from core.training.compression.measure import measured
from core.training.compression.students import Lesson, keep_layers, network_logits, prune_neurons, teach
from core.training.failures import plain_failures
from core.training.loop_args import LoopArgs
from core.training.watch import Watch

REPORT = "compression.json"
_INT8_LIMIT = 0.005  # share of validation accuracy that int8 may cost a pruned or distilled network


def compress_classifier(
    folder: Path, target: Path, training: TextRows, validation: TextRows, held_out: TextRows, args: CompressArgs,
    watch: Watch,
) -> Compression:  # fmt: skip
    """Makes the variants of the classifier in ``folder`` below ``target`` and measures them on ``held_out``.

    ``training`` teaches pruned and distilled networks; ``validation`` chooses among them and calibrates; neither is
    measured on. The same call after a kill goes on: variants that are sealed are kept, a student from its checkpoint.
    Raises BadInput (data.compress_shape, data.compress_rows, data.compress_labels), Unavailable for a folder that is no
    sealed classifier, a full disk or too little memory, and what the watch raises.
    """
    manifest = read_manifest(folder)
    if manifest.kind != "text_classifier":
        raise Unavailable("training.not_a_classifier", name=manifest.name, kind=manifest.kind)
    gold = labelled(held_out, manifest)
    if not len(gold):
        raise BadInput("data.compress_rows", split="test")
    job = Job(
        folder, target, manifest, labelled(training, manifest), labelled(validation, manifest), args, watch,
        _mark(args, manifest, training, validation),
    )  # fmt: skip
    target.mkdir(parents=True, exist_ok=True)
    with plain_failures(args.batch_size, job.max_tokens):
        for number, variant in enumerate(args.variants):
            watch.check()
            watch.step("compress", number, len(args.variants))
            if variant in _MAKERS and not _sealed(target / variant, job.mark):
                _MAKERS[variant](job, target / variant)
        watch.step("compress", len(args.variants), len(args.variants))
        found = measured(job, gold)
    shutil.rmtree(target / FOLDER, ignore_errors=True)
    draft = target / f"{REPORT}.draft"
    draft.write_text(json.dumps(asdict(found), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, target / REPORT)
    return found


def _mark(args: CompressArgs, manifest: Manifest, training: TextRows, validation: TextRows) -> str:
    """Names what decides the variants: not which of them are asked for, nor how strict the gate is."""
    deciding = replace(args, variants=VARIANTS, allowed_loss=0.0, timed=1, repeats=1)
    rows = [list(part) if not isinstance(part, str) else part for part in (*training, *validation)]
    return fingerprint(asdict(deciding), dict(manifest.files), *rows)


def read_compression(target: Path) -> Compression:
    """What ``compress_classifier`` found. Raises Unavailable (data.compress_missing)."""
    try:
        found = json.loads((target / REPORT).read_text(encoding="utf-8"))
        variants = tuple(Variant(**variant) for variant in found["variants"])
        return Compression(**{**found, "variants": variants})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable("data.compress_missing", name=target.name) from error


def require_parity(variant: Variant, allowed_loss: float = 0.01) -> None:
    """The parity gate of promotion. Raises Conflict (data.parity) when the variant lost more than it may."""
    if variant.lost > allowed_loss:
        lost, allowed = round(100 * variant.lost, 2), round(100 * allowed_loss, 2)
        raise Conflict("data.parity", name=variant.name, lost=lost, allowed=allowed)
    if not variant.folder:
        raise Conflict("data.not_promotable", name=variant.name)


def labelled(rows: TextRows, manifest: Manifest) -> LabelledTexts:
    """Texts with the numbers that their labels have in the model. Raises BadInput (data.compress_labels)."""
    numbers = {label: number for number, label in enumerate(manifest.labels)}
    task = manifest.facts["task"]
    targets = np.zeros((len(rows[0]), len(numbers)), np.int64)
    for row, given in enumerate(rows[1]):
        for label in [given] if isinstance(given, str) else given:
            if label not in numbers:
                raise BadInput(
                    "data.compress_labels", label=label, name=manifest.name, known=", ".join(manifest.labels[:20])
                )
            targets[row, numbers[label]] = 1
    chosen: NDArray[np.int64] = targets if task == "multi" else targets.argmax(axis=1).astype(np.int64)
    return LabelledTexts(tuple(rows[0]), chosen, manifest.labels, task)


# --- making -------------------------------------------------------------------------------------------------


def _sealed(folder: Path, mark: str) -> bool:
    """Is the variant there and of this very run? What is there otherwise, half-made, goes."""
    if (folder / NAME).is_file() and read_manifest(folder).facts.get("fingerprint") == mark:
        return True
    if (folder / NAME).is_file():
        shutil.rmtree(folder)
    return False


def _make_onnx(job: Job, folder: Path, precision: Literal["fp32", "int8"]) -> None:
    making = job.target / FOLDER / ONNX
    if not (making / f"{precision}.onnx").is_file():
        export_classifier(job.folder, making, normalise=job.normalise)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(job.folder / ENCODER, folder / ENCODER)
    shutil.copy2(job.folder / HEAD, folder / HEAD)
    if job.beside is not None:
        job.beside.model.save(folder)
    (folder / ONNX).mkdir()
    shutil.copy2(making / f"{precision}.onnx", folder / ONNX)
    _seal(job, folder, {**job.manifest.facts, "onnx": {"precision": precision}}, {})


def _make_pruned(job: Job, folder: Path) -> None:
    _make_student(job, folder, lambda network: prune_neurons(network, job.args.neurons), job.args.recovery_epochs)


def _make_distilled(job: Job, folder: Path) -> None:
    _make_student(job, folder, lambda network: keep_layers(network, job.args.layers), job.args.epochs)


_MAKERS: Mapping[str, Callable[[Job, Path], None]] = {
    "onnx-fp32": lambda job, folder: _make_onnx(job, folder, "fp32"),
    "onnx-int8": lambda job, folder: _make_onnx(job, folder, "int8"),
    "pruned": _make_pruned,
    "distilled": _make_distilled,
}


def _make_student(job: Job, folder: Path, shrink: Callable[[Any], int], epochs: int) -> None:
    """A smaller network from the original's weights, taught by it, exported and sealed."""
    if not len(job.training) or not len(job.validation):
        raise BadInput("data.compress_rows", split="train" if not len(job.training) else "validation")
    network, backbone = open_network(job.folder, normalise=job.normalise)
    left = shrink(network)
    lesson = Lesson(
        job.training, backbone.token_ids(job.training.texts, job.max_tokens), _teacher(job),
        job.validation, backbone.token_ids(job.validation.texts, job.max_tokens), job.args.temperature, job.args.soft,
    )  # fmt: skip
    loop = LoopArgs(
        epochs=epochs, batch_size=job.args.batch_size, learning_rate=job.args.learning_rate, max_tokens=job.max_tokens,
        seed=job.args.seed, device=job.args.device, precision=job.args.precision, evaluations_per_epoch=2, patience=0,
    )  # fmt: skip
    teach(network, backbone, lesson, loop, folder, job.watch, fingerprint(job.mark, folder.name))
    _save_student(job, folder, network.cpu(), backbone, lesson, left)


def _teacher(job: Job) -> NDArray[np.float32]:
    """The logits of the original's encoder [training rows, labels]; kept on disk until the end, so that a resumed run
    has them."""
    path = job.target / FOLDER / f"teacher-{job.mark[:16]}.npy"
    if job.teacher is None and path.is_file():
        job.teacher = np.load(path, allow_pickle=False)
    if job.teacher is None:
        job.watch.say(f"{len(job.training)} training texts are read by the original")
        original = load_classifier(job.folder, device=job.args.device, precision="fp32")
        job.teacher = original.encoder_logits(job.training.texts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".draft").open("wb") as file:
            np.save(file, job.teacher, allow_pickle=False)
        path.with_suffix(".draft").replace(path)
    return job.teacher


def _save_student(job: Job, folder: Path, network: Any, backbone: Backbone, lesson: Lesson, left: int) -> None:
    logits = network_logits(network, lesson.validation_ids, backbone.pad, "cpu")
    ngrams: dict[str, Any] = {}
    if job.beside is not None:  # they stand beside the student as well, and have as much say as it needs
        wide = job.beside.model.logits(job.validation.texts)
        beside = Beside(job.beside.model, fit_voices(logits, wide, job.validation))
        logits = beside.joined(logits, job.validation.texts)
        ngrams = {"ngrams": {**job.manifest.facts["ngrams"], "voices": list(beside.voices)}}
        beside.model.save(folder)
    calibration = fitted_calibration(logits, job.validation)
    save_network(network, backbone, folder)
    making = folder / FOLDER / ONNX
    export_classifier(folder, making, normalise=job.normalise)
    compared = compare_exports(making, lesson.validation_ids, backbone.pad)
    lost = _right(compared.logits_fp32, job.validation) - _right(compared.logits_int8, job.validation)
    precision = chosen_precision(compared, lost, _INT8_LIMIT)
    shutil.rmtree(folder / ONNX, ignore_errors=True)
    (folder / ONNX).mkdir()
    (making / f"{precision}.onnx").replace(folder / ONNX / f"{precision}.onnx")
    facts = {
        **job.manifest.facts,
        **ngrams,
        "calibration": {**asdict(calibration), "rows": len(job.validation)},
        "onnx": {"precision": precision, "lost": lost},
        "left": left,
    }
    _seal(job, folder, facts, {"accuracy": _right(logits, job.validation)})
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _seal(job: Job, folder: Path, facts: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    made = {"fingerprint": job.mark, "compressed_from": job.manifest.name}
    write_manifest(
        folder,
        Manifest(
            kind="text_classifier", name=f"{job.manifest.name}-{folder.name}", labels=job.manifest.labels,
            base=job.manifest.base, args={**job.manifest.args, "compress": asdict(job.args)}, data=job.manifest.data,
            metrics=metrics, facts={**facts, **made},
        ),
    )  # fmt: skip


def _right(logits: NDArray[np.float32], gold: LabelledTexts) -> float:
    """Share of rows whose labels are all right, before calibration."""
    if gold.task == "single":
        return float((logits.argmax(axis=1) == gold.targets).mean())
    return float(((logits >= 0) == gold.targets.astype(bool)).all(axis=1).mean())
