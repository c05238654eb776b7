"""The baseline of ``benchmarks.shakespeare``: a plain re-implementation of nanoGPT's recipe for a laptop's CPU.

4 layers, 4 heads, 128 wide, blocks of 64 characters, 12 a batch, no dropout, no biases, AdamW at 1e-3 (betas 0.9 and
0.99, decay 0.1), warm-up of 100 iterations, a cosine to a tenth, gradients clipped at 1, float32.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn
from torch.nn import functional as f

LAYERS, HEADS, WIDTH, BLOCK, BATCH = 4, 4, 128, 64, 12
RATE, LEAST, WARM_UP, ITERATIONS = 1e-3, 1e-4, 100, 2000


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Any) -> Any:
        rows, tokens, _ = x.shape
        q, k, v = (part.view(rows, tokens, HEADS, -1).transpose(1, 2) for part in self.mix(x).split(WIDTH, dim=2))
        y = f.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(rows, tokens, WIDTH))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.attention = nn.LayerNorm(WIDTH, bias=False), Attention()
        self.between = nn.LayerNorm(WIDTH, bias=False)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.before(x))
        return x + self.narrow(f.gelu(self.wide(self.between(x))))


class Plain(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.layers, self.last = nn.ModuleList(Layer() for _ in range(LAYERS)), nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                ends_layer = name.endswith(("out.weight", "narrow.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if ends_layer else 0.02)

    def forward(self, ids: Any) -> Any:
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return f.linear(self.last(x), self.tokens.weight)


def train(ids: Any, vocabulary: int, seconds: float, seed: int, stretched: bool) -> tuple[Plain, int]:
    """The model after ``seconds``, and the iterations it had. ``stretched`` lets the cosine end with the time; else it
    ends at iteration 2,000, as in the recipe, and the rate stays at its least from then on.
    """
    torch.manual_seed(seed)
    model = Plain(vocabulary)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim != 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))
    start, iteration = time.monotonic(), 0
    while (spent := time.monotonic() - start) < seconds:
        done = spent / seconds if stretched else (iteration - WARM_UP) / (ITERATIONS - WARM_UP)
        falling = LEAST + (RATE - LEAST) * (1 + math.cos(math.pi * min(1.0, max(0.0, done)))) / 2
        for group in optimiser.param_groups:
            group["lr"] = RATE * (iteration + 1) / WARM_UP if iteration < WARM_UP else falling
        places = torch.randint(len(ids) - BLOCK, (BATCH,))
        inputs = torch.stack([ids[i : i + BLOCK] for i in places.tolist()])
        targets = torch.stack([ids[i + 1 : i + 1 + BLOCK] for i in places.tolist()])
        loss = f.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        iteration += 1
    return model, iteration


def loss_of(model: Plain, ids: Any) -> float:
    """Nats a character of the whole of ``ids``, in consecutive blocks; the last, incomplete one is left out."""
    blocks = (len(ids) - 1) // BLOCK
    inputs, targets = ids[: blocks * BLOCK].view(blocks, BLOCK), ids[1 : blocks * BLOCK + 1].view(blocks, BLOCK)
    with torch.inference_mode():
        losses = [
            f.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum")
            for x, y in zip(inputs.split(64), targets.split(64), strict=True)
        ]
    return float(sum(losses)) / (blocks * BLOCK)
