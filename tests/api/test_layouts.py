"""Maps stay where they were: the same plan gives the same places, and a changed one moves its marks far less than a fresh layout."""

import numpy as np
import pytest

from api.layouts import HEIGHT, MARGIN, WIDTH, Earlier, Layouts, Plan, lay_out

CHANGED = 0.15  # of the lines, from one quarter to the next


def company(people: int, seed: int, groups: int = 6) -> tuple[Plan, np.ndarray]:
    """A company in which each group is a circle with few lines to others."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, people)
    a, b = np.triu_indices(people, 1)
    drawn = rng.random(len(a)) < np.where(group[a] == group[b], min(0.5, 8 * groups / people), 1.0 / people)
    return plan_of(group, np.stack([a[drawn], b[drawn]], axis=1)), group


def plan_of(group: np.ndarray, lines: np.ndarray) -> Plan:
    return Plan({f"n{at}": str(one) for at, one in enumerate(group)}, [(f"n{a}", f"n{b}", 0.5) for a, b in lines if a != b])


def next_quarter(plan: Plan, group: np.ndarray, seed: int) -> Plan:
    """The same people, and so many lines replaced by lines of chance."""
    rng = np.random.default_rng(seed)
    lines = np.array([[int(a[1:]), int(b[1:])] for a, b, _ in plan.lines])
    gone = int(CHANGED * len(lines))
    kept = lines[rng.permutation(len(lines))[gone:]]
    return plan_of(group, np.concatenate([kept, rng.integers(0, len(group), (gone, 2))]))


def moved(one: dict[str, tuple[float, float]], other: dict[str, tuple[float, float]]) -> float:
    """Mean way of a mark, as a share of the map's width."""
    return float(np.mean([np.hypot(x - other[name][0], y - other[name][1]) for name, (x, y) in one.items()])) / WIDTH


@pytest.mark.parametrize("people", [30, 120, 400])
def test_marks_move_less_than_half_as_far_as_in_a_fresh_layout(people):
    """Both engines; over three companies the warm start moved marks by 0.04 to 0.09 of the width here, a fresh layout by 0.2 to 0.4."""
    warm, fresh = [], []
    for seed in range(3):
        plan, group = company(people, seed)
        before, after = lay_out(plan), next_quarter(plan, group, seed)
        same = {name: name for name in plan.groups}
        warm.append(moved(lay_out(after, Earlier(before, same)).positions(), before.positions()))
        fresh.append(moved(lay_out(after).positions(), before.positions()))
    assert np.mean(warm) < 0.5 * np.mean(fresh)
    assert np.mean(warm) < 0.15


def test_the_same_plan_from_the_same_start_gives_the_same_places():
    plan, group = company(60, 1)
    before, after = lay_out(plan), next_quarter(plan, group, 2)
    same = {name: name for name in plan.groups}
    assert lay_out(plan).positions() == before.positions()
    assert lay_out(after, Earlier(before, same)).positions() == lay_out(after, Earlier(before, same)).positions()


def test_a_mark_that_is_new_starts_among_its_contacts_and_stays_in_sight():
    plan, _ = company(40, 3)
    before = lay_out(plan)
    known = {name: name for name in plan.groups if name != "n7"}
    after = lay_out(plan, Earlier(before, known))
    x, y = after.positions()["n7"]
    assert abs(x) <= WIDTH * (0.5 + MARGIN)
    assert abs(y) <= HEIGHT * (0.5 + MARGIN)
    theirs = [name for name, one in plan.groups.items() if one == plan.groups["n7"] and name != "n7"]
    others = [name for name in plan.groups if name not in theirs and name != "n7"]
    near, far = (np.mean([np.hypot(*np.subtract(after.places["n7"], after.places[name])) for name in some]) for some in (theirs, others))
    assert near < far


def test_a_map_is_laid_out_once_and_asks_for_the_one_before_only_then():
    asked = []
    plan, _ = company(12, 4)
    layouts = Layouts()
    first = layouts.of("a map", plan, lambda: asked.append(1))
    assert layouts.of("a map", plan, lambda: asked.append(2)) is first
    assert asked == [1]
    assert layouts.of("an empty map", Plan({}, [])).positions() == {}
