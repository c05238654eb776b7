"""Muon for the matrices of a transformer, AdamW for its embeddings, norms and biases, as one optimiser.

Muon (Jordan et al. 2024) takes the momentum of a matrix and makes its singular values equal before it steps, by a few
rounds of Newton-Schulz with the coefficients of Amsel et al. 2025 (Polar Express, arXiv 2505.16932). A matrix then
learns in all directions at one speed, which on a small GPT-2 saves about a third of the steps of AdamW.
"""

from __future__ import annotations

from functools import cache
from typing import Any

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
                update = _muon_step if group["kind"] == "muon" else _adamw_step
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        update(parameter, self.state[parameter], group)

    return Muon


def _muon_step(parameter: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
    import torch

    gradient = parameter.grad
    if "momentum" not in state:
        state["momentum"] = torch.zeros_like(parameter)
    state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
    direction = gradient.lerp(state["momentum"], _MOMENTUM)  # Nesterov's look ahead
    parts = direction.split(direction.shape[1] // group["parts"], dim=1)
    update = torch.cat([orthogonal(part) for part in parts], dim=1)
    # Stored [inputs, outputs]: a matrix that widens needs longer steps for the same change of its outputs.
    inputs, outputs = parts[0].shape
    parameter.mul_(1 - group["lr"] * group["weight_decay"])
    parameter.add_(update, alpha=-group["lr"] * max(1.0, outputs / inputs) ** 0.5)


def orthogonal(matrix: Any) -> Any:
    """The matrix nearest to ``matrix`` whose singular values are all about 1."""
    import torch

    turned = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if turned else matrix
    x = x / (x.norm() * 1.01 + 1e-7)
    for a, b, c in _ROUNDS:
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if turned else x


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
