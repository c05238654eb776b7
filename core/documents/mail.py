"""EML: the headers a person reads, the body, and the names of the attachments."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from core.documents.builder import TextBuilder, one_line
from core.documents.encoding import decode
from core.documents.markup import write_html
from core.documents.options import Source
from core.documents.plain import write_plain
from core.documents.sniff import EML
from core.errors import DocumentError
from core.text.language import has_han
from core.types import LoadedDocument

_SHOWN = ("From", "To", "Cc", "Date")


def load_eml(path: Path, source: Source) -> LoadedDocument:
    """Reads one message. Attachments are listed by name and size, not read. Raises DocumentError."""
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    if not isinstance(message, EmailMessage) or not any(
        message.get(name) for name in ("From", "To", "Subject", "Date")
    ):
        raise DocumentError("documents.corrupt", name=source.name, type="EML")
    builder = TextBuilder()
    subject = _header(message, "Subject")
    if subject:
        builder.heading(1, subject)
    for name in _SHOWN:
        value = _header(message, name)
        if value:
            builder.item(f"{name}: {value}")
    builder.close()
    _body(builder, message, source)
    names = [
        f"{one_line(part.get_filename() or part.get_content_type())} ({_size(part)})"
        for part in message.iter_attachments()
    ]
    if names:
        label = "附件：" if has_han(builder.text_of(0, builder.length)) else "Attachments: "
        builder.block(label + ", ".join(names))
    return builder.build(EML, title=subject)


def _header(message: EmailMessage, name: str) -> str:
    value = message.get(name)
    return one_line(str(value)) if value is not None else ""


def _body(builder: TextBuilder, message: EmailMessage, source: Source) -> None:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else str(part.get_payload()).encode()
    if not data.strip():
        return
    text = decode(data, source.name, part.get_content_charset() or "").text
    if part.get_content_subtype() == "html":
        write_html(builder, text)
    else:
        write_plain(builder, text)


def _size(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    size = len(payload) if isinstance(payload, bytes) else 0
    return f"{size / 1024:.0f} KB" if size >= 1024 else f"{size} B"
