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


# Those that train nothing, or in no time; the others, and those that weigh a process's memory, are for `make test-all`.
QUICK = ("test_data_", "test_report_", "test_small_inputs", "test_tune", "test_language_model_parts")
WEIGHS = "test_data_preflight"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/unit/training/" in item.path.as_posix() and (
            not item.path.name.startswith(QUICK) or item.path.name.startswith(WEIGHS)
        ):
            item.add_marker(pytest.mark.slow)
