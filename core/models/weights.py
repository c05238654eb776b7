"""Weights of a model folder as numpy arrays, without torch; and a packed form, so that small models can be shipped.

Packed: each matrix in 4, 6 or 8 bits with a float16 scale for every group of 64 values (round to nearest, as
GGUF's Q4/Q6/Q8 do). Vectors (norms, biases) stay float16.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable

PLAIN, PACKED = "model.safetensors", "model.packed.safetensors"
GROUP = 64
_TYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
Array = NDArray[Any]


def weights_file(folder: Path) -> Path:
    """The file of ``folder`` that holds its weights. Raises Unavailable generation.no_weights."""
    for name in (PLAIN, PACKED):
        if (folder / name).is_file():
            return folder / name
    raise Unavailable("generation.no_weights", name=folder.name)


def load_weights(folder: Path) -> dict[str, Array]:
    """All tensors of ``folder`` by name, float32. Raises Unavailable generation.no_weights, generation.bad_weights."""
    path = weights_file(folder)
    tensors = read_tensors(path)
    if path.name == PACKED:
        return unpack(tensors)
    return {name: array.astype(np.float32, copy=False) for name, array in tensors.items()}


def read_tensors(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file, mapped from disk; bfloat16, which numpy lacks, becomes float32."""
    try:
        whole = np.memmap(path, np.uint8, mode="r")
        (size,) = struct.unpack("<Q", whole[:8].tobytes())
        header = json.loads(whole[8 : 8 + size].tobytes())
        body = whole[8 + size :]
        return {name: _array(body, entry) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, struct.error, UnicodeDecodeError) as error:
        raise Unavailable("generation.bad_weights", name=path.parent.name, file=path.name) from error


def _array(body: Array, entry: Mapping[str, Any]) -> Array:
    start, end = entry["data_offsets"]
    raw = body[start:end]
    if entry["dtype"] == "BF16":
        widened: Array = raw.view(np.uint16).astype(np.uint32) << 16
        return widened.view(np.float32).reshape(entry["shape"])
    values: Array = raw.view(_TYPES[entry["dtype"]])
    return values.reshape(entry["shape"])


def pack(tensors: Mapping[str, Array], bits: int) -> dict[str, Array]:
    """What ``unpack`` turns back into ``tensors``, nearly: ``bits`` (4, 6 or 8) a value of every matrix."""
    if bits not in (4, 6, 8):
        raise ValueError(f"bits must be 4, 6 or 8, not {bits}")
    packed: dict[str, Array] = {"bits": np.array([bits], np.uint8)}
    for name, array in tensors.items():
        if array.ndim != 2 or array.size < GROUP:
            packed[f"{name}:f16"] = array.astype(np.float16)
            continue
        values = np.pad(array.astype(np.float32).ravel(), (0, -array.size % GROUP)).reshape(-1, GROUP)
        most = 2 ** (bits - 1) - 1
        scale = (np.abs(values).max(1) / most).astype(np.float16)
        safe = np.maximum(scale.astype(np.float32), 1e-12)[:, None]
        codes = np.clip(np.round(values / safe), -most, most).astype(np.int16) + most
        packed[f"{name}:codes"] = _squeeze(codes.astype(np.uint8).ravel(), bits)
        packed[f"{name}:scales"] = scale
        packed[f"{name}:shape"] = np.array(array.shape, np.int32)
    return packed


def unpack(packed: Mapping[str, Array]) -> dict[str, Array]:
    """float32 arrays by name from what ``pack`` made."""
    bits = int(packed["bits"][0])
    tensors: dict[str, Array] = {}
    for key, array in packed.items():
        name, _, part = key.rpartition(":")
        if part == "f16":
            tensors[name] = array.astype(np.float32)
        elif part == "codes":
            scales = packed[f"{name}:scales"].astype(np.float32)[:, None]
            rows, columns = (int(size) for size in packed[f"{name}:shape"])
            codes = _stretch(array, bits, len(scales) * GROUP).astype(np.float32).reshape(-1, GROUP)
            values = (codes - (2 ** (bits - 1) - 1)) * scales
            tensors[name] = values.ravel()[: rows * columns].reshape(rows, columns)
    return tensors


def _squeeze(codes: Array, bits: int) -> Array:
    """Codes below 2**bits, one a byte, written without the bits that are always zero. Their count divides by 4."""
    if bits == 8:
        return codes
    if bits == 4:
        pairs: Array = codes[0::2] | (codes[1::2] << 4)
        return pairs
    a, b, c, d = (codes[i::4] for i in range(4))
    return np.stack([a | (b << 6), (b >> 2) | (c << 4), (c >> 4) | (d << 2)], 1).ravel()


def _stretch(squeezed: Array, bits: int, count: int) -> Array:
    if bits == 8:
        return squeezed
    codes = np.empty(count, np.uint8)
    if bits == 4:
        codes[0::2], codes[1::2] = squeezed & 15, squeezed >> 4
        return codes
    x, y, z = (squeezed[i::3] for i in range(3))
    codes[0::4], codes[1::4] = x & 63, (x >> 6) | ((y & 15) << 2)
    codes[2::4], codes[3::4] = (y >> 4) | ((z & 3) << 4), z >> 2
    return codes
