"""Labels, colours and figures of sentiment as people read them."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from core.text.catalogue import catalogue
from pages.shared.language import language, tr

LABELS = ("negative", "neutral", "positive", "uncertain")
COLOURS = {"negative": "#C2574E", "neutral": "#8A938F", "positive": "#1E958E", "uncertain": "#E09F3E"}
Badge = Literal["red", "gray", "green", "orange"]
_BADGES: dict[str, tuple[Badge, str]] = {
    "negative": ("red", "sentiment_dissatisfied"),
    "neutral": ("gray", "sentiment_neutral"),
    "positive": ("green", "sentiment_satisfied"),
    "uncertain": ("orange", "help"),
}


def label_name(label: str) -> str:
    return tr(f"sentiment.label.{label}")


def label_badge(label: str) -> None:
    colour, icon = _BADGES[label]
    st.badge(label_name(label), color=colour, icon=f":material/{icon}:")


def label_scale() -> dict[str, Any]:
    """Domain and range of a colour scale over the labels' names."""
    return {"domain": [label_name(label) for label in LABELS], "range": [COLOURS[label] for label in LABELS]}


def aspect_name(aspect: str) -> str:
    """The word for an aspect; a thing named in the texts is shown by its own."""
    return catalogue(language()).get(f"sentiment.aspect.{aspect}", aspect)
