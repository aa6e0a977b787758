"""How loops are compiled: one signature each, at first use, stored on disk, without the GIL, serial so that no thread count matters."""

from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from typing import Any, TypeVar, cast

import numpy as np
from numba import float64, int32, int64, njit, typeof, types, uint8
from numba.extending import typeof_impl
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


class Kernel:
    """A loop for one signature, compiled, or loaded from what an earlier process compiled, when first called.

    So nobody waits for the loops of a measure that is not asked for.
    """

    def __init__(self, loop: Callable[..., object], signature: Any) -> None:
        """Keep what is needed to compile."""
        update_wrapper(self, loop)
        self._loop, self._signature, self._lock = loop, signature, Lock()
        self._dispatcher: Any = None

    @property
    def dispatcher(self) -> Any:
        """The compiled loop as numba knows it."""
        if self._dispatcher is None:
            with self._lock:  # two threads may call first
                if self._dispatcher is None:
                    self._dispatcher = njit(self._signature, cache=True, nogil=True, error_model="numpy")(self._loop)
        return self._dispatcher

    def __call__(self, *columns: object) -> object:
        """Run the loop."""
        return self.dispatcher(*columns)


@typeof_impl.register(Kernel)
def _type_inside_another(loop: Kernel, _: object) -> Any:
    return typeof(loop.dispatcher)  # type: ignore[no-untyped-call]  # numba has no types


def kernel(signature: Any) -> Callable[[Loop], Loop]:
    """Compile for one signature when first called, or load what an earlier process compiled; see :class:`Kernel`.

    A kernel may call kernels of its own file only: the stored code does not notice changes in another.
    """

    def compiled(loop: Loop) -> Loop:
        return cast("Loop", Kernel(loop, signature))

    return compiled
