"""Weekly tables of a simulated company against a bare DuckDB that explodes the same Parquet and groups it by pair.

Each variant runs in a process of its own on a warm file, writes its output, and reports seconds and peak memory; the round with
the median seconds is printed.
Bars: TIES alone at most 8 times, all weekly tables at most 15 times the bare query, at most 4 GiB.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ona.rules import TieRules
from ona.simulate.company import company
from ona.tables import ACCOUNTS, EVENTS
from ona.ties.attribution import parted, ties
from ona.ties.calendar import week_of
from pipelines.engine.duckdb import Engine
from pipelines.storage.lake import File
from pipelines.ties import Source, chunks, compute, patterns

BARS = {"ties": 8.0, "all": 15.0}
MOST_MIB = 4096
ROW_GROUP = 131_072


def write_company(folder: Path, people: int, weeks: int) -> int:
    """Stream a company's events into one file per week; return how many there are."""
    made = company(people=people, weeks=weeks, seed=0)
    pq.write_table(made.accounts.cast(ACCOUNTS.schema), folder / "accounts.parquet")
    rows = 0
    writers: dict[date, pq.ParquetWriter] = {}
    for batch in made.batches():
        for monday, table in _by_week(pa.Table.from_batches([batch]).cast(EVENTS.schema)):
            if monday not in writers:
                writers[monday] = pq.ParquetWriter(folder / f"events-{monday}.parquet", EVENTS.schema, compression="zstd", version="2.6")
            writers[monday].write_table(table, row_group_size=ROW_GROUP)
            rows += table.num_rows
    for writer in writers.values():
        writer.close()
    return rows


def _by_week(table: pa.Table) -> list[tuple[date, pa.Table]]:
    """Cut a table by UTC week."""
    micro = table["sent"].cast(pa.int64()).to_numpy()
    week = (micro // 86_400_000_000 + 3) // 7
    return [(date(1969, 12, 29) + timedelta(weeks=int(one)), table.filter(pa.array(week == one))) for one in sorted(set(week.tolist()))]


def source(folder: Path, engine: Engine) -> Source:
    """Return the files of a folder as the parts of a lake."""
    files = {}
    for path in sorted(folder.glob("events-*.parquet")):
        digest = hashlib.sha256(path.name.encode()).hexdigest()
        part = folder / File("events", path.stem[7:], digest, 0, 0).path
        part.parent.mkdir(parents=True, exist_ok=True)
        if not part.exists():
            part.hardlink_to(path)
        files[date.fromisoformat(path.stem[7:])] = File("events", path.stem[7:], digest, pq.read_metadata(path).num_rows, 0)
    return Source(engine, TieRules(), pq.read_table(folder / "accounts.parquet"), files, folder)


def bare(folder: Path) -> int:
    """Explode the recipients and group by pair, nothing else."""
    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": "2GiB", "preserve_insertion_order": False, "temp_directory": str(folder / "tmp")}
    )
    connection.read_parquet(str(folder / "events-*.parquet")).create_view("events")
    exploded = "SELECT sender, unnest(recipients).account AS account FROM events"
    connection.sql(f"SELECT sender, account, count(*) AS n FROM ({exploded}) GROUP BY ALL").write_parquet(str(folder / "bare.parquet"))
    return int(connection.read_parquet(str(folder / "bare.parquet")).count("*").fetchall()[0][0])


def ties_alone(folder: Path) -> int:
    """Compute and write TIES, nothing else, in the pieces of the pipeline."""
    rows = 0
    with Engine(folder, threads=2, memory_limit="2GiB") as engine:
        events = source(folder, engine)
        for done, chunk in chunks(events, sorted(events.events)):
            parts = parted(events.held(chunk[0], chunk[-1]), TieRules())
            w = parts.held.events.w
            table = ties(parts, TieRules(), (w >= week_of(chunk[0])) & (w <= week_of(chunk[-1])))
            pq.write_table(table, folder / f"ties-alone-{done}.parquet", compression="zstd")
            rows += table.num_rows
    return rows


def everything(folder: Path) -> int:
    """Compute and write all weekly tables as the pipeline does, bursts included."""
    rows = 0
    with Engine(folder, threads=2, memory_limit="2GiB") as engine:
        events = source(folder, engine)
        weeks = sorted(events.events)
        for done, _, tables in compute(events, weeks, patterns(events, weeks)):
            for name, table in tables.items():
                pq.write_table(table, folder / f"all-{name}-{done}.parquet", compression="zstd")
                rows += table.num_rows
    return rows


VARIANTS: dict[str, Callable[[Path], int]] = {"bare": bare, "ties": ties_alone, "all": everything}


def measure(folder: Path, variant: str) -> dict[str, float]:
    """Run one variant in a process of its own."""
    command = [sys.executable, __file__, "--variant", variant, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_variant(folder: Path, variant: str) -> None:
    """Run one variant here and print its figures as JSON."""
    for path in folder.glob("events-*.parquet"):
        path.read_bytes()
    start, begun = time.perf_counter(), time.process_time()
    rows = VARIANTS[variant](folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - begun
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": rows, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=13)
    parser.add_argument("--variant", choices=VARIANTS)
    parser.add_argument("--folder", type=Path, help="keeps the events; generated once")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.variant:
        run_variant(chosen.folder, chosen.variant)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = chosen.folder or Path(name)
        held = sorted(folder.glob("events-*.parquet"))  # of an earlier run
        rows = sum(pq.read_metadata(path).num_rows for path in held) or write_company(folder, chosen.people, chosen.weeks)
        rounds = [{variant: measure(folder, variant) for variant in VARIANTS} for _ in range(chosen.rounds)]
    found = {variant: sorted((one[variant] for one in rounds), key=lambda row: row["seconds"])[len(rounds) // 2] for variant in VARIANTS}
    lines = [
        f"{rows:,} events, {chosen.people:,} people, {chosen.weeks} weeks, 2 threads, {chosen.rounds} rounds",
        f"{'':<8}{'seconds':>9}{'cpu':>8}{'times':>8}{'bar':>6}{'MiB':>8}{'rows':>12}",
    ]
    for variant, row in found.items():
        times = row["seconds"] / found["bare"]["seconds"]
        measured = f"{row['seconds']:>9.2f}{row['cpu']:>8.2f}{times:>8.1f}{BARS.get(variant, 1.0):>6.0f}"
        lines.append(f"{variant:<8}{measured}{row['mib']:>8.0f}{row['rows']:>12,.0f}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
