"""All raw indicators of a window for any choice of weeks: help from asks, brokerage and reach from the graphs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ona.fusion import Medians, TieWeeks, ask_graph, attention, attentions, contact, mean_attention, related, relationship
from ona.graph import Graph
from ona.indicators import INDICATORS, Evidence
from ona.indicators.base import Residual, evidence
from ona.metrics import METRICS
from ona.rules import Rules
from ona.tables import OF_EVENTS, Channel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HELPER = tuple(INDICATORS)
BROKER = ("boundary_brokerage", "constraint_residual", "participation", "two_hop_betweenness")
REACH = ("multiplex_participation", "pagerank", "two_step_reach")

BY_DEGREE = (*BROKER, "two_step_reach")
"""Indicators that depend on the number of ties by construction (sections 2.9 and 2.11); the dependence is taken out by regression."""

UNTOUCHED = ("incident_pull",)
"""Indicators that leaving out reporting lines does not touch."""

Raw = Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Window:
    """Everything observed in a window.

    Parameters
    ----------
    ties, asks
        Weekly ties and asks outside reporting lines.
    units
        Unit of each channel.
    rules
        Parameters of the method.
    """

    ties: TieWeeks
    asks: Evidence
    units: Medians
    rules: Rules

    @property
    def n(self) -> int:
        """Number of people."""
        return self.ties.roster.n

    def only(self, channels: Sequence[Channel], asks: pa.Table, presence: pa.Table) -> "Window":
        """Return what these channels alone show."""
        kept = asks.filter(pa.array(np.isin(asks.column("channel").to_numpy(), channels)))
        return replace(self, ties=self.ties.only(channels), asks=evidence(self.ties.roster, kept, presence))


@dataclass(frozen=True, eq=False)
class Graphs:
    """The three graphs of contact in some weeks, and each person's contact in each scanned channel, ``(n, C)``, events' ones first."""

    attention: Graph
    relationship: Graph
    ask: Graph
    by_channel: Floats
    of_events: int
    """How many of the channels are made of single events."""


def graphs(window: Window, weights: Floats) -> Graphs:
    """Build the graphs of the weeks with positive weight."""
    ties, rules = window.ties, window.rules
    by_channel = attentions(ties, window.units, weights, rules.kappa_days)
    weight = mean_attention(ties, by_channel)
    pairs = related(ties, weights, rules.min_days)
    asked = window.asks.pairs(window.asks.credit, weights)
    amounts = np.zeros((window.n, len(by_channel)))
    for column, amount in enumerate(by_channel.values()):
        amounts[:, column] = contact(ties, amount)
    near, of_events = relationship(ties, weight, pairs), sum(channel in OF_EVENTS for channel in by_channel)
    return Graphs(attention(ties, weight), near, ask_graph(ties.roster, *asked), amounts, of_events)


def observe(window: Window, weights: Floats) -> dict[str, Floats]:
    """Return every raw indicator and the covariates that residuals need, ``(n,)`` each; NaN = undefined."""
    seen = graphs(window, weights)
    return help_sought(window, weights) | positions(seen)


def help_sought(window: Window, weights: Floats) -> dict[str, Floats]:
    """Return the raw helper indicators and the covariates of their adjustment (named ``expertise_rank:0`` and so on)."""
    found = {name: one.compute(window.asks, weights) for name, one in INDICATORS.items()}
    for name, one in INDICATORS.items():
        if one.adjust is not None:
            found |= {f"{name}:{k}": column for k, column in enumerate(one.adjust(window.asks, weights).T)}
    return found


def positions(seen: Graphs) -> dict[str, Floats]:
    """Return the raw broker and reach indicators and the logarithm of the degree as their covariate."""
    near = seen.relationship
    degree = np.diff(near.adjacency.indptr).astype(np.float64)
    known = np.where(degree > 0, degree, np.nan)
    found = {
        "boundary_brokerage": METRICS["boundary_brokerage"](near),
        "constraint_residual": -np.log(METRICS["constraint"](near)),
        "participation": METRICS["participation"](near),
        "two_hop_betweenness": METRICS["two_hop_betweenness"](near),
        "two_step_reach": np.log(np.where(degree > 0, METRICS["two_step_reach"](near), np.nan)),
        "pagerank": METRICS["pagerank"](seen.attention),
        "multiplex_participation": multiplex_participation(seen.by_channel[:, : seen.of_events]),
    }
    return found | {f"{name}:0": np.log(known) for name in BY_DEGREE}


def multiplex_participation(by_channel: Floats) -> Floats:
    """Return how evenly each person's contact is spread over the scanned channels, from the contact in each, ``(n, C)``.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN without contact, or with one channel.

    Notes
    -----
    ``L / (L - 1) (1 - sum_c (s_ic / s_i)^2)``, s_ic the contact in channel c of L. O(people).

    References
    ----------
    Battiston, Nicosia & Latora (2014), doi:10.1103/PhysRevE.89.032804
    """
    n_channels = by_channel.shape[1]
    if n_channels < 2:
        return np.full(len(by_channel), np.nan)
    total = by_channel.sum(axis=1, keepdims=True)
    share = np.divide(by_channel, total, out=np.full(by_channel.shape, np.nan), where=total > 0)
    return np.asarray((1 - (share**2).sum(axis=1)) * n_channels / (n_channels - 1), dtype=np.float64)


def adjustments(window: Window, raw: Raw, among: Bools) -> dict[str, Residual]:
    """Fit the dependences that are taken out of indicators, among scored people, once.

    Besides the covariates of each indicator this is the number of reports: leaving reporting lines out of the graphs and the asks
    opens gaps around managers that say nothing about the person.
    """
    names = [name for name in raw if ":" not in name]
    return {name: Residual.fit(raw[name], _covariates(window, raw, name), among) for name in names}


def adjusted(window: Window, raw: Raw, fitted: Mapping[str, Residual]) -> dict[str, Floats]:
    """Return the indicators with fitted dependences taken out; those without covariates of their own keep their level."""
    names = [name for name in raw if ":" not in name]
    level = {name: 0.0 if any(key.startswith(f"{name}:") for key in raw) else fitted[name].intercept for name in names}
    return {name: fitted[name].apply(raw[name], _covariates(window, raw, name)) + level[name] for name in names}


def _covariates(window: Window, raw: Raw, name: str) -> Floats:
    own = [raw[key] for key in sorted(raw) if key.startswith(f"{name}:")]
    span = np.log1p(window.ties.roster.reports)
    return np.column_stack([*own, np.zeros_like(span) if name in UNTOUCHED else span])
