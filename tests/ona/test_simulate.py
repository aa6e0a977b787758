"""What a simulated company promises: the same bytes twice, honest truth, equal volume, and nobody planted when nobody is asked for."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ona.errors import SettingsError
from ona.simulate.company import company
from ona.tables import ACCOUNTS, BADGES, EVENTS, OUT_OF_HOURS, PEOPLE, AccountKind, Flag, Kind, Role, SpaceKind, check

START = date(2026, 6, 29)


@dataclass(frozen=True)
class Quarter:
    """A company with its events as flat arrays."""

    made: object
    events: pa.Table
    people: pd.DataFrame
    role: dict

    def column(self, name):
        return self.events[name].fill_null(0).to_numpy() if self.events[name].null_count else self.events[name].to_numpy()


def _quarter(**plan):
    made = company(**plan)
    people = made.people.to_pandas().set_index("person")
    return Quarter(made, made.events(), people, dict(zip(*(made.truth[c].to_pylist() for c in ("person", "role")), strict=True)))


@pytest.fixture(scope="module")
def planted():
    return _quarter(people=600, weeks=13, seed=1)


@pytest.fixture(scope="module")
def small():
    return _quarter(people=80, weeks=3, seed=5)


def _members(quarter):
    return quarter.people[quarter.people.kind == AccountKind.MEMBER]


def _peers_and(quarter, role, *, hidden=False):
    """Return the planted people of a role and ordinary individual contributors, both of the lowest level when hidden."""
    truth = quarter.made.truth.to_pandas()
    chosen = truth[(truth.role == role) & (truth.hidden | (not hidden))].person
    members = _members(quarter)
    ordinary = members[(members.level == 5) & ~members.index.isin(truth.person) & members.left.isna()]
    return members.loc[chosen], ordinary


def _answered(quarter):
    """Return asker and helper of every channel answer that the asker reacted to: root author and replier."""
    author = pd.Series(quarter.column("sender"), index=quarter.column("event"))
    kind, root, reply = (quarter.column(n) for n in ("kind", "root", "reply_to"))
    reacted = pd.DataFrame({"by": quarter.column("sender"), "root": root, "answer": reply})[kind == Kind.REACTION]
    reacted = reacted[reacted.root != reacted.answer]
    reacted["asker"], reacted["helper"] = author.reindex(reacted.root).to_numpy(), author.reindex(reacted.answer).to_numpy()
    return reacted[(reacted.by == reacted.asker) & (reacted.helper != reacted.asker)]


def test_the_same_numbers_give_the_same_bytes():
    first, second = (company(people=60, weeks=2, seed=3, draw=4) for _ in range(2))
    assert first.events().equals(second.events())
    assert all(getattr(first, n).equals(getattr(second, n)) for n in ("people", "truth", "spaces", "badges", "absences", "accounts"))


def test_another_draw_is_another_quarter_of_the_same_company():
    first, second = company(people=60, weeks=2, seed=3, draw=0), company(people=60, weeks=2, seed=3, draw=1)
    assert first.truth.equals(second.truth)
    assert first.people.equals(second.people)
    shared = set(first.events()["event"].to_pylist()) & set(second.events()["event"].to_pylist())
    assert not shared


def test_another_seed_is_another_company():
    assert not company(people=60, weeks=1, seed=1).people.equals(company(people=60, weeks=1, seed=2).people)


def test_every_table_fits_its_schema(small):
    made = small.made
    for table, schema in ((small.events, EVENTS), (made.people, PEOPLE), (made.accounts, ACCOUNTS), (made.badges, BADGES)):
        assert table.schema.equals(schema.schema)
        assert check(table, schema).num_rows == table.num_rows > 0


def test_batches_come_week_by_week_and_stay_small(small):
    weeks = [set(batch["week"].to_pylist()) for batch in small.made.batches()]
    assert weeks == [{START + timedelta(weeks=n)} for n in range(3)]
    assert max(batch.num_rows for batch in small.made.batches()) < small.events.num_rows / 2


def test_large_companies_come_in_blocks_of_departments():
    made = company(people=25_000, weeks=1)
    rows = [batch.num_rows for batch in made.batches()]
    assert len(rows) == 2
    assert max(rows) < 0.9 * sum(rows)


def test_everything_happens_inside_the_window(small):
    ends = START + timedelta(weeks=3)
    for name in ("sent", "day", "week"):
        low, high = pc.min_max(small.events[name].cast(pa.timestamp("us"))).as_py().values()
        assert pd.Timestamp(START) <= low <= high < pd.Timestamp(ends)
    assert all(day.weekday() == 0 for day in set(small.events["week"].to_pylist()))


def test_ids_are_unique_and_every_reference_names_an_earlier_event(small):
    sent = pd.Series(small.column("sent"), index=small.column("event"))
    assert sent.index.is_unique
    for name in ("root", "reply_to"):
        points = small.column(name)
        assert (sent.loc[points[points != 0]].to_numpy() < small.column("sent")[points != 0]).all()


def test_a_reply_in_chat_answers_the_root_and_a_reaction_names_the_author(small):
    kind, root, reply = (small.column(n) for n in ("kind", "root", "reply_to"))
    said = (kind == Kind.MESSAGE) & (reply != 0)
    assert (root[said] == reply[said]).all()
    author = dict(zip(small.column("event"), small.column("sender"), strict=True))
    reactions = small.events.filter(pc.equal(small.events["kind"], Kind.REACTION)).to_pylist()
    assert reactions
    assert all([r["account"] for r in row["recipients"]] == [author[row["reply_to"]]] != [row["sender"]] for row in reactions)


def test_nobody_is_a_recipient_of_their_own_event_or_twice_of_one(small):
    for row in small.events.select(["sender", "recipients", "audience"]).to_pylist():
        to = [r["account"] for r in row["recipients"]]
        assert len(set(to)) == len(to) == row["audience"]
        assert row["sender"] not in to


def test_chat_stamps_are_unique_in_a_channel(small):
    chat = small.events.filter(pc.less_equal(small.events["kind"], int(Kind.REACTION)))
    assert chat.group_by(["space", "sent", "kind"]).aggregate([]).num_rows == chat.num_rows


def test_the_local_day_and_hour_are_those_of_the_sender(small):
    zone = small.people.zone
    rows = small.events.slice(0, 4000).to_pylist()
    for row in rows:
        local = pd.Timestamp(row["sent"], tz="UTC").tz_convert(zone[row["sender"]])
        assert (local.date(), local.hour) == (row["day"], row["bin"] % OUT_OF_HOURS)


def test_people_act_on_their_own_working_days(planted):
    """Nine out of ten messages fall on a day of the pattern; the rest is out of hours, and part-timers keep their days."""
    sent, sender = planted.events["day"].to_pandas(), planted.column("sender")
    mask = planted.people.work_days.reindex(sender).to_numpy()
    member = (planted.people.kind.reindex(sender) == AccountKind.MEMBER).to_numpy()
    on = (mask >> pd.to_datetime(sent).dt.day_of_week.to_numpy()) & 1
    assert on[member].mean() > 0.97


def test_volume_is_eight_to_fourteen_events_per_person_and_working_day(planted):
    assert 380_000 < planted.events.num_rows < 520_000
    members = _members(planted)
    own = np.isin(planted.column("sender"), members.index).sum()
    days = sum(int(planted.made.staff.present[n].sum()) for n in range(len(members)))
    assert 8 < own / days < 14


def test_the_organisation_has_five_levels_sites_part_timers_and_teams_of_five_to_fifteen(planted):
    members = _members(planted)
    assert len(members) == 600
    assert set(members.level) == {1, 2, 3, 4, 5}
    assert members.manager.isna().sum() == 1
    assert 5 <= members.group.nunique() <= 9
    assert members.site.nunique() == 4
    assert 0.06 < (members.fte < 1).mean() < 0.2
    sizes = members[members.level >= 4].groupby("team").size()
    assert sizes.between(5, 15).mean() > 0.9
    assert members.left.notna().any()


def test_the_work_day_mask_fits_the_share_of_full_time(planted):
    members = _members(planted)
    days = members.work_days.map(lambda mask: bin(mask).count("1"))
    assert (days[members.fte == 1] == 5).all()
    assert (days[members.fte < 0.75] == 3).all()
    assert (days[members.fte.between(0.75, 0.99)] == 4).all()


def test_roles_are_planted_in_the_promised_shares(planted):
    truth = planted.made.truth.to_pandas()
    counts = truth.groupby("role").size()
    assert counts["helper"] == counts["broker"] == 24  # 4 % of 600
    assert counts["incident_responder"] == 6
    assert truth[truth.role.isin(["helper", "broker"])].groupby("role").hidden.sum().tolist() == [12, 12]
    assert truth[truth.role == "helper"].part_time.sum() == truth[truth.role == "broker"].part_time.sum() == 5  # a fifth
    decoys = {"broadcaster", "big_span_manager", "service_desk", "serial_replier", "meeting_hoarder", "bot", "shared_mailbox", "joiner"}
    assert decoys <= set(counts.index)


def test_hidden_people_have_no_formal_visibility(planted):
    truth = planted.made.truth.to_pandas()
    members = _members(planted)
    hidden, seen = (members.loc[truth[truth.role.isin(["helper", "broker"]) & (truth.hidden == h)].person] for h in (True, False))
    assert (hidden.level == 5).all()
    assert not hidden.named_lead.any()
    assert seen.named_lead.all()


def test_helpers_are_asked_by_many_more_people_than_their_peers(planted):
    asked = _answered(planted).groupby("helper").asker.nunique()
    helpers, ordinary = (asked.reindex(group.index, fill_value=0) for group in _peers_and(planted, "helper", hidden=True))
    assert 3 < helpers.mean() / ordinary.mean() < 8
    assert helpers.min() > ordinary.median()


def test_helpers_show_in_at_least_85_percent_of_their_weeks(planted):
    answered = _answered(planted)
    helpers, ordinary = _peers_and(planted, "helper", hidden=True)
    week = pd.Series(planted.events["week"].to_pandas().to_numpy(), index=planted.column("event"))
    table = answered.assign(week=week.loc[answered.root].to_numpy()).pivot_table(
        index="helper", columns="week", values="root", aggfunc="count", fill_value=0
    )
    there = dict(zip(planted.made.staff.ids, _weeks_there(planted), strict=False))
    usual = table.reindex(ordinary.index, fill_value=0).to_numpy().mean()
    shares = [(table.loc[p].to_numpy()[there[p]] > usual).mean() for p in helpers.index]
    assert np.mean(shares) > 0.85


def _weeks_there(quarter):
    present = quarter.made.staff.present
    return present.reshape(len(present), 13, 7).sum(axis=2) >= 3


def _initiated(quarter):
    """Turns that begin something, per day worked: mails that answer nothing and messages after another speaker or a pause."""
    frame = pd.DataFrame({n: quarter.column(n) for n in ("sender", "sent", "space", "kind", "root", "space_kind")})
    frame = frame[(frame.root == 0) & frame.kind.isin([Kind.MESSAGE, Kind.MAIL])]
    count = frame.groupby("sender").size()
    worked = pd.Series(quarter.made.staff.present.sum(axis=1), index=quarter.made.staff.ids[: quarter.made.staff.n_members])
    return (count / worked).replace(np.inf, np.nan)


@pytest.mark.parametrize("role", ["helper", "broker"])
def test_planted_people_initiate_as_much_as_their_peers(role):
    """Over three companies, since 36 people with sigma .45 have a mean that varies by 7 %."""
    ratio = []
    for seed in (1, 2, 3):
        quarter = _quarter(people=600, weeks=4, seed=seed)
        rate = _initiated(quarter)
        chosen, ordinary = _peers_and(quarter, role, hidden=True)
        ratio.append(rate.reindex(chosen.index).mean() / rate.reindex(ordinary.index).mean())
    assert np.mean(ratio) == pytest.approx(1, abs=0.1)


def _contacts(quarter):
    """Pairs with direct talk, mail to few or a meeting of two on at least three days, each pair once."""
    rows = quarter.events.filter(pc.and_(pc.less_equal(quarter.events["audience"], 2), pc.greater_equal(quarter.events["space_kind"], 3)))
    sender, day = (rows[name].take(pc.list_parent_indices(rows["recipients"])) for name in ("sender", "day"))
    receiver = pc.struct_field(pc.list_flatten(rows["recipients"]), "account")
    flat = pa.table({"a": sender, "b": receiver, "day": day})
    pairs = flat.to_pandas()
    pairs["low"], pairs["high"] = pairs[["a", "b"]].min(axis=1), pairs[["a", "b"]].max(axis=1)
    grouped = pairs.groupby(["low", "high"]).agg(days=("day", "nunique"), ways=("a", "nunique")).reset_index()
    kept = grouped[(grouped.days >= 3) & (grouped.ways == 2)]
    both = pd.concat([kept[["low", "high"]].set_axis(["ego", "alter"], axis=1), kept[["high", "low"]].set_axis(["ego", "alter"], axis=1)])
    members = _members(quarter)
    both = both[both.ego.isin(members.index) & both.alter.isin(members.index)]
    return both.assign(
        cross=members.team.loc[both.ego].to_numpy() != members.team.loc[both.alter].to_numpy(),
        group=members.group.loc[both.alter].to_numpy(),
    )


def test_brokers_have_most_of_their_contacts_in_other_groups(planted):
    contacts = _contacts(planted).groupby("ego")
    share, groups = contacts.cross.mean(), contacts.group.nunique()
    brokers, ordinary = _peers_and(planted, "broker", hidden=True)
    assert 0.5 < share.loc[brokers.index].mean() < 0.75
    assert share.reindex(ordinary.index).mean() < 0.45
    assert groups.loc[brokers.index].mean() > 1.5 * groups.reindex(ordinary.index).mean()


def test_the_stated_rates_are_those_that_act(planted):
    """The truth's help rate and the acknowledged answers rank the helpers and their peers alike."""
    truth = planted.made.truth.to_pandas().set_index("person")
    assert truth.rate[truth.role == "helper"].min() > 2
    assert truth.rate[truth.role == "broker"].between(0.4, 1).all()
    assert truth.rate[~truth.role.isin(["helper", "broker"])].isna().all()


def test_incident_responders_are_called_in_by_two_people(planted):
    mentioned = planted.events.filter(pc.and_(pc.equal(planted.events["audience"], 1), pc.equal(planted.events["kind"], 1)))
    rows = [r for r in mentioned.to_pylist() if r["recipients"][0]["role"] == Role.MENTIONED]
    incidents = {s for s, t in zip(planted.made.spaces["space"].to_pylist(), planted.made.staff.space_type, strict=True) if t == 4}
    called = pd.Series([r["recipients"][0]["account"] for r in rows if r["space"] in incidents]).value_counts()
    chosen = [p for p, role in planted.role.items() if role == "incident_responder"]
    assert called.reindex(chosen, fill_value=0).mean() > 3 * called.mean()
    assert len(called) > 10


def test_serial_repliers_answer_much_and_are_hardly_ever_thanked(planted):
    thanked = _answered(planted).helper.value_counts()
    replies = pd.Series(planted.column("sender")[(planted.column("kind") == Kind.MESSAGE) & (planted.column("root") != 0)]).value_counts()
    chosen, ordinary = _peers_and(planted, "serial_replier")
    share = (thanked.reindex(replies.index, fill_value=0) / replies).loc
    assert replies.loc[chosen.index].mean() > 5 * replies.reindex(ordinary.index).mean()
    assert share[chosen.index].mean() < 0.08
    assert share[ordinary.index].mean() > 0.15


def test_decoys_and_machines_are_there_to_be_met(planted):
    kind, flags = planted.column("kind"), planted.column("flags")
    bots = planted.people.index[planted.people.kind == AccountKind.BOT]
    from_bots = np.isin(planted.column("sender"), bots)
    assert ((flags[from_bots] & (Flag.BOT | Flag.AUTO_SUBMITTED)) != 0).all()
    assert len(set(planted.column("bin")[from_bots] % OUT_OF_HOURS)) == 24
    assert planted.column("audience").max() == 500
    for flag in (Flag.LIST, Flag.BROADCAST, Flag.CANCELLED, Flag.SECOND_ZERO):
        assert (flags & flag).any()
    assert {int(k) for k in set(kind)} == {int(k) for k in Kind}
    assert {int(k) for k in set(planted.column("space_kind"))} == {int(k) for k in SpaceKind}


def test_without_planting_nobody_has_a_role_or_another_rate():
    made = company(people=300, weeks=1, seed=2, planted=False)
    assert set(made.truth["role"].to_pylist()) == {"bot", "shared_mailbox"}
    staff = made.staff
    for rate in (staff.help_near, staff.help_far, staff.activity):
        assert (rate == 1).all()
    assert not staff.hidden.any()
    assert not made.people["service_role"].to_numpy(zero_copy_only=False).any()


def test_without_planting_answers_are_spread_as_chance_spreads_them():
    """Thanked answers per person, over what team mates got: a Poisson count's variance is its mean, planting makes it many times that."""
    spread = {}
    for planting in (True, False):
        quarter = _quarter(people=300, weeks=6, seed=2, planted=planting)
        count = _answered(quarter).helper.value_counts().reindex(_members(quarter).index, fill_value=0)
        there = quarter.made.staff.present.sum(axis=1) >= 20
        count = count[quarter.made.staff.ids[: quarter.made.staff.n_members][there]]
        spread[planting] = count.var() / count.mean()
    assert spread[False] < 2.2
    assert spread[True] > 3.5


def test_people_and_truth_are_in_the_order_of_random_ids(planted):
    person = planted.made.people["person"].to_numpy()
    assert (np.diff(person) > 0).all()
    assert (planted.made.truth["person"].to_numpy() == np.sort(planted.made.truth["person"].to_numpy())).all()


def test_seven_out_of_ten_hold_badges_whoever_they_are(planted):
    held = planted.made.badges.group_by("person").aggregate([("badge", "count")])
    assert held.num_rows / 600 == pytest.approx(0.7, abs=0.06)
    assert set(held["badge_count"].to_pylist()) <= {1, 2, 3, 4}
    assert "expired" in planted.made.badges["status"].to_pylist()


@pytest.mark.parametrize("plan", [{"people": 49}, {"weeks": 27}, {"start": date(2026, 6, 30)}])
def test_impossible_companies_are_refused(plan):
    with pytest.raises(SettingsError, match="Expected: 50-500,000 people"):
        company(**plan)
