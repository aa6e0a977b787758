"""Work cut into fixed blocks that two threads take up: what comes out does not depend on the number of threads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Part = TypeVar("Part")
Block = tuple[int, int]

THREADS = 2
"""Kernels hold no lock of the interpreter, so this many cores are used."""


def even_blocks(effort: npt.ArrayLike, n_blocks: int) -> list[Block]:
    """Cut rows into consecutive blocks of about equal effort.

    Parameters
    ----------
    effort
        Work of each row, ``(rows,)``, at least 0.
    n_blocks
        At most so many; part of the result's definition wherever blocks are added up.
    """
    done = np.cumsum(np.asarray(effort, dtype=np.float64) + 1e-9)  # rows without work count a little, so that none is lost
    if not len(done):
        return []
    inner = np.searchsorted(done, done[-1] * np.arange(1, n_blocks) / n_blocks)
    edges = np.unique(np.concatenate([[0], inner, [len(done)]])).tolist()
    return list(pairwise(edges))


def in_threads(work: Callable[[int, int], Part], blocks: list[Block]) -> Iterator[Part]:
    """Yield ``work(start, stop)`` of each block, in their order."""
    if len(blocks) < 2:
        yield from (work(start, stop) for start, stop in blocks)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(lambda block: work(*block), blocks)
