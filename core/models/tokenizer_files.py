"""How a tokenizer is written beside a model so that it reads texts as it did before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

NAME = "tokenizer.json"


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Writes a fast tokenizer of transformers into ``folder`` with every spelling of its vocabulary.

    The tokenizers library writes one spelling an id, whichever it meets first; a vocabulary in which several share an
    id (``extended.tokenizer_json``: a word at the start of a run and behind, all characters without a row) would lose
    the others, its unknown token among them. Raises OSError.
    """
    tokenizer.save_pretrained(folder)
    path = folder / NAME
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    written = content["model"].get("vocab")
    if not isinstance(written, dict):
        return  # a list of pieces, each its own id
    taken = set(written.values())
    lost = {name: number for name, number in tokenizer.get_vocab().items() if number in taken and name not in written}
    if not lost:
        return
    content["model"]["vocab"] = written | dict(sorted(lost.items(), key=lambda item: (item[1], item[0])))
    draft = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
