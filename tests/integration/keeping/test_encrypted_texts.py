"""FAQ entries, golden questions, written texts, rows of data sets, judged files: unreadable at rest, whole in use."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.access.encryption import key_of_file, new_key
from core.bootstrap import local_actor, runner
from core.db.content_tables import ContentDraft, ContentVariant
from core.db.portable import lines, shapes, snapshot
from core.db.sentiment_tables import SentimentBatch
from core.db.tables import GoldenRun
from core.errors import Unavailable
from core.jobs.context import Interrupted
from core.services import faq, golden_questions, knowledge
from core.services.application import Application
from core.services.content import drafts
from core.services.keeping.backup import back_up
from core.services.keeping.restore import restore
from core.services.keeping.rotation import rotate
from core.services.sentiment import batch_job, batches, results
from core.services.studio import data_sets
from core.services.studio.rows_at_rest import data_set_files
from core.services.views import Upload
from core.settings import Settings
from tests.environment import environment_of

ROOT = Path(__file__).resolve().parents[3]
Make = Callable[[Settings], Application]
OLD, NEW = new_key(), new_key()
SECRET = "Wilhelmina"
WORDS = "amber basin candle desk elder fern glass harbour island jar kettle linen maple nickel oak pillow quilt".split()
REVIEWS = "text,label\n" + "".join(
    f"{' '.join(random.Random(n).sample(WORDS, 9))} {SECRET},{'good' if n % 2 else 'bad'}\n" for n in range(60)
)


def with_key(settings: Settings, *keys: str) -> Settings:
    return Settings(**{**settings.model_dump(), "encryption_key": ",".join(keys)}, _env_file=None)


def filled(app: Application) -> Actor:
    me = local_actor(app, "visitor-of-the-owner-0000")
    base = knowledge.create_knowledge_base(app, me, "Help")
    asked = f"May {SECRET} return a lamp?"
    faq.save_faq(app, me, base, question=asked, answer=f"{SECRET} may.", phrasings=[f"Can {SECRET} bring it back?"])
    golden_questions.save_golden(app, me, base, question=asked, answer=f"{SECRET} may", note=f"of {SECRET}")
    with app.database.write(me.workspace_id) as rows:
        rows.add(GoldenRun(knowledge_base_id=base))
        brief = {"values": {"first": SECRET}, "sources": [{"text": f"{SECRET} wrote"}]}
        draft = rows.add(ContentDraft(template="dialogue", title=f"To {SECRET}", state="done", by=me.visitor, **brief))
        rows.add(ContentVariant(draft_id=draft.id, number=1, text=f"Dear {SECRET}", written=f"Dear {SECRET}!"))
    mapping = {"text": "text", "label": "label"}
    options = {"split": {"validation": 0.2, "test": 0.2}, "label_errors": False}
    work = runner(app).run
    upload = Upload("r.csv", REVIEWS.encode())
    work(data_sets.start_data_set(app, me, "Reviews", "text_classification", upload, mapping, options))
    found = batches.preview(app, me, Upload("judged.csv", data=REVIEWS.encode()))
    number = batches.start_batch(app, me, found.file, {**found.guess, "text": "text"})
    with app.database.read(me.workspace_id) as rows:
        work(rows.get(SentimentBatch, number).job_id or 0)
    return me


def at_rest(app: Application) -> str:
    """Every row of the database and every file of the data folder but the database itself."""
    with snapshot(app.database.engine) as connection:
        rows = b"".join(line for shape in shapes() for line in lines(connection, shape))
    paths = (path for path in app.settings.data_dir.rglob("*") if path.is_file() and ".sqlite" not in path.name)
    return (rows + b"".join(path.read_bytes() for path in paths if "models" not in path.parts)).decode(
        "utf-8", "replace"
    )


def in_use(app: Application, me: Actor) -> list[object]:
    """What the pages show of all that."""
    [base] = knowledge.list_knowledge_bases(app, me)
    [one] = data_sets.list_data_sets(app, me)
    assert one.latest is not None
    [batch] = batches.list_batches(app, me)
    shown = [
        [(row.question, row.answer, row.phrasings) for row in faq.list_faq(app, me, base.id).rows],
        [(row.question, row.answer, row.note) for row in golden_questions.list_golden(app, me, base.id).rows],
        [(row.title, [variant.text for variant in row.variants]) for row in drafts.list_drafts(app, me).drafts],
        [row["text"] for row in data_sets.sample_rows(app, me, one.latest.id, "train", 0, 10).rows],
        [row.text for row in results.result_rows(app, me, batch.id).rows],
        results.export(app, me, batch.id).count(SECRET.encode()),
        batches.get_batch(app, me, batch.id).summary["labels"],
    ]
    assert all(SECRET in str(part) for part in shown[:5])
    assert shown[5] == 60
    return shown


def test_nothing_of_it_is_readable_at_rest(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, OLD))
    me = filled(app)
    assert SECRET not in at_rest(app)
    in_use(app, me)
    [base] = knowledge.list_knowledge_bases(app, me)
    assert faq.list_faq(app, me, base.id, search="wilhelMINA").total == 1
    assert faq.list_faq(app, me, base.id, search="nobody").total == 0
    assert golden_questions.list_golden(app, me, base.id, search="LAMP").total == 1
    assert drafts.list_drafts(app, me, find="dear wil").total == 1
    assert drafts.list_drafts(app, me, find="to wil").total == 1
    assert drafts.list_drafts(app, me, find="nobody").total == 0


def test_switched_on_rotated_moved_and_switched_off(
    settings: Settings, make_application: Make, tmp_path: Path, empty_place: Settings
) -> None:
    plain = make_application(settings)
    me = filled(plain)
    assert SECRET in at_rest(plain)
    before = in_use(plain, me)
    for keys in ([OLD], [NEW, OLD]):
        app = make_application(with_key(settings, *keys))
        assert rotate(app, me) > 10
        assert rotate(app, me) == 0
        assert SECRET not in at_rest(app)
        assert in_use(app, me) == before
    only_new = make_application(with_key(settings, NEW))
    assert in_use(only_new, me) == before
    made = back_up(only_new, me, tmp_path / "all.tar.gz")
    restore(empty_place, made.path)
    with pytest.raises(Unavailable, match="no key"):
        make_application(empty_place)
    restored = make_application(with_key(empty_place, NEW))
    assert SECRET not in at_rest(restored)
    assert in_use(restored, me) == before
    assert rotate(only_new, me, decrypt=True) > 10
    assert in_use(make_application(settings), me) == before


def test_a_rotation_that_is_killed_among_the_files_goes_on(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, OLD))
    me = filled(app)
    keys = {"ENCRYPTION_KEY": f"{NEW},{OLD}"}
    environment = environment_of(settings.data_dir.parent, settings.database_url, **keys) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "core", "keys", "rotate"]
    process = subprocess.Popen(command, cwd=settings.data_dir, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for said in process.stdout:
        if "data_set_version" in said or "golden" in said:
            break  # some columns are done, others and the files are not
    process.send_signal(signal.SIGKILL)
    process.wait()
    both = make_application(with_key(settings, NEW, OLD))
    before = in_use(both, me)
    rotate(both, me)
    assert rotate(both, me) == 0
    assert in_use(make_application(with_key(settings, NEW)), me) == before


def test_a_damaged_row_file_is_refused(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, OLD))
    me = filled(app)
    [train] = [path for path in data_set_files(app.settings) if path.name == "train.jsonl"]
    assert key_of_file(train)
    held = bytearray(train.read_bytes())
    held[-1] ^= 1
    train.write_bytes(held)
    [one] = data_sets.list_data_sets(app, me)
    assert one.latest is not None
    with pytest.raises(Unavailable, match=r"train\.jsonl"):
        data_sets.sample_rows(app, me, one.latest.id, "train", 0, 10)


def test_a_judged_file_that_was_stopped_goes_on(
    settings: Settings, make_application: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows so far are encrypted when the job stops, and plain again only while it writes on."""
    app = make_application(with_key(settings, OLD))
    me = local_actor(app, "visitor-of-the-owner-0000")
    monkeypatch.setattr(batch_job, "CHUNK", 20)
    found = batches.preview(app, me, Upload("judged.csv", data=REVIEWS.encode()))
    number = batches.start_batch(app, me, found.file, {**found.guess, "text": "text"})
    with app.database.read(me.workspace_id) as rows:
        job_id = rows.get(SentimentBatch, number).job_id or 0
    chunk, seen = batch_job._Work._chunk, []

    def second_stops(self: batch_job._Work, *given: object) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise Interrupted
        chunk(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(batch_job._Work, "_chunk", second_stops)
    runner(app).run(job_id)
    assert SECRET not in at_rest(app)
    assert len(results.result_rows(app, me, number).rows) == 20
    monkeypatch.setattr(batch_job._Work, "_chunk", chunk)
    runner(app).run(job_id)
    assert [row.number for row in results.result_rows(app, me, number, limit=100).rows] == list(range(1, 61))
    assert SECRET not in at_rest(app)
