"""Muon for the matrices of a transformer, AdamW for its embeddings, norms and biases, as one optimiser.

Muon (Jordan et al. 2024) takes the momentum of a matrix and makes its singular values equal before it steps, by a few
rounds of Newton-Schulz with the coefficients of Amsel et al. 2025 (Polar Express, arXiv 2505.16932). A matrix then
learns in all directions at one speed, which on a small GPT-2 saves about a third of the steps of AdamW.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

_MOMENTUM = 0.95
_BETAS, _EPSILON = (0.9, 0.95), 1e-8
# Each round maps the singular values x to a x + b x^3 + c x^5, with what is best for the range that is left.
_ROUNDS = (
    (8.287212018, -23.595886519, 17.300387313),
    (4.107059112, -2.947849917, 0.544843108),
    (3.948690853, -2.908902116, 0.551819139),
    (3.318419657, -2.488488024, 0.510048941),
    (2.300652020, -1.668903985, 0.418807312),
)


def muon(model: Any, rate: float, muon_rate: float, weight_decay: float) -> Any:
    """An optimiser over the parameters of ``model`` (``language.gpt2.trainable``). Each group carries its ``peak``."""
    matrices: list[Any] = []
    fused: list[Any] = []
    others: list[Any] = []
    for name, parameter in model.named_parameters():
        if ".h." not in name or parameter.ndim != 2:
            others.append(parameter)
        else:
            (fused if "c_attn" in name else matrices).append(parameter)
    decay = {"peak": muon_rate, "weight_decay": weight_decay}
    groups = [
        {"params": matrices, "kind": "muon", "parts": 1, **decay},
        {"params": fused, "kind": "muon", "parts": 3, **decay},  # query, key and value stand in one matrix
        {"params": others, "kind": "adamw", "peak": rate, "weight_decay": 0.0},
    ]
    return _optimiser_class()(groups, {"lr": rate})


@cache
def _optimiser_class() -> Any:
    import torch

    class Muon(torch.optim.Optimizer):  # type: ignore[misc]
        @torch.no_grad()  # type: ignore[untyped-decorator]
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                held = [parameter for parameter in group["params"] if parameter.grad is not None]
                if group["kind"] == "muon":
                    _muon_step(held, self.state, group)
                else:
                    for parameter in held:
                        _adamw_step(parameter, self.state[parameter], group)

    return Muon


def _muon_step(parameters: Sequence[Any], states: Mapping[Any, dict[str, Any]], group: dict[str, Any]) -> None:
    """One step of matrices [inputs, outputs]; those of one shape are made orthogonal together, which is faster."""
    import torch

    alike: dict[tuple[int, ...], list[tuple[Any, Any]]] = {}
    for parameter in parameters:
        for part, direction in zip(_parts(parameter, group), _parts(_direction(parameter, states), group), strict=True):
            alike.setdefault(tuple(part.shape), []).append((part, direction))
    for (inputs, outputs), pairs in alike.items():
        # A matrix that widens needs longer steps for the same change of its outputs.
        length = group["lr"] * max(1.0, outputs / inputs) ** 0.5
        updates = orthogonal(torch.stack([direction for _, direction in pairs]))
        for (part, _), update in zip(pairs, updates, strict=True):
            part.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-length)


def _parts(matrix: Any, group: dict[str, Any]) -> Sequence[Any]:
    """Views of the matrices that stand side by side in one."""
    return cast(Sequence[Any], matrix.chunk(group["parts"], dim=1))


def _direction(parameter: Any, states: Mapping[Any, dict[str, Any]]) -> Any:
    """The gradient with momentum, after Nesterov's look ahead."""
    import torch

    state, gradient = states[parameter], parameter.grad
    if "momentum" not in state:
        state["momentum"] = torch.zeros_like(parameter)
    state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
    return gradient.lerp(state["momentum"], _MOMENTUM)


def orthogonal(matrices: Any) -> Any:
    """The matrices [..., rows, columns] nearest to ``matrices`` whose singular values are all about 1.

    In float32: the rounds raise what bfloat16 rounds away by a factor of a thousand, and a gradient of low rank would
    become mostly that noise (measured: a small model stops learning, one of 0.8 million weights learns 3 % less).
    """
    turned = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if turned else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.01 + 1e-7)
    for a, b, c in _ROUNDS:
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.mT if turned else x


def _adamw_step(parameter: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Loshchilov & Hutter 2019."""
    import torch

    if "step" not in state:
        state["step"] = torch.zeros(())
        state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    state["step"] += 1
    step, (first, second) = float(state["step"]), _BETAS
    state["mean"].lerp_(parameter.grad, 1 - first)
    state["square"].mul_(second).addcmul_(parameter.grad, parameter.grad, value=1 - second)
    spread = (state["square"] / (1 - second**step)).sqrt_().add_(_EPSILON)
    parameter.mul_(1 - group["lr"] * group["weight_decay"])
    parameter.addcdiv_(state["mean"], spread, value=-group["lr"] / (1 - first**step))
