"""The Studio page, driven without a browser, on real services and models small enough to be trained in the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.bootstrap import build, local_actor, runner
from core.services import jobs
from core.services.application import Application
from core.services.studio import data_sets, registry, runs
from core.services.views import Upload
from core.settings import Settings
from tests.app.conftest import OpenPage, texts
from tests.conftest import NewPlace

Work = Callable[[int], None]
LSTM = {"epochs": 3, "embedding": 8, "hidden": 8, "batch_size": 16, "learning_rate": 0.01}
GOOD = ("lovely lamp", "a warm light", "arrived early", "works well", "我很喜欢", "质量很好")
BAD = ("broken lamp", "it flickers", "arrived late", "stopped working", "质量很差", "不好用")


def reviews(rows: int = 240) -> bytes:
    """Invented reviews with two labels, one a line, no two alike."""
    lines = ["text,label"]
    for number in range(rows):
        words, label = (GOOD, "good") if number % 2 else (BAD, "bad")
        lines.append(f"{words[number // 2 % 6]} says customer {number * 7919 % 9973} of shop {number},{label}")
    return "\n".join(lines).encode()


def make_data_set(app: Application, me: Actor, name: str = "Lamp reviews", rows: int = 240) -> int:
    """Queues a data set; the job's id."""
    mapping, options = (
        {"text": "text", "label": "label"},
        {"split": {"validation": 0.2, "test": 0.25}, "label_errors": False},
    )
    return data_sets.start_data_set(
        app, me, name, "text_classification", Upload("r.csv", reviews(rows)), mapping, options
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, new_place: NewPlace) -> Iterator[Settings]:
    """A workspace with a data set, two finished runs and their model versions, made once."""
    with new_place(tmp_path_factory.mktemp("studio")) as settings:
        _train(settings)
        yield settings


def _train(settings: Settings) -> None:
    app = build(settings)
    me = local_actor(app, "visitor-of-the-app-tests-0000")
    run = runner(app).run
    run(make_data_set(app, me))
    [one] = data_sets.list_data_sets(app, me)
    assert one.latest is not None
    for seed in (0, 1):
        number = runs.start_run(app, me, "lstm", one.latest.id, {**LSTM, "seed": seed}, name="Lamp mood")
        run(runs.get_run(app, me, number).job_id or 0)
        assert runs.get_run(app, me, number).state == "done", runs.get_run(app, me, number).error
    app.queue.close()
    app.database.engine.dispose()


@pytest.fixture
def studio(trained: Settings, tmp_path: Path, new_place: NewPlace, make_application: Any) -> Iterator[Application]:
    """A copy of that workspace, to change at will."""
    from pages.shared.application import use_application

    with new_place(tmp_path / "copy", like=trained) as settings:
        app = make_application(settings)
        use_application(app)
        yield app


def go_to(page: AppTest, section: str) -> AppTest:
    return page.segmented_control(key="studio.section").set_value(section).run()


def buttons(page: AppTest, start: str) -> list[str]:
    return [str(one.key) for one in page.button if str(one.key).startswith(start)]


# --- data sets ---


def test_an_empty_studio_says_what_to_do_first(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("studio")
    assert "No data sets yet" in texts(page)
    for section, said in (("train", "Nothing to train on"), ("runs", "No runs yet"), ("models", "No models yet")):
        go_to(page, section)
        assert said in texts(page)
        assert not page.error
    go_to(page, "serving")
    assert "Nothing to put to work yet" in texts(page)


def test_the_example_becomes_a_data_set_whose_rows_can_be_read(
    open_page: OpenPage, app: Application, me: Actor, work: Work
) -> None:
    page = open_page("studio")
    page.button(key="data-example").click().run()
    [job] = jobs.list_jobs(app, me)
    assert "Example reviews" in texts(page)
    assert "Queued" in str([badge.value for badge in page.markdown] + [texts(page)])
    work(job.id)
    page.run()
    said = texts(page)
    assert not page.error
    [one] = data_sets.list_data_sets(app, me)
    assert one.latest is not None
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Training"] == str(one.latest.counts["splits"]["train"])
    assert sum(one.latest.counts["splits"].values()) == 200
    assert "Labels (3)" in said
    shown = page.dataframe[0].value
    assert list(shown.columns)[:2] == ["text", "label"]
    assert len(shown) == 25


def test_a_file_goes_through_the_wizard_and_what_was_left_out_is_said(
    open_page: OpenPage, app: Application, me: Actor, work: Work
) -> None:
    page = open_page("studio")
    page.button(key="data-first").click().run()
    table = reviews(60) + b"\nbroken lamp says customer 0 of shop 0,bad\n,good\nwrite to jo@example.com please,good\n"
    page.file_uploader(key="upload-file").set_value([("lamps.csv", table, "text/csv")]).run()
    assert not page.error
    assert "63 rows" in texts(page)
    mark = str(page.query_params["file"])[:10]
    assert page.radio(key=f"up-task-{mark}").value == "text_classification"
    assert page.selectbox(key=f"up-text_classification-text-{mark}").value == "text"
    assert page.selectbox(key=f"up-text_classification-label-{mark}").value == "label"
    page.toggle(key=f"up-mask-text_classification-{mark}").set_value(True)
    page.text_input(key=f"up-name-{mark}").set_value("Lamps").run()
    page.button(key=f"up-make-{mark}").click().run()
    assert not page.error
    [job] = jobs.list_jobs(app, me)
    work(job.id)
    page.run()
    said = texts(page)
    assert "Lamps" in said
    assert "1 row: says the same as another row" in said
    assert "1 row: no text, or no value at all" in said
    assert "masked: e-mail addresses" in said


def test_a_reload_in_the_wizard_keeps_the_file(open_page: OpenPage, app: Application, me: Actor) -> None:
    stored = data_sets.preview_upload(app, me, Upload("lamps.csv", reviews(40))).file
    page = open_page("studio", **{"studio.open": {"file": f"{stored.sha256}.{stored.size}.lamps.csv"}})
    assert "40 rows" in texts(page)
    assert page.button(key=f"up-make-{stored.sha256[:10]}").disabled is False


def test_a_broken_file_is_refused_in_words_and_another_can_be_taken(open_page: OpenPage) -> None:
    page = open_page("studio")
    page.button(key="data-first").click().run()
    page.file_uploader(key="upload-file").set_value([("empty.csv", b"text,label\n", "text/csv")]).run()
    assert page.error
    assert "empty.csv" in page.error[0].value
    assert page.file_uploader(key="upload-file")


def test_findings_are_said_in_words_with_rows_to_look_at(
    open_page: OpenPage, app: Application, me: Actor, work: Work
) -> None:
    table = reviews(80) + b"\nwrite to jo@example.com about the lamp,good\n"
    mapping, options = {"text": "text", "label": "label"}, {"label_errors": False}
    work(data_sets.start_data_set(app, me, "Lamps", "text_classification", Upload("l.csv", table), mapping, options))
    [one] = data_sets.list_data_sets(app, me)
    assert one.latest is not None
    place = next(n for n, found in enumerate(_ranked(one.latest.findings)) if found["code"] == "personal")
    state = {"studio.open": {"data": str(one.id)}, f"finding-{one.latest.id}-{place}": True}
    said = texts(open_page("studio", **state))
    assert "1 rows hold personal data" in said
    assert "jo@example.com about the lamp" in said


def _ranked(findings: Any) -> list[Any]:
    order = ["error", "warning", "hint"]
    return sorted(findings, key=lambda found: order.index(found["severity"]))


def test_a_data_set_in_use_is_not_deleted(open_page: OpenPage, studio: Application, me: Actor) -> None:
    [one] = data_sets.list_data_sets(studio, me)
    page = open_page("studio", **{"studio.open": {"data": str(one.id)}})
    page.button(key=f"delete-data-{one.id}").click().run()
    page.button(key="delete-data-yes").click().run()
    assert "2 runs learnt from it" in page.error[0].value
    assert data_sets.list_data_sets(studio, me)


# --- training ---


def test_rows_in_chinese_are_offered_a_base_model_that_reads_them(
    open_page: OpenPage, app: Application, me: Actor, work: Work
) -> None:
    lines = [
        f"第{number}号店的灯{'很好，我喜欢' if number % 2 else '不好，总是坏'},{number % 2}" for number in range(80)
    ]
    table = "\n".join(["text,label", *lines]).encode()
    mapping, options = {"text": "text", "label": "label"}, {"label_errors": False}
    work(data_sets.start_data_set(app, me, "灯", "text_classification", Upload("l.csv", table), mapping, options))
    page = go_to(open_page("studio"), "train")
    assert not page.error
    base = page.selectbox(key="arg-text_classifier-encoder")
    assert base.value == "pilotlight-minilm-bilingual"
    assert "does not read this language" not in texts(page)
    base.set_value("all-MiniLM-L6-v2")
    page.button(key="train-start").click().run()
    assert not page.error
    assert not page.exception
    assert runs.list_runs(app, me)[0].args["encoder"] == "all-MiniLM-L6-v2"
    go_to(page, "train")
    assert page.selectbox(key="arg-text_classifier-encoder").value == "all-MiniLM-L6-v2", "a choice stays"
    assert "does not read this language: 100 % of the rows are Chinese" in texts(page)


def test_a_model_is_judged_on_a_file_of_ones_own(open_page: OpenPage, studio: Application, me: Actor) -> None:
    version = registry.list_versions(studio, me)[0]
    page = open_page("studio", **{"studio.open": {"model": str(version.id)}, "model-part": "try"})
    page = page.segmented_control(key="studio.section").set_value("models").run()
    assert not page.error
    judge = f"judge-go-{version.id}"
    page.button(key=judge).click().run()
    assert "Choose a file first" in str([one.value for one in page.warning])
    table = reviews(40) + b"\nlovely lamp,splendid\n"
    page.file_uploader(key=f"judge-file-{version.id}").set_value([("new.csv", table, "text/csv")])
    page.button(key=judge).click().run()
    assert not page.error, page.error[0].value
    said = texts(page)
    assert "new.csv" in said
    assert "40 rows" in said
    assert "1 row: a label that is not allowed" in said
    shown = next(one.value for one in page.dataframe if "95 % bounds" in one.value.columns)
    assert "Accuracy" in set(shown["Measure"])
    page.file_uploader(key=f"judge-file-{version.id}").set_value([("none.csv", b"a,b\n1,2\n", "text/csv")])
    page.button(key=judge).click().run()
    assert page.error
    assert page.file_uploader(key=f"judge-file-{version.id}")


def test_training_starts_from_the_form_and_its_run_ends_in_a_model(
    open_page: OpenPage, studio: Application, me: Actor, work: Work
) -> None:
    page = open_page("studio")
    go_to(page, "train")
    assert not page.error
    page.pills(key="train-recipe-text_classification").set_value("lstm").run()
    for name, value in LSTM.items():
        page.number_input(key=f"arg-lstm-{name}").set_value(value)
    page.text_input(key=f"train-name-{data_sets.list_data_sets(studio, me)[0].id}").set_value("Third")
    page.button(key="train-start").click().run()
    assert not page.error, page.error[0].value
    run = runs.list_runs(studio, me)[0]
    assert run.name == "Third"
    assert {name: run.args[name] for name in LSTM} == LSTM
    assert page.query_params["run"] == str(run.id), "a reload opens the same run"


@pytest.mark.slow
def test_a_check_says_what_a_run_will_take(open_page: OpenPage, studio: Application, me: Actor) -> None:
    page = open_page("studio", **{"studio.section": "train"})
    page.pills(key="train-recipe-text_classification").set_value("lstm").run()
    for name, value in LSTM.items():
        page.number_input(key=f"arg-lstm-{name}").set_value(value)
    page.button(key="train-check").click().run(timeout=240)
    assert not page.error, page.error[0].value
    assert "This fits on this machine." in texts(page)
    assert {"Time", "Memory", "Disk", "Steps"} <= {metric.label for metric in page.metric}
    page.button(key="train-start").click().run()
    assert runs.list_runs(studio, me)[0].estimate["seconds"] > 0, "what was estimated is kept with the run"


def test_a_search_is_queued_from_the_same_form(open_page: OpenPage, studio: Application, me: Actor) -> None:
    page = open_page("studio", **{"studio.section": "train"})
    page.pills(key="train-recipe-text_classification").set_value("lstm").run()
    page.number_input(key="tune-trials").set_value(3)
    page.button(key="tune-start").click().run()
    assert not page.error, page.error[0].value
    run = runs.list_runs(studio, me)[0]
    assert run.recipe == "tune"
    assert run.args["trials"] == 3
    assert "No trial has ended yet." in texts(page)


def test_an_earlier_run_fills_the_form(open_page: OpenPage, studio: Application, me: Actor) -> None:
    run = runs.list_runs(studio, me)[0]
    page = open_page("studio", **{"studio.section": "runs", "studio.open": {"run": str(run.id)}})
    page.button(key=f"again-{run.id}").click().run()
    assert page.segmented_control(key="studio.section").value == "train"
    assert page.pills(key="train-recipe-text_classification").value == "lstm"
    assert {name: page.number_input(key=f"arg-lstm-{name}").value for name in LSTM} == LSTM


def test_an_argument_that_cannot_be_is_refused_by_name(open_page: OpenPage, studio: Application, me: Actor) -> None:
    page = open_page("studio")
    go_to(page, "train")
    page.pills(key="train-recipe-text_classification").set_value("text_classifier").run()
    page.number_input(key="arg-text_classifier-batch_size").set_value(8)
    page.number_input(key="arg-text_classifier-accumulate").set_value(16)
    page.button(key="train-start").click().run()
    assert "accumulate is 16" in page.error[0].value
    assert len(runs.list_runs(studio, me)) == 2


# --- runs ---


def test_a_finished_run_shows_curves_log_arguments_and_the_way_to_its_model(
    open_page: OpenPage, studio: Application, me: Actor
) -> None:
    run = runs.list_runs(studio, me)[0]
    page = open_page("studio", **{"studio.section": "runs", "studio.open": {"run": str(run.id)}})
    assert not page.error
    labels = [metric.label for metric in page.metric]
    assert "Accuracy (test)" in labels
    assert page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart")
    assert any("trained" in code.value for code in page.code), "the log is there"
    page.button(key=f"run-model-{run.id}").click().run()
    assert page.segmented_control(key="studio.section").value == "models"
    assert "Did it learn?" in texts(page)


def test_two_runs_stand_side_by_side(open_page: OpenPage, studio: Application, me: Actor) -> None:
    found = runs.list_runs(studio, me)
    page = open_page("studio", **{"studio.section": "runs"})
    assert page.button(key="runs-compare-go").disabled
    for run in found:
        page.checkbox(key=f"pick-run-{run.id}").check().run()
    page.button(key="runs-compare-go").click().run()
    assert not page.error
    tables = [frame.value for frame in page.dataframe]
    assert any("Accuracy (test)" in list(table.iloc[:, 0]) for table in tables)
    differing = list(tables[1].iloc[:, 0])
    assert differing == ["Seed"]


def test_a_waiting_run_is_cancelled_and_gone_on_with(
    open_page: OpenPage, studio: Application, me: Actor, work: Work
) -> None:
    [one] = data_sets.list_data_sets(studio, me)
    assert one.latest is not None
    number = runs.start_run(studio, me, "lstm", one.latest.id, LSTM, name="Waiting")
    page = open_page("studio", **{"studio.section": "runs", "studio.open": {"run": str(number)}})
    page.button(key=f"cancel-run-{number}").click().run()
    assert runs.get_run(studio, me, number).state == "cancelled"
    page.button(key=f"retry-run-{number}").click().run()
    assert runs.get_run(studio, me, number).state == "queued"


def test_two_hundred_runs_are_paged_and_found(open_page: OpenPage, studio: Application, me: Actor) -> None:
    from core.db.studio_tables import TrainingRun

    with studio.database.write(me.workspace_id) as rows:
        rows.add_all(
            [TrainingRun(name=f"Old {'very ' * 12}long name {n}", recipe="lstm", state="failed") for n in range(200)]
        )
    page = open_page("studio", **{"studio.section": "runs"})
    assert len(buttons(page, "open-run-")) == 20
    page.text_input(key="runs-search").set_value("mood").run()
    assert len(buttons(page, "open-run-")) == 2
    page.text_input(key="runs-search").set_value("").run()
    page.selectbox(key="runs-state").set_value("failed").run()
    assert len(buttons(page, "open-run-")) == 20
    assert not page.error


def test_a_failed_run_says_why(open_page: OpenPage, studio: Application, me: Actor) -> None:
    from core.db.studio_tables import TrainingRun

    error = {"code": "studio.disk_full", "values": {}}
    with studio.database.write(me.workspace_id) as rows:
        number = rows.add(TrainingRun(name="Full", recipe="lstm", state="failed", error=error)).id
    page = open_page("studio", **{"studio.section": "runs", "studio.open": {"run": str(number)}})
    assert "The disk is full" in page.error[0].value
    assert page.button(key=f"retry-run-{number}")


# --- models ---


def test_a_model_says_whether_it_learnt_and_shows_what_it_confuses(
    open_page: OpenPage, studio: Application, me: Actor
) -> None:
    version = registry.list_versions(studio, me)[0]
    page = open_page("studio", **{"studio.section": "models", "studio.open": {"model": str(version.id)}})
    report = registry.version_report(studio, me, version.id)
    verdicts = [*page.success, *page.warning, *page.error]
    assert any("Did it learn?" in one.value for one in verdicts)
    box = page.selectbox(key=f"cell-{version.id}")
    cell = report["cells"][-1]  # type: ignore[index]
    box.set_value(f"{cell['gold']}-{cell['predicted']}").run()
    assert cell["examples"][0]["text"] in texts(page)


def test_a_model_is_tried_and_explains_itself_word_by_word(open_page: OpenPage, studio: Application, me: Actor) -> None:
    version = registry.list_versions(studio, me)[0]
    state = {"studio.section": "models", "studio.open": {"model": str(version.id)}, "model-part": "try"}
    page = open_page("studio", **state)
    page.text_area(key=f"try-text-{version.id}").set_value("a <b>lovely</b> lamp")
    page.button(key=f"try-go-{version.id}").click().run(timeout=240)  # loads the model's library
    assert not page.error, page.error[0].value
    marked = " ".join(html.value for html in page.html if "<span" in html.value)
    assert "lovely" in marked
    assert "<b>" not in marked, "what was typed must not become markup"
    assert "For “" in texts(page)


def test_a_version_in_use_is_not_deleted(open_page: OpenPage, studio: Application, me: Actor) -> None:
    version = registry.list_versions(studio, me)[0]
    registry.promote(studio, me, "sentiment", version.id)
    page = open_page("studio", **{"studio.section": "models", "studio.open": {"model": str(version.id)}})
    page.button(key=f"delete-model-{version.id}").click().run()
    page.button(key="delete-model-yes").click().run()
    assert any("cannot be deleted: it serves sentiment" in error.value for error in page.error)
    assert registry.get_version(studio, me, version.id)


def test_a_model_without_classes_shows_its_figures(open_page: OpenPage, studio: Application, me: Actor) -> None:
    from core.db.studio_tables import ModelVersion

    measures = {"loss": {"before": 3.2, "after": 2.1, "low": -1.3, "high": -0.9}}
    figures = {"kind": "language_model", "rows": 40, "measures": measures, "samples": ["Once <b>upon</b>"]}
    version = registry.list_versions(studio, me)[0]
    with studio.database.write(me.workspace_id) as rows:
        rows.update(ModelVersion, ModelVersion.id == version.id, report={"figures": figures})
    page = open_page("studio", **{"studio.section": "models", "studio.open": {"model": str(version.id)}})
    assert "It learnt" in page.success[0].value
    assert "Once <b>upon</b>" in [text.value for text in page.text]
    assert "−1.100  (−1.300 … −0.900)" in list(page.dataframe[0].value["Change"])


def test_compressed_variants_stand_beside_the_original_with_their_gate(
    open_page: OpenPage, studio: Application, me: Actor
) -> None:
    from core.db.studio_tables import TrainingRun

    version = registry.list_versions(studio, me)[0]
    line = {"texts_per_second": 100.0, "accuracy": 0.91, "lost": 0.0, "passed": True, "runs": "torch"}
    lines = [
        {**line, "name": "original", "size_bytes": 4_000_000},
        {**line, "name": "onnx-int8", "size_bytes": 1_000_000, "texts_per_second": 210.0},
        {**line, "name": "pruned", "size_bytes": 2_000_000, "accuracy": 0.85, "lost": 0.06, "passed": False},
    ]
    with studio.database.write(me.workspace_id) as rows:
        args = {"version_id": version.id, "variants": ["onnx-int8", "pruned"], "limit": 0.01}
        metrics = {"variants": lines}
        run = rows.add(TrainingRun(name="Small", recipe="compress", state="done", args=args, metrics=metrics)).id
    page = open_page("studio", **{"studio.section": "runs", "studio.open": {"run": str(run)}})
    assert not page.error
    said = texts(page)
    assert "(4.0×)" in said
    assert "(2.10×)" in said
    assert "−6.0 points" in said
    assert "accuracy kept" in said
    assert "lost too much" in said


# --- serving ---


def test_promote_canary_and_roll_back(open_page: OpenPage, studio: Application, me: Actor) -> None:
    new, old = registry.list_versions(studio, me)
    page = open_page("studio", **{"studio.section": "serving"})
    page.selectbox(key="promote-version-sentiment").set_value(old.id).run()
    page.button(key="promote-go-sentiment").click().run()
    assert not page.error
    page.selectbox(key="promote-version-sentiment").set_value(new.id)
    page.selectbox(key="promote-share-sentiment").set_value(10).run()
    page.button(key="promote-go-sentiment").click().run()
    assert registry.get_version(studio, me, new.id).serves == {"sentiment": 0.1}
    page.button(key="roll-back-sentiment").click().run()
    assert registry.get_version(studio, me, new.id).serves == {}
    assert registry.get_version(studio, me, old.id).serves == {"sentiment": 1.0}
    page.button(key="roll-back-sentiment").click().run()
    assert registry.get_version(studio, me, old.id).serves == {}
    assert "Nothing is promoted" in texts(page)


def test_a_version_that_lost_too_much_is_refused(open_page: OpenPage, studio: Application, me: Actor) -> None:
    from core.db.studio_tables import ModelVersion

    version = registry.list_versions(studio, me)[0]
    with studio.database.write(me.workspace_id) as rows:
        rows.update(ModelVersion, ModelVersion.id == version.id, gate={"passed": False, "lost": 0.031, "limit": 0.01})
    page = open_page("studio", **{"studio.section": "serving"})
    page.selectbox(key="promote-version-sentiment").set_value(version.id).run()
    page.button(key="promote-go-sentiment").click().run()
    assert "3.1 points" in page.error[0].value
    assert registry.get_version(studio, me, version.id).serves == {}


# --- languages ---


@pytest.mark.parametrize("section", ["data", "train", "runs", "models", "serving"])
def test_the_page_speaks_chinese(open_page: OpenPage, studio: Application, section: str) -> None:
    page = open_page("studio", locale="zh-CN", **{"studio.section": section})
    assert not page.error
    assert page.title[0].value == "模型工坊"
    labels = [one.label for kind in (page.button, page.selectbox, page.text_input, page.number_input) for one in kind]
    own = {"Lamp", "LSTM", "LoRA"}
    english = [label for label in labels if label.isascii() and label.strip("* ") and not any(w in label for w in own)]
    assert english == []


def test_an_unknown_place_in_the_address_leads_back_to_the_list(open_page: OpenPage, studio: Application) -> None:
    for section, name in (("data", "data"), ("runs", "run"), ("models", "model")):
        page = open_page("studio", **{"studio.section": section, "studio.open": {name: "999999"}})
        assert not page.exception
        assert not page.error
        assert name not in page.query_params


def test_the_report_can_be_taken_away(studio: Application, me: Actor) -> None:
    """What the page's two download buttons hand out."""
    from core.services.studio import reports

    version = registry.list_versions(studio, me)[0]
    assert "<html" in reports.report_html(studio, me, version.id, "zh")
    assert json.loads(reports.report_json(studio, me, version.id))["labels"] == ["bad", "good"]


def test_figures_of_the_same_rows_stand_in_one_line() -> None:
    from core.services.studio.views import RunComparison
    from pages.shared.studio_compare import _by_rows

    metrics = {
        "accuracy": (0.8, None),
        "test_accuracy": (0.7, 0.6),
        "validation_accuracy": (None, 0.5),
        "texts_per_second": (9.0, None),
    }
    found = _by_rows(RunComparison(runs=(), metrics=metrics, arguments={}, curves={}))
    assert found == {
        "validation_accuracy": [0.8, 0.5],
        "test_accuracy": [0.7, 0.6],
        "texts_per_second": [9.0, None],
    }
