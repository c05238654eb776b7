"""GPT-2 in int8 on onnxruntime: the engine for CPUs. Needs neither torch nor transformers in the process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.models.generation.decoder import Score, Step, log_softmax
from core.models.generation.gpt2_onnx import exported
from core.models.generation.gpt2_shape import Gpt2Shape, read_shape

_SCORED_AT_ONCE = 64  # tokens whose logits exist at one time: 50,000 floats each


class OnnxDecoder:
    """Implements ``core.models.generation.decoder.Decoder``. Attention's past lives in numpy buffers that are written
    in place; the system hands out their pages only when a row first reaches them.
    """

    engine = "onnxruntime int8"

    def __init__(self, folder: Path, cache: Path, *, most_rows: int = 8, threads: int = 0) -> None:
        """``folder``: config.json and weights; ``cache``: where the graph is kept. Raises Unavailable."""
        shape = read_shape(folder)
        if shape is None:
            raise Unavailable("generation.not_gpt2", name=folder.name)
        self._shape = shape
        self._session = _session(exported(folder, cache), folder.name, threads)
        self.window, self.width, self.vocabulary = shape.positions, shape.width, shape.vocabulary
        self.most_rows, self.end_ids = most_rows, frozenset(shape.end_ids)
        self._past = _buffers(shape, _even(most_rows))
        self._lengths: list[int] = []
        self._bindings: dict[int, _Binding] = {}

    def read(self, ids: Sequence[int]) -> Step:
        row = len(self._lengths)
        logits, hidden = self._forward([buffer[row : row + 1] for buffer in self._past], ids, [-1])
        self._lengths.append(len(ids))
        return Step(logits[0], hidden[0, -1:])

    def fork(self) -> None:
        self._lengths.append(self._lengths[-1])
        self._copy(len(self._lengths) - 2, len(self._lengths) - 1)

    def drop(self, row: int) -> None:
        last = len(self._lengths) - 1
        if row != last:
            self._copy(last, row)
            self._lengths[row] = self._lengths[last]
        self._lengths.pop()

    def clear(self) -> None:
        self._lengths = []

    def step(self, tokens: Sequence[int]) -> Step:
        rows = len(self._lengths)
        # The products are computed for two rows at a time, and a row left over takes another path with other rounding.
        # A spare row (its past is empty) keeps a text the same whether it is written alone or beside others.
        padded = _even(rows)
        binding = self._bindings.get(padded)
        if binding is None:
            buffers = [buffer[:padded] for buffer in self._past]
            binding = self._bindings[padded] = _Binding(self._session, self._shape, buffers, padded, 1, 1)
        spare = [0] * (padded - rows)
        logits, hidden = binding.run(np.array([*tokens, *spare])[:, None], np.array([*self._lengths, *spare]))
        self._lengths = [length + 1 for length in self._lengths]
        return Step(logits[:rows, 0], hidden[:rows, 0])

    def score(self, ids: Sequence[int]) -> Score:
        past = _buffers(self._shape, 1)
        parts = []
        for start in range(0, len(ids) - 1, _SCORED_AT_ONCE):
            kept = list(range(start, min(start + _SCORED_AT_ONCE, len(ids) - 1)))
            logits, hidden = self._forward(past, ids, kept)
            parts.append(log_softmax(logits[0])[np.arange(len(kept)), np.array(ids)[np.array(kept) + 1]])
        return Score(np.concatenate(parts), hidden[0, :-1])

    def _forward(self, buffers: list[NDArray[np.float32]], ids: Sequence[int], kept: Sequence[int]) -> tuple[Any, Any]:
        binding = _Binding(self._session, self._shape, buffers, 1, len(ids), len(kept))
        return binding.run(np.array(ids)[None], np.zeros(1, np.int64), kept)

    def _copy(self, source: int, target: int) -> None:
        length = self._lengths[source]
        for buffer in self._past:
            buffer[target, :, :length] = buffer[source, :, :length]


class _Binding:
    """The arrays of one call of a fixed number of rows and tokens, bound once and used again at each step."""

    def __init__(
        self,
        session: Any,
        shape: Gpt2Shape,
        buffers: list[NDArray[np.float32]],
        rows: int,
        tokens: int,
        kept: int,
    ) -> None:
        self._session, self._io = session, session.io_binding()
        self._ids, self._positions = np.zeros((rows, tokens), np.int64), np.zeros((rows, tokens), np.int64)
        self._last, self._longest = np.zeros(rows, np.int32), np.zeros((), np.int32)
        self._kept = np.zeros(kept, np.int64)
        self._logits = np.zeros((rows, kept, shape.vocabulary), np.float32)
        self._hidden = np.zeros((rows, tokens, shape.width), np.float32)
        self._buffers = buffers
        inputs: dict[str, NDArray[Any]] = {"ids": self._ids, "positions": self._positions, "last_index": self._last}
        inputs |= {"longest": self._longest, "kept": self._kept}
        for name, array in inputs.items():
            self._io.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in (("logits", self._logits), ("hidden", self._hidden)):
            self._io.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for place, buffer in enumerate(buffers):
            name = f"{('key', 'value')[place % 2]}_{place // 2}"
            # Past and present are one buffer: the new tokens are written behind the old ones, nothing is copied.
            self._io.bind_input(f"past_{name}", "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)
            self._io.bind_output(f"present_{name}", "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)

    def run(
        self, ids: NDArray[np.int64], lengths: NDArray[np.int64], kept: Sequence[int] = (0,)
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``lengths`` [rows]: tokens that each row holds already. Returns logits and hidden states, copied."""
        tokens = ids.shape[1]
        self._ids[:] = ids
        self._positions[:] = lengths[:, None] + np.arange(tokens)
        self._last[:] = lengths + tokens - 1
        self._longest[...] = lengths.max() + tokens
        self._kept[:] = kept
        self._session.run_with_iobinding(self._io)
        return self._logits.copy(), self._hidden.copy()


def _even(rows: int) -> int:
    return rows + rows % 2


def _buffers(shape: Gpt2Shape, rows: int) -> list[NDArray[np.float32]]:
    size = (rows, shape.heads, shape.positions, shape.width // shape.heads)
    return [np.zeros(size, np.float32) for _ in range(2 * shape.layers)]


def _session(path: Path, name: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # A waiting thread must not spin: the web server and other models share these cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Unavailable("generation.engine_failed", name=name, reason=type(error).__name__) from error
