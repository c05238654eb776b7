"""One training run over one or several processes: who computes which rows, and what they tell each other.

Started by ``accelerate launch`` or ``torchrun`` there are several; otherwise there is one and nothing is exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.models.device import choose_device


class Processes:
    """accelerate's view of the process group. Mixed precision is left to the loop, so that runs of different
    precision may follow each other in one process (accelerate fixes it at the first)."""

    def __init__(self, device: str) -> None:
        from accelerate import Accelerator, DistributedDataParallelKwargs

        chosen = choose_device(device)
        # Encoders carry parts that a sentence vector does not use (a pooler); gradients of those never come.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self.accelerator: Any = Accelerator(cpu=chosen == "cpu", kwargs_handlers=[unused])
        several = self.accelerator.num_processes > 1
        self.device = str(self.accelerator.device) if several or chosen == "cuda" else chosen
        self.count = int(self.accelerator.num_processes)
        self.rank = int(self.accelerator.process_index)
        self.main = self.rank == 0

    def wrapped(self, model: Any) -> Any:
        """``model`` on the device, its gradients averaged over the processes."""
        model = model.to(self.device)
        return self.accelerator.prepare_model(model) if self.count > 1 else model

    def share(self, rows: Sequence[int]) -> Sequence[int]:
        """The rows of a batch that this process computes; the shares of all processes make the batch."""
        return rows[self.rank :: self.count]

    def total(self, values: Any) -> Any:
        """The sum of a tensor over all processes."""
        return self.accelerator.reduce(values, "sum") if self.count > 1 else values

    def gathered(self, row: Any) -> Any:
        """One tensor [n] of each process as [processes, n]."""
        if self.count == 1:
            return row[None]
        return self.accelerator.gather(row.to(self.device)[None]).cpu()

    def any(self, here: bool) -> bool:
        """Whether it holds in at least one process."""
        if self.count == 1:
            return here
        import torch

        return bool(self.total(torch.tensor(int(here), device=self.device)).item())

    def wait(self) -> None:
        if self.count > 1:
            self.accelerator.wait_for_everyone()
