"""Formal and informal structure of a simulated company: the reporting tree, who knows whom, and the channels."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from ona.tables import SpaceKind

Ints = npt.NDArray[np.int64]

Floats = npt.NDArray[np.float64]

Bools = npt.NDArray[np.bool_]

ROLES = (
    "none",
    "helper",
    "broker",
    "incident_responder",
    "broadcaster",
    "big_span_manager",
    "service_desk",
    "serial_replier",
    "meeting_hoarder",
    "bot",
    "shared_mailbox",
    "joiner",
)
"""What may be planted; the position is the code in ``Staff.role``."""

CODE = {name: code for code, name in enumerate(ROLES)}

TEAM, DEPARTMENT, TOPIC, ANNOUNCEMENT, INCIDENT, DESK, ALERTS = range(7)
"""Types of channels; the types that hold asks come first."""

TOPICS_EACH = 3


@dataclass(frozen=True)
class Ragged:
    """Lists of different lengths, one per row, whose entries can be drawn in proportion to their weights."""

    offsets: Ints
    values: Ints
    weights: Floats
    running: Floats  # running sum of the weights, a zero in front

    @staticmethod
    def of(rows: Ints, values: Ints, weights: Floats, n_rows: int) -> "Ragged":
        """Group the values by row."""
        order = np.argsort(rows, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int64)
        sorted_weights = weights[order].astype(np.float64)
        return Ragged(offsets, values[order].astype(np.int64), sorted_weights, np.concatenate([[0.0], np.cumsum(sorted_weights)]))

    def draw(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """Return one entry per row asked for, -1 where the list is empty."""
        if not self.values.size:
            return np.full(rows.size, -1, dtype=np.int64)
        low, high = self.offsets[rows], self.offsets[rows + 1]
        base, top = self.running[low], self.running[high]
        at = np.searchsorted(self.running, base + rng.random(rows.size) * (top - base), side="right") - 1
        found: Ints = self.values[np.clip(at, low, np.maximum(high - 1, low)).clip(0, self.values.size - 1)]
        return np.where(high > low, found, -1)

    def sizes(self) -> Ints:
        """Return the length of each list."""
        return np.diff(self.offsets)

    def row(self, index: int) -> Ints:
        """Return one list."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]


@dataclass(frozen=True)
class Plan:
    """What a company is made from."""

    people: int
    weeks: int
    seed: int
    planted: bool
    start: date

    @property
    def days(self) -> int:
        """Return the length of the window in days."""
        return 7 * self.weeks


@dataclass(frozen=True)
class Tree:
    """Formal positions, one entry per member, ordered by department and team."""

    team: Ints
    group: Ints
    level: Ints
    manager: Ints  # member number, -1 for the head of the company
    position: Ints  # place inside the team
    team_start: Ints  # first member of each team
    team_size: Ints
    team_group: Ints
    desk: Bools  # per team: a service desk


def build_tree(plan: Plan, rng: np.random.Generator) -> Tree:
    """Draw departments, teams and the reporting tree."""
    departments = int(np.clip(round(plan.people / 85), 2, 7)) + max(0, plan.people - 2000) // 1500
    sizes = _split(plan.people, departments, 0.75 if plan.planted else 0.0, rng)
    rows: list[tuple[int, int, int, bool]] = []  # department, size, manager's level, desk
    for group, size in enumerate(sizes):
        rows += [(group, *team) for team in _department(plan, int(size), group == 0, rng)]
    team_group, team_size, first_level, desk = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    team_start = np.concatenate([[0], np.cumsum(team_size)[:-1]])
    team = np.repeat(np.arange(team_size.size), team_size)
    position = np.arange(team.size) - team_start[team]
    level = np.where(position == 0, first_level[team], first_level[team] + 1)
    office = first_level <= 2  # a department's head office: its members lead the teams
    manager = np.where(position == 0, _above(team_group, team_start, team_size, office)[team], team_start[team])
    level = np.where(~office[team] & (position > 0), 5, level)
    level[0] = 1
    manager[0] = -1
    head = (position == 1) & (team == 0)  # the first department's own head sits beside the head of the company
    return Tree(team, team_group[team], np.where(head, 2, level), manager, position, team_start, team_size, team_group, desk.astype(bool))


def _split(total: int, parts: int, spread: float, rng: np.random.Generator) -> Ints:
    share = rng.uniform(1 - spread / 2, 1 + spread / 2, parts)
    edges = np.round(np.concatenate([[0.0], np.cumsum(share)]) / share.sum() * total).astype(np.int64)
    sizes: Ints = np.diff(edges)
    return sizes


def _department(plan: Plan, size: int, first: bool, rng: np.random.Generator) -> list[tuple[int, int, bool]]:
    directors = max(1, round(size / 45))
    office = 1 + directors + first
    rest = size - office
    special: list[tuple[int, int, bool]] = []
    if first:
        desks = max(1, round(plan.people / 800)) if plan.people <= 2000 else max(1, size // 60)
        special += [(5 + (plan.people >= 200), 4, True)] * (desks if plan.planted else 0)
    if plan.planted and plan.people >= 150 and rng.random() < 0.45:
        special.append((24, 4, False))  # one manager with a big span
    rest -= sum(team[0] for team in special)
    teams = _split(rest, max(1, round(rest / 9.5)), 0.8 if plan.planted else 0.0, rng)
    return [(office, 2, False), *special, *((int(team), 4, False) for team in teams)]


def _above(team_group: Ints, team_start: Ints, team_size: Ints, office: Bools) -> Ints:
    """Return the manager of each team's head: directors in turn, the head of the company for heads of departments."""
    above = np.zeros(team_group.size, dtype=np.int64)
    for number in np.flatnonzero(office):
        inside = np.flatnonzero((team_group == team_group[number]) & ~office)
        heads = 1 + (number == 0)
        directors = team_start[number] + heads + np.arange(team_size[number] - heads)
        above[inside] = directors[np.arange(inside.size) % directors.size]
    return above


def build_pairs(plan: Plan, tree: Tree, role: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
    """Draw who knows whom: rings inside the team, the next team of the department, and single ties across the company."""
    broker = role == CODE["broker"]
    parts = [_ring(tree, step, broker) for step in range(1, 6)]
    parts += [_sister(tree, step, broker) for step in (0, 1)]
    parts += [_leads(tree, step, broker) for step in (1, 2, 3)]
    parts.append(_far(plan, tree, role, rng))
    left, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    low, high = np.minimum(left, right), np.maximum(left, right)
    _, first = np.unique(low * tree.team.size + high, return_index=True)
    low, high = low[first], high[first]
    sigma = 0.5 if plan.planted else 0.0
    weight = np.exp(sigma * rng.standard_normal(low.size)) * np.where(tree.team[low] == tree.team[high], 1.0, 0.8)
    outside = (tree.team[low] != tree.team[high]) & (broker[low] | broker[high])
    boss = (tree.manager[low] == high) | (tree.manager[high] == low)
    return low, high, weight * np.where(outside, 1.25, 1.0) * np.where(boss, 1.3, 1.0)


def _ring(tree: Tree, step: int, broker: Bools) -> tuple[Ints, Ints]:
    size = tree.team_size[tree.team]
    other = tree.team_start[tree.team] + (tree.position + step) % size
    me = np.arange(size.size)
    keep = (other != me) & (2 * step <= size) & ((step <= 2) | ~(broker | broker[other]))
    return me[keep], other[keep]


def _sister(tree: Tree, step: int, broker: Bools) -> tuple[Ints, Ints]:
    """Tie people to two neighbours of each other in the department's next team: contacts who know each other."""
    count = np.bincount(tree.team_group)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    place = np.arange(tree.team_group.size) - first[tree.team_group]
    following = first[tree.team_group] + (place + 1) % count[tree.team_group]
    there = following[tree.team]
    other = tree.team_start[there] + (tree.position + step) % tree.team_size[there]
    me = np.arange(other.size)
    keep = (tree.team[other] != tree.team) & ~broker & ~broker[other]
    return me[keep], other[keep]


def _leads(tree: Tree, step: int, broker: Bools) -> tuple[Ints, Ints]:
    """Tie the heads of a department's teams in a ring."""
    heads = np.flatnonzero((tree.position == 0) & (tree.level == 4))
    count = np.bincount(tree.group[heads])
    first = np.concatenate([[0], np.cumsum(count)[:-1]])[tree.group[heads]]
    size = count[tree.group[heads]]
    other = heads[first + (np.arange(heads.size) - first + step) % size]
    keep = (2 * step <= size) & (other != heads) & ~broker[heads] & ~broker[other]
    return heads[keep], other[keep]


def _far(plan: Plan, tree: Tree, role: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    n = role.size
    me = np.arange(n)
    if not plan.planted:
        return _dealt(tree, rng)
    stubs = rng.poisson(0.5, n)
    stubs = np.where(role == CODE["broker"], rng.integers(7, 11, n), stubs)
    stubs = np.where(role == CODE["joiner"], 6, stubs)
    left = np.repeat(me, stubs)
    right = rng.integers(0, n, left.size)
    for _ in range(4):  # no tie across may stay inside the department
        again = tree.group[left] == tree.group[right]
        right[again] = rng.integers(0, n, int(again.sum()))
    keep = (tree.team[left] != tree.team[right]) & (role[right] != CODE["service_desk"])
    return left[keep], right[keep]


def _dealt(tree: Tree, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Tie everybody to exactly two people of two other departments: a circle in which departments take turns."""
    shuffled = rng.permutation(tree.group.size)
    grouped = shuffled[np.argsort(tree.group[shuffled], kind="stable")]
    first = np.concatenate([[0], np.cumsum(np.bincount(tree.group))[:-1]])
    turn = np.arange(grouped.size) - first[tree.group[grouped]]
    circle = grouped[np.lexsort((tree.group[grouped], turn))]
    other = np.roll(circle, 1)
    keep = tree.team[circle] != tree.team[other]
    return circle[keep], other[keep]


def build_ties(pairs: tuple[Ints, Ints, Floats], n: int) -> Ragged:
    """Return everybody's contacts, weighted by how often they turn to each other.

    Parameters
    ----------
    pairs
        Low and high member of each pair, each pair once, and its weight, any positive unit; ``(m,)`` each.
    n
        Number of people.

    Returns
    -------
    Ragged
        A row for each person, each pair in the rows of both.
    """
    low, high, weight = pairs
    return Ragged.of(np.concatenate([low, high]), np.concatenate([high, low]), np.concatenate([weight, weight]), n)


def cross_share(pairs: tuple[Ints, Ints, Floats], tree: Tree, n: int) -> Floats:
    """Return the share of each person's ties that leave their team, ``(n,)`` in [0, 1]; 0 without ties. Weights do not count."""
    low, high, _ = pairs
    cross = tree.team[low] != tree.team[high]
    ends, both = np.concatenate([low, high]), np.concatenate([cross, cross])
    return np.bincount(ends, weights=both, minlength=n) / np.maximum(np.bincount(ends, minlength=n), 1)


def build_spaces(
    plan: Plan, tree: Tree, role: Ints, near: Floats, far: Floats, rng: np.random.Generator
) -> tuple[Ragged, Ints, Ints, Ints, Ragged, Ints]:
    """Draw the channels: members, types, departments, kinds, and each member's topics and service desk."""
    n, teams, groups = tree.team.size, tree.team_size.size, int(tree.team_group.max()) + 1
    me = np.arange(n)
    per_group = max(2, round(n / 25 / groups))
    first_topic = teams + groups
    mine = np.repeat(me, TOPICS_EACH)
    homes = np.where(rng.random(mine.size) < 0.4, tree.group[mine], rng.integers(0, groups, mine.size))
    topic = first_topic + homes * per_group + rng.integers(0, per_group, mine.size)
    chosen = np.unique(mine * np.int64(10_000_000) + topic)
    mine, topic = chosen // 10_000_000, chosen % 10_000_000
    rest = first_topic + groups * per_group  # announcements, alerts, incidents, then desks
    incidents = max(1, groups // 2)
    incident = rest + 2 + (tree.group // 2) % incidents
    ready = me[(rng.random(n) < 0.6) | (role == CODE["incident_responder"])]
    n_desks = max(1, round(n / 800))
    desk_space = rest + 2 + incidents + me * n_desks // n
    total = rest + 2 + incidents + n_desks
    rows = [tree.team, teams + tree.group, topic, np.full(n, rest), np.full(n // 5 + 1, rest + 1), incident[ready], desk_space]
    values = [me, me, mine, me, me[: n // 5 + 1], ready, me]
    weights = [near, far, far[mine], np.ones(n), np.ones(n // 5 + 1), np.where(role[ready] == CODE["incident_responder"], 30.0, 1.0), far]
    spaces = Ragged.of(np.concatenate(rows), np.concatenate(values), np.concatenate(weights), total)
    counts = (teams, groups, groups * per_group, 1, incidents, n_desks, 1)
    types = np.repeat([TEAM, DEPARTMENT, TOPIC, ANNOUNCEMENT, ALERTS, INCIDENT, DESK], [*counts[:4], 1, *counts[4:6]])
    home = np.concatenate([tree.team_group, np.arange(groups), np.repeat(np.arange(groups), per_group), np.full(total - rest, -1)])
    private = (types == TEAM) & (rng.random(total) < 0.1)
    kinds = np.where(private, SpaceKind.PRIVATE, SpaceKind.CHANNEL)
    return spaces, types, home, kinds, Ragged.of(mine, topic, np.ones(topic.size), n), desk_space
