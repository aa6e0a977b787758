"""What was seen, missed, dropped and why: the data-quality report of a scan, made before anybody reads a score."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
import sqlalchemy as sa

from ona.disclosure import Hidden, Relation, protected
from ona.tables import OF_EVENTS, AccountKind, Channel
from pipelines.engine.duckdb import Lazy
from pipelines.intake import people
from pipelines.intake.coverage import principals
from pipelines.schema import PULL_COUNTS, PULLS
from pipelines.storage.workspace import Workspace

if TYPE_CHECKING:
    from ona.scan import Scan

USABLE, CAUTION, UNUSABLE = "usable", "usable with caution", "unusable"
WORST_FIRST = (UNUSABLE, CAUTION, USABLE)

MOST_QUARANTINED = 0.01
"""Share of rows that may be quarantined before a connector is read with caution."""

MOST_DROPPED = 0.30
"""Share of rows that rules may drop before somebody should look (method, section 14.2)."""

LEAST_VOLUME = 0.50
"""Share of the median week under which a week counts as an outage."""

LEAST_COVERAGE = 0.80
"""Share of members with a trace under which a scan is read with caution (method, section 6.6)."""

COVERAGE_BAND = 0.05
"""Coverage is published in steps of this size, so that single people cannot be read from it."""


@dataclass(frozen=True)
class ConnectorQuality:
    """The account of one connector over all its pulls, and a verdict."""

    connector: str
    read: int
    accepted: int
    duplicate: int
    dropped: dict[str, int]
    quarantined: dict[str, int]
    notes: dict[str, int]
    first: str | None
    last: str | None
    verdict: str
    reasons: list[str]


@dataclass(frozen=True)
class Coverage:
    """Share of members that left any trace, in bands: over all, and per department that is large enough."""

    share: float
    by_department: dict[str, float]
    departments_hidden: int


def report(ws: Workspace, result: "Scan", start: date, end: date, *, weeks: Lazy, minimum_group: int) -> dict[str, object]:
    """Return the report as plain values that can be written as JSON.

    ``weeks`` holds the person-level weekly ties of the window; groups under ``minimum_group`` are not reported.
    """
    volume = weekly_volume(weeks)
    connectors = connector_accounts(ws)
    outages = [str(week["week"]) for week in volume if week["outage"]]
    coverage = coverage_by_group(result, people.labels(ws)["group"], minimum_group)
    reasons = [f"weeks with far less contact than usual: {', '.join(outages)}"] if outages else []
    if coverage.share < LEAST_COVERAGE:
        reasons.append("fewer than 80 % of the members left any trace")
    worst = min((one.verdict for one in connectors), key=WORST_FIRST.index, default=USABLE)
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "verdict": min(worst, CAUTION if reasons else USABLE, key=WORST_FIRST.index),
        "reasons": reasons,
        "connectors": [one.__dict__ for one in connectors],
        "principals": [one.to_json() for one in principals(ws)],
        "weeks": volume,
        "coverage": coverage.__dict__,
        "accounts": account_kinds(ws),
        "tree_faults": {name: len(persons) for name, persons in people.faults(ws).items()},
        "attributes_missing": missing_attributes(result.people),
        "scored": gate_counts(result),
        "notes": result.notes.get("warnings", []),
    }


def connector_accounts(ws: Workspace) -> list[ConnectorQuality]:
    """Add up the pulls of each connector: read = accepted + duplicate + dropped + quarantined."""
    pulls = ws.service.rows(sa.select(PULLS).order_by(PULLS.c.id))
    counts = ws.service.rows(sa.select(PULL_COUNTS))
    names = sorted({pull.connector for pull in pulls})
    return [_account(name, [p for p in pulls if p.connector == name], counts) for name in names]


def weekly_volume(weeks: Lazy) -> list[dict[str, object]]:
    """Return turns and meetings per week and channel, each week held against the median one."""
    sums = weeks.group_by("week", "channel").agg(nw.col("events").cast(nw.Int64).sum()).collect("pyarrow").to_arrow().to_pylist()
    mondays = sorted({row["week"] for row in sums})
    by_channel = {(row["week"], row["channel"]): int(row["events"]) for row in sums}
    told = [channel for channel in Channel if channel in OF_EVENTS or any(row["channel"] == channel for row in sums)]
    totals = [sum(by_channel.get((monday, channel), 0) for channel in OF_EVENTS) for monday in mondays]
    usual = float(np.median(totals)) if totals else 0.0
    return [
        {
            "week": monday.isoformat(),
            **{channel.name.lower(): by_channel.get((monday, channel), 0) for channel in told},
            "outage": total < LEAST_VOLUME * usual,
        }
        for monday, total in zip(mondays, totals, strict=True)
    ]


def coverage_by_group(result: "Scan", labels: Mapping[int, str], minimum_group: int) -> Coverage:
    """Return the share of members that left any trace, in bands, over all and per department that tells of no small one."""
    members = result.people.filter(pc.equal(result.people["kind"], AccountKind.MEMBER))
    seen = pc.is_in(members["person"], pc.unique(result.facts["person"].filter(pc.equal(result.facts["fact"], "turns")))).to_numpy()
    groups = members["group"].to_pylist()
    told = _told_groups(groups, minimum_group + 1)  # whoever reads it may be one of them, and does not count
    shares = {labels.get(group, "–"): _band(seen[[one == group for one in groups]]) for group in told}
    return Coverage(_band(seen), dict(sorted(shares.items())), len({*groups} - {None, *told}))


def _told_groups(groups: Sequence[int | None], minimum: int) -> list[int]:
    """Return the departments whose share may stand beside that of all: what all have less what they have is nobody's or many people's."""
    codes = np.array([-1 if group is None else group for group in groups], dtype=np.int64)
    known, sizes = np.unique(codes, return_counts=True)
    small = sizes < minimum
    parts = np.flatnonzero((known >= 0) | small | (small & (known >= 0)).any())  # people without a department are a part when they count
    members = sp.csr_array(np.array([np.ones(len(codes)), *(codes == known[part] for part in parts)], dtype=np.int64))
    reasons = np.array([0, *(Hidden.TOO_FEW if small[part] or known[part] < 0 else Hidden.SHOWN for part in parts)], dtype=np.int64)
    found = protected(members, reasons, [Relation(0, tuple(range(1, len(parts) + 1)))], minimum)
    return [] if found[0] else [int(known[part]) for part, reason in zip(parts, found[1:], strict=True) if not reason]


def account_kinds(ws: Workspace) -> dict[str, int]:
    """Count the accounts by what stands behind them; only members are scored."""
    kinds = Counter(people.accounts(ws)["kind"].to_pylist())
    return {AccountKind(kind).name.lower(): count for kind, count in sorted(kinds.items())}


def missing_attributes(table: pa.Table) -> dict[str, float]:
    """Return the share of members for whom an attribute is not known."""
    members = table.filter(pc.equal(table["kind"], AccountKind.MEMBER))
    names = ("manager", "team", "group", "function", "site", "level", "zone", "joined")
    return {name: round(members[name].null_count / max(1, members.num_rows), 3) for name in names}


def gate_counts(result: "Scan") -> dict[str, dict[str, int]]:
    """Count per facet how many people were scored, and for what reason the others were not."""
    counts: dict[str, Counter[str]] = {}
    for row in result.flags.to_pylist():
        counts.setdefault(row["facet"], Counter())[row["reason"] or "scored"] += 1
    return {facet: dict(sorted(found.items())) for facet, found in sorted(counts.items())}


def _account(name: str, pulls: Sequence[sa.Row[*tuple[object, ...]]], counts: Sequence[sa.Row[*tuple[object, ...]]]) -> ConnectorQuality:
    numbers = {pull.id for pull in pulls}
    fates: dict[str, Counter[str]] = {"dropped": Counter(), "quarantined": Counter(), "note": Counter()}
    for row in counts:
        if row.pull in numbers:
            fates[row.fate][row.code] += int(row.rows)
    read = sum(int(pull.read) for pull in pulls)
    kept = sum(int(pull.accepted) + int(pull.duplicate) for pull in pulls)
    reasons = _reasons(read, fates)
    spans = [(pull.first, pull.last) for pull in pulls if pull.first is not None]
    return ConnectorQuality(
        connector=name,
        read=read,
        accepted=sum(int(pull.accepted) for pull in pulls),
        duplicate=sum(int(pull.duplicate) for pull in pulls),
        dropped=dict(sorted(fates["dropped"].items())),
        quarantined=dict(sorted(fates["quarantined"].items())),
        notes=dict(sorted(fates["note"].items())),
        first=min(first for first, _ in spans).date().isoformat() if spans else None,
        last=max(last for _, last in spans).date().isoformat() if spans else None,
        verdict=UNUSABLE if kept == 0 else CAUTION if reasons else USABLE,
        reasons=reasons or (["nothing was read"] if read == 0 else []),
    )


def _reasons(read: int, fates: Mapping[str, Counter[str]]) -> list[str]:
    shares = {"quarantined": MOST_QUARANTINED, "dropped": MOST_DROPPED}
    return [f"{fates[fate].total():,} of {read:,} rows were {fate}" for fate, most in shares.items() if fates[fate].total() > most * read]


def _band(seen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    share = float(seen.mean()) if seen.size else 0.0
    return round(math.floor(share / COVERAGE_BAND + 1e-9) * COVERAGE_BAND, 2)
