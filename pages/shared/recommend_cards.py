"""An item as a card: its picture or a tile in the colour of its category, title, price, what is in stock."""

from __future__ import annotations

import html
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.services.recommend.views import ItemView
from pages.shared.language import language, tr
from pages.shared.parts import PAGES
from pages.shared.wording import plain

CARD_WIDTH = 190  # pixels
HUES = (172, 36, 212, 352, 96, 256, 20, 316, 140, 60)


def styles() -> None:
    st.html(PAGES / "shared" / "static" / "recommend.css")


def tile(item: ItemView) -> None:
    """The picture. An address that is no web address is not asked for; one that fails leaves the tile."""
    hue = HUES[zlib.crc32(item.category.encode()) % len(HUES)]
    letter = html.escape(next((ch for ch in item.called(language()) if ch.isalnum()), "·").upper())
    label = html.escape(item.category)
    picture = ""
    if urlsplit(item.image).scheme in ("http", "https"):
        address = item.image.replace("\\", "%5C").replace("'", "%27").replace('"', "%22").replace(")", "%29")
        picture = f"background-image:url('{html.escape(address)}');"
    st.html(
        f'<div class="item-tile" style="--hue:{hue};"><span>{letter}</span><small>{label}</small>'
        f'<div class="item-picture" style="{picture}"></div></div>'
    )


def money(price: float | None, settings: Mapping[str, Any]) -> str:
    """The price with the catalogue's currency sign before it."""
    if price is None:
        return ""
    shown = f"{price:,.2f}".removesuffix(".00")
    return f"{settings.get('currency', '')}{shown}"


def facts(item: ItemView, settings: Mapping[str, Any]) -> None:
    """Title, price and stock, one below the other."""
    st.markdown(f"**{plain(item.called(language()))}**")
    line = [
        f"`{item.id.replace('`', ' ')}`" if item.called(language()) != item.id else "",
        plain(money(item.price, settings)),
    ]
    if item.stock == 0:
        line.append(f":red[{tr('recommend.card.sold_out')}]")
    elif item.stock is not None and item.stock < 10:
        line.append(f":orange[{tr('recommend.card.few_left', n=item.stock)}]")
    st.caption(" · ".join(part for part in line if part))
