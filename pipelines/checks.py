"""How far a scan holds, in plain sentences: other weights, people missing, chance alone, and groups of people side by side."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.cells import Csv, truth
from connectors.identity import HandleError, canonical
from ona.errors import SettingsError
from ona.rules import Rules, TieRules
from pipelines.engine.duckdb import Engine
from pipelines.intake import people
from pipelines.storage.workspace import Workspace

if TYPE_CHECKING:
    from ona.fairness import GroupCheck
    from ona.scan import Scan

FACETS = {"helper": "helpers", "broker": "brokers"}
PERSON, NOMINATED = "email", "nominated"
"""Columns of a file of groups: who, and (optional) whether colleagues named them; every other column is an attribute."""

FALSE_DISCOVERIES, LEAST_OVERLAP, FOUR_FIFTHS, LEAST_AGREEMENT = 0.10, 0.70, 0.80, 0.80  # method, sections 6.5, 5.2, 5.5 and 4
UPPER_QUARTER = 0.75
FEWEST_WEEKS = 2  # that can be scanned
NOTICEABLE = 0.90
"""Rank correlation under which places of the others change noticeably when people are missing (method, section 6.3)."""

VARIANTS: Mapping[str, Callable[[TieRules], TieRules]] = {
    "half the weight of large audiences is given back (beta .5)": lambda rules: replace(rules, beta=0.5),
    "mails to more than four and meetings of more than eight do not count": lambda rules: replace(rules, max_mail=4, max_meeting=8),
}
"""Other rules from events to ties (method, sections 5.2 and 16)."""


@dataclass(frozen=True)
class Wanted:
    """The costly checks that somebody asked for.

    Parameters
    ----------
    nulls
        Networks to deal anew for each null model; 0 = none of the costly checks.
    groups
        CSV of confidential groups; read for the check, never stored.
    """

    nulls: int = 0
    groups: Path | None = None

    def identity(self) -> dict[str, object]:
        """Return what a scan's id must depend on; nothing without a wish."""
        found: dict[str, object] = {"nulls": self.nulls} if self.nulls else {}
        return found | ({"groups": hashlib.sha256(self.groups.read_bytes()).hexdigest()} if self.groups else {})


@dataclass(frozen=True)
class Groups:
    """Confidential groups of people by attribute, and whom colleagues named; held in memory only."""

    attributes: Mapping[str, Mapping[int, str]]
    nominated: frozenset[int] | None
    unmatched: int


def report(ws: Workspace, engine: Engine, result: "Scan", rules: Rules, wanted: Wanted) -> dict[str, object]:
    """Return the checks as plain values: ``says``, sentences for a reader, and the figures behind them."""
    groups = read_groups(ws, wanted.groups) if wanted.groups else None
    rows = {facet: fairness(ws, result, facet, groups) for facet in FACETS}
    says = [*_weights_in_words(result), *_position_in_words(result), *_missing_in_words(result), *_fairness_in_words(rows)]
    found: dict[str, object] = {"fairness": {facet: [_plain(one) for one in checks] for facet, checks in rows.items()}}
    if groups is not None and groups.unmatched:
        says.append(f"{groups.unmatched} rows of the file of groups belong to nobody known.")
    if wanted.nulls:
        chance = nulls(result, wanted.nulls, rules.seed)
        held = on_held_events(ws, engine, rules)
        says += [*_nulls_in_words(chance, wanted.nulls), *_held_in_words(held)]
        found |= {"nulls": chance, "held_events": held}
    return {"says": says, **found}


def fairness(ws: Workspace, result: "Scan", facet: str, groups: Groups | None = None) -> "list[GroupCheck]":
    """Hold groups against everybody else: working time, site, time zone, tenure, and those of a file."""
    from ona.fairness import attributes_of, screen

    table = result.people.filter(pc.and_(pc.equal(result.people["kind"], 1), pc.invert(pc.fill_null(result.people["protected"], False))))
    persons = table["person"].to_pylist()
    sites = people.labels(ws).get("site", {})
    attributes = attributes_of(table, _end(result))
    attributes["site"] = np.array([sites.get(int(code), code) if code else "" for code in attributes["site"].tolist()], dtype=np.str_)
    if groups is not None:
        attributes |= {
            name: np.array([labels.get(person, "") for person in persons], dtype=np.str_) for name, labels in groups.attributes.items()
        }
    flagged = _by_person(result.flags.filter(pc.equal(result.flags["facet"], facet)), "flagged")
    place = _by_person(result.scores.filter(pc.equal(result.scores["name"], facet)), "percentile")
    named = None if groups is None or groups.nominated is None else np.isin(persons, list(groups.nominated))
    return screen(
        np.array([bool(flagged.get(person)) for person in persons]),
        np.array([_number(place.get(person)) for person in persons]),
        attributes,
        nominated=named,
    )


def read_groups(ws: Workspace, path: Path) -> Groups:
    """Read confidential groups: a column ``email``, then one column for each attribute, and ``nominated`` if known."""
    if not path.is_file():
        raise SettingsError("The file of groups is not there. Expected a CSV with a column email and one column for each attribute.")
    with Csv(path.open("rb")) as table:
        header = table.header
        if PERSON not in header:
            raise SettingsError(f"The file of groups has no column {PERSON}. Expected {PERSON} and one column for each attribute.")
        rows = [dict(zip(header, row.cells, strict=True)) for row in table.rows() if row.fault is None]
    handles = [_handle(row.pop(PERSON)) for row in rows]
    persons = ws.vault.persons_of([handle for handle in handles if handle])
    known = [(persons[handle], row) for handle, row in zip(handles, rows, strict=True) if handle in persons]
    names = [name for name in header if name not in (PERSON, NOMINATED)]
    return Groups(
        {name: {person: row[name].strip() for person, row in known} for name in names},
        frozenset(person for person, row in known if truth(row[NOMINATED])) if NOMINATED in header else None,
        len(rows) - len(known),
    )


def nulls(result: "Scan", n_nulls: int, seed: int) -> dict[str, dict[str, int]]:
    """Count the flagged connectors who stay in the upper quarter once chance is taken out, by null model (section 6.4, N1 to N3)."""
    from ona.metrics import METRICS
    from ona.nulls import benjamini_hochberg, null_test, relabelled, swapped, swapped_within_teams

    graph = result.graphs["relationship"]
    rows = result.flags.filter(pc.equal(result.flags["facet"], "broker"))
    flagged, scored = (
        np.searchsorted(graph.people, np.sort(rows.filter(kept)["person"].to_numpy()))
        for kept in (rows["flagged"], pc.is_null(rows["reason"]))
    )
    between, across = METRICS["two_hop_betweenness"], METRICS["boundary_brokerage"]
    models = {"degree": (between, swapped), "mixing": (between, swapped_within_teams), "team_sizes": (across, relabelled)}
    found = {}
    for name, (measure, null) in models.items():
        test = null_test(graph, measure, null, n_nulls, seed)
        excess = test.excess[scored]
        high = np.nanquantile(excess, UPPER_QUARTER) if np.isfinite(excess).any() else np.nan
        found[name] = {
            "judged": int(np.isfinite(test.excess[flagged]).sum()),
            "upper_quarter": int((test.excess[flagged] >= high).sum()),
            "beyond_chance": int(benjamini_hochberg(test.p_value[flagged], FALSE_DISCOVERIES).sum()),
        }
    return found


def on_held_events(ws: Workspace, engine: Engine, rules: Rules) -> dict[str, Any]:
    """Scan the weeks whose events are still held again: with other rules, and with times dealt anew (N4)."""
    from ona.nulls import time_shuffled
    from ona.scan import scan
    from ona.sensitivity import scores_agree
    from pipelines import ties

    files = ws.lake.files("events")
    weeks = sorted({file.part for file in files})
    if not files or sum(file.rows for file in files) > ties.MOST_EVENTS or len(weeks) < FEWEST_WEEKS:
        return {"weeks": weeks, "variants": {}}
    events = engine.collect(engine.read([ws.lake.root / file.path for file in files]), ["event"])
    accounts = people.accounts(ws)
    end = max(events["week"].to_pylist())

    def scanned(table: pa.Table, tie_rules: TieRules) -> "Scan":
        parts = ties.tables_of(engine, table, accounts, tie_rules)
        return scan(*parts, people.current_people(ws, end), replace(rules, weeks=len(weeks), ties=tie_rules))

    base = scanned(events, rules.ties)
    agreed = {name: scores_agree(base.scores, scanned(events, change(rules.ties)).scores) for name, change in VARIANTS.items()}
    shuffled = scanned(time_shuffled(events, np.random.default_rng(rules.seed)), rules.ties)
    return {
        "weeks": weeks,
        "variants": {name: {facet: asdict(kept) for facet, kept in facets.items()} for name, facets in agreed.items()},
        "times": {name: _helping(one) for name, one in (("as_seen", base), ("dealt_anew", shuffled))},
    }


def _helping(one: "Scan") -> dict[str, object]:
    reliability, flags = one.notes["reliability"], one.notes["flags"]
    asks = one.facts.filter(pc.equal(one.facts["fact"], "asks"))["value"]
    return {
        "asks": int(np.nansum(asks.to_numpy())),
        "reliability": reliability.get("ask_pull") if isinstance(reliability, dict) else None,
        "flagged": flags["helper"]["flagged"] if isinstance(flags, dict) else None,
    }


def _end(result: "Scan") -> date:
    window = result.graphs["attention"].window
    return window[1] if window else date.max


def _by_person(rows: pa.Table, name: str) -> dict[int, Any]:
    return dict(zip(rows["person"].to_pylist(), rows[name].to_pylist(), strict=True))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _handle(text: str) -> str | None:
    """Return the handle of an address; handles as ``ona quality`` prints them (``id:hr/E001``) are taken as they are."""
    try:
        return text.strip() if ":" in text else canonical(text)
    except HandleError:
        return None


def _plain(one: "GroupCheck") -> dict[str, object]:
    return {name: _rounded(value) for name, value in asdict(one).items()} | {"verdict": one.selection.verdict}


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return round(value, 3) if np.isfinite(value) else None
    return value


def _weights_in_words(result: "Scan") -> list[str]:
    overall = _part(result.notes, "sensitivity", "overall")
    kept = overall.get("published")
    if kept is None:
        return []
    verdict = "" if kept >= LEAST_OVERLAP else " So little holds that no overall score is shown."
    return [f"With other weights of the indicators, {100 * kept:.0f}\u00a0% of the first tenth by overall score stays the same.{verdict}"]


def _position_in_words(result: "Scan") -> list[str]:
    known = {facet: value for facet, value in _part(result.notes, "position_checks").items() if value is not None}
    said = ", ".join(f"{value:.2f} for {FACETS[facet]}" for facet, value in sorted(known.items()))
    apart = ", ".join(FACETS[facet] for facet, value in sorted(known.items()) if value < LEAST_AGREEMENT)
    tail = f" So little agrees that nobody is said to go beyond their position: {apart}." if apart else ""
    return [f"Against a regression on position in place of nearest peers, places keep a rank correlation of {said}.{tail}"] if known else []


def _missing_in_words(result: "Scan") -> list[str]:
    kinds = _part(result.notes, "sensitivity", "missing")
    least: dict[str, float] = {}
    for shares in kinds.values():
        for facet, kept in shares.get("10%", {}).items():
            if kept["spearman"] is not None:
                least[facet] = min(kept["spearman"], least.get(facet, 1.0))
    said = ", ".join(f"{value:.2f} for {FACETS[facet]}" for facet, value in sorted(least.items()))
    shaky = any(value < NOTICEABLE for value in least.values())
    tail = " Places change noticeably when people are missing: read them with care." if shaky else ""
    return [f"Without a tenth of the people, places of the others keep a rank correlation of at least {said}.{tail}"] if least else []


def _fairness_in_words(rows: "Mapping[str, Sequence[GroupCheck]]") -> list[str]:
    if not any(rows.values()):
        return ["No group of 30 people or more stands beside another one, so nothing can be said about fairness."]
    said = [
        f"{FACETS[facet].capitalize()}: {one.attribute} {one.group} stands out {one.selection.value:.2f} times as often as the others "
        f"(95 % interval {one.selection.low:.2f} to {one.selection.high:.2f}): {one.selection.verdict}."
        for facet, checks in rows.items()
        for one in checks
        if one.selection.value < FOUR_FIFTHS
    ]
    return said or ["No group of 30 people or more stands out less than four fifths as often as the others."]


def _nulls_in_words(found: Mapping[str, Mapping[str, int]], n_nulls: int) -> list[str]:
    kept = {
        "degree": "the number of ties",
        "mixing": "the number of ties to each department",
        "team_sizes": "the size of the departments",
    }
    return [
        f"{one['upper_quarter']} of {one['judged']} people flagged as connectors stay in the company's upper quarter when what "
        f"{kept[name]} alone brings about ({n_nulls} networks dealt anew) is taken out."
        for name, one in found.items()
    ]


def _held_in_words(found: Mapping[str, Any]) -> list[str]:
    weeks = found["weeks"]
    if not found["variants"]:
        why = "more events are held than fit into memory" if weeks else "no events are held any more (buffer_days)"
        return [f"Other rules and dealt times were not tried: {why}."]
    span = f"In the {len(weeks)} weeks whose events are still held"
    said = [f"{span}, when {name}: rank correlation {_kept_in_words(facets)}." for name, facets in found["variants"].items()]
    seen, dealt = found["times"]["as_seen"], found["times"]["dealt_anew"]
    return [
        *said,
        f"{span}, with the times of each person's messages dealt anew: {dealt['asks']:,} asks instead of {seen['asks']:,}, "
        f"{dealt['flagged']} flagged as helpers instead of {seen['flagged']}.",
    ]


def _kept_in_words(facets: Mapping[str, Mapping[str, float | None]]) -> str:
    known = {facet: kept["spearman"] for facet, kept in facets.items() if kept["spearman"] is not None}
    return ", ".join(f"{value:.2f} for {FACETS[facet]}" for facet, value in known.items()) or "unknown, too few people are scored"


def _part(notes: Mapping[str, object], *path: str) -> dict[str, Any]:
    found: object = notes
    for name in path:
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return dict(found) if isinstance(found, Mapping) else {}
