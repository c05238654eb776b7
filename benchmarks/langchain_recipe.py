"""Against the common LangChain recipe, with the same encoder weights on the same machine, both sides in one run.

The recipe: PyPDFLoader, RecursiveCharacterTextSplitter(1000, 200), HuggingFaceEmbeddings, FAISS.from_documents. Ours:
the product's loader, splitter, encoder and index. Models are loaded and warm before either clock starts.
PDFs are set from NFCorpus abstracts, about two to a page. For nDCG both sides get each abstract with its title (ours
as a heading, the recipe's in front of the text), and a document ranks where its best piece does.

    python -m benchmarks.langchain_recipe [--pages 200] [--documents 3633] [--json FILE]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.beir import Corpus, load_nfcorpus, passage_list, print_table, write_json
from core.documents.load import load
from core.documents.split import split
from core.models.catalogue import find_entry, locate
from core.models.encoder import Encoder, load_encoder
from core.retrieval.build import BuildOptions, build_version
from core.retrieval.pipeline import KnowledgeIndex
from core.settings import Settings
from core.types import Heading, LoadedDocument, PageSpan, PassageDraft

ENGLISH = "all-MiniLM-L6-v2"  # as sentence-transformers opens it; the default encoder reads English with it
TARGETS = {"ingest": 1.8, "latency": 1.0, "ndcg": 1.10}
PAGES_A_FILE = 10
PIECES = 50  # pieces fetched to find ten documents

Search = Callable[[str, int], Sequence[int]]  # question, pieces wanted -> document numbers, best first, with repeats


def write_pdfs(corpus: Corpus, pages: int, folder: Path) -> list[Path]:
    """Files of ten pages each, abstracts set in 11 points with their titles."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    styles = getSampleStyleSheet()
    paths = []
    for first in range(0, pages, PAGES_A_FILE):
        path = folder / f"report-{first // PAGES_A_FILE:03d}.pdf"
        story: list[Any] = []
        for page in range(first, min(first + PAGES_A_FILE, pages)):
            for number in (2 * page, 2 * page + 1):
                title, text = (part[number % len(part)] for part in (corpus.titles, corpus.abstracts))
                story += [Paragraph(_escape(title), styles["Heading2"]), Paragraph(_escape(text), styles["BodyText"])]
            story.append(PageBreak())
        SimpleDocTemplate(str(path), pagesize=A4).build(story)
        paths.append(path)
    return paths


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- ours ------------------------------------------------------------------------------------------------------------


def our_index(drafts: Sequence[tuple[int, PassageDraft]], encoder: Encoder, folder: Path) -> Search:
    """An opened index version of ``drafts`` (document number and passage)."""
    texts = [draft.index_text for _, draft in drafts]
    documents = [number for number, _ in drafts]
    source = passage_list(texts, documents, encoder)
    build_version(folder, source, BuildOptions(encoder.name, encoder.dimension, encoder.languages))
    index = KnowledgeIndex.open(folder, encoder)
    return lambda question, k: [documents[hit.passage_id] for hit in index.search(question, k=k).hits]


def our_ingest(paths: Sequence[Path], encoder: Encoder, folder: Path) -> tuple[Search, int]:
    drafts = [(number, draft) for number, path in enumerate(paths) for draft in split(load(path, path.name))]
    return our_index(drafts, encoder, folder), len(drafts)


def our_corpus(corpus: Corpus, encoder: Encoder, folder: Path) -> Search:
    drafts = []
    for number, (title, text) in enumerate(zip(corpus.titles, corpus.texts, strict=True)):
        heading = (Heading(0, 1, title),) if title else ()
        document = LoadedDocument(text, "text/plain", "en", (PageSpan(1, 0, len(text)),), heading)
        drafts += [(number, draft) for draft in split(document)]
    return our_index(drafts, encoder, folder)


# --- the recipe ------------------------------------------------------------------------------------------------------


def recipe_embeddings() -> Any:
    from langchain_huggingface import HuggingFaceEmbeddings

    settings = Settings(device="cpu")
    place = locate(find_entry(ENGLISH, "encoder"), settings)
    return HuggingFaceEmbeddings(model_name=str(place.path), model_kwargs={"device": "cpu"})


def recipe_index(documents: Sequence[Any], embeddings: Any) -> tuple[Search, int]:
    from langchain_community.vectorstores import FAISS
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    pieces = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(documents)
    store = FAISS.from_documents(pieces, embeddings)

    def search(question: str, k: int) -> list[int]:
        return [piece.metadata["number"] for piece in store.similarity_search(question, k=k)]

    return search, len(pieces)


def recipe_ingest(paths: Sequence[Path], embeddings: Any) -> tuple[Search, int]:
    from langchain_community.document_loaders import PyPDFLoader

    documents = []
    for number, path in enumerate(paths):
        for page in PyPDFLoader(str(path)).load():
            page.metadata["number"] = number
            documents.append(page)
    return recipe_index(documents, embeddings)


def recipe_corpus(corpus: Corpus, embeddings: Any) -> Search:
    from langchain_core.documents import Document

    documents = [Document(page_content=text, metadata={"number": i}) for i, text in enumerate(corpus.texts)]
    return recipe_index(documents, embeddings)[0]


# --- both ------------------------------------------------------------------------------------------------------------


def median_milliseconds(searches: dict[str, Search], questions: Sequence[str]) -> dict[str, float]:
    """p50 of a question with ten results, the sides taking turns so that both meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in searches}
    for question in questions:
        for name, search in searches.items():
            start = time.perf_counter()
            search(question, 10)
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(spent) for name, spent in times.items()}


def ndcg(corpus: Corpus, search: Search) -> float:
    ranked = {query: list(dict.fromkeys(search(corpus.queries[query], PIECES)))[:10] for query in corpus.judged["test"]}
    return corpus.ndcg("test", ranked)


def reduced(corpus: Corpus, documents: int) -> Corpus:
    """The first ``documents`` of the corpus and the test queries that still have a relevant one among them."""
    test = {
        query: {number: grade for number, grade in grades.items() if number < documents}
        for query, grades in corpus.judged["test"].items()
    }
    kept = {query: grades for query, grades in test.items() if any(grade > 0 for grade in grades.values())}
    return Corpus(corpus.titles[:documents], corpus.abstracts[:documents], corpus.queries, {"test": kept})


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--documents", type=int, default=0, help="only so many NFCorpus documents; 0 takes all")
    parser.add_argument("--models", type=Path, help="folder to keep the exported models in")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = load_nfcorpus()
    judged = reduced(corpus, arguments.documents) if arguments.documents else corpus
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        encoder = load_encoder(Settings(device="cpu", data_dir=arguments.models or scratch))
        embeddings = recipe_embeddings()
        encoder.encode(["warm"], kind="query")
        embeddings.embed_query("warm")
        load(write_pdfs(corpus, 1, scratch)[0], "warm.pdf")
        paths = write_pdfs(corpus, arguments.pages, scratch)
        (_, our_pieces), our_seconds = timed(lambda: our_ingest(paths, encoder, scratch / "1" / "1"))
        (_, their_pieces), their_seconds = timed(lambda: recipe_ingest(paths, embeddings))
        ours, recipe = our_corpus(judged, encoder, scratch / "1" / "2"), recipe_corpus(judged, embeddings)
        questions = [judged.queries[query] for query in judged.judged["test"]]
        latency = median_milliseconds({"ours": ours, "recipe": recipe}, questions)
        our_ndcg, their_ndcg = ndcg(judged, ours), ndcg(judged, recipe)
    ratios = {
        "ingest": their_seconds / our_seconds,
        "latency": latency["recipe"] / latency["ours"],
        "ndcg": our_ndcg / their_ndcg,
    }
    rows = [
        [
            f"ingest of {arguments.pages} pages, s",
            f"{our_seconds:.1f}",
            f"{their_seconds:.1f}",
            *verdict(ratios, "ingest"),
        ],
        ["pieces", our_pieces, their_pieces, "", ""],
        ["question p50, ms", f"{latency['ours']:.1f}", f"{latency['recipe']:.1f}", *verdict(ratios, "latency")],
        [f"nDCG@10, {len(judged.titles)} documents", f"{our_ndcg:.4f}", f"{their_ndcg:.4f}", *verdict(ratios, "ndcg")],
    ]
    print_table(["", "ours", "recipe", "times better", "target"], rows)
    write_json(
        arguments.json,
        {
            "ours": {"seconds": our_seconds, "p50_ms": latency["ours"], "ndcg": our_ndcg, "pieces": our_pieces},
            "recipe": {
                "seconds": their_seconds,
                "p50_ms": latency["recipe"],
                "ndcg": their_ndcg,
                "pieces": their_pieces,
            },
            "times_better": ratios,
        },
    )


def verdict(ratios: dict[str, float], name: str) -> tuple[str, str]:
    met = "met" if np.isfinite(ratios[name]) and ratios[name] >= TARGETS[name] else "NOT met"
    return f"{ratios[name]:.2f}", f">= {TARGETS[name]:.2f}: {met}"


if __name__ == "__main__":
    main()
