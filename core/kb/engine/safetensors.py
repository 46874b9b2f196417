"""The file format safetensors: a length, a description in JSON, then the numbers of each tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

_KINDS = {"F16": np.float16, "F32": np.float32, "I64": np.int64, "I32": np.int32}
_MAX_DESCRIPTION = 10_000_000


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """All tensors of a file, by name; they share the memory of `data`."""
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, _MAX_DESCRIPTION):
        raise ValueError("not a safetensors file")
    described: dict[str, Any] = orjson.loads(data[8 : 8 + length])
    start = 8 + length
    return {name: _tensor(data, start, about) for name, about in described.items() if name != "__metadata__"}


def _tensor(data: bytes, start: int, about: dict[str, Any]) -> NDArray[Any]:
    first, last = about["data_offsets"]
    kind = np.dtype(_KINDS[about["dtype"]])
    flat = np.frombuffer(data, kind, (last - first) // kind.itemsize, start + first)
    return flat.reshape(about["shape"])
