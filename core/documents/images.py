"""Pictures: every frame is a scanned page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.documents.builder import TextBuilder
from core.documents.ocr import read_page
from core.documents.options import Source
from core.errors import DocumentError
from core.types import LoadedDocument, TextBox

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_FRAMES = 500


def load_image(path: Path, source: Source, media_type: str) -> LoadedDocument:
    """Reads a picture (TIFF: all its pages) by OCR. Raises DocumentError and Cancelled."""
    if not source.options.ocr:
        raise DocumentError("documents.image_ocr_off", name=source.name)
    builder = TextBuilder()
    count = _frames(path, source, media_type)
    for number in range(1, count + 1):
        source.step("ocr", number - 1, count)
        builder.start_page(number, scanned=True)
        page = read_page(open_frame(path, source.name, number, source.options.max_pixels), source.options)
        start, _ = builder.raw(page.text)
        for piece_start, piece_end, left, top, right, bottom in page.pieces:
            builder.boxes.append(TextBox(number, start + piece_start, start + piece_end, left, top, right, bottom))
        for block in page.blocks:
            if block.header is not None:
                builder.add_table(start + block.start, start + block.end, block.header)
        if not page.text:
            builder.warnings.append("documents.page_unread")
    return builder.build(media_type)


def _frames(path: Path, source: Source, media_type: str) -> int:
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            # The frames of a GIF or WebP are an animation, those of a TIFF are pages.
            return min(_MOST_FRAMES, getattr(image, "n_frames", 1)) if media_type == "image/tiff" else 1
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise DocumentError("documents.corrupt", name=source.name, type=media_type.split("/")[1].upper()) from error


def open_frame(path: Path, name: str, number: int, max_pixels: int) -> Image:
    """Frame ``number`` (from 1) as RGB on white, turned as the camera says. Raises DocumentError."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(path) as image:
            if image.width * image.height > max_pixels:
                raise DocumentError(
                    "documents.too_many_pixels",
                    name=name,
                    width=image.width,
                    height=image.height,
                    limit_mp=max_pixels // 1_000_000,
                )
            image.seek(number - 1)
            turned = PIL.ImageOps.exif_transpose(image).convert("RGBA")
            ground = PIL.Image.new("RGBA", turned.size, "white")
            return PIL.Image.alpha_composite(ground, turned).convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, PIL.Image.DecompressionBombError) as error:
        raise DocumentError("documents.corrupt", name=name, type="IMAGE") from error
