"""Uploaded files of the studio: stored by their hash, previewed, and the options by which they become a data set."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

from core.access.actor import Actor, Permission
from core.errors import BadInput
from core.models.networks.images import SUFFIXES
from core.services import files
from core.services.application import Application
from core.services.studio.views import ColumnView, StoredUpload, UploadPreview
from core.services.views import Upload
from core.training.datasets.augment import AugmentOptions
from core.training.datasets.cleaning import CleanOptions
from core.training.datasets.images import ImageOptions
from core.training.datasets.mapping import TASKS, ColumnMapping, Task, suggest_mapping
from core.training.datasets.splitting import SplitOptions
from core.training.datasets.tables import ReadOptions, Table, read_table
from core.training.watch import Quiet, Watch

SHOWN_PROBLEMS = 20
PLAIN = ("licence", "note", "label_errors")  # options that are no mapping: two texts and a switch

_DIGEST = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T")


def preview_upload(
    app: Application, actor: Actor, upload: Upload | StoredUpload, *, read: Mapping[str, Any] | None = None
) -> UploadPreview:
    """Reads the file and guesses what its columns are. Stores nothing but the file, by its hash.

    ``read``: fields of ``core.training.datasets.tables.ReadOptions`` that the person corrects (sheet, delimiter,
    header, encoding, split). Raises BadInput.
    """
    actor.require(Permission.STUDIO)
    stored = store_upload(app, upload)
    if is_archive("image", stored.name):
        return _preview_archive(app, stored)
    table = read_stored(app, stored, options_of(ReadOptions, read or {}), Quiet())
    guesses: dict[str, Mapping[str, Any]] = {
        task: guess for task in TASKS if (guess := _guess(table, task)) is not None
    }
    return UploadPreview(
        file=stored,
        format=table.format,
        encoding=table.encoding,
        rows=table.rows,
        columns=tuple(
            ColumnView(column.name, column.kind, column.filled, column.distinct, column.examples)
            for column in table.columns
        ),
        head=tuple(dict(zip(table.names, row, strict=True)) for row in table.preview),
        guesses=guesses,
        sheets=table.sheet.sheets if table.sheet else (),
        problems=tuple(
            {"code": f"data.{error.code}", "values": {"line": error.line, **error.values}}
            for error in table.errors[:SHOWN_PROBLEMS]
        ),
        bad_rows=sum(table.error_counts.values()),
    )


def _preview_archive(app: Application, stored: StoredUpload) -> UploadPreview:
    """Pictures of a ZIP by the folder they lie in."""
    with files.original(app.settings, stored.sha256) as path:
        counts = count_pictures(path, stored.name)
    column = ColumnView("label", "category", sum(counts.values()), len(counts), tuple(counts)[:3])
    head = tuple({"label": label, "pictures": str(count)} for label, count in counts.items())
    rows = sum(counts.values())
    return UploadPreview(stored, "zip", "", rows, (column,), head, {"image": {"label": "label"}})


def count_pictures(path: Path, name: str) -> dict[str, int]:
    """Label -> pictures in its folder. Raises BadInput (data.image_archive, data.no_images)."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [PurePosixPath(member.replace("\\", "/")) for member in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadInput("data.image_archive", name=name) from error
    labels = [one.parent.name for one in inside if len(one.parts) > 1 and one.suffix.lower() in SUFFIXES]
    counts = Counter(label for label in labels if not label.startswith((".", "__MACOSX")))
    if not counts:
        raise BadInput("data.no_images", name=name, endings=" ".join(sorted(SUFFIXES)))
    return dict(sorted(counts.items()))


def _guess(table: Table, task: Task) -> dict[str, Any] | None:
    try:
        found = asdict(suggest_mapping(table, task))
    except BadInput:
        return None
    return {name: value for name, value in found.items() if value and name not in ("task", "separator", "label_kind")}


def store_upload(app: Application, upload: Upload | StoredUpload) -> StoredUpload:
    """The bytes by their hash. Raises DocumentError for one that is too large, BadInput for one that is gone."""
    if isinstance(upload, StoredUpload):
        if not _DIGEST.fullmatch(upload.sha256) or not files.stored_path(app.settings, upload.sha256).is_file():
            raise BadInput("studio.upload_gone", name=upload.name)
        return upload
    digest, size = files.store(app.settings, upload)
    return StoredUpload(digest, files.clean_name(upload.name), size)


def read_stored(app: Application, stored: StoredUpload, options: ReadOptions, watch: Watch) -> Table:
    """What the table in a stored file looks like: its rows are read in :func:`stored_table`. Raises as that does."""
    with stored_table(app, stored, options, watch) as table:
        return table


@contextmanager
def stored_table(app: Application, stored: StoredUpload, options: ReadOptions, watch: Watch) -> Iterator[Table]:
    """The table in a stored file, whose rows can be read until the end of the block: an encrypted file is plain only
    for so long. Raises BadInput and what ``watch`` raises."""
    with files.original(app.settings, stored.sha256) as path:
        yield read_table(path, stored.name, options, watch)


def options() -> Mapping[str, type]:
    """Names of the options of a data set with the class that checks each."""
    return {
        "read": ReadOptions,
        "clean": CleanOptions,
        "split": SplitOptions,
        "augment": AugmentOptions,
        "image": ImageOptions,
    }


def options_of(kind: type[T], given: Mapping[str, Any]) -> T:
    """An options object from what a form, TOML or JSON says. Raises BadInput (studio.option_unknown)."""
    known = [one.name for one in fields(cast(Any, kind))]
    for name in given:
        if name not in known:
            raise BadInput("studio.option_unknown", name=name, known=", ".join(known))
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
    except TypeError as error:
        raise BadInput("studio.option_value", name=kind.__name__, reason=str(error)) from error


def checked_mapping(task: str, mapping: Mapping[str, Any]) -> ColumnMapping:
    """Raises BadInput for a task or a part that there is not, and for a part that is missing."""
    given = {name: value for name, value in mapping.items() if name != "task"}
    return options_of(ColumnMapping, {"task": task, **given})


def checked_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> options object, for those that have a class. Raises BadInput for names and values that cannot be."""
    known = options()
    for name in given:
        if name not in known and name not in PLAIN:
            raise BadInput("studio.option_unknown", name=name, known=", ".join((*known, *PLAIN)))
    return {name: options_of(kind, given[name]) for name, kind in known.items() if given.get(name) is not None}


def is_archive(task: str, name: str) -> bool:
    """Whether the file is a ZIP of pictures, a folder a label, in which there are no columns."""
    return task == "image" and name.lower().endswith(".zip")
