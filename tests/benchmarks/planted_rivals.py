"""What vivainsights and orgnet would rank first in a planted company: each of their rankings, at pinned versions in their environment."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
from environments import environment

HERE = Path(__file__).parent


def rankings(tables: dict[str, pa.Table]) -> dict[str, pd.Series]:
    """Return every ranking by name, over the contact of the whole window among members; empty where the rivals cannot be installed."""
    people = tables["people"].to_pandas().query("kind == 1")[["person", "group"]]
    ties = tables["ties"].to_pandas().groupby(["from", "to"], as_index=False)["weight"].sum()
    ties = ties[ties["from"].isin(people.person) & ties["to"].isin(people.person)].assign(weight=ties["weight"] / ties["weight"].mean())
    with tempfile.TemporaryDirectory() as folder:
        given, known, found = (Path(folder) / name for name in ("ties.csv", "departments.csv", "found.csv"))
        ties.to_csv(given, index=False)
        people.to_csv(known, index=False)
        done = subprocess.run([python(), HERE / "planted_worker.py", given, known, found], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"rivals: {done.stderr.strip().splitlines()[-1]}")
            return {}
        table = pd.read_csv(found).set_index("person")
    return {name: table[name].dropna() for name in table.columns}


@cache
def python() -> Path:
    """Return the python of the rivals, which is made at the first call."""
    return environment(HERE / "planted_rivals.txt")


def best(results: pd.DataFrame) -> str:
    """Return, as lines of a table, the best ranking of each library for each role, and ours on the same companies."""
    mean, lines = results.mean(), []
    for role in ("helper", "broker"):
        own = mean[f"{role} ours"]
        for library in ("vivainsights", "orgnet"):
            found = mean[[name for name in mean.index if name.startswith(f"{role} {library} ")]]
            if len(found):
                lines.append(f"{role + 's':<9} ours {own:.3f}   {library:<13} {found.max():.3f} by {found.idxmax().split(' ', 2)[2]}")
    return "\n".join(lines)
