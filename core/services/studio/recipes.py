"""What can be trained: each recipe's arguments, the data sets it learns from and the models it may start from."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from core.access.actor import Actor, Permission
from core.db.studio_tables import DataSetVersion, ModelVersion
from core.errors import BadInput, PilotlightError, Unavailable
from core.models.catalogue import CATALOGUE, locate
from core.models.manifest import read_manifest
from core.services.application import Application
from core.services.studio.recipe_book import BOUNDS, FOLDS, RECIPES, Recipe
from core.services.studio.views import ArgumentView, BaseModelView, RecipeView

__all__ = [
    "BOUNDS",
    "FOLDS",
    "RECIPES",
    "VERSION",
    "Recipe",
    "base_folder",
    "base_models",
    "check_args",
    "check_base",
    "described",
    "find",
    "get_recipe",
    "list_recipes",
    "loaded",
    "make_args",
    "suggested_base",
    "with_base",
]

VERSION = "version:"  # before the id of a model version that a run starts from
LEAST_SHARE = 0.1  # of the rows in a language, for the base model to have to read it
NEVER_SHOWN = frozenset({"task", "threads", "checkpoint_seconds", "live_rows"})


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
    """All arguments of a run as JSON values: ``args`` over the recipe's defaults, checked. Raises BadInput.

    ``folds`` is one that every recipe with classes has: how many trainings judge it beside the run itself, 0 for none.
    """
    chosen = find(recipe)
    found: dict[str, Any] = _plain(asdict(make_args(chosen, args)))
    return {**found, FOLDS: _checked_folds(args.get(FOLDS, 0))} if chosen.folds else found


def _checked_folds(value: Any) -> int:
    low, high = BOUNDS[FOLDS]
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise BadInput("studio.argument_type", name=FOLDS, value=str(value)[:60], expected="whole")
    if value != 0 and not max(low, 2) <= value <= high:
        raise BadInput("studio.folds", value=int(value), most=int(high))
    return int(value)


def make_args(recipe: Recipe, args: Mapping[str, Any]) -> Any:
    """The arguments object of the recipe. Raises BadInput for names, types and values that cannot be."""
    kind = loaded(recipe.args)
    args = {name: value for name, value in args.items() if name != FOLDS or not recipe.folds}
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
        known = {**BOUNDS, **recipe.bounds}
        low, high = known.get(name, (None, None)) if shape in ("whole", "number", "list") else (None, None)
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
    if recipe.folds:
        low, high = BOUNDS[FOLDS]
        found.append(ArgumentView(FOLDS, "whole", 0, low, high, (), f"recipes.args.{FOLDS}", advanced=True))
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
    actor.require(Permission.STUDIO_READ)
    chosen = find(recipe)
    found = [_of_catalogue(app, entry) for entry in CATALOGUE if entry.task in chosen.entries]
    if chosen.from_nothing:
        found.insert(0, BaseModelView("", "scratch", "none", (), "", here=True))
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(
            ModelVersion, ModelVersion.kind.in_(chosen.starts_from), ModelVersion.deleted_at.is_(None),
            ModelVersion.variant == "fp32",
        )  # fmt: skip
        for version in rows.all(mine.order_by(ModelVersion.id.desc())):
            name = f"{version.name} {version.number}"
            found.append(BaseModelView(f"{VERSION}{version.id}", name, "version", (), "", here=True))
    return found


def suggested_base(app: Application, recipe: str, counts: Mapping[str, Any]) -> str:
    """The base model for rows counted in ``counts`` (a data set version's): the recipe's own default, or the first on
    this machine that reads each language of a tenth of them where the default does not. "" for a recipe without one."""
    chosen = find(recipe)
    if not chosen.base:
        return ""
    default = str(next(one.default for one in _arguments(chosen) if one.name == chosen.base))
    written = dict(counts.get("languages", {}))
    wanted = {one for one, rows in written.items() if rows >= LEAST_SHARE * sum(written.values())}
    entries = [entry for entry in CATALOGUE if entry.task in chosen.entries]
    if not wanted or any(entry.name == default and wanted <= set(entry.languages) for entry in entries):
        return default
    fitting = [entry for entry in entries if default and wanted <= set(entry.languages)]
    return next((entry.name for entry in fitting if _of_catalogue(app, entry).here), default)


def with_base(app: Application, workspace_id: int, recipe: str, version_id: int, args: Mapping[str, Any]) -> Any:
    """``args``, with the suggested base model where they name none. Raises NotFound for an unknown data set version."""
    chosen = find(recipe)
    if not chosen.base or args.get(chosen.base) is not None:
        return args
    with app.database.read(workspace_id) as rows:
        counts = rows.get(DataSetVersion, version_id).counts
    return {**args, chosen.base: suggested_base(app, recipe, counts)}


def _of_catalogue(app: Application, entry: Any) -> BaseModelView:
    try:
        place = locate(entry, app.settings.model_copy(update={"allow_hub": False}))
        origin, here, note = str(place.origin), True, ""
    except Unavailable as error:
        origin, here, note = "hub", False, "" if app.settings.allow_hub else error.code
    return BaseModelView(
        entry.name, entry.name, origin, entry.languages, entry.licence, here, note, entry.megabytes, entry.revision
    )  # fmt: skip


def check_base(app: Application, actor: Actor, recipe: RecipeView, args: Mapping[str, Any]) -> None:
    """Raises NotFound or BadInput for a version to start from that is not there or of another kind."""
    actor.require(Permission.STUDIO_READ)
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
