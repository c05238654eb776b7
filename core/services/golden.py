"""Golden questions asked of an index version: what passes, what broke since, which threshold follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.access.actor import Actor, Permission
from core.db.tables import GoldenQuestion, GoldenResult, GoldenRun, IndexVersion, KnowledgeBase
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.jobs.context import JobContext
from core.services import calibration
from core.services.application import Application
from core.services.calibration import Case, threshold_of
from core.services.embed import is_outdated
from core.services.golden_asking import Judged, Progress, ask_all, cases_of, judge_all, questions_of
from core.services.golden_questions import delete_golden, golden_view, import_golden, list_golden, save_golden
from core.services.jobs import start_job
from core.services.learning import learn_answers, learn_fusion, store_threshold
from core.services.views import GoldenLine, GoldenRunView

__all__ = [
    "delete_golden",
    "gate_version",
    "golden_view",
    "import_golden",
    "latest_run",
    "list_golden",
    "list_runs",
    "recalibrate",
    "run_golden",
    "run_golden_job",
    "save_golden",
    "start_golden_run",
]

RUNS_KEPT = 50
JOB = "golden"

# --- runs --------------------------------------------------------------------------------------------------------


def run_golden(
    app: Application,
    who: Actor | int,
    kb_id: int,
    *,
    version_id: int | None = None,
    progress: Progress | None = None,
    calibrate: bool = False,
) -> GoldenRunView:
    """Asks every golden question of the live version (or of ``version_id``), stores the run, compares it with the last.

    ``calibrate`` first learns from the questions what they can teach (see :mod:`core.services.learning`).
    Raises BadInput when there are no golden questions, NotFound when there is no such version (any more).
    """
    workspace_id = _workspace(who)
    with app.database.read(workspace_id) as rows:
        base = rows.get(KnowledgeBase, kb_id)
        questions = questions_of(rows, kb_id)
        if version_id is not None:
            rows.get(IndexVersion, version_id)
    if not questions:
        raise BadInput("chat.golden_none")
    target = version_id if version_id is not None else base.live_version
    if calibrate and target is not None:
        learn_fusion(app, workspace_id, kb_id, app.indexes.version(workspace_id, kb_id, target), questions)
    asked = ask_all(app, workspace_id, kb_id, questions, target, progress)
    cases = cases_of(asked)
    if calibrate and calibration.enough(cases):
        asked, cases, base = learn_answers(app, workspace_id, kb_id, asked)
    judged = judge_all(app, workspace_id, kb_id, asked, threshold_of(app, base))
    return _store(app, workspace_id, base, target, judged, cases)


def gate_version(
    app: Application, workspace_id: int, kb_id: int, version_id: int, *, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Golden questions that pass on the live version and fail on ``version_id``: ``id``, ``question``, ``why``.

    The draft's run is stored. A question that the live version was never asked is asked now, if the draft fails it.
    A knowledge base that never learnt from golden questions does so here, if there are enough.

    Where another encoder made the live version, that one answers by words alone and no change of documents is to blame:
    then the knowledge base learns anew, and a draft that passes as many questions as words do now breaks nothing.
    """
    with app.database.read(workspace_id) as rows:
        base = rows.get(KnowledgeBase, kb_id)
        questions = questions_of(rows, kb_id)
        before = _passed_before(rows, base)
        by_words = base.live_version is not None and is_outdated(app, rows.get(IndexVersion, base.live_version))
    if not questions:
        return []
    anew = by_words or not base.settings.get("calibration")
    if anew and (by_words or base.live_version is None):  # a draft's gate must not change how the live version searches
        learn_fusion(app, workspace_id, kb_id, app.indexes.version(workspace_id, kb_id, version_id), questions)
    asked = ask_all(app, workspace_id, kb_id, questions, version_id, progress)
    cases = cases_of(asked)
    if anew and calibration.enough(cases):
        # The shipped threshold knows nothing of these documents: what the owner expects of them is the better guide.
        asked, cases, base = learn_answers(app, workspace_id, kb_id, asked)
    threshold = threshold_of(app, base)
    judged = judge_all(app, workspace_id, kb_id, asked, threshold)
    failed = [line for line in judged if not line.passed]
    unknown = questions if by_words else [line.row for line in failed if line.row.id not in before]
    if base.live_version is not None and unknown:
        live = ask_all(app, workspace_id, kb_id, unknown, base.live_version, None)
        before |= {line.row.id: line.passed for line in judge_all(app, workspace_id, kb_id, live, threshold)}
    _store(app, workspace_id, base, version_id, judged, cases)
    if by_words and len(questions) - len(failed) >= sum(before[row.id] for row in questions):
        return []
    broken = [line for line in failed if before.get(line.row.id)]
    return [{"id": line.row.id, "question": line.row.question, "why": line.why} for line in broken]


def run_golden_job(app: Application, context: JobContext) -> None:
    """Handler of ``golden`` jobs: the draft if one was waiting, else the live version, which also calibrates."""
    kb_id = context.knowledge_base_id
    assert kb_id is not None
    version_id = context.arguments.get("version_id")
    run = run_golden(
        app,
        context.workspace_id,
        kb_id,
        version_id=version_id,
        progress=lambda done, total: context.progress("golden", done, total),
        calibrate=version_id is None,
    )
    context.finish(run=run.id, passed=run.passed, failed=run.failed)


def start_golden_run(app: Application, actor: Actor, kb_id: int) -> int:
    """Queues a run of the draft, if one waits to be published, else of the live version; the job's id."""
    actor.require(Permission.QUALITY)
    with app.database.read(actor.workspace_id) as rows:
        draft = rows.get(KnowledgeBase, kb_id).draft_version
        if not rows.count(GoldenQuestion, GoldenQuestion.knowledge_base_id == kb_id):
            raise BadInput("chat.golden_none")
    return start_job(app, actor.workspace_id, JOB, kb_id, **({"version_id": draft} if draft is not None else {}))


def latest_run(app: Application, actor: Actor, kb_id: int) -> GoldenRunView | None:
    """The newest run with all its lines."""
    actor.require(Permission.QUALITY_READ)
    found = list_runs(app, actor, kb_id, limit=1)
    return found[0] if found else None


def list_runs(app: Application, actor: Actor, kb_id: int, limit: int = 20) -> list[GoldenRunView]:
    """Runs with their lines, the newest first."""
    actor.require(Permission.QUALITY_READ)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(GoldenRun, GoldenRun.knowledge_base_id == kb_id)
        found = rows.all(mine.order_by(GoldenRun.id.desc()).limit(limit))
        return [_view(rows, run) for run in found]


def recalibrate(app: Application, actor: Actor, kb_id: int, run: GoldenRunView | int | None = None) -> float:
    """Learns the threshold from a stored run (the newest when None) and returns the one now in force.

    Raises BadInput when the run judged too few answers, NotFound for a run of another knowledge base.
    """
    actor.require(Permission.QUALITY)
    with app.database.read(actor.workspace_id) as rows:
        wanted = [GoldenRun.id == (run if isinstance(run, int) else run.id)] if run is not None else []
        mine = rows.select(GoldenRun, GoldenRun.knowledge_base_id == kb_id, *wanted)
        found = rows.session.scalars(mine.order_by(GoldenRun.id.desc()).limit(1)).first()
    if found is None:
        raise NotFound("not_found", what="golden run", id=getattr(run, "id", run) or 0)
    cases = [Case(float(c), bool(right), bool(answerable)) for c, right, answerable in found.report.get("cases", ())]
    if not calibration.enough(cases):
        raise BadInput("chat.golden_too_few", found=len(cases), needed=calibration.MINIMUM)
    return threshold_of(app, store_threshold(app, actor.workspace_id, kb_id, cases))


# --- how a run is kept -------------------------------------------------------------------------------------------


def _workspace(who: Actor | int) -> int:
    if isinstance(who, int):
        return who
    who.require(Permission.QUALITY)
    return who.workspace_id


def _passed_before(rows: Rows, base: KnowledgeBase) -> dict[int, bool]:
    """Question id to whether it passed, from the last run of the live version (of any version before the first)."""
    mine = rows.select(GoldenRun, GoldenRun.knowledge_base_id == base.id)
    if base.live_version is not None:
        mine = mine.where(GoldenRun.index_version_id == base.live_version)
    last = rows.session.scalars(mine.order_by(GoldenRun.id.desc()).limit(1)).first()
    if last is None:
        return {}
    return {row.question_id: row.passed for row in rows.all(rows.select(GoldenResult, GoldenResult.run_id == last.id))}


def _store(
    app: Application,
    workspace_id: int,
    base: KnowledgeBase,
    version_id: int | None,
    judged: Sequence[Judged],
    cases: Sequence[Case],
) -> GoldenRunView:
    with app.database.write(workspace_id) as rows:
        before = _passed_before(rows, base)
        here = set(rows.session.scalars(rows.columns(GoldenQuestion, GoldenQuestion.id)))
        kept = [line for line in judged if line.row.id in here]  # one may have been deleted meanwhile
        report = {
            "calibration": calibration.report(app, base, cases),
            "cases": [[case.confidence, case.right, case.answerable] for case in cases],
            "before": {str(line.row.id): before.get(line.row.id) for line in kept},
        }
        passed = sum(line.passed for line in kept)
        values = {"knowledge_base_id": base.id, "index_version_id": version_id, "report": report}
        run = rows.add(GoldenRun(passed=passed, failed=len(kept) - passed, **values))
        rows.add_all([_result(run.id, line) for line in kept])
        _forget(rows, base)
        return _view(rows, run)


def _result(run_id: int, line: Judged) -> GoldenResult:
    answer = line.answer
    cited = answer.citations if answer is not None else ()
    return GoldenResult(
        run_id=run_id,
        question_id=line.row.id,
        passed=line.passed,
        why=line.why,
        rung=answer.rung.value if answer is not None else "",
        answer=(answer.text or "") if answer is not None else "",
        document=cited[0].document if cited else "",
        confidence=answer.confidence if answer is not None else 0.0,
    )


def _forget(rows: Rows, base: KnowledgeBase) -> None:
    """Runs beyond the last ones are removed, but never the last of the live version: it is what others compare with."""
    mine = rows.columns(GoldenRun, GoldenRun.id, GoldenRun.index_version_id)
    found = rows.session.execute(mine.where(GoldenRun.knowledge_base_id == base.id).order_by(GoldenRun.id.desc())).all()
    live = next((run_id for run_id, version in found if version == base.live_version), None)
    old = [run_id for run_id, _ in found[RUNS_KEPT:] if run_id != live]
    if old:
        rows.delete(GoldenRun, GoldenRun.id.in_(old))


def _view(rows: Rows, run: GoldenRun) -> GoldenRunView:
    results = rows.all(rows.select(GoldenResult, GoldenResult.run_id == run.id).order_by(GoldenResult.question_id))
    questions = {row.id: row for row in questions_of(rows, run.knowledge_base_id)}
    before: Mapping[str, Any] = run.report.get("before", {})
    return GoldenRunView(
        id=run.id,
        created_at=run.created_at,
        passed=run.passed,
        failed=run.failed,
        index_version=run.index_version_id,
        lines=tuple(_line(questions[row.question_id], row, before) for row in results if row.question_id in questions),
        calibration=run.report.get("calibration", {}),
    )


def _line(question: GoldenQuestion, row: GoldenResult, before: Mapping[str, Any]) -> GoldenLine:
    was: bool | None = before.get(str(row.question_id))
    change = "new" if was is None else "same" if was == row.passed else "fixed" if row.passed else "broken"
    expected = " · ".join(part for part in (question.document, question.answer) if part)
    return GoldenLine(
        question_id=row.question_id,
        question=question.question,
        expected=expected if question.answerable else "",
        passed=row.passed,
        before=was,
        change=change,
        why=row.why,
        rung=row.rung,
        answer=row.answer,
        document=row.document,
        confidence=row.confidence,
    )
