"""A sentence encoder with rows for another language: the English package plus what training added to it.

``starters/<name>/`` holds only what differs (``Extension``): new embedding rows, the spellings that find them, and
low-rank differences of the other weights. ``merged`` makes an ordinary model folder of both, once, in the data folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.manifest import NAME, read_manifest

Floats = NDArray[np.float32]

WEIGHTS = "weights.safetensors"
WORDS = "words.txt"
EMBEDDINGS = "embeddings.word_embeddings.weight"
HAN = "\u3400-\u4dbf\u4e00-\u9fff"
LONGEST_RUN = 24  # Han characters looked up together: bounds the greedy longest match, whose work is quadratic
# Marks that have a row already under their ASCII name.
PUNCTUATION = dict(zip("，。？！：；（）“”‘’「」『』【】《》〈〉、—…～·", ',.?!:;()""\'\'""""[]"""",-.~.', strict=True))
_COPIED = ("config_sentence_transformers.json", "modules.json", "sentence_bert_config.json", "special_tokens_map.json")
_RECIPE = 1  # raise it when merging changes, so that older folders are made anew


@dataclass(frozen=True, slots=True)
class Extension:
    """What differs from the base. ``rows`` float32 [n, d], row ``i`` for every spelling in ``spellings[i]``.

    ``changes``: weight name to its difference, of the shape of the weight.
    """

    rows: Floats
    spellings: Sequence[Sequence[str]]
    changes: Mapping[str, Floats]


def write_extension(folder: Path, extension: Extension, *, rank: int) -> None:
    """Writes ``extension``: matrices as two factors of ``rank`` (truncated SVD), factors and rows as int8.

    Each row, and each of a matrix's ``rank`` components, has a scale of its own; vectors are float16.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(_as_int8("rows", extension.rows) | pack_changes(extension.changes, rank), folder / WEIGHTS)
    lines = (" ".join(spellings) for spellings in extension.spellings)
    (folder / WORDS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_extension(folder: Path) -> Extension:
    """What ``write_extension`` wrote. Raises OSError or SafetensorError when it cannot be read."""
    from safetensors.numpy import load_file

    tensors = load_file(folder / WEIGHTS)
    spellings = [line.split() for line in (folder / WORDS).read_text(encoding="utf-8").splitlines()]
    return Extension(_from_int8("rows", tensors), spellings, unpack_changes(tensors))


def pack_changes(changes: Mapping[str, Floats], rank: int) -> dict[str, NDArray[Any]]:
    """Differences of weights as they are stored: see :func:`write_extension`."""
    tensors: dict[str, NDArray[Any]] = {}
    for name, change in changes.items():
        if change.ndim == 1:
            tensors[f"{name}:change"] = change.astype(np.float16)
            continue
        left, values, right = np.linalg.svd(change.astype(np.float32), full_matrices=False)
        root = np.sqrt(values[:rank])[:, None]
        tensors |= _as_int8(f"{name}:left", root * left.T[:rank]) | _as_int8(f"{name}:right", root * right[:rank])
    return tensors


def unpack_changes(tensors: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """Weight name to its difference, from what :func:`pack_changes` made (other tensors are left alone)."""
    changes: dict[str, Floats] = {}
    for key, values in tensors.items():
        name, _, part = key.partition(":")
        if part == "change":
            changes[name] = values.astype(np.float32)
        elif part == "left":
            changes[name] = _from_int8(f"{name}:left", tensors).T @ _from_int8(f"{name}:right", tensors)
    return changes


def _as_int8(name: str, matrix: Floats) -> dict[str, NDArray[Any]]:
    scale = (np.abs(matrix).max(1) / 127).clip(1e-12).astype(np.float32)
    # safetensors writes the bytes as they lie, so a transposed view would come back wrong.
    return {name: np.ascontiguousarray(np.rint(matrix / scale[:, None]).astype(np.int8)), f"{name}:scale": scale}


def _from_int8(name: str, tensors: Mapping[str, NDArray[Any]]) -> Floats:
    return np.asarray(tensors[name].astype(np.float32) * tensors[f"{name}:scale"][:, None], np.float32)


def tokenizer_json(base: Path, spellings: Sequence[Sequence[str]]) -> str:
    """The tokenizer of ``base`` (a WordPiece tokenizer.json) with one new id for each of ``spellings``.

    A run of Han characters is cut greedily into the longest known words. Spellings of one word share its id, at the
    start of a run and behind (WordPiece's "##") alike; a character without a row is unknown by itself, not its run.
    """
    content = json.loads(base.read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = content["model"]["vocab"]
    unknown, first = vocabulary[content["model"]["unk_token"]], max(vocabulary.values()) + 1
    for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)):
        vocabulary[chr(code)] = vocabulary[f"##{chr(code)}"] = unknown
    for row, names in enumerate(spellings):
        for name in names:
            vocabulary[name] = vocabulary[f"##{name}"] = first + row
    for mark, ascii_mark in PUNCTUATION.items():
        if ascii_mark in vocabulary:
            vocabulary.setdefault(mark, vocabulary[ascii_mark])
    content["normalizer"]["handle_chinese_chars"] = False
    run = {
        "type": "Split",
        "pattern": {"Regex": f"[{HAN}]{{1,{LONGEST_RUN}}}"},
        "behavior": "Isolated",
        "invert": False,
    }
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [run, {"type": "BertPreTokenizer"}]}
    content["truncation"] = content["padding"] = None
    return json.dumps(content, ensure_ascii=False)


def merged(base: Path, starter: Path, folder: Path) -> Path:
    """A model folder under ``folder`` with the weights of ``base`` and all that ``starter`` adds: made once (seconds).

    Its name holds the checksum of the starter's manifest, so another starter never meets this one's files. Raises
    Unavailable (models.no_manifest, models.damaged) when the starter's files are not those its manifest names.
    """
    from filelock import FileLock

    read_manifest(starter)
    folder.mkdir(parents=True, exist_ok=True)
    size = (base / "model.safetensors").stat().st_size
    key = hashlib.sha256(f"{_RECIPE} {size}".encode() + (starter / NAME).read_bytes()).hexdigest()[:12]
    target = folder / f"merged-{key}"
    with FileLock(str(folder / "merge.lock")):
        if not (target / "config.json").is_file():
            building = target.with_name(f".{target.name}.{os.getpid()}")
            shutil.rmtree(building, ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)
            _merge(base, read_extension(starter), building)
            building.rename(target)
    return target


def _merge(base: Path, extension: Extension, target: Path) -> None:
    from safetensors.numpy import load_file, save_file

    target.mkdir(parents=True)
    weights = load_file(base / "model.safetensors")
    weights[EMBEDDINGS] = np.concatenate([weights[EMBEDDINGS], extension.rows])
    for name, change in extension.changes.items():
        weights[name] = weights[name] + change
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    shutil.copytree(base / "1_Pooling", target / "1_Pooling")
    for name in _COPIED:
        if (base / name).is_file():
            shutil.copy(base / name, target / name)
    # A class of its own would rebuild the pieces from a vocabulary; this one takes tokenizer.json as it is.
    facts = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    facts = {**facts, "tokenizer_class": "PreTrainedTokenizerFast"}
    (target / "tokenizer_config.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    spelt = tokenizer_json(base / "tokenizer.json", extension.spellings)
    (target / "tokenizer.json").write_text(spelt, encoding="utf-8")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config["vocab_size"] = len(weights[EMBEDDINGS])
    (target / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
