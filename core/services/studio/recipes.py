"""What can be trained: each recipe's arguments, the data sets it learns from and the models it may start from."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from core.access.actor import Actor, Permission
from core.db.studio_tables import ModelVersion
from core.errors import BadInput, PilotlightError, Unavailable
from core.models.catalogue import CATALOGUE, locate
from core.models.manifest import Kind, read_manifest
from core.services.application import Application
from core.services.studio.views import ArgumentView, BaseModelView, RecipeView

VERSION = "version:"  # before the id of a model version that a run starts from
NEVER_SHOWN = frozenset({"task", "threads", "checkpoint_seconds", "live_rows"})


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


_FEW_SHOT = frozenset({"few_shot_steps", "few_shot_batch", "few_shot_rate", "contrast"})
_LORA = frozenset({"lora_rank", "lora_alpha", "lora_dropout"})
_LEARNERS = "core.services.studio.learners"

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        name="text_classifier",
        tasks=("text_classification",),
        kind="text_classifier",
        args="core.training.classifier_args:ClassifierArgs",
        learner=f"{_LEARNERS}.texts:TextClassifierLearner",
        shown=("encoder", "mode", "epochs", "batch_size", "learning_rate", "class_weights", "metric", "seed"),
        base="encoder",
        starts_from=("text_classifier", "encoder"),
        entries=("encoder",),
        hidden=_FEW_SHOT,
        tunable=("learning_rate", "epochs", "batch_size", "dropout", "label_smoothing"),
    ),
    Recipe(
        name="few_shot",
        tasks=("text_classification",),
        kind="text_classifier",
        args="core.training.classifier_args:ClassifierArgs",
        learner=f"{_LEARNERS}.texts:TextClassifierLearner",
        shown=("encoder", "few_shot_steps", "few_shot_rate", "metric", "seed"),
        base="encoder",
        starts_from=("text_classifier", "encoder"),
        entries=("encoder",),
        fixed={"mode": "few_shot"},
        hidden=_LORA
        | {"epochs", "batch_size", "accumulate", "learning_rate", "evaluations_per_epoch", "patience", "head_rate"}
        | {"label_smoothing", "dropout"},
        tunable=("few_shot_steps", "few_shot_rate", "contrast"),
    ),
    Recipe(
        name="lstm",
        tasks=("text_classification",),
        kind="lstm",
        args="core.training.lstm:LstmArgs",
        learner=f"{_LEARNERS}.small:LstmLearner",
        shown=("epochs", "batch_size", "learning_rate", "hidden", "embedding", "class_weights", "metric", "seed"),
        tunable=("learning_rate", "hidden", "embedding", "dropout", "word_dropout"),
    ),
    Recipe(
        name="tabular",
        tasks=("tabular",),
        kind="tabular",
        args="core.training.tabular:TabularArgs",
        learner=f"{_LEARNERS}.small:TabularLearner",
        shown=("epochs", "learning_rate", "hidden", "members", "exclude", "class_weights", "metric", "seed"),
        tunable=("learning_rate", "dropout", "weight_decay", "batch_size"),
    ),
    Recipe(
        name="image",
        tasks=("image",),
        kind="image",
        args="core.training.image:ImageArgs",
        learner=f"{_LEARNERS}.small:ImageLearner",
        shown=("epochs", "batch_size", "learning_rate", "widths", "shift", "turn", "mirror", "metric", "seed"),
        tunable=("learning_rate", "dropout", "dense"),
    ),
)

# Bounds of the form, by argument; what trainers refuse beyond them is said by the trainers.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "accumulate": (1, 64),
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
    "head_rate": (0.1, 1000.0),
    "hidden": (4, 1024),
    "int8_limit": (0.0, 0.2),
    "label_smoothing": (0.0, 0.9),
    "largest_vocabulary": (100, 200_000),
    "layers": (1, 4),
    "learning_rate": (1e-7, 1.0),
    "least_count": (1, 100),
    "least_level": (1, 1000),
    "lora_alpha": (0.1, 1000.0),
    "lora_dropout": (0.0, 0.9),
    "lora_rank": (1, 256),
    "max_tokens": (4, 4096),
    "maximum_pieces": (4, 2048),
    "members": (1, 20),
    "one_hot": (2, 1000),
    "patience": (0, 1000),
    "seed": (0, 2**31 - 1),
    "shift": (0.0, 0.5),
    "size": (0, 64),
    "turn": (0.0, 180.0),
    "warm_up": (0.0, 0.9),
    "weight_decay": (0.0, 10.0),
    "word_dropout": (0.0, 0.9),
}


def list_recipes(task: str = "") -> list[RecipeView]:
    """All recipes, or those that learn from data sets of ``task``."""
    return [_view(recipe) for recipe in RECIPES if not task or task in recipe.tasks]


def get_recipe(name: str) -> RecipeView:
    """Raises BadInput (studio.recipe_unknown)."""
    return _view(find(name))


def find(name: str) -> Recipe:
    """Raises BadInput (studio.recipe_unknown)."""
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise BadInput("studio.recipe_unknown", name=name, known=", ".join(recipe.name for recipe in RECIPES))


def loaded(path: str) -> Any:
    """What ``"module:name"`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def check_args(recipe: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a run as JSON values: ``args`` over the recipe's defaults, checked. Raises BadInput."""
    found: dict[str, Any] = _plain(asdict(make_args(find(recipe), args)))
    return found


def make_args(recipe: Recipe, args: Mapping[str, Any]) -> Any:
    """The arguments object of the recipe. Raises BadInput for names, types and values that cannot be."""
    kind = loaded(recipe.args)
    hints, known = get_type_hints(kind), {one.name for one in fields(kind)}
    unknown = sorted(set(args) - known)
    if unknown:
        names = ", ".join(view.name for view in _view(recipe).arguments)
        raise BadInput("studio.argument_unknown", name=unknown[0], recipe=recipe.name, known=names)
    for name, value in recipe.fixed.items():
        if args.get(name, value) != value:
            raise BadInput("studio.argument_fixed", name=name, recipe=recipe.name, value=value)
    given = {**recipe.defaults, **args, **recipe.fixed}
    return kind(**{name: _converted(name, value, hints[name]) for name, value in given.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _converted(name: str, value: Any, hint: Any) -> Any:
    """``value`` of a form, TOML or JSON as ``hint``. Raises BadInput (studio.argument_type)."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        for one in inner:
            if one is type(None) and value is None:
                return None
            if (isinstance(value, Mapping)) == (get_origin(one) is dict):
                return _converted(name, value, one)
    if origin is Literal:
        return value  # the trainer names the choices
    if origin is tuple and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_converted(name, one, inner[0]) for one in value)
    if origin is dict and isinstance(value, Mapping):
        return dict(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if hint in (int, str, bool) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise BadInput("studio.argument_type", name=name, value=str(value)[:60], expected=_KINDS.get(hint, "list"))


_KINDS: Mapping[Any, str] = {int: "whole", float: "number", bool: "switch", str: "text"}


def _view(recipe: Recipe) -> RecipeView:
    return RecipeView(
        name=recipe.name,
        tasks=recipe.tasks,
        kind=recipe.kind,
        arguments=_arguments(recipe),
        base=recipe.base,
        tunable=recipe.tunable,
    )


def _arguments(recipe: Recipe) -> tuple[ArgumentView, ...]:
    """Those of the form: the shown ones first, in their order."""
    kind = loaded(recipe.args)
    hints = get_type_hints(kind)
    left_out = NEVER_SHOWN | recipe.hidden | set(recipe.fixed)
    named = {one.name: one for one in fields(kind) if one.name not in left_out}
    order = [*recipe.shown, *(name for name in named if name not in recipe.shown)]
    found = []
    for name in order:
        one = named[name]
        default = recipe.defaults.get(name, one.default)
        if default is MISSING:
            default = cast(Any, one.default_factory)()
        shape, choices = _shape(hints[name])
        low, high = BOUNDS.get(name, (None, None)) if shape in ("whole", "number", "list") else (None, None)
        found.append(
            ArgumentView(
                name=name,
                kind=shape,
                default=_plain(default),
                low=low,
                high=high,
                choices=choices,
                help_key=f"recipes.args.{name}",
                advanced=name not in recipe.shown,
            )
        )
    return tuple(found)


def _shape(hint: Any) -> tuple[str, tuple[str, ...]]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "choice", tuple(map(str, inner))
    if origin in (Union, types.UnionType):
        return _shape(next(one for one in inner if get_origin(one) is not dict and one is not type(None)))
    if origin is tuple:
        return "list", ()
    return ("mapping", ()) if origin is dict else (_KINDS.get(hint, "text"), ())


# --- base models ---


def base_models(app: Application, actor: Actor, recipe: str) -> list[BaseModelView]:
    """Models that ``recipe`` may start from: of the catalogue, shipped ones, and the workspace's own versions."""
    actor.require(Permission.STUDIO)
    chosen = find(recipe)
    found = [_of_catalogue(app, entry) for entry in CATALOGUE if entry.task in chosen.entries]
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(
            ModelVersion, ModelVersion.kind.in_(chosen.starts_from), ModelVersion.deleted_at.is_(None),
            ModelVersion.variant == "fp32",
        )  # fmt: skip
        for version in rows.all(mine.order_by(ModelVersion.id.desc())):
            name = f"{version.name} {version.number}"
            found.append(BaseModelView(f"{VERSION}{version.id}", name, "version", (), "", here=True))
    return found


def _of_catalogue(app: Application, entry: Any) -> BaseModelView:
    try:
        place = locate(entry, app.settings.model_copy(update={"allow_hub": False}))
        origin, here, note = str(place.origin), True, ""
    except Unavailable as error:
        origin, here, note = "hub", False, "" if app.settings.allow_hub else error.code
    return BaseModelView(entry.name, entry.name, origin, entry.languages, entry.licence, here=here, note=note)


def check_base(app: Application, actor: Actor, recipe: RecipeView, args: Mapping[str, Any]) -> None:
    """Raises NotFound or BadInput for a version to start from that is not there or of another kind."""
    value = str(args.get(recipe.base, "")) if recipe.base else ""
    if value.startswith(VERSION):
        base_folder(app, actor.workspace_id, find(recipe.name), value)


def base_folder(app: Application, workspace_id: int, recipe: Recipe, value: str) -> Path:
    """The folder of ``version:<id>``. Raises NotFound, BadInput, Unavailable for a damaged one."""
    number = value.removeprefix(VERSION)
    with app.database.read(workspace_id) as rows:
        version = rows.get(ModelVersion, int(number) if number.isdigit() else 0)
    if version.deleted_at is not None:
        raise BadInput("studio.base_deleted", name=f"{version.name} {version.number}")
    if version.kind not in recipe.starts_from:
        kinds = ", ".join(recipe.starts_from)
        raise BadInput("studio.base_kind", name=version.name, kind=version.kind, kinds=kinds)
    folder = app.settings.data_dir / version.folder
    read_manifest(folder)
    return folder


def described(error: PilotlightError) -> dict[str, Any]:
    """An error as JSON keeps it."""
    plain = (str, int, float, bool)
    values = {key: value if isinstance(value, plain) else str(value) for key, value in error.values.items()}
    return {"code": error.code, "values": values}
