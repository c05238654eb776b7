"""A GPT-2 of transformers as the training loop wants it: built or opened, and its loss computed in few operations.

The forward pass is written out over transformers' own parameters, because its module spends up to half of the time of a
small model on masks, views and an activation in five operations; a test holds the two against each other.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from core.errors import Unavailable
from core.models.generation.gpt2_shape import read_shape
from core.models.weights import weights_file
from core.training.language.args import LanguageModelArgs
from core.training.language.packing import IGNORED

_LOGITS_AT_ONCE = 2**26  # floats: 256 MiB
_PLAIN_TOKENS = 512  # longer blocks would spend more memory on attention's weights than on all else


def build(args: LanguageModelArgs, vocabulary: int, separator: int) -> Any:
    """A GPT2LMHeadModel with random weights. Output layers of a block start at zero, so that each block begins as if
    it were not there (Zhang et al. 2019, Fixup)."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary, n_positions=args.max_tokens, n_embd=args.width, n_layer=args.layers, n_head=args.heads,
        activation_function="gelu_pytorch_tanh", bos_token_id=separator, eos_token_id=separator, pad_token_id=separator,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(args.seed)
        model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_proj.weight.zero_()
            block.mlp.c_proj.weight.zero_()
    return model


def open_base(folder: Path) -> Any:
    """The GPT2LMHeadModel in ``folder``, in float32. Raises Unavailable (generation.*) for anything else."""
    from core.models.generation.decoder_transformers import from_weights

    if read_shape(folder) is None:
        raise Unavailable("generation.no_base", name=folder.name)
    try:
        return from_weights(folder)
    except (KeyError, RuntimeError) as error:  # RuntimeError: of another shape
        raise Unavailable("generation.bad_weights", name=folder.name, file=weights_file(folder).name) from error


def trainable(model: Any, dropout: float) -> Any:
    """A module whose forward takes inputs and targets [rows, tokens] and returns the sum of the targets' losses."""
    from torch import nn

    class Trainable(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gpt2 = model

        def forward(self, inputs: Any, targets: Any) -> Any:
            return summed_loss(self.gpt2, inputs, targets, dropout if self.training else 0.0)

    return Trainable()


def hidden_states(model: Any, ids: Any, dropout: float = 0.0) -> Any:
    """States after the last norm [rows, tokens, width] of ``ids`` [rows, tokens]."""
    from torch.nn import functional as f

    body, config = model.transformer, model.config
    width = config.n_embd
    x = f.dropout(f.embedding(ids, body.wte.weight) + body.wpe.weight[: ids.shape[1]], dropout, dropout > 0)
    for block in body.h:
        x = x + f.dropout(_attended(block, x, config, dropout), dropout, dropout > 0)
        inner = _linear(block.mlp.c_fc, _norm(block.ln_2, x, width))
        x = x + f.dropout(_linear(block.mlp.c_proj, _activated(inner, config)), dropout, dropout > 0)
    return _norm(body.ln_f, x, width)


def summed_loss(model: Any, inputs: Any, targets: Any, dropout: float = 0.0) -> Any:
    """The sum of the cross-entropies (natural) of ``targets`` [rows, tokens], without those that are IGNORED."""
    states = hidden_states(model, inputs, dropout).flatten(0, 1)
    wanted = targets.flatten()
    if bool((wanted == IGNORED).any()):
        kept = wanted != IGNORED
        states, wanted = states[kept], wanted[kept]
    head = model.lm_head.weight
    parts = max(1, math.ceil(len(wanted) * len(head) / _LOGITS_AT_ONCE))
    if parts == 1:
        return _head_loss(states, head, wanted)
    from torch.utils.checkpoint import checkpoint

    # The logits are the largest thing there is: those of a part are computed again on the way back, not kept.
    pairs = zip(states.chunk(parts), wanted.chunk(parts), strict=True)
    return sum(checkpoint(_head_loss, some, head, which, use_reentrant=False) for some, which in pairs)


def _head_loss(states: Any, head: Any, wanted: Any) -> Any:
    from torch.nn import functional as f

    return f.cross_entropy(f.linear(states, head).float(), wanted, reduction="sum")


def _attended(block: Any, x: Any, config: Any, dropout: float) -> Any:
    import torch
    from torch.nn import functional as f

    rows, tokens, width = x.shape
    mixed = _linear(block.attn.c_attn, _norm(block.ln_1, x, width))
    queries, keys, values = mixed.view(rows, tokens, 3, config.n_head, width // config.n_head).permute(2, 0, 3, 1, 4)
    if mixed.dtype == torch.bfloat16 and mixed.device.type == "cpu" and tokens <= _PLAIN_TOKENS:
        output = _plain_attention(queries, keys, values, dropout)
    else:
        output = f.scaled_dot_product_attention(queries, keys, values, is_causal=True, dropout_p=dropout)
    return _linear(block.attn.c_proj, output.transpose(1, 2).reshape(rows, tokens, width))


def _plain_attention(queries: Any, keys: Any, values: Any, dropout: float) -> Any:
    """Causal attention of [rows, heads, tokens, size] by whole matrices. For short blocks in bf16 on a CPU, forwards
    and backwards, it takes a quarter to two thirds of the time of torch 2.13's fused kernel."""
    import torch
    from torch.nn import functional as f

    tokens = queries.shape[-2]
    later = torch.full((tokens, tokens), float("-inf"), dtype=queries.dtype, device=queries.device).triu(1)
    scores = torch.matmul(queries, keys.transpose(-1, -2)) * queries.shape[-1] ** -0.5 + later
    weights = f.softmax(scores, -1, dtype=queries.dtype)  # autocast would take it to float32 and back
    return torch.matmul(f.dropout(weights, dropout, dropout > 0), values)


def _linear(layer: Any, x: Any) -> Any:
    """transformers' Conv1D: the weight is stored [inputs, outputs]."""
    import torch

    flat = torch.addmm(layer.bias, x.reshape(-1, x.shape[-1]), layer.weight)
    return flat.view(*x.shape[:-1], layer.weight.shape[1])


def _norm(layer: Any, x: Any, width: int) -> Any:
    from torch.nn import functional as f

    return f.layer_norm(x, (width,), layer.weight, layer.bias, layer.eps)


def _activated(x: Any, config: Any) -> Any:
    from torch.nn import functional as f

    if config.activation_function == "relu":
        return f.relu(x)
    return f.gelu(x, approximate="none" if config.activation_function == "gelu" else "tanh")
