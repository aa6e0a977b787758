"""From weekly ties to graphs: the end-to-end fixture of the method specification (T14.1) and the rule for relationships."""

import numpy as np
import pyarrow as pa
import pytest

from ona.fusion import Medians, attention, fused, medians, related, relationship, tie_weeks
from ona.roster import roster
from ona.tables import FIXED_POINT, PEOPLE, PRESENCE, TIES, Channel

MONDAY = 20633  # 2026-06-29 as days since 1970
A, B, C = 1, 2, 3


def ties(*rows):
    """Ties as (channel, from, to, weight) with optional week, evidence mask and turns."""
    columns = {name: [] for name in TIES.schema.names}
    for channel, source, target, weight, *more in rows:
        week, evidence, turns = (*more, *(0, 1, 1)[len(more) :])
        values = (MONDAY + 7 * week, "s", channel, source, target, round(weight * FIXED_POINT), 1, evidence, evidence, turns)
        for name, value in zip(TIES.schema.names, values, strict=True):
            columns[name].append(value)
    columns["week"] = pa.array(columns["week"], pa.int32()).cast(pa.date32())
    return pa.table(columns).cast(TIES.schema)


def who(weeks=12, n=3, **columns):
    """Members 1 to n without HR data but for these columns, everybody seen every day."""
    filled = {"person": np.arange(1, n + 1), "kind": np.ones(n, dtype=np.uint8)} | columns
    people = pa.table({f.name: pa.array(filled[f.name]).cast(f.type) if f.name in filled else pa.nulls(n, f.type) for f in PEOPLE.schema})
    mondays = np.arange(MONDAY, MONDAY + 7 * weeks, 7).astype("datetime64[D]")
    rows = {"week": np.repeat(mondays, n), "account": np.tile(np.arange(1, n + 1), weeks), "days": np.full(n * weeks, 31)}
    blank = {f.name: pa.array(rows[f.name]).cast(f.type) if f.name in rows else pa.nulls(n * weeks, f.type) for f in PRESENCE.schema}
    return roster(people, pa.table(blank, schema=PRESENCE.schema), np.array([], dtype=np.int64), mondays)


@pytest.fixture
def fixture():
    """T14.1: a mail to b and c, a thread, a reaction and a meeting of a and b; 60 shared days."""
    return tie_weeks(
        who(),
        ties(
            (Channel.MAIL, A, B, 0.5850), (Channel.MAIL, A, C, 0.5850), (Channel.CHAT, B, A, 2.5850), (Channel.CHAT, C, A, 0.5361),
            (Channel.CHAT, C, B, 0.8074), (Channel.MEETING, A, B, 1.0, 0, 1, 0), (Channel.MEETING, B, A, 1.0, 0, 1, 0),
        ),
    )  # fmt: skip


UNITS = Medians({Channel.CHAT: 0.02, Channel.MAIL: 0.01, Channel.MEETING: 0.02}, {})


def test_the_worked_example_fuses_as_by_hand(fixture):
    graph = attention(fixture, fused(fixture, UNITS, np.ones(12), 10.0))
    weight = graph.adjacency.toarray()
    assert weight == pytest.approx(np.array([[0, 0.3821, 0.2025], [0.5284, 0, 0], [0.1081, 0.1518, 0]]), abs=5e-5)
    assert weight[:, 0].sum() == pytest.approx(0.6364, abs=5e-5)


def test_the_worked_example_has_no_relationship_in_one_week(fixture):
    assert len(related(fixture, np.ones(12), 3)) == 0


def test_the_tie_of_two_is_the_geometric_mean_of_both_directions(fixture):
    weight = fused(fixture, UNITS, np.ones(12), 10.0)
    graph = relationship(fixture, weight, np.arange(len(fixture.low)))
    near = graph.adjacency.toarray()
    assert near[0, 1] == near[1, 0] == pytest.approx(0.4493, abs=5e-5)
    assert near[0, 2] == pytest.approx(0.1479, abs=5e-5)
    assert near[1, 2] == 0  # only c turned to b


def test_a_tie_of_eight_one_way_and_two_the_other_weighs_four():
    """T1.9: the geometric mean; the share that is returned is in the test of the company's reciprocity."""
    pair = tie_weeks(who(n=2), ties((Channel.CHAT, A, B, 1.0), (Channel.CHAT, B, A, 1.0)))
    weight = np.where(pair.source == pair.source[0], 8.0, 2.0)
    assert relationship(pair, weight, np.arange(1)).adjacency.toarray()[0, 1] == pytest.approx(4)


def test_half_the_shared_days_make_twice_the_rate():
    """T1.8: 12 turns on 50 shared days .20 a day, on 20 days .40; and for half-time staff on 60 days and on 24."""
    for weeks, rate in ((10, 0.20), (4, 0.40)):
        shared = tie_weeks(who(weeks=weeks, n=2), ties((Channel.CHAT, A, B, 12.0)))
        assert shared.rates(Channel.CHAT, np.ones(weeks), 10.0)[0] == pytest.approx(rate)
    full, part = (tie_weeks(who(work_days=[31, days], n=2), ties((Channel.CHAT, A, B, 12.0))) for days in (31, 3))
    assert full.rates(Channel.CHAT, np.ones(12), 10.0)[0] == pytest.approx(12 / 70)
    assert part.rates(Channel.CHAT, np.ones(12), 10.0)[0] == pytest.approx(12 / 34)


def test_medians_of_few_pairs_give_way_to_the_default(fixture):
    found = medians(fixture, np.ones(12), 10.0)
    assert found.rate[Channel.MAIL] == 0.01
    assert set(found.reasons) == {Channel.CHAT, Channel.MAIL, Channel.MEETING}
    assert medians(fixture, np.ones(12), 10.0, {Channel.CHAT: 0.5}).rate[Channel.CHAT] == 0.5


def test_losing_an_account_never_raises_strength(fixture):
    """Amendment 11: without chat b has less contact, for the company still scans three channels."""
    rows = [(Channel.MAIL, A, B, 0.5850), (Channel.MEETING, A, B, 1.0, 0, 1, 0), (Channel.MEETING, B, A, 1.0, 0, 1, 0)]
    less = tie_weeks(who(), ties(*rows, (Channel.CHAT, C, A, 0.5361)))
    before, after = (fused(t, UNITS, np.ones(12), 10.0)[(t.source == 1)].sum() for t in (fixture, less))
    assert after < before


def test_reporting_lines_and_bots_make_no_tie():
    staff = who(n=4, manager=[None, A, None, None], kind=np.array([1, 1, 1, 3], dtype=np.uint8))
    rows = [(Channel.CHAT, A, B, 5.0), (Channel.CHAT, B, A, 5.0), (Channel.CHAT, C, A, 1.0), (Channel.CHAT, 4, C, 1.0)]
    found = tie_weeks(staff, ties(*rows))
    assert (found.source.tolist(), found.target.tolist()) == ([2], [0])


MONDAY_ONLY, THREE_DAYS = 1, 7


def chats(*weeks, evidence=MONDAY_ONLY, turns=1, both=True):
    """Chat of a and b in these weeks."""
    pairs = [(A, B), (B, A)] if both else [(A, B)]
    return [(Channel.CHAT, s, t, 1.0, week, evidence, turns) for week in weeks for s, t in pairs]


@pytest.mark.parametrize(
    ("rows", "is_related"),
    [
        (chats(0, 4, 8), True),
        (chats(0, 4), False),  # two days of 60 are too few
        (chats(0, 4, 8, both=False), False),  # only one of them wrote
        (chats(0, evidence=THREE_DAYS), False),  # the other answered in one week only
        (chats(0, 1, evidence=THREE_DAYS), True),
        (chats(0, 4, 8, evidence=0), False),  # large audiences prove nothing
        (chats(0, 4, 8, turns=0), False),  # reactions alone
    ],
)  # fmt: skip
def test_a_relationship_needs_three_days_and_both_sides(rows, is_related):
    assert len(related(tie_weeks(who(n=2), ties(*rows)), np.ones(12), 3)) == int(is_related)


def test_days_add_up_over_channels_without_counting_a_day_twice():
    mail = [(Channel.MAIL, s, t, 1.0, week, 1, 1) for week in (0, 4) for s, t in ((A, B), (B, A))]
    assert len(related(tie_weeks(who(n=2), ties(*chats(0, 4), *mail)), np.ones(12), 3)) == 0
    assert len(related(tie_weeks(who(n=2), ties(*chats(8), *mail)), np.ones(12), 3)) == 1


def test_small_meetings_prove_a_relationship_without_messages():
    rows = [(Channel.MEETING, s, t, 1.0, week, 1, 0) for week in (0, 4, 8) for s, t in ((A, B), (B, A))]
    assert len(related(tie_weeks(who(n=2), ties(*rows)), np.ones(12), 3)) == 1


def test_part_timers_need_fewer_days():
    """Two people who share 24 of 60 days: 5 % of them round up to 2."""
    assert len(related(tie_weeks(who(n=2, work_days=[31, 3]), ties(*chats(0, 4))), np.ones(12), 3)) == 1


def test_half_the_weeks_ask_for_fewer_days():
    """Six weeks of 30 shared days: 5 % round up to 2."""
    weeks = np.array([1.0, 0] * 6)
    assert len(related(tie_weeks(who(n=2), ties(*chats(0, 4))), weeks, 3)) == 1


def test_rates_over_their_median_become_concave_weights():
    """T1.11: .25, .5, 1, 2 and 4 medians."""
    found = np.log1p(np.array([0.25, 0.5, 1, 2, 4]))
    assert found == pytest.approx([0.2231, 0.4055, 0.6931, 1.0986, 1.6094], abs=5e-5)
    rate = 0.02 * np.array([0.25, 0.5, 1, 2, 4]) * (60 + 10)  # turns in 60 shared days that give these multiples of .02
    rows = [(Channel.CHAT, 1, 2 + k, weight) for k, weight in enumerate(rate)]
    weeks = tie_weeks(who(n=6), ties(*rows))
    assert fused(weeks, Medians({Channel.CHAT: 0.02}, {}), np.ones(12), 10.0) == pytest.approx(found, abs=1e-5)


def chatter(turns, replies, *, people=40, weeks=(0, 1, 2)):
    """Person 1 writes to everybody; everybody writes ten turns a week to the next and ``replies`` to person 1."""
    rows = []
    for week in weeks:
        for other in range(2, people + 1):
            rows += [(Channel.CHAT, 1, other, 1.0, week, 127, turns), (Channel.CHAT, other, 1, 1.0, week, 127, replies)]
            after = other + 1 if other < people else 2
            rows += [(Channel.CHAT, other, after, 1.0, week, 127, 10), (Channel.CHAT, after, other, 1.0, week, 127, 10)]
    return tie_weeks(who(n=people), ties(*rows))


def contacts(made):
    """How many relationships each person has."""
    pairs = related(made, np.ones(12), 3)
    return np.bincount(np.concatenate([made.low[pairs], made.high[pairs]]), minlength=made.roster.n)


def test_whoever_replies_to_everybody_is_related_to_nobody():
    """Person 1 spreads 39 replies a week over all and is answered once by each: no more than such a volume brings about."""
    found = contacts(chatter(1, 1))
    assert found[0] == 0
    assert (found[1:] == 2).all()


def test_turns_beyond_what_volume_explains_make_a_relationship():
    """Eight turns a week each way of 39 people is what volume says, but week after week it is a rhythm."""
    assert contacts(chatter(1, 1, weeks=tuple(range(12))))[0] == 39


def test_two_alone_in_a_company_are_related_when_they_write():
    assert len(related(tie_weeks(who(n=2), ties(*chats(0, 4, 8))), np.ones(12), 3)) == 1


def test_one_small_meeting_does_not_make_a_relationship_of_thread_replies():
    rows = [*chats(0, 4, 8, both=False), (Channel.MEETING, 1, 2, 1.0, 0, 1, 0), (Channel.MEETING, 2, 1, 1.0, 0, 1, 0)]
    assert len(related(tie_weeks(who(n=2), ties(*rows)), np.ones(12), 3)) == 0
