"""The few HTML pages of a link that stand before the app: the door, the password, the polite no. Self-contained."""

from __future__ import annotations

from html import escape
from typing import Any

from core.text.catalogue import translate

_STYLE = """
:root { color-scheme: light dark; --accent: ACCENT; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText;
  font: 16px/1.6 Inter, 'Segoe UI', Roboto, 'Helvetica Neue', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC',
  sans-serif; }
main { box-sizing: border-box; width: min(26rem, 100vw); padding: 2rem 1.5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.35; margin: 0 0 .6rem; }
label { display: block; margin: 1.2rem 0 .3rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem .7rem; font: inherit; border: 1px solid color-mix(in srgb,
  CanvasText 30%, transparent); border-radius: .6rem; background: Canvas; color: inherit; }
button { margin-top: 1rem; padding: .55rem 1.2rem; font: inherit; font-weight: 600; border: 0; border-radius: .6rem;
  background: var(--accent); color: #fff; cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 50%, transparent);
  outline-offset: 2px; }
.wrong { color: #b3423a; font-weight: 600; } @media (prefers-color-scheme: dark) { .wrong { color: #e58a82; } }
"""
ACCENT = "#0B7A75"


def door(*, language: str, title: str, colour: str, password: bool, wrong: str, nonce: str) -> str:
    """The page that lets in: a form that sends itself, or that asks for the password. ``wrong``: what was wrong."""

    def say(key: str, **values: Any) -> str:
        return escape(translate(language, f"links.door.{key}", **values))

    heading = escape(title) or say("title")
    field = (
        f'<label for="password">{say("password")}</label>'
        '<input id="password" name="password" type="password" autocomplete="off" autofocus required maxlength="200">'
        if password
        else ""
    )
    error = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    lead = say("needs_password") if password else say("opening")
    send = "" if password else f'<script nonce="{nonce}">document.forms[0].submit()</script>'
    body = (
        f"<h1>{heading}</h1><p>{lead}</p>{error}"
        f'<form method="post">{field}<button type="submit">{say("open")}</button></form>{send}'
    )
    return _page(language, heading, body, colour)


def sentence(*, language: str, text: str) -> str:
    """The polite no. It names nothing of the link."""
    heading = escape(translate(language, "links.door.closed"))
    return _page(language, heading, f"<h1>{heading}</h1><p>{escape(text)}</p>", "")


def _page(language: str, heading: str, body: str, colour: str) -> str:
    code = "zh-CN" if language == "zh" else "en"
    style = _STYLE.replace("ACCENT", colour or ACCENT)  # a colour is # and six hexadecimal digits: checked when stored
    return (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"><title>{heading}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{style}</style></head><body><main>{body}</main></body></html>"
    )
