"""Writes a GPT-2 as an int8 graph for onnxruntime: once for each set of weights, beside nothing that is half made.

Matrices are stored in 8 bits with a scale for every block of inputs (MatMulNBits), attention keeps its past in buffers
that the caller owns and that are written in place (GroupQueryAttention), each row of a batch at a length of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.models.conversion import converted
from core.models.generation.gpt2_shape import TANH_GELU, Gpt2Shape, plain_names, read_shape
from core.models.weights import load_weights

RECIPE = "gpt2-onnx-1"  # another number when the graph changes, so that older files are made anew
GRAPH = "int8.onnx"
MOST_BYTES = 1_900_000_000  # a protobuf message ends at 2 GiB
_MS = "com.microsoft"
_OPSET = 20


def exported(folder: Path, cache: Path) -> Path:
    """The graph of the GPT-2 in ``folder``, made (seconds) on the first call and kept in ``cache``.

    Raises Unavailable (generation.not_gpt2, generation.too_large_for_int8 and those of ``converted``).
    """
    shape = read_shape(folder)
    if shape is None:
        raise Unavailable("generation.not_gpt2", name=folder.name)
    if graph_bytes(shape) > MOST_BYTES:
        raise Unavailable("generation.too_large_for_int8", name=folder.name)

    def make(target: Path) -> None:
        graph = _Graph(shape, plain_names(load_weights(folder))).model()
        (target / GRAPH).write_bytes(graph.SerializeToString())

    return converted(folder, cache, RECIPE, make) / GRAPH


def graph_bytes(shape: Gpt2Shape) -> int:
    """Roughly how large the graph will be: a byte a weight, two more a value of the embeddings."""
    layer = shape.width * (4 * shape.width + 2 * shape.inner)
    embeddings = (shape.vocabulary + shape.positions) * shape.width
    return int(1.04 * (shape.layers * layer + shape.vocabulary * shape.width)) + 2 * embeddings


class _Graph:
    """The nodes and constants of one graph. Inputs: ``ids`` and ``positions`` [rows, tokens], ``last_index`` [rows]
    (tokens in the cache after this call, less one), ``longest`` (the most of these), ``kept`` [k] (which tokens of the
    call shall have logits) and a key and a value buffer a layer [rows, heads, positions, width / heads].
    """

    def __init__(self, shape: Gpt2Shape, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._shape, self._weights = shape, weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def model(self) -> Any:
        from onnx import TensorProto, helper

        shape = self._shape
        flow = self._embeddings()
        for layer in range(shape.layers):
            flow = self._layer(layer, flow)
        self._node("LayerNormalization", [flow, *self._pair("ln_f")], "hidden", epsilon=shape.epsilon)
        self._node("Gather", ["hidden", "kept"], "hidden_kept", axis=1)
        head = self._weights["wte.weight"] if shape.tied else self._weights["lm_head.weight"]
        self._linear("hidden_kept", head, None, "logits")
        cache = [("rows"), shape.heads, "past", shape.width // shape.heads]
        buffers = [f"{kind}_{layer}" for layer in range(shape.layers) for kind in ("key", "value")]
        value = helper.make_tensor_value_info
        inputs = [
            value("ids", TensorProto.INT64, ["rows", "tokens"]),
            value("positions", TensorProto.INT64, ["rows", "tokens"]),
            value("last_index", TensorProto.INT32, ["rows"]),
            value("longest", TensorProto.INT32, []),
            value("kept", TensorProto.INT64, ["k"]),
            *(value(f"past_{name}", TensorProto.FLOAT, cache) for name in buffers),
        ]
        outputs = [
            value("logits", TensorProto.FLOAT, ["rows", "k", shape.vocabulary]),
            value("hidden", TensorProto.FLOAT, ["rows", "tokens", shape.width]),
            *(value(f"present_{name}", TensorProto.FLOAT, cache) for name in buffers),
        ]
        graph = helper.make_graph(self._nodes, "gpt2", inputs, outputs, self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MS, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def _embeddings(self) -> str:
        from onnx import TensorProto

        # Looked up, not multiplied: half precision halves the largest table and costs nothing.
        tokens = self._constant("wte", self._weights["wte.weight"].astype(np.float16))
        places = self._constant("wpe", self._weights["wpe.weight"].astype(np.float16))
        for name, table, indices in (("token", tokens, "ids"), ("place", places, "positions")):
            self._node("Gather", [table, indices], f"{name}_f16")
            self._node("Cast", [f"{name}_f16"], name, to=TensorProto.FLOAT)
        return self._node("Add", ["token", "place"], "embedded")

    def _layer(self, layer: int, flow: str) -> str:
        shape, at = self._shape, f"h.{layer}"
        normal = self._node("LayerNormalization", [flow, *self._pair(f"{at}.ln_1")], f"{at}.n1", epsilon=shape.epsilon)
        mixed = self._conv1d(f"{at}.attn.c_attn", normal)
        attended = self._node(
            "GroupQueryAttention",
            [mixed, "", "", f"past_key_{layer}", f"past_value_{layer}", "last_index", "longest"],
            [f"{at}.attended", f"present_key_{layer}", f"present_value_{layer}"],
            domain=_MS,
            num_heads=shape.heads,
            kv_num_heads=shape.heads,
        )
        flow = self._node("Add", [flow, self._conv1d(f"{at}.attn.c_proj", attended)], f"{at}.middle")
        normal = self._node("LayerNormalization", [flow, *self._pair(f"{at}.ln_2")], f"{at}.n2", epsilon=shape.epsilon)
        inner = self._activation(self._conv1d(f"{at}.mlp.c_fc", normal), f"{at}.active")
        return self._node("Add", [flow, self._conv1d(f"{at}.mlp.c_proj", inner)], f"{at}.end")

    def _activation(self, value: str, name: str) -> str:
        if self._shape.activation == "relu":
            return self._node("Relu", [value], name)
        if self._shape.activation in TANH_GELU:
            return self._node("FastGelu", [value], name, domain=_MS)
        return self._node("Gelu", [value], name, domain=_MS)

    def _conv1d(self, name: str, value: str) -> str:
        """transformers' Conv1D: a linear layer whose matrix is stored [inputs, outputs]."""
        return self._linear(value, self._weights[f"{name}.weight"].T, self._weights[f"{name}.bias"], f"{name}.out")

    def _linear(self, value: str, matrix: NDArray[np.float32], bias: NDArray[np.float32] | None, name: str) -> str:
        """``value`` [.., inputs] times the transpose of ``matrix`` [outputs, inputs]."""
        outputs, inputs = matrix.shape
        block = next((size for size in (128, 64, 32) if inputs % size == 0), 32)
        codes, scales = quantised(matrix, block)
        operands = [value, self._constant(f"{name}.codes", codes), self._constant(f"{name}.scales", scales)]
        if bias is not None:
            operands += ["", "", self._constant(f"{name}.bias", bias)]
        # Level 4: activations are rounded to 8 bits too, so that the products are integer instructions.
        sizes = {"K": inputs, "N": outputs, "bits": 8, "block_size": block, "accuracy_level": 4}
        return self._node("MatMulNBits", operands, name, domain=_MS, **sizes)

    def _pair(self, name: str) -> list[str]:
        return [self._constant(f"{name}.{part}", self._weights[f"{name}.{part}"]) for part in ("weight", "bias")]

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str | list[str], domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        outputs = [output] if isinstance(output, str) else output
        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]


def quantised(matrix: NDArray[np.float32], block: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes [outputs, blocks, block] around 128 and scales [outputs, blocks] of ``matrix`` [outputs, inputs]."""
    outputs, inputs = matrix.shape
    blocks = np.pad(matrix, ((0, 0), (0, -inputs % block))).reshape(outputs, -1, block)
    scales = np.maximum(np.abs(blocks).max(2) / 127, 1e-12).astype(np.float32)
    codes = np.clip(np.round(blocks / scales[..., None]) + 128, 1, 255).astype(np.uint8)
    return codes, scales
