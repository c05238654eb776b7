"""Any causal language model of transformers as a ``Decoder``: the engine for GPUs and for what is no GPT-2."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Unavailable
from core.models.generation.decoder import Score, Step, log_softmax
from core.models.weights import PLAIN, load_weights

_UNLIMITED = 2048  # the window of a model whose config names none


class TransformersDecoder:
    """Implements ``core.models.generation.decoder.Decoder``. Rows of different lengths share a batch, padded on the
    left; a model whose past is more than keys and values (sliding windows, recurrent states) makes one row at a time.
    """

    engine = "transformers"

    def __init__(self, folder: Path, *, device: str = "auto", most_rows: int = 8, threads: int = 0) -> None:
        """``folder``: config.json and safetensors weights. Raises Unavailable generation.engine_failed."""
        import torch

        from core.models.device import choose_device

        self._torch = torch
        self._device = choose_device(device)
        if threads:
            torch.set_num_threads(threads)
        self._model = _load(folder, self._device)
        config = self._model.config.get_text_config(decoder=True)
        self.window = int(getattr(config, "max_position_embeddings", None) or _UNLIMITED)
        self.width, self.vocabulary = int(config.hidden_size), int(config.vocab_size)
        self.most_rows = most_rows if self._batches() else 1
        end = self._model.generation_config.eos_token_id
        self.end_ids = frozenset(end if isinstance(end, list) else [] if end is None else [end])
        self._keeps_last = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self._cache: Any = None
        self._lengths: list[int] = []

    def read(self, ids: Sequence[int]) -> Step:
        cache = self._new_cache()
        batch = self._torch.tensor([list(ids)], device=self._device)
        step = self._forward(cache, batch, self._torch.ones_like(batch), self._torch.arange(len(ids))[None])
        self._lengths.append(len(ids))
        self._cache = cache if len(self._lengths) == 1 else self._joined(self._cache, cache)
        return step

    def fork(self) -> None:
        rows = self._torch.tensor([*range(len(self._lengths)), len(self._lengths) - 1], device=self._device)
        self._cache.batch_select_indices(rows)
        self._lengths.append(self._lengths[-1])

    def drop(self, row: int) -> None:
        order = list(range(len(self._lengths)))
        order[row] = order[-1]
        order.pop()
        self._lengths = [self._lengths[i] for i in order]
        if not order:
            self._cache = None
            return
        self._cache.batch_select_indices(self._torch.tensor(order, device=self._device))
        self._trim()

    def clear(self) -> None:
        self._cache, self._lengths = None, []

    def step(self, tokens: Sequence[int]) -> Step:
        longest = max(self._lengths) + 1
        self._lengths = [length + 1 for length in self._lengths]
        ids = self._torch.tensor([[token] for token in tokens], device=self._device)
        places = self._torch.arange(longest, device=self._device)
        starts = self._torch.tensor([longest - length for length in self._lengths], device=self._device)
        mask = (places[None] >= starts[:, None]).long()
        return self._forward(self._cache, ids, mask, self._torch.tensor(self._lengths)[:, None] - 1)

    def score(self, ids: Sequence[int]) -> Score:
        with self._torch.inference_mode():
            batch = self._torch.tensor([list(ids)], device=self._device)
            output = self._model(input_ids=batch, use_cache=False, output_hidden_states=True)
        logits, hidden = _numpy(output.logits[0, :-1]), _numpy(output.hidden_states[-1][0, :-1])
        return Score(log_softmax(logits)[np.arange(len(ids) - 1), np.array(ids[1:])], hidden)

    def _forward(self, cache: Any, ids: Any, mask: Any, positions: Any) -> Step:
        """``ids`` and ``positions`` [rows, tokens]; ``mask`` [rows, past + tokens], 0 on padding."""
        with self._torch.inference_mode():
            output = self._model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions.to(self._device),
                past_key_values=cache,
                use_cache=True,
                output_hidden_states=True,
                **({"logits_to_keep": 1} if self._keeps_last else {}),
            )
        return Step(_numpy(output.logits[:, -1]), _numpy(output.hidden_states[-1][:, -1]))

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self._model.config)

    def _batches(self) -> bool:
        """Whether the past of every layer is keys and values of all tokens, which can be padded and joined."""
        return all(type(layer).__name__ == "DynamicLayer" for layer in self._new_cache().layers)

    def _joined(self, left: Any, right: Any) -> Any:
        """One cache of the rows of both, the shorter padded on the left."""
        pad = self._torch.nn.functional.pad
        for one, other in zip(left.layers, right.layers, strict=True):
            longest = max(one.keys.shape[-2], other.keys.shape[-2])
            for name in ("keys", "values"):
                halves = [getattr(layer, name) for layer in (one, other)]
                padded = [pad(half, (0, 0, longest - half.shape[-2], 0)) for half in halves]
                setattr(one, name, self._torch.cat(padded))
        return left

    def _trim(self) -> None:
        """Takes away the columns that are padding for every row that is left."""
        longest = max(self._lengths)
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[:, :, -longest:], layer.values[:, :, -longest:]


def _load(folder: Path, device: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    common = {"trust_remote_code": False, "local_files_only": True}
    try:
        if (folder / PLAIN).is_file() or (folder / f"{PLAIN}.index.json").is_file():
            model = AutoModelForCausalLM.from_pretrained(str(folder), use_safetensors=True, dtype="auto", **common)
        else:
            model = from_weights(folder)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise Unavailable("generation.engine_failed", name=folder.name, reason=type(error).__name__) from error
    if device == "cpu" and model.dtype == torch.float16:
        model = model.to(torch.bfloat16)  # CPUs have no half precision arithmetic worth the name
    return model.to(device).eval()


def from_weights(folder: Path) -> Any:
    """The causal language model of ``folder`` in float32, its weights packed or not. Raises KeyError for a missing one,
    Unavailable for files that cannot be read.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    names = set(model.state_dict())
    weights = {name if name in names else f"transformer.{name}": a for name, a in load_weights(folder).items()}
    tensors = {name: torch.tensor(array) for name, array in weights.items()}
    missing = set(model.load_state_dict(tensors, strict=False).missing_keys) - {"lm_head.weight"}
    if missing:
        raise KeyError(sorted(missing)[0])
    model.tie_weights()
    return model


def _numpy(tensor: Any) -> Any:
    return tensor.float().cpu().numpy()
