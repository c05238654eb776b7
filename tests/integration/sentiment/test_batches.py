"""Texts and files judged by the shipped classifier: results, stop and go on, a killed worker, the lane of doubt."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path

import pytest
from openpyxl import Workbook

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.sentiment_tables import SentimentBatch
from core.errors import BadInput, OverLimit
from core.services import quota
from core.services.application import Application
from core.services.sentiment import batch_job, batches, lane, one, results
from core.services.studio import data_sets
from core.services.views import Upload
from tests.integration.test_worker import wait_for, worker_process

REVIEWS = [
    ("The screen is great but the delivery was terribly late.", "2026-01-05", "Lamp"),
    ("I love this lamp, wonderful quality.", "2026-01-05", "Lamp"),
    ("", "2026-01-06", "Lamp"),
    ("=cmd|' /C calc'!A0 is awful and useless", "2026-01-06", "Chair"),
    ("太差了，质量不好，再也不会买了。", "2026-01-07", "Chair"),
    ("非常好吃，送货很快，五星好评！", "2026-01-07", "Chair"),
]


def table(rows: list[tuple[str, str, str]]) -> bytes:
    lines = ["review,date,product", *(",".join(f'"{cell}"' for cell in row) for row in rows)]
    return "\n".join(lines).encode()


def judged(app: Application, owner: Actor, upload: Upload, **options: bool) -> batches.BatchView:
    found = batches.preview(app, owner, upload)
    batch_id = batches.start_batch(app, owner, found.file, found.guess, **options)
    run(app, batch_id)
    return batches.get_batch(app, owner, batch_id)


def run(app: Application, batch_id: int) -> None:
    with app.database.system() as session:
        batch = session.get(SentimentBatch, batch_id)
        assert batch is not None
        assert batch.job_id is not None
        job_id = batch.job_id
    runner(app).run(job_id)


def test_two_sentences_that_everybody_reads_alike(app: Application, owner: Actor) -> None:
    for text in ("今天天气很好，我们去公园玩吧。", "This is a great product."):
        found = one.score_text(app, owner, text).judgement
        assert found.label == "positive"
        assert sum(found.probabilities) == pytest.approx(1.0)
    assert one.score_text(app, owner, "太差了，再也不会买了。").judgement.label == "negative"
    for wrong in ("", "   ", "x" * (one.LONGEST + 1)):
        with pytest.raises(BadInput):
            one.score_text(app, owner, wrong)


def test_the_words_that_made_it_so_add_up(app: Application, owner: Actor) -> None:
    found = one.explain_text(app, owner, "A terrible lamp", "negative")
    assert found.said.close
    strongest = max(found.words, key=lambda word: word.weight)
    assert strongest.word == "terrible"


def test_a_file_is_judged_row_by_row(app: Application, owner: Actor) -> None:
    view = judged(app, owner, Upload("reviews.csv", data=table(REVIEWS)))
    said = view.summary
    assert view.state == "done"
    assert (said["rows"], said["failed"], said["complete"]) == (6, 1, True)
    assert said["failures"] == [[4, "sentiment.empty_row"]]
    assert sum(said["labels"].values()) == 5
    assert set(said["days"]) == {"2026-01-05", "2026-01-06", "2026-01-07"}
    assert set(said["groups"]) == {"Lamp", "Chair"}
    aspects = {row["aspect"]: row for row in said["aspects"]}
    assert aspects["delivery"]["blamed"] >= 1
    lamp = results.result_aspects(app, owner, view.id, group="Lamp")
    assert all(where in ("2", "3", "4") for row in lamp for _, _, where in row["blame"])
    page = results.result_rows(app, owner, view.id)
    assert [row.number for row in page.rows] == [1, 2, 3, 4, 5, 6]
    assert page.rows[2].label == ""
    assert results.result_rows(app, owner, view.id, group="Lamp", after=2).rows[0].number == 3
    assert not page.more


def test_the_export_holds_all_probabilities_and_no_formula(app: Application, owner: Actor) -> None:
    view = judged(app, owner, Upload("reviews.csv", data=table(REVIEWS)), aspects=False)
    with io.StringIO(results.export(app, owner, view.id).decode("utf-8-sig"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert rows[3]["review"].startswith("'=cmd")
    assert rows[2]["sentiment_error"] == "empty"
    good = rows[1]
    assert good["sentiment"] == "positive"
    assert sum(float(good[f"p_{name}"]) for name in one.POLARITIES) == pytest.approx(1, abs=0.001)


def test_other_formats_and_columns(app: Application, owner: Actor, tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["评论", "日期"])
    book.active.append(["很好，非常满意", "2026-02-01"])
    book.save(tmp_path / "a.xlsx")
    files = [
        Upload("a.xlsx", path=tmp_path / "a.xlsx"),
        Upload("a.jsonl", data=b'{"text": "A wonderful, great lamp"}\nnot json\n'),
        Upload("a.tsv", data=b"comment\tday\nA wonderful, great lamp\t2026-02-01\n"),
    ]
    for upload in files:
        view = judged(app, owner, upload, aspects=False)
        assert view.summary["labels"] == {"positive": 1}, upload.name
        assert view.summary["unread"] == (1 if upload.name == "a.jsonl" else 0)
    found = batches.preview(app, owner, files[2])
    for wrong in ({}, {"text": ""}, {"text": "comment", "shoe": "day"}):
        with pytest.raises(BadInput):
            batches.start_batch(app, owner, found.file, wrong)
    batch_id = batches.start_batch(app, owner, found.file, {"text": "missing"})
    run(app, batch_id)
    assert batches.get_batch(app, owner, batch_id).error["code"] == "sentiment.no_column"


def test_a_stopped_file_goes_on_where_it_was(app: Application, owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_job, "CHUNK", 20)
    monkeypatch.setattr(batch_job, "CHECKPOINT_SECONDS", 0.0)
    rows = [(f"Row {number} is a great lamp", "2026-01-05", "Lamp") for number in range(100)]
    found = batches.preview(app, owner, Upload("long.csv", data=table(rows)))
    batch_id = batches.start_batch(app, owner, found.file, found.guess, aspects=False)
    write, calls = batch_job.State.write, []

    def stop_after_two(state: batch_job.State, folder: Path) -> None:
        write(state, folder)
        calls.append(state.done)
        if len(calls) == 2:
            batches.cancel_batch(app, owner, batch_id)
            # What a kill between two checkpoints leaves behind.
            with (folder / batch_job.ROWS).open("ab") as file:
                file.write(b"half a row")

    monkeypatch.setattr(batch_job.State, "write", stop_after_two)
    monkeypatch.setattr("core.jobs.context.CHECK_EVERY", 0.0)
    run(app, batch_id)
    stopped = batches.get_batch(app, owner, batch_id)
    assert stopped.state == "cancelled"
    assert 40 <= stopped.summary["rows"] < 100
    assert stopped.summary["complete"] is False
    assert used(app, owner) == stopped.summary["rows"], "what was not judged was given back"
    batches.resume_batch(app, owner, batch_id)
    run(app, batch_id)
    view = batches.get_batch(app, owner, batch_id)
    assert (view.state, view.summary["rows"], view.summary["complete"]) == ("done", 100, True)
    assert used(app, owner) == 100
    page = results.result_rows(app, owner, batch_id, limit=200)
    assert [row.text for row in page.rows] == [row[0] for row in rows], "each row once, in order"
    batches.delete_batch(app, owner, batch_id)
    assert not batches.batch_folder(app.settings, owner.workspace_id, batch_id).exists()


def test_the_sentences_behind_aspects_are_exported(app: Application, owner: Actor) -> None:
    rows = [("The screen is great, but the delivery was terribly late.", "", "=Lamp")]
    view = judged(app, owner, Upload("reviews.csv", data=table(rows)))
    with io.StringIO(results.export_aspects(app, owner, view.id).decode("utf-8-sig"), newline="") as file:
        found = [(row["group"], row["aspect"], row["polarity"], row["sentence"]) for row in csv.DictReader(file)]
    assert found == [
        ("'=Lamp", "performance", "positive", "The screen is great"),
        ("'=Lamp", "delivery", "negative", "but the delivery was terribly late."),
    ]


def used(app: Application, owner: Actor) -> int:
    return sum(line.all for line in quota.usage(app, owner) if line.metric == "judged_texts")


def test_judged_texts_are_counted_and_limited(app: Application, owner: Actor) -> None:
    quota.set_quota(app, owner, "workspace", 0, "judged_texts", "month", 5)
    one.score_texts(app, owner, ["good", "bad"])
    found = batches.preview(app, owner, Upload("four.csv", data=table([(f"lamp {n}", "", "") for n in range(4)])))
    with pytest.raises(OverLimit, match="takes 4 texts judged, and 3 texts judged are left"):
        batches.start_batch(app, owner, found.file, found.guess, rows_known=found.rows)
    assert batches.list_batches(app, owner) == []
    batch_id = batches.start_batch(app, owner, found.file, found.guess)  # by a caller that has not counted the rows
    run(app, batch_id)
    refused = batches.get_batch(app, owner, batch_id)
    assert (refused.state, refused.error["code"]) == ("failed", "quota.small")
    assert used(app, owner) == 2
    quota.set_quota(app, owner, "workspace", 0, "judged_texts", "month", 6)
    batches.resume_batch(app, owner, batch_id)
    run(app, batch_id)
    assert batches.get_batch(app, owner, batch_id).state == "done"
    assert used(app, owner) == 6
    with pytest.raises(OverLimit, match="is reached"):
        one.score_text(app, owner, "one more")


@pytest.mark.server
def test_a_killed_worker_leaves_no_row_twice(app: Application, owner: Actor, model_folder: Path) -> None:
    one.score_text(app, owner, "warm")
    rows = [(f"Review {number}: a great lamp with a nice shade", "2026-01-05", "Lamp") for number in range(4_000)]
    found = batches.preview(app, owner, Upload("many.csv", data=table(rows)))
    batch_id = batches.start_batch(app, owner, found.file, found.guess, aspects=False)
    state = batches.batch_folder(app.settings, owner.workspace_id, batch_id) / batch_job.STATE
    with worker_process(app, model_folder) as first:
        wait_for(lambda: state.is_file() and json.loads(state.read_text())["done"] > 0, "the first checkpoint", 240)
        first.send_signal(signal.SIGKILL)
        first.wait()
    done = batch_job.read_state(state.parent).done
    assert 0 < done < len(rows), "the kill came too late to test anything"
    with worker_process(app, model_folder):
        wait_for(lambda: batches.get_batch(app, owner, batch_id).finished, "the end of the resumed job", 400)
    view = batches.get_batch(app, owner, batch_id)
    assert (view.state, view.summary["rows"]) == ("done", len(rows))
    assert used(app, owner) == len(rows) + 1, "a killed job is not counted twice"
    with io.StringIO(results.export(app, owner, batch_id).decode("utf-8-sig"), newline="") as file:
        assert [row["review"] for row in csv.DictReader(file)] == [row[0] for row in rows]


def test_doubtful_texts_are_labelled_by_two_and_become_a_data_set(app: Application, owner: Actor) -> None:
    view = judged(app, owner, Upload("reviews.csv", data=table(REVIEWS)), aspects=False)
    assert lane.add_from_batch(app, owner, view.id, why="sampled", most=5) == 5
    assert lane.add_from_batch(app, owner, view.id, why="sampled", most=5) == 0, "each text waits once"
    with pytest.raises(BadInput) as early:
        lane.to_data_set(app, owner)
    assert early.value.code == "sentiment.too_few_labels"
    ann = ["positive", "negative", "negative", "positive", "neutral"]
    bob = ["positive", "negative", "negative", "positive", "positive"]
    for person, labels in (("Ann", ann), ("Bob", bob)):
        for label in labels:
            task = lane.next_task(app, owner, person, second=person == "Bob")
            assert task is not None
            lane.answer(app, owner, task.id, person, label)
        assert lane.next_task(app, owner, person) is None
    found = lane.lane(app, owner, "Ann")
    assert (found.open, found.labelled, found.both, found.disagreed, found.shared) == (0, 5, 5, 1, 5)
    # By hand: observed 4/5, expected (2*3 + 2*2 + 1*0) / 25.
    assert found.kappa == pytest.approx((0.8 - 0.4) / 0.6)
    lane.take_back(app, owner, "Bob")
    again = lane.next_task(app, owner, "Bob")
    assert again is not None
    lane.answer(app, owner, again.id, "Bob", "positive")
    job_id = lane.to_data_set(app, owner)
    runner(app).run(job_id)
    (made,) = data_sets.list_data_sets(app, owner)
    assert made.latest is not None
    assert made.latest.counts["kept"] == 4, "what people disagree on is left out"
