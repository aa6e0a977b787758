"""Seconds, memory and agreement of the graph kernels beside igraph, networkit, networkx, scikit-network and scipy; prints one table.

    python tests/benchmarks/bench_kernels.py                  # everything, about half an hour on two cores
    python tests/benchmarks/bench_kernels.py --only constraint --small

The rivals run at pinned versions (rivals.txt) in an environment of their own below the cache folder, each measure in a process of
its own; building their graphs is not timed, nor are the orders of ours, which have a row. Two threads each where a library can.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from environments import environment
from graph_worker import drawn, two_paths

HERE = Path(__file__).parent
LARGE, MIDDLE = "large", "middle"
SIZES = {LARGE: (100_000, 4_000_000), MIDDLE: (10_000, 400_000)}
SMALL = {LARGE: (20_000, 800_000), MIDDLE: (2_000, 60_000)}
RIVALS = ("igraph", "networkit", "networkx", "scikit-network", "scipy")
SAME = 1e-6  # relative; libraries stop at other norms
SAME_IN_IGRAPH = ("strength", "pagerank", "hits", "coreness", "constraint")


@dataclass(frozen=True)
class Run:
    """What a process of its own measured: wall and processor seconds, MiB over the loaded graph, the result, and what of it is scaled."""

    seconds: float
    busy: float
    memory: float
    values: np.ndarray
    scaled: str = ""


@dataclass
class Bench:
    """Graphs on disk and the environment of the rivals."""

    folder: Path
    small: bool
    peers: tuple[str, ...]
    sources: int
    missed: list[str] = field(default_factory=list)

    @cached_property
    def rivals(self) -> Path:
        """Return the python of the pinned rivals."""
        return environment(HERE / "rivals.txt")

    def graph(self, size: str) -> Path:
        """Return the file of the seeded graph."""
        people, ties = (SMALL if self.small else SIZES)[size]
        path = self.folder / f"{people}.npz"
        if not path.exists():
            np.savez(path, **planted(people, ties))
        return path

    def run(self, library: str, measure: str, size: str, sources: int = 0) -> Run | None:
        """Measure in a process of its own; None where the library is not there."""
        values = self.folder / "values.npy"
        python = sys.executable if library == "ona" else self.rivals
        command = [python, HERE / "graph_worker.py", self.graph(size), library, measure, values, "--sources", str(sources)]
        if library == "ona":
            command += ["--warm", warm(self.folder)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{library} {measure}: {done.stderr.strip().splitlines()[-1]}")
            return None
        found = json.loads(done.stdout)
        return Run(found["seconds"], found["busy"], found["memory"], np.load(values))

    def line(self, what: str, own: Run, peer: str = "", other: Run | None = None, bar: str = "", ok: bool | None = None) -> None:
        """Print one line of the table."""
        ratio, gap = (other.seconds / own.seconds, difference(own.values, other.values)) if other else (np.nan, np.nan)
        columns = f"{other.seconds:>9.2f} {other.busy:>8.2f} {other.memory:>6.0f} {ratio:>7.1f} {gap:>9.1e}" if other else " " * 43
        verdict = "" if ok is None else "pass" if ok else "FAIL"
        if ok is False:
            self.missed.append(what)
        print(f"{what:<34} {own.seconds:>8.2f} {own.busy:>8.2f} {own.memory:>6.0f} {peer:<24} {columns} {bar:<22} {verdict}", flush=True)


def planted(people: int, ties: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Teams of 25 in departments of 10 teams: 70 % of the ties inside the department, volumes and weights heavy-tailed."""
    rng = np.random.default_rng(seed)
    cumulated = np.cumsum(rng.pareto(2.5, people) + 0.2)
    source, target = (np.searchsorted(cumulated, cumulated[-1] * rng.random(2 * ties)) for _ in range(2))
    block = np.where(rng.random(2 * ties) < 0.5, 25, 250)
    near = np.minimum(source // block * block + rng.integers(0, block), people - 1)
    target = np.where(rng.random(2 * ties) < 0.7, near, target)
    found = np.unique((source * people + target)[source != target])
    found = np.sort(rng.choice(found, size=min(ties, len(found)), replace=False))
    return {
        "indptr": np.searchsorted(found, np.arange(people + 1) * people).astype(np.int32),
        "indices": (found % people).astype(np.int32),
        "data": rng.lognormal(0, 1, len(found)),
        "teams": (np.arange(people) // 250).astype(np.int32),
    }


def warm(folder: Path) -> Path:
    """Return the file of a tiny graph, on which code is compiled."""
    path = folder / "warm.npz"
    if not path.exists():
        np.savez(path, **planted(300, 3000))
    return path


def difference(own: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference over the largest value; infinite where one has a number and the other none."""
    if not own.size or own.shape != other.shape:
        return float("nan")
    if not np.array_equal(np.isnan(own), np.isnan(other)):
        return float("inf")
    return float(np.nanmax(np.abs(own - other)) / np.nanmax(np.abs(other)))


def orders(bench: Bench) -> None:
    """Print what the orders of the structure take, once per graph."""
    bench.line("orders of the structure, once", bench.run("ona", "orders", LARGE))


def constraint(bench: Bench) -> None:
    """Compare constraint, triangles listed anew."""
    own = bench.run("ona", "constraint", LARGE)
    bench.line("constraint again, triangles listed", bench.run("ona", "again", LARGE))
    for peer in wanted(bench, "igraph", "scipy"):
        if peer == "igraph":
            same, other = closed_by_igraph(bench, own)
            bench.line("constraint", same, peer + other.scaled, other, ">= 80 x", other.seconds >= 80 * own.seconds)
        elif other := bench.run(peer, "constraint", LARGE):
            bench.line("constraint", own, peer, other)


def closed_by_igraph(bench: Bench, own: Run) -> tuple[Run, Run]:
    """Let igraph compute constraint of some people alone if asked to, and scale its time by the ways of two ties of all over theirs.

    What one person alone takes is what does not depend on how many are asked for. Ours comes back for the same people.
    """
    if not bench.sources:
        return own, bench.run("igraph", "constraint", LARGE)
    one, some = (bench.run("igraph", "constraint", LARGE, sources) for sources in (1, bench.sources))
    ways, asked = two_paths(dict(np.load(bench.graph(LARGE)))), drawn(len(own.values), bench.sources)
    scale = float(ways.sum() / ways[asked].sum())
    seconds, busy = (first + (many - first) * scale for first, many in ((one.seconds, some.seconds), (one.busy, some.busy)))
    return replace(own, values=own.values[asked]), replace(some, seconds=seconds, busy=busy, scaled=f", {bench.sources} people scaled")


def pagerank(bench: Bench) -> None:
    """Compare PageRank with five libraries at the same tolerance; who gives another answer (sinks, L17) is no yardstick."""
    own = bench.run("ona", "pagerank", LARGE)
    others = {peer: found for peer in wanted(bench, *RIVALS) if (found := bench.run(peer, "pagerank", LARGE))}
    right = [peer for peer in others if difference(own.values, others[peer].values) < SAME]
    fastest = min(right, key=lambda peer: others[peer].seconds, default="")
    for peer, other in others.items():
        bar = ("fastest: own <= 1.5 x", own.seconds <= 1.5 * other.seconds) if peer == fastest else ("", None)
        bar = bar if peer in right else ("another answer", None)
        bench.line("pagerank", own, peer, other, *bar)


def brokerage(bench: Bench) -> None:
    """Compare all roles, both expectations and z with own constraint."""
    own, reference = bench.run("ona", "brokerage", LARGE), bench.run("ona", "constraint", LARGE)
    limit = 1.5 * reference.seconds + 1
    bench.line("brokerage, all roles, both z", own, "ona constraint", reference, f"<= {limit:.2f} s", own.seconds <= limit)


def linear(bench: Bench) -> None:
    """Compare the sum of what igraph has of the linear and triadic measures, and of two rounds of Leiden."""
    own, theirs = [bench.run("ona", "orders", LARGE)], []
    for measure in SAME_IN_IGRAPH:
        mine = bench.run("ona", measure, LARGE)
        same, other = closed_by_igraph(bench, mine) if measure == "constraint" else (mine, bench.run("igraph", measure, LARGE))
        own.append(mine)
        theirs.append(other)
        values = same.values / same.values.max() if measure == "hits" else same.values
        bench.line(f"  {measure}", replace(same, values=values), "igraph" + other.scaled, other)
    bench.line("linear, triadic", summed(own), "igraph", summed(theirs))
    one, two = bench.run("ona", "leiden", LARGE), bench.run("igraph", "leiden", LARGE)
    reached = [modularity(bench.graph(LARGE), run.values) for run in (one, two)]
    bench.line("  Leiden, two rounds", replace(one, values=np.zeros(0)), "igraph", two)
    print(f"  modularity {reached[0]:.4f}, igraph's {reached[1]:.4f}")
    one, two = summed([*own, one]), summed([*theirs, two])
    bench.line("linear, triadic, Leiden", one, "igraph", two, ">= 10 x", two.seconds >= 10 * one.seconds)


def modularity(path: Path, groups: np.ndarray) -> float:
    """Return the modularity of groups when both directions of ties are added up."""
    graph, code = np.load(path), groups.astype(np.int64)
    source, target, weight = np.repeat(np.arange(len(code)), np.diff(graph["indptr"])), graph["indices"], graph["data"]
    held = np.bincount(code[source], weight, code.max() + 1) + np.bincount(code[target], weight, code.max() + 1)
    return float(weight[code[source] == code[target]].sum() / weight.sum() - ((held / held.sum()) ** 2).sum())


def summed(runs: list[Run]) -> Run:
    """Return the seconds of all, and the memory of the largest."""
    return Run(sum(run.seconds for run in runs), sum(run.busy for run in runs), max(run.memory for run in runs), np.zeros(0))


def paths(bench: Bench) -> None:
    """Compare exact weighted betweenness and harmonic closeness, ours in one pass, theirs in two."""
    own = bench.run("ona", "paths", MIDDLE)
    people = (SMALL if bench.small else SIZES)[MIDDLE][0]
    for peer, bar in (("networkit", 1.8), ("igraph", 3.0)):
        if peer not in wanted(bench, peer):
            continue
        found = [bench.run(peer, measure, MIDDLE, bench.sources) for measure in ("betweenness", "harmonic")]
        if None in found:
            continue
        scale = people / bench.sources if bench.sources else 1.0
        scales = [scale if peer == "igraph" or k == 0 else 1.0 for k in range(2)]
        whole = [replace(one, seconds=one.seconds * times, busy=one.busy * times) for one, times in zip(found, scales, strict=True)]
        label = f"{peer}, {bench.sources} sources scaled" if bench.sources else peer
        for name, values, other in zip(("  betweenness", "  harmonic, weighted"), own.values, whole, strict=True):
            bench.line(name, replace(own, values=values), label, other)
        total = summed(whole)
        bench.line("betweenness + harmonic, weighted", own, label, total, f">= {bar} x", total.seconds >= bar * own.seconds)


def hops(bench: Bench) -> None:
    """Compare exact harmonic closeness by hops."""
    own = bench.run("ona", "hops", MIDDLE)
    for peer in wanted(bench, "igraph"):
        bench.line("harmonic by hops", own, peer, bench.run(peer, "hops", MIDDLE))
    bench.line("harmonic by hops, large", bench.run("ona", "hops", LARGE))


def two_hop(bench: Bench) -> None:
    """Compare two-hop betweenness."""
    own = bench.run("ona", "two_hop", MIDDLE)
    for peer in wanted(bench, "igraph"):
        bench.line("two-hop betweenness", own, f"{peer} cutoff=2", bench.run(peer, "two_hop", MIDDLE))


def memory(bench: Bench) -> None:
    """Run what is linear, triadic or sampled one after the other in one process."""
    own = bench.run("ona", "memory", LARGE)
    bench.line("peak over the loaded graph", own, bar="<= 1024 MiB", ok=own.memory <= 1024)


ROWS = {row.__name__: row for row in (orders, constraint, pagerank, brokerage, linear, paths, hops, two_hop, memory)}


def wanted(bench: Bench, *peers: str) -> list[str]:
    """Return the peers that were asked for."""
    return [peer for peer in peers if not bench.peers or peer in bench.peers]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--peer", nargs="+", choices=RIVALS, default=())
    parser.add_argument("--small", action="store_true", help="a fifth of the people: minutes instead of half an hour")
    parser.add_argument("--sources", type=int, default=0, help="let the slow rivals run from so many people, and scale")
    asked = parser.parse_args()
    folder = Path(tempfile.gettempdir()) / "ona-bench-kernels"
    folder.mkdir(exist_ok=True)
    bench = Bench(folder, asked.small, tuple(asked.peer), asked.sources)
    for size, (people, ties) in (SMALL if asked.small else SIZES).items():
        print(f"{size}: {people:,} people, {ties:,} ties")
    left = f"{'':<34} {'seconds':>8} {'busy':>8} {'MiB':>6}"
    print(f"{left} {'peer':<24} {'seconds':>9} {'busy':>8} {'MiB':>6} {'ratio':>7} {'differ':>9} {'bar':<22}")
    for name in asked.only:
        ROWS[name](bench)
    if bench.missed and not asked.small:  # ratios grow with the graph
        sys.exit(f"Bars missed: {', '.join(bench.missed)}")


if __name__ == "__main__":
    main()
