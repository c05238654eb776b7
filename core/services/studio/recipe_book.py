"""The recipes themselves: data, not code. ``recipes`` checks arguments against them and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.models.manifest import Kind

FOLDS = "folds"  # an argument of every recipe with classes: trainings that judge it beside the run itself


@dataclass(frozen=True, slots=True)
class Recipe:
    """``args``: "module:class" of its arguments; ``fixed``: those it decides itself; ``defaults``: its own ones;
    ``shown``: those everybody sees, the rest is folded away. ``learner``: "module:class" that trains and judges.
    ``starts_from``: kinds of model versions it may start from; ``entries``: tasks of the catalogue likewise."""

    name: str
    tasks: tuple[str, ...]
    kind: Kind
    args: str
    learner: str
    shown: tuple[str, ...]
    base: str = ""
    starts_from: tuple[Kind, ...] = ()
    entries: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    tunable: tuple[str, ...] = ()
    folds: bool = False  # may be cross-validated
    from_nothing: bool = False  # a base model may be left out: ""
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # where they differ from BOUNDS


_FEW_SHOT = frozenset({"few_shot_steps", "few_shot_batch", "few_shot_rate", "contrast", "label_texts"})
_STEADY = frozenset({"average", "layer_decay", "adversarial"})
_LORA = frozenset({"lora_rank", "lora_alpha", "lora_dropout"})
_LEARNERS = "core.services.studio.learners"

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        name="text_classifier",
        tasks=("text_classification",),
        kind="text_classifier",
        args="core.training.classification.args:ClassifierArgs",
        learner=f"{_LEARNERS}.texts:TextClassifierLearner",
        shown=("encoder", "mode", "epochs", "batch_size", "learning_rate", "class_weights", "metric", "seed"),
        base="encoder",
        starts_from=("text_classifier", "encoder"),
        entries=("encoder", "masked_language_model"),
        hidden=_FEW_SHOT,
        folds=True,
        tunable=("learning_rate", "epochs", "batch_size", "dropout", "label_smoothing"),
    ),
    Recipe(
        name="few_shot",
        tasks=("text_classification",),
        kind="text_classifier",
        args="core.training.classification.args:ClassifierArgs",
        learner=f"{_LEARNERS}.texts:TextClassifierLearner",
        shown=("encoder", "few_shot_steps", "few_shot_rate", "metric", "seed"),
        base="encoder",
        starts_from=("text_classifier", "encoder"),
        entries=("encoder", "masked_language_model"),
        fixed={"mode": "few_shot"},
        hidden=_LORA
        | {"epochs", "batch_size", "accumulate", "learning_rate", "evaluations_per_epoch", "patience", "head_rate"}
        | {"label_smoothing", "dropout", "agreement"}
        | _STEADY,
        folds=True,
        tunable=("few_shot_steps", "few_shot_rate", "contrast"),
    ),
    Recipe(
        name="sentence_pair",
        tasks=("sentence_pair",),
        kind="sentence_pair",
        args="core.training.pairs.args:PairArgs",
        learner=f"{_LEARNERS}.pairs:SentencePairLearner",
        shown=("encoder", "kind", "epochs", "batch_size", "learning_rate", "negatives", "mode", "metric", "seed"),
        base="encoder",
        starts_from=("text_classifier", "encoder"),
        entries=("encoder", "masked_language_model"),
        defaults={"learning_rate": 2e-5},
        tunable=("learning_rate", "epochs", "batch_size", "scale"),
    ),
    Recipe(
        name="language_model",
        tasks=("language_model", "prompt_response"),
        kind="language_model",
        args="core.training.language.args:LanguageModelArgs",
        learner=f"{_LEARNERS}.language:LanguageModelLearner",
        shown=("base", "epochs", "max_tokens", "layers", "width", "heads", "vocabulary", "vocabulary_size", "seed"),
        base="base",
        starts_from=("language_model",),
        entries=("language_model",),
        from_nothing=True,
        hidden=_LORA | {"encoder", "layer_decay", "adversarial"},
        bounds={"learning_rate": (0.0, 1.0), "layers": (1, 48), "max_tokens": (8, 2048)},
        tunable=("dropout", "batch_size", "width"),
    ),
    Recipe(
        name="lstm",
        tasks=("text_classification",),
        kind="lstm",
        args="core.training.networks.lstm:LstmArgs",
        learner=f"{_LEARNERS}.small:LstmLearner",
        shown=("epochs", "batch_size", "learning_rate", "hidden", "embedding", "class_weights", "metric", "seed"),
        folds=True,
        tunable=("learning_rate", "hidden", "embedding", "dropout", "word_dropout"),
    ),
    Recipe(
        name="tabular",
        tasks=("tabular",),
        kind="tabular",
        args="core.training.networks.tabular:TabularArgs",
        learner=f"{_LEARNERS}.small:TabularLearner",
        shown=("epochs", "learning_rate", "hidden", "members", "exclude", "class_weights", "metric", "seed"),
        folds=True,
        tunable=("learning_rate", "dropout", "weight_decay", "batch_size"),
    ),
    Recipe(
        name="image",
        tasks=("image",),
        kind="image",
        args="core.training.networks.image:ImageArgs",
        learner=f"{_LEARNERS}.small:ImageLearner",
        shown=("epochs", "batch_size", "learning_rate", "widths", "shift", "turn", "mirror", "metric", "seed"),
        folds=True,
        tunable=("learning_rate", "dropout", "dense"),
    ),
)

# Bounds of the form, by argument; what trainers refuse beyond them is said by the trainers.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "accumulate": (1, 64),
    "adversarial": (0.0, 0.9),
    "agreement": (0.0, 100.0),
    "average": (0.0, 0.9999),
    "batch_size": (1, 4096),
    "contrast": (0.01, 1.0),
    "clip_norm": (0.01, 100.0),
    "dense": (2, 4096),
    "dropout": (0.0, 0.9),
    "embedding": (4, 1024),
    "epochs": (1, 1000),
    "evaluations_per_epoch": (1, 100),
    "few_shot_batch": (4, 1024),
    "few_shot_rate": (1e-6, 0.01),
    "few_shot_steps": (1, 10_000),
    "folds": (0, 10),
    "head_rate": (0.1, 1000.0),
    "hidden": (4, 1024),
    "int8_limit": (0.0, 0.2),
    "label_smoothing": (0.0, 0.9),
    "heads": (1, 64),
    "largest_vocabulary": (100, 200_000),
    "layer_decay": (0.01, 1.0),
    "layers": (1, 4),
    "learning_rate": (1e-7, 1.0),
    "least_count": (1, 100),
    "least_level": (1, 1000),
    "lora_alpha": (0.1, 1000.0),
    "lora_dropout": (0.0, 0.9),
    "lora_rank": (1, 256),
    "max_tokens": (4, 4096),
    "maximum_pieces": (4, 2048),
    "live_tokens": (1, 10_000_000),
    "max_seconds": (0.0, 7 * 24 * 3600.0),
    "max_steps": (0, 10_000_000),
    "members": (1, 20),
    "muon_rate": (1e-5, 1.0),
    "one_hot": (2, 1000),
    "negatives": (0, 100),
    "patience": (0, 1000),
    "sample_tokens": (0, 500),
    "scale": (1.0, 100.0),
    "seed": (0, 2**31 - 1),
    "shift": (0.0, 0.5),
    "size": (0, 64),
    "turn": (0.0, 180.0),
    "warm_up": (0.0, 0.9),
    "vocabulary_size": (300, 100_000),
    "width": (8, 4096),
    "weight_decay": (0.0, 10.0),
    "word_dropout": (0.0, 0.9),
}
