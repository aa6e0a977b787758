"""Small expressions that several steps share, and the hook that keeps an intermediate result."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import narwhals as nw
import pyarrow as pa

Lazy = nw.LazyFrame[Any]
"""A lazy frame of any engine."""

Load = Callable[[pa.Table], Lazy]
"""Takes a table in memory into an engine."""


Result = TypeVar("Result")

THREADS = 2
"""Steps that are computed side by side; results do not depend on it."""


def together(steps: Sequence[Callable[[], Result]]) -> list[Result]:
    """Compute independent steps side by side; their loops hold no lock. Results come in the order of the steps."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda step: step(), steps))


def in_memory(table: pa.Table) -> Lazy:
    """Return an Arrow table as a lazy frame."""
    lazy: Lazy = nw.from_native(table, eager_only=True).lazy()
    return lazy


@contextmanager
def beside(step: Callable[[], Result]) -> Iterator[Future[Result]]:
    """Compute a step while the block runs; its result is there when the block has ended."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(step)


def total(column: str) -> nw.Expr:
    """Sum of a column as Int64; some engines widen integer sums to decimals."""
    return nw.col(column).sum().cast(nw.Int64)


def flag(condition: nw.Expr) -> nw.Expr:
    """Return 1 where the condition holds and 0 elsewhere, null included."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def bit(column: str, mask: int) -> nw.Expr:
    """Whether the bit of a mask is set in an integer column, null counting as not set."""
    return (nw.col(column).cast(nw.Int64) // mask) % 2 == 1


def either(column: str, bits: int) -> nw.Expr:
    """Bitwise or of an integer column over a group."""
    return nw.sum_horizontal(*[((nw.col(column).cast(nw.Int64) // (1 << k)) % 2).max() * (1 << k) for k in range(bits)])


def rounded(value: nw.Expr) -> nw.Expr:
    """Nearest whole number, (n,), Int64."""
    return value.round(0).cast(nw.Int64)


def stacked(frames: Sequence[Lazy]) -> Lazy:
    """Put frames of the same columns below each other; integers become Int64, since literals are of engine's choice."""
    names = frames[0].collect_schema().names()
    return nw.concat([_wide(frame.select(names)) for frame in frames])


def _wide(frame: Lazy) -> Lazy:
    schema = frame.collect_schema()
    return frame.select([nw.col(name).cast(nw.Int64) if dtype.is_integer() else nw.col(name) for name, dtype in schema.items()])
