"""What a file really is, by its bytes and structure. The name is only compared with it, never trusted."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.documents.encoding import looks_like_text
from core.errors import DocumentError

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF, ZIP = "application/pdf", "application/zip"
TXT, MARKDOWN, HTML, CSV, TSV, EML = (
    "text/plain",
    "text/markdown",
    "text/html",
    "text/csv",
    "text/tab-separated-values",
    "message/rfc822",
)
IMAGES = ("image/png", "image/jpeg", "image/tiff", "image/bmp", "image/webp", "image/gif")

# What a person calls it, used in error sentences of both languages.
LABELS = {
    DOCX: "DOCX", PPTX: "PPTX", XLSX: "XLSX", PDF: "PDF", ZIP: "ZIP", TXT: "TXT", MARKDOWN: "Markdown", HTML: "HTML",
    CSV: "CSV", TSV: "TSV", EML: "EML",
} | {kind: kind.split("/")[1].upper() for kind in IMAGES}  # fmt: skip

EXTENSIONS = {
    ".pdf": PDF, ".docx": DOCX, ".docm": DOCX, ".pptx": PPTX, ".pptm": PPTX, ".ppsx": PPTX, ".xlsx": XLSX,
    ".xlsm": XLSX, ".zip": ZIP, ".txt": TXT, ".text": TXT, ".log": TXT, ".md": MARKDOWN, ".markdown": MARKDOWN,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".csv": CSV, ".tsv": TSV, ".tab": TSV, ".eml": EML,
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".tif": "image/tiff", ".tiff": "image/tiff",
    ".bmp": "image/bmp", ".webp": "image/webp", ".gif": "image/gif",
}  # fmt: skip
SUPPORTED = "PDF, DOCX, PPTX, XLSX, CSV, TSV, Markdown, HTML, TXT, EML, PNG, JPEG, TIFF, BMP, WEBP, GIF, ZIP"
TEXTS = frozenset({TXT, MARKDOWN, HTML, CSV, TSV, EML})

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
# Recognised so that the error can name them; none of them can be read.
_FOREIGN = (
    (b"{\\rtf", "RTF"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!", "RAR"), (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"), (b"MZ", "EXE"), (b"\x7fELF", "ELF"), (b"ID3", "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC"),
    (b"SQLite format 3", "SQLite"), (b"%!PS", "PostScript"), (b"\x00\x00\x01\x00", "ICO"), (b"8BPS", "PSD"),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS = (("EncryptedPackage", "encrypted"), ("WordDocument", "DOC"), ("PowerPoint Document", "PPT"),
                ("Workbook", "XLS"), ("Book", "XLS"), ("__properties_version1.0", "MSG"))  # fmt: skip
_NEWER = {"DOC": "DOCX", "PPT": "PPTX", "XLS": "XLSX"}
_PARTS = (
    ("word/document.xml", DOCX),
    ("ppt/presentation.xml", PPTX),
    ("xl/workbook.xml", XLSX),
    ("xl/workbook.bin", "XLSB"),
)
_HTML_START = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MAIL_HEADER = re.compile(
    rb"^(?:From|To|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To|X-[\w-]+|DKIM-Signature)\s*:",
    re.I,
)
_SAMPLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Kind:
    """A media type and whether the content proves it (text formats prove nothing: the name may choose among them)."""

    media_type: str
    proven: bool = True


def extension(name: str) -> str:
    """The lower-case extension of ``name`` with its dot, or ''."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def detect(path: Path, name: str) -> str:
    """The media type that ``path`` is read as.

    Raises DocumentError: legacy, encrypted or unsupported formats, and names that say something else.
    """
    kind = _content(path, name)
    claimed = EXTENSIONS.get(extension(name))
    if claimed is None:
        if kind.media_type in TEXTS and not kind.proven and extension(name):
            raise DocumentError("documents.unsupported", name=name, found=extension(name), supported=SUPPORTED)
        return kind.media_type
    if claimed == kind.media_type:
        return claimed
    if claimed in TEXTS and kind.media_type in TEXTS and not kind.proven:
        return claimed
    if claimed in IMAGES and kind.media_type in IMAGES:
        return kind.media_type  # a JPEG called .png is still the picture its owner meant
    raise DocumentError("documents.wrong_type", name=name, claimed=LABELS[claimed], found=LABELS[kind.media_type])


def _content(path: Path, name: str) -> Kind:
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if b"%PDF-" in head[:1024]:
        return Kind(PDF)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind(_zip_kind(path, name))
    if head.startswith(_OLE):
        _refuse_ole(path, name)
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return Kind(media_type)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind("image/webp")
    if head[:2] == b"BM" and len(head) > 26 and head[6:10] == b"\x00\x00\x00\x00":
        return Kind("image/bmp")
    for magic, label in _FOREIGN:
        if head.startswith(magic):
            raise DocumentError("documents.unsupported", name=name, found=label, supported=SUPPORTED)
    if head[4:8] == b"ftyp":
        raise DocumentError("documents.unsupported", name=name, found="MP4/HEIC", supported=SUPPORTED)
    return _text_kind(head, name)


def _text_kind(head: bytes, name: str) -> Kind:
    if not looks_like_text(head):
        claimed = EXTENSIONS.get(extension(name))
        if claimed is not None and claimed not in TEXTS:
            raise DocumentError("documents.corrupt", name=name, type=LABELS[claimed])
        raise DocumentError("documents.not_text", name=name)
    if _HTML_START.match(head.removeprefix(b"\xef\xbb\xbf")):
        return Kind(HTML)
    lines = head.lstrip().split(b"\n", 12)[:12]
    if sum(1 for line in lines if _MAIL_HEADER.match(line)) >= 3:
        return Kind(EML, proven=False)
    return Kind(TXT, proven=False)


def _zip_kind(path: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            mimetype = archive.read("mimetype")[:200].decode("ascii", "replace") if "mimetype" in members else ""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        claimed = EXTENSIONS.get(extension(name), ZIP)
        raise DocumentError("documents.corrupt", name=name, type=LABELS[claimed]) from error
    for part, media_type in _PARTS:
        if part in members:
            if media_type == "XLSB":
                raise DocumentError("documents.legacy", name=name, found="XLSB", expected="XLSX")
            return media_type
    if "opendocument" in mimetype or "epub" in mimetype:
        raise DocumentError("documents.unsupported", name=name, found=mimetype, supported=SUPPORTED)
    if "[Content_Types].xml" in members:
        office = EXTENSIONS.get(extension(name))
        raise DocumentError("documents.corrupt", name=name, type=LABELS[office] if office else "Office")
    return ZIP


def _refuse_ole(path: Path, name: str) -> None:
    # The directory of a compound file names its streams in UTF-16; it may lie anywhere in the file.
    data = path.read_bytes()
    for stream, label in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            if label == "encrypted":
                raise DocumentError("documents.encrypted", name=name)
            if label in _NEWER:
                raise DocumentError("documents.legacy", name=name, found=label, expected=_NEWER[label])
            raise DocumentError("documents.unsupported", name=name, found=label, supported=SUPPORTED)
    raise DocumentError("documents.unsupported", name=name, found="OLE", supported=SUPPORTED)
