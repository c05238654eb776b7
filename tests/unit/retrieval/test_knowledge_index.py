"""A version built, opened and asked with the real encoder: both languages, masks, deletions, rebuilding, threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled, IndexDamaged
from core.index.store import MANIFEST, open_version
from core.models.encoder import Encoder
from core.models.hub import ModelHub
from core.retrieval.build import LANGUAGE_CODES, BuildOptions, PassageList, build_version
from core.retrieval.fuse import FusionWeights, learn_weights
from core.retrieval.pipeline import KnowledgeIndex
from core.retrieval.rerank import make_reranker
from core.settings import Settings
from core.text.language import detect_language
from core.text.words import search_words

ROOT = Path(__file__).resolve().parents[3]
TOPICS = {
    1: ["Items may be returned within 30 days of delivery.", "Returned goods must be unused and in their box."],
    2: ["Refunds reach your bank account within five working days.", "We refund the price and the postage."],
    3: ["The Pro plan costs 49 dollars a month.", "Annual billing lowers the price of every plan by a fifth."],
    4: ["Our warehouse stands in Rotterdam.", "Parcels leave it every morning except on Sundays."],
    5: ["商品自签收之日起三十天内可以退货。", "退回的商品须未使用且包装完好。"],
    6: ["專業版每月四百元，包含單一登入。", "按年付費可享八折優惠。"],
}
TEXTS = [text for texts in TOPICS.values() for text in texts]
DOCUMENTS = [document for document, texts in TOPICS.items() for _ in texts]


def first_id(text: str) -> int:
    return 100 + TEXTS.index(text)


class Recording:
    """A source that remembers which passages it was asked for."""

    def __init__(self, source: PassageList) -> None:
        self._source = source
        self.passage_ids, self.document_ids, self.languages = source.passage_ids, source.document_ids, source.languages
        self.vector_counts = source.vector_counts
        self.read: list[int] = []
        self.embedded: list[int] = []

    def texts(self, passage_ids: Sequence[int]) -> Sequence[str]:
        self.read += passage_ids
        return self._source.texts(passage_ids)

    def vectors(self, passage_ids: Sequence[int]) -> np.ndarray:
        self.embedded += passage_ids
        return self._source.vectors(passage_ids)


@pytest.fixture(scope="module")
def encoder(model_folder: Path) -> Encoder:
    """The packaged encoder, which knows English only: what it does not know must weigh nothing."""
    return ModelHub(Settings(encoder="all-MiniLM-L6-v2", data_dir=model_folder, _env_file=None)).encoder()


@pytest.fixture(scope="module")
def vectors(encoder: Encoder) -> np.ndarray:
    return encoder.encode(TEXTS, kind="passage").astype(np.float16)


@pytest.fixture(scope="module")
def options(encoder: Encoder) -> BuildOptions:
    return BuildOptions(encoder.name, encoder.dimension, encoder.languages)


def source(vectors: np.ndarray, documents: Sequence[int] = tuple(TOPICS)) -> PassageList:
    rows = [row for row, document in enumerate(DOCUMENTS) if document in documents]
    texts = [TEXTS[row] for row in rows]
    return PassageList(
        passage_ids=np.asarray([100 + row for row in rows], np.int64),
        document_ids=np.asarray([DOCUMENTS[row] for row in rows], np.int64),
        languages=np.asarray([LANGUAGE_CODES.index(detect_language(text)) for text in texts], np.int8),
        all_texts=texts,
        all_vectors=vectors[rows],
    )


@pytest.fixture(scope="module")
def index(
    encoder: Encoder, vectors: np.ndarray, options: BuildOptions, tmp_path_factory: pytest.TempPathFactory
) -> KnowledgeIndex:
    folder = tmp_path_factory.mktemp("index") / "1" / "1"
    build_version(folder, source(vectors), options)
    return KnowledgeIndex.open(folder, encoder)


def test_a_question_in_other_words_is_found_by_meaning(index: KnowledgeIndex) -> None:
    result = index.search("When do I get my money back?", k=3)
    assert result.hits[0].passage_id == first_id("Refunds reach your bank account within five working days.")
    assert list(result.stages) == ["lexical", "dense", "fused"]
    assert (result.language, result.weight) == ("en", 0.5)


def test_every_hit_has_both_exact_scores(index: KnowledgeIndex, encoder: Encoder, vectors: np.ndarray) -> None:
    question = "return a delivery to the warehouse"
    query = encoder.encode([question], kind="query")[0]
    lexical = dict(index.search(question).stages["lexical"].ranking)
    for hit in index.search(question, k=20).hits:
        row = hit.passage_id - 100
        if DOCUMENTS[row] <= 4:
            assert hit.dense == pytest.approx(float(vectors[row].astype(np.float32) @ query), abs=2e-3)
        else:
            assert hit.dense is None
        assert hit.lexical == pytest.approx(lexical.get(hit.passage_id, 0.0))
        assert hit.fused is not None
        assert 0.0 <= hit.fused <= 1.0


def test_chinese_is_found_by_words_alone_in_either_script(index: KnowledgeIndex) -> None:
    for question in ("多少天内可以退货？", "多少天內可以退貨？"):
        result = index.search(question, weights=FusionWeights(zh=1.0))
        assert result.hits[0].passage_id == first_id("商品自签收之日起三十天内可以退货。")
        assert list(result.stages) == ["lexical", "fused"]
        assert result.weight == 0.0
        assert result.hits[0].dense is None
    assert index.search("专业版每个月多少钱？").hits[0].passage_id == first_id("專業版每月四百元，包含單一登入。")


def test_weights_0_and_1_are_the_halves(index: KnowledgeIndex) -> None:
    question = "price of the plan in a month"
    words_only = index.search(question, weights=FusionWeights(en=0.0))
    assert [h.passage_id for h in words_only.hits] == [i for i, _ in words_only.stages["lexical"].ranking][:10]
    meaning_only = index.search(question, weights=FusionWeights(en=1.0), k=5)
    assert [h.passage_id for h in meaning_only.hits] == [i for i, _ in meaning_only.stages["dense"].ranking][:5]


def test_removed_documents_are_gone_and_chosen_ones_are_alone(index: KnowledgeIndex) -> None:
    question = "refund returned items"
    without = index.search(question, k=20, allowed=index.mask(removed={1, 2}))
    assert not {h.passage_id for h in without.hits} & {100, 101, 102, 103}
    only = index.search(question, k=20, allowed=index.mask(documents={2}))
    assert {h.passage_id for h in only.hits} == {102, 103}
    assert not index.search(question, allowed=index.mask(documents=())).hits
    assert index.mask() is None


def test_nothing_asked_nothing_of_words(index: KnowledgeIndex) -> None:
    result = index.search("？？？")
    assert result.query_words == ()
    assert all(hit.lexical == 0.0 for hit in result.hits)


def test_an_empty_knowledge_base_answers_nothing(
    encoder: Encoder, options: BuildOptions, vectors: np.ndarray, tmp_path: Path
) -> None:
    build_version(tmp_path / "1", source(vectors, documents=()), options)
    index = KnowledgeIndex.open(tmp_path / "1", encoder)
    assert index.size == 0
    assert index.search("anything at all?").hits == ()
    assert index.search("有什么吗？").hits == ()


@pytest.mark.parametrize("exact_limit", [100, 0], ids=["exact", "hnsw"])
def test_a_rebuild_reads_only_what_is_new_and_finds_the_same(
    encoder: Encoder, options: BuildOptions, vectors: np.ndarray, tmp_path: Path, exact_limit: int
) -> None:
    options = replace(options, exact_limit=exact_limit)
    build_version(tmp_path / "1", source(vectors, documents=(1, 2, 3, 5)), options)
    recording = Recording(source(vectors, documents=(2, 3, 4, 5, 6)))
    counts: list[tuple[int, int]] = []
    build_version(
        tmp_path / "2",
        recording,
        options,
        previous=tmp_path / "1",
        progress=lambda done, total: counts.append((done, total)),
    )
    added = {100 + row for row, document in enumerate(DOCUMENTS) if document in (4, 6)}
    assert set(recording.read) == added
    assert counts[-1] == (20, 20)
    assert [done for done, _ in counts] == sorted(done for done, _ in counts)
    build_version(tmp_path / "3", source(vectors, documents=(2, 3, 4, 5, 6)), options)
    grown, fresh = (KnowledgeIndex.open(tmp_path / name, encoder) for name in "23")
    assert grown.size == fresh.size == 10
    for question in ("price of the plan", "where is the warehouse", "refund", "多少天内可以退货", "unused box"):
        expected = {h.passage_id: h.score for h in fresh.search(question, k=20).hits}
        assert {h.passage_id: h.score for h in grown.search(question, k=20).hits} == pytest.approx(expected, abs=1e-3)
    assert not {h.passage_id for h in grown.search("returned items", k=20).hits} & {100, 101}


def test_an_hnsw_graph_is_added_to_while_few_passages_are_gone(
    encoder: Encoder, options: BuildOptions, vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.retrieval.build._MOST_DEAD", 0.25)
    options = replace(options, exact_limit=0)
    everything = source(vectors)
    build_version(tmp_path / "1", source(vectors, documents=(1, 2, 3, 5, 6)), options)
    recording = Recording(source(vectors, documents=(2, 3, 4, 5, 6)))
    manifest = build_version(tmp_path / "2", recording, options, previous=tmp_path / "1")
    assert manifest.facts["rows"] == 12
    assert manifest.facts["passages"] == 10
    assert set(recording.embedded) == {106, 107}
    index = KnowledgeIndex.open(tmp_path / "2", encoder)
    hits = index.search("Where does the warehouse stand?", k=20).hits
    assert hits[0].passage_id == first_id("Our warehouse stands in Rotterdam.")
    assert not {hit.passage_id for hit in hits} & {-1, 100, 101}
    build_version(tmp_path / "3", everything, options, previous=tmp_path / "2")
    again = KnowledgeIndex.open(tmp_path / "3", encoder)
    assert again.search("returned within 30 days", k=1).hits[0].passage_id == 100


def test_another_encoders_vectors_are_not_used(
    encoder: Encoder, options: BuildOptions, vectors: np.ndarray, tmp_path: Path
) -> None:
    build_version(tmp_path / "1", source(vectors), replace(options, encoder="another-one"))
    result = KnowledgeIndex.open(tmp_path / "1", encoder).search("refund of the price")
    assert "dense" not in result.stages
    assert result.weight == 0.0
    assert result.hits


@pytest.fixture
def built(vectors: np.ndarray, options: BuildOptions, tmp_path: Path) -> Path:
    build_version(tmp_path / "1" / "1", source(vectors), options)
    return tmp_path / "1" / "1"


def test_damage_to_any_file_of_an_index_is_seen(built: Path, encoder: Encoder) -> None:
    names = [*open_version(built).files, MANIFEST]
    assert len(names) == 12
    for name in names:
        path = built / name
        whole = path.read_bytes()
        for broken in (
            whole[:-1],
            whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 64]) + whole[len(whole) // 2 + 1 :],
        ):
            path.write_bytes(broken)
            with pytest.raises(IndexDamaged):
                KnowledgeIndex.open(built, encoder)
        path.write_bytes(whole)
    KnowledgeIndex.open(built, encoder)


def test_a_damaged_previous_version_is_not_built_upon(
    built: Path, encoder: Encoder, vectors: np.ndarray, options: BuildOptions
) -> None:
    (built / "tokens.npy").write_bytes(b"damage")
    recording = Recording(source(vectors))
    build_version(built.with_name("2"), recording, options, previous=built)
    assert len(recording.read) == len(TEXTS)
    assert KnowledgeIndex.open(built.with_name("2"), encoder).search("warehouse").hits


def test_a_cancelled_build_leaves_nothing(built: Path, vectors: np.ndarray, options: BuildOptions) -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        build_version(built.with_name("2"), source(vectors), options, progress=cancel)
    assert [folder.name for folder in built.parent.iterdir()] == ["1"]


SLOW_BUILD = """
import sys, time
from pathlib import Path
import numpy as np
from core.retrieval.build import BuildOptions, PassageList, build_version

class Slow(PassageList):
    def vectors(self, passage_ids):
        print("embedding", flush=True)
        time.sleep(60)
        return super().vectors(passage_ids)

n = 50
source = Slow(np.arange(n), np.arange(n), np.zeros(n, np.int8), ["some text"] * n, np.ones((n, 8), np.float16))
build_version(Path(sys.argv[1]), source, BuildOptions("e", 8, ("en",)))
"""


def test_a_build_killed_half_way_leaves_the_old_version_serving(built: Path, encoder: Encoder) -> None:
    target = built.with_name("2")
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILD, str(target)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "embedding\n"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    with pytest.raises(IndexDamaged):
        KnowledgeIndex.open(target, encoder)
    assert KnowledgeIndex.open(built, encoder).search("warehouse").hits


def test_twenty_people_ask_at_once(index: KnowledgeIndex) -> None:
    questions = [
        "When do I get my money back?",
        "多少天内可以退货？",
        "price of the Pro plan",
        "Where is the warehouse?",
    ]
    masks = [None, index.mask(removed={2}), index.mask(documents={1, 3, 5})]
    expected = {
        (question, place): [h.passage_id for h in index.search(question, k=5, allowed=mask).hits]
        for question in questions
        for place, mask in enumerate(masks)
    }

    def ask(person: int) -> bool:
        for turn in range(30):
            question, place = questions[(person + turn) % 4], (person + turn) % 3
            hits = index.search(question, k=5, allowed=masks[place]).hits
            if [h.passage_id for h in hits] != expected[question, place]:
                return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(ask, range(20)))


def test_a_reranker_decides_last_and_only_in_its_languages(index: KnowledgeIndex) -> None:
    class Overlap:
        """Counts the question's words in a passage: a scorer that is real enough to reorder."""

        name = "overlap"
        languages = ("en",)

        def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
            words = set(search_words(question))
            return np.asarray([len(words & set(search_words(p))) / len(words) for p in passages], np.float32)

    rerank = make_reranker(Overlap(), lambda ids: [TEXTS[i - 100] for i in ids])
    result = index.search("price of every plan", rerank=rerank, k=4)
    assert result.hits[0].passage_id == first_id("Annual billing lowers the price of every plan by a fifth.")
    assert result.hits[0].rerank == result.hits[0].score
    assert list(result.stages) == ["lexical", "dense", "fused", "rerank"]
    assert [h.score for h in result.hits] == sorted((h.score for h in result.hits), reverse=True)
    chinese = index.search("多少天内可以退货？", rerank=rerank)
    assert "rerank" not in chinese.stages
    assert chinese.hits[0].rerank is None


def test_weights_are_learnt_from_golden_questions(index: KnowledgeIndex, encoder: Encoder) -> None:
    english = [(f"{prefix} money back?", frozenset({2})) for prefix in ("When is my", "Where is my", "How do I get my")]
    learnt = learn_weights(english * 8, index.fusion_case, encoder.floor)
    assert learnt.en > 0.0
    assert learnt.zh == FusionWeights().zh
    assert index.fusion_case("多少天内可以退货？", {5}) is None


def test_stages_tell_their_time(index: KnowledgeIndex) -> None:
    start = time.perf_counter()
    result = index.search("When do I get my money back?")
    elapsed = 1000 * (time.perf_counter() - start)
    assert 0 < sum(stage.milliseconds for stage in result.stages.values()) <= elapsed
