"""The recipe of the shipped GPT-2s: what it reads, and a whole run of a tiny one into a folder that opens."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from core.models.manifest import read_manifest
from core.models.sampling import GenerationSettings
from core.models.text_generation import open_generator
from core.models.weights import PACKED, PLAIN
from core.training.packing import Pair
from core.training.watch import Quiet
from tests.conftest import SHARED_DATA
from tools.starter_texts import BITS, CHINESE, DESCRIPTIONS, ENGLISH, STARTERS, Starter, make
from tools.starter_texts_data import plain_attributes

SMALLEST = {
    "layers": 1,
    "heads": 2,
    "width": 32,
    "vocabulary_size": 500,
    "batch_size": 4,
    "max_tokens": 64,
    "max_steps": 12,
}


@pytest.fixture(params=sorted(STARTERS))
def starter(request: pytest.FixtureRequest) -> Starter:
    if not (SHARED_DATA / "chinese_poetry").is_dir():
        pytest.skip(f"public data sets not found at {SHARED_DATA}")
    return STARTERS[request.param]


def test_nothing_that_is_judged_on_is_trained_on(starter: Starter) -> None:
    training, validation = starter.read(SHARED_DATA)
    assert len(training) > 20 * len(validation) > 1000
    if starter is DESCRIPTIONS:
        kinds = [{re.sub("(name|near): [^;]*", r"\1", pair.prompt) for pair in part} for part in (training, validation)]
        names = {pair.prompt for pair in training if isinstance(pair, Pair)}
        assert not any(pair.prompt in names for pair in validation if isinstance(pair, Pair))
        assert kinds[1]
    else:
        assert not set(validation) & set(training)
    assert starter.read(SHARED_DATA)[1] == validation  # the same split every time


def test_texts_are_clean_and_in_their_language() -> None:
    if not (SHARED_DATA / "chinese_poetry").is_dir():
        pytest.skip(f"public data sets not found at {SHARED_DATA}")
    english = "\n".join(text for text in ENGLISH.read(SHARED_DATA)[0] if isinstance(text, str))
    chinese = "\n".join(text for text in CHINESE.read(SHARED_DATA)[0] if isinstance(text, str))
    assert len(english) > 4_000_000
    assert not re.search(r"<(?:Pros|Cons)>|\[t\]|##", english)
    assert len(chinese) > 2_000_000
    assert len(re.findall("[\u4e00-\u9fff]", chinese)) > 0.7 * len(chinese)
    assert chinese.count("国") > 20 * chinese.count("國")  # Simplified


def test_names_are_changed_in_the_attributes_and_in_the_text_alike() -> None:
    if not (SHARED_DATA / "e2e_nlg").is_dir():
        pytest.skip(f"public data sets not found at {SHARED_DATA}")
    training, _ = DESCRIPTIONS.read(SHARED_DATA)
    pairs = [pair for pair in training if isinstance(pair, Pair)][:4000]
    named = [pair for pair in pairs if re.search("name: ([^;]+)", pair.prompt)]
    found = [re.search("name: ([^;]+)", pair.prompt)[1] in pair.response for pair in named]  # type: ignore[index]
    assert sum(found) > 0.9 * len(found)
    assert len({re.search("name: ([^;]+)", pair.prompt)[1] for pair in named}) > 500  # type: ignore[index]


def test_attributes_are_read_as_a_person_writes_them() -> None:
    assert plain_attributes("name[The Mill], eatType[pub], area[city centre]") == (
        "name: The Mill; eatType: pub; area: city centre"
    )


def test_a_starter_is_made_packed_judged_and_opened(starter: Starter, tmp_path: Path) -> None:
    tiny = replace(starter, args=replace(starter.args, **SMALLEST, sample_tokens=0, device="cpu"))
    data = [part[:300] for part in starter.read(SHARED_DATA)]
    tiny = replace(tiny, read=lambda _: (data[0], data[1][:20]))
    manifest = make(tiny, SHARED_DATA, tmp_path / "work", tmp_path / "out" / tiny.name, 1.0, Quiet())
    folder = tmp_path / "out" / tiny.name
    assert read_manifest(folder) == manifest
    assert manifest.facts["bits"] == BITS
    assert (folder / PACKED).is_file()
    assert not (folder / PLAIN).exists()
    assert [path.name for path in folder.parent.iterdir()] == [tiny.name]
    assert (folder / PACKED).stat().st_size < 0.9 * manifest.facts["parameters"] + 30_000
    if starter is not DESCRIPTIONS:
        assert manifest.metrics["bits_per_byte_stored"] == pytest.approx(manifest.metrics["bits_per_byte"], rel=0.2)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert starter.licence in card
    generator = open_generator(folder, tmp_path / "cache", device="cpu", threads=1)
    again = generator.write([starter.prompts[0]], GenerationSettings(max_tokens=20, seed=1))[0][0].text
    assert again[:10] in card  # the card's samples are what the model writes
    generator.close()
