"""Two threads share the work; how many there are changes no bit."""

import numpy as np
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics import METRICS, _blocks, _ranks
from ona.metrics._blocks import even_blocks, in_threads

SHARED = (
    "betweenness", "constraint", "effective_size", "flow_share", "gould_fernandez", "harmonic", "hierarchy", "pagerank",
    "pivot_betweenness", "two_hop_betweenness", "two_step_reach", "weighted_harmonic",
)  # fmt: skip


def fresh() -> Graph:
    rng = np.random.default_rng(8)
    ends = np.floor(600 * rng.random((2, 7000)) ** 2).astype(np.int64)
    table = pa.table({"source": ends[0], "target": ends[1], "weight": rng.integers(1, 9, 7000) / 4})
    return Graph.from_ties(table, people=np.arange(600), teams=rng.integers(0, 9, 600))


@pytest.mark.parametrize("name", SHARED)
def test_the_number_of_threads_changes_no_bit(name, monkeypatch):
    monkeypatch.setattr(_ranks, "FEW_TIES", 0)
    found = set()
    for threads in (1, 2, 5):
        monkeypatch.setattr(_blocks, "THREADS", threads)
        monkeypatch.setattr(_ranks, "THREADS", threads)
        found.add(METRICS[name](fresh()).tobytes())
    assert len(found) == 1


def test_blocks_hold_every_row_once_and_about_the_same_work():
    rng = np.random.default_rng(0)
    for effort in (rng.pareto(1.5, 1000), np.zeros(7), np.ones(3), np.array([1.0, 0, 0, 0])):
        blocks = even_blocks(effort, 4)
        assert [row for start, stop in blocks for row in range(start, stop)] == list(range(len(effort)))
        assert len(blocks) <= 4
    assert even_blocks([], 4) == []
    shares = [np.ones(1000)[start:stop].sum() for start, stop in even_blocks(np.ones(1000), 4)]
    assert shares == pytest.approx([250] * 4, abs=1)


def test_parts_come_in_the_order_of_the_blocks_and_errors_come_through():
    assert list(in_threads(lambda start, stop: (start, stop), [(0, 2), (2, 3), (3, 9)])) == [(0, 2), (2, 3), (3, 9)]
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda start, stop: 1 // start, [(1, 2), (0, 1)]))
