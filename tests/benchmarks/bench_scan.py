"""Bar: the whole scan of 10,000 people and 5 million events, seconds and peak memory part by part (at most 4 GiB)."""

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ona.rules import Rules
from ona.simulate import company
from pipelines import keys, scans, settings, simulated
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace

MEMORY_BAR_GIB = 4.0


@dataclass
class Clock:
    """Seconds and peak memory of each part, printed as it ends."""

    began: float = field(default_factory=time.perf_counter)

    def lap(self, part: str) -> float:
        """Print a part's seconds and the peak so far; return the peak in GiB."""
        now, peak = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{part:<28}{now - self.began:>9.1f} s{peak:>9.2f} GiB", flush=True)
        self.began = now
        return peak


def main() -> None:
    """Simulate, scan and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as folder:
        home = Path(folder) / "home"
        settings.write_template(home)
        keys.create_key(home / "key")
        now = datetime(2026, 10, 10)
        with open_workspace(load_settings(home), now=lambda: now) as ws:
            clock = Clock()
            events = simulated.stream(ws, company(people=options.people, weeks=options.weeks, seed=1))
            clock.lap(f"simulate {events:,} events")
            with ws.exclusive(), scans.open_engine(ws) as engine:
                scans.ties.update(ws, engine)
            clock.lap("weekly tables")
            sealed = scans.run(ws, Rules(weeks=options.weeks))
            peak = clock.lap("scores, intervals, sealed")
        verdict = "pass" if peak <= MEMORY_BAR_GIB else "FAIL"
        print(f"{scans.headline(sealed)}\npeak memory {peak:.2f} GiB, bar {MEMORY_BAR_GIB:.0f} GiB: {verdict}")


if __name__ == "__main__":
    main()
