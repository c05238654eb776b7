"""A version of a data set of pictures: from a ZIP or folder with a folder for each label, or a table of pixels.

Splits are stored as ``train.npz`` and so on: ``images`` uint8 [rows, size, size, channels], ``classes`` int64 [rows].
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.models.networks.images import LARGEST_SIDE, SUFFIXES, decode_image
from core.training.datasets.mapping import ColumnMapping
from core.training.datasets.splitting import SPLITS, SplitOptions, join_groups, split_rows
from core.training.datasets.spool import Tally, resolve_copies
from core.training.datasets.store import Version, drafted, seal
from core.training.datasets.tables import Table, table_rows
from core.training.watch import Watch

Pixels = NDArray[np.uint8]

MOST_PICTURES = 100_000
MOST_BYTES = 2 << 30  # of all pictures of an archive, unpacked
_MOST_FILE = 64 << 20  # of one picture
_MEMORY = 1 << 30  # bytes of decoded pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """``size``: pixels of a side, at most 64; ``channels``: 1 grey, 3 colour."""

    size: int = 28
    channels: int = 1

    def __post_init__(self) -> None:
        if not 8 <= self.size <= LARGEST_SIDE:
            raise BadInput("data.option", name="size", value=self.size, expected=f"8 <= x <= {LARGEST_SIDE}")
        if self.channels not in (1, 3):
            raise BadInput("data.option", name="channels", value=self.channels, expected="1 | 3")


@dataclass(frozen=True, slots=True)
class _Pictures:
    images: Pixels
    labels: list[str]
    lines: list[int]
    read: int


def build_image_version(
    source: Path | Table, name: str, root: Path, watch: Watch, *, mapping: ColumnMapping | None = None,
    options: ImageOptions | None = None, split: SplitOptions | None = None,
) -> Version:  # fmt: skip
    """Builds a version from a ZIP, a folder, or a table of pixels (``mapping.label`` names its label column).

    Equal pictures are dropped but for one; the split keeps classes in like shares. Raises BadInput: data.no_images,
    data.image_archive, data.too_many_images, data.pixel_columns, data.one_class, data.too_few_rows; Unavailable
    data.disk_full; Cancelled by ``watch``.
    """
    options, split = options or ImageOptions(), split or SplitOptions()
    tally = Tally()
    if isinstance(source, Table):
        if mapping is None or mapping.label not in source.names:
            column = mapping.label if mapping else "label"
            raise BadInput("data.column_missing", column=column, name=name, known=", ".join(source.names[:30]))
        found = _from_table(source, mapping.label, tally, watch)
    else:
        found = _from_files(source, name, options, tally, watch)
    labels = tuple(sorted(set(found.labels), key=_natural))
    if len(labels) < 2:
        raise BadInput("data.one_class", column=name, found=", ".join(labels) or "-")
    numbers = {label: number for number, label in enumerate(labels)}
    classes = np.array([numbers[label] for label in found.labels], np.int64)
    kept = _without_copies(found, classes, name, tally)
    chosen = split_rows(classes[kept], join_groups(np.full(len(kept), -1)), split)
    with drafted(root) as draft:
        counts: dict[str, dict[str, int]] = {}
        for number, split_name in enumerate(SPLITS):
            watch.step("write", number, len(SPLITS))
            counts[split_name] = _write(
                draft / f"{split_name}.npz", found.images, classes, kept[chosen == number], labels
            )
        height, channels = found.images.shape[1], found.images.shape[3]
        version = Version(
            task="image", labels=labels, splits={one: sum(counts[one].values()) for one in SPLITS}, read=found.read,
            kept=len(kept), dropped=dict(sorted(tally.counts.items())),
            dropped_lines={reason: [list(line) for line in lines] for reason, lines in sorted(tally.lines.items())},
            class_counts=counts, columns=(f"{height}x{height}x{channels}",), sources=({"name": name},),
            mapping=asdict(mapping) if mapping else {}, clean=asdict(options), split=asdict(split),
        )  # fmt: skip
        return seal(draft, root, version)


def _write(
    path: Path, images: Pixels, classes: NDArray[np.int64], rows: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, int]:
    """Writes the pictures of one split; returns how many of each label there are."""
    np.savez_compressed(path, images=images[rows], classes=classes[rows])
    sizes = np.bincount(classes[rows], minlength=len(labels))
    return {labels[place]: int(size) for place, size in enumerate(sizes) if size}


def _without_copies(found: _Pictures, classes: NDArray[np.int64], name: str, tally: Tally) -> NDArray[np.int64]:
    digests: dict[bytes, int] = {}
    keys = [digests.setdefault(hashlib.sha256(picture.tobytes()).digest(), len(digests)) for picture in found.images]
    dropped = resolve_copies(np.array(keys, np.int64), classes, np.zeros(len(keys), np.int64))
    for row, reason in sorted(dropped.items()):
        tally.add(reason, name, found.lines[row])
    return np.array([row for row in range(len(keys)) if row not in dropped], np.int64)


# --- files --------------------------------------------------------------------------------------------------


def _from_files(source: Path, name: str, options: ImageOptions, tally: Tally, watch: Watch) -> _Pictures:
    """Pictures whose folder is their label, in the order of their paths; "lines" count them from 1."""
    total, files = _folder(source) if source.is_dir() else _archive(source, name)
    if total == 0:
        raise BadInput("data.no_images", name=name, endings=" ".join(sorted(SUFFIXES)))
    if total > MOST_PICTURES or total * options.size**2 * options.channels > _MEMORY:
        raise BadInput("data.too_many_images", name=name, found=total, limit=MOST_PICTURES)
    images: list[Pixels] = []
    labels: list[str] = []
    lines: list[int] = []
    for number, (path, content) in enumerate(files, start=1):
        watch.check()
        watch.step("read", number, total)
        try:
            images.append(decode_image(content, path.name, options.size, options.channels))
        except BadInput:
            tally.add("unreadable_image", name, number)
            continue
        labels.append(path.parent.name)
        lines.append(number)
    if not images:
        raise BadInput("data.no_images", name=name, endings=" ".join(sorted(SUFFIXES)))
    return _Pictures(np.stack(images), labels, lines, total)


def _folder(source: Path) -> tuple[int, Iterator[tuple[PurePosixPath, bytes]]]:
    paths = sorted(path for path in source.rglob("*") if _is_picture(path.relative_to(source).as_posix()))
    return len(paths), ((PurePosixPath(path.relative_to(source).as_posix()), path.read_bytes()) for path in paths)


def _archive(source: Path, name: str) -> tuple[int, Iterator[tuple[PurePosixPath, bytes]]]:
    """Pictures of a ZIP, read one by one. Raises BadInput (data.image_archive) when it is none, locked, or a bomb."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = sorted((m for m in archive.infolist() if _is_picture(m.filename)), key=lambda m: m.filename)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadInput("data.image_archive", name=name) from error
    if any(member.flag_bits & 1 or member.file_size > _MOST_FILE for member in members):
        raise BadInput("data.image_archive", name=name)
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise BadInput("data.image_archive", name=name)
    return len(members), _contents(source, members)


def _contents(source: Path, members: Sequence[zipfile.ZipInfo]) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(source) as archive:
        for member in members:
            try:
                with archive.open(member) as stream:
                    content = stream.read(_MOST_FILE)
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError):
                content = b""  # counted and listed as unreadable by whoever decodes it
            yield PurePosixPath(member.filename.replace("\\", "/")), content


def _is_picture(name: str) -> bool:
    """A picture in a folder that names its label; what macOS and editors leave beside does not count."""
    path = PurePosixPath(name.replace("\\", "/"))
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return len(path.parts) >= 2 and path.suffix.lower() in SUFFIXES and not hidden


# --- pixels -------------------------------------------------------------------------------------------------


def _from_table(table: Table, label: str, tally: Tally, watch: Watch) -> _Pictures:
    """A picture a row: one column a pixel, row by row, 0..255; three times as many are red, green, blue of each."""
    place = table.names.index(label)
    size, channels = _shape(table, label)
    if table.rows * size * size * channels > _MEMORY:
        raise BadInput(
            "data.too_many_images", name=table.name, found=table.rows, limit=_MEMORY // (size * size * channels)
        )
    images = np.zeros((table.rows, size * size * channels), np.uint8)
    labels: list[str] = []
    lines: list[int] = []
    for number, (line, cells) in enumerate(table_rows(table)):
        if number % 1000 == 0:
            watch.check()
            watch.step("read", number, table.rows)
        pixels = _pixels([*cells[:place], *cells[place + 1 :]])
        name = cells[place].strip()
        if pixels is None or not name:
            tally.add("no_label" if pixels is not None else "not_a_number", table.name, line)
            continue
        images[len(labels)] = pixels
        labels.append(name)
        lines.append(line)
    return _Pictures(images[: len(labels)].reshape(-1, size, size, channels), labels, lines, table.rows)


def _shape(table: Table, label: str) -> tuple[int, int]:
    count = len(table.columns) - 1
    for channels in (1, 3):
        size = round((count / channels) ** 0.5)
        if 4 <= size <= LARGEST_SIDE and size * size * channels == count:
            return size, channels
    raise BadInput("data.pixel_columns", name=table.name, found=count, column=label, limit=LARGEST_SIDE)


def _pixels(cells: Sequence[str]) -> Pixels | None:
    """uint8 [pixels], None unless all are numbers from 0 to 255."""
    try:
        found = np.array(cells, np.float64)
    except ValueError:
        return None
    if not np.isfinite(found).all() or found.min() < 0 or found.max() > 255:
        return None
    return found.astype(np.uint8)


def _natural(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
