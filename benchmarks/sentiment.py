"""Sentiment as it ships: quality beside two baselines, aspects beside lists of words, speed beside transformers'
pipeline, memory of a large file.

    python -m benchmarks.sentiment [quality] [aspects] [speed] [memory] [--rows N] [--json FILE]

The pipeline is given the same weights (fp32, torch) and the same texts, once as people call it (one text at a time) and
once with batches of 32. Texts a second are of wall-clock time and of processor time: on a busy machine only the latter
compares.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.aspects import aspects
from core.evaluation.classification import classification_scores
from core.models.catalogue import find_entry, locate
from core.models.classifiers.classifier import TextClassifier, load_classifier
from core.models.classifiers.packed import whole
from core.models.classifiers.text_network import open_network
from core.models.manifest import read_manifest
from core.settings import Settings
from tools.starter_sentiment import TESTS, scores
from tools.starter_sentiment_data import LABELS, opinion

ROOT = Path(__file__).resolve().parent.parent
SHORT = 80  # characters of a short text, at most
TEXTS = 1000  # of the speed test
PARTS = ("quality", "aspects", "speed", "memory")


def starter(settings: Settings) -> Path:
    """The whole classifier that ships."""
    return whole(locate(find_entry("pilotlight-sentiment", "sentiment"), settings).path, settings)


def quality(data: Path, classifier: TextClassifier) -> list[dict[str, Any]]:
    """Accuracy on the held-out rows of each set: ours, VADER's lexicon (English only), always the commonest class."""
    ours = scores(classifier, data)
    lines = []
    for name, source in TESTS.items():
        rows = list(source(data))
        gold = [LABELS.index(row.label) for row in rows]
        line = {"set": name, "rows": len(rows), "ours": ours[f"{name}_accuracy"], "ece": ours[f"{name}_ece"]}
        line["commonest"] = Counter(gold).most_common(1)[0][1] / len(gold)
        if rows[0].language == "en":
            two = len(set(gold)) == 2
            given = [_by_lexicon(row.text, data, two=two) for row in rows]
            line["lexicon"] = classification_scores(gold, given, LABELS).accuracy
        lines.append(line)
    return lines


def _by_lexicon(text: str, data: Path, *, two: bool) -> int:
    """VADER's usual bounds of the compound score; of two classes the sign decides."""
    score = opinion(text, data)[0]
    if two:
        return LABELS.index("positive" if score >= 0 else "negative")
    return LABELS.index("positive" if score >= 0.05 else "negative" if score <= -0.05 else "neutral")


def short_texts(data: Path) -> list[str]:
    """Short held-out texts of all sets, drawn by seed."""
    texts = sorted({row.text for source in TESTS.values() for row in source(data) if len(row.text) <= SHORT})
    return random.Random(5).sample(texts, TEXTS)


def speed(data: Path, folder: Path, settings: Settings, threads: int) -> list[dict[str, Any]]:
    """Texts a second of three ways to judge the same texts."""
    import torch

    torch.set_num_threads(threads)
    texts = short_texts(data)
    ours = load_classifier(folder, device="cpu", threads=threads)
    judge = pipeline_of(folder)
    ways: list[tuple[str, Callable[[Sequence[str]], Any]]] = [
        ("transformers pipeline, one by one", lambda some: [judge(text) for text in some]),
        ("transformers pipeline, batches of 32", lambda some: judge(list(some), batch_size=32)),
        (f"Pilotlight ({ours.precision}, onnxruntime)", ours.predict),
    ]
    lines: list[dict[str, Any]] = []
    for name, run in ways:
        run(texts[:64])
        wall, processor = time.perf_counter(), time.process_time()
        run(texts)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        lines.append({"way": name, "a_second": TEXTS / wall, "a_processor_second": TEXTS / processor})
    for line in lines:
        line["times_one_by_one"] = line["a_second"] / lines[0]["a_second"]
        line["times_batches"] = line["a_second"] / lines[1]["a_second"]
    return lines


def pipeline_of(folder: Path) -> Any:
    """transformers' own pipeline over the weights in ``folder``."""
    import torch
    from transformers import AutoConfig, PreTrainedModel, TextClassificationPipeline
    from transformers.modeling_outputs import SequenceClassifierOutput
    from transformers.utils import logging

    logging.set_verbosity_error()  # it says that it does not know our class, which it then runs
    manifest = read_manifest(folder)
    network, backbone = open_network(folder, normalise=bool(manifest.facts["normalise"]))
    config = AutoConfig.from_pretrained(folder / "encoder")
    config.num_labels = len(manifest.labels)

    class Judge(PreTrainedModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(config)
            self.network = network

        def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
            with torch.inference_mode():
                return SequenceClassifierOutput(logits=self.network(input_ids, attention_mask))

    return TextClassificationPipeline(
        model=Judge().eval(), tokenizer=backbone.tokenizer, device="cpu", truncation=True, max_length=256
    )


def memory(data: Path, rows: int, settings: Settings) -> dict[str, Any]:
    """A job over a file of ``rows`` rows in a process of its own: seconds, rows a second, most memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        texts = short_texts(data)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "date", "product"])
            # A number in each text, so that no row repeats another.
            writer.writerows(
                [f"{texts[n % TEXTS]} {n}", f"2026-{n % 12 + 1:02d}-{n % 28 + 1:02d}", f"p{n % 7}"] for n in range(rows)
            )
        models = settings.data_dir.resolve() / "models"
        (Path(folder) / "var").mkdir()
        if models.is_dir():
            (Path(folder) / "var" / "models").symlink_to(models)
        command = [sys.executable, "-m", "benchmarks.sentiment", "--job", str(path)]
        environment = {**os.environ, "PILOTLIGHT_DATA_DIR": f"{folder}/var", "PILOTLIGHT_LOG_LEVEL": "ERROR"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def run_job(path: Path) -> None:
    """The process that ``memory`` measures: the same steps as the page and the worker."""
    from core.bootstrap import build, local_actor, runner
    from core.db.sentiment_tables import SentimentBatch
    from core.services.sentiment import batches
    from core.services.views import Upload
    from core.settings import load_settings

    app = build(load_settings())
    actor = local_actor(app, "benchmark")
    stored = batches.preview(app, actor, Upload(path.name, path=path))
    batch_id = batches.start_batch(app, actor, stored.file, stored.guess, aspects=False)
    begun = time.perf_counter()
    with app.database.read(actor.workspace_id) as rows:
        job_id = rows.get(SentimentBatch, batch_id).job_id
    assert job_id is not None
    runner(app).run(job_id)
    seconds = time.perf_counter() - begun
    view = batches.get_batch(app, actor, batch_id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    said = {"rows": view.summary["rows"], "seconds": seconds, "a_second": view.summary["rows"] / seconds, "mib": peak}
    print(json.dumps({**said, "state": view.state}))


def show(found: dict[str, Any]) -> None:
    for line in found.get("quality", ()):
        lexicon = f"{line['lexicon']:.3f}" if "lexicon" in line else "    -"
        print(
            f"{line['set']:<16} {line['rows']:>6} rows   ours {line['ours']:.3f}   lexicon {lexicon}   "
            f"commonest {line['commonest']:.3f}   calibration error {line['ece']:.3f}"
        )
    for line in found.get("aspects", ()):
        each = "   ".join(
            f"{name} precision {one['precision']:.3f} recall {one['recall']:.3f} F1 {one['f1']:.3f}"
            for name, one in (("ours", line["ours"]), ("words alone", line["words"]))
        )
        print(f"aspects, {line['half']:<6} half ({line['language']}, {line['sentences']} sentences): {each}")
    for line in found.get("speed", ()):
        print(
            f"{line['way']:<40} {line['a_second']:>8.1f} texts a second ({line['a_processor_second']:.1f} a processor-"
            f"second)   {line['times_one_by_one']:.1f} x one by one   {line['times_batches']:.1f} x batches"
        )
    if line := found.get("memory"):
        each = f"{line['a_second']:.0f} a second, at most {line['mib']:.0f} MiB"
        print(f"job: {line['rows']:,} rows in {line['seconds']:.0f} s, {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all when none is named")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--misses", action="store_true", help="aspects: what was missed in the tuning half")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    shared = os.environ.get("PILOTLIGHT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--var", type=Path, default=Path("var"), help="where exported models are kept")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        run_job(options.job)
        return
    settings = Settings(data_dir=options.var, _env_file=None)
    folder = starter(settings)
    parts, found = options.parts or PARTS, {}
    if "quality" in parts:
        found["quality"] = quality(options.data, load_classifier(folder, device="cpu", threads=options.threads))
    if "aspects" in parts:
        judging = load_classifier(folder, device="cpu", threads=options.threads)
        found["aspects"] = aspects(options.data, judging, show_misses=options.misses)
    if "speed" in parts:
        found["speed"] = speed(options.data, folder, settings, options.threads)
    if "memory" in parts:
        found["memory"] = memory(options.data, options.rows, settings)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
