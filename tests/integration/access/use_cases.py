"""Every use case of core.services, found by looking, and arguments to call it with."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import core.services

UseCase = Callable[..., Any]


def use_cases() -> dict[tuple[str, str], UseCase]:
    """(module, name) to the public functions of core.services whose first parameters are ``app, actor``."""
    found: dict[tuple[str, str], UseCase] = {}
    for info in pkgutil.walk_packages(core.services.__path__, "core.services."):
        module = importlib.import_module(info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != info.name:
                continue
            if list(inspect.signature(function).parameters)[:2] == ["app", "actor"]:
                found[info.name.removeprefix("core.services."), name] = function
    return found


def arguments(function: UseCase, number: int, text: str) -> tuple[list[Any], dict[str, Any]]:
    """What stands after ``app, actor``: ``number`` for ids, ``text`` for strings, nothing for what has a default."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        is_id = parameter.name.endswith("_id") and "int" in str(parameter.annotation)
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.default is not parameter.empty and not is_id:
            continue
        value = _value(str(parameter.annotation), number, text)
        value = f"own-{number}" if parameter.name == "template_id" else value
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = value
        else:
            positional.append(value)
    return positional, named


def _value(annotation: str, number: int, text: str) -> Any:
    from core.services.views import Upload

    simple: dict[str, Any] = {
        "bool": True, "float": 0.5, "str": text, "Upload": Upload("rows.csv", b"a,b\n1,2\n"), "dict": {}, "Mapping": {},
    }  # fmt: skip
    if annotation.startswith(("Sequence[Upload", "list[Upload", "Iterable[Upload")):
        return [simple["Upload"]]
    for start in ("Sequence", "list", "tuple", "Iterable", "Collection"):
        if annotation.startswith(start):
            return [number] if "int" in annotation else [text]
    for name, value in simple.items():
        if annotation.startswith(name):
            return value
    return number if annotation.startswith("int") else None


def called(function: UseCase, app: Any, actor: Any, number: int = 4711, text: str = "x") -> Any:
    """Calls it and reads what it gives, also where it is a generator."""
    positional, named = arguments(function, number, text)
    result = function(app, actor, *positional, **named)
    return list(_some(result)) if inspect.isgenerator(result) else result


def _some(items: Iterator[Any]) -> Iterator[Any]:
    for _, item in zip(range(5), items, strict=False):
        yield item
