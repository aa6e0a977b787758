"""Replicates side by side are what each weighting gives alone; whoever leaves takes their ties and asks along, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from ona.fusion import medians, tie_weeks
from ona.indicators.base import evidence
from ona.lanes import LANES
from ona.metrics import METRICS
from ona.observation import Window, adjustments, graphs, help_sought, positions
from ona.replicates import _measured, _pair_of_ties, help_in_lanes, measure_errors, replicate
from ona.roster import Roster, roster, weeks_of
from ona.rules import Rules, TieRules
from ona.sensitivity import KINDS, missing, without
from ona.simulate.company import company
from ona.uncertainty import half_samples, week_weights
from pipelines.engine.duckdb import Engine
from pipelines.ties import tables_of

WEEKS = 6
RULES = Rules(weeks=WEEKS, n_resamples=23, n_halves=4)


@dataclass(frozen=True)
class Seen:
    """A small company as the scan holds it, and the tables that it was made from."""

    who: Roster
    window: Window
    asks: pa.Table
    presence: pa.Table


@pytest.fixture(scope="module")
def seen() -> Seen:
    made = company(people=150, weeks=WEEKS, seed=11)
    with Engine(threads=1) as engine:
        ties, asks, presence = tables_of(engine, made.events(), made.accounts, TieRules())
    persons = np.unique(np.concatenate([ties["from"].to_numpy(), ties["to"].to_numpy()]))
    who = roster(made.people, presence, persons, weeks_of(ties, asks, presence, at_most=WEEKS))
    dyads = tie_weeks(who, ties)
    window = Window(dyads, evidence(who, asks, presence), medians(dyads, np.ones(WEEKS), 10.0), RULES)
    return Seen(who, window, asks, presence)


@pytest.mark.parametrize("kind", ["bootstrap", "halves"])
def test_help_in_lanes_equals_help_of_each_weighting_alone(seen, kind):
    rng = np.random.default_rng(0)
    weights = week_weights(WEEKS, 23, rng) if kind == "bootstrap" else half_samples(WEEKS, 4, rng).astype(float)
    with ThreadPoolExecutor(1) as pool:
        for row, found in zip(weights, help_in_lanes(seen.window, weights, pool), strict=True):
            for name, alone in help_sought(seen.window, row).items():
                np.testing.assert_allclose(found[name], alone, rtol=1e-8, atol=1e-10, err_msg=name)


def test_replicates_are_the_same_bytes_for_any_number_of_threads(seen):
    every = np.ones(WEEKS)
    network = graphs(seen.window, every)
    fitted = adjustments(seen.window, help_sought(seen.window, every) | positions(network), seen.who.members)
    one, three = (replicate(seen.window, network, fitted, every, seen.who.members, threads=threads) for threads in (1, 3))
    assert one.deviations.keys() == three.deviations.keys()
    assert all(one.deviations[name].tobytes() == three.deviations[name].tobytes() for name in one.deviations)
    assert all(one.standard_error[name].tobytes() == three.standard_error[name].tobytes() for name in one.standard_error)
    assert str(one.reliability) == str(three.reliability)  # as text, since NaN differs from itself


def test_strength_and_constraint_in_lanes_are_those_of_the_graphs_of_each_weighting(seen):
    network = graphs(seen.window, np.ones(WEEKS))
    weights = week_weights(WEEKS, LANES, np.random.default_rng(3))
    found = _measured(seen.window, network.relationship.structure, _pair_of_ties(seen.window, network), weights.T.copy())
    for lane, row in enumerate(weights):
        alone = graphs(seen.window, row)
        np.testing.assert_allclose(found["strength"][:, lane], METRICS["strength"](alone.attention), rtol=1e-6)  # shared days are float32
        np.testing.assert_allclose(found["constraint"][:, lane], METRICS["constraint"](alone.relationship), rtol=1e-6)


def test_the_error_of_strength_is_that_of_a_total_over_weeks(seen):
    """A person whose contact is the same each week has no error; on average it is near the jackknife over weeks."""
    network, every = graphs(seen.window, np.ones(WEEKS)), np.ones(WEEKS)
    error = measure_errors(seen.window, network, every)["strength"]
    without_one = [METRICS["strength"](graphs(seen.window, every - np.eye(WEEKS)[week]).attention) for week in range(WEEKS)]
    jackknife = np.sqrt((WEEKS - 1) / WEEKS * ((without_one - np.mean(without_one, axis=0)) ** 2).sum(axis=0))
    known = np.isfinite(error) & (jackknife > 0)
    assert 0.7 < np.median(error[known] / jackknife[known]) < 1.4
    assert np.corrcoef(error[known], jackknife[known])[0, 1] > 0.6


def test_whoever_leaves_takes_their_ties_and_asks_along_and_no_other_tie_moves(seen):
    gone = np.zeros(seen.who.n, dtype=bool)
    gone[np.flatnonzero(seen.who.members)[::7]] = True
    every = np.ones(WEEKS)
    before, after = graphs(seen.window, every), graphs(without(seen.window, gone, seen.asks, seen.presence), every)
    whole, rest = before.attention.adjacency.toarray(), after.attention.adjacency.toarray()
    assert not rest[gone].any()
    assert not rest[:, gone].any()
    stay = np.ix_(~gone, ~gone)
    assert (rest[stay] == whole[stay]).all()
    assert whole[gone].any()
    asked = after.ask.adjacency.toarray()
    assert not asked[gone].any()
    assert not asked[:, gone].any()
    assert (asked[stay] == before.ask.adjacency.toarray()[stay]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_of_members_that_leaves_is_as_asked(seen, kind):
    outcome = SimpleNamespace(window=seen.window, seen=graphs(seen.window, np.ones(WEEKS)))
    gone = missing(outcome, kind, 0.2, np.random.default_rng(1))
    assert gone.sum() == round(0.2 * seen.who.members.sum())
    assert not (gone & ~seen.who.members).any()


def test_missing_teams_are_whole_and_missing_hubs_have_many_ties(seen):
    outcome = SimpleNamespace(window=seen.window, seen=graphs(seen.window, np.ones(WEEKS)))
    teams, member = seen.who.codes("team"), seen.who.members
    by_team = missing(outcome, "same_team", 0.2, np.random.default_rng(2))
    torn = [code for code in np.unique(teams[by_team]) if (member & ~by_team)[teams == code].any()]
    assert len(torn) <= 1  # the last team may not fit whole
    degree = np.diff(outcome.seen.attention.undirected().adjacency.indptr)
    hubs = [degree[missing(outcome, "high_degree", 0.2, np.random.default_rng(seed))].mean() for seed in range(20)]
    chance = [degree[missing(outcome, "random", 0.2, np.random.default_rng(seed))].mean() for seed in range(20)]
    assert np.mean(hubs) > 1.1 * np.mean(chance)
