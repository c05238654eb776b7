"""Trains a text classifier: labelled texts in, a sealed folder out that ``models.classifiers.classifier`` opens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Conflict
from core.evaluation.calibration import Calibration, expected_calibration_error, fit_calibration, reliability
from core.evaluation.classification import Floats, classification_scores
from core.models.classifiers.classifier import ONNX, Decision
from core.models.classifiers.export import chosen_precision, compare_exports, export_classifier
from core.models.classifiers.text_network import open_backbone, save_network
from core.models.manifest import NAME, Manifest, read_manifest, write_manifest
from core.settings import Settings
from core.training.checkpoint import FOLDER, fingerprint
from core.training.classification.args import ClassifierArgs, Mode
from core.training.classification.few_shot import fit_few_shot
from core.training.classification.fit import ClassifierRun, fit_by_gradient, fit_frozen, outputs
from core.training.classification.ngrams import fit_beside
from core.training.classification.rows import LabelledTexts, Labels, checked_rows
from core.training.encoders import encoder_folder, weights_of
from core.training.failures import plain_failures
from core.training.processes import Processes
from core.training.watch import Watch

RECIPE = 1  # raise it when the same arguments train something else, so that older checkpoints are not gone on with
_UNKNOWN = 0.2  # share of tokens without a word in the vocabulary, from which the log warns
_COMPARED = 2000  # rows on which int8 must hold what fp32 knows
_FITTERS: Mapping[Mode, Callable[[ClassifierRun], Any]] = {
    "full": fit_by_gradient,
    "lora": fit_by_gradient,
    "frozen": fit_frozen,
    "few_shot": fit_few_shot,
}


def train_classifier(
    texts: Sequence[str],
    labels: Labels,
    validation: tuple[Sequence[str], Labels],
    args: ClassifierArgs,
    folder: Path,
    watch: Watch,
    *,
    name: str = "",
    data: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> Manifest:
    """Trains on ``texts`` with ``labels`` (a string each, or a sequence of strings for multi), chooses and calibrates
    on ``validation``, and seals ``folder``. Called again after a kill it goes on from the last checkpoint; called again
    when the same run is done it returns what was made.

    ``data``: what the manifest says of the data set. Raises BadInput for rows or arguments that cannot be used,
    Conflict when the folder holds another model, Unavailable for an encoder that cannot be had, a full disk or too
    little memory, and what the watch raises.
    """
    training, judging = checked_rows(texts, labels, validation, args)
    source = encoder_folder(args.encoder, settings or Settings())
    mark = fingerprint(
        RECIPE, asdict(args), training.labels, training.texts, training.targets.tolist(),
        judging.texts, judging.targets.tolist(), *weights_of(source),
    )  # fmt: skip
    if (folder / NAME).is_file():
        return _made_before(folder, mark)
    folder.mkdir(parents=True, exist_ok=True)
    with plain_failures(args.batch_size, args.max_tokens):
        run = _opened(training, judging, args, source, folder, watch, mark)
        network = _FITTERS[run.mode](run)
        described = _described(run, network, name or folder.name, data or {})
        if run.processes.main:
            _seal(run, network, described)
        run.processes.wait()
    return read_manifest(folder)


def _made_before(folder: Path, mark: str) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.facts.get("fingerprint") != mark:
        raise Conflict("training.folder_taken", name=folder.name)
    return manifest


def _opened(
    training: LabelledTexts, validation: LabelledTexts, args: ClassifierArgs, source: Path, folder: Path, watch: Watch,
    mark: str,
) -> ClassifierRun:  # fmt: skip
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
    backbone = open_backbone(source)
    ids = backbone.token_ids(training.texts, args.max_tokens)
    unknown = backbone.unknown_share(ids)
    if unknown > _UNKNOWN:
        watch.say(
            f"{unknown:.0%} of the tokens are not in the vocabulary of {args.encoder}: it cannot read these texts"
        )
    mode = args.chosen_mode(len(training), len(training.labels))
    watch.say(f"{len(training)} rows, {len(training.labels)} labels, {len(validation)} validation rows, mode {mode}")
    return ClassifierRun(
        args=args,
        mode=mode,
        training=training,
        validation=validation,
        backbone=backbone,
        ids=ids,
        validation_ids=backbone.token_ids(validation.texts, args.max_tokens),
        folder=folder,
        watch=watch,
        processes=Processes(args.device),
        mark=mark,
        facts={"unknown_share": unknown},
    )


def _described(run: ClassifierRun, network: Any, name: str, data: Mapping[str, Any]) -> Manifest:
    """The manifest, but for the ONNX file: n-grams, calibration and scores on all validation rows, in fp32."""
    args = run.args
    logits = outputs(network, run.validation_ids, run)
    if args.ngrams:
        run.beside = fit_beside(run.training, run.validation, logits, args, run.watch)
    if run.beside is not None:
        logits = run.beside.joined(logits, run.validation.texts)
        run.facts["ngrams"] = {"voices": list(run.beside.voices), "features": len(run.beside.model.buckets)}
    calibration = fitted_calibration(logits, run.validation)
    decision = Decision(run.labels, args.task, calibration)
    counts = run.training.targets.sum(axis=0) if args.task == "multi" else np.bincount(run.training.targets)
    facts = {
        **run.facts,
        "fingerprint": run.mark,
        "mode": run.mode,
        "task": args.task,
        "pooling": run.backbone.pooling,
        "normalise": run.normalise,
        "pad": run.backbone.pad,
        "max_tokens": min(args.max_tokens, run.backbone.limit),
        "threshold": decision.threshold,
        "calibration": {**asdict(calibration), "rows": len(run.validation)},
        "training_rows": {label: int(count) for label, count in zip(run.labels, counts, strict=True)},
    }
    return Manifest(
        kind="text_classifier",
        name=name,
        labels=run.labels,
        base=args.encoder,
        args=asdict(args),
        data=data,
        metrics=_metrics(logits, decision, run.validation) if len(run.validation) else {},
        facts=facts,
    )


def fitted_calibration(logits: NDArray[np.float32], rows: LabelledTexts) -> Calibration:
    """Temperature scaling (Guo et al. 2017) on ``rows``; of multi-label logits one temperature for all labels."""
    if not len(rows):
        return Calibration()
    if rows.task == "single":
        return fit_calibration(logits, rows.targets, "temperature")
    odds = np.asarray(logits, np.float64).reshape(-1)
    return fit_calibration(np.stack([np.zeros_like(odds), odds], axis=1), rows.targets.reshape(-1), "temperature")


def _metrics(logits: NDArray[np.float32], decision: Decision, rows: LabelledTexts) -> dict[str, float]:
    """Of the calibrated probabilities; ``ece_before`` is the calibration error that the temperature removed."""
    found = decision.predicted(logits)
    given: Any = found.classes if rows.task == "single" else found.chosen.astype(np.int64)
    scores = classification_scores(rows.targets, given, rows.labels, found.probabilities)
    plain = Decision(rows.labels, rows.task, Calibration()).predicted(logits)
    return {
        "accuracy": scores.accuracy,
        "f1_macro": scores.f1_macro,
        "f1_micro": scores.f1_micro,
        "log_loss": scores.log_loss or 0.0,
        "brier": scores.brier or 0.0,
        "ece": _calibration_error(found.probabilities, rows),
        "ece_before": _calibration_error(plain.probabilities, rows),
    }


def _calibration_error(chances: Floats, rows: LabelledTexts) -> float:
    if rows.task == "multi":
        return expected_calibration_error(reliability(rows.targets.reshape(-1), chances.reshape(-1)))
    right = chances.argmax(axis=1) == rows.targets
    return expected_calibration_error(reliability(right, chances.max(axis=1)))


def _seal(run: ClassifierRun, network: Any, manifest: Manifest) -> None:
    save_network(network, run.backbone, run.folder)
    if run.beside is not None:
        run.beside.model.save(run.folder)
    onnx = _exported(run) if run.args.export else {"precision": ""}
    facts = {**manifest.facts, "onnx": onnx}
    fields = {name: getattr(manifest, name) for name in ("kind", "name", "labels", "base", "args", "data", "metrics")}
    write_manifest(run.folder, Manifest(**fields, facts=facts))
    shutil.rmtree(run.folder / FOLDER, ignore_errors=True)


def _exported(run: ClassifierRun) -> dict[str, Any]:
    """Leaves ``onnx/int8.onnx`` or, where int8 loses too much or is slower, ``onnx/fp32.onnx`` in the folder."""
    making = run.folder / FOLDER / ONNX
    shutil.rmtree(run.folder / ONNX, ignore_errors=True)
    try:
        export_classifier(run.folder, making, normalise=run.normalise)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        run.watch.say(f"the encoder could not be exported to ONNX ({reason}); it will run on torch")
        return {"precision": "", "reason": reason}
    rows, gold = _compared_rows(run)
    found = compare_exports(making, rows, run.backbone.pad)
    lost = _lost(found.logits_fp32, found.logits_int8, gold, run.args.task)
    precision = chosen_precision(found, lost, run.args.int8_limit)
    (run.folder / ONNX).mkdir()
    (making / f"{precision}.onnx").replace(run.folder / ONNX / f"{precision}.onnx")
    run.watch.say(f"int8 loses {lost:.2%} of {len(rows)} rows at {found.speed_int8 / found.speed_fp32:.2f} x the speed")
    return {
        "precision": precision,
        "rows": len(rows),
        "lost": lost,
        "agreement": found.agreement,
        "speed_ratio": found.speed_int8 / found.speed_fp32,
    }


def _compared_rows(run: ClassifierRun) -> tuple[list[list[int]], NDArray[np.int64] | None]:
    """Validation rows with their gold, drawn once; training rows without gold where there is no validation."""
    ids = run.validation_ids or run.ids
    chosen = np.random.default_rng([run.args.seed, 13]).permutation(len(ids))[:_COMPARED]
    gold = run.validation.targets[chosen] if run.validation_ids else None
    return [ids[number] for number in chosen], gold


def _lost(fp32: NDArray[Any], int8: NDArray[Any], gold: NDArray[np.int64] | None, task: str) -> float:
    """Accuracy of fp32 minus that of int8; without gold the share of rows on which they disagree."""

    def given(logits: NDArray[Any]) -> NDArray[np.int64]:
        return np.asarray(logits.argmax(axis=1)[:, None] if task == "single" else logits >= 0, np.int64)

    first, second = given(fp32), given(int8)
    if gold is None:
        return float((first != second).any(axis=1).mean())
    truth = gold[:, None] if task == "single" else gold
    return float((first == truth).all(axis=1).mean() - (second == truth).all(axis=1).mean())
