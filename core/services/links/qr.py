"""QR codes of an address (ISO/IEC 18004 by segno)."""

from __future__ import annotations

import io
from typing import Literal

QUIET = 4  # modules around the code that ISO/IEC 18004 asks for
SCALE = 8  # pixels of a module


def qr_code(text: str, kind: Literal["png", "svg"] = "png") -> bytes:
    """The code with error correction M, dark on white whatever the page's theme: cameras need the contrast."""
    import segno

    out = io.BytesIO()
    made = segno.make(text, error="m", micro=False)
    made.save(out, kind=kind, scale=SCALE, border=QUIET, dark="#000", light="#fff")
    return out.getvalue()
