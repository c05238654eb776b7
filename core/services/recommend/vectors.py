"""What items say, as vectors of the app's encoder: kept beside the models, so that a text is encoded once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from core.errors import PilotlightError
from core.recommend.content_based import ContentBased, Encode, hashed_words
from core.recommend.data import Interactions
from core.services.application import Application
from core.services.recommend.catalogues import catalogue_folder
from core.services.recommend.snapshot import Snapshot

Vectors = NDArray[np.float32]
MOST_CACHED = 4  # catalogues in memory
FILE = "vectors.npz"

log = structlog.get_logger(__name__)
_guard = threading.Lock()


def encoder_of(app: Application, workspace_id: int, catalogue_id: int) -> Encode:
    """Texts to float32 [texts, d]. Without an encoder words are hashed: exact words still find their items."""
    try:
        encoder = app.encoder()
    except PilotlightError as error:
        log.warning("items are known by their words alone", code=error.code)
        return hashed_words
    path = catalogue_folder(app, workspace_id, catalogue_id) / FILE

    def encode(texts: Sequence[str]) -> Vectors:
        keys = [_key(encoder.name, text) for text in texts]
        with _guard:
            known = _known(app, catalogue_id, path)
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            if missing:
                fresh = encoder.encode(list(missing.values()), kind="passage")
                known.update(zip(missing, fresh, strict=True))
            found = np.stack([known[key] for key in keys]) if keys else np.zeros((0, encoder.dimension), np.float32)
            if missing and len(texts) > 1:
                _write(path, known)
            elif missing:  # what somebody typed is nobody's item
                for key in missing:
                    known.pop(key)
            return found

    return encode


def content_model(app: Application, workspace_id: int, catalogue_id: int, now: Snapshot) -> ContentBased:
    """What the items say as they stand now, ready to be asked; made anew when they change."""
    held: dict[int, tuple[Snapshot, ContentBased]] = app.caches.setdefault("recommend_content", {})
    found = held.get(catalogue_id)
    if found is None or found[0].token != now.token:
        nothing = Interactions.of([], [], user_ids=[], item_ids=now.items.ids)
        model = ContentBased(encode=encoder_of(app, workspace_id, catalogue_id)).fit(nothing, now.items)
        found = held[catalogue_id] = (now, model)
        for old in list(held)[:-MOST_CACHED]:
            held.pop(old, None)
    return found[1]


def missing_texts(app: Application, workspace_id: int, catalogue_id: int, now: Snapshot) -> int:
    """How many items' texts have no vector yet; 0 where there is no encoder, since hashing words takes no time."""
    try:
        name = app.encoder().name
    except PilotlightError:
        return 0
    path = catalogue_folder(app, workspace_id, catalogue_id) / FILE
    keys = {_key(name, row.words) for row in now.items.rows}
    with _guard:
        missing = keys - _known(app, catalogue_id, path).keys()
        if missing:  # the worker may have written them since we read
            app.caches["recommend_vectors"].pop(catalogue_id, None)
            missing = keys - _known(app, catalogue_id, path).keys()
    return len(missing)


def _key(encoder: str, text: str) -> str:
    return hashlib.sha256(f"{encoder}\0{text}".encode()).hexdigest()[:32]


def _known(app: Application, catalogue_id: int, path: Path) -> dict[str, Vectors]:
    held: dict[int, dict[str, Vectors]] = app.caches.setdefault("recommend_vectors", {})
    if catalogue_id not in held:
        held[catalogue_id] = _read(path)
        for old in list(held)[:-MOST_CACHED]:
            held.pop(old)
    return held[catalogue_id]


def _read(path: Path) -> dict[str, Vectors]:
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(zip(stored["keys"].tolist(), stored["vectors"].astype(np.float32), strict=True))
    except (OSError, ValueError, KeyError) as error:  # a cache: what is damaged is made anew
        log.warning("stored vectors are damaged", reason=type(error).__name__)
        return {}


def _write(path: Path, known: dict[str, Vectors]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    with draft.open("wb") as file:
        np.savez(file, keys=np.array(list(known)), vectors=np.stack(list(known.values())).astype(np.float16))
    os.replace(draft, path)
