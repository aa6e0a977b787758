"""Chat of one simulated week: asks and answers, talk, incidents, reactions and direct conversations."""

import numpy as np

from ona.simulate.mail import company_wide, mails, meetings, one_to_ones, report_talks, team_meetings
from ona.simulate.staff import Staff, mix
from ona.simulate.structure import CODE, INCIDENT, Bools, Floats, Ints
from ona.simulate.week import Draft, Sheet, Week
from ona.tables import Kind, Role, SpaceKind

ASKS, CHATTER, FYI, TALKS, GROUP_TALKS, DIRECT_ASKS = 0.55, 0.36, 0.12, 0.32, 0.07, 0.28
"""Initiatives per person of mean activity and working day."""
REACTIONS = 0.9
"""Reactions per message in a channel."""


def draft_week(staff: Staff, number: int, block: slice, rng: np.random.Generator) -> Week:
    """Draft everything that the members of the block begin in one week."""
    size = block.stop - block.start
    window = staff.present[block, 7 * number : 7 * number + 7]
    burst: Floats = np.exp(0.6 * rng.standard_normal((size, 7)) - 0.18) * window
    sessions = staff.opens[block, None, None] + rng.uniform(0, 8 * 3600, (size, 7, 3))
    week = Week(staff, rng, number, block, burst, sessions, Sheet())
    for begin in (_asks, _chatter, _desk_asks, _incidents, _react, _talks, _group_talks, _direct_asks, mails, one_to_ones, meetings):
        begin(week)
    team_meetings(week)
    report_talks(week)
    if block.start == 0:
        company_wide(week)
    return week


def _venues(week: Week, who: Ints, team: float, department: float) -> Ints:
    """Draw a channel for each root: the team's, the department's or a topic's."""
    tree = week.staff.tree
    where = week.rng.random(who.size)
    topic = week.staff.topics.draw(who, week.rng)
    return np.where(where < team, tree.team[who], np.where(where < team + department, tree.team_size.size + tree.group[who], topic))


def _asks(week: Week) -> None:
    """Questions in channels: some mention a colleague, most are answered, most answers are acknowledged."""
    rng = week.rng
    who, at = week.initiatives(ASKS * week.factor(joiner=1.4, broadcaster=0.7))
    channel = _venues(week, who, 0.4, 0.15)
    first = week.staff.spaces.draw(channel, rng)
    mention = (rng.random(who.size) < 0.33) & (first != who)
    asks = _roots(week, who, at, channel, first, mention)
    extra = rng.poisson(0.45, who.size)
    extra_ask = np.repeat(np.arange(who.size), extra)
    more = week.staff.spaces.draw(channel[extra_ask], rng)
    answered = np.flatnonzero(rng.random(who.size) < 0.9)
    ask, by = np.concatenate([answered, extra_ask]), np.concatenate([first[answered], more])
    _answers(week, asks[ask], ask, by, (who, at, channel), 0.68)
    _serial_replies(week, asks, at, channel)


def _roots(week: Week, who: Ints, at: Floats, channel: Ints, mentioned: Ints, mention: Bools) -> Ints:
    return week.sheet.add(
        Draft(Kind.MESSAGE, who, at, channel=channel, counts=mention.astype(np.int64), to=mentioned[mention], roles=Role.MENTIONED)
    )


def _answers(week: Week, roots: Ints, ask: Ints, by: Ints, asked: tuple[Ints, Floats, Ints], thanks: float) -> None:
    """Answer each ask by each person once, and let askers acknowledge by reaction or reply."""
    rng, (who, at, channel) = week.rng, asked
    _, keep = np.unique(ask * np.int64(2**32) + by, return_index=True)
    keep = keep[(by[keep] >= 0) & (by[keep] != who[ask[keep]])]
    roots, ask, by = roots[keep], ask[keep], by[keep]
    when = week.settle(by, at[ask] + week.delay(1300, by.size))
    answers = week.sheet.add(Draft(Kind.MESSAGE, by, when, channel=channel[ask], root=roots, reply_to=roots))
    thanked = np.flatnonzero(rng.random(by.size) < thanks)
    by_reply = rng.random(thanked.size) < 0.35
    back = week.settle(who[ask[thanked]], when[thanked] + week.delay(420, thanked.size))
    said, clicked = thanked[by_reply], thanked[~by_reply]
    week.sheet.add(Draft(Kind.MESSAGE, who[ask[said]], back[by_reply], channel=channel[ask[said]], root=roots[said], reply_to=roots[said]))
    _reactions(week, who[ask[clicked]], back[~by_reply], answers[clicked], by[clicked], (channel[ask[clicked]], roots[clicked]))


def _reactions(week: Week, who: Ints, at: Floats, message: Ints, author: Ints, place: tuple[Ints, Ints]) -> None:
    channel, root = place
    ones = np.ones(who.size, dtype=np.int64)
    week.sheet.add(Draft(Kind.REACTION, who, at, channel=channel, root=root, reply_to=message, counts=ones, to=author))


def _serial_replies(week: Week, roots: Ints, at: Floats, channel: Ints) -> None:
    """Let serial repliers say something late in the threads of their channels; nobody thanks them."""
    for person in week.staff.only("serial_replier"):
        staff = week.staff
        mine = np.concatenate(
            [staff.topics.row(int(person)), [staff.tree.team[person], staff.tree.team_size.size + staff.tree.group[person]]]
        )
        here = np.flatnonzero(np.isin(channel, mine) & (week.rng.random(channel.size) < 0.8))
        who = np.full(here.size, person)
        when = week.settle(who, at[here] + 3 * 3600 + week.delay(3600, here.size))
        week.sheet.add(Draft(Kind.MESSAGE, who, when, channel=channel[here], root=roots[here], reply_to=roots[here]))


def _chatter(week: Week) -> None:
    """Talk in channels that asks for nothing; helpers and brokers spend these turns elsewhere."""
    rng, staff = week.rng, week.staff
    who, at = week.initiatives((CHATTER + FYI) * week.factor(helper=0.55, broadcaster=9.0))
    channel = _venues(week, who, 0.6, 0.15)
    roots = _roots(week, who, at, channel, who, np.zeros(who.size, dtype=bool))
    loud = staff.role[who] == CODE["broadcaster"]
    replies = np.where(loud, 0, rng.poisson(1.1, who.size) * (rng.random(who.size) < CHATTER / (CHATTER + FYI)))
    thread = np.repeat(np.arange(who.size), replies)
    by = week.anybody(channel[thread])
    by = np.where((staff.role[by] == CODE["helper"]) & (rng.random(by.size) < 0.75), -1, by)
    _answers(week, roots[thread], thread, by, (who, at, channel), 0.04)


def _desk_asks(week: Week) -> None:
    """Questions to the service desk, answered by its staff (by anybody where there is none)."""
    rng, staff = week.rng, week.staff
    who, at = week.initiatives(0.05)
    channel = staff.desk_space[who]
    roots = _roots(week, who, at, channel, who, np.zeros(who.size, dtype=bool))
    desk = np.flatnonzero(staff.tree.desk[staff.tree.team])
    by = desk[rng.integers(0, desk.size, who.size)] if desk.size else staff.spaces.draw(channel, rng)
    _answers(week, roots, np.arange(who.size), by, (who, at, channel), 0.6)


def _incidents(week: Week) -> None:
    """Projects on fire: many speakers within two hours, some people called in by two others."""
    staff = week.staff
    tree, rng = staff.tree, week.rng
    heads = week.members[(tree.position[week.block] == 0) & (tree.level[week.block] == 4)]
    owners = heads[rng.random(heads.size) < 0.045]
    for channel in np.flatnonzero(staff.space_type == INCIDENT):
        for owner in owners[_incident_channel(staff, owners) == channel]:
            _incident(week, int(channel), int(owner))


def _incident_channel(staff: Staff, who: Ints) -> Ints:
    channels = np.flatnonzero(staff.space_type == INCIDENT)
    return channels[(staff.tree.group[who] // 2) % channels.size]


def _incident(week: Week, channel: int, owner: int) -> None:
    staff, rng = week.staff, week.rng
    day = min(7 * week.number + int(rng.integers(0, 5)), staff.plan.days - 1)
    start = float(week.utc(np.array([owner]), np.array([day]), np.array([rng.uniform(10, 16) * 3600]))[0])
    ready = staff.spaces.row(channel)
    ready = ready[staff.present[ready, day]]
    if ready.size < 14:
        return
    crowd = rng.choice(ready, int(rng.integers(5, 8)), replace=False)
    speakers = np.concatenate([[owner], crowd[crowd != owner]])
    count = int(rng.integers(26, 44))
    who = speakers[rng.integers(0, speakers.size, count)]
    at = np.sort(start + rng.uniform(0, 5400, count))
    week.sheet.add(Draft(Kind.MESSAGE, who, at, channel=channel))
    weight = staff.spaces.weights[staff.spaces.offsets[channel] : staff.spaces.offsets[channel + 1]]
    weight = np.where(np.isin(staff.spaces.row(channel), speakers) | ~staff.present[staff.spaces.row(channel), day], 0, weight)
    called = rng.choice(staff.spaces.row(channel), 3, replace=False, p=weight / weight.sum())
    for person in called:
        callers = rng.choice(speakers, 2, replace=False)
        moment = start + 600 + rng.uniform(0, 2400)
        week.sheet.add(
            Draft(
                Kind.MESSAGE,
                callers,
                moment + np.array([0.0, 240.0]),
                channel=channel,
                counts=1,
                to=np.full(2, person),
                roles=Role.MENTIONED,
            )
        )
        turns = int(rng.integers(3, 7))
        week.sheet.add(Draft(Kind.MESSAGE, np.full(turns, person), moment + 500 + np.sort(rng.uniform(0, 3000, turns)), channel=channel))


def _react(week: Week) -> None:
    """Reactions of members of a channel to its messages."""
    rng, sheet = week.rng, week.sheet
    channel = sheet.column("channel").astype(np.int64)
    sender, at, root = (sheet.column(name) for name in ("sender", "at", "root"))
    fit = np.flatnonzero((channel >= 0) & np.isfinite(at.astype(np.float64)) & (sheet.column("kind") == Kind.MESSAGE))
    target = np.repeat(fit, rng.poisson(REACTIONS, fit.size))
    who = week.anybody(channel[target])
    taken = sheet.column("reply_to").astype(np.int64)[(sheet.column("kind") == Kind.REACTION)]
    _, first = np.unique(target * np.int64(2**32) + who, return_index=True)
    first = first[(who[first] != sender[target[first]]) & ~np.isin(target[first], taken)]
    target, who = target[first], who[first]
    when = week.settle(who, at[target].astype(np.float64) + week.delay(1500, who.size))
    thread = root[target].astype(np.int64)
    _reactions(week, who, when, target, sender[target].astype(np.int64), (channel[target], np.where(thread >= 0, thread, target)))


def direct_space(left: Ints, right: Ints) -> Ints:
    """Return the id of the direct conversation of two accounts."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    return mix(mix(low * np.int64(2**31) + high) ^ np.int64(0x1D1D1D1D))


def _talks(week: Week) -> None:
    """Direct conversations between contacts, turn by turn."""
    rng = week.rng
    who, at = week.initiatives(TALKS * week.factor(joiner=1.3))
    other = week.partners(who)
    keep = other >= 0
    who, other, at = who[keep], other[keep], at[keep]
    turns = 3 + rng.geometric(0.14, who.size).clip(0, 20)
    _exchange(week, who, other, at, turns)


def _exchange(week: Week, who: Ints, other: Ints, at: Floats, turns: Ints) -> None:
    at = at.copy()
    space = direct_space(who, other)
    for turn in range(int(turns.max(initial=0))):
        going = np.flatnonzero(turns > turn)
        speaker, listener = (who, other) if turn % 2 == 0 else (other, who)
        if turn:
            at[going] = week.settle(speaker[going], at[going] + week.delay(240, going.size))
        ones = np.ones(going.size, dtype=np.int64)
        week.sheet.add(
            Draft(Kind.MESSAGE, speaker[going], at[going], space=space[going], space_kind=SpaceKind.DIRECT, counts=ones, to=listener[going])
        )


def _group_talks(week: Week) -> None:
    """Direct conversations of four."""
    who, at = week.initiatives(GROUP_TALKS)
    crew = np.stack([who, *(week.partners(who) for _ in range(3))], axis=1)
    ordered = np.sort(crew, axis=1)
    keep = (crew >= 0).all(axis=1) & (np.diff(ordered, axis=1) > 0).all(axis=1)
    crew, ordered, at = crew[keep], ordered[keep], at[keep]
    space = mix(mix(mix(ordered[:, 0] * np.int64(2**31) + ordered[:, 1]) ^ ordered[:, 2] * np.int64(2**31)) ^ ordered[:, 3])
    for turn in range(5):
        speaker = crew[:, turn % 4]
        at = at if turn == 0 else week.settle(speaker, at + week.delay(300, at.size))
        others = np.stack([crew[:, k] for k in range(4) if k != turn % 4], axis=1).ravel()
        week.sheet.add(Draft(Kind.MESSAGE, speaker, at, space=space, space_kind=SpaceKind.GROUP, counts=3, to=others))


def _turned_to(week: Week, who: Ints) -> Ints:
    """Draw whom each person turns to directly: a team mate, somebody of the department, or of the company."""
    staff, rng = week.staff, week.rng
    where = rng.random(who.size)
    team, department = staff.tree.team[who], staff.tree.team_size.size + staff.tree.group[who]
    near = staff.spaces.draw(np.where(where < 0.5, team, department), rng)
    running = np.cumsum(staff.help_far)
    far = np.searchsorted(running, rng.random(who.size) * running[-1], side="right").clip(0, staff.n_members - 1)
    return np.where(where < 0.75, near, far)


def _direct_asks(week: Week) -> None:
    """Questions asked in private, by direct message or mail, answered and mostly acknowledged."""
    rng = week.rng
    who, at = week.initiatives(DIRECT_ASKS)
    other = _turned_to(week, who)
    keep = other != who
    who, other, at = who[keep], other[keep], at[keep]
    mail = rng.random(who.size) < 0.25
    _ask_by_message(week, who[~mail], other[~mail], at[~mail])
    _ask_by_mail(week, who[mail], other[mail], at[mail])


def _ask_by_message(week: Week, who: Ints, other: Ints, at: Floats) -> None:
    rng, space = week.rng, direct_space(who, other)
    place = {"space_kind": SpaceKind.DIRECT, "counts": 1}
    asks = week.sheet.add(Draft(Kind.MESSAGE, who, at, space=space, to=other, **place))
    said = np.flatnonzero(rng.random(who.size) < 0.92)
    when = week.settle(other[said], at[said] + week.delay(1500, said.size))
    root = np.where(rng.random(said.size) < 0.7, asks[said], -1)
    week.sheet.add(Draft(Kind.MESSAGE, other[said], when, space=space[said], to=who[said], root=root, reply_to=root, **place))
    back = np.flatnonzero(rng.random(said.size) < 0.6)
    then = week.settle(who[said[back]], when[back] + week.delay(400, back.size))
    week.sheet.add(
        Draft(
            Kind.MESSAGE,
            who[said[back]],
            then,
            space=space[said[back]],
            to=other[said[back]],
            root=root[back],
            reply_to=root[back],
            **place,
        )
    )


def _ask_by_mail(week: Week, who: Ints, other: Ints, at: Floats) -> None:
    asks = week.sheet.add(Draft(Kind.MAIL, who, at, space_kind=SpaceKind.MAIL, counts=1, to=other))
    said = np.flatnonzero(week.rng.random(who.size) < 0.9)
    when = week.settle(other[said], at[said] + week.delay(5400, said.size))
    week.sheet.add(
        Draft(Kind.MAIL, other[said], when, space_kind=SpaceKind.MAIL, counts=1, to=who[said], root=asks[said], reply_to=asks[said])
    )
