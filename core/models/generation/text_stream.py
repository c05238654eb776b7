"""Token ids to text as they come: whole characters only, stop words held back before anybody sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.text.language import has_han


class TextStream:
    """The text of one variant in the making. ``tokenizer`` is a ``tokenizers.Tokenizer``, shared and never changed."""

    def __init__(self, tokenizer: Any, stop: Sequence[str] = ()) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer
        # Half a character stays inside until its other bytes come.
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._stop = [word for word in stop if word]
        self._pieces_have_spaces = type(tokenizer.decoder).__name__ == "WordPiece"
        self._pending: list[int] = []  # tokens whose text waits for more bytes
        self._held = ""
        self._last = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """What can be shown now that ``token`` is known. Sets ``stopped`` when a stop word is complete."""
        if self.stopped:
            return ""
        piece = self._decoder.step(self._tokenizer, token)
        self._pending = [*self._pending, token] if piece is None else []
        self._held += self._respaced(piece or "")
        at = min((self._held.find(word) for word in self._stop if word in self._held), default=-1)
        if at >= 0:
            shown, self._held, self.stopped = self._held[:at], "", True
            return shown
        keep = open_end(self._held, self._stop)
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def close(self) -> str:
        """What was held back and is text after all, but for a character that never became whole."""
        rest = self._tokenizer.decode(self._pending, skip_special_tokens=True) if self._pending else ""
        shown, self._held, self._pending = self._held + self._respaced(rest.rstrip("\ufffd")), "", []
        return "" if self.stopped else shown

    def _respaced(self, piece: str) -> str:
        """WordPiece puts a space between any two tokens; Chinese has none."""
        # A model that knows all bytes may write a NUL, which is no text and which PostgreSQL refuses.
        piece = piece.replace("\x00", "")
        if self._pieces_have_spaces and piece.startswith(" ") and has_han(self._last[-1:] + piece[1:2]):
            piece = piece[1:]
        self._last = piece or self._last
        return piece


def open_end(text: str, stop: Sequence[str]) -> int:
    """Length of the longest end of ``text`` that begins one of the ``stop`` words."""
    return max((size for word in stop for size in range(1, len(word)) if text.endswith(word[:size])), default=0)
