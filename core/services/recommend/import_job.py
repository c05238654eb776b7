"""The job that reads a file into a catalogue. A killed one starts over: nothing was stored before its end."""

from __future__ import annotations

from core.db.recommend_tables import CatalogueVersion
from core.jobs.context import JobContext
from core.services.application import Application
from core.services.recommend.importing import counts_of, import_file
from core.services.studio.data_set_job import JobWatch
from core.services.studio.views import StoredUpload


def run_import(app: Application, context: JobContext) -> None:
    """Handler of ``recommend_import`` jobs."""
    said = context.arguments
    stored = StoredUpload(**said["file"])
    if context.attempts > 1 and _stored_already(app, context):
        return
    done = import_file(
        app, context.workspace_id, int(said["catalogue_id"]), said["part"], stored, said["mapping"], said["options"],
        JobWatch(context),
    )  # fmt: skip
    context.finish(number=done.number, part=said["part"], **counts_of(done))


def _stored_already(app: Application, context: JobContext) -> bool:
    """Was the worker killed between the commit of the rows and the end of the job? Then there is nothing left to do."""
    said = context.arguments
    wanted = {"columns": said["mapping"], "options": said["options"]}
    with app.database.read(context.workspace_id) as rows:
        mine = rows.select(
            CatalogueVersion,
            CatalogueVersion.catalogue_id == int(said["catalogue_id"]),
            CatalogueVersion.file_sha256 == said["file"]["sha256"],
        ).order_by(CatalogueVersion.number.desc())
        return any(one.part == said["part"] and one.mapping == wanted for one in rows.all(mine.limit(1)))
