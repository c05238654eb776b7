"""Data sets from an uploaded file to rows a trainer reads: previewed, made, counted, deleted, never half-made."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from core.access.actor import Actor, NotAllowed, Role
from core.db.studio_tables import DataSetVersion
from core.db.tables import Job
from core.errors import BadInput, Cancelled, Conflict, NotFound
from core.services import jobs
from core.services.application import Application
from core.services.studio import data_set_job, data_sets
from core.services.studio.places import data_sets_root
from core.services.views import Upload
from tests.integration.studio.conftest import Studio, as_csv, mood_rows

COLUMNS = {"text": "text", "label": "label"}


def folders(studio: Studio) -> list[str]:
    root = data_sets_root(studio.app.settings, studio.shop.workspace)
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_a_preview_says_what_stands_in_the_file_and_stores_nothing_else(studio: Studio) -> None:
    rows = [*mood_rows(40), ("one cell too many", "good", "extra")]
    preview = data_sets.preview_upload(
        studio.app, studio.owner, Upload("mood.csv", data=as_csv(("text", "label"), rows))
    )
    assert preview.rows == 40
    assert preview.bad_rows == 1
    assert preview.problems[0]["values"]["line"] == 42
    assert [column.name for column in preview.columns] == ["text", "label"]
    assert preview.guesses["text_classification"] == {"text": "text", "label": "label"}
    assert dict(preview.head[0]) == dict(zip(("text", "label"), rows[0], strict=True))
    assert data_sets.list_data_sets(studio.app, studio.owner) == []
    assert folders(studio) == []
    job = data_sets.start_data_set(
        studio.app, studio.owner, "Mood", "text_classification", preview.file, preview.guesses["text_classification"]
    )
    assert studio.job(job).state == "done"


def test_a_version_counts_what_was_kept_and_why_the_rest_went(studio: Studio) -> None:
    rows = [*mood_rows(60), mood_rows(60)[0], ("   ", "good"), ("call 13812345678 or ann@example.com about it", "good")]
    version = studio.data_set(content=as_csv(("text", "label"), rows), options={"clean": {"mask": True}})
    assert version.state == "ready"
    assert version.counts["dropped"] == {"duplicate": 1, "empty": 1}
    assert sum(version.counts["splits"].values()) == 61
    assert version.counts["personal"] == {"phone": 1, "email": 1}
    shown = [
        row["text"]
        for split in ("train", "validation", "test")
        for row in data_sets.sample_rows(studio.app, studio.owner, version.id, split, size=100).rows
    ]
    assert len(shown) == 61
    assert not any("13812345678" in text or "ann@example.com" in text for text in shown)
    assert any("[PHONE_1]" in text for text in shown)


def test_rows_come_in_pages(studio: Studio) -> None:
    version = studio.data_set()
    first = data_sets.sample_rows(studio.app, studio.owner, version.id, "train", 0, 50)
    second = data_sets.sample_rows(studio.app, studio.owner, version.id, "train", 1, 50)
    assert first.total == version.counts["splits"]["train"]
    assert len(first.rows) == 50
    assert first.rows[-1] != second.rows[0]
    assert len({json.dumps(row, sort_keys=True) for row in (*first.rows, *second.rows)}) == 100
    assert data_sets.sample_rows(studio.app, studio.owner, version.id, "train", 99, 50).rows == ()
    with pytest.raises(BadInput):
        data_sets.sample_rows(studio.app, studio.owner, version.id, "../../train")


def test_the_same_file_makes_a_second_version_with_the_same_digest(studio: Studio) -> None:
    one, two = studio.data_set(), studio.data_set()
    assert (one.number, two.number) == (1, 2)
    assert one.digest == two.digest
    [view] = data_sets.list_data_sets(studio.app, studio.owner)
    assert view.versions == 2
    assert view.latest is not None
    assert view.latest.id == two.id
    assert len(folders(studio)) == 1
    data_sets.delete_data_set(studio.app, studio.owner, view.id)
    assert folders(studio) == []
    assert data_sets.list_data_sets(studio.app, studio.owner) == []
    assert list(studio.app.settings.files_dir.glob("*/*")) == [], "the original went too"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "data.empty_file"),
        (b"text,label\n", "data.no_rows"),
        (as_csv(("text", "label"), [(text, "good") for text, _ in mood_rows(20)]), "data.one_class"),
        (b"PK\x03\x04 something that is no table", "data.not_a_table"),
    ],
)
def test_a_file_nothing_can_be_made_of_fails_with_a_sentence_and_leaves_nothing(
    studio: Studio, content: bytes, code: str
) -> None:
    job_id = data_sets.start_data_set(
        studio.app, studio.owner, "Mood", "text_classification", Upload("mood.csv", data=content), COLUMNS
    )
    job = studio.job(job_id)
    assert job.state == "failed"
    assert job.error["code"] == code
    [version] = data_sets.list_versions(
        studio.app, studio.owner, data_sets.list_data_sets(studio.app, studio.owner)[0].id
    )
    assert version.state == "failed"
    assert data_sets.list_data_sets(studio.app, studio.owner)[0].latest is None
    assert folders(studio) == []


def test_what_does_not_fit_is_refused_before_anything_is_queued(studio: Studio) -> None:
    file = Upload("mood.csv", data=as_csv(("text", "label"), mood_rows(20)))
    task = "text_classification"
    wrong = [
        ("", task, COLUMNS, None),
        ("Mood", "mind_reading", COLUMNS, None),
        ("Mood", task, {"text": "text"}, None),
        ("Mood", task, {**COLUMNS, "colour": "x"}, None),
        ("Mood", task, COLUMNS, {"clean": {"polish": True}}),
        ("Mood", task, COLUMNS, {"split": {"validation": 1.5}}),
        ("Mood", task, COLUMNS, {"unknown": 1}),
    ]
    for name, chosen, mapping, options in wrong:
        with pytest.raises(BadInput):
            data_sets.start_data_set(studio.app, studio.owner, name, chosen, file, mapping, options)
    assert data_sets.list_data_sets(studio.app, studio.owner) == []
    studio.data_set()
    with pytest.raises(BadInput) as refused:
        data_sets.start_data_set(studio.app, studio.owner, "Mood", "language_model", file, {"text": "text"})
    assert refused.value.code == "studio.data_set_task"


def test_a_cancelled_or_interrupted_making_leaves_no_version_and_can_be_done_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, owner = studio.app, studio.owner
    job_id = data_sets.start_data_set(
        app, owner, "Mood", "text_classification", Upload("m.csv", data=as_csv(("text", "label"), mood_rows())), COLUMNS
    )
    whole = data_set_job.JobWatch.step

    def cancels(self: data_set_job.JobWatch, stage: str, done: int, total: int) -> None:
        if stage == "write":
            raise Cancelled("cancelled")
        whole(self, stage, done, total)

    monkeypatch.setattr(data_set_job.JobWatch, "step", cancels)
    assert studio.job(job_id).state == "cancelled"
    assert folders(studio) == []
    monkeypatch.undo()
    (data_sets_root(app.settings, studio.shop.workspace) / ".draft-of-a-killed-worker").mkdir()
    jobs.retry_job(app, owner, job_id)
    assert studio.job(job_id).state == "done"
    assert len(folders(studio)) == 1, "what a killed worker left behind is gone"
    with app.database.read(owner.workspace_id) as rows:
        assert [version.state for version in rows.all(rows.select(DataSetVersion))] == ["ready"]


def test_files_given_as_test_rows_stay_test_rows(studio: Studio) -> None:
    rows = mood_rows(80)
    job_id = data_sets.start_data_set(
        studio.app, studio.owner, "Mood", "text_classification",
        Upload("train.csv", data=as_csv(("text", "label"), rows[:60])), COLUMNS,
        held_out={"test": Upload("test.csv", data=as_csv(("text", "label"), rows[60:]))},
    )  # fmt: skip
    assert studio.job(job_id).state == "done"
    [view] = data_sets.list_data_sets(studio.app, studio.owner)
    assert view.latest is not None
    shown = data_sets.sample_rows(studio.app, studio.owner, view.latest.id, "test", size=100)
    assert {row["text"] for row in shown.rows} == {text for text, _ in rows[60:]}


def test_a_data_set_in_use_or_in_the_making_is_not_deleted(studio: Studio) -> None:
    version = studio.data_set()
    studio.start(version)
    with pytest.raises(Conflict) as refused:
        data_sets.delete_data_set(studio.app, studio.owner, version.data_set_id)
    assert refused.value.code == "studio.data_set_in_use"
    other = data_sets.start_data_set(
        studio.app, studio.owner, "Other", "text_classification",
        Upload("m.csv", data=as_csv(("text", "label"), mood_rows(20))), COLUMNS,
    )  # fmt: skip
    [waiting] = [one for one in data_sets.list_data_sets(studio.app, studio.owner) if one.name == "Other"]
    with pytest.raises(Conflict):
        data_sets.delete_data_set(studio.app, studio.owner, waiting.id)
    jobs.cancel_job(studio.app, studio.owner, other)
    data_sets.delete_data_set(studio.app, studio.owner, waiting.id)


def test_nobody_elses_data_and_not_every_role(
    studio: Studio, app: Application, open_studio: Callable[[Application, str], Studio]
) -> None:
    version = studio.data_set()
    rival = open_studio(app, "umbra")
    with pytest.raises(NotFound):
        data_sets.get_data_set_version(app, rival.owner, version.id)
    with pytest.raises(NotFound):
        data_sets.sample_rows(app, rival.owner, version.id)
    with pytest.raises(NotFound):
        data_sets.delete_data_set(app, rival.owner, version.data_set_id)
    assert data_sets.list_data_sets(app, rival.owner) == []
    agent = Actor(studio.shop.workspace, "agent", Role.AGENT)
    for act in (
        lambda: data_sets.list_data_sets(app, agent),
        lambda: data_sets.preview_upload(app, agent, Upload("a.csv", data=b"a,b\n1,2\n")),
        lambda: data_sets.delete_data_set(app, agent, version.data_set_id),
    ):
        with pytest.raises(NotAllowed):
            act()
    with app.database.read(rival.shop.workspace) as rows:
        assert rows.count(Job) == 0
