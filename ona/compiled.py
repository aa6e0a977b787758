"""How loops are compiled: one signature each, stored on disk, without the GIL, serial so that no thread count matters."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import float64, int32, int64, njit, types, uint8
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.uint8]
Floats = NDArray[np.float64]

INTS, CODES, FLAGS, FLOATS = int64[::1], int32[::1], uint8[::1], float64[::1]


def _read_only(kind: Any) -> Any:  # numba's types have no Python type
    return types.Array(kind, 1, "C", readonly=True)


READ_CODES, READ_FLOATS, READ_FLAGS = _read_only(int32), _read_only(float64), _read_only(uint8)

_NUMBA = {Ints: INTS, Codes: CODES, Flags: FLAGS, Floats: FLOATS, int: int64, float: float64}

Loop = TypeVar("Loop", bound=Callable[..., object])


def record_of(cls: Any) -> Any:
    """Return numba's type of a named tuple of columns and numbers."""
    kinds = [_NUMBA[kind] for kind in cls.__annotations__.values()]
    if len(set(kinds)) == 1:
        return types.NamedUniTuple(kinds[0], len(kinds), cls)  # type: ignore[no-untyped-call]  # numba has no types
    return types.NamedTuple(tuple(kinds), cls)  # type: ignore[no-untyped-call]  # numba has no types


def tuple_of(*kinds: Any) -> Any:
    """Return numba's type of a tuple."""
    return types.Tuple(kinds)  # type: ignore[no-untyped-call]  # numba has no types


def kernel(signature: Any) -> Callable[[Loop], Loop]:
    """Compile for one signature when imported, or load what an earlier process compiled.

    A kernel may call kernels of its own file only: the stored code does not notice changes in another.
    """

    def compiled(loop: Loop) -> Loop:
        return cast("Loop", njit(signature, cache=True, nogil=True, error_model="numpy")(loop))

    return compiled


def inlined(helper: Loop) -> Loop:
    """Compile a helper into the kernels that call it; calls that hand over many columns would cost more than what they do."""
    return cast("Loop", njit(inline="always", error_model="numpy")(helper))
