"""What has to hold before a person's recognition by colleagues may be confirmed in a credential; read by the person alone."""

from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow.parquet as pq

from ona.nudges import quarter_of
from ona.skills import AGREE, LABELLED
from pipelines import scans
from pipelines.access.ledgers import ledgers
from pipelines.access.own import own_person
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readings import score
from pipelines.access.rights import Right
from pipelines.storage.workspace import Workspace

FACET = "helper"
"""The one facet that colleagues name people for, and so the one that can be confirmed."""

PEERS = 3
"""Colleagues who named the person in a survey."""

STEADY = "exceptional"
"""Tier that a person keeps over resampled weeks with a probability of .8 or more (method, section 6.2)."""


@dataclass(frozen=True)
class Conditions:
    """Each condition, and whether it holds."""

    scan: str
    quarter: str  # in which the scan's window ends
    traces: bool  # the traces support it
    peers: bool  # at least three colleagues named the person, and do not contradict
    agree: bool  # two sources support, none contradicts
    strong: bool  # the interval is narrow, and no channel says otherwise
    steady: bool  # the mark holds over resampled weeks, in this scan and in one before

    @property
    def met(self) -> bool:
        """Whether all of them hold."""
        return self.traces and self.peers and self.agree and self.strong and self.steady


def conditions(ws: Workspace, scan: Readable, viewer: Viewer) -> Conditions | None:
    """Return which conditions the viewer meets in a scan; None when it does not hold them, or they objected."""
    demand(ws, viewer, Right.OWN_RECORD)
    sight, person = look(ws, scan, viewer), own_person(viewer)
    at = int(sight.scan.persons.searchsorted(person))
    if at >= len(sight.scan.persons) or sight.scan.persons[at] != person or person in sight.withheld:
        return None
    found, _ = ledgers(sight)[FACET]
    said = {one.source: one for one in found.signals}
    traces, survey = said["traces"], said["survey"]
    last = date.fromisoformat(str(sight.scan.sealed.manifest["end"])) - timedelta(days=1)
    return Conditions(
        scan=sight.scan.id,
        quarter=quarter_of(last),
        traces=bool(traces.verdict[at] == 1),
        peers=bool(survey.speaks[at] and survey.raters[at] >= PEERS and survey.verdict[at] >= 0),
        agree=str(found.state[at]) == AGREE and str(found.label[at]) == LABELLED,
        strong=score(sight, at, "helper").sureness == "strong",
        steady=_is_steady(sight, at, person),
    )


def _is_steady(sight: Sight, at: int, person: int) -> bool:
    """Whether two scans, each with its own resampling of its own weeks, leave the person where they are."""
    columns = sight.scan.scores.get(FACET)
    if columns is None or columns.reason[at] is not None or columns.tier[at] != STEADY:
        return False
    end = date.fromisoformat(str(sight.scan.sealed.manifest["end"]))
    mine = [("person", "=", person), ("name", "=", FACET), ("tier", "=", STEADY)]
    before = (one.id for one in scans.list_scans(sight.ws) if one.end < end)
    return any(pq.read_table(sight.ws.home / "scans" / one / "scores.parquet", columns=["tier"], filters=mine).num_rows for one in before)
