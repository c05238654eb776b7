"""One thread in every training test: sums then come in one order, and the same seed gives the same model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Training is slow, and on tiny random tokenizers how well it learns varies: `make test-all` runs these."""
    for item in items:
        if "tests/unit/training/" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)
