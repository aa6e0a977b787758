"""The whole analysis, in the order in which a paper would tell it: weekly ties, asks, presence and people in; scores and reasons out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from narwhals.typing import IntoFrame

from ona.agreement import agreement, experimental, is_volume, position_checks, same_by_regression, volume_guards
from ona.communities import Communities
from ona.company import company_notes, working_groups
from ona.errors import NotEnoughDataError
from ona.facets import Ground, facets_of
from ona.facts import facts_of
from ona.fusion import formal, medians, tie_weeks
from ona.gates import PASSED, broker_flag_gates, channels_used, helper_flag_gates, person_gates, total_by_person
from ona.graph import NO_TEAM, Graph
from ona.indicators.base import evidence
from ona.observation import Graphs, Window, adjusted, adjustments, graphs, help_sought, positions
from ona.peers import nearest_peers, strata, visibility
from ona.replicates import replicate
from ona.results import Outcome, contribution_rows, flag_rows, notes_of, score_rows
from ona.roster import Away, Roster, roster, weeks_of
from ona.rules import Rules
from ona.scores import Facet, Flags, flag
from ona.sensitivity import Grid, missing_people, overall_grid
from ona.tables import ABSENCES, ASKS, HOLIDAYS, PEOPLE, PRESENCE, TIES, Channel, Table, check

Floats = npt.NDArray[np.float64]

THREADS = 2
"""Replicates worked on at a time; no number depends on it."""


@dataclass(frozen=True, eq=False)
class Scan:
    """What a window shows about its people.

    Parameters
    ----------
    people, scores, flags, contributions, facts
        Tables as in :mod:`ona.tables`, sorted by their keys.
    graphs
        attention, relationship, ask and formal.
    notes
        Whatever a reader needs to judge the numbers, as plain JSON values.
    """

    people: pa.Table
    scores: pa.Table
    flags: pa.Table
    contributions: pa.Table
    facts: pa.Table
    graphs: dict[str, Graph]
    notes: dict[str, object]


@dataclass(frozen=True, eq=False)
class Robustness:
    """What other weights, missing people and single sources do to the places.

    Parameters
    ----------
    by_channel
        Facts of each person: whether each source alone agrees.
    notes
        The same of the company, as plain JSON values.
    """

    by_channel: Mapping[str, Floats]
    notes: dict[str, object]


def scan(  # noqa: PLR0913 - four tables, the rules, and what an earlier scan or a calendar adds
    ties: IntoFrame,
    asks: IntoFrame,
    presence: IntoFrame,
    people: IntoFrame,
    rules: Rules,
    *,
    baselines: Mapping[str, float] | None = None,
    absences: IntoFrame | None = None,
    holidays: IntoFrame | None = None,
) -> Scan:
    """Score everybody in a window.

    Notes
    -----
    1. *Observation.* Events were cleaned, split over recipients and saturated by day before (sections 1.1 to 1.6, 1.12, 3.1 and 3.2); here
       weekly sums become rates per shared working day, in units frozen at the first scan (1.8, 1.11). Reporting lines are left out.
    2. *Networks.* Attention, relationships (several days, both ways: 1.10) and asks, each measure on the one that it is about (0.2).
    3. *Comparison.* Whoever was observed enough (6.6) is compared with the nearest peers by position (4), on indicators from which
       what their number of contacts explains is taken (2.9, A.5); weeks are drawn anew to know the noise of each (6.1).
    4. *Scores.* Indicators that repeat themselves over weeks add up to facets (5.1), which are shrunk once (6.2).
    5. *Statements.* Who is likely enough beyond the peers, over both facets in one family of statements (6.5); who of them beyond
       formal position (4), if a regression on position says the same; nobody where a facet follows volume (A.7).
    6. *Robustness.* Other weights, people missing, sources one by one (5.2, 6.3), and the company as a whole (7).

    Every step names its sections of the method in the function that does it; all chance follows from one seed.

    Parameters
    ----------
    ties, asks, presence
        Weekly tables as in :mod:`ona.tables`, with persons in place of accounts; the latest ``rules.weeks`` weeks count.
    people
        PEOPLE; persons who occur in the other tables alone count as members without HR data.
    rules
        Parameters of the method and the seed of all chance.
    baselines
        Unit of each channel from an earlier scan (``notes["baselines"]``), so that the two compare.
    absences, holidays
        ABSENCES of persons and HOLIDAYS of sites, taken out of working days and of what could be expected on them; silence of ten
        working days counts as absence even where none is stated.

    Returns
    -------
    Scan
        The same for any order of the rows and any number of threads.

    Raises
    ------
    TableError
        A table lacks a column.
    NotEnoughDataError
        Fewer than two weeks.
    """
    given = ((ties, TIES), (asks, ASKS), (presence, PRESENCE), (people, PEOPLE))
    tables = {table.name: _in_order(check(frame, table), table) for frame, table in given}
    away = Away(*(check(table.empty() if frame is None else frame, table) for frame, table in ((absences, ABSENCES), (holidays, HOLIDAYS))))

    window = _observed(tables, away, rules, baselines)
    recency = _recency(len(window.ties.roster.weeks), rules.half_life_days)
    seen = graphs(window, recency)
    ground = _compared(window, seen, tables["presence"], recency)
    facets = facets_of(window, seen, ground)
    guards = _against_volume(facets, ground, window, tables["presence"])
    checks = _against_regression(facets, ground, window, tables["presence"])
    flags = same_by_regression(_chosen(window, facets, guards), checks)
    grid = overall_grid([facets["broker"], facets["helper"]], rules)
    outcome = Outcome(window, seen, ground, facets, flags, visibility(window.ties.roster), overall_holds=grid.holds)
    robustness = _tried(outcome, tables, grid)
    groups = working_groups(seen.relationship, seed=rules.seed)

    return Scan(
        people=window.ties.roster.people,
        scores=score_rows(outcome),
        flags=flag_rows(outcome),
        contributions=contribution_rows(outcome),
        facts=facts_of(window, seen, tables["presence"], {**robustness.by_channel, "community": _code(groups)}),
        graphs=_by_name(seen, formal(window.ties.roster)),
        notes=notes_of(outcome)
        | {"company": _described(window, seen, groups), "sensitivity": robustness.notes, "experimental": experimental(window)}
        | {"volume_guard": guards["helper"], "volume_guards": guards, "position_checks": checks},
    )


def _observed(tables: Mapping[str, pa.Table], away: Away, rules: Rules, baselines: Mapping[str, float] | None) -> Window:
    """People, weeks and working days; contact and asks outside reporting lines, in units frozen at the first scan (1.8 to 1.11, 3.1)."""
    weeks = weeks_of(tables["ties"], tables["asks"], tables["presence"], at_most=rules.weeks)
    if len(weeks) < 2:
        raise NotEnoughDataError(f"The weekly tables hold {len(weeks)} weeks. Expected at least 2; pull a longer span and scan again.")
    ends = [("ties", "from"), ("ties", "to"), ("asks", "asker"), ("asks", "helper")]
    persons = np.unique(np.concatenate([tables[name].column(column).to_numpy() for name, column in ends]))
    who = roster(tables["people"], tables["presence"], persons, weeks, away)
    dyads, frozen = tie_weeks(who, tables["ties"]), {Channel[name.upper()]: rate for name, rate in (baselines or {}).items()}
    units = medians(dyads, _recency(len(weeks), rules.half_life_days), rules.kappa_days, frozen)
    return Window(dyads, evidence(who, tables["asks"], tables["presence"]), units, rules)


def _compared(window: Window, seen: Graphs, presence: pa.Table, recency: Floats) -> Ground:
    """Who was observed enough (6.6), their peers (4), indicators without what position alone explains, and the noise of these (6.1)."""
    who, rules = window.ties.roster, window.rules
    gates = person_gates(who, total_by_person(who, presence, "turns"), seen.attention, rules)
    scored = gates == PASSED
    peers = nearest_peers(who, scored, channels_used(who, presence), _opportunity(who, presence), rules)
    raw = help_sought(window, recency) | positions(seen)
    fitted = adjustments(window, raw, scored)
    again = replicate(window, seen, fitted, recency, scored, threads=THREADS)
    return Ground(adjusted(window, raw, fitted), again, peers, strata(who, scored), gates)


def _against_volume(facets: Mapping[str, Facet], ground: Ground, window: Window, presence: pa.Table) -> dict[str, float | None]:
    """Return how far scores follow the turns that people initiate, among their like (A.7)."""
    initiated = total_by_person(window.ties.roster, presence, "initiated")
    return volume_guards([facets["helper"], facets["broker"]], ground, initiated, window.rules.power)


def _against_regression(facets: Mapping[str, Facet], ground: Ground, window: Window, presence: pa.Table) -> dict[str, float | None]:
    """Return how far places among peers agree with a regression on position, which is the second way to take it off (4)."""
    who = window.ties.roster
    return position_checks([facets["helper"], facets["broker"]], ground, who, _opportunity(who, presence))


def _chosen(window: Window, facets: Mapping[str, Facet], guards: Mapping[str, float | None]) -> list[Flags]:
    """Return who stands out, over both facets in one family of statements, and who of them beyond formal position (4, 6.5)."""
    gates = [helper_flag_gates(window, is_volume(window, guards["helper"])), broker_flag_gates(window)]
    return flag([facets["helper"], facets["broker"]], gates, visibility(window.ties.roster), window.rules)


def _tried(outcome: Outcome, tables: Mapping[str, pa.Table], grid: Grid) -> Robustness:
    """Return how places hold under other weights (5.2), with people missing (6.3), and what each source alone says (1.11)."""
    by_channel, notes = agreement(outcome, tables["asks"], tables["presence"])
    missing = missing_people(outcome, tables["asks"], tables["presence"], threads=THREADS)
    return Robustness(by_channel, notes | {"overall": asdict(grid), "missing": missing})


def _described(window: Window, seen: Graphs, groups: Communities) -> dict[str, object]:
    """Return the company as a whole (7): its groups beside teams and departments, silos, concentration, what it hangs on."""
    teams = window.ties.roster.codes("team").astype(np.int32)
    return company_notes((seen.attention, seen.relationship, seen.ask), groups, teams, seed=window.rules.seed)


def _in_order(rows: pa.Table, table: Table) -> pa.Table:
    """Sort by the key, so that the order of the rows cannot change a sum."""
    return rows.sort_by([(name, "ascending") for name in table.key]).combine_chunks()


def _recency(n_weeks: int, half_life_days: float | None) -> Floats:
    """Return the weight of each week: equal, or halved with every half-life of age (section 1.7)."""
    age = 7.0 * np.arange(n_weeks)[::-1]
    return np.ones(n_weeks) if half_life_days is None else np.exp2(-age / half_life_days)


def _opportunity(who: Roster, presence: pa.Table) -> Floats:
    """Return the colleagues within a person's reach in an average week at work, ``(n,)``."""
    total, active = total_by_person(who, presence, "reachable"), (who.seen > 0).sum(axis=1)
    return np.asarray(np.divide(total, active, out=np.full(who.n, np.nan), where=active > 0), dtype=np.float64)


def _code(groups: Communities) -> Floats:
    """Return the community of each person; NaN for people without ties, who are in none."""
    return np.where(groups.code == NO_TEAM, np.nan, groups.code.astype(np.float64))


def _by_name(seen: Graphs, lines: Graph) -> dict[str, Graph]:
    return {"attention": seen.attention, "relationship": seen.relationship, "ask": seen.ask, "formal": lines}
