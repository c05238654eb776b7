"""A recipe's arguments as a form: those everybody sets are shown, the rest is folded away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.services.studio.recipes import LEAST_SHARE
from core.services.studio.views import ArgumentView, BaseModelView, DataSetVersionView, RecipeView
from core.text.catalogue import catalogue
from pages.shared.language import language, tr
from pages.shared.studio_words import argument_label, named
from pages.shared.wording import plain


def fill(recipe: RecipeView, args: Mapping[str, Any]) -> None:
    """Puts the arguments of an earlier run into the form, before it is drawn."""
    for argument in recipe.arguments:
        if argument.name in args:
            st.session_state[_key(recipe, argument)] = _shown(argument, args[argument.name])


def draw(
    recipe: RecipeView, bases: Sequence[BaseModelView], version: DataSetVersionView, suggested: str = ""
) -> dict[str, Any]:
    """Draws the form's fields; the arguments as they stand. Called inside ``st.form``. ``suggested``: the base model
    that reads the languages of the rows."""
    args: dict[str, Any] = {}
    basic = [one for one in recipe.arguments if not one.advanced]
    more = [one for one in recipe.arguments if one.advanced]
    base = next((one for one in basic + more if one.name == recipe.base), None)
    if base is not None and recipe.base:
        args[base.name] = _base(recipe, base, bases, version, suggested)
    with st.grid(min_column_width=210, gap="small", key=f"form-{recipe.name}"):
        for one in basic:
            if one is not base:
                args[one.name] = _field(recipe, one, version)
    if more:
        with (
            st.expander(tr("studio.train.more", n=len(more)), icon=":material/tune:", key=f"form-more-{recipe.name}"),
            st.grid(min_column_width=210, gap="small", key=f"form-more-grid-{recipe.name}"),
        ):
            for one in more:
                if one is not base:
                    args[one.name] = _field(recipe, one, version)
    return args


def _key(recipe: RecipeView, argument: ArgumentView) -> str:
    return f"arg-{recipe.name}-{argument.name}"


def _help(name: str) -> str | None:
    return catalogue(language()).get(f"recipes.args.{name}.help")


def _base(
    recipe: RecipeView,
    argument: ArgumentView,
    bases: Sequence[BaseModelView],
    version: DataSetVersionView,
    suggested: str,
) -> str:
    """The model to start from: one of the list, or any id or folder typed in."""
    known = {one.value: one for one in bases}
    key, offered = _key(recipe, argument), f"suggested-{recipe.name}"
    default = suggested or str(argument.default)
    if st.session_state.get(offered, default) != default and st.session_state.get(key) == st.session_state[offered]:
        st.session_state[key] = default  # nobody chose the one that was offered for other rows
    st.session_state[offered] = default
    options = list(dict.fromkeys([*known, default]))
    held = st.session_state.get(key)
    if held and held not in options:
        options.append(held)
    chosen = st.selectbox(
        argument_label(argument.name),
        options,
        index=options.index(default),
        key=key,
        accept_new_options=True,
        format_func=lambda value: _base_name(known.get(value), value),
        help=_help(argument.name),
        persist_state="session",
    )
    one = known.get(str(chosen))
    if one is not None:
        facts = [named("studio.origin", one.origin), *(named("common.language", code) for code in one.languages)]
        if one.licence:
            facts.append(tr("studio.train.licence", licence=one.licence))
        if one.megabytes and not one.here:
            facts.append(f"{one.megabytes} MB")
        if one.revision:
            facts.append(tr("studio.train.revision", revision=one.revision[:8]))
        st.caption(" · ".join(facts) + ("" if one.here else f" · :orange[{_absent(one)}]"))
        if not one.here and (instead := [other.name for other in bases if other.here and other.origin != "none"]):
            st.caption(tr("studio.train.instead", names=plain(tr("studio.why.comma").join(instead))))
        _unread(one, version)
    return str(chosen or default)


def _unread(one: BaseModelView, version: DataSetVersionView) -> None:
    """Says so where a good part of the rows is in a language that the base model does not read."""
    written: Mapping[str, int] = version.counts.get("languages", {})
    for code, rows in written.items():
        share = rows / max(1, sum(written.values()))
        if one.languages and code not in one.languages and share >= LEAST_SHARE:
            words = {
                "written": named("common.language", code),
                "percent": f"{100 * share:.0f}",
                "name": plain(one.name),
            }
            st.caption(f":orange[:material/translate: {tr('studio.train.unread', **words)}]")


def _base_name(one: BaseModelView | None, value: str) -> str:
    if one is None:
        return value
    return one.name if one.here else f"{one.name} ({tr('studio.train.not_here')})"


def _absent(one: BaseModelView) -> str:
    words = catalogue(language())
    if one.note and f"errors.{one.note}" in words:
        return tr("studio.train.cannot_be_had")
    return tr("studio.train.will_download")


def _shown(argument: ArgumentView, value: Any) -> Any:
    """A value as its field holds it."""
    if argument.kind == "list":
        between = "\n" if _of_words(argument) else ", "
        return list(map(str, value or ())) if argument.name == "exclude" else between.join(map(str, value or ()))
    if argument.kind == "mapping" or (isinstance(value, Mapping) and argument.kind == "text"):
        return ", ".join(f"{name}: {one}" for name, one in (value or {}).items())
    if argument.kind == "whole" and value is not None:
        return int(value)
    if argument.kind == "number" and value is not None:
        return float(value)
    return value


def _field(recipe: RecipeView, argument: ArgumentView, version: DataSetVersionView) -> Any:
    key, label, about = _key(recipe, argument), argument_label(argument.name), _help(argument.name)
    # A value that stands in the session already must not be given a second time.
    default = _shown(argument, argument.default)
    given: dict[str, Any] = {} if key in st.session_state else {"value": default}
    common: dict[str, Any] = {"key": key, "help": about, "persist_state": "session"}
    if argument.kind == "switch":
        return st.toggle(label, **given, **common)
    if argument.kind == "choice":
        index = argument.choices.index(str(argument.default)) if str(argument.default) in argument.choices else 0
        held = st.session_state.get(key)
        if held is not None and held not in argument.choices:
            st.session_state.pop(key)
        return st.selectbox(
            label, argument.choices, index=index, format_func=lambda name: named("studio.choices", name), **common
        )
    if argument.kind == "whole":
        low, high = (None if edge is None else int(edge) for edge in (argument.low, argument.high))
        return st.number_input(label, min_value=low, max_value=high, step=1, **(given or {}), **common)
    if argument.kind == "number":
        return st.number_input(
            label,
            min_value=argument.low,
            max_value=argument.high,
            step=_step(argument.default),
            format="%g",
            **given,
            **common,
        )
    if argument.name == "exclude":
        columns = _columns(version)
        empty = tr("studio.none_chosen")
        return st.multiselect(
            label, columns, placeholder=empty, **({} if key in st.session_state else {"default": default}), **common
        )
    typed = (st.text_area if _of_words(argument) else st.text_input)(label, **given, **common) or ""
    if typed == default:
        return argument.default
    if argument.kind == "list":
        return _parsed_list(typed, words=_of_words(argument))
    if argument.kind == "mapping":
        return _parsed_mapping(typed)
    return typed


def _columns(version: DataSetVersionView) -> list[str]:
    columns = version.counts.get("columns", ()) or dict(version.mapping.get("columns", {})).get("features", ())
    return [str(name) for name in columns]


def _step(default: Any) -> float:
    """One of the figure's own size, so that the buttons beside the field do something sensible."""
    if not isinstance(default, int | float) or default == 0:
        return 0.01
    return float(10.0 ** math.floor(math.log10(abs(float(default)))))


def _of_words(argument: ArgumentView) -> bool:
    """Is it a list of texts, which may hold commas and so stand one a line?"""
    return argument.kind == "list" and any(isinstance(one, str) for one in argument.default or ())


def _parsed_list(typed: str, *, words: bool) -> list[Any]:
    """ "64, 32" as [64, 32]; what is no number stays as it was typed, for the recipe to refuse by name."""
    if words:
        return typed.splitlines()
    parts = [part.strip() for part in typed.replace("，", ",").split(",") if part.strip()]
    return [int(part) if part.lstrip("-").isdecimal() else part for part in parts]


def _parsed_mapping(typed: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in typed.replace("，", ",").replace("：", ":").split(","))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}
