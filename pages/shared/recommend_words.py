"""Names and figures of recommendations as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.text.catalogue import catalogue
from pages.shared.language import language, tr


def named(prefix: str, name: str) -> str:
    """The word for ``name``; one that has no word yet is shown by its own name."""
    return catalogue(language()).get(f"{prefix}.{name}", name.replace("_", " "))


def model_name(name: str) -> str:
    return named("recommend.model", name)


def percent(value: float, places: int = 0) -> str:
    return tr("report.percent", value=f"{100 * value:.{places}f}")


def figure(value: Any, places: int = 3) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def interval(cell: Mapping[str, Any] | None, places: int = 3) -> str:
    """ "0.123 (0.110–0.136)"."""
    if not cell or cell.get("value") is None:
        return "–"
    if cell.get("low") is None:
        return figure(cell["value"], places)
    return f"{figure(cell['value'], places)} ({figure(cell['low'], places)}–{figure(cell['high'], places)})"
