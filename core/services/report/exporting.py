"""A report as a file to send; noted in the audit log, for it carries customers' questions out of the product."""

from __future__ import annotations

from typing import Literal

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.services.application import Application
from core.services.report.html import as_html
from core.services.report.pdf import as_pdf
from core.services.report.views import PilotReport

MAKERS = {"html": as_html, "pdf": as_pdf}


def export_report(
    app: Application, actor: Actor, report: PilotReport, kind: Literal["html", "pdf"], language: str
) -> bytes:
    """The file's bytes."""
    actor.require(Permission.REPORT)
    made = MAKERS[kind](report, language)
    with app.database.write(actor.workspace_id) as rows:
        period = {"since": report.since.isoformat(), "until": report.until.isoformat()}
        record(rows, actor, "report.exported", report.source, kind=kind, **period)
    return made
