"""What happens to texts afterwards: edits with versions, ratings, finding, exports; voices and batches as jobs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.db.content_tables import ContentDraft
from core.db.tables import Job
from core.errors import BadInput, Conflict, NotFound, OverLimit
from core.services import jobs, quota
from core.services.application import Application
from core.services.content import batch_job, checking, drafts, exporting, templates, voices, writing
from core.services.content.views import WriteRequest
from core.services.studio import data_sets
from core.services.views import Upload
from tests.integration.content.conftest import KNOWN, UNKNOWN
from tests.integration.test_worker import wait_for, worker_process

ROMEO = WriteRequest("dialogue", {"first": "ROMEO"}, model=KNOWN, variants=2, max_tokens=12, seed=5)
COMPANY = "\n\n".join(
    f"Lamp {n} of the Aurora line shines for {n % 7 + 2} hours. Send it back within {n % 5 + 10} days."
    for n in range(60)
)


def test_an_edit_keeps_what_stood_there(app: Application, me: Actor) -> None:
    first = writing.write(app, me, ROMEO).variants[0]
    drafts.edit_variant(app, me, first.id, "Mine")
    drafts.edit_variant(app, me, first.id, "Mine")  # no change, no version
    drafts.edit_variant(app, me, first.id, "Mine again")
    assert drafts.list_versions(app, me, first.id) == [(2, "Mine"), (1, first.text)]
    assert drafts.restore_version(app, me, first.id, 1).text == first.text
    assert drafts.list_versions(app, me, first.id)[0] == (3, "Mine again")
    with pytest.raises(BadInput):
        drafts.edit_variant(app, me, first.id, " ")
    with pytest.raises(NotFound):
        drafts.restore_version(app, me, first.id, 99)


def test_ratings_become_preferences(app: Application, me: Actor) -> None:
    draft = writing.write(app, me, ROMEO)
    with pytest.raises(BadInput):
        drafts.preference_file(app, me)
    good, bad = draft.variants
    drafts.rate(app, me, good.id, 1)
    drafts.rate(app, me, bad.id, -1)
    name, data = drafts.preference_file(app, me)
    (pair,) = [json.loads(line) for line in data.decode().splitlines()]
    assert name.endswith(".jsonl")
    assert (pair["chosen"], pair["rejected"], pair["prompt"]) == (good.text, bad.text, "first: ROMEO")


def test_drafts_are_found_exported_and_deleted(app: Application, me: Actor) -> None:
    one = writing.write(app, me, ROMEO)
    two = writing.write(app, me, replace(ROMEO, values={"first": "JULIET_100%"}))
    drafts.edit_variant(app, me, two.variants[1].id, "A text about marmalade")
    drafts.set_favourite(app, me, two.variants[1].id, True)
    assert drafts.list_drafts(app, me).total == 2
    assert [d.id for d in drafts.list_drafts(app, me, find="marmalade").drafts] == [two.id]
    assert [d.id for d in drafts.list_drafts(app, me, find="_100%").drafts] == [two.id]
    assert drafts.list_drafts(app, me, find="%").total == 1, "a sign of the search language is a letter here"
    assert [d.id for d in drafts.list_drafts(app, me, favourites=True).drafts] == [two.id]
    assert drafts.newest_draft(app, me).id == two.id  # type: ignore[union-attr]
    _, data = exporting.export_drafts(app, me, [one.id, two.id], "csv", favourites=True)
    assert data.decode().count("marmalade") == 1
    drafts.delete_draft(app, me, two.id)
    assert drafts.list_drafts(app, me).total == 1
    with pytest.raises(NotFound):
        drafts.get_draft(app, me, two.id)


def test_brand_rules_are_kept_and_checked(app: Application, me: Actor) -> None:
    checking.save_brand(app, me, banned=["cheapest", " ", "cheapest"], limits={"headline": 5})
    assert checking.brand(app, me)["banned"] == ["cheapest"]
    draft = writing.write(app, me, WriteRequest("headline", {"about": "x"}, model=UNKNOWN, variants=1, max_tokens=5))
    found = {finding.code: finding.status for finding in checking.check(app, me, draft, "The cheapest lamp")}
    assert found["banned"] == "bad"
    assert found["length"] == "bad"
    with pytest.raises(BadInput):
        checking.save_brand(app, me, banned=[], limits={"headline": -1})


def test_the_tone_is_what_the_sentiment_model_hears_once_it_is_loaded(app: Application, me: Actor) -> None:
    draft = writing.write(app, me, WriteRequest("headline", {"about": "x"}, model=UNKNOWN, variants=1, max_tokens=5))

    def heard(text: str) -> set[str]:
        return {one.code for one in checking.check(app, me, draft, text) if one.code.startswith("tone_")}

    deadline = time.monotonic() + 120
    while not heard("x") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert heard("A wonderful lamp that makes every evening better.") == {"tone_positive"}
    assert heard("这台灯太差了，用了一天就坏，客服也不理人。") == {"tone_negative"}
    assert heard("  ") == set()


def test_an_own_template_writes(app: Application, me: Actor) -> None:
    fields = [{"name": "topic", "label": "Topic"}]
    own = templates.save_template(app, me, {"title": "Job ad", "instruction": "Write for {topic}.", "fields": fields})
    draft = writing.write(app, me, WriteRequest(own, {"topic": "Gardener"}, model=UNKNOWN, variants=1, max_tokens=5))
    assert draft.state == "done"
    templates.delete_template(app, me, own)
    assert drafts.get_draft(app, me, draft.id).template == own
    with pytest.raises(NotFound):
        writing.write(app, me, WriteRequest(own, {"topic": "x"}, model=UNKNOWN))


def test_a_voice_is_made_judged_used_and_handed_to_the_studio(
    app: Application, me: Actor, work: Callable[[int], None]
) -> None:
    number = voices.start_voice(app, me, "House style", KNOWN, uploads=[Upload("texts.txt", COMPANY.encode())])
    asked = replace(ROMEO, voice_id=number)
    with pytest.raises(Conflict):
        writing.write(app, me, asked)
    (view,) = voices.list_voices(app, me)
    work(view.job_id or 0)
    (view,) = voices.list_voices(app, me)
    assert view.state == "ready", view.error
    assert view.figures["after"] < 0.85 * view.figures["before"]
    spoken = writing.write(app, me, asked)
    assert spoken.state == "done", spoken.error
    assert spoken.variants[0].text != writing.write(app, me, ROMEO).variants[0].text
    copied = COMPANY.split("\n\n")[3]
    assert "copy" in {one.code for one in checking.check(app, me, spoken, copied)}
    with pytest.raises(BadInput):
        writing.write(app, me, WriteRequest("continuation", {"text": "x"}, model=UNKNOWN, voice_id=number))
    job = exporting.fine_tune(app, me, number)
    work(job)
    (made,) = data_sets.list_data_sets(app, me, tasks=("language_model",))
    assert made.latest is not None
    assert made.latest.counts["kept"] == 60
    voices.delete_voice(app, me, number)
    assert voices.list_voices(app, me) == []
    assert not list((app.settings.data_dir / "voices").rglob("texts.json"))


def test_a_voice_of_too_little_fails_with_its_reason(app: Application, me: Actor, work: Callable[[int], None]) -> None:
    voices.start_voice(app, me, "Small", KNOWN, uploads=[Upload("few.txt", b"One.\n\nTwo.")])
    work(voices.list_voices(app, me)[0].job_id or 0)
    (view,) = voices.list_voices(app, me)
    assert (view.state, view.error["code"]) == ("failed", "content.voice_short")
    for name, model, more in (("", KNOWN, {"uploads": [Upload("a.txt", b"x")]}), ("x", KNOWN, {}),
                              ("x", "documents", {"uploads": [Upload("a.txt", b"x")]})):  # fmt: skip
        with pytest.raises(BadInput):
            voices.start_voice(app, me, name, model, **more)  # type: ignore[arg-type]


def briefs(count: int) -> Upload:
    rows = "".join(f"NAME{n}\n" if n != 1 else '"' + "x" * 301 + '"\n' for n in range(count))
    return Upload("briefs.csv", f"first\n{rows}".encode())


def test_a_batch_writes_a_draft_a_row_and_lists_what_it_cannot(
    app: Application, me: Actor, work: Callable[[int], None]
) -> None:
    request = replace(ROMEO, values={}, variants=1, max_tokens=6, seed=40)
    for data, code in ((b"first\n", "content.batch_empty"), (b"last\nx\n", "content.batch_columns")):
        with pytest.raises(BadInput) as caught:
            batch_job.start_batch(app, me, request, Upload("b.csv", data))
        assert caught.value.code == code
    with pytest.raises(BadInput):
        batch_job.start_batch(
            app, me, replace(request, template="advertisement"), Upload("b.csv", b"product,message\nx,y\n")
        )
    job_id = batch_job.start_batch(app, me, request, briefs(4))
    work(job_id)
    job = jobs.get_job(app, me, job_id)
    assert (job.state, job.result["written"]) == ("done", 3)
    assert [(one["row"], one["error"]["code"]) for one in job.result["failed"]] == [(2, "content.field_long")]
    made = drafts.list_drafts(app, me, job_id=job_id).drafts
    assert [one.title for one in made] == ["NAME0", "NAME2", "NAME3"]
    assert [one.settings["seed"] for one in made] == [40, 42, 43]
    assert exporting.export_job(app, me, job_id, "csv")[1].decode().count("\nNAME") == 3


@pytest.mark.server
def test_a_killed_batch_goes_on_where_it_was(app: Application, me: Actor, model_folder: Path) -> None:
    request = replace(ROMEO, values={}, variants=1, max_tokens=40)
    upload = Upload("b.csv", ("first\n" + "".join(f"N{n}\n" for n in range(60))).encode())
    job_id = batch_job.start_batch(app, me, request, upload)
    # The worker runs in the data folder and reads its settings there.
    (app.settings.data_dir / ".env").write_text(f"PILOTLIGHT_MODELS_DIR={app.settings.models_dir}\n")

    def whole() -> int:
        with app.database.read(me.workspace_id) as rows:
            return rows.count(ContentDraft, ContentDraft.job_id == job_id, ContentDraft.state == "done")

    with worker_process(app, model_folder) as first:
        wait_for(lambda: whole() >= 3, "three drafts", 240)
        first.send_signal(signal.SIGKILL)
        first.wait()
    before = {one.id for one in drafts.list_drafts(app, me, job_id=job_id, size=100).drafts if one.state == "done"}
    assert 3 <= len(before) < 60, "the kill came too late to test anything"
    with worker_process(app, model_folder):
        wait_for(lambda: jobs.get_job(app, me, job_id).finished, "the end of the resumed batch", 240)
    made = drafts.list_drafts(app, me, job_id=job_id, size=100).drafts
    assert [one.title for one in made] == [f"N{n}" for n in range(60)]
    assert before <= {one.id for one in made}, "what was written was not written again"
    with app.database.read(me.workspace_id) as rows:
        assert rows.get(Job, job_id).attempts == 2


def test_a_batch_is_built_from_sources_and_pays_for_who_asked(
    app: Application, me: Actor, handbook: int, work: Callable[[int], None]
) -> None:
    ann = replace(me, account_id=7)
    quota.set_quota(app, me, "account", 7, "tokens", "month", 1000)
    request = WriteRequest("support_reply", {}, model="documents", knowledge_base_id=handbook, variants=1)
    table = b"message,customer\nWhen are refunds paid?,Jo\nHow long do parcels to Norway take?,Ann\n"
    job_id = batch_job.start_batch(app, ann, request, Upload("b.csv", table))
    work(job_id)
    first, second = drafts.list_drafts(app, me, job_id=job_id).drafts
    assert "5 working days" in first.variants[0].text
    assert first.sources
    assert (second.number, second.values["customer"]) == (2, "Ann")
    changed = drafts.edit_variant(app, me, second.variants[0].id, "Parcels take 3 days, says Mr Smith.")
    assert [claim.text.strip() for claim in checking.claims(second, changed.text)] == ["3 days", "Mr Smith"]
    assert "3 days; Mr Smith" in exporting.export_job(app, me, job_id, "csv")[1].decode()
    written = batch_job.start_batch(app, ann, replace(ROMEO, values={}, variants=1, max_tokens=6), briefs(1))
    work(written)
    assert drafts.list_drafts(app, me, job_id=written).total == 1
    (stands,) = quota.left(app, ann)
    assert 0 < stands.used <= 6, "who started it pays for it"


def test_a_batch_leans_on_a_voice(app: Application, me: Actor, work: Callable[[int], None]) -> None:
    upload = Upload("texts.txt", COMPANY.encode())
    voice = voices.start_voice(app, me, "House", KNOWN, uploads=[upload])
    (queued,) = [one for one in voices.list_voices(app, me) if one.id == voice]
    assert queued.job_id is not None
    work(queued.job_id)
    request = replace(ROMEO, values={}, variants=1, max_tokens=12, seed=3)
    texts = []
    for chosen in (None, voice):
        job_id = batch_job.start_batch(app, me, replace(request, voice_id=chosen), briefs(1))
        work(job_id)
        (draft,) = drafts.list_drafts(app, me, job_id=job_id).drafts
        texts.append(draft.variants[0].text)
        assert draft.voice_id == chosen
    assert texts[0] != texts[1]


def test_the_example_table_can_be_given_back(app: Application, me: Actor) -> None:
    for one in templates.list_templates(app, me, "zh"):
        (brief,) = batch_job.read_briefs(app, one, Upload("b.csv", batch_job.example_file(one)))
        assert brief.keys() >= {field.name for field in one.fields if field.required}, one.id


def test_rows_that_failed_are_written_again(app: Application, me: Actor, work: Callable[[int], None]) -> None:
    quota.set_quota(app, me, "workspace", 0, "tokens", "month", 8)
    job_id = batch_job.start_batch(app, me, replace(ROMEO, values={}, variants=1, max_tokens=8), briefs(4))
    work(job_id)
    failed = jobs.get_job(app, me, job_id).result["failed"]
    assert {one["error"]["code"] for one in failed} == {"content.field_long", "quota.renews"}
    kept = {one.id for one in drafts.list_drafts(app, me, job_id=job_id).drafts}
    quota.set_quota(app, me, "workspace", 0, "tokens", "month", None)
    batch_job.write_failed_again(app, me, job_id)
    with pytest.raises(Conflict):
        batch_job.write_failed_again(app, me, job_id)
    work(job_id)
    job = jobs.get_job(app, me, job_id)
    assert [one["row"] for one in job.result["failed"]] == [2]
    made = drafts.list_drafts(app, me, job_id=job_id).drafts
    assert [one.number for one in made] == [1, 3, 4]
    assert kept < {one.id for one in made}
    with pytest.raises(NotFound):
        batch_job.write_failed_again(app, me, 999)


def test_the_command_line_writes_a_table(
    app: Application, me: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from core.cli.main import cli

    monkeypatch.setattr("core.cli.batch.open_application", lambda: app)
    table = tmp_path / "briefs.csv"
    table.write_bytes(b"first\nROMEO\n" + b"x" * 301 + b"\nJULIET\n")
    options = ["--template", "dialogue", "--briefs", str(table), "--model", KNOWN, "--length", "6", "--seed", "4"]
    done = CliRunner().invoke(cli, ["write", *options, "--json"])
    assert done.exit_code == 1, done.output
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["row"] for one in said] == [1, 2, 3]
    assert [one.get("seed") for one in said] == [4, None, 6]
    assert "300" in said[1]["error"]


def test_tokens_are_counted_as_they_were_written(app: Application, me: Actor) -> None:
    """Reserved before, given back after; when none are left nothing is begun, but documents can still be quoted."""
    quota.set_quota(app, me, "workspace", 0, "tokens", "month", 20)
    draft = writing.write(app, me, ROMEO)
    (stands,) = quota.left(app, me)
    assert stands.used == sum(one.tokens for one in draft.variants) > 0
    with app.database.write(me.workspace_id) as rows:
        quota.note(rows, quota.subjects_of(me), "tokens", 20)
    with pytest.raises(OverLimit, match="20 tokens"):
        writing.write(app, me, ROMEO)
    assert drafts.list_drafts(app, me).total == 1
