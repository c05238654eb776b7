"""A tiny random GPT-2 on disk, built once a session, and small builders for passages and answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.tiny_models import tiny_gpt2

# The first call loads jieba and OpenCC; how long that takes says nothing about the code.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def narrow_gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without a chat template and with a window of 256 tokens."""
    return tiny_gpt2(tmp_path_factory.mktemp("narrow"), positions=256, template=False)
