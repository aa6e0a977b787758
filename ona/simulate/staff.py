"""The people of a simulated company, one array per fact: tenure, presence, help rates and what is planted."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ona.simulate.structure import (
    CODE,
    Bools,
    Floats,
    Ints,
    Plan,
    Ragged,
    Tree,
    build_pairs,
    build_spaces,
    build_ties,
    build_tree,
    cross_share,
)
from ona.tables import AccountKind

SHARES = {"helper": 0.04, "broker": 0.04, "incident_responder": 0.01, "broadcaster": 0.01, "serial_replier": 0.01, "meeting_hoarder": 0.01}

SITES = (
    ("Berlin", "Europe/Berlin", "de"),
    ("Dublin", "Europe/Dublin", "en"),
    ("New York", "America/New_York", "en"),
    ("Bangalore", "Asia/Kolkata", "en"),
)

FUNCTIONS = ("Support", "Engineering", "Sales", "Product", "Operations", "Finance", "Research", "Marketing", "People")

OFFICE_OPENS, OFFICE_CLOSES = 7, 19  # local hours outside which an event counts as out of hours

HELP_SPREAD = 0.35  # sigma of ln(help rate) among people who are not planted


@dataclass(frozen=True)
class Staff:
    """Everything about the people of one company, by account number: members first, then bots, mailboxes, rooms, lists."""

    plan: Plan
    tree: Tree
    kind: Ints
    ids: Ints  # account ids by account number; externals at the end
    n_members: int
    role: Ints
    hidden: Bools
    rate: Floats
    help_near: Floats  # relative rate at which a person is turned to by their own team
    help_far: Floats  # … and by everybody else
    activity: Floats
    site: Ints
    function: Ints
    named_lead: Bools
    on_call: Bools
    protected: Bools
    dotted: Ints
    fte: Floats
    mask: Ints
    joined: Ints  # days since the start of the window
    left: Ints  # first day that is no longer worked; beyond the window when staying
    absent: Bools  # (members, days)
    present: Bools  # (members, days)
    offset: Ints  # (sites, days) seconds east of UTC
    opens: Ints  # (members,) seconds after local midnight
    ties: Ragged
    spaces: Ragged  # channel → members, weighted by help rate
    space_kind: Ints
    space_home: Ints  # department, -1 for a channel of the whole company
    space_type: Ints
    topics: Ragged  # member → topic channels
    desk_space: Ints  # (members,) the service desk's channel of a member

    def only(self, role: str) -> Ints:
        """Return the members that were given the role."""
        return np.flatnonzero(self.role == CODE[role])

    def accounts(self, kind: AccountKind) -> Ints:
        """Return the account numbers of one kind."""
        return np.flatnonzero(self.kind == kind)


def staff(plan: Plan) -> Staff:
    """Draw the organisation; the same plan gives the same one."""
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, 1, plan.people, int(plan.planted)]))
    tree = build_tree(plan, rng)
    n = tree.team.size
    named_lead = (tree.level <= 4) | (rng.random(n) < 0.03)
    desk = tree.desk[tree.team]
    joined, left = _tenure(plan, tree, rng)
    role, hidden = _roles(plan, tree, named_lead, joined, left, rng)
    fte, mask = _part_time(role, rng)
    near, far = _help(plan, role, desk, rng)
    pairs = build_pairs(plan, tree, role, rng)
    site = _sites(tree, rng)
    absent, present = _presence(plan, site, mask, joined, left, rng)
    spaces, types, homes, kinds, topics, desk_space = build_spaces(plan, tree, role, near, far, rng)
    kind = np.concatenate([np.full(n, AccountKind.MEMBER), _others(n)])
    rate = np.where(role == CODE["helper"], far, np.where(role == CODE["broker"], cross_share(pairs, tree, n), np.nan))
    return Staff(
        plan=plan,
        tree=tree,
        kind=kind,
        ids=_ids(plan.seed, kind.size + 64),
        n_members=n,
        role=role,
        hidden=hidden,
        rate=rate,
        help_near=near,
        help_far=far,
        activity=_activity(plan, role, rng),
        site=site,
        function=np.where(desk, 0, 1 + tree.group % (len(FUNCTIONS) - 1)),
        named_lead=named_lead,
        on_call=(rng.random(n) < 0.02) & (role == 0),
        protected=(rng.random(n) < 0.004) & (role == 0) & (tree.level == 5),
        dotted=np.where(rng.random(n) < 0.05, tree.team_start[rng.integers(0, tree.team_start.size, n)], -1),
        fte=fte,
        mask=mask,
        joined=joined,
        left=left,
        absent=absent,
        present=present,
        offset=_offsets(plan),
        opens=(3600 * rng.normal(8.6, 0.6, n)).clip(7.2 * 3600, 10 * 3600).astype(np.int64),
        ties=build_ties(pairs, n),
        spaces=spaces,
        space_kind=kinds,
        space_home=homes,
        space_type=types,
        topics=topics,
        desk_space=desk_space,
    )


def mix(values: Ints | npt.NDArray[np.uint64]) -> Ints:
    """Return a one-to-one scrambling of 64-bit numbers (splitmix64), positive and of 63 bits."""
    x = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scrambled: Ints = ((x ^ (x >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
    return scrambled


def _ids(seed: int, count: int) -> Ints:
    return mix(mix(np.arange(count) + (seed + 1) * 1_000_003) ^ np.int64(0x5DEECE66D))


def _others(n: int) -> Ints:
    counts = ((AccountKind.BOT, 2 + n // 150), (AccountKind.SHARED, 1 + n // 200), (AccountKind.ROOM, 4), (AccountKind.TECHNICAL, 4))
    return np.concatenate([np.full(count, kind) for kind, count in counts])


def _tenure(plan: Plan, tree: Tree, rng: np.random.Generator) -> tuple[Ints, Ints]:
    n = tree.team.size
    joined = -np.maximum(rng.exponential(1500, n), 30).astype(np.int64)
    joined = np.minimum(joined, plan.days - 100)
    newcomer = (rng.random(n) < 0.04) & (tree.level == 5)
    joined[newcomer] = plan.days - rng.integers(15, 85, int(newcomer.sum()))
    left = np.full(n, 10_000)
    leaver = (rng.random(n) < 0.02) & (tree.level == 5) & ~newcomer
    left[leaver] = rng.integers(7, max(plan.days, 8), int(leaver.sum()))
    return joined, left


def _roles(plan: Plan, tree: Tree, named: Bools, joined: Ints, left: Ints, rng: np.random.Generator) -> tuple[Ints, Bools]:
    n = tree.team.size
    role = np.zeros(n, dtype=np.int64)
    hidden = np.zeros(n, dtype=bool)
    if not plan.planted:
        return role, hidden
    joiner = joined > plan.days - 90
    role[joiner] = CODE["joiner"]
    role[tree.desk[tree.team]] = CODE["service_desk"]
    role[tree.team_start[(tree.team_size >= 20) & ~tree.desk]] = CODE["big_span_manager"]
    free = (role == 0) & (left > plan.days) & (tree.level >= 3)
    for name, share in SHARES.items():
        count = max(1, round(share * n))
        quiet = free & (role == 0) & (tree.level == 5) & ~named
        seen = free & (role == 0) & ((tree.level <= 4) | named)
        half = count // 2 if name in ("helper", "broker", "incident_responder") else 0
        loud = rng.permutation(np.flatnonzero(seen))[:half]
        low = rng.permutation(np.flatnonzero(quiet))[: count - loud.size]
        role[np.concatenate([loud, low])] = CODE[name]
        hidden[low] = name in ("helper", "broker", "incident_responder")
    return role, hidden


def _part_time(role: Ints, rng: np.random.Generator) -> tuple[Floats, Ints]:
    part = rng.random(role.size) < 0.12
    for code in (CODE["helper"], CODE["broker"]):
        chosen = np.flatnonzero(role == code)
        part[chosen] = False
        part[rng.permutation(chosen)[: round(0.2 * chosen.size)]] = True
    fte = np.where(part, rng.choice([0.5, 0.6, 0.6, 0.8, 0.8], role.size), 1.0)
    days_off = np.round(5 * (1 - fte))  # half-time works three days too, shorter ones
    mask = np.full(role.size, 0b11111)
    for needed in (1, 2):  # take one day off, then another one
        off = rng.integers(0, 5, role.size)
        taken = (mask >> off) & 1 == 0
        off = np.where(taken, (off + 2) % 5, off)
        mask = np.where(days_off >= needed, mask & ~(1 << off), mask)
    return fte, mask


def _help(plan: Plan, role: Ints, desk: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
    n = role.size
    spread = np.exp(HELP_SPREAD * rng.standard_normal(n)) if plan.planted else np.ones(n)
    helper = role == CODE["helper"]
    strong = 6.5 * np.exp(0.25 * rng.standard_normal(n))
    near = np.where(helper, 0.7 * strong, spread)
    far = np.where(helper, strong, spread)
    far = np.where(role == CODE["broker"], np.minimum(far, 1.0), far)
    return near, np.where(desk, 0.3, far)


def _activity(plan: Plan, role: Ints, rng: np.random.Generator) -> Floats:
    """Draw the heavy-tailed volume of a person; planted people take even quantiles, so that their volume equals their peers'."""
    n = role.size
    if not plan.planted:
        return np.ones(n)
    quantile = rng.random(n)
    for code in range(1, 4):
        chosen = rng.permutation(np.flatnonzero(role == code))
        quantile[chosen] = (np.arange(chosen.size) + 0.5) / max(chosen.size, 1)
    sigma = 0.45
    return np.exp(sigma * ndtri(quantile.clip(0.005, 0.995)) - sigma**2 / 2)


def _sites(tree: Tree, rng: np.random.Generator) -> Ints:
    home = rng.choice(len(SITES), tree.team_size.size, p=[0.4, 0.2, 0.2, 0.2])
    away = rng.choice(len(SITES), tree.team.size)
    return np.where(rng.random(tree.team.size) < 0.85, home[tree.team], away)


def _presence(plan: Plan, site: Ints, mask: Ints, joined: Ints, left: Ints, rng: np.random.Generator) -> tuple[Bools, Bools]:
    n, days = site.size, plan.days
    day = np.arange(days)
    absent = np.zeros((n, days), dtype=bool)
    for _ in range(max(1, round(plan.weeks / 12))):  # holidays of one to two weeks
        first = rng.integers(-10, days + 20, n)
        length = rng.choice([5, 7, 9, 12, 14], n)
        absent |= (day >= first[:, None]) & (day < (first + length)[:, None])
    absent |= rng.random((n, days)) < 0.012  # sick days
    free = np.zeros((len(SITES), days), dtype=bool)  # public holidays
    for row in free:
        row[rng.choice(days, max(1, plan.weeks // 5), replace=False)] = True
    absent |= free[site]
    works = ((mask[:, None] >> (day % 7)) & 1).astype(bool) & (day >= joined[:, None]) & (day < left[:, None])
    return absent & works, works & ~absent


def _offsets(plan: Plan) -> Ints:
    noon = [np.datetime64(plan.start + timedelta(days=day)).astype("datetime64[s]") for day in range(plan.days)]
    rows = []
    for _, zone, _ in SITES:
        there = ZoneInfo(zone)
        moments = [(stamp.item() + timedelta(hours=12)).replace(tzinfo=there) for stamp in noon]
        rows.append([int((moment.utcoffset() or timedelta()).total_seconds()) for moment in moments])
    return np.array(rows, dtype=np.int64)
