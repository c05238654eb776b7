"""Tables of figures that scroll inside themselves, so that a phone's page does not grow sideways."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

CHARACTER, EDGE, WIDEST, NARROWEST, FIRST = 6.0, 24, 420, 60, 200  # pixels
WIDE = 2.2  # a Chinese character stands for so many letters
SHOWN = 25  # rows up to which a table has no bar of its own to scroll


def table(rows: Sequence[Sequence[str]], heads: Sequence[str], *, key: str) -> None:
    """Text cells; the first column stays in sight."""
    frame = pd.DataFrame([list(row) for row in rows], columns=_unique(heads))
    config = {
        name: st.column_config.TextColumn(
            name, pinned=place == 0, width=_width([name, *frame[name]], FIRST if place == 0 else WIDEST)
        )
        for place, name in enumerate(frame.columns)
    }
    height = "content" if len(frame) <= SHOWN else 38 * SHOWN
    st.dataframe(frame, hide_index=True, key=key, width="stretch", height=height, column_config=config)


def _width(cells: Sequence[str], widest: int) -> int:
    longest = max(sum(WIDE if ord(ch) > 0x2E7F else 1 for ch in str(cell)) for cell in cells)
    return int(min(widest, max(NARROWEST, CHARACTER * longest + EDGE)))


def _unique(heads: Sequence[str]) -> list[str]:
    """A table must not have the same head twice: a model may be called what another is called."""
    return [head if head not in heads[:place] else f"{head} ({place})" for place, head in enumerate(heads)]
