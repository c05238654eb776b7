"""The bilingual encoder: words and their rows, data, training and resuming, what is shipped and what it becomes."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from core.errors import Cancelled, Unavailable
from core.models.catalogue import STARTERS
from core.models.encoder import Encoder, load_encoder
from core.models.extended import (
    EMBEDDINGS,
    WORDS,
    Extension,
    merged,
    read_extension,
    tokenizer_json,
    write_extension,
)
from core.models.manifest import Manifest, read_manifest, write_manifest
from core.settings import Settings
from core.training.bilingual.batches import Batches, Pairs, Recipe
from core.training.bilingual.data import (
    held_out,
    loosen,
    question_passages,
    sentence_and_rest,
    swap_table,
    swap_words,
    word_pairs,
)
from core.training.bilingual.student import Student, batches_by_length
from core.training.bilingual.train import Trainer, train
from core.training.bilingual.words import choose_rows, clean_gloss, first_rows, meanings, parse_entry, spellings
from core.training.watch import Quiet

ENTRIES = [
    entry
    for line in (
        "# comment",
        "退貨 退货 [tui4 huo4] /to return merchandise/to withdraw a product/",
        "運費 运费 [yun4 fei4] /freight fee/",
        "誰 谁 [shei2] /who/",
        "後 后 [hou4] /after/behind/",
        "后 后 [Hou4] /surname Hou/",
        "皇后 皇后 [huang2 hou4] /empress/",
        "訂單 订单 [ding4 dan1] /(purchase) order/CL:張|张[zhang1]/",
        "取消 取消 [qu3 xiao1] /to cancel/",
        "密碼 密码 [mi4 ma3] /password/",
        "参攷 参考 [can1 kao3] /variant of 參考|参考[can1 kao3]/",
    )
    if (entry := parse_entry(line))
]
FREQUENCY = {"退货": 50, "运费": 40, "皇后": 5, "订单": 90, "取消": 80, "密码": 70}
ENGLISH = ["return merchandise", "freight fee", "who", "after", "empress", "order", "cancel", "password"]
CHINESE = ["退货", "运费", "谁", "后", "皇后", "订单", "取消", "密码"]
NAME = "pilotlight-minilm-bilingual"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers with random weights, that knows its letters, as a sentence-transformers folder."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base")
    words = sorted({word for text in ENGLISH for word in text.split()} | {"how", "do", "i", "my"})
    marks = list(",.?!:;()\"'[]-~")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *marks, *LETTERS, *(f"##{c}" for c in LETTERS), *words, "后", "退"]
    vocabulary = {name: i for i, name in enumerate(dict.fromkeys(names))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"unk_token": "[UNK]", "pad_token": "[PAD]"}))
    parts = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (name, path, kind) in enumerate(parts)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64, "do_lower_case": False}))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


@pytest.fixture(scope="module")
def rows() -> list[str]:
    return choose_rows(ENTRIES, FREQUENCY, 6)


@pytest.fixture(scope="module")
def tokenizer(base: Path, rows: list[str]) -> Any:
    return tokenizer_of(base, spellings(rows, ENTRIES, []))


def tokenizer_of(base: Path, spelt: list[list[str]]) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tokenizer_json(base / "tokenizer.json", spelt))


def weights(base: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(base / "model.safetensors")


def beginning(base: Path, rows: list[str]) -> np.ndarray:
    from tokenizers import Tokenizer

    plain = Tokenizer.from_file(str(base / "tokenizer.json"))
    return first_rows(rows, meanings(ENTRIES), weights(base)[EMBEDDINGS], plain)


def student(base: Path, rows: list[str], tokenizer: Any, rank: int = 0, **given: Any) -> Student:
    return Student(base, tokenizer, beginning(base, rows), rank=rank, max_tokens=32, seed=1, **given)


class TestWords:
    def test_an_entry_gives_its_meanings_without_asides(self) -> None:
        assert clean_gloss("(purchase) order") == "order"
        assert clean_gloss("CL:張|张[zhang1]") == ""
        assert clean_gloss("abbr. for 北京大學|北京大学[Bei3 jing1]") == ""
        assert parse_entry("参攷 参考 [can1 kao3] /variant of 參考|参考[can1 kao3]/") is None

    def test_a_proper_name_comes_behind_the_word(self) -> None:
        assert meanings(ENTRIES)["后"] == ["after", "behind", "surname Hou"]

    def test_rows_are_characters_of_words_and_the_most_frequent_words(self, rows: list[str]) -> None:
        assert "退货" in rows
        assert "皇后" in rows
        assert "货" in rows
        assert "谁" not in rows  # no word of several characters is written with it
        assert "皇后" not in choose_rows(ENTRIES, FREQUENCY, 5)

    def test_traditional_spellings_find_the_row(self, rows: list[str]) -> None:
        spelt = dict(zip(rows, spellings(rows, ENTRIES, []), strict=True))
        assert spelt["退货"] == ["退货", "退貨"]
        assert "後" in spelt["后"]

    def test_a_row_starts_at_its_meaning(self, base: Path, rows: list[str]) -> None:
        start = beginning(base, rows)
        known = weights(base)[EMBEDDINGS]
        at = json.loads((base / "tokenizer.json").read_text())["model"]["vocab"]
        row, word = start[rows.index("密码")], known[at["password"]]
        assert row @ word / np.linalg.norm(row) / np.linalg.norm(word) == pytest.approx(1, abs=1e-5)


class TestTokenizer:
    def test_longest_word_first_and_both_scripts_alike(self, tokenizer: Any) -> None:
        assert tokenizer.encode("退货运费").ids == tokenizer.encode("退貨運費").ids
        assert len(tokenizer.encode("退货运费").ids) == 4

    def test_place_in_a_run_does_not_matter(self, tokenizer: Any) -> None:
        assert tokenizer.encode("运费退货").ids[1:3] == tokenizer.encode("退货运费").ids[1:3][::-1]

    def test_an_unknown_character_is_unknown_alone(self, tokenizer: Any) -> None:
        assert tokenizer.encode("退货龘运费").ids[1:4] == [
            tokenizer.encode("退货").ids[1],
            1,
            tokenizer.encode("运费").ids[1],
        ]

    def test_a_latin_word_among_han_is_what_it_is_alone(self, tokenizer: Any) -> None:
        alone = tokenizer.encode("password").ids[1:-1]
        assert tokenizer.encode("取消password密码").ids[2:-2] == alone

    def test_chinese_marks_are_their_ascii_ones(self, tokenizer: Any) -> None:
        assert tokenizer.encode("退货？").ids == tokenizer.encode("退货?").ids

    @given(text=st.text(st.characters(max_codepoint=0x24F, exclude_characters="·"), max_size=60))
    @limits(max_examples=200, deadline=None)
    def test_what_is_not_han_is_cut_as_before(self, base: Path, tokenizer: Any, text: str) -> None:
        from tokenizers import Tokenizer

        before = Tokenizer.from_file(str(base / "tokenizer.json"))
        assert tokenizer.encode(text).ids == before.encode(text).ids

    @given(text=st.text(st.sampled_from("退货運費龘后a1 ，"), max_size=80))
    @limits(max_examples=200, deadline=None)
    def test_no_known_character_is_lost(self, tokenizer: Any, text: str) -> None:
        tokenizer.no_truncation()
        unknown = sum(token == 1 for token in tokenizer.encode(text).ids)
        assert unknown == text.count("龘")


class TestData:
    def test_held_out_pairs_have_no_near_duplicates_left(self) -> None:
        pairs = [(f"第{i}个订单在哪里{i * 7919}", f"where is order number {i * 7919}") for i in range(60)]
        pairs += [(f"{zh}！", en.upper()) for zh, en in pairs[:30]]
        kept, rest = held_out(pairs, 10, 5)
        assert len(kept) == 10
        assert kept == held_out(pairs, 10, 5)[0]

        def plain(pair: tuple[str, str]) -> tuple[str, str]:
            return pair[0].rstrip("！"), pair[1].lower()

        assert not {plain(pair) for pair in kept} & {plain(pair) for pair in rest}
        assert rest

    def test_frequent_words_are_drawn_more(self) -> None:
        pairs, drawn = word_pairs(ENTRIES, FREQUENCY)
        weight = dict(zip((word for word, _ in pairs), drawn, strict=True))
        assert ("退货", "to return merchandise; to withdraw a product") in pairs
        assert weight["订单"] > weight["皇后"] > weight["谁"] > 0

    def test_swapping_puts_chinese_words_in_their_place(self) -> None:
        swaps = swap_table(ENTRIES, FREQUENCY)
        swapped = swap_words("How do I cancel an order?", swaps, random.Random(0), 1.0)
        assert "取消" in swapped
        assert "订单" in swapped
        assert "cancel" not in swapped
        assert swap_words("Passwords", swaps, random.Random(0), 1.0) == "密码"
        assert swap_words("How do I cancel?", swaps, random.Random(0), 0.0) == "How do I cancel ?"

    @given(text=st.text(st.sampled_from("退货运费a ，"), max_size=40), seed=st.integers(0, 9))
    def test_loosening_adds_spaces_between_han_only(self, text: str, seed: int) -> None:
        loosened = loosen(text, random.Random(seed), 0.5)
        assert loosened.replace(" ", "") == text.replace(" ", "")
        assert loosen(text, random.Random(seed), 0.0) == text

    def test_a_sentence_and_the_rest_make_the_paragraph(self) -> None:
        parts = ["第一句话说的是退货政策。", "第二句话说的是运费问题！", "第三句话说的是密码设置？"]
        for sentence, rest in sentence_and_rest(["".join(parts)], random.Random(1)):
            assert sentence in parts
            assert sentence not in rest
            assert len(sentence) + len(rest) == sum(map(len, parts))
        assert sentence_and_rest(["短。句。"], random.Random(1)) == []

    def test_questions_meet_their_passage_in_both_languages(self) -> None:
        passages = [{"company": "A", "id": "1", "text": "七天内可退货"}, {"company": "B", "id": "1", "text": "别家"}]
        questions = [
            {"company": "A", "question": "能退吗", "answerable": True, "passage": "1", "question_en": "Returns?"},
            {"company": "A", "question": "有猫吗", "answerable": False, "passage": ""},
        ]
        found = question_passages(questions, passages, "question_en")
        assert found == [("能退吗", "七天内可退货"), ("Returns?", "七天内可退货")]


SMALL = Recipe(
    steps=6, sentences=6, words=4, mixed=2, joined=2, asks=4, english=3, body_lr=1e-3, rows_lr=1e-2, bank=16, queue=8
)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    words, drawn = word_pairs(ENTRIES, FREQUENCY)
    couples = list(zip(CHINESE, ENGLISH, strict=True))
    asks = [(f"how do i {en}", f"{zh}{zh}", f"group {i // 3}") for i, (zh, en) in enumerate(couples)]
    return Pairs(couples, words, drawn, ["how do i cancel my order", *ENGLISH], asks, swap_table(ENTRIES, FREQUENCY))


class Stopping(Quiet):
    def __init__(self, checks: int) -> None:
        super().__init__()
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("cancelled")


class TestBatches:
    def test_a_step_is_the_same_whenever_it_is_asked_for(self, pairs: Pairs) -> None:
        one, other = Batches(pairs, SMALL), Batches(pairs, SMALL)
        for step in range(5):
            one.sentences(step), one.asks(step), one.english(step)
        for kind in ("sentences", "words", "joined", "mixed", "english", "asks"):
            assert getattr(one, kind)(5) == getattr(other, kind)(5)

    def test_a_lap_shows_every_pair_once(self, pairs: Pairs) -> None:
        recipe = replace(SMALL, sentences=4, loosen=0.0, traditional=0.0)
        batches = Batches(pairs, recipe)
        assert sorted(batches.sentences(0) + batches.sentences(1)) == sorted(pairs.sentences)

    def test_passages_of_a_group_meet(self, pairs: Pairs) -> None:
        recipe = replace(SMALL, asks=8, loosen=0.0, traditional=0.0)
        questions, passages, right = Batches(pairs, recipe).asks(0)
        group = {question: name for question, _, name in pairs.asks}
        names = [group[question] for question in questions]
        assert sum(a != b for a, b in itertools.pairwise(names)) == 2  # three groups, each in one piece
        assert all(
            (q, passages[at]) in {(x, y) for x, y, _ in pairs.asks} for q, at in zip(questions, right, strict=True)
        )

    @given(lengths=st.lists(st.integers(1, 128), max_size=80))
    def test_lengths_are_grouped_without_loss(self, lengths: list[int]) -> None:
        groups = batches_by_length(lengths, 512)
        assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
        assert all(len(group) == 1 or len(group) * max(lengths[i] for i in group) <= 512 for group in groups)


class TestTraining:
    def teacher(self, base: Path) -> Any:
        from tokenizers import Tokenizer

        plain = Tokenizer.from_file(str(base / "tokenizer.json"))
        frozen = Student(base, plain, np.zeros((1, 32), np.float32), rank=0, max_tokens=32, seed=1)
        return frozen.encode

    @pytest.mark.parametrize("rank", [0, 4])
    def test_chinese_lands_at_its_translation(
        self, base: Path, rows: list[str], tokenizer: Any, pairs: Pairs, tmp_path: Path, rank: int
    ) -> None:
        teacher = self.teacher(base)
        known = [zh for zh in CHINESE if zh != "谁"]
        targets = teacher([ENGLISH[CHINESE.index(zh)] for zh in known])
        mine = Student(
            base,
            tokenizer,
            np.random.default_rng(0).normal(0, 0.2, (len(rows), 32)).astype(np.float32),
            rank=rank,
            max_tokens=32,
            seed=1,
        )
        before = float((mine.encode(known) * targets).sum(1).mean())
        train(mine, teacher, pairs, replace(SMALL, steps=60, rows_lr=2e-2), tmp_path, Quiet())
        after = float((mine.encode(known) * targets).sum(1).mean())
        assert 1 - after < 0.7 * (1 - before)
        assert ((mine.encode(known) @ targets.T).argmax(1) == np.arange(len(known))).mean() >= 0.8

    def test_stopped_and_resumed_is_the_same_run(
        self, base: Path, rows: list[str], tokenizer: Any, pairs: Pairs, tmp_path: Path
    ) -> None:
        teacher = self.teacher(base)
        whole = student(base, rows, tokenizer, rank=4)
        train(whole, teacher, pairs, SMALL, tmp_path / "whole", Quiet())
        first = student(base, rows, tokenizer, rank=4)
        with pytest.raises(Cancelled):
            train(first, teacher, pairs, SMALL, tmp_path / "parts", Stopping(3))
        second = student(base, rows, tokenizer, rank=4)
        train(second, teacher, pairs, SMALL, tmp_path / "parts", Quiet())
        assert np.array_equal(whole.rows.detach().numpy(), second.rows.detach().numpy())
        for name, change in whole.changes().items():
            assert np.array_equal(change, second.changes()[name]), name

    def test_english_may_be_left_to_the_base(
        self, base: Path, rows: list[str], tokenizer: Any, pairs: Pairs, tmp_path: Path
    ) -> None:
        teacher = self.teacher(base)
        mine = student(base, rows, tokenizer)
        train(mine, teacher, pairs, SMALL, tmp_path, Quiet())
        texts = ["how do i cancel", "取消订单", "my order"]
        found = Trainer(mine, teacher, pairs, replace(SMALL, english_is_base=True))._vectors(texts).detach().numpy()
        assert np.array_equal(found[[0, 2]], teacher([texts[0], texts[2]]))
        assert np.allclose(found[1], mine.encode([texts[1]])[0], atol=1e-6)
        assert not np.allclose(found[0], mine.encode([texts[0]])[0], atol=1e-3)

    def test_a_checkpoint_of_another_recipe_is_not_gone_on_from(
        self, base: Path, rows: list[str], tokenizer: Any, pairs: Pairs, tmp_path: Path
    ) -> None:
        teacher = self.teacher(base)
        train(student(base, rows, tokenizer), teacher, pairs, SMALL, tmp_path, Quiet())
        other = replace(SMALL, seed=99)
        again = student(base, rows, tokenizer)
        train(again, teacher, pairs, other, tmp_path, Quiet())
        fresh = student(base, rows, tokenizer)
        train(fresh, teacher, pairs, other, tmp_path / "fresh", Quiet())
        assert np.array_equal(again.rows.detach().numpy(), fresh.rows.detach().numpy())

    def test_a_second_phase_begins_where_the_first_ended(
        self, base: Path, rows: list[str], tokenizer: Any, pairs: Pairs, tmp_path: Path
    ) -> None:
        first = student(base, rows, tokenizer)
        train(first, self.teacher(base), pairs, SMALL, tmp_path, Quiet())
        learnt = first.rows.detach().numpy()
        second = Student(base, tokenizer, learnt, rank=4, max_tokens=32, seed=1, changes=first.changes())
        assert np.allclose(first.encode(CHINESE), second.encode(CHINESE), atol=0.02)  # bf16
        for name, change in first.changes().items():
            assert np.allclose(change, second.changes()[name], atol=1e-6), name


class TestShipping:
    @pytest.fixture
    def extension(self, base: Path, rows: list[str]) -> Extension:
        rng = np.random.default_rng(0)
        changes = {
            name: (0.02 * rng.normal(size=value.shape)).astype(np.float32)
            for name, value in weights(base).items()
            if name.startswith("encoder.")
        }
        return Extension(beginning(base, rows), spellings(rows, ENTRIES, []), changes)

    def test_what_is_written_is_read(self, extension: Extension, tmp_path: Path) -> None:
        write_extension(tmp_path, extension, rank=32)
        back = read_extension(tmp_path)
        assert back.spellings == extension.spellings
        assert np.abs(back.rows - extension.rows).max() <= np.abs(extension.rows).max() / 127
        assert back.changes.keys() == extension.changes.keys()
        for name, change in extension.changes.items():
            assert np.linalg.norm(back.changes[name] - change) < 0.02 * np.linalg.norm(change), name

    def test_a_lower_rank_keeps_less(self, extension: Extension, tmp_path: Path) -> None:
        name = "encoder.layer.0.output.dense.weight"
        errors = []
        for rank in (2, 8, 32):
            write_extension(tmp_path, extension, rank=rank)
            errors.append(float(np.linalg.norm(read_extension(tmp_path).changes[name] - extension.changes[name])))
        assert errors[0] > errors[1] > errors[2]

    def test_the_merged_folder_is_an_ordinary_model(
        self, base: Path, rows: list[str], tokenizer: Any, extension: Extension, tmp_path: Path
    ) -> None:
        from sentence_transformers import SentenceTransformer

        write_extension(tmp_path / "starter", extension, rank=32)
        write_manifest(tmp_path / "starter", Manifest("encoder", "tiny"))
        folder = merged(base, tmp_path / "starter", tmp_path / "models")
        assert merged(base, tmp_path / "starter", tmp_path / "models") == folder
        kept = read_extension(tmp_path / "starter")
        mine = Student(base, tokenizer, kept.rows, rank=0, max_tokens=64, seed=1, changes=kept.changes)
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        found = model.encode([*CHINESE, *ENGLISH], normalize_embeddings=True)
        assert np.abs(found - mine.encode([*CHINESE, *ENGLISH])).max() < 0.02  # the student computes in bf16

    def test_a_changed_starter_is_refused_and_a_new_one_merged_anew(
        self, base: Path, extension: Extension, tmp_path: Path
    ) -> None:
        starter = tmp_path / "starter"
        write_extension(starter, extension, rank=4)
        with pytest.raises(Unavailable, match="not a finished model"):
            merged(base, starter, tmp_path / "models")
        write_manifest(starter, Manifest("encoder", "tiny"))
        first = merged(base, starter, tmp_path / "models")
        with (starter / WORDS).open("a", encoding="utf-8") as file:
            file.write("坏\n")
        with pytest.raises(Unavailable, match="damaged"):
            merged(base, starter, tmp_path / "models")
        write_extension(starter, extension, rank=8)
        write_manifest(starter, Manifest("encoder", "tiny"))
        assert merged(base, starter, tmp_path / "models") != first


class TestShipped:
    """The starter in the repository, through the product's own loader."""

    @pytest.fixture(scope="class")
    def encoder(self, model_folder: Path) -> Encoder:
        chosen = Settings(encoder=NAME, encoder_precision="int8", device="cpu", data_dir=model_folder, _env_file=None)
        return load_encoder(chosen)

    def test_its_files_are_those_of_its_manifest(self) -> None:
        manifest = read_manifest(STARTERS / "encoder")
        assert (manifest.kind, manifest.name, manifest.base) == ("encoder", NAME, "all-MiniLM-L6-v2")
        assert set(manifest.files) == {"README.md", "weights.safetensors", "words.txt"}
        assert sum((STARTERS / "encoder" / name).stat().st_size for name in manifest.files) < 15 * 2**20

    def test_chinese_lands_at_its_translation(self, encoder: Encoder) -> None:
        chinese = ["怎么退货？", "我忘記密碼了", "你们周末营业吗？", "运费是多少？", "如何取消订阅"]
        english = ["How do I return an item?", "I forgot my password", "Are you open at weekends?"]
        english += ["How much is shipping?", "how to cancel my subscription"]
        scores = encoder.encode(chinese, kind="query") @ encoder.encode(english, kind="passage").T
        assert scores.argmax(1).tolist() == [0, 1, 2, 3, 4]

    def test_both_scripts_are_one_language(self, encoder: Encoder) -> None:
        one, other = encoder.encode(["退款要几天到账", "退款要幾天到賬"], kind="query")
        assert one @ other > 0.95

    def test_english_is_the_bases_own(self, encoder: Encoder, model_folder: Path) -> None:
        chosen = Settings(encoder_precision="int8", device="cpu", data_dir=model_folder, _env_file=None)
        texts = ["Refunds take five days.", "Où est le café?"]
        assert np.array_equal(encoder.encode(texts, kind="passage"), load_encoder(chosen).encode(texts, kind="passage"))

    def test_languages_may_be_mixed_in_one_call(self, encoder: Encoder) -> None:
        texts = ["Refunds take five days.", "退款需要五天。", "", "Open at nine.", "九点开门。"]
        together = encoder.encode(texts, kind="passage")
        assert together.shape == (5, encoder.dimension)
        for text, vector in zip(texts, together, strict=True):
            assert encoder.encode([text], kind="passage")[0] @ vector > 0.96
        assert encoder.encode([], kind="query").shape == (0, encoder.dimension)
