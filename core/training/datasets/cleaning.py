"""Texts made comparable and clean: Unicode form, invisible characters, spaces, markup, personal data."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from core.access.privacy import mask_personal
from core.errors import BadInput

Form = Literal["NFC", "NFKC", "none"]

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]"
)
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_ANY_SPACES = re.compile(r"\s+")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>|<!--.{0,2000}?-->", re.DOTALL)
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanOptions:
    """What is done to every text before anything else looks at it.

    ``form``: Unicode normal form; NFKC also makes full-width letters and marks plain, NFC leaves them. ``keep_lines``:
    line breaks stay (language models), otherwise any white space becomes one space. ``markup``: HTML tags go, entities
    are resolved. ``least`` and ``most``: characters; rows outside are dropped (``most`` 0: no limit). ``mask``:
    personal data becomes placeholders. ``duplicates``: rows that say the same are dropped; None means "unless the task
    is a language model", whose lines may well repeat. ``near_duplicates``: also rows that say nearly the same.
    """

    form: Form = "NFC"
    keep_lines: bool = False
    markup: bool = False
    least: int = 1
    most: int = 0
    mask: bool = False
    duplicates: bool | None = None
    near_duplicates: bool = False

    def __post_init__(self) -> None:
        if self.form not in ("NFC", "NFKC", "none"):
            raise BadInput("data.option", name="form", value=self.form, expected="NFC | NFKC | none")
        if self.least < 0 or self.most < 0 or (self.most and self.most < self.least):
            raise BadInput(
                "data.option", name="least, most", value=f"{self.least}, {self.most}", expected="0 <= least <= most"
            )


def clean_text(text: str, options: CleanOptions) -> str:
    """``text`` in one Unicode form, without invisible characters and needless space.

    Cleaning twice changes nothing, unless ``markup`` is resolved ("&amp;lt;" is markup of markup).
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if options.markup:
        text = html.unescape(_TAG.sub(" ", text))
    text = _INVISIBLE.sub("", text)
    if options.form != "none":
        text = unicodedata.normalize(options.form, text)
    if not options.keep_lines:
        return _ANY_SPACES.sub(" ", text).strip()
    lines = [_SPACES.sub(" ", line).rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def mask_text(text: str, found: Counter[str]) -> str:
    """``text`` with personal data masked; ``found`` counts the finds by kind."""
    masked = mask_personal(text)
    found.update(item.kind for item in masked.found)
    return masked.text


def text_key(text: str) -> str:
    """What two texts that say the same have in common: NFKC, lower case, letters and digits only.

    Where that leaves nothing (emoji, marks) the text itself without spaces.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub("", folded) or _ANY_SPACES.sub("", text)
