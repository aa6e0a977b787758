"""Who was observed enough to be scored: the first gate that a person does not pass, as a stable code."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ona.graph import Graph
from ona.observation import Window
from ona.roster import Roster, week_rows
from ona.rules import Rules
from ona.tables import Channel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Reasons = npt.NDArray[np.str_]

PASSED = ""
"""Reason of those who pass."""

FIRST_WEEKS = 2
"""Without a joining date, somebody first seen in the first two weeks counts as long enough in the company (amendment 13)."""


def first_reason(*gates: tuple[str, Bools]) -> Reasons:
    """Return the code of the first gate that is True for each person; empty for those whom none stops."""
    return np.select([stopped for _, stopped in gates], [code for code, _ in gates], PASSED).astype(np.str_)


def after(first: Reasons, then: Reasons) -> Reasons:
    """Return the first reason where there is one, else the second."""
    return np.where(first != PASSED, first, then)


def person_gates(who: Roster, turns: Floats, seen: Graph, rules: Rules) -> Reasons:
    """Return why somebody cannot be scored at all.

    Parameters
    ----------
    who
        People of the window.
    turns
        Turns of each person, ``(n,)``.
    seen
        Graph of attention.
    rules
        Gives the thresholds.

    Returns
    -------
    Reasons
        ``(n,)``: the first reason that holds, in the order below, ``PASSED`` where none does.
    """
    counterparties = np.diff(seen.undirected().adjacency.indptr)
    return first_reason(
        ("objected", who.truths("protected")),
        ("not_a_member", ~who.members),
        ("too_few_days", who.worked.sum(axis=1) < rules.min_worked_days),
        ("too_new", _too_new(who, rules.min_tenure_days)),
        ("too_few_turns", turns < rules.min_turns),
        ("too_few_counterparties", counterparties < rules.min_counterparties),
    )


def broker_gates(window: Window, near: Graph) -> Reasons:
    """Return why the broker facet of somebody cannot be told."""
    rules, n = window.rules, window.n
    degree = np.diff(near.adjacency.indptr)
    only_meetings = set(window.ties.channels) <= {Channel.MEETING}
    crowd = int((degree >= rules.min_broker_ties).sum())
    return first_reason(
        ("channel_missing", np.full(n, only_meetings)),
        ("too_few_ties", degree < rules.min_broker_ties),
        ("too_few_peers", np.full(n, crowd < rules.min_peers)),
    )


def helper_gates(window: Window) -> Reasons:
    """Return why the helper facet of somebody cannot be told."""
    asks, askers = credited_asks(window)
    return first_reason(
        ("channel_missing", np.full(window.n, set(window.ties.channels) <= {Channel.MEETING, Channel.AGGREGATE})),
        ("too_few_asks", asks < window.rules.min_asks),
        ("too_few_askers", askers < window.rules.min_askers),
    )


def helper_flag_gates(window: Window, experimental: bool) -> Reasons:
    """Return why somebody cannot be flagged as a helper although the facet is told.

    Parameters
    ----------
    window
        What was observed.
    experimental
        Whether asks are known from mail alone and follow volume: then evidence is shown and nobody flagged.
    """
    asks, askers = credited_asks(window)
    return first_reason(
        ("service_role", window.ties.roster.truths("service_role")),
        ("too_few_asks", asks < window.rules.flag_asks),
        ("too_few_askers", askers < window.rules.flag_askers),
        ("experimental", np.full(window.n, experimental)),
    )


def broker_flag_gates(window: Window) -> Reasons:
    """Return why somebody cannot be flagged as a broker although the facet is told: contact with everybody that comes with the job.

    Service desks and the like are compared among themselves, and duty is no influence (section 3.6).
    """
    return first_reason(("service_role", window.ties.roster.truths("service_role")))


def credited_asks(window: Window) -> tuple[Floats, Floats]:
    """Return how many asks with credit each person received from outside the reporting line, and from how many people."""
    asks = window.asks
    credited, every = asks.asks * (asks.credit > 0), asks.every_week()
    _, helper, _ = asks.pairs(credited, every)
    return asks.received(credited, every), np.bincount(helper, minlength=window.n).astype(np.float64)


def total_by_person(who: Roster, presence: pa.Table, name: str) -> Floats:
    """Sum a column of PRESENCE over the window, ``(n,)``."""
    row, week = who.rows(presence.column("account").to_numpy()), week_rows(presence, who.weeks)
    kept = (row >= 0) & (week >= 0)
    return np.bincount(row[kept], presence.column(name).to_numpy()[kept].astype(np.float64), who.n).astype(np.float64)


def channels_used(who: Roster, presence: pa.Table) -> npt.NDArray[np.int64]:
    """Return the bit mask of the channels that each person used in the window, ``(n,)``."""
    row, week = who.rows(presence.column("account").to_numpy()), week_rows(presence, who.weeks)
    kept = (row >= 0) & (week >= 0)
    mask = np.zeros(who.n, dtype=np.int64)
    np.bitwise_or.at(mask, row[kept], presence.column("channels").to_numpy()[kept].astype(np.int64))
    return mask


def _too_new(who: Roster, days: int) -> Bools:
    end = np.datetime64(who.window[1]).astype("datetime64[D]").astype(np.float64)
    joined = who.numbers("joined")
    early = (who.seen[:, :FIRST_WEEKS] > 0).any(axis=1)
    return np.where(np.isfinite(joined), end - joined < days, ~early & (days > 0))
