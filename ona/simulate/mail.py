"""Mail and meetings of one simulated week, and what goes to the whole company: bots, lists, all-hands."""

import numpy as np

from ona.simulate.staff import mix
from ona.simulate.structure import ALERTS, ANNOUNCEMENT, CODE, TEAM, Floats, Ints
from ona.simulate.week import DAY, Draft, Week
from ona.tables import AccountKind, Flag, Kind, Role, SpaceKind

MAILS, ONE_TO_ONES, MEETINGS = 0.65, 0.2, 0.07
"""Initiatives per person of mean activity and working day."""


def mails(week: Week) -> None:
    """Mail between contacts with To and Cc, and chains of replies to all."""
    rng, staff = week.rng, week.staff
    who, at = week.initiatives(MAILS * week.factor(broadcaster=2.0))
    first = week.partners(who)
    second = np.where(rng.random(who.size) < 0.3, week.partners(who), -1)
    copies = [np.where(rng.random(who.size) < 0.12, staff.spaces.draw(staff.tree.team[who], rng), -1) for _ in range(3)]
    outside = np.where(rng.random(who.size) < 0.05, staff.kind.size + rng.integers(0, 64, who.size), -1)
    slots = np.stack([first, second, *copies, outside], axis=1)
    roles = np.array([Role.TO, Role.TO, Role.CC, Role.CC, Role.CC, Role.CC])
    slots = _distinct(slots, who)
    keep = (slots >= 0).any(axis=1)
    who, at, slots = who[keep], at[keep], slots[keep]
    root = _mail(week, who, at, slots, roles, np.full((2, who.size), -1))
    _chain(week, who, at, slots, root)


def _distinct(slots: Ints, sender: Ints) -> Ints:
    """Blank repeated recipients and the sender."""
    slots = np.where(slots == sender[:, None], -1, slots)
    for later in range(1, slots.shape[1]):
        again = (slots[:, :later] == slots[:, later : later + 1]).any(axis=1)
        slots[again, later] = -1
    return slots


def _mail(week: Week, who: Ints, at: Floats, slots: Ints, roles: Ints, links: Ints) -> Ints:
    """Send mail to those of the slots that are filled; links are the roots and the mails answered."""
    filled = slots >= 0
    role = np.broadcast_to(roles, slots.shape)[filled]
    return week.sheet.add(
        Draft(
            Kind.MAIL,
            who,
            at,
            space_kind=SpaceKind.MAIL,
            root=links[0],
            reply_to=links[1],
            counts=filled.sum(axis=1),
            to=slots[filled],
            roles=role,
        )
    )


def _chain(week: Week, who: Ints, at: Floats, slots: Ints, root: Ints) -> None:
    """Let the first recipient and the sender answer each other, the others in copy."""
    rng = week.rng
    roles = np.array([Role.TO, *[Role.CC] * (slots.shape[1] - 1)])
    last, sender, other = root, who, slots[:, 0]
    for chance in (0.75, 0.7, 0.7, 0.65, 0.6, 0.6):
        going = np.flatnonzero((other >= 0) & (rng.random(other.size) < chance) & np.isfinite(at))
        root, last, sender, other, slots = (column[going] for column in (root, last, sender, other, slots))
        at = week.settle(other, at[going] + week.delay(6000, going.size))
        last = _mail(week, other, at, np.column_stack([sender, slots[:, 1:]]), roles, np.stack([root, last]))
        sender, other = other, sender


def _accepted(week: Week, size: int) -> Ints:
    answers = [Role.ACCEPTED, Role.TENTATIVE, Role.DECLINED, Role.NO_ANSWER]
    return week.rng.choice(np.array(answers), size, p=[0.8, 0.05, 0.07, 0.08])


def _slot(at: Floats) -> Floats:
    """Begin meetings on the half hour."""
    moment: Floats = np.round(at / 1800) * 1800
    return moment


def one_to_ones(week: Week) -> None:
    """Meetings of two contacts."""
    who, at = week.initiatives(ONE_TO_ONES)
    other = week.partners(who)
    keep = other >= 0
    who, other, at = who[keep], other[keep], _slot(at[keep])
    lead = week.rng.integers(1, 100, who.size)
    _meet(week, who, at, (np.ones(who.size, dtype=np.int64), other), lead, week.rng.choice([30.0, 30.0, 45.0, 60.0], who.size))


def _meet(week: Week, who: Ints, at: Floats, invited: tuple[Ints, Ints], lead: Ints, minutes: Floats, *, series: Ints | int = -1) -> None:  # noqa: PLR0913 - each is a column
    counts, to = invited
    flags = np.where(week.rng.random(who.size) < 0.02, Flag.CANCELLED, 0)
    week.sheet.add(
        Draft(
            Kind.MEETING,
            who,
            at,
            space_kind=SpaceKind.CALENDAR,
            series=series,
            lead=lead,
            minutes=minutes,
            flags=flags,
            counts=counts,
            to=to,
            roles=_accepted(week, to.size),
        )
    )


def meetings(week: Week) -> None:
    """Meetings across teams; hoarders call many large ones."""
    rng, staff = week.rng, week.staff
    who, at = week.initiatives(MEETINGS * week.factor(meeting_hoarder=12.0))
    hoarder = staff.role[who] == CODE["meeting_hoarder"]
    size = np.where(hoarder, rng.integers(9, 22, who.size), rng.integers(5, 10, who.size))
    row = np.repeat(np.arange(who.size), size)
    where = rng.random(row.size)
    channel = np.where(where < 0.4, staff.tree.team[who[row]], staff.tree.team_size.size + staff.tree.group[who[row]])
    to = np.where(where < 0.25, week.partners(who[row]), week.anybody(channel))
    _, first = np.unique(row * np.int64(2**32) + to, return_index=True)
    first = first[(to[first] >= 0) & (to[first] != who[row[first]])]
    counts = np.bincount(row[first], minlength=who.size)
    _meet(week, who, _slot(at), (counts, to[first]), rng.integers(12, 240, who.size), rng.choice([30.0, 60.0, 60.0, 90.0], who.size))


def team_meetings(week: Week) -> None:
    """Weekly meetings of a team on a fixed day and hour, every third one in a booked room."""
    staff, tree = week.staff, week.staff.tree
    teams = np.flatnonzero((tree.team_start >= week.block.start) & (tree.team_start < week.block.stop))
    day = 7 * week.number + teams % 5
    heads = tree.team_start[teams]
    meets = staff.present[heads, day]
    teams, day, heads = teams[meets], day[meets], heads[meets]
    counts = tree.team_size[teams] - 1
    to = np.repeat(heads + 1 - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
    here = staff.left[to] > np.repeat(day, counts)
    rooms = staff.accounts(AccountKind.ROOM)
    booked = np.flatnonzero(teams % 3 == 0)
    row = np.concatenate([np.repeat(np.arange(teams.size), counts)[here], booked])
    to = np.concatenate([to[here], rooms[teams[booked] % rooms.size]])[np.argsort(row, kind="stable")]
    at = _slot(week.utc(heads, day, 3600.0 * (10 + teams % 5).astype(np.float64)))
    lead, long = 1000 + teams * 7 % 3000, np.full(teams.size, 45.0)
    _meet(week, heads, at, (np.bincount(row, minlength=teams.size), to), lead, long, series=mix(teams + 7_000_003))


def report_talks(week: Week) -> None:
    """Fortnightly talks of manager and report on a fixed day and hour."""
    staff, tree, me = week.staff, week.staff.tree, week.members
    due = me[(me % 2 == week.number % 2) & (tree.manager[me] >= 0)]
    day = 7 * week.number + due % 5
    due, day = due[staff.present[due, day]], day[staff.present[due, day]]
    at = _slot(week.utc(due, day, 3600 * np.array([9.5, 11.0, 13.0, 14.5, 16.0])[due // 5 % 5]))
    once = np.ones(due.size, dtype=np.int64)
    _meet(week, tree.manager[due], at, (once, due), once * 700, once * 30.0, series=mix(due + 900_000_007))


def company_wide(week: Week) -> None:
    """Announcements, all-hands, mailing lists, bots and shared mailboxes."""
    for begin in (_announcements, _all_hands, _bots, _mailboxes, _lists):
        begin(week)


def _moments(week: Week, count: int, first: float = 8.0, last: float = 18.0) -> Floats:
    day = 7 * week.number + week.rng.integers(0, 5, count)
    moments: Floats = day * DAY + week.rng.uniform(first, last, count) * 3600
    return moments


def _announcements(week: Week) -> None:
    channel = int(np.flatnonzero(week.staff.space_type == ANNOUNCEMENT)[0])
    posters = np.arange(min(3, week.staff.n_members))
    who = posters[week.rng.integers(0, posters.size, 5)]
    week.sheet.add(Draft(Kind.MESSAGE, who, _moments(week, 5), channel=channel, flags=Flag.BROADCAST))


def _some(week: Week, limit: int) -> Ints:
    staff = week.staff
    here = np.flatnonzero((staff.left > 7 * week.number + 7) & (staff.joined <= 7 * week.number))
    return np.sort(week.rng.permutation(here[here > 0])[:limit])


def _all_hands(week: Week) -> None:
    """One mail to 500 a week, and a meeting of all every fourth week."""
    to = _some(week, 500)
    head = np.zeros(1, dtype=np.int64)
    week.sheet.add(Draft(Kind.MAIL, head, np.floor(_moments(week, 1)), space_kind=SpaceKind.MAIL, counts=to.size, to=to))
    if week.number % 4 == 1:
        many = np.array([to.size])
        _meet(week, head, _slot(_moments(week, 1, 14.0, 16.0)), (many, to), np.array([500]), np.array([60.0]))


def _bots(week: Week) -> None:
    """Bots post round the clock on the second; some of it is mail that says so."""
    rng, staff = week.rng, week.staff
    bots = staff.accounts(AccountKind.BOT)
    spread = np.flatnonzero(staff.space_type == TEAM)
    homes = np.where(np.arange(bots.size) % 2 == 0, int(np.flatnonzero(staff.space_type == ALERTS)[0]), spread[bots % spread.size])
    each = 220
    who = np.repeat(np.arange(bots.size), each)
    at = np.floor((7 * week.number * DAY + rng.uniform(0, 7 * DAY, who.size)) / 60) * 60
    week.sheet.add(Draft(Kind.MESSAGE, bots[who], at, channel=homes[who], flags=Flag.BOT))
    to = rng.integers(0, staff.n_members, 40 * bots.size)
    sender = np.repeat(bots, 40)
    at = np.floor((7 * week.number * DAY + rng.uniform(0, 7 * DAY, sender.size)) / 60) * 60
    flags = Flag.AUTO_SUBMITTED | Flag.NOREPLY
    week.sheet.add(Draft(Kind.MAIL, sender, at, space_kind=SpaceKind.MAIL, flags=flags, counts=1, to=to))


def _mailboxes(week: Week) -> None:
    """Shared mailboxes answer those who write to them."""
    rng, staff = week.rng, week.staff
    boxes = staff.accounts(AccountKind.SHARED)
    count = 45 * boxes.size
    who = rng.integers(0, staff.n_members, count)
    at = week.settle(who, _moments(week, count))
    box = np.repeat(boxes, 45)
    root = week.sheet.add(Draft(Kind.MAIL, who, at, space_kind=SpaceKind.MAIL, counts=1, to=box))
    answered = np.flatnonzero(rng.random(count) < 0.8)
    when = at[answered] + week.delay(7200, answered.size)
    week.sheet.add(
        Draft(
            Kind.MAIL,
            box[answered],
            when,
            space_kind=SpaceKind.MAIL,
            counts=1,
            to=who[answered],
            root=root[answered],
            reply_to=root[answered],
        )
    )


def _lists(week: Week) -> None:
    """Mail to lists whose members nobody expands."""
    staff = week.staff
    lists = staff.accounts(AccountKind.TECHNICAL)
    count = 8 * lists.size
    who = week.rng.integers(0, staff.n_members, count)
    week.sheet.add(
        Draft(
            Kind.MAIL,
            who,
            week.settle(who, _moments(week, count)),
            space_kind=SpaceKind.MAIL,
            flags=Flag.LIST,
            counts=1,
            to=lists[np.arange(count) % lists.size],
        )
    )
