"""Model versions and data sets by the names that people type."""

from __future__ import annotations

from core.access.actor import Actor, Permission
from core.db.studio_tables import DataSet, DataSetVersion, ModelVersion
from core.errors import BadInput, Conflict, NotFound
from core.services.application import Application

SHOWN = 20
LONGEST_NAME = 100


def find_version(app: Application, actor: Actor, text: str) -> int:
    """The version that ``text`` names: ``name`` (its newest), ``name:number``, or ``version:id``. Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    name, colon, number = text.rpartition(":")
    living = ModelVersion.deleted_at.is_(None)
    with app.database.read(actor.workspace_id) as rows:
        if name == "version" and number.isdigit():
            found = rows.find(ModelVersion, ModelVersion.id == int(number), living)
        elif colon and number.isdigit():
            found = rows.find(ModelVersion, ModelVersion.name == name, ModelVersion.number == int(number), living)
        else:
            mine = rows.select(ModelVersion, ModelVersion.name == text, living).order_by(ModelVersion.number.desc())
            found = rows.session.scalars(mine.limit(1)).first()
        if found is not None:
            return found.id
        known = rows.all(rows.select(ModelVersion, living).order_by(ModelVersion.id.desc()).limit(SHOWN))
    names = ", ".join(f"{version.name}:{version.number}" for version in known) or "-"
    raise NotFound("studio.version_unknown", name=text, names=names)


def find_data_set_version(app: Application, actor: Actor, name: str, number: int = 0) -> int:
    """The version ``number`` of the data set ``name``; 0 is the newest ready one. Raises NotFound, Conflict."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        data_set = rows.find(DataSet, DataSet.name == name)
        if data_set is None:
            known = rows.all(rows.select(DataSet).order_by(DataSet.name).limit(SHOWN))
            raise NotFound("studio.data_set_unknown", name=name, names=", ".join(one.name for one in known) or "-")
        mine = [DataSetVersion.data_set_id == data_set.id, DataSetVersion.state == "ready"]
        mine += [DataSetVersion.number == number] if number else []
        found = rows.session.scalars(
            rows.select(DataSetVersion, *mine).order_by(DataSetVersion.number.desc()).limit(1)
        ).first()
    if found is None:
        raise Conflict("studio.data_set_not_ready", name=name, number=number or 1)
    return found.id


def one_name(text: str, code: str, limit: int = LONGEST_NAME) -> str:
    """``text`` without needless space, as a name. Raises BadInput (``code``)."""
    kept = " ".join(text.split())
    if not 1 <= len(kept) <= limit or not kept.isprintable():
        raise BadInput(code, name=kept[:limit], limit=limit)
    return kept
