"""Bar: 200 weekly reweightings (strength, PageRank, constraint) of 10,000 people / 400,000 ties beside a loop over igraph.

At 100,000 people / 4 million ties the memory over the loaded graph and its weekly stacks is measured. The igraph loop is timed on a
few replicates and scaled; every one of them is compared number by number.
"""

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import igraph
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from ona.graph import Graph
from ona.reweighting import WeekStack, reweighted
from ona.uncertainty import week_weights

Floats = npt.NDArray[np.float64]

WEEKS = 13
MEASURES = ("strength", "pagerank", "constraint")
LEAST_RATIO, MOST_GIB, AGREEMENT = 30.0, 1.0, 1e-9


@dataclass(frozen=True)
class Timed:
    """What a run measured and how long it took by the clock and by the processor, which counts both threads."""

    values: dict[str, Floats]
    seconds: float
    busy: float


def stack(people: int, ties: int, seed: int = 0) -> WeekStack:
    """Return a company of teams of 50 in which two of three ties stay in the team's neighbourhood, seen over 13 weeks."""
    rng = np.random.default_rng(seed)
    drawn = int(ties * 1.25)
    source = rng.integers(0, people, drawn)
    near = (source + np.rint(rng.standard_normal(drawn) * 60).astype(np.int64)) % people
    target = np.where(rng.random(drawn) < 2 / 3, near, rng.integers(0, people, drawn))
    code = np.unique((source * people + target)[source != target])
    code = np.sort(rng.permutation(code)[:ties])
    table = pa.table({"source": code // people, "target": code % people, "weight": np.ones(len(code))})
    graph = Graph.from_ties(table, people=np.arange(people))
    count = rng.integers(1, 5, len(code))  # weeks in which a tie is active
    rows = np.repeat(np.arange(len(code)), count)
    cells = np.unique(rows * WEEKS + rng.integers(0, WEEKS, len(rows)))
    weekly = csr_array((rng.gamma(1.0, 1.0, len(cells)) + 0.01, (cells // WEEKS, cells % WEEKS)), shape=(len(code), WEEKS))
    return WeekStack(graph.structure, weekly)


def ours(held: WeekStack, weights: Floats, threads: int) -> Timed:
    """Measure all replicates in lanes."""
    began, used = time.perf_counter(), time.process_time()
    found = reweighted(held.measured, weights, threads=threads)
    return Timed(found, time.perf_counter() - began, time.process_time() - used)


def with_igraph(held: WeekStack, weights: Floats) -> Timed:
    """Measure replicates one by one with igraph, the graph itself built once and its construction not counted."""
    structure = held.structure
    graph = igraph.Graph(n=structure.n, edges=np.column_stack([structure.sources, structure.indices]), directed=True)
    began, used, found = time.perf_counter(), time.process_time(), {name: np.empty((len(weights), structure.n)) for name in MEASURES}
    for row, week in enumerate(weights):
        graph.es["weight"] = (held.weeks @ week).tolist()
        found["strength"][row] = graph.strength(weights="weight", mode="out")
        found["pagerank"][row] = graph.pagerank(weights="weight")
        found["constraint"][row] = graph.constraint(weights="weight")
    return Timed(found, time.perf_counter() - began, time.process_time() - used)


def farthest(one: dict[str, Floats], other: dict[str, Floats]) -> dict[str, float]:
    """Return the largest difference over the largest value of each measure; people without a value must agree."""
    gaps = {}
    for name, values in other.items():
        mine = one[name][: len(values)]
        if not np.array_equal(np.isnan(mine), np.isnan(values)):
            return {name: float("inf")}
        gaps[name] = float(np.nanmax(np.abs(mine - values)) / np.nanmax(values))
    return gaps


def peak_gib() -> float:
    """Return the peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def speed(asked: argparse.Namespace) -> bool:
    """Print seconds, ratio and agreement at 10,000 people."""
    held = stack(asked.people, asked.ties)
    weights = week_weights(WEEKS, asked.replicates, np.random.default_rng(1))
    ours(held, weights[:4], asked.threads)  # triangles are listed and code is loaded once
    mine, theirs = ours(held, weights, asked.threads), with_igraph(held, weights[: asked.igraph])
    scaled, scaled_busy = (amount / asked.igraph * asked.replicates for amount in (theirs.seconds, theirs.busy))
    gaps, ratio = farthest(mine.values, theirs.values), scaled / mine.seconds
    sys.stdout.write(
        f"{held.structure.n:,} people, {len(held.structure.indices):,} ties, {WEEKS} weeks, {asked.replicates} replicates\n"
        f"lanes, {asked.threads} threads       {mine.seconds:>9.2f} s, processor {mine.busy:>7.1f} s\n"
        f"igraph loop, 1 thread  {scaled:>9.1f} s, processor {scaled_busy:>7.1f} s  ({asked.igraph} replicates, scaled)\n"
        f"ratio of processor seconds, which a busy machine changes less: {scaled_busy / mine.busy:.1f}\n"
    )
    passed = ratio >= LEAST_RATIO and max(gaps.values()) <= AGREEMENT
    worst = ", ".join(f"{name} {gap:.1e}" for name, gap in gaps.items())
    sys.stdout.write(f"ratio {ratio:.1f} (bar {LEAST_RATIO:g}); largest difference: {worst} (bar {AGREEMENT:g}): {_verdict(passed)}\n")
    return passed


def memory(asked: argparse.Namespace) -> bool:
    """Print seconds and memory over the loaded graph at 4 million ties."""
    held = stack(asked.large_people, asked.large_ties)
    held.structure.sources.sum()
    before = _resident_gib()
    weights = week_weights(WEEKS, asked.large_replicates, np.random.default_rng(1))
    done = ours(held, weights, 1)
    over = peak_gib() - before
    sys.stdout.write(
        f"{held.structure.n:,} people, {len(held.structure.indices):,} ties: {asked.large_replicates} replicates in {done.seconds:.1f} s, "
        f"listing the triangles counted\n"
        f"memory over the loaded graph and weekly stacks ({before:.2f} GiB): {over:.2f} GiB "
        f"(bar {MOST_GIB:g}): {_verdict(over <= MOST_GIB)}\n"
    )
    return over <= MOST_GIB


def _resident_gib() -> float:
    """Return what is held now, and forget the peak so far where the kernel allows."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_gib()


def _verdict(passed: bool) -> str:
    return "pass" if passed else "FAIL"


def main() -> int:
    """Run both parts; the exit code is 1 when a bar fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--ties", type=int, default=400_000)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--igraph", type=int, default=4, help="replicates to time igraph on")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--large-people", type=int, default=100_000)
    parser.add_argument("--large-ties", type=int, default=4_000_000, help="0: leave the part on memory out")
    parser.add_argument("--large-replicates", type=int, default=8)
    asked = parser.parse_args()
    passed = [speed(asked)]
    if asked.large_ties:
        passed.append(memory(asked))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
