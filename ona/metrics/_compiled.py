"""How loops are compiled: one signature each, stored on disk, without the GIL, serial so that no thread count matters."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import float64, int32, njit, types, uint8
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Flags = NDArray[np.uint8]

Loop = TypeVar("Loop", bound=Callable[..., object])


def _read_only(kind: Any) -> Any:  # numba's types have no Python type
    return types.Array(kind, 1, "C", readonly=True)


READ_CODES = _read_only(int32)
READ_FLOATS = _read_only(float64)
READ_FLAGS = _read_only(uint8)


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
