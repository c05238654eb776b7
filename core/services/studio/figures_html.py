"""The report of a model that sorts nothing into classes (pairs, language models), as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from core.text.catalogue import catalogue, translate

_STYLE = """
:root{color-scheme:light dark}body{margin:0 auto;max-width:52rem;padding:2rem 1.25rem 4rem;font:16px/1.55 system-ui,
-apple-system,"Segoe UI","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}h1{font-size:1.7rem;margin:0}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .8rem;border-bottom:1px solid #8884;text-align:right}th:first-child,td:first-child{text-align:left}
.verdict{border-left:5px solid #1f6feb;padding:.7rem 1rem;margin:1.2rem 0;background:#1f6feb14;font-size:1.1rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:.8rem 1rem;border:1px solid #8884;border-radius:.4rem}
"""
LOWER_IS_BETTER = frozenset({"loss", "perplexity", "bits_per_character"})


def figures_html(name: str, figures: Mapping[str, Any], metrics: Mapping[str, Any], language: str) -> str:
    """The page in ``language`` ("en", "zh"). Whatever came from data is escaped."""

    def say(key: str, **values: Any) -> str:
        return escape(translate(language, f"figures.{key}", **values))

    measures: Mapping[str, Mapping[str, float]] = figures.get("measures", {})
    parts = [
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{escape(name)}</title>',
        f"<style>{_STYLE}</style><h1>{say('title')} {escape(name)}</h1>",
        f"<p>{say('lead', rows=figures.get('rows', 0))}</p>",
    ]
    if measures:
        parts += [f'<p class="verdict">{say(f"verdict.{verdict(measures)}")}</p>', _table(measures, language)]
    parts += _samples(figures.get("samples", ()), language)
    shown = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
    parts.append(f"<h2>{say('all')}</h2>{_plain(shown)}</html>")
    return "".join(parts)


def verdict(measures: Mapping[str, Mapping[str, float]]) -> str:
    """learned, worse or unsure, by the first measure's paired bounds."""
    name, first = next(iter(measures.items()))
    better, worse = first["low"] > 0, first["high"] < 0
    if name in LOWER_IS_BETTER:
        better, worse = worse, better
    return "learned" if better else "worse" if worse else "unsure"


def _table(measures: Mapping[str, Mapping[str, float]], language: str) -> str:
    heads = [translate(language, f"figures.{key}") for key in ("measure", "before", "after", "change")]
    rows = [f"<tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>"]
    for name, one in measures.items():
        label = catalogue(language).get(f"figures.measures.{name}", name)
        change = f"{one['after'] - one['before']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
        cells = (label, f"{one['before']:.3f}", f"{one['after']:.3f}", change)
        rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _samples(samples: Sequence[Any], language: str) -> list[str]:
    if not samples:
        return []
    shown = "".join(f"<pre>{escape(str(sample))}</pre>" for sample in samples)
    return [f"<h2>{escape(translate(language, 'figures.samples'))}</h2>{shown}"]


def _plain(values: Mapping[str, float]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{value:.4f}</td></tr>" for name, value in values.items())
    return f"<table>{rows}</table>"
