"""Candidates for mentoring: who agreed to be looked at and carries not too much, without names until they agree to that as well."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from pipelines.access.named import badge_chips, band
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readings import marks
from pipelines.access.rights import Right
from pipelines.access.unit_answers import Archetype, MentorCandidate, Mentors
from pipelines.access.units import coverage_band
from pipelines.phrases import Phrase, say
from pipelines.storage.workspace import Workspace

YEAR = 365.25

TENURES = (
    (10.0, say("10 years and more")),
    (3.0, say("3 to 10 years")),
    (1.0, say("1 to 3 years")),
    (0.0, say("under 1 year")),
)

NOBODY = say("Nobody who agreed to be looked at as a mentor is free at the moment. People agree on their own page.")


def read_mentors(ws: Workspace, scan: Readable, viewer: Viewer) -> Mentors:
    """Return the candidates by label; attributes are told only where enough people of the company share all of them."""
    demand(ws, viewer, Right.PAIR)
    sight = look(ws, scan, viewer)
    rows = np.flatnonzero(sight.candidates)
    sight.read_names(rows)
    chips = badge_chips(sight, rows)
    shared = _Shared.of(sight)
    found = [_candidate(sight, shared, int(row), chips.get(int(sight.scan.persons[row]), ())) for row in rows]
    note = None if found else NOBODY
    in_order = tuple(sorted(found, key=lambda one: (not one.named, one.label.casefold(), one.view_id)))
    return Mentors(sight.scan.id, sight.mode, sight.minimum, coverage_band(sight), in_order, note)


class _Shared:
    """What may be told of candidates without names: together shared by enough people, so that no combination singles anybody out."""

    def __init__(self, sight: Sight, values: Mapping[str, Sequence[str | None]]) -> None:
        self.sight = sight
        self.values = {name: np.array(column, dtype=np.object_) for name, column in values.items()}

    @classmethod
    def of(cls, sight: Sight) -> "_Shared":
        table, labels = sight.scan.table, sight.scan.sealed.labels
        unit = [sight.unit_name("group", row) for row in range(len(sight.scan.persons))]
        site = [labels.get("site", {}).get(int(code)) if code == code else None for code in table["site"].astype(float)]  # noqa: PLR0124 - NaN
        language = [value if isinstance(value, str) else None for value in table["language"]]
        end = date.fromisoformat(str(sight.scan.sealed.manifest["end"]))
        return cls(
            sight, {"unit": unit, "site": site, "language": language, "tenure_band": [_tenure(value, end) for value in table["joined"]]}
        )

    def told(self, row: int) -> dict[str, str | None]:
        """Attributes of a candidate, each only if enough people share it and all that was told before it."""
        alike, found = self.sight.audience.counted, dict[str, str | None]()
        for name, column in self.values.items():
            same = alike & (column == column[row])
            known = column[row] is not None and int(same.sum()) >= self.sight.minimum
            found[name] = column[row] if known else None
            alike = same if known else alike
        return found


def _tenure(joined: object, end: date) -> Phrase | None:
    if not isinstance(joined, date) or joined != joined:  # noqa: PLR0124 - pandas says NaT for nothing
        return None
    years = (end - joined) / timedelta(days=YEAR)
    return next((text for floor, text in TENURES if years >= floor), TENURES[-1][1])


def _candidate(sight: Sight, shared: _Shared, row: int, held: tuple[Any, ...]) -> MentorCandidate:
    label, named = sight.label(row)
    return MentorCandidate(
        view_id=sight.codes[row],
        label=label,
        named=named,
        archetype=_archetype(sight, row),
        band=band(sight, row),
        badges=held,
        **shared.told(row),
        consent="named" if named else "pool",
    )


def _archetype(sight: Sight, row: int) -> Archetype:
    flagged = marks(sight, row, "flagged")
    names: dict[tuple[str, ...], Archetype] = {("helper",): "go-to helper", ("broker",): "connector", ("helper", "broker"): "both"}
    return names.get(flagged, "open to mentoring")
