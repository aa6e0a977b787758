"""No sum and no difference of what an audience can fetch tells of one to k - 1 people, on simulated companies of every shape."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from ona.disclosure import Hidden
from ona.subtraction import exposed
from ona.tables import AccountKind
from pipelines.access.contact import contact_of, enough
from pipelines.access.disclosed import COMPANY, GROUP, OUTSIDE, TEAM, Audience, leaks, pattern
from pipelines.access.overview import unanswerable
from pipelines.access.steps import about
from pipelines.intake.quality import _told_groups, coverage_by_group

K = 5
SEEDS = range(20)
FEW = [pytest.param(seed, marks=() if seed < 3 else pytest.mark.soak) for seed in SEEDS]


def organisation(seed: int, people: int = 400):
    """Departments with teams of three to twenty, some people without either, and a few teams across two departments."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 20, 200)
    team = np.repeat(np.arange(200), sizes)[:people]
    group = (team // rng.integers(4, 9)).astype(np.int64)
    across = np.isin(team, rng.choice(team, 2)) & (rng.random(people) < 0.3)
    group[across] = (group[across] + 1) % (group.max() + 1)
    team[rng.random(people) < 0.02] = -1
    group[rng.random(people) < 0.01] = -1
    return group, team.astype(np.int64), rng


def audiences(group, team, rng):
    """HR and the works council, and managers of one to three departments; people opted in as they like."""
    everybody, nobody = np.ones(len(team), bool), np.zeros(len(team), bool)
    yield Audience(everybody, everybody, nobody, K, departments=True)
    for share in (0.1, 0.5, 0.9):
        named = rng.random(len(team)) < share
        yield Audience(everybody, everybody, named, K, departments=True)
        own = np.isin(group, rng.choice(group.max() + 1, 3, replace=False))
        viewer = np.arange(len(team)) != rng.choice(np.flatnonzero(own))
        yield Audience(viewer, own, named & own, K, departments=False)


@pytest.mark.parametrize("seed", FEW)
def test_nothing_of_fewer_than_k_people_follows_from_what_is_published(seed):
    group, team, rng = organisation(seed)
    for audience in audiences(group, team, rng):
        found = pattern(audience, group, team)
        nobody = np.zeros(len(team), bool)
        assert leaks(found.published, nobody, K) == []
        assert leaks(found.told, audience.single, K) == []
        assert ((found.published @ np.ones(len(team))) >= K).all()
        assert set(np.flatnonzero(found.figures == Hidden.SHOWN)) <= set(np.flatnonzero(found.reasons == Hidden.SHOWN))


def test_with_complementary_suppression_off_the_audit_finds_people():
    """The control: the same companies with small groups hidden alone; a lone small team is its department less the others."""
    leaking = 0
    for seed in SEEDS[:6]:
        group, team, rng = organisation(seed)
        leaking += any(leaks(pattern(one, group, team, complement=False).told, one.single, K) for one in audiences(group, team, rng))
    assert leaking >= 5


def test_most_groups_stay_in_sight():
    """It does not simply hide everything: of groups that are large enough, nine in ten are shown where nobody is named."""
    shares = []
    for seed in SEEDS[:6]:
        group, team, rng = organisation(seed)
        audience = next(audiences(group, team, rng))
        found = pattern(audience, group, team)
        large = found.members.sum(axis=1) >= K
        shares.append((found.reasons[large] == Hidden.SHOWN).mean())
    assert np.mean(shares) > 0.9


@pytest.mark.parametrize("size", range(1, 13))
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("minimum", [5, 10])
def test_a_team_is_shown_from_k_people_besides_the_viewer_on(size, inside, minimum):
    """The threshold grid: a team of each size beside two large ones, so that no difference asks for more."""
    team = np.repeat([0, 1, 2, 3], [size, 40, 40, 40])
    group = np.zeros(len(team), np.int64)
    counted = np.ones(len(team), bool)
    counted[0] = not inside
    nobody = np.zeros(len(team), bool)
    found = pattern(Audience(counted, np.ones(len(team), bool), nobody, minimum, departments=False), group, team)
    assert found.is_shown(TEAM, 0) == (size - inside >= minimum)
    assert found.is_shown(TEAM, 1) or size - inside < minimum  # a lone hidden team takes another with it


def test_a_hidden_team_takes_the_smallest_one_beside_it_along():
    team = np.repeat([0, 1, 2], [3, 7, 30])
    found = pattern(Audience(*[np.ones(40, bool)] * 2, np.zeros(40, bool), K, departments=False), np.zeros(40, np.int64), team)
    assert [found.is_shown(TEAM, code) for code in range(3)] == [False, False, True]
    assert found.is_shown(COMPANY, 0)


def test_people_who_are_named_leave_nobody_or_at_least_k_behind():
    """Eight people, seven named: the group keeps its name, its figures go, and so do those it could be computed from."""
    team = np.repeat([0, 1, 2], [8, 8, 8])
    group = np.zeros(24, np.int64)
    everybody = np.ones(24, bool)
    for named, told in ((7, False), (3, True), (8, True), (4, False)):
        single = np.zeros(24, bool)
        single[:named] = True
        found = pattern(Audience(everybody, everybody, single, K, departments=False), group, team)
        assert found.is_shown(TEAM, 0)
        assert found.has_figures(TEAM, 0) == told, named
        assert leaks(found.told, single, K) == []


@pytest.mark.parametrize("change", ["joiner", "leaver", "opt-in", "opt-out"])
def test_each_of_two_scans_exposes_nobody_after_somebody_joined_left_or_thought_again(change):
    """Between the two no exact figure can be subtracted: groups are told in bands, numbers of people in steps of five."""
    group, team, rng = organisation(3)
    named = rng.random(len(team)) < 0.3
    audience = Audience(*[np.ones(len(team), bool)] * 2, named, K, departments=True)
    after = named.copy()
    counted = audience.counted.copy()
    if change == "joiner":
        counted[7] = False
    elif change == "leaver":
        counted[11] = False
    else:
        after[5] = change == "opt-in"
    later = replace(audience, counted=counted, single=after & counted)
    for one in (audience, later):
        found = pattern(one, group, team)
        assert leaks(found.told, one.single, K) == []


def test_numbers_of_people_are_told_in_steps_of_five():
    assert [about(number) for number in (5, 6, 7, 8, 12, 13, 23)] == [5, 5, 5, 10, 10, 15, 25]


def test_neighbours_are_groups_of_others_and_never_mixed_with_ones_own():
    team = np.array([0] * 6 + [1] * 6 + [0] * 6)
    own = np.arange(18) < 6
    found = pattern(Audience(np.ones(18, bool), own, np.zeros(18, bool), K, departments=False), np.zeros(18, np.int64), team)
    assert set(found.cells) == {(COMPANY, 0), (TEAM, 0), (OUTSIDE, 0), (OUTSIDE, 1)}
    assert not found.is_shown(GROUP, 0)
    assert found.members[found.place[TEAM, 0]].toarray().ravel().tolist() == own.astype(int).tolist()


@pytest.mark.parametrize(("people", "drawn"), [(4, False), (5, True)])
def test_a_line_between_groups_needs_k_people_at_both_ends(people, drawn):
    source, target = np.arange(people), np.full(people, 10) + np.arange(people)
    place = np.repeat([0, 1], 10)
    found = contact_of((source, target, np.ones(people)), place, 2, K)
    assert bool(found.ties) == drawn
    one_side = contact_of((source, np.full(people, 10), np.ones(people)), place, 2, K)
    assert not one_side.ties


def test_a_line_that_one_person_carries_is_not_drawn():
    """Ten of nineteen are more than half; 9 of 18 are not (dominance 50 %), but with the next one they are more than three quarters."""
    pair, person = np.zeros(6, np.int64), np.arange(6)
    assert enough(pair, person, np.array([4.0, 1, 1, 1, 1, 1]), 1, K).all()
    assert not enough(pair, person, np.array([6.0, 1, 1, 1, 1, 1]), 1, K).any()
    assert not enough(pair, person, np.array([4.0, 4, 0.5, 0.5, 0.5, 0.5]), 1, K).any()


@pytest.mark.parametrize("seed", range(10))
def test_no_hidden_cell_of_the_contact_grid_follows_from_its_rows(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    hidden = rng.random((k, k)) < 0.2
    hidden |= hidden.T
    people = rng.integers(1, 50, (k, k))
    found = unanswerable(hidden, people + people.T)
    assert (found >= hidden).all()
    assert (found == found.T).all()
    if found.any() and not found.all():
        pairs = [(a, b) for a in range(k) for b in range(a, k)]
        rows = np.array([[a in pair for pair in pairs] for a in range(k)], dtype=float)
        gone = np.flatnonzero([found[pair] for pair in pairs])
        rank = np.linalg.matrix_rank(rows[:, gone])
        for cell in range(len(gone)):  # over the rationals: the unit vector of a hidden cell is not in the row space
            unit = np.eye(len(gone))[cell]
            assert np.linalg.matrix_rank(np.vstack([rows[:, gone], unit])) > rank


@pytest.mark.parametrize("seed", range(20))
def test_the_coverage_of_departments_beside_that_of_all_tells_of_no_small_one(seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(8), rng.integers(1, 14, 8)).astype(object)
    groups[rng.random(len(groups)) < 0.05] = None
    told = _told_groups(groups.tolist(), K)
    cells = sp.csr_array(np.array([np.ones(len(groups)), *(groups == one for one in told)], dtype=np.int64))
    assert exposed(cells, K) == []
    assert all((groups == one).sum() >= K for one in told)


def test_one_small_department_takes_the_smallest_large_one_along():
    groups = [0] * 3 + [1] * 6 + [2] * 20
    assert _told_groups(groups, K) == [2]
    assert _told_groups([0] * 8 + [1] * 9, K) == [0, 1]
    assert _told_groups([0] * 8 + [1] * 9 + [None] * 7, K) == [0, 1]
    assert _told_groups([0] * 8 + [1] * 9 + [None] * 2, K) == [1]


@pytest.mark.parametrize(("size", "told"), [(5, {"C"}), (6, {"A", "B", "C"})])
def test_whoever_reads_the_coverage_of_their_own_department_does_not_count(size, told):
    """Five people, one of whom may read it, are hidden and take the next department along."""
    codes = np.repeat([0, 1, 2], [size, 20, 30])
    people = pa.table({"person": np.arange(len(codes)), "kind": np.full(len(codes), AccountKind.MEMBER), "group": codes})
    seen = pa.table({"person": np.arange(len(codes)), "fact": ["turns"] * len(codes)})
    found = coverage_by_group(SimpleNamespace(people=people, facts=seen), dict(enumerate("ABC")), K)
    assert set(found.by_department) == told
