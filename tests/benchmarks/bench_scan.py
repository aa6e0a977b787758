"""Bar: the whole scan of 10,000 people and 5 million events, seconds and peak memory part by part (at most 4 GiB)."""

import argparse
import resource
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ona.rules import Rules
from ona.simulate.company import company
from pipelines import keys, scans, settings, ties
from pipelines.intake import simulated
from pipelines.settings import load_settings
from pipelines.storage.workspace import Workspace, open_workspace

MEMORY_BAR_GIB = 4.0
NOW = datetime(2026, 10, 10)
PARTS = {
    "load": "weekly tables of persons",
    "scan": "scores, intervals, quality",
    "checks": "checks",
    "seal": "sealed and read again",
}
"""Names of the parts that the pipeline reports."""


@dataclass
class Clock:
    """Seconds and peak memory of each part, printed as it ends."""

    began: float = field(default_factory=time.perf_counter)
    part: str = "what is new"

    def begin(self, part: str, done: int, _total: int | None) -> None:
        """End the running part when another one begins."""
        if done == 0 and part in PARTS:
            self.lap(self.part)
            self.part = PARTS[part]

    def lap(self, part: str) -> float:
        """Print a part's seconds and the peak so far; return the peak in GiB."""
        now, peak = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        sys.stdout.write(f"{part:<28}{now - self.began:>9.1f} s{peak:>9.2f} GiB\n")
        sys.stdout.flush()
        self.began = now
        return peak


def prepare(ws: Workspace, people: int, weeks: int, clock: Clock) -> None:
    """Fill an empty workspace with a simulated company and its weekly tables."""
    events = simulated.stream(ws, company(people=people, weeks=weeks, seed=1))
    clock.lap(f"simulate {events:,} events")
    with ws.exclusive(), scans.open_engine(ws) as engine:
        ties.update(ws, engine)
    clock.lap("weekly tables")


def main() -> int:
    """Simulate, scan and print the table; the exit code is 1 when the bar fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=9)
    parser.add_argument("--home", type=Path, help="keep the workspace here, so that a second run repeats the scan alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-scan-") if options.home is None else nullcontext(str(options.home)) as folder:
        home = Path(folder) / "home"
        fresh = not (home / "key").exists()
        if fresh:
            settings.write_template(home)
            keys.create_key(home / "key")
        with open_workspace(load_settings(home), now=lambda: NOW) as ws:
            clock = Clock()
            if fresh:
                prepare(ws, options.people, options.weeks, clock)
            sealed = scans.run(ws, Rules(weeks=options.weeks), progress=clock.begin)
            peak = clock.lap(clock.part)
    passed = peak <= MEMORY_BAR_GIB
    sys.stdout.write(
        f"{scans.headline(sealed)}\npeak memory {peak:.2f} GiB, bar {MEMORY_BAR_GIB:.0f} GiB: {'pass' if passed else 'FAIL'}\n"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
