"""Imports point one way, and each heavy library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

# Each layer may import itself and what stands above it in this list.
LAYERS = [
    {"types", "errors", "settings", "logs", "metrics", "text"},
    {"db", "access"},
    {"jobs", "documents", "index", "models", "evaluation"},
    {"retrieval"},
    {"assistant", "training", "content", "sentiment", "recommend"},
    {"services"},
    {"api"},
    {"bootstrap"},
    {"cli", "__main__"},
]
HOMES = {
    "streamlit": set[str](),
    "faiss": {"core/index/faiss_index.py"},
    "torch": {"core/models", "core/training", "core/recommend/sequential"},
    "transformers": {"core/models", "core/training"},
    "sentence_transformers": {"core/models"},
    "implicit": {"core/recommend/als.py"},
    "peft": {"core/training", "core/models"},
    "captum": {"core/training", "core/models"},
    "optuna": {"core/training"},
    "ctranslate2": {"core/models"},
    "sklearn": {"core/training", "core/evaluation", "core/models/classifiers"},
    "huey": {"core/jobs/queue.py"},
    "alembic": {"core/db"},
    "pypdfium2": {"core/documents"},
    "rapidocr_onnxruntime": {"core/documents"},
    "typer": {"core/cli"},
    "bm25s": {"core/retrieval", "core/index"},
    "starlette": {"core/api"},
    "fastapi": {"core/api"},
    "limits": {"core/api"},
    "segno": {"core/services/links"},
    "reportlab": {"core/services/report"},
    "docx": {"core/documents", "core/content"},
}
CORE = sorted((ROOT / "core").rglob("*.py"))


def imports(path: Path, *, module_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            if node.module == "core":
                yield from (f"core.{alias.name}" for alias in node.names)


def layer(part: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if part in names)


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    part = path.relative_to(ROOT / "core").parts[0].removesuffix(".py")
    if part == "__init__":
        return
    for name in imports(path):
        pieces = name.split(".")
        assert pieces[0] not in {"pages", "app", "tests", "benchmarks", "demo"}, f"{path} imports {name}"
        if pieces[0] == "core" and len(pieces) > 1:
            assert layer(pieces[1]) <= layer(part), f"{path} imports {name}, which stands above it"


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_library_has_one_home(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or any(place.startswith(home) for home in homes), f"{place} imports {name}"


def test_pages_go_through_services() -> None:
    allowed = {"services", "access", "text", "types", "errors", "settings", "logs", "bootstrap", "api", "models"}
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        for name in imports(path):
            if name.startswith("core."):
                assert name.split(".")[1] in allowed, f"{path} imports {name}"


def test_importing_core_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    code = (
        "import sys, core.bootstrap, core.services.ask, core.services.ingest;"
        "print([m for m in ('torch', 'transformers', 'faiss', 'onnxruntime', 'jieba', 'cv2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
