"""What a comparison says, and why an item is offered, as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.services.recommend.views import Offer
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


def reason_sentence(offer: Offer, basis: str, names: Mapping[str, str], language: str) -> str:
    """Why an item stands in a list, without markup. ``names``: id -> title of items that reasons name."""
    if not offer.reasons:
        return translate(language, f"recommend.offer.why_{basis if basis in ('popular', 'words') else 'pattern'}")
    parts = [
        translate(
            language, "recommend.offer.part", item=names.get(one.item, one.item), share=_percent(one.share, language)
        )
        for one in offer.reasons[:2]
    ]
    said = translate(language, "recommend.offer.and").join(parts)
    key = "why_item" if basis == "item" else "why_new" if offer.known_by == "content" else "why"
    return translate(language, f"recommend.offer.{key}", list=said).replace("**", "")


def _percent(share: float, language: str) -> str:
    return translate(language, "report.percent", value=f"{100 * share:.0f}")
