"""Texts as files: DOCX for people, Markdown for other tools, CSV for tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import BadInput
from core.text.cells import harmless

FORMATS = ("docx", "md", "csv")


@dataclass(frozen=True, slots=True)
class Exported:
    """One text with what is told of it. ``facts``: label -> value, in the language of whoever exports."""

    title: str
    text: str
    facts: Mapping[str, str]
    made_at: datetime


def export(texts: Sequence[Exported], format: str) -> bytes:
    """The file's bytes. Raises BadInput content.export_nothing, content.export_format."""
    if not texts:
        raise BadInput("content.export_nothing")
    writers = {"docx": _docx, "md": _markdown, "csv": _csv}
    if format not in writers:
        raise BadInput("content.export_format", format=format)
    return writers[format](texts)


def _docx(texts: Sequence[Exported]) -> bytes:
    from docx import Document
    from docx.shared import Pt, RGBColor

    document = Document()
    for number, one in enumerate(texts):
        if number:
            document.add_page_break()
        document.add_heading(_printable(one.title), level=1)
        for paragraph in one.text.split("\n"):
            document.add_paragraph(_printable(paragraph))
        told = document.add_paragraph()
        run = told.add_run(_printable(" · ".join(f"{name}: {value}" for name, value in one.facts.items())))
        run.font.size, run.font.color.rgb = Pt(8), RGBColor(0x70, 0x70, 0x70)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _printable(text: str) -> str:
    """Without control characters, which XML cannot hold."""
    return "".join(character for character in text if character.isprintable() or character == "\t")


def _markdown(texts: Sequence[Exported]) -> bytes:
    parts = []
    for one in texts:
        facts = "\n".join(f"- {name}: {value}" for name, value in one.facts.items())
        parts.append(f"# {one.title}\n\n{one.text}\n\n{facts}\n")
    return "\n---\n\n".join(parts).encode()


def _csv(texts: Sequence[Exported]) -> bytes:
    columns = list(dict.fromkeys(name for one in texts for name in one.facts))
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(["title", "text", "date", *columns])
    for one in texts:
        row = [one.title, one.text, one.made_at.isoformat(timespec="seconds")]
        table.writerow([harmless(cell) for cell in [*row, *(one.facts.get(name, "") for name in columns)]])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
