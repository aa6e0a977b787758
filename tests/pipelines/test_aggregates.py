"""Ties that were added up elsewhere: a Viva file from the disk to scores, under pseudonyms, and nothing that only events could tell."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from connectors.base import Coverage, RawPerson, RawTie
from ona.rules import Rules
from ona.tables import AGGREGATES, FIXED_POINT, PRESENCE, Channel
from pipelines import erasure, scans
from pipelines.intake import people, pulls
from pipelines.intake.aggregates import pull_ties, ties_and_presence
from pipelines.intake.people import object_person, pull_people
from pipelines.keys import create_key
from pipelines.settings import load_settings
from pipelines.storage.workspace import Workspace, open_workspace
from tests.pipelines.conftest import NOW, People, handle

MONDAY = date(2026, 6, 29)
WEEKS = [MONDAY + timedelta(weeks=number) for number in range(13)]
GROUPS, SIZE = 6, 12
IDS = [f"9c2ad577-d3fc-3cd6-bce3-{number:012d}" for number in range(GROUPS * SIZE)]
"""As Viva writes them. The first of each group works with two of one to five other groups; of the others only the last works outside."""


@dataclass
class Ties:
    """Yields the ties given."""

    given: list[RawTie]

    def ties(self, coverage: Coverage) -> Iterator[RawTie]:
        for tie in self.given:
            coverage.read += 1
            yield tie


def tie(one: str, other: str, amount: float = 3.0, *weeks: date) -> RawTie:
    return RawTie(handle(one), handle(other), weeks or (MONDAY,), amount)


def rows(ws: Workspace) -> list[dict[str, object]]:
    return ws.lake.read(AGGREGATES, ws.lake.parts(AGGREGATES.name)).to_pylist()


@pytest.fixture
def trio(ws: Workspace) -> dict[str, int]:
    pull_people(ws, "people", People([RawPerson((handle(name), f"id:hr/{name}")) for name in ("ann", "bea", "cyd")]))
    return {name: ws.vault.person_of(handle(name)) for name in ("ann", "bea", "cyd")}


def test_a_pair_in_one_order_counts_in_both_and_what_comes_twice_counts_once(ws, trio):
    report = pull_ties(ws, "viva", Ties([tie("ann", "bea", 3.0), tie("ann", "bea", 1.0), tie("cyd", "bea", 7.0), tie("bea", "cyd", 1.0)]))
    assert (report.accepted, report.duplicate, report.balanced) == (3, 1, True)
    found = {(row["from"], row["to"]): row["weight"] / FIXED_POINT for row in rows(ws)}
    ann, bea, cyd = (ws.vault.accounts([handle(name)])[0] for name in ("ann", "bea", "cyd"))
    assert found == {(ann, bea): 2.0, (bea, ann): 2.0, (cyd, bea): 3.0, (bea, cyd): 1.0}  # log2(1 + amount)


def test_a_file_replaces_what_it_said_of_its_weeks_and_leaves_others_and_the_order_of_rows_does_not_matter(ws, trio):
    later = MONDAY + timedelta(weeks=1)
    pull_ties(ws, "viva", Ties([tie("ann", "bea"), tie("ann", "cyd", 1.0, later)]))
    pull_ties(ws, "other", Ties([tie("bea", "cyd")]))
    before = ws.lake.version(AGGREGATES.name, ws.lake.parts(AGGREGATES.name))
    pull_ties(ws, "viva", Ties([tie("ann", "cyd")]))
    assert {(row["week"], row["source"]) for row in rows(ws)} == {(MONDAY, "viva"), (MONDAY, "other"), (later, "viva")}
    pull_ties(ws, "viva", Ties([tie("ann", "cyd", 1.0, later), tie("ann", "bea")]))
    assert ws.lake.version(AGGREGATES.name, ws.lake.parts(AGGREGATES.name)) == before


def test_a_month_is_spread_over_its_weeks_and_proves_contact_in_one(ws, trio):
    pull_ties(ws, "viva", Ties([tie("ann", "bea", 4.0, *WEEKS[:4])]))
    found = sorted((row["week"], row["weight"] / FIXED_POINT, row["evidence"]) for row in rows(ws))[::2]
    assert found == [(week, 1.0, int(week == MONDAY)) for week in WEEKS[:4]]


def test_who_objected_is_dropped_at_once_and_later(ws, trio):
    pull_ties(ws, "viva", Ties([tie("ann", "bea"), tie("ann", "cyd")]))
    object_person(ws, trio["cyd"])
    assert len(rows(ws)) == 2
    report = pull_ties(ws, "viva", Ties([tie("ann", "bea"), tie("ann", "cyd")]))
    assert (report.dropped, report.balanced, len(rows(ws))) == ({"objected_or_protected": 1}, True, 2)


def test_an_erased_person_is_in_no_row(ws, trio):
    pull_ties(ws, "viva", Ties([tie("ann", "bea"), tie("ann", "cyd")]))
    erasure.erase(ws, trio["cyd"])
    assert len(rows(ws)) == 2


def test_a_dry_run_counts_and_keeps_nothing(ws, trio):
    report = pull_ties(ws, "viva", Ties([tie("ann", "zoe")]), dry_run=True)
    assert (report.accepted, report.parts, rows(ws)) == (1, ("2026-W27",), [])


def test_the_presence_of_a_sum_is_added_where_nothing_else_was_seen_of_somebody(ws, trio):
    pull_ties(ws, "viva", Ties([tie("ann", "bea"), tie("ann", "cyd")]))
    held = ws.lake.read(AGGREGATES, ws.lake.parts(AGGREGATES.name))
    ann, bea, cyd = (ws.vault.accounts([handle(name)])[0] for name in ("ann", "bea", "cyd"))
    blank = {name: [0] for name in PRESENCE.schema.names} | {"week": [MONDAY], "latency": [[0] * 10], "censored": [[0] * 10]}
    seen = pa.table(blank | {"account": [bea]}, schema=PRESENCE.schema)
    ties, presence = ties_and_presence(held, seen)
    assert set(ties["channel"].to_pylist()) == {Channel.AGGREGATE}
    assert set(ties["turns"].to_pylist()) == {0}
    assert dict(zip(presence["account"].to_pylist(), presence["turns"].to_pylist(), strict=True)) == {ann: 2, cyd: 1}  # partners


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Scan a company of which a Viva file is all that is known, its people named by ids that only a table explains."""
    home, rng = tmp_path_factory.mktemp("viva") / "home", np.random.default_rng(5)
    create_key(home / "key")
    group = np.arange(GROUPS * SIZE) // SIZE
    pairs = {(one, other) for one in range(len(group)) for other in range(one) if group[one] == group[other] and rng.random() < 0.6}
    pairs |= {(g * SIZE + SIZE - 1, (g + 1) % GROUPS * SIZE + 1) for g in range(GROUPS)}
    pairs |= {
        (g * SIZE, (g + away) % GROUPS * SIZE + k) for g in range(GROUPS) for away in range(1, 2 + g) for k in (2, 3) if away < GROUPS
    }
    lines = ["PrimaryCollaborator_PersonId,SecondaryCollaborator_PersonId,MetricDate,Collaboration_hours"]
    for week in WEEKS:
        lines += [f"{IDS[one]},{IDS[other]},{week - timedelta(days=1)},{rng.gamma(2.0):.3f}" for one, other in sorted(pairs)]
    (home / "p2p.csv").write_text("\n".join(lines))
    (home / "ids.csv").write_text("person_id,employee_id\n" + "\n".join(f"{id},E{number:03d}" for number, id in enumerate(IDS)))
    hr = [f"E{number:03d},Person {number},2020-01-01,D{group[number]}" for number in range(len(group))]
    (home / "hr.csv").write_text("employee_id,name,start_date,department\n" + "\n".join(hr))
    with open_workspace(load_settings(home), lambda: NOW) as ws:
        for name, given in (("people", {"path": home / "hr.csv"}), ("viva", {"path": home / "p2p.csv", "people_file": home / "ids.csv"})):
            (outcome,) = pulls.pull(ws, [name], given)
            assert outcome.error is None
        yield ws, scans.run(ws, Rules(n_resamples=20, n_halves=4))


def test_a_viva_file_becomes_scores_of_its_own_channel_and_what_needs_events_is_withheld_with_its_reason(scanned):
    ws, sealed = scanned
    scores = {(row["person"], row["name"]): row for row in sealed.scores.to_pylist()}
    brokers = [ws.vault.person_of(f"id:hr/E{number:03d}") for number in range(0, GROUPS * SIZE, SIZE)]
    told = [row for (_, name), row in scores.items() if name == "broker" and row["reason"] is None]
    assert len(told) >= GROUPS * SIZE - 4
    places = [scores[person, "broker"]["percentile"] for person in brokers if scores[person, "broker"]["reason"] is None]
    assert len(places) >= 4
    assert min(places) > 2 / 3
    assert max(places) > 0.95
    gates = {row["reason"] for (_, name), row in scores.items() if name == "helper"}
    assert gates <= {"channel_missing", "too_few_counterparties"}
    asked = [row["value"] for (_, name), row in scores.items() if name in ("ask_pull", "expertise_rank", "multiplex_participation")]
    assert asked
    assert all(map(math.isnan, asked))
    assert sealed.manifest["notes"]["channels"] == ["aggregate"]
    assert sealed.manifest["notes"]["baselines"].keys() == {"aggregate"}
    assert {"aggregate", "agrees_broker_aggregate"} <= {row["fact"] for row in sealed.facts.to_pylist()}


def test_no_id_of_the_file_is_on_the_disk_in_clear(scanned):
    ws, _ = scanned
    given = [ws.home / name for name in ("p2p.csv", "ids.csv")]
    kept = [path for path in ws.home.rglob("*") if path.is_file() and path not in given]
    assert any(path.suffix == ".parquet" for path in kept)
    assert not any(id.encode() in path.read_bytes() for path in kept for id in IDS[:5])
    assert people.accounts(ws).num_rows == GROUPS * SIZE
