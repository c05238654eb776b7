"""The addresses of a link, and how a site shows it in a frame."""

from __future__ import annotations

from html import escape


def address(origin: str, token: str) -> str:
    return f"{origin.rstrip('/')}/d/{token}"


def embed_snippet(origin: str, token: str, title: str) -> str:
    """HTML for the owner of an allowed site to paste. It runs nothing on that site."""
    place = f"{origin.rstrip('/')}/embed/{token}"
    style = "width:100%;max-width:480px;height:640px;border:0;border-radius:12px"
    return (
        f'<iframe src="{escape(place)}" title="{escape(title)}" style="{style}" loading="lazy" '
        'referrerpolicy="no-referrer"></iframe>'
    )
