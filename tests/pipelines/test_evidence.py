"""Ratings find persons over all aliases; who is not known, rates themselves or repeats is counted and not kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pytest
import sqlalchemy as sa

from connectors.base import Coverage, RawPerson, RawRating
from pipelines.intake.evidence import pull_evidence
from pipelines.intake.people import object_person, pull_people
from pipelines.intake.pulls import pull
from pipelines.schema import EVIDENCE_ROWS
from pipelines.storage.workspace import Workspace
from tests.pipelines.conftest import People, handle

RATING = RawRating("peer_360", "helper", 4.0, (1.0, 5.0), date(2026, 7, 1), handle("bea"), handle("ann"))


@dataclass
class Ratings:
    """Yields the ratings given."""

    given: Sequence[RawRating]
    about: tuple[str, ...] = ("peer_360",)

    def sources(self) -> tuple[str, ...]:
        return self.about

    def evidence(self, coverage: Coverage) -> Iterator[RawRating]:
        for rating in self.given:
            coverage.read += 1
            yield rating


@pytest.fixture
def persons(ws: Workspace) -> dict[str, int]:
    people = [RawPerson((handle(name), f"id:hr/{name}"), team="Support") for name in ("ann", "bea", "cyd")]
    pull_people(ws, "people", People(people))
    return {name: found for name in ("ann", "bea", "cyd") if (found := ws.vault.person_of(handle(name)))}


def rows(ws: Workspace) -> list[dict[str, object]]:
    return [row._asdict() for row in ws.service.rows(sa.select(EVIDENCE_ROWS).order_by(EVIDENCE_ROWS.c.day, EVIDENCE_ROWS.c.row))]


def test_a_rating_is_kept_with_persons_for_handles(ws: Workspace, persons: dict[str, int]) -> None:
    report = pull_evidence(ws, "evidence", Ratings([RATING]))
    [row] = rows(ws)
    assert (row["person"], row["rater"], row["value"], row["team"]) == (persons["bea"], persons["ann"], 4.0, None)
    assert (report.accepted, report.balanced) == (1, True)


def test_who_rates_themselves_under_another_alias_does_not_count(ws: Workspace, persons: dict[str, int]) -> None:
    report = pull_evidence(ws, "evidence", Ratings([replace(RATING, rater="id:hr/bea")]))
    assert (rows(ws), report.quarantined) == ([], {"self_rating": 1})


def test_a_rating_given_twice_counts_once_whatever_alias_it_names(ws: Workspace, persons: dict[str, int]) -> None:
    again = [replace(RATING, value=1.0), replace(RATING, rater="id:hr/ann", person="id:hr/bea")]
    report = pull_evidence(ws, "evidence", Ratings([RATING, *again]))
    assert ([row["value"] for row in rows(ws)], report.quarantined) == ([4.0], {"duplicate_rating": 2})
    assert report.balanced


def test_nobody_and_no_team_that_is_unknown_is_kept(ws: Workspace, persons: dict[str, int]) -> None:
    team = RawRating("csat", "helper", 4.0, (1.0, 5.0), date(2026, 7, 1), team="Support", weight=12, id="csat/1")
    given = [replace(RATING, person=handle("zoe")), team, replace(team, team="Elsewhere", id="csat/2")]
    report = pull_evidence(ws, "evidence", Ratings(given, ("peer_360", "csat")))
    assert [(row["team"], row["person"], row["weight"]) for row in rows(ws)] == [("Support", None, 12.0)]
    assert report.dropped == {"unmatched_person": 1, "unmatched_team": 1}


def test_an_unknown_rater_leaves_the_rating_without_one(ws: Workspace, persons: dict[str, int]) -> None:
    report = pull_evidence(ws, "evidence", Ratings([replace(RATING, rater="email:client@customer.example")]))
    assert [row["rater"] for row in rows(ws)] == [None]
    assert report.notes == {"rater_unknown": 1}


def test_nothing_is_kept_about_who_objected_and_no_rating_names_them(ws: Workspace, persons: dict[str, int]) -> None:
    object_person(ws, persons["bea"])
    report = pull_evidence(ws, "evidence", Ratings([RATING, replace(RATING, person=handle("cyd"), rater=handle("bea"))]))
    assert [(row["person"], row["rater"]) for row in rows(ws)] == [(persons["cyd"], None)]
    assert (report.dropped, report.notes) == ({"objected_or_protected": 1}, {"rater_objected": 1})


def test_a_new_pull_replaces_its_own_sources_alone_and_a_dry_run_nothing(ws: Workspace, persons: dict[str, int]) -> None:
    pull_evidence(ws, "evidence", Ratings([RATING]))
    kudos = replace(RATING, source="recognition", value=1.0, scale=(0.0, 1.0))
    assert pull_evidence(ws, "evidence", Ratings([kudos], ("recognition",)), dry_run=True).accepted == 1
    assert len(rows(ws)) == 1
    pull_evidence(ws, "evidence", Ratings([kudos], ("recognition",)))
    assert {row["source"] for row in rows(ws)} == {"peer_360", "recognition"}
    pull_evidence(ws, "evidence", Ratings([]))
    assert {row["source"] for row in rows(ws)} == {"recognition"}


def test_the_same_file_gives_the_same_rows_in_any_order(ws: Workspace, persons: dict[str, int]) -> None:
    given = [RATING, replace(RATING, person=handle("cyd")), replace(RATING, day=date(2026, 7, 2))]
    pull_evidence(ws, "evidence", Ratings(given))
    first = rows(ws)
    pull_evidence(ws, "evidence", Ratings(given[::-1]))
    assert (rows(ws), len(first)) == (first, 3)


def test_the_command_reads_a_table_by_its_path(ws: Workspace, persons: dict[str, int]) -> None:
    path = ws.home / "peer_360.csv"
    path.write_text("ratee,rater,rating,date,comment\nbea@acme.example,ann@acme.example,5,2026-07-01,CANARY kind\n")
    [outcome] = pull(ws, ["evidence"], {"path": path})
    assert (outcome.gives, outcome.error, rows(ws)[0]["value"]) == ("evidence", None, 5.0)
    assert not any(b"CANARY" in file.read_bytes() for file in ws.home.rglob("*") if file.is_file() and file != path)
