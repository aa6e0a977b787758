"""The evidence ledger: two independent sources make a label, contradiction makes none, and the words stay on the list."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from ona.skills import (
    AGREE,
    CONTESTED,
    FORBIDDEN,
    INDICATED,
    LABELLED,
    SILENT,
    SINGLE,
    STATES,
    WORDING,
    Signal,
    ablations,
    cleaned,
    ledger,
    nominated,
    rated,
    recognised,
    signals_of,
    team_satisfaction,
    traced,
    wording,
)
from ona.tables import EVIDENCE

DAY = date(2026, 8, 1)


def signal(source, *values, reliability=0.8):
    value = np.array(values, dtype=float)
    return Signal(source, value, np.full(len(values), reliability), np.where(np.isfinite(value), 5, 0))


def rows(*some):
    """EVIDENCE from (source, person, rater, value) and, where given, what differs from a five-point rating of the helper facet."""
    plain = {"facet": "helper", "team": None, "scale_low": 1.0, "scale_high": 5.0, "day": DAY, "weight": 1.0}
    made = []
    for at, (source, person, rater, value, *changed) in enumerate(some):
        own = {"evidence": at, "source": source, "person": person, "rater": rater, "value": float(value)}
        made.append(plain | own | (changed[0] if changed else {}))
    return pa.Table.from_pylist(made, schema=EVIDENCE.schema)


NO = float("nan")


def test_a_label_needs_two_sources_and_one_alone_only_indicates():
    """Both support; one supports; one supports and one is in the middle; nobody speaks."""
    found = ledger("helper", [signal("traces", 2.5, 2.5, 1.6, NO), signal("peer_360", 2.2, NO, 0.6, NO)])
    assert found.label.tolist() == [LABELLED, INDICATED, INDICATED, ""]
    assert found.state.tolist() == [AGREE, SINGLE, AGREE, SILENT]
    assert np.isnan(found.value[3])
    assert wording("helper", found.label[0]) == "go-to helper"
    assert wording("helper", "") is None


def test_contradicting_sources_never_yield_a_label_however_many_support():
    found = ledger("helper", [signal("traces", 2.5), signal("survey", 2.5), signal("peer_360", -2.0), signal("recognition", 2.0)])
    assert found.state.tolist() == [CONTESTED]
    assert found.label.tolist() == [""]


def test_no_pattern_of_three_sources_with_a_contradiction_is_ever_labelled():
    """Every combination of clearly above, middle, clearly below and silent."""
    levels = (2.5, 0.0, -2.5, NO)
    grid = np.array([(a, b, c) for a in levels for b in levels for c in levels])
    found = ledger("helper", [signal(name, *grid[:, k]) for k, name in enumerate(("traces", "peer_360", "survey"))])
    against, support = (grid == -2.5).any(axis=1), (grid == 2.5).sum(axis=1)
    assert not (found.label[against] != "").any()
    assert (found.label[~against & (support >= 2)] != "").any()
    assert not (found.label[support < 2] == LABELLED).any()


def test_without_one_of_two_sources_the_label_falls_to_an_indication():
    found = ledger("helper", [signal("traces", 2.5), signal("peer_360", 2.2), signal("survey", NO)])
    without = ablations(found)
    assert {name: one.label[0] for name, one in without.items()} == {"traces": INDICATED, "peer_360": INDICATED, "survey": LABELLED}
    assert without["survey"].value[0] == pytest.approx(found.value[0])


def test_ratings_of_strict_and_mild_colleagues_meet_in_the_middle():
    """Rater 50 gives two points less than rater 60 to everybody: who is rated by whom changes nothing."""
    persons = np.array([1, 2, 3, 4])
    level = {1: 3, 2: 3, 3: 4, 4: 5}
    table = rows(*[("peer_360", person, 50 + rater, level[person] - (rater % 2) * 2) for person in level for rater in range(4)])
    found = rated(table, persons)
    assert found.value[0] == pytest.approx(found.value[1])
    assert found.value[3] > found.value[2] > found.value[1]
    assert found.reliability[0] == pytest.approx(0.7014, abs=5e-5)  # T9.3: four peers
    assert found.agreement > 0.9, "severity taken off, all four say the same"


def test_fewer_than_three_raters_are_not_a_source():
    found = rated(rows(("peer_360", 1, 8, 5), ("peer_360", 1, 9, 5), *[("peer_360", 2, k, 3) for k in range(3)]), np.array([1, 2]))
    assert found.speaks.tolist() == [False, True]


def test_kudos_and_nominations_speak_for_those_many_name_and_against_nobody():
    persons = np.arange(1, 31)
    some = [("recognition", 1, rater, 1, {"day": DAY + timedelta(days=rater)}) for rater in range(10, 22)]
    some += [("survey", 1, rater, 1) for rater in range(10, 22)] + [("survey", 2, 9, 1), ("survey", 1, 10, 1)]
    table = rows(*some)
    for found in (recognised(table, persons), nominated(table, persons)):
        assert found.speaks.tolist() == [True] + [False] * 29
        assert found.verdict[0] == 1
        assert found.raters[0] == 12


def test_a_ring_of_reciprocal_kudos_gains_nothing():
    """Four colleagues who praise each other every day beside one whom twelve praise."""
    persons = np.arange(1, 41)
    honest = [("recognition", 1, rater, 1, {"day": DAY + timedelta(days=3 * rater)}) for rater in range(20, 32)]
    ring = [
        ("recognition", one, other, 1, {"day": DAY + timedelta(days=day)})
        for day in range(10)
        for one in range(5, 9)
        for other in range(5, 9)
        if one != other
    ]
    with_ring = recognised(rows(*honest, *ring), persons)
    without = recognised(rows(*honest), persons)
    assert with_ring.raters.tolist() == without.raters.tolist()
    assert not with_ring.speaks[4:8].any()


def test_customers_speak_of_teams_and_of_a_person_only_who_answered_alone():
    team = {"facet": "helper", "team": 7, "scale_low": 0.0, "scale_high": 10.0, "weight": 3.0}
    alone = [("csat", 1, 100 + k, 5) for k in range(4)]
    table = rows(("csat", None, None, 8, team), ("csat", None, None, 5, team | {"weight": 1.0}), *alone)
    assert team_satisfaction(table) == {7: (pytest.approx(0.725), 4)}  # by hand: (3 * .8 + 1 * .5) / 4
    found = {one.source: one for one in signals_of(table, "helper", np.array([1, 2]))}
    assert found["csat"].speaks.tolist() == [True, False]


def test_ratings_that_cannot_count_are_dropped_by_reason():
    table, dropped = cleaned(
        rows(
            ("peer_360", 1, 2, 4),
            ("peer_360", 1, 2, 5, {"day": DAY + timedelta(days=1)}),  # the same colleague again
            ("peer_360", 1, 1, 5),
            ("peer_360", 1, 3, 6),
            ("peer_360", 1, 4, 3, {"scale_low": 5.0}),
            ("gossip", 1, 5, 3),
            ("peer_360", 1, None, 3),
            ("peer_360", 1, None, 3),  # without raters nobody can say that it is the same
        )
    )
    assert table.num_rows == 3
    assert dropped == {"duplicate_rating": 1, "self_rating": 1, "outside_scale": 1, "bad_scale": 1, "unknown_source": 1}


def test_an_undefined_value_is_outside_every_scale():
    table, dropped = cleaned(rows(("peer_360", 1, 2, float("nan"))))
    assert (table.num_rows, dict(dropped)) == (0, {"outside_scale": 1})


def test_a_wide_interval_makes_the_traces_a_weak_witness():
    found = traced(np.array([0.95, 0.85, np.nan]), np.array([0.90, 0.30, np.nan]), np.array([0.98, 0.999, np.nan]))
    assert found.verdict.tolist() == [1, 0, 0]
    assert found.reliability[0] > found.reliability[1]


def test_no_wording_claims_a_trait_an_emotion_or_potential():
    said = " ".join((*WORDING.values(), *STATES.values())).casefold()
    assert not [word for word in FORBIDDEN if word in said]


def test_an_empty_table_leaves_everybody_silent():
    found = ledger("helper", signals_of(EVIDENCE.empty(), "helper", np.array([1, 2])))
    assert found.state.tolist() == [SILENT, SILENT]
