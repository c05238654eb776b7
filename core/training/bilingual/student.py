"""The encoder that learns: the English one with new rows, all or a low-rank part of its transformer in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Student:
    """A BERT encoder (mean pooling, unit vectors) whose ``rows`` [n, d] follow those of its base, which stay frozen.

    With ``rank`` 0 every weight of the transformer learns; else each linear layer learns a change of that rank (LoRA;
    Hu et al. 2021, arXiv:2106.09685) beside its frozen weight. ``changes``: differences to ``base`` to begin with.
    """

    def __init__(
        self,
        base: Path,
        tokenizer: Any,
        rows: Vectors,
        *,
        rank: int,
        max_tokens: int,
        seed: int,
        changes: Mapping[str, Vectors] | None = None,
    ) -> None:
        import torch
        from transformers import AutoModel

        torch.manual_seed(seed)
        self.torch = torch
        self.bert: Any = AutoModel.from_pretrained(
            str(base), attn_implementation="sdpa", use_safetensors=True, local_files_only=True
        )
        for module in self.bert.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        self.tokenizer = tokenizer
        self.tokenizer.enable_truncation(max_tokens)
        self.base_rows = self.bert.embeddings.word_embeddings.weight.detach()
        self.rows = torch.nn.Parameter(torch.as_tensor(rows, dtype=torch.float32))
        self._start = {name: value.detach().clone() for name, value in self._weights().items()}
        with torch.no_grad():
            for name, change in (changes or {}).items():
                self.bert.get_parameter(name).add_(torch.from_numpy(change))
        self._begun = {name: value.detach().clone() for name, value in self._weights().items()}
        self._added = _add_low_rank(self.bert.encoder, rank) if rank else {}
        for name, parameter in self.bert.named_parameters():
            learns = name.endswith((".down", ".up")) or "LayerNorm" in name if rank else name in self._start
            parameter.requires_grad = learns

    def _weights(self) -> dict[str, Any]:
        """What may change: not the tables of words, positions and segments, nor the pooler, which is not used."""
        found = self.bert.named_parameters()
        return {name: p for name, p in found if "_embeddings" not in name and not name.startswith("pooler")}

    def body(self) -> dict[str, Any]:
        """What learns besides the rows, by name."""
        return {name: p for name, p in self.bert.named_parameters() if p.requires_grad}

    def changes(self) -> dict[str, Vectors]:
        """Difference to the base of every weight that may change, float32, under its name in the base."""
        found = {}
        for name, before in self._start.items():
            layer = self._added.get(name.removeprefix("encoder.").rpartition(".")[0])
            if layer is not None:
                now = self._begun[name] + (layer.change() if name.endswith(".weight") else 0)
            else:
                now = self.bert.get_parameter(name).detach()
            found[name] = np.asarray((now - before).numpy(), np.float32)
        return found

    def forward(self, texts: Sequence[str]) -> Any:
        """Unit vectors [n, d] of ``texts``, in order, with gradient; texts of about one length go together."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]
        batches = batches_by_length([len(row) for row in ids])
        found = self.torch.cat([self._run([ids[i] for i in batch]) for batch in batches])
        place = np.argsort([i for batch in batches for i in batch])
        return found[self.torch.from_numpy(place)]

    def _run(self, ids: list[list[int]]) -> Any:
        torch = self.torch
        width = max(map(len, ids))
        known = self.base_rows.shape[0]
        grid = torch.tensor([row + [0] * (width - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
        inputs = torch.nn.functional.embedding(grid.clamp(max=known - 1), self.base_rows)
        new = grid >= known
        if bool(new.any()):
            learnt = torch.nn.functional.embedding(grid[new] - known, self.rows, sparse=True)
            inputs = inputs.index_put((new,), learnt)
        with torch.autocast("cpu", torch.bfloat16):
            states = self.bert(inputs_embeds=inputs, attention_mask=mask).last_hidden_state
        keep = mask.unsqueeze(-1).float()
        return torch.nn.functional.normalize((states.float() * keep).sum(1) / keep.sum(1), dim=1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors float32 [n, d] without gradient."""
        with self.torch.no_grad():
            return np.asarray(self.forward(texts).numpy(), np.float32)


def _add_low_rank(module: Any, rank: int) -> dict[str, Any]:
    """Puts a trainable change of ``rank`` beside every linear layer of ``module``; the layers by name."""
    import torch

    class Changed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, linear: Any) -> None:
            super().__init__()
            # Cast once: autocast would cast frozen float32 weights anew in every forward pass.
            self.weight = torch.nn.Parameter(linear.weight.detach().bfloat16(), requires_grad=False)
            self.bias = torch.nn.Parameter(linear.bias.detach().bfloat16(), requires_grad=False)
            self.down = torch.nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
            self.up = torch.nn.Parameter(torch.zeros(linear.out_features, rank))

        def forward(self, states: Any) -> Any:
            linear = torch.nn.functional.linear
            return linear(states, self.weight, self.bias) + linear(linear(states, self.down), self.up)

        def change(self) -> Any:
            return (self.up @ self.down).detach()

    found = {}
    for name, layer in list(module.named_modules()):
        if isinstance(layer, torch.nn.Linear):
            found[name] = Changed(layer)
            parent, _, last = name.rpartition(".")
            setattr(module.get_submodule(parent), last, found[name])
    return found


def batches_by_length(lengths: Sequence[int], tokens: int = 1536) -> list[list[int]]:
    """Indices of all texts, short ones first, cut at ``tokens`` or where padding would pass a fifth."""
    batches: list[list[int]] = []
    held = 0
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        held += lengths[i]
        if batches and (len(batches[-1]) + 1) * lengths[i] <= min(tokens, 1.2 * held + 64):
            batches[-1].append(i)
        else:
            batches.append([i])
            held = lengths[i]
    return batches
