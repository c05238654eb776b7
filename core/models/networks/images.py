"""Pictures as arrays uint8 [rows, size, size, channels]: decoded with limits, brought to one size, grey or colour."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import BadInput

Pixels = NDArray[np.uint8]

LARGEST_SIDE = 64  # pixels; beyond it a CPU is the wrong place for this network
MOST_PIXELS = 40_000_000  # of one file, before it is decoded: a small file can unfold into gigabytes
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})


def decode_image(content: bytes, name: str, size: int, channels: int) -> Pixels:
    """One picture as uint8 [size, size, channels]. Raises BadInput when it is too large or no picture."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadInput("networks.image_large", name=name, width=image.width, height=image.height)
            flat = _on_white(image).convert("L" if channels == 1 else "RGB")
            return _resized(np.asarray(flat, np.uint8).reshape(flat.height, flat.width, channels), size)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput("networks.image_unreadable", name=name) from error


def _on_white(image: Any) -> Any:
    """Transparency becomes paper; otherwise it would turn black or whatever colour was hidden below it."""
    from PIL import Image

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    layered = image.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(paper, layered)


def _resized(picture: Pixels, size: int) -> Pixels:
    from PIL import Image

    if picture.shape[:2] == (size, size):
        return picture
    source = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    scaled = np.asarray(source.resize((size, size), Image.Resampling.BILINEAR), np.uint8)
    return scaled.reshape(size, size, picture.shape[2])


def fit_pixels(images: ArrayLike, size: int, channels: int) -> Pixels:
    """Arrays [rows, height, width] or [rows, height, width, 1 or 3] of 0..255 as the network takes them.

    Raises BadInput for other shapes and for values outside 0..255.
    """
    array = np.asarray(images)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3):
        raise BadInput("networks.image_shape", shape="x".join(map(str, array.shape)))
    if array.dtype != np.uint8:
        if array.size and not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 255):
            raise BadInput("networks.pixel_range", low=str(array.min()), high=str(array.max()))
        array = array.astype(np.uint8)
    if array.shape[3] != channels:
        array = array.repeat(3, axis=3) if channels == 3 else _grey(array)
    if array.shape[1:3] == (size, size) or not len(array):
        return array.reshape(len(array), size, size, channels)
    return np.stack([_resized(picture, size) for picture in array])


def _grey(array: Pixels) -> Pixels:
    weights = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow has it
    return np.asarray((array @ weights).round()[..., None], np.uint8)


def read_pixel_table(path: Path, label_column: str = "label") -> tuple[Pixels, list[str]]:
    """A CSV with one picture a row: a label column and one column a pixel, row by row, 0..255.

    Square pictures; three times as many columns are read as red, green, blue of each pixel. Raises BadInput.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if label_column not in header:
            raise BadInput("networks.column_missing", column=label_column, known=", ".join(header[:8]))
        place = header.index(label_column)
        size, channels = _picture_shape(len(header) - 1)
        labels: list[str] = []
        pictures: list[Pixels] = []
        for number, row in enumerate(reader, start=2):
            if not row:
                continue
            if len(row) != len(header):
                raise BadInput("networks.pixel_row", line=number, found=len(row), expected=len(header))
            labels.append(row[place].strip())
            pictures.append(_pixels([*row[:place], *row[place + 1 :]], number))
    if not labels:
        raise BadInput("networks.no_rows")
    return np.stack(pictures).reshape(len(labels), size, size, channels), labels


def _picture_shape(count: int) -> tuple[int, int]:
    for channels in (1, 3):
        size = round((count / channels) ** 0.5)
        if size > 1 and size * size * channels == count:
            return size, channels
    raise BadInput("networks.pixel_columns", found=count)


def _pixels(values: Sequence[str], line: int) -> Pixels:
    try:
        found = np.array([float(value) for value in values])
    except ValueError:
        raise BadInput("networks.pixel_text", line=line) from None
    if not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 255):
        raise BadInput("networks.pixel_range", low=str(found.min()), high=str(found.max()))
    return found.astype(np.uint8)


def read_image_folder(folder: Path, size: int, channels: int) -> tuple[Pixels, list[str]]:
    """Pictures of ``folder/<label>/*.png`` and other formats, in the order of their paths. Raises BadInput."""
    files = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise BadInput("networks.no_images", name=folder.name)
    pictures = [decode_image(path.read_bytes(), path.name, size, channels) for path in files]
    return np.stack(pictures), [path.parent.name for path in files]
