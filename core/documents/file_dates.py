"""When a file says that it was last changed: PDF and Office keep it beside the text, HTML in its head."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from pathlib import Path

from core.documents.pdf_text import PDFIUM_LOCK
from core.documents.sniff import DOCX, HTML, PDF, PPTX, XLSX

_PDF_DATE = re.compile(r"D?:?\s*(\d{4})(\d{2})(\d{2})")
_OFFICE_DATE = re.compile(
    r"<dcterms:(modified|created)\b[^>]*>\s*(\d{4})-(\d{2})-(\d{2})", re.I
)  # the order in the file varies
_META = re.compile(r"<meta\b[^>]{0,400}>", re.I)
_META_NAME = re.compile(
    r"""(?:name|property|itemprop|http-equiv)\s*=\s*["']?(?:article:modified_time|og:updated_time|last-modified|dcterms\.modified|datemodified|revised)\b""",
    re.I,
)
_META_DATE = re.compile(r"""content\s*=\s*["'](\d{4})-(\d{2})-(\d{2})""", re.I)
_HEAD = 60_000  # bytes of HTML looked at
_MOST = 1 << 20  # bytes of an Office file's properties


def file_date(path: Path, media_type: str, *, today: date) -> str | None:
    """The ISO date that the file at ``path`` names as its last change; None when it names none, or one that cannot be.

    Never raises for a damaged file: whether it can be read is for its loader to say.
    """
    if media_type == PDF:
        found = _pdf(path)
    elif media_type in (DOCX, PPTX, XLSX):
        found = _office(path)
    else:
        found = _html(path) if media_type == HTML else None
    try:
        day = date(*found) if found else None
    except ValueError:
        return None
    # Programs that keep no clock write the epoch, or the start of their own.
    return day.isoformat() if day and date(1990, 1, 1) < day <= today and day != date(2000, 1, 1) else None


def _pdf(path: Path) -> tuple[int, int, int] | None:
    import pypdfium2

    with PDFIUM_LOCK:
        try:
            pdf = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError:
            return None
        try:
            values = [str(pdf.get_metadata_value(key) or "") for key in ("ModDate", "CreationDate")]
        finally:
            pdf.close()
    found = next((match for value in values if (match := _PDF_DATE.match(value))), None)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _office(path: Path) -> tuple[int, int, int] | None:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("docProps/core.xml") as part:
            text = part.read(_MOST).decode("utf-8", "replace")
    except (KeyError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return None
    dates = {match[1].lower(): (int(match[2]), int(match[3]), int(match[4])) for match in _OFFICE_DATE.finditer(text)}
    return dates.get("modified") or dates.get("created")


def _html(path: Path) -> tuple[int, int, int] | None:
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("latin-1")
    for tag in _META.findall(head):
        found = _META_DATE.search(tag)
        if found and _META_NAME.search(tag):
            return int(found[1]), int(found[2]), int(found[3])
    return None
