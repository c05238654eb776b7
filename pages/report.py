"""The pilot report: a period, whose questions, the figures, and the files to send."""

from __future__ import annotations

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.REPORT)

from core.services.report.figures import pilot_report  # noqa: E402 - guard() is the page's first statement
from pages.shared import report_controls, report_sheet  # noqa: E402
from pages.shared.errors import errors_shown  # noqa: E402
from pages.shared.parts import show_notices, title  # noqa: E402

show_notices()
title("pilot")
period, link_id = report_controls.period_and_source(app, actor)
assumptions = report_controls.assumptions(app, actor)
if period is not None:
    with errors_shown():
        report = pilot_report(app, actor, *period, link_id=link_id, assumptions=assumptions)
        report_sheet.draw(app, actor, report)
