"""What a file about single people holds: no name, ids made for that file alone, weights in bands, and how easily it finds people again."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipelines.access.people import table_of_people
from pipelines.access.policy import ID_DIGITS, Readable, Sight, Viewer, demand, look
from pipelines.access.readable import Ids
from pipelines.access.rights import Right
from pipelines.access.stamp import remembered
from pipelines.storage.workspace import Workspace

Content = Literal["people", "ties"]

Row = dict[str, object]

GRAPH = "relationship"

BANDS = ("weak", "medium", "strong")
"""Thirds of the ties by weight."""

SCORE = "Percentile among comparable colleagues, 0 to 100; empty when withheld, and then the reason says why."

MEANINGS: Mapping[Content, Mapping[str, str]] = {
    "people": {
        "person": "Id made for this file: no other file and no page knows it.",
        "team": "Empty where the team is too small to be shown.",
        "department": "Empty where the department is too small to be shown.",
        "helper": SCORE,
        "broker": SCORE,
        "reach": SCORE,
        "overall": SCORE,
        "…_low": "Lower end of the interval.",
        "…_high": "Upper end of the interval.",
        "…_tier": "Tier of the score; empty when withheld.",
        "…_reason": "Why a score is withheld.",
        "stands_out": "Facets in which the person stands out, after false-discovery control.",
        "hidden": "Of these, the ones beyond the formal position.",
        "badges": "Certifications and how they were checked; they never enter a score.",
    },
    "ties": {
        "a": "Id made for this file: no other file and no page knows it.",
        "b": "Id made for this file.",
        "weight": "Third of all ties by lasting contact: weak, medium or strong.",
    },
}
"""What the columns of each file mean."""


@dataclass(frozen=True)
class Risk:
    """How many of the people in a file would be found by whoever knows something about them."""

    people: int
    unique: float  # share, 0 to 1, of those who differ from everybody else by little: team and badges, or how many contacts they have
    unique_closely: float  # the same by more: their scores as well, or how many contacts each of their contacts has


@dataclass(frozen=True)
class Exported:
    """The rows of a file."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    people: str  # digest of the people in it


def read_exported(ws: Workspace, scan: Readable, viewer: Viewer, content: Content, name: str) -> Exported:
    """Return what the file of this name holds, in an order that tells nothing."""
    demand(ws, viewer, Right.REQUEST_EXPORT)
    sight = look(ws, scan, viewer)
    found = _people(sight, name) if content == "people" else _ties(sight, name)
    columns = tuple(found[0]) if found else tuple(MEANINGS[content])
    return Exported(columns, tuple(sorted((tuple(row.values()) for row in found), key=lambda row: tuple(map(str, row)))), _digest(sight))


def digest_of_people(ws: Workspace, scan: Readable, viewer: Viewer) -> str:
    """Return what tells whether the same people would be in a file today."""
    demand(ws, viewer, Right.REQUEST_EXPORT)
    return _digest(look(ws, scan, viewer))


def linkage_risk(ws: Workspace, scan: Readable, viewer: Viewer, content: Content) -> Risk:
    """Measure how easily people could be found again in a file, as it would be written now."""
    demand(ws, viewer, Right.REQUEST_EXPORT)
    sight = look(ws, scan, viewer)
    measured = _risk_of_people if content == "people" else _risk_of_ties
    return remembered(ws, f"linkage {sight.scan.id} {content}", sight.state, lambda: measured(sight))


def _people(sight: Sight, name: str) -> list[Row]:
    found: list[Row] = []
    for row in table_of_people(sight.ws, sight.scan, sight.viewer):
        plain = {column: value for column, value in row.items() if column != "label"}
        found.append(plain | {"person": _fresh(sight, name, str(row["person"]))})
    return found


def _ties(sight: Sight, name: str) -> list[Row]:
    source, target, weight = _visible_ties(sight)
    fresh = {row: _fresh(sight, name, sight.codes[row]) for row in np.union1d(source, target).tolist()}
    bands = np.digitize(weight, np.quantile(weight, (1 / 3, 2 / 3)) if len(weight) else (0.0, 0.0))
    ends = [sorted((fresh[a], fresh[b])) for a, b in zip(source.tolist(), target.tolist(), strict=True)]
    return [{"a": a, "b": b, "weight": BANDS[band]} for (a, b), band in zip(ends, bands.tolist(), strict=True)]


def _visible_ties(sight: Sight) -> tuple[Ids, Ids, npt.NDArray[np.float64]]:
    """Ties of two people who are both visible, each pair once."""
    source, target, weight = sight.scan.ties(GRAPH)
    both = sight.visible[source] & sight.visible[target] & (source != target)
    return source[both], target[both], weight[both]


def _fresh(sight: Sight, name: str, code: str) -> str:
    """Id of a person for one file: whoever finds it elsewhere knows which file it came from, and files cannot be joined."""
    return hmac.digest(sight.ws.keys.view, f"export\0{name}\0{sight.scan.id}\0{code}".encode(), "sha256").hex()[:ID_DIGITS].upper()


def _digest(sight: Sight) -> str:
    return hashlib.sha256(sight.scan.persons[sight.visible].tobytes()).hexdigest()


def _risk_of_people(sight: Sight) -> Risk:
    rows = table_of_people(sight.ws, sight.scan, sight.viewer)
    little = [(row["team"], row["department"], row["badges"]) for row in rows]
    more = [(*known, *(row[name] for name in ("helper", "broker", "reach", "overall"))) for known, row in zip(little, rows, strict=True)]
    return Risk(len(rows), _alone(little), _alone(more))


def _risk_of_ties(sight: Sight) -> Risk:
    source, target, _ = _visible_ties(sight)
    people, ends = np.unique(np.concatenate([source, target]), return_inverse=True)
    a, b = ends[: len(source)], ends[len(source) :]
    contacts = np.bincount(ends, minlength=len(people))
    marks = np.random.default_rng(0).integers(0, 2**63, int(contacts.max(initial=0)) + 1, dtype=np.uint64)
    around = np.zeros(len(people), dtype=np.uint64)  # the same sum for the same contacts of contacts; chance sums are one in 2**64
    np.add.at(around, a, marks[contacts[b]])
    np.add.at(around, b, marks[contacts[a]])
    return Risk(len(people), _alone(contacts.tolist()), _alone(list(zip(contacts.tolist(), around.tolist(), strict=True))))


def _alone(known: Sequence[object]) -> float:
    """Share of people of whom nobody else has the same."""
    counts: dict[object, int] = {}
    for one in known:
        counts[one] = counts.get(one, 0) + 1
    return sum(count == 1 for count in counts.values()) / len(known) if known else 0.0
