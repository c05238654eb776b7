"""A backup made while people write, put into an empty place, must answer as before; a bad file changes nothing."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from core.access.actor import Actor
from core.access.audit import record
from core.db.audit_tables import AuditEntry
from core.db.tables import KnowledgeBase
from core.errors import BadInput, Conflict
from core.services import conversations
from core.services.application import Application
from core.services.ask import answer_question
from core.services.files import stored_path
from core.services.keeping.backup import back_up
from core.services.keeping.restore import restore
from core.settings import Settings
from core.types import Answer
from tests.integration.services.conftest import Shop, say

QUESTIONS = ["How long can I return a lamp?", "What does delivery within Germany cost?", "电池保修多久？"]
Make = Callable[[Settings], Application]


def told(answer: Answer) -> list[object]:
    return [answer.text, answer.rung, [(c.document, c.start, c.end, c.quote) for c in answer.citations]]


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz"])
def test_a_backup_made_while_somebody_writes_answers_as_before(
    app: Application,
    lamps: Shop,
    ann: Actor,
    talk: int,
    tmp_path: Path,
    empty_place: Settings,
    make_application: Make,
    suffix: str,
) -> None:
    say(app, ann, talk, QUESTIONS[0])
    before = [told(answer_question(app, lamps.workspace, lamps.kb, q)) for q in QUESTIONS]
    (app.settings.data_dir / "studio/1/runs/1/model").mkdir(parents=True)
    (app.settings.data_dir / "studio/1/runs/1/model/model.safetensors").write_bytes(b"weights")
    (app.settings.data_dir / "studio/1/runs/1/checkpoints").mkdir()
    (app.settings.data_dir / "studio/1/runs/1/checkpoints/state").write_bytes(b"half done")
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not stop.is_set():
            with app.database.write(lamps.workspace) as rows:  # two rows that belong together
                written.append(rows.add(KnowledgeBase(name=f"kb {len(written)}")).id)
                record(rows, lamps.owner(), "test.written", str(written[-1]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = back_up(app, lamps.owner(), tmp_path / f"all{suffix}")
    finally:
        stop.set()
        writer.join()
    assert made.path.stat().st_mode & 0o077 == 0
    assert len(written) > 2

    done = restore(empty_place, made.path)
    assert (done.rows, done.files) == (made.rows, made.files)
    again = make_application(empty_place)
    assert [told(answer_question(again, lamps.workspace, lamps.kb, q)) for q in QUESTIONS] == before
    assert conversations.messages(again, ann, talk)[0].text == QUESTIONS[0]
    assert (empty_place.data_dir / "studio/1/runs/1/model/model.safetensors").read_bytes() == b"weights"
    assert not list(empty_place.data_dir.rglob("checkpoints"))
    assert not list(empty_place.data_dir.glob(".restoring-*"))
    with again.database.read(lamps.workspace) as rows:
        bases, entries = (
            rows.count(KnowledgeBase, KnowledgeBase.name.like("kb %")),
            rows.count(AuditEntry, AuditEntry.action == "test.written"),
        )
        assert bases == entries  # one moment: never half of what was written together
    with again.database.write(lamps.workspace) as rows:  # new rows get new ids
        assert rows.add(KnowledgeBase(name="new")).id not in {lamps.kb}


@pytest.fixture
def saved(app: Application, shop: Shop, tmp_path: Path) -> Path:
    """A small backup with one original."""
    path = stored_path(app.settings, "ab" * 32)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"original " * 5000)
    return back_up(app, shop.owner(), tmp_path / "small.tar.gz").path


def bytes_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rewrite(path: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]) -> None:
    """The archive written again with changed members, whole in every other way."""
    with tarfile.open(path) as old:
        members = [(entry, old.extractfile(entry).read()) for entry in old]  # type: ignore[union-attr]
    with tarfile.open(path, "w:gz") as new:
        for entry, content in members:
            for kept, inside in change(entry, content):
                kept.size = len(inside)
                new.addfile(kept, io.BytesIO(inside))


def a_row_changed(path: Path) -> None:
    rewrite(path, lambda e, c: [(e, c.replace(b"Lumen", b"Lumex"))] if e.name.endswith("workspace.jsonl") else [(e, c)])


def a_member_gone(path: Path) -> None:
    rewrite(path, lambda e, c: [] if e.name.startswith("files/") else [(e, c)])


def without_manifest(path: Path) -> None:
    rewrite(path, lambda e, c: [] if e.name == "manifest.json" else [(e, c)])


def from_the_future(path: Path) -> None:
    def change(entry: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if entry.name != "manifest.json":
            return [(entry, content)]
        return [(entry, json.dumps({**json.loads(content), "revision": "9999"}).encode())]

    rewrite(path, change)


DAMAGES = [bytes_changed, cut_off, a_row_changed, a_member_gone, without_manifest, from_the_future]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_backup_is_refused_and_nothing_changes(
    saved: Path, empty_place: Settings, damage: Callable[[Path], None]
) -> None:
    damage(saved)
    with pytest.raises(BadInput) as refused:
        restore(empty_place, saved)
    assert refused.value.code in {"backup.damaged", "backup.newer"}
    assert list(empty_place.data_dir.iterdir()) == []


NAMES = [
    "../outside",
    "files/../../outside",
    "/etc/outside",
    "files//x",
    "other/x",
    "database/x/y.jsonl",
    "files/a\\..\\b",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_that_leads_outside_is_refused(saved: Path, tmp_path: Path, empty_place: Settings, name: str) -> None:
    rewrite(saved, lambda e, c: [(e, c), (tarfile.TarInfo(name), b"evil")] if e.name.startswith("files/") else [(e, c)])
    with pytest.raises(BadInput, match="no backup of ours"):
        restore(empty_place, saved)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(saved: Path, empty_place: Settings, kind: bytes) -> None:
    def change(entry: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        odd = tarfile.TarInfo("files/link")
        odd.type, odd.linkname = kind, "/etc/passwd"
        return [(entry, content), (odd, b"")] if entry.name.startswith("files/") else [(entry, content)]

    rewrite(saved, change)
    with pytest.raises(BadInput, match="no backup of ours"):
        restore(empty_place, saved)


def test_a_place_that_holds_something_is_not_touched(saved: Path, empty_place: Settings) -> None:
    empty_place.data_dir.mkdir(parents=True)
    (empty_place.data_dir / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match=r"mine\.txt"):
        restore(empty_place, saved)
    assert [path.name for path in empty_place.data_dir.iterdir()] == ["mine.txt"]


def test_what_a_killed_restore_left_is_no_hindrance(saved: Path, empty_place: Settings) -> None:
    (empty_place.data_dir / ".restoring-old").mkdir(parents=True)
    assert restore(empty_place, saved).files == 1


def test_a_backup_is_not_overwritten_and_its_name_says_its_kind(app: Application, shop: Shop, saved: Path) -> None:
    with pytest.raises(BadInput, match="exists already"):
        back_up(app, shop.owner(), saved)
    with pytest.raises(BadInput, match="compress"):
        back_up(app, shop.owner(), saved.with_suffix(".zip"))


def test_no_secret_goes_into_the_backup(tmp_path: Path, empty_place: Settings, make_application: Make) -> None:
    settings = Settings(
        data_dir=tmp_path / "var", llm="endpoint", llm_model="m", llm_base_url="http://u:pw-secret@h/v1",
        llm_api_key="sk-secret", answer_sentences=4, _env_file=None,
    )  # fmt: skip
    app = make_application(settings)
    made = back_up(app, Actor(1, "owner"), tmp_path / "x.tar.gz")
    with tarfile.open(made.path) as tar:
        manifest = tar.extractfile("manifest.json").read()  # type: ignore[union-attr]
    assert b"secret" not in manifest
    assert json.loads(manifest)["settings"] == {"llm": "endpoint", "llm_model": "m", "answer_sentences": 4}
    done = restore(empty_place, made.path)
    assert done.settings["answer_sentences"] == 4


def test_a_backup_with_older_tables_is_brought_to_the_newest(
    app: Application, shop: Shop, tmp_path: Path, empty_place: Settings, make_application: Make
) -> None:
    from core.db.engine import make_engine
    from core.db.migrate import is_current, migrate

    engine = make_engine(Settings(data_dir=tmp_path / "old", _env_file=None).database)
    migrate(engine, "0006")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO workspace (slug, name, settings, created_at) VALUES ('local', 'Old', '{}', '2026-01-01')")
        )
    made = tmp_path / "old.tar.gz"
    _as_it_was_at(engine, made)
    restore(empty_place, made)
    again = make_application(empty_place)
    assert is_current(again.database.engine)
    assert again.database.workspace("local").name == "Old"  # type: ignore[union-attr]


def _as_it_was_at(engine: object, target: Path) -> None:
    """A backup as the product of revision 0006 wrote it: the tables that it had, at its revision."""
    import sqlalchemy as sa

    from core.db.migrate import revision
    from core.db.portable import lines, shapes, snapshot
    from core.services.keeping.archive import writing
    from core.services.keeping.backup import FORMAT

    assert isinstance(engine, sa.Engine)
    there = set(sa.inspect(engine).get_table_names())
    with writing(target) as archive, snapshot(engine) as connection:
        tables = {}
        for now in shapes():
            if now.name not in there:
                continue
            known = {column["name"] for column in sa.inspect(engine).get_columns(now.name)}
            shape = replace(now, columns=tuple(pair for pair in now.columns if pair[0] in known))
            found = list(lines(connection, shape))
            archive.add(f"database/{shape.name}.jsonl", found)
            tables[shape.name] = {"rows": len(found), "columns": shape.columns, "key": shape.key}
        facts = {"format": FORMAT, "product": "0.1", "revision": revision(engine), "made_at": "2026-01-01"}
        archive.finish({**facts, "settings": {}, "tables": tables})
