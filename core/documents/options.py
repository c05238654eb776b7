"""How a file is to be read: limits, OCR, and the two callbacks (cancel, progress) that a job hangs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import Cancelled

if TYPE_CHECKING:
    from core.documents.ocr import OcrEngine

Progress = Callable[[str, int, int], None]  # stage ("read" or "ocr"), done, total
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a loader may do. Sizes in bytes.

    ``ocr_engine`` builds (or hands out) the engine and is called only when a page needs it; None means the shared one.
    ``cancelled`` is asked between pages, sheets and blocks of rows.
    """

    max_bytes: int = 50 * MIB
    max_unpacked_bytes: int = 1024 * MIB  # an office file is a ZIP: most it may unpack to
    max_pixels: int = 100_000_000  # of one image
    ocr: bool = True
    ocr_engine: Callable[[], OcrEngine] | None = None
    ocr_threads: int = 0  # 0: all cores
    cancelled: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The file a loader works on, with the name a person knows it by."""

    name: str
    options: LoadOptions
    progress: Progress | None = None
    failures: list[BaseException] = field(default_factory=list)  # what the callbacks raised: no fault of the file

    def step(self, stage: str, done: int, total: int) -> None:
        """Tells the progress and stops the work when somebody asked for it. Raises Cancelled."""
        try:
            if self.options.cancelled is not None and self.options.cancelled():
                raise Cancelled("documents.cancelled", name=self.name)
            if self.progress is not None:
                self.progress(stage, done, total)
        except BaseException as error:
            self.failures.append(error)
            raise
