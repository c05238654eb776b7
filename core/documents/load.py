"""File to text: what the bytes are decides how a file is read; bad input is refused with a sentence of its own."""

from __future__ import annotations

from pathlib import Path

from core.documents import sniff
from core.documents.images import load_image
from core.documents.mail import load_eml
from core.documents.markup import load_html, load_markdown
from core.documents.options import MIB, LoadOptions, Progress, Source
from core.documents.pdf import load_pdf
from core.documents.plain import load_text
from core.documents.sheets import load_csv, load_xlsx
from core.documents.slides import load_pptx
from core.documents.word import load_docx
from core.errors import DocumentError
from core.types import LoadedDocument

__all__ = ["LoadOptions", "load"]


def load(path: Path, name: str, options: LoadOptions | None = None, progress: Progress | None = None) -> LoadedDocument:
    """The text of the file at ``path``, known to people as ``name``, with pages, headings, tables and what is hidden.

    ``progress`` hears ``(stage, done, total)`` with stage "read" or "ocr". Raises DocumentError when the file cannot
    become a document (``archive`` for a ZIP, whose members are loaded one by one), Cancelled when ``options`` say so.
    """
    source = Source(name, options or LoadOptions(), progress)
    size = path.stat().st_size
    if size == 0:
        raise DocumentError("documents.empty", name=name)
    if size > source.options.max_bytes:
        raise DocumentError(
            "documents.too_large",
            name=name,
            size_mb=f"{size / MIB:.1f}",
            limit_mb=f"{source.options.max_bytes / MIB:g}",
        )
    source.step("read", 0, 1)
    document = _read(path, source, sniff.detect(path, name))
    if not any(char.isalnum() for char in document.text):
        raise DocumentError("documents.no_text", name=name)
    source.step("read", 1, 1)
    return document


def _read(path: Path, source: Source, media_type: str) -> LoadedDocument:
    if media_type in sniff.IMAGES:
        return load_image(path, source, media_type)
    if media_type in (sniff.CSV, sniff.TSV):
        return load_csv(path, source, media_type)
    if media_type == sniff.ZIP:
        raise DocumentError("documents.archive", name=source.name)
    readers = {
        sniff.PDF: load_pdf,
        sniff.DOCX: load_docx,
        sniff.PPTX: load_pptx,
        sniff.XLSX: load_xlsx,
        sniff.MARKDOWN: load_markdown,
        sniff.HTML: load_html,
        sniff.EML: load_eml,
        sniff.TXT: load_text,
    }
    return readers[media_type](path, source)
