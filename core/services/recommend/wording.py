"""What a comparison says, as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.text.catalogue import catalogue, translate


def verdict_sentence(verdict: Mapping[str, Any], language: str) -> str:
    """ "EASE beats most popular by 31 % ± 6 %", or that nothing does yet and about how much more data would tell."""

    def model(name: str) -> str:
        return catalogue(language).get(f"recommend.model.{name}", name)

    code, values = str(verdict["code"]), verdict.get("values", {})
    said = {
        "model": model(str(verdict["model"])),
        "baseline": model(str(verdict["baseline"])),
        "percent": f"{verdict['percent']:.0f}",
        "margin": f"{verdict['margin']:.0f}",
        "people": verdict["people"],
    }
    parts = [translate(language, f"recommend.verdict.{code}", **said)]
    if code == "not_yet" and values.get("nearest"):
        parts.append(translate(language, "recommend.verdict.nearest", **{**said, "model": model(values["nearest"])}))
    if code != "beats" and verdict.get("more"):
        parts.append(translate(language, "recommend.verdict.more", more=f"{verdict['more']:,}"))
    return (" " if language == "en" else "").join(parts)
