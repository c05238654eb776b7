"""Files for the document tests and an OCR engine that is shared by them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core.documents.load import LoadOptions
from core.documents.ocr import OcrEngine, RapidEngine


@pytest.fixture(scope="session")
def rapid() -> OcrEngine:
    return RapidEngine(threads=2)


@pytest.fixture(scope="session")
def options(rapid: OcrEngine) -> LoadOptions:
    return LoadOptions(ocr_engine=lambda: rapid)
