"""What the studio's commands do: each function calls services and prints."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.access.actor import Actor
from core.bootstrap import runner
from core.cli.batch import open_application
from core.cli.studio_config import DataChoice, TrainConfig
from core.errors import BadInput
from core.jobs.worker import JobRunner, alive
from core.services import jobs
from core.services.application import Application
from core.services.studio import compression, data_sets, evaluating, naming, recipes, registry, runs, tuning
from core.services.studio.uploads import store_upload
from core.services.studio.views import RunEvents, RunView
from core.services.views import Upload
from core.text.catalogue import translate

POLL = 0.3
LOOK_EVERY = 5.0  # seconds between two looks at whether a worker lives
SAY_EVERY = 5.0  # seconds between two lines about the same stage
FAILED, STOPPED = 1, 3  # exit codes
INTERRUPTED = 130  # as shells say of Ctrl-C
CHUNK = 4096  # texts turned into vectors at a time


def train(actor: Actor, config: TrainConfig, *, as_json: bool) -> int:
    """0: trained. 1: it failed. 3: somebody cancelled it. 130: interrupted here, it waits for a worker."""
    app = open_application()
    version_id = _data_version(app, actor, config.data, config.recipe, as_json=as_json)
    if config.tune:
        run_id = tuning.start_tuning(
            app, actor, config.recipe, version_id, config.args, name=config.name, **_tuning(config.tune)
        )
    else:
        run_id = runs.start_run(app, actor, config.recipe, version_id, config.args, name=config.name)
    return follow(app, actor, run_id, as_json=as_json)


def _tuning(said: Mapping[str, Any]) -> dict[str, Any]:
    known = ("space", "sampler", "trials", "seconds")
    unknown = [key for key in said if key not in known]
    if unknown:
        raise BadInput("studio.config_keys", name="tune", keys=", ".join(unknown), known=", ".join(known))
    return dict(said)


def resume(actor: Actor, run_id: int, *, as_json: bool) -> int:
    """Goes on with a run that waits, failed or was cancelled."""
    app = open_application()
    if runs.get_run(app, actor, run_id).state in ("failed", "cancelled"):
        runs.retry_run(app, actor, run_id)
    return follow(app, actor, run_id, as_json=as_json)


def _data_version(app: Application, actor: Actor, data: DataChoice, recipe: str, *, as_json: bool) -> int:
    """The data set version to learn from; made from the file unless the same was made before."""
    if data.file is None:
        return naming.find_data_set_version(app, actor, data.name, data.version)
    task = data.task or recipes.get_recipe(recipe).tasks[0]
    upload = Upload(data.file.name, path=data.file)
    preview = data_sets.preview_upload(app, actor, upload, read=data.options.get("read"))
    columns = data.columns or preview.guesses.get(task, {})
    name = data.name or data.file.stem
    if not data.held_out:
        same = data_sets.same_version(app, actor, name, task, preview.file, columns, data.options)
        if same is not None:
            return same
    held_out = {split: store_upload(app, Upload(path.name, path=path)) for split, path in data.held_out.items()}
    job_id = data_sets.start_data_set(app, actor, name, task, preview.file, columns, data.options, held_out=held_out)
    return _wait_for_data(app, actor, job_id, as_json=as_json)


def _wait_for_data(app: Application, actor: Actor, job_id: int, *, as_json: bool) -> int:
    here = _Here(app, job_id)
    here.look()
    while not (job := jobs.get_job(app, actor, job_id)).finished:
        here.look()
        time.sleep(POLL)
    if job.state != "done":
        raise BadInput(job.error["code"], **job.error["values"]) if job.error else BadInput("cancelled")
    view = data_sets.get_data_set_version(app, actor, int(job.result["version_id"]))
    if not as_json:
        splits = ", ".join(f"{name} {count}" for name, count in view.counts["splits"].items())
        dropped = sum(view.counts["dropped"].values())
        print(say(actor, "data_ready", name=view.data_set, number=view.number, splits=splits, dropped=dropped))
    return view.id


def say(actor: Actor, key: str, **values: Any) -> str:
    return translate(actor.language, f"studio_cli.{key}", **values)


def follow(app: Application, actor: Actor, run_id: int, *, as_json: bool) -> int:
    """Prints how far the run is until it ends; does its work here when no worker is alive, or none any more."""
    view = runs.get_run(app, actor, run_id)
    if not as_json:
        print(say(actor, "started", run=run_id, name=view.name, recipe=view.recipe), flush=True)
    here = _Here(app, view.job_id)
    try:
        view = _followed(app, actor, run_id, here, quiet=as_json)
    except KeyboardInterrupt:
        print(say(actor, "interrupted" if here.stop() else "detached", run=run_id), file=sys.stderr)
        return INTERRUPTED
    here.join()
    return _ended(actor, view, as_json=as_json)


class _Here:
    """Does a job in the background of this process while there is no worker to do it."""

    def __init__(self, app: Application, job_id: int | None) -> None:
        self._app, self._job_id = app, job_id
        self._runner: JobRunner | None = None
        self._thread: threading.Thread | None = None
        self._looked = -LOOK_EVERY

    def look(self) -> None:
        """Starts, unless a worker lives or this process is at it; takes over what a worker that is gone left."""
        if self._job_id is None or self._thread is not None or time.monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked = time.monotonic()
        if alive(self._app.database, self._app.settings.heartbeat_seconds):
            return
        self._runner = runner(self._app)
        self._runner.recover()
        self._thread = threading.Thread(target=self._runner.run, args=(self._job_id,), name="job", daemon=True)
        self._thread.start()

    def stop(self) -> bool:
        """Stops with a checkpoint, as a worker would. False when a worker is at it, who goes on."""
        if self._runner is None or self._thread is None:
            return False
        self._runner.stopping.set()
        self._thread.join(timeout=30)
        return True

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(timeout=10)


def _followed(app: Application, actor: Actor, run_id: int, here: _Here, *, quiet: bool) -> RunView:
    newest, told = 0, _Told()
    while True:
        here.look()
        view = runs.get_run(app, actor, run_id)
        if not quiet:
            events, newest = runs.run_events(app, actor, run_id, newest)
            told.tell(view, events)
        if view.state in runs.FINISHED:
            return view
        time.sleep(POLL)


class _Told:
    """Prints what is new: each line of the log, each new stage, and within a stage a line every few seconds."""

    def __init__(self) -> None:
        self._stage, self._shown, self._last = "", "", 0.0

    def tell(self, view: RunView, events: RunEvents) -> None:
        for _, line in events.log:
            print(f"  {line}", flush=True)
        where = _where(view)
        if not where or where == self._shown:
            return
        if view.stage == self._stage and time.monotonic() - self._last < SAY_EVERY:
            return
        self._stage, self._shown, self._last = view.stage, where, time.monotonic()
        figures = {name: points[-1][1] for name, points in events.curves.items() if points}
        print(f"  {where}  {_figures(figures)}".rstrip(), flush=True)


def _where(view: RunView) -> str:
    if not view.stage or view.state != "running":
        return ""
    return f"{view.stage} {view.done}/{view.total}" if view.total else view.stage


def _figures(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name}={value:.4g}" for name, value in values.items() if isinstance(value, int | float))


def _ended(actor: Actor, view: RunView, *, as_json: bool) -> int:
    if as_json:
        shown = {"run": view.id, "state": view.state, "version": view.version_id, "metrics": dict(view.metrics)}
        shown |= {"error": dict(view.error)} if view.error else {}
        print(json.dumps(shown, ensure_ascii=False))
    elif view.state == "done":
        print(say(actor, "done", run=view.id, name=view.name))
        for name, value in view.metrics.items():
            if isinstance(value, int | float):
                print(f"  {name:28} {value:.4f}")
    if view.state == "failed":
        print(_sentence(actor, view.error), file=sys.stderr)
        return FAILED
    return STOPPED if view.state == "cancelled" else 0


def _sentence(actor: Actor, error: Mapping[str, Any]) -> str:
    return translate(actor.language, f"errors.{error['code']}", **error.get("values", {})) if error else ""


def compress(actor: Actor, model: str, variants: Sequence[str], limit: float, *, as_json: bool) -> int:
    """0: made; 1: failed; 3: cancelled."""
    app = open_application()
    version_id = naming.find_version(app, actor, model)
    run_id = compression.start_compression(app, actor, version_id, variants=variants, limit=limit)
    code = follow(app, actor, run_id, as_json=as_json)
    if not as_json:
        for line in compression.compression_table(app, actor, run_id):
            kept = "✓" if line.passed else "✗"
            mib = line.size_bytes / 2**20
            print(
                f"  {kept} {line.variant:14} {mib:8.1f} MiB  {line.texts_per_second:9.1f}/s  "
                f"{line.accuracy:.4f}  {-100 * line.lost:+.2f}"
            )
    return code


def promote(actor: Actor, task: str, model: str, share: float) -> None:
    app = open_application()
    version_id = naming.find_version(app, actor, model)
    registry.promote(app, actor, task, version_id, share=share)
    view = registry.get_version(app, actor, version_id)
    print(say(actor, "promoted", name=view.name, number=view.number, task=task, share=f"{100 * share:g}"))


def rollback(actor: Actor, task: str) -> None:
    app = open_application()
    now = registry.roll_back(app, actor, task)
    if now is None:
        print(say(actor, "rolled_back_to_none", task=task))
        return
    view = registry.get_version(app, actor, now)
    print(say(actor, "rolled_back", name=view.name, number=view.number, task=task))


def models(actor: Actor, *, as_json: bool) -> None:
    app = open_application()
    found = registry.list_versions(app, actor)
    if as_json:
        print(json.dumps([asdict(view) for view in found], ensure_ascii=False, default=str))
        return
    if not found:
        print(say(actor, "no_models"))
    for view in found:
        serves = ", ".join(f"{task} {100 * share:g} %" for task, share in view.serves.items())
        figures = {name: value for name, value in view.metrics.items() if name.startswith("test_")}
        what = f"{view.name}:{view.number}  {view.kind}  {view.variant}"
        line = f"{what}  {view.size_bytes / 2**20:.1f} MiB  {_figures(figures)}".rstrip()
        print(f"{line}  → {serves}" if serves else line)


def evaluate(actor: Actor, model: str, file: Path, columns: Mapping[str, str], *, as_json: bool) -> None:
    app = open_application()
    version_id = naming.find_version(app, actor, model)
    found = evaluating.evaluate_file(app, actor, version_id, Upload(file.name, path=file), columns)
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False))
        return
    print(say(actor, "evaluated", rows=found.rows, dropped=sum(found.dropped.values())))
    for name, figure in found.figures.items():
        bounds = f"  [{figure.low:.4f}, {figure.high:.4f}]" if figure.low is not None else ""
        print(f"  {name:20} {figure.value:.4f}{bounds}")


def embed(actor: Actor, file: Path, out: Path, kind: str) -> None:
    """Vectors float32 [lines, dimension] of the workspace's encoder; the file appears whole."""
    import numpy as np

    texts = file.read_text(encoding="utf-8-sig").splitlines()
    if not any(text.strip() for text in texts):
        raise BadInput("studio.encode_empty", name=file.name)
    app = open_application()
    encoder = app.encoder()
    draft = out.with_name(f".{out.name}.draft")
    try:
        shape = (len(texts), encoder.dimension)
        vectors = np.lib.format.open_memmap(draft, mode="w+", dtype=np.float32, shape=shape)
        for first in range(0, len(texts), CHUNK):
            part = texts[first : first + CHUNK]
            vectors[first : first + len(part)] = encoder.encode(part, kind=kind)  # type: ignore[arg-type]
        vectors.flush()
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    print(say(actor, "embedded", rows=len(texts), dimension=encoder.dimension, name=out.name, encoder=encoder.name))
