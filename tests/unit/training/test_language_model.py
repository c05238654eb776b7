"""Training of language models end to end: it learns, says truly what it learnt, repeats itself, and survives a kill."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Cancelled, Unavailable
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import open_generator
from core.models.manifest import NAME, Manifest, read_manifest
from core.models.weights import PACKED, PLAIN, load_weights, pack
from core.training.language.args import LanguageModelArgs
from core.training.language.packing import Pair
from core.training.language.train import train_language_model
from core.training.watch import Quiet
from tests.tiny_models import tiny_bert, tiny_gpt2

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal")
COLOURS = {
    "Ada": "red",
    "Bo": "blue",
    "Cy": "green",
    "Di": "white",
    "Ed": "black",
    "Flo": "pink",
    "Gus": "gold",
    "Hal": "grey",
}
TEXTS = [f"{name} has a {COLOURS[name]} hat. {other} has a {COLOURS[other]} hat." for name in NAMES for other in NAMES]
TRAINING, VALIDATION = TEXTS[1::2] + TEXTS[::4], TEXTS[2::4]
PAIRS = [
    Pair(f"What colour is the hat of {name}, {other}?", f"It is {COLOURS[name]}.") for name in NAMES for other in NAMES
]
TINY = LanguageModelArgs(
    layers=1, heads=2, width=32, max_tokens=32, vocabulary="characters", dropout=0.0, batch_size=8, epochs=40,
    evaluations_per_epoch=1, sample_tokens=0, patience=0, precision="fp32", device="cpu", warm_up=0.1,
)  # fmt: skip


class Heard(Quiet):
    """Keeps what it is told; ``stop_at`` cancels at that step."""

    def __init__(self, stop_at: int = -1) -> None:
        super().__init__()
        self.points: list[tuple[int, dict[str, float]]] = []
        self.samples: list[tuple[int, str]] = []
        self.lines: list[str] = []
        self.steps, self._stop_at = 0, stop_at

    def step(self, stage: str, done: int, total: int) -> None:
        self.steps = done
        if done == self._stop_at:
            raise Cancelled("cancelled")

    def point(self, step: int, **values: float) -> None:
        self.points.append((step, values))

    def sample(self, step: int, text: str) -> None:
        self.samples.append((step, text))

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("lm") / "characters"
    return folder, train_language_model(
        TRAINING, VALIDATION, TINY, folder, Heard(), name="hats", data={"licence": "CC0"}
    )


# --- what is learnt ------------------------------------------------------------------------------------------------


def test_it_learns_and_its_figures_are_those_of_transformers(trained: tuple[Path, Manifest]) -> None:
    import torch
    from transformers import AutoTokenizer, GPT2LMHeadModel

    folder, manifest = trained
    assert manifest.metrics["perplexity"] < 2.5  # 30 characters, so untrained it is about 30
    model, tokenizer = GPT2LMHeadModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    stream = [token for text in VALIDATION for token in (tokenizer.bos_token_id, *tokenizer(text)["input_ids"])]
    stream.append(tokenizer.bos_token_id)
    total = 0.0
    for start in range(0, len(stream) - 1, TINY.max_tokens):
        block = torch.tensor([stream[start : start + TINY.max_tokens + 1]])
        logits = model(block[:, :-1]).logits
        total += float(torch.nn.functional.cross_entropy(logits[0], block[0, 1:], reduction="sum").detach())
    characters = sum(map(len, VALIDATION))
    assert manifest.metrics["loss"] == pytest.approx(total / (len(stream) - 1), rel=1e-4)
    assert manifest.metrics["perplexity"] == pytest.approx(math.exp(manifest.metrics["loss"]))
    assert manifest.metrics["perplexity_character"] == pytest.approx(math.exp(total / characters), rel=1e-4)
    assert manifest.metrics["bits_per_byte"] == pytest.approx(total / characters / math.log(2), rel=1e-4)


def test_the_folder_says_what_it_is(trained: tuple[Path, Manifest]) -> None:
    folder, manifest = trained
    assert read_manifest(folder) == manifest
    assert (manifest.kind, manifest.name, manifest.base) == ("language_model", "hats", "")
    assert manifest.data == {"rows": len(TRAINING), "validation_rows": len(VALIDATION), "licence": "CC0"}
    assert manifest.args["seed"] == 0
    assert manifest.facts["parameters"] == sum(a.size for a in load_weights(folder).values())
    assert not (folder / "checkpoints").exists()


def test_it_writes_from_its_folder(trained: tuple[Path, Manifest], tmp_path: Path) -> None:
    generator = open_generator(trained[0], tmp_path, device="cpu", threads=1)
    assert generator.engine == "onnxruntime int8"
    greedy = GenerationSettings(max_tokens=40, temperature=0, repetition_penalty=1.0)
    text = generator.write(["Gus has a"], greedy)[0][0].text
    assert text.startswith(" gold hat.")
    from_nothing = generator.write([""], greedy)[0][0]  # a document begins behind the separator
    assert from_nothing.text.split()[0] in NAMES
    generator.close()


def test_scores_of_a_text_are_the_validation_loss(trained: tuple[Path, Manifest], tmp_path: Path) -> None:
    generator = open_generator(trained[0], tmp_path, engine="transformers", device="cpu", threads=1)
    ids, score = generator.score(VALIDATION[0])
    assert ids[0] == 0
    assert len(ids) == min(generator.window, len(VALIDATION[0]) + 1)
    assert -float(np.mean(score.log_probabilities)) == pytest.approx(trained[1].metrics["loss"], abs=0.5)
    generator.close()


def test_bpe_and_bytes_make_models_that_can_be_compared(tmp_path: Path, trained: tuple[Path, Manifest]) -> None:
    args = replace(TINY, vocabulary="bpe", vocabulary_size=330)
    manifest = train_language_model(TRAINING, VALIDATION, args, tmp_path / "bpe", Heard())
    assert manifest.metrics["perplexity"] > trained[1].metrics["perplexity"] * 1.1  # a token is longer
    ratio = manifest.metrics["perplexity_character"] / trained[1].metrics["perplexity_character"]
    assert 0.6 < ratio < 1.6


def test_chinese_is_learnt_from_bytes(tmp_path: Path) -> None:
    lines = [
        "床前明月光，疑是地上霜。",
        "举头望明月，低头思故乡。",
        "春眠不觉晓，处处闻啼鸟。",
        "夜来风雨声，花落知多少。",
    ] * 8
    args = replace(TINY, vocabulary="bpe", vocabulary_size=310, max_tokens=64, layers=2, width=64, epochs=100)
    train_language_model(lines, lines[:4], args, tmp_path / "poems", Heard())
    generator = open_generator(tmp_path / "poems", tmp_path, device="cpu", threads=1)
    greedy = GenerationSettings(max_tokens=30, temperature=0, repetition_penalty=1.0)
    assert generator.write(["春眠不觉晓，"], greedy)[0][0].text == "处处闻啼鸟。"
    generator.close()


# --- prompts and responses -------------------------------------------------------------------------------------------


def test_responses_are_learnt_and_prompts_are_not(tmp_path: Path) -> None:
    args = replace(TINY, max_tokens=64, epochs=60)
    manifest = train_language_model(PAIRS[::2], PAIRS[1::4], args, tmp_path / "pairs", Heard())
    assert manifest.metrics["perplexity"] < 1.2  # the answer follows from the question
    generator = open_generator(tmp_path / "pairs", tmp_path, device="cpu", threads=1)
    greedy = GenerationSettings(max_tokens=20, temperature=0, repetition_penalty=1.0)
    answers = generator.write([pair.prompt for pair in PAIRS[3::7]], greedy)
    assert [answer[0].text for answer in answers] == [pair.response for pair in PAIRS[3::7]]
    assert {answer[0].reason for answer in answers} == {"end"}
    generator.close()


# --- repeating, stopping, going on ---------------------------------------------------------------------------------


def test_the_same_run_gives_the_same_weights_and_another_seed_does_not(tmp_path: Path) -> None:
    args = replace(TINY, epochs=2, dropout=0.1)
    first, again, other = (
        train_language_model(TRAINING, VALIDATION, replace(args, seed=seed), tmp_path / name, Heard())
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first.metrics == again.metrics
    assert first.files[PLAIN] == again.files[PLAIN]
    assert first.metrics != other.metrics


def test_a_run_that_was_killed_goes_on_and_ends_where_it_would_have(tmp_path: Path) -> None:
    args = replace(TINY, epochs=6, dropout=0.1, checkpoint_seconds=0.05)
    whole = train_language_model(TRAINING, VALIDATION, args, tmp_path / "whole", Heard())
    folder = tmp_path / "killed"
    code = (
        "from tests.unit.training.test_language_model import *\n"
        f"args = {args!r}\n"
        "class Slow(Heard):\n"
        "    def check(self): time.sleep(0.2 if self.steps > 20 else 0)\n"
        f"train_language_model(TRAINING, VALIDATION, args, Path({str(folder)!r}), Slow())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list((folder / "checkpoints").glob("step-*[2-9][0-9]")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / NAME).exists()
    with pytest.raises(Unavailable) as caught:
        read_manifest(folder)
    assert caught.value.code == "models.no_manifest"
    watch = Heard()
    finished = train_language_model(TRAINING, VALIDATION, args, folder, watch)
    assert any(line.startswith("resumed at") for line in watch.lines)
    assert watch.points[0][0] > 15
    assert finished.metrics == whole.metrics
    assert finished.files[PLAIN] == whole.files[PLAIN]


def test_checkpoints_hold_nothing_but_tensors_and_json(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        train_language_model(TRAINING, VALIDATION, TINY, tmp_path, Heard(stop_at=9))
    names = {path.suffix for path in (tmp_path / "checkpoints").rglob("*") if path.is_file()}
    assert names == {".safetensors", ".json"}
    finished = train_language_model(TRAINING, VALIDATION, TINY, tmp_path, Heard())
    assert finished.facts["steps"] > 9


def test_a_clock_ends_the_run_with_a_learning_rate_near_zero(tmp_path: Path) -> None:
    watch = Heard()
    args = replace(TINY, epochs=10_000, max_seconds=4.0, evaluations_per_epoch=1)
    manifest = train_language_model(TRAINING, VALIDATION, args, tmp_path / "clock", watch)
    assert 4.0 <= manifest.facts["seconds"] < 60
    assert manifest.facts["steps"] < 10_000
    rates = [values["learning_rate"] for _, values in watch.points if "learning_rate" in values]
    assert max(rates) > args.learning_rate / 2
    assert rates[-1] < args.learning_rate / 5
    judged = [step for step, values in watch.points if "validation_loss" in values]
    assert 2 <= len(judged) <= 60  # not after every step: that would take the time that the steps are reckoned from
    assert manifest.facts["steps"] > 3 * len(judged)


def test_the_threads_that_are_asked_for_are_the_threads_it_has(tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        train_language_model(
            TRAINING, VALIDATION, replace(TINY, max_steps=2, threads=before + 1), tmp_path / "threads", Heard()
        )
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_number_of_steps_ends_the_run(tmp_path: Path) -> None:
    manifest = train_language_model(TRAINING, VALIDATION, replace(TINY, max_steps=7), tmp_path / "steps", Heard())
    assert manifest.facts["steps"] == 7


def test_it_stops_early_and_keeps_the_best_weights(tmp_path: Path) -> None:
    few = ["aab abb"] * 4
    args = replace(TINY, epochs=200, patience=2, max_tokens=16, batch_size=2)
    watch = Heard()
    manifest = train_language_model(few, ["abab baba abba"], args, tmp_path / "early", watch)
    losses = {step: values["validation_loss"] for step, values in watch.points if "validation_loss" in values}
    assert manifest.facts["stopped_early"]
    assert manifest.facts["best_step"] == min(losses, key=lambda step: losses[step])
    assert manifest.metrics["loss"] == pytest.approx(min(losses.values()), rel=1e-5)


def test_samples_are_written_at_each_evaluation(tmp_path: Path) -> None:
    watch = Heard()
    args = replace(TINY, epochs=3, sample_tokens=12, sample_prompts=("Ada has", ""))
    train_language_model(TRAINING, VALIDATION, args, tmp_path / "samples", watch)
    evaluations = sorted({step for step, values in watch.points if "validation_loss" in values})
    assert [step for step, _ in watch.samples] == [step for step in evaluations for _ in range(2)]
    assert all(text.startswith("Ada has") and len(text) > 10 for _, text in watch.samples[::2])


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path: Path) -> None:
    args = replace(TINY, epochs=2)
    alone = train_language_model(TRAINING, VALIDATION, args, tmp_path / "one", Heard())
    script = tmp_path / "two.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.unit.training.test_language_model import *\n"
        f"train_language_model(TRAINING, VALIDATION, {args!r}, Path({str(tmp_path / 'two')!r}), Heard())\n"
    )
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone",
        str(script),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, timeout=280)
    assert read_manifest(tmp_path / "two").metrics["loss"] == pytest.approx(alone.metrics["loss"], abs=2e-3)


# --- bases -----------------------------------------------------------------------------------------------------------


def test_a_base_is_trained_further(trained: tuple[Path, Manifest], tmp_path: Path) -> None:
    new = [text.replace("hat", "bag") for text in TRAINING]
    args = replace(TINY, base=str(trained[0]), learning_rate=1e-3, epochs=6)
    watch = Heard()
    manifest = train_language_model(new, new[:9], args, tmp_path / "further", watch)
    assert manifest.base == str(trained[0])
    assert manifest.metrics["loss"] < 0.6
    assert (tmp_path / "further" / "tokenizer.json").is_file()
    scratch = train_language_model(new, new[:9], replace(args, base=""), tmp_path / "scratch", Heard())
    assert manifest.metrics["loss"] < scratch.metrics["loss"]


def test_a_shipped_base_is_trained_further(trained: tuple[Path, Manifest], tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    base = tmp_path / "base"
    base.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (base / name).write_bytes((trained[0] / name).read_bytes())
    save_file(pack(load_weights(trained[0]), 8), base / PACKED)
    args = replace(TINY, base=str(base), max_steps=1, learning_rate=1e-6)
    manifest = train_language_model(TRAINING, VALIDATION, args, tmp_path / "further", Heard())
    assert manifest.metrics["loss"] == pytest.approx(trained[1].metrics["loss"], abs=0.05)


def test_a_base_with_a_wordpiece_tokenizer_ends_its_texts_at_its_own_separator(tmp_path: Path) -> None:
    base = tiny_gpt2(tmp_path / "base", positions=64)
    words = tiny_bert(tmp_path / "words")
    (base / "tokenizer.json").write_bytes((words / "tokenizer.json").read_bytes())
    args = replace(TINY, base=str(base), max_steps=2, learning_rate=1e-3)
    manifest = train_language_model(TRAINING, VALIDATION, args, tmp_path / "further", Heard())
    assert manifest.facts["separator"] == "[SEP]"
    assert read_manifest(tmp_path / "further")
    assert '"eos_token_id": 3' in (tmp_path / "further" / "config.json").read_text()


def test_bases_that_cannot_be_used_say_why(tmp_path: Path, trained: tuple[Path, Manifest]) -> None:
    bert = tiny_bert(tmp_path / "bert")
    no_weights = tmp_path / "empty"
    no_weights.mkdir()
    (no_weights / "config.json").write_bytes((trained[0] / "config.json").read_bytes())
    for base, code in ((bert, "no_base"), (no_weights, "no_weights"), (tmp_path / "nothing", "bad_config")):
        with pytest.raises(Unavailable) as caught:
            train_language_model(TRAINING, VALIDATION, replace(TINY, base=str(base)), tmp_path / "out", Heard())
        assert caught.value.code == f"generation.{code}"
        assert not (tmp_path / "out" / NAME).exists()


# --- what cannot be trained on -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("training", "validation", "code"),
    [
        ([], VALIDATION, "training.no_rows"),
        (TRAINING, [], "training.no_validation"),
        (["", "a"], VALIDATION, "training.empty_text"),
        (TRAINING, [" "], "training.empty_text"),
        (["ab"], VALIDATION, "generation.too_little_text"),
        ([*TRAINING, *PAIRS], VALIDATION, "generation.mixed"),
        (PAIRS, VALIDATION, "generation.mixed"),
    ],
)
def test_data_that_cannot_be_learnt_from_says_why(tmp_path: Path, training: Any, validation: Any, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        train_language_model(training, validation, TINY, tmp_path / "out", Heard())
    assert caught.value.code == code
    assert all(caught.value.sentence(language) for language in ("en", "zh"))
    assert not (tmp_path / "out" / NAME).exists()


def test_a_finished_folder_is_returned_and_never_written_over(trained: tuple[Path, Manifest]) -> None:
    folder, manifest = trained
    watch = Heard()
    assert train_language_model(TRAINING, VALIDATION, TINY, folder, watch) == manifest
    assert watch.steps == 0
    with pytest.raises(BadInput) as caught:
        train_language_model(TRAINING, VALIDATION, replace(TINY, seed=9), folder, watch)
    assert caught.value.code == "training.folder_taken"


def test_a_rate_that_leads_astray_is_said(tmp_path: Path) -> None:
    args = replace(TINY, learning_rate=1e30, optimizer="adamw", warm_up=0.0)
    with pytest.raises(BadInput) as caught:
        train_language_model(TRAINING, VALIDATION, args, tmp_path / "out", Heard())
    assert caught.value.code == "training.diverged"
