"""Ratings → rows of known persons and teams: raters and persons are matched over all aliases, repeats and self-praise quarantined."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from connectors.base import Coverage, EvidenceConnector, RawRating
from connectors.identity import event_id
from pipelines.intake import people
from pipelines.schema import EVIDENCE_ROWS
from pipelines.storage.accounting import Progress, PullReport, report_of, store
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace


def pull_evidence(
    ws: Workspace, name: str, connector: EvidenceConnector, *, progress: Progress | None = None, dry_run: bool = False
) -> PullReport:
    """Read all ratings of a connector in place of what it said before of the same sources; whom nobody knows is counted, never kept."""
    started, coverage = ws.now(), Coverage()
    sources = connector.sources()
    raw = list(connector.evidence(coverage))
    if progress:
        progress(name, coverage.read, coverage.read)
    with ws.exclusive():
        rows = _Matching(ws, coverage).rows(raw)
        coverage.accepted += len(rows)
        report = report_of(name, coverage, dry_run=dry_run)
        if not dry_run:
            with ws.service.begin() as connection:
                old = EVIDENCE_ROWS.c.connector == name, EVIDENCE_ROWS.c.source.in_(sources)
                connection.execute(sa.delete(EVIDENCE_ROWS).where(*old))
                put(connection, EVIDENCE_ROWS, [{"connector": name, **row} for row in rows])
                store(connection, report, started, ws.now())
    return report


@dataclass
class _Matching:
    """Finds persons and teams behind ratings and counts those that cannot be kept."""

    ws: Workspace
    coverage: Coverage
    seen: set[int] = field(default_factory=set)

    def rows(self, raw: Iterable[RawRating]) -> list[dict[str, object]]:
        """Return one row per rating that counts, in the order of the file; the first of two by one rater on one day wins."""
        raw = list(raw)
        handles = {one for rating in raw for one in (rating.person, rating.rater) if one}
        persons, hidden = self.ws.vault.persons_of(handles), people.withheld(self.ws)
        teams = set(people.labels(self.ws)["team"].values())
        found = []
        for rating in raw:
            person, rater = (None if one is None else persons.get(one) for one in (rating.person, rating.rater))
            code = _unknown(rating, person, hidden, teams)
            if code is not None:
                self.coverage.dropped[code] += 1
                continue
            if (row := self._row(rating, person, rater)) is not None:
                found.append(row | {"rater": self._shown(rating, rater, hidden)})
        return found

    def _row(self, rating: RawRating, person: int | None, rater: int | None) -> dict[str, object] | None:
        """Return the row without its rater, or count why not: somebody who rates themselves, the same rating twice."""
        if person is not None and person == rater:
            self.coverage.quarantined["self_rating"] += 1
            return None
        told = rating.id or f"{rating.source}\0{rating.facet}\0{person}\0{rater or rating.rater}\0{rating.day}"
        row = event_id(self.ws.keys.event, f"evidence\0{told}\0{rating.facet}")
        if row in self.seen:
            self.coverage.quarantined["duplicate_rating"] += 1
            return None
        self.seen.add(row)
        same = {name: getattr(rating, name) for name in ("source", "facet", "team", "value", "day", "weight")}
        return same | {"row": row, "person": person, "scale_low": rating.scale[0], "scale_high": rating.scale[1]}

    def _shown(self, rating: RawRating, rater: int | None, hidden: set[int]) -> int | None:
        """Return the rater; one who objected, or whom nobody knows, is left out of the row."""
        if rating.rater is not None and (rater is None or rater in hidden):
            self.coverage.notes["rater_unknown" if rater is None else "rater_objected"] += 1
        return None if rater in hidden else rater


def _unknown(rating: RawRating, person: int | None, hidden: set[int], teams: set[str]) -> str | None:
    """Return why a rating is of nobody who may be kept."""
    if rating.person is not None and person is None:
        return "unmatched_person"
    if person in hidden:
        return "objected_or_protected"
    return "unmatched_team" if rating.person is None and rating.team not in teams else None
