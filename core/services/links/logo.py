"""A logo as it is stored: decoded and drawn anew as a small PNG, so that nothing else of the file survives."""

from __future__ import annotations

import io
import warnings

from core.errors import BadInput

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 2 * 1024 * 1024
MOST_SIDE = 4096  # of the file given, in pixels
SIDE = 256  # of what is stored


def drawn_anew(data: bytes) -> bytes:
    """PNG bytes of at most 256 x 256 pixels. Raises BadInput for what is no PNG, JPEG or WebP, or is too large."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(data) > MOST_BYTES:
        raise BadInput("links.logo_large", limit=MOST_BYTES // 1024 // 1024)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if max(image.size) > MOST_SIDE:
                    raise BadInput("links.logo_side", limit=MOST_SIDE)
                small = ImageOps.exif_transpose(image).convert("RGBA")
                small.thumbnail((SIDE, SIDE))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning) as error:
        raise BadInput("links.logo_unreadable") from error
    out = io.BytesIO()
    # A new canvas: no text chunks, no profile of the file given.
    fresh = Image.new("RGBA", small.size)
    fresh.paste(small)
    fresh.save(out, "PNG", optimize=True)
    return out.getvalue()
