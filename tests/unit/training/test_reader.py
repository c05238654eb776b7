"""The reader: which tokens are which sentence, that it learns, and that what is shipped is what was trained."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.models.reader import OnnxReader, sentence_logits
from core.models.reading import Page, SheetMaker, padded
from core.text.sentences import sentence_spans
from core.training.reader import ReaderArgs, ReaderExample, token_logits, train_reader
from core.training.watch import Quiet
from tests.tiny_models import tiny_bert
from tools.reader_starter import write_changes

WARRANTY = "Items may be returned within 30 days. Refunds take 5 business days. The Pro plan costs $49 a month."
RETURNS = "退款将在五个工作日内到账。专业版每月四百元，包含单点登录。"


def page(text: str, heading: str = "") -> Page:
    return Page(heading, text, tuple(sentence_spans(text)))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"), labels=1)


@pytest.fixture(scope="module")
def maker(bert: Path) -> SheetMaker:
    return SheetMaker(bert / "tokenizer.json", max_tokens=120)


def words_of(bert: Path, ids: tuple[int, ...]) -> str:
    from tokenizers import Tokenizer

    text = str(Tokenizer.from_file(str(bert / "tokenizer.json")).decode(list(ids), skip_special_tokens=False))
    return text.replace("##", "").replace(" ", "")


@pytest.mark.parametrize("text", [WARRANTY, RETURNS])
@pytest.mark.parametrize("heading", ["", "Refunds 退款"])
def test_each_sentence_has_exactly_its_own_tokens(bert: Path, maker: SheetMaker, text: str, heading: str) -> None:
    (sheet,) = maker.sheets("Refunds take business days?", [page(text, heading)])
    spans = sentence_spans(text)
    assert len(sheet.sentences) == len(spans)
    for (first, last), (start, end) in zip(sheet.sentences, spans, strict=True):
        assert words_of(bert, sheet.ids[first:last]) == text[start:end].lower().replace(" ", "")
    assert words_of(bert, sheet.ids[sheet.question - 1 : sheet.question]) == "[SEP]"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=80), st.lists(st.sampled_from(["Items. ", "退款。", "30 days\n", "x" * 40 + ". "]), max_size=12)
)
def test_no_sheet_is_too_long_and_no_range_leaves_it(maker: SheetMaker, question: str, parts: list[str]) -> None:
    text = "".join(parts)
    (sheet,) = maker.sheets(question, [page(text, "head")])
    assert len(sheet.ids) <= 120
    for first, last in sheet.sentences:
        assert sheet.question <= first <= last <= len(sheet.ids)


def test_a_sentence_that_was_cut_off_has_no_logit(maker: SheetMaker) -> None:
    text = "Items may be returned within 30 days. " * 30
    (sheet,) = maker.sheets("days?", [page(text)])
    logits = sentence_logits(np.ones(len(sheet.ids), np.float32), sheet)
    assert logits[0] == 1
    assert np.isnan(logits[-1])


def test_padding_marks_question_and_passage(maker: SheetMaker) -> None:
    sheets = maker.sheets("days?", [page("Refunds."), page(WARRANTY)])
    arrays = padded(sheets)
    short = len(sheets[0].ids)
    assert arrays["attention_mask"].sum(1).tolist() == [short, len(sheets[1].ids)]
    assert arrays["token_type_ids"][0].tolist()[: sheets[0].question] == [0] * sheets[0].question
    assert arrays["token_type_ids"][0, sheets[0].question : short].tolist() == [1] * (short - sheets[0].question)


EXAMPLES = tuple(
    ReaderExample(question, (page(WARRANTY), page(RETURNS)), answers)
    for question, answers in (
        ("returned days", ((0, 0),)),
        ("refunds take", ((0, 1),)),
        ("pro plan costs", ((0, 2),)),
        ("退款到账", ((1, 0),)),
        ("专业版", ((1, 1),)),
        ("single sign on includes", ()),
    )
)
ARGS = ReaderArgs(
    epochs=70, questions=3, pages=2, learning_rate=5e-3, head_learning_rate=2e-2, rank=8, clip=5.0, bf16=False
)


class Curve(Quiet):
    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def point(self, step: int, **values: float) -> None:
        self.losses.append(values["loss"])


def test_it_learns_what_it_is_shown_and_the_shipped_changes_are_the_model(bert: Path, tmp_path: Path) -> None:
    from core.models.reader_export import CHANGES, _export

    curve = Curve()
    model, maker = train_reader(EXAMPLES, bert, ARGS, curve)
    assert np.mean(curve.losses[-6:]) < 0.5 * np.mean(curve.losses[:6])
    model.eval()
    changes, target = tmp_path / "changes", tmp_path / "target"
    changes.mkdir()
    target.mkdir()
    write_changes(model, changes / CHANGES)
    _export(bert, changes, target)
    reader = OnnxReader("tiny", ("en", "zh"), target / "tokenizer.json", target / "fp32.onnx", threads=2)
    for example in EXAMPLES:
        sheets = maker.sheets(example.question, example.pages)
        expected = token_logits(model, sheets).detach().numpy()
        for row, sheet, found in zip(expected, sheets, reader.read(example.question, example.pages), strict=True):
            # Half precision of the shipped factors is all that may differ.
            np.testing.assert_allclose(found, sentence_logits(row, sheet), atol=0.05)


def test_the_same_seed_gives_the_same_losses(bert: Path) -> None:
    short = replace(ARGS, epochs=2)
    one, two, other = Curve(), Curve(), Curve()
    train_reader(EXAMPLES, bert, short, one)
    train_reader(EXAMPLES, bert, short, two)
    train_reader(EXAMPLES, bert, replace(short, seed=8), other)
    assert one.losses == two.losses != other.losses


def test_nothing_to_learn_from_is_said(bert: Path) -> None:
    with pytest.raises(BadInput):
        train_reader([ReaderExample("why?", (page(WARRANTY),), ())], bert, ARGS, Quiet())
    with pytest.raises(ValueError, match="at least 1"):
        ReaderArgs(epochs=0)


def test_a_changed_shipped_file_is_refused(tmp_path: Path) -> None:
    from core.models.catalogue import STARTERS
    from core.models.reader import load_reader
    from core.settings import Settings

    if not (STARTERS / "reader" / "pilotlight.json").is_file():
        pytest.skip("no reader is shipped in this tree")
    shutil.copytree(STARTERS / "reader", tmp_path / "models" / "reader")
    (tmp_path / "models" / "reader" / "changes.safetensors").write_bytes(b"other")
    from core.errors import Unavailable

    with pytest.raises(Unavailable, match=r"changes\.safetensors"):
        load_reader(Settings(models_dir=tmp_path / "models", data_dir=tmp_path / "var", _env_file=None))
