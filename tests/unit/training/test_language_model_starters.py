"""The recipe of the shipped GPT-2s: what it reads, and a whole run of a tiny one into a folder that opens."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from core.models.generation.placeholders import read_attributes
from core.models.generation.text_generation import open_generator
from core.models.manifest import read_manifest
from core.models.weights import PACKED, PLAIN
from core.training.language.packing import Pair
from core.training.watch import Quiet
from tests.conftest import SHARED_DATA
from tools.starter_texts import BITS, CHINESE, DESCRIPTIONS, ENGLISH, SETTINGS, STARTERS, Starter, make
from tools.starter_texts_data import COPIED

SMALLEST = {
    "layers": 1, "heads": 2, "width": 32, "vocabulary_size": 500, "batch_size": 4, "max_tokens": 64, "max_steps": 12,
    "sample_tokens": 0, "device": "cpu",
}  # fmt: skip


@pytest.fixture
def data() -> Path:
    if not (SHARED_DATA / "chinese_poetry").is_dir():
        pytest.skip(f"public data sets not found at {SHARED_DATA}")
    return SHARED_DATA


@pytest.mark.parametrize("name", sorted(STARTERS))
def test_nothing_that_is_judged_on_is_trained_on(data: Path, name: str) -> None:
    training, validation = STARTERS[name].read(data)
    assert len(training) > 7 * len(validation) > 1000
    prompts = {pair.prompt for pair in training if isinstance(pair, Pair)}
    assert not any(pair.prompt in prompts for pair in validation if isinstance(pair, Pair))
    assert not set(validation) & set(training)
    assert STARTERS[name].read(data)[1] == validation  # the same split every time


def test_texts_are_clean_and_in_their_language(data: Path) -> None:
    english = "\n".join(text for text in ENGLISH.read(data)[0] if isinstance(text, str))
    chinese = "\n".join(text for text in CHINESE.read(data)[0] if isinstance(text, str))
    assert len(english) > 4_000_000
    assert not re.search(r"</?(?:Pros|Cons)>|\[t\]|##|&quot;|&amp;", english)
    assert len(chinese) > 2_000_000
    assert len(re.findall("[\u4e00-\u9fff]", chinese)) > 0.7 * len(chinese)
    assert chinese.count("国") > 20 * chinese.count("國")  # Simplified


def test_descriptions_hold_every_value_that_is_copied_and_no_name(data: Path) -> None:
    pairs = [pair for pair in DESCRIPTIONS.read(data)[0] if isinstance(pair, Pair)]
    for pair in pairs:
        values = read_attributes(pair.prompt)
        assert {values[name] for name in COPIED if name in values} <= set(re.findall("X[A-Z]+X", pair.response)), pair
    assert not any("Alimentum" in f"{pair}" for pair in pairs)


@pytest.mark.parametrize("name", sorted(STARTERS))
def test_a_starter_is_made_packed_judged_and_opened(data: Path, name: str, tmp_path: Path) -> None:
    whole = STARTERS[name]
    training, validation = whole.read(data)
    tiny: Starter = replace(
        whole, args=replace(whole.args, **SMALLEST), read=lambda _: (training[:300], validation[:20])
    )
    folder = tmp_path / "out" / name
    manifest = make(tiny, data, tmp_path / "work", folder, 1.0, Quiet())
    assert read_manifest(folder) == manifest
    assert manifest.facts["bits"] == BITS
    assert (folder / PACKED).is_file()
    assert not (folder / PLAIN).exists()
    assert [path.name for path in folder.parent.iterdir()] == [name]
    assert (folder / PACKED).stat().st_size < 0.9 * manifest.facts["parameters"] + 30_000
    if whole is not DESCRIPTIONS:
        assert manifest.metrics["bits_per_byte_stored"] == pytest.approx(manifest.metrics["bits_per_byte"], rel=0.2)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert whole.licence in card
    generator = open_generator(folder, tmp_path / "cache", device="cpu", threads=1)
    again = generator.write([whole.prompts[0]], replace(SETTINGS, variants=1))[0][0].text
    assert again[:10] in card  # the card's samples are what the model writes
    generator.close()
