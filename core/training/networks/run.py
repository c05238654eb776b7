"""What training of a small network begins and ends with: checked rows, class weights, the sealed folder."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import BadInput, Conflict
from core.evaluation.calibration import Calibration, Method, fit_calibration
from core.evaluation.classification import Floats, Ints, classification_scores
from core.models.manifest import NAME, Kind, Manifest, read_manifest, write_manifest
from core.models.networks.open import SETUP, WEIGHTS, Head, setup_of
from core.training.networks.loop import LoopArgs, plain_failures
from core.training.networks.state import FOLDER, fingerprint, save_weights


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs (texts, rows of a table, or pictures) with the number of each one's class."""

    inputs: Any
    classes: Sequence[int]

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True)
class Run:
    """One training into ``folder``. ``mark`` names it by all that decides its outcome; ``data`` is what the manifest
    says of the data set (name, version, licence)."""

    kind: Kind
    folder: Path
    training: Examples
    validation: Examples
    labels: tuple[str, ...]
    args: LoopArgs
    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def mark(self) -> str:
        parts = [part for examples in (self.training, self.validation) for part in (examples.inputs, examples.classes)]
        plain = [part if isinstance(part, np.ndarray) else list(part) for part in parts]
        return fingerprint(self.kind, asdict(self.args), list(self.labels), *plain)

    @property
    def gold(self) -> Ints:
        """Of the validation rows."""
        return np.asarray(self.validation.classes, np.int64)


def begin(run: Run) -> Manifest | None:
    """Checks the rows and makes the folder. The manifest when this very run is already done; None to train.

    Raises BadInput for rows nothing can be learnt from, Conflict when another model lies in the folder.
    """
    check_examples(run.training, run.validation, run.labels)
    if not (run.folder / NAME).exists():
        run.folder.mkdir(parents=True, exist_ok=True)
        return None
    manifest = read_manifest(run.folder)
    if manifest.facts.get("run") != run.mark:
        raise Conflict("networks.folder_taken", name=run.folder.name)
    return manifest


def check_examples(training: Examples, validation: Examples, labels: Sequence[str]) -> None:
    """Raises BadInput for what nothing can be learnt from: no rows, no validation, one class, unknown classes."""
    for examples, code in ((training, "no_rows"), (validation, "no_validation")):
        if not len(examples):
            raise BadInput(f"networks.{code}")
        if len(examples.inputs) != len(examples):
            raise BadInput("networks.uneven", inputs=len(examples.inputs), classes=len(examples))
        wrong = [number for number in examples.classes if not 0 <= number < len(labels)]
        if wrong:
            raise BadInput("networks.unknown_label", label=wrong[0], known=", ".join(labels))
    seen = set(training.classes)
    if len(seen) < 2:
        raise BadInput("networks.one_class", label=labels[next(iter(seen))])
    never = sorted(set(validation.classes) - seen)
    if never:
        raise BadInput("networks.untrained_label", label=labels[never[0]])


def class_weights(args: LoopArgs, training: Sequence[int], labels: Sequence[str]) -> Floats:
    """Weights [classes] with mean 1 over the training rows. Raises BadInput for a weight of an unknown label."""
    counts = np.bincount(np.asarray(training), minlength=len(labels)).astype(np.float64)
    if isinstance(args.class_weights, dict):
        unknown = sorted(set(args.class_weights) - set(labels))
        if unknown:
            raise BadInput("networks.unknown_label", label=unknown[0], known=", ".join(labels))
        weights = np.array([args.class_weights.get(label, 1.0) for label in labels])
    elif args.class_weights == "balanced":
        weights = counts.sum() / np.maximum(counts, 1) / len(labels)
    else:
        weights = np.ones(len(labels))
    return np.asarray(weights / ((weights * counts).sum() / counts.sum()), np.float64)


def fit_head(args: LoopArgs, labels: Sequence[str], logits: Floats, gold: Ints, weights: Floats) -> Head:
    """Calibrated on validation logits, after taking out of them what class weights put in.

    A loss weighted by w learns probabilities proportional to w times the true ones, so log w is subtracted (Menon et
    al. 2021); the decision then weights the calibrated probabilities by w again.
    """
    shift = np.log(weights)
    method: Method = (
        ("platt" if len(labels) == 2 else "temperature") if args.calibration == "auto" else args.calibration
    )
    if method == "platt" and len(labels) != 2:
        raise BadInput("networks.platt_classes", found=len(labels))
    fitted = fit_calibration(logits - shift, gold, method)
    offsets = (np.asarray(fitted.offsets) if fitted.offsets else np.zeros(len(labels))) - fitted.scale * shift
    even = bool(np.allclose(weights, 1))
    calibration = Calibration(fitted.method, fitted.scale, tuple(map(float, offsets)) if offsets.any() else ())
    return Head(tuple(labels), calibration, () if even else tuple(map(float, weights)))


def head_scores(head: Head, logits: Floats, gold: Ints) -> dict[str, float]:
    """What the manifest says of validation: accuracy, macro F1, AUC, log loss."""
    predicted = head.predicted(logits)
    scores = classification_scores(gold, predicted.classes, head.labels, predicted.probabilities)
    names = ("accuracy", "f1_macro", "auc", "log_loss")
    return {f"validation_{name}": float(value) for name in names if (value := getattr(scores, name)) is not None}


def seeded(seed: int, build: Callable[[], Any]) -> Any:
    """What ``build`` makes from this seed; the global random state is left as it was."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def finish(
    run: Run, logits: Floats, weights: Floats, *, network: Any, shape: Any, setup: Mapping[str, Any], **facts: Any
) -> Manifest:
    """Fits the head on validation ``logits`` [rows, classes], writes weights and setup, seals the folder, and only
    then drops the checkpoints. Raises Unavailable."""
    head = fit_head(run.args, run.labels, logits, run.gold, weights)
    with plain_failures(run.args.batch_size):
        save_weights(run.folder / WEIGHTS, network)
        written = json.dumps(setup_of(head, shape, **setup), ensure_ascii=False, indent=1)
        (run.folder / SETUP).write_text(written + "\n", encoding="utf-8")
        manifest = write_manifest(
            run.folder,
            Manifest(
                kind=run.kind,
                name=run.name or run.folder.name,
                labels=run.labels,
                args=asdict(run.args),
                data=dict(run.data),
                metrics=head_scores(head, logits, run.gold),
                facts={
                    **facts,
                    "training_rows": counted(run.training, run.labels),
                    "parameters": _parameters(network),
                    "run": run.mark,
                },
            ),
        )
    shutil.rmtree(run.folder / FOLDER, ignore_errors=True)
    return manifest


def counted(examples: Examples, labels: Sequence[str]) -> dict[str, int]:
    """Rows of each label."""
    counts = Counter(examples.classes)
    return {label: counts[number] for number, label in enumerate(labels)}


def _parameters(network: Any) -> int:
    return int(sum(one.numel() for one in network.parameters()))
