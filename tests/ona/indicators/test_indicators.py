"""What each indicator of help says about small companies; a person is a letter."""

import numpy as np
import pytest

from ona.indicators import INDICATORS
from ona.indicators.base import Residual, from_tables
from ona.indicators.breadth import rarefied_miss
from ona.indicators.expertise_rank import rank_of_asked
from ona.tables import FIXED_POINT


def by_letter(tables, name):
    """The indicator by letter, straight from the three tables."""
    values = INDICATORS[name](*tables)
    return dict(zip((chr(person) for person in sorted(tables[2]["person"].to_pylist())), values.tolist(), strict=True))


def test_every_indicator_is_named_as_its_file_and_function():
    assert list(INDICATORS) == ["ask_pull", "breadth", "cross_team", "expertise_rank", "incident_pull"]
    assert {one.group for one in INDICATORS.values()} == {"pull", "spread"}


def test_somebody_asked_twice_as_often_as_expected_pulls_twice(help_tables):
    """Six asks in all and six people who expect one each."""
    found = by_letter(help_tables("ab:2 cd de fa ec"), "ask_pull")
    assert found["b"] == pytest.approx(2)
    assert found["d"] == pytest.approx(1)
    assert found["f"] == 0


def test_less_is_expected_of_those_with_less_exposure(help_tables):
    found = by_letter(help_tables("ab cd", exposure={"b": 0.5, "d": 1.5}), "ask_pull")
    assert found["b"] == pytest.approx(3 * found["d"])


def test_nothing_to_expect_leaves_the_rate_undefined(help_tables):
    assert np.isnan(by_letter(help_tables("ab", exposure={"b": 0, "a": 1}), "ask_pull")["b"])


def test_asks_of_the_own_manager_and_reports_do_not_count(help_tables):
    """a reports to b, dotted to c; d is a stranger to b."""
    tables = help_tables("ab:5 ba:5 ac db:2", manager={"a": ord("b")}, dotted_manager={"a": ord("c")})
    asks = from_tables(*tables)
    assert asks.received(asks.certain, asks.every_week()).tolist() == [0, 2, 0, 0]


def test_asks_of_bots_do_not_count(help_tables):
    asks = from_tables(*help_tables("ab cb", kind={"a": 3, "b": 1, "c": 1}))
    assert asks.received(asks.certain, asks.every_week()).tolist() == [0, 1, 0]


def test_whoever_answers_everything_is_thanked_by_chance(help_tables):
    """Eleven people answer 20 public asks and are thanked for 10; z answers 400 and is thanked for 20, a tenth of the usual share."""
    usual = " ".join(f"{x}{y}:20" for x, y in zip("abcdefghijk", "bcdefghijka", strict=True))
    asks, presence, people = help_tables(f"{usual} az:400")
    thanked = [10] * 11 + [20]
    asks = asks.set_column(asks.schema.get_field_index("certain"), "certain", [np.array(thanked, dtype=np.uint16)])
    found = from_tables(asks, presence, people)
    counted = found.received(found.certain, found.every_week())
    acceptance = (20 + 10 * 0.5) / (400 + 10)
    assert counted[-1] == pytest.approx(20 * acceptance / 0.25)
    assert counted[0] == pytest.approx(10)


def test_direct_asks_are_expected_of_those_near_four_times_as_much(help_tables):
    """a asks b directly; b and c share a's site, d does not: of one ask 4/9, 4/9 and 1/9 are expected."""
    site = {"a": 0, "b": 0, "c": 0, "d": 1}
    direct = {"directed": 1, "direct_credit": FIXED_POINT}
    tables = help_tables("ab", others="cd", exposure=dict.fromkeys("abcd", 0.0), ask=direct, site=site)
    assert from_tables(*tables).exposure.sum(axis=1) == pytest.approx([0, 4 / 9, 4 / 9, 1 / 9])


def test_direct_asks_are_not_expected_of_the_line(help_tables):
    """a asks c directly; b is a's manager and expects nothing of it."""
    direct = {"directed": 1, "direct_credit": FIXED_POINT}
    tables = help_tables("ac", others="bd", exposure=dict.fromkeys("abcd", 0.0), ask=direct, manager={"a": ord("b")})
    assert from_tables(*tables).exposure.sum(axis=1) == pytest.approx([0, 0, 0.5, 0.5])


def test_ten_asks_of_three_people_rarefy_as_worked_by_hand():
    count, total = np.array([5.0, 3, 2]), np.full(3, 10.0)
    assert (1 - rarefied_miss(count, total, 4)).sum() == pytest.approx(2.4762, abs=5e-5)  # T3.2
    assert (1 - rarefied_miss(count, total, 5)).sum() == pytest.approx(2.6905, abs=5e-5)


def test_five_asks_of_five_people_are_broader_than_of_one(help_tables):
    found = by_letter(help_tables("az bz cz dz ez ay:5 ax:4"), "breadth")
    assert found["z"] == pytest.approx(5)
    assert found["y"] == pytest.approx(1)
    assert np.isnan(found["x"])  # four asks are too few


def test_more_asks_of_the_same_people_are_not_broader(help_tables):
    found = by_letter(help_tables("az:50 bz:50 ay:5 by:5"), "breadth")
    assert found["z"] == pytest.approx(2 - 2 * 0.5**5, abs=0.02)
    assert found["y"] > found["z"]  # a small sample without replacement meets both more surely


def test_three_of_five_asks_from_another_department_are_sixty_percent(help_tables):
    group = {"a": 0, "b": 1, "z": 0}
    assert by_letter(help_tables("az:2 bz:3", group=group), "cross_team")["z"] == pytest.approx(0.6)


def test_asks_of_people_without_department_are_left_out(help_tables):
    assert by_letter(help_tables("az:2 bz:3 cz:9", group={"a": 0, "b": 1, "z": 0}), "cross_team")["z"] == pytest.approx(0.6)
    assert np.isnan(by_letter(help_tables("az:2"), "cross_team")["z"])


def test_being_asked_by_the_asked_ranks_higher():
    """T3.4: A->B, A->C, B->C, D->B; B and C are asked by two people each."""
    rank = rank_of_asked(np.array([0, 0, 1, 3]), np.array([1, 2, 2, 1]), np.ones(4), 4)
    assert rank == pytest.approx([0.131, 0.298, 0.440, 0.131], abs=5e-4)


def test_people_who_were_never_asked_have_no_expertise_rank(help_tables):
    asks = from_tables(*help_tables("ab ac bc db"))
    found = INDICATORS["expertise_rank"].compute(asks, asks.every_week())
    assert np.isnan(found[[0, 3]]).all()
    assert found[2] > found[1]


def test_incident_pull_is_the_share_of_bursts_in_reach_and_no_merit_on_call(help_tables):
    asks, presence, people = help_tables("ab cd", on_call={"a": False, "b": False, "c": True, "d": False})
    for name, values in (("pulls", [2, 0, 2, 0]), ("burst_exposure", [4, 4, 4, 0])):
        place = presence.schema.get_field_index(name)
        presence = presence.set_column(place, presence.schema.field(name), [np.array(values, dtype=np.uint32)])
    found = by_letter((asks, presence, people), "incident_pull")
    assert found["a"] == pytest.approx(0.5)
    assert found["b"] == 0
    assert np.isnan(found["c"])
    assert np.isnan(found["d"])


@pytest.mark.parametrize("name", ["ask_pull", "breadth", "cross_team"])
def test_the_order_of_rows_changes_nothing(help_tables, name):
    asks, presence, people = help_tables("az:2 bz:3 cz ay bx:2", group=dict(zip("abcxyz", [0, 1, 1, 0, 1, 0], strict=True)))
    mixed = tuple(table.take(np.random.default_rng(1).permutation(len(table))) for table in (asks, presence, people))
    assert np.array_equal(INDICATORS[name](asks, presence, people), INDICATORS[name](*mixed), equal_nan=True)


def test_one_more_ask_from_a_new_department_never_lowers_help(help_tables):
    group = dict(zip("abcdez", [0, 1, 1, 2, 3, 0], strict=True))
    before, after = help_tables("az:3 bz:2 ab", others="cde", group=group), help_tables("az:3 bz:2 ab dz", others="ce", group=group)
    for name in ("breadth", "cross_team"):
        assert by_letter(after, name)["z"] > by_letter(before, name)["z"]


def test_help_inside_the_line_counts_below_the_fraction_of_cross_team_help(help_tables):
    """a reports to z and asks three times; b of another department asks once: one ask of four comes from elsewhere."""
    tables = help_tables("az:3 bz", manager={"a": ord("z")}, group={"a": 0, "b": 1, "z": 0})
    assert by_letter(tables, "cross_team")["z"] == pytest.approx(0.25)


def test_managers_are_expected_to_be_asked_less_as_their_reports_do_not_count(help_tables):
    """Twelve managers with two reports each are asked half as often from outside as twelve others: the rate calls that usual."""
    managers, others = "ABCDEFGHIJKL", "MNOPQRSTUVWX"
    reports = "abcdefghijklmnopqrstuvwx"
    boss = {report: ord(managers[k // 2]) for k, report in enumerate(reports)}
    text = " ".join([f"y{x}:20" for x in managers] + [f"y{x}:40" for x in others + reports])
    found = by_letter(help_tables(text, manager=boss), "ask_pull")
    assert found["A"] == pytest.approx(found["M"], rel=0.05)


def test_a_few_outstanding_people_do_not_bend_the_line_that_they_are_held_against():
    """Nine in ten lie on y = x; a tenth, all at x = 10, lie far above."""
    x = np.append(np.linspace(0, 10, 90), np.full(10, 10.0))
    y = np.append(np.linspace(0, 10, 90), np.full(10, 40.0))
    fitted = Residual.fit(y, x[:, None])
    assert fitted.slopes[0] == pytest.approx(1, abs=0.01)
    assert fitted.apply(y, x[:, None])[-1] == pytest.approx(30, abs=0.1)


def test_a_direct_message_counts_half_an_ask(help_tables):
    """Six people expect one ask each; b was mentioned twice in a channel, d got two direct messages, credited .5 each."""
    asks, presence, people = help_tables("ab:2 cd:2", others="ef")
    asks = asks.set_column(asks.schema.get_field_index("directed"), "directed", [np.array([2, 2], dtype=np.uint16)])
    direct = np.array([0, FIXED_POINT], dtype=np.int64)
    asks = asks.set_column(asks.schema.get_field_index("direct_credit"), "direct_credit", [direct])
    found = from_tables(asks, presence, people)
    counted = found.received(found.counted, found.every_week())
    assert counted[1] == 2
    assert counted[3] == pytest.approx(1)
    assert found.exposure.sum() == pytest.approx(3)  # what is counted is what is expected


def test_asking_another_department_as_much_as_being_asked_by_it_is_a_place_not_a_merit(help_tables):
    """Forty people of two departments answer elsewhere what they ask there; z is asked from elsewhere and asks at home."""
    rng = np.random.default_rng(0)
    letters = [chr(code) for code in range(0x100, 0x128)]
    group = {letter: k % 2 for k, letter in enumerate(letters)} | {"z": 0}
    near, far = ([x for x in letters if group[x] == side] for side in (0, 1))
    words = []
    for k, letter in enumerate(letters):
        same, other = (near, far) if group[letter] == 0 else (far, near)
        elsewhere = 2 + 18 * k // len(letters)
        for pool, count in ((other, elsewhere), (same, 20 - elsewhere)):
            partner = rng.choice([x for x in pool if x != letter])
            words += [f"{partner}{letter}:{count}", f"{letter}{partner}:{count}"]
    words += [f"{far[0]}z:18", f"{near[0]}z:2", f"z{near[1]}:20"]
    found = by_letter(help_tables(" ".join(words), group=group), "cross_team")
    usual = np.array([found[letter] for letter in letters])
    assert found["z"] > np.quantile(usual, 0.95)
    asks = from_tables(*help_tables(" ".join(words), group=group))
    raw = INDICATORS["cross_team"].compute(asks, asks.every_week())[asks.roster.rows(np.array([ord(letter) for letter in letters]))]
    assert np.std(usual) < 0.7 * np.std(raw)  # most of the difference among them was their place


def test_the_middle_of_each_level_is_taken_off():
    """T4.2: three levels; the best of the first lies 40 above the middle of their level."""
    value = np.array([10.0, 20, 60, 30, 40, 50, 50, 60, 70])
    level = np.repeat([1, 2, 3], 3)
    dummies = np.column_stack([level == 2, level == 3]).astype(float)
    assert Residual.fit(value, dummies).apply(value, dummies)[2] == pytest.approx(40, abs=0.1)
