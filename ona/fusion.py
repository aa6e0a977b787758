"""From weekly ties to graphs: working-day rates, fusion of channels, and the rule that makes contact a relationship."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array, csr_array

from ona.graph import Adjacency, Graph, Layer
from ona.roster import IN_GRAPHS, Masks, Roster, week_rows
from ona.tables import FIXED_POINT, OF_EVENTS, Channel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Weeks = npt.NDArray[np.float32]
"""Small whole numbers by row and week: exact, and half the memory."""

COMPANY_DEFAULT = {Channel.CHAT: 0.02, Channel.MAIL: 0.01, Channel.MEETING: 0.02, Channel.AGGREGATE: 0.02}
"""Rates per shared working day that stand in for the median of a channel with too few pairs (worked example of section 14)."""

MIN_PAIRS = 50
"""Pairs with contact below which a channel's median says little (amendment 11)."""

SHARE_OF_DAYS = 0.05
FEWEST_DAYS = 2
"""A relationship needs contact on 5 % of the shared days, at least 2 (section 1.10)."""

RECIPROCATED_WEEKS = 0.1
"""Share of the weeks in which each must have written to the other: 2 of 13, about the 5 to 10 reciprocated mails a year at which ties
predict best (section 1.10). A single answer in a quarter would make everybody whom a serial replier replies to a relationship."""

BEYOND_CHANCE = 1.645
"""Normal quantile by which the turns of either direction must exceed what both people's volumes bring about alone (section 1.13, 5 %).
Who replies to everything is now and then answered by whoever writes next, the more often the more they reply."""

RHYTHM = 1 / 3
"""Share of the weeks in which both wrote to each other that needs no comparison with volume: everybody in a company of ten writes to
everybody as often as volume says."""


@dataclass(frozen=True)
class Medians:
    """The unit of each scanned channel, frozen at the first scan so that later ones compare.

    Parameters
    ----------
    rate
        Turns per shared working day by channel.
    reasons
        Why a channel has the company default, by channel; empty for measured ones.
    """

    rate: Mapping[Channel, float]
    reasons: Mapping[Channel, str]


@dataclass(frozen=True, eq=False)
class TieWeeks:
    """Directed dyads outside reporting lines, week by week; all arrays are sorted by source and target.

    Parameters
    ----------
    roster
        People and weeks.
    source, target
        Rows of each dyad, ``(m,)``.
    weight
        Saturated turns of dyad and week by channel, ``(m, W)`` sparse.
    turns
        Turns of the source to the target outside meetings by channel, ``(m, W)``.
    shared
        Working days of both, ``(m, W)``.
    low, high
        The same pairs without direction, ``(p,)``, ``low < high``.
    pair
        Pair of each dyad, ``(m,)``.
    days
        Bit mask of days that prove a relationship by channel, ``(p, W)``.
    """

    roster: Roster
    source: Ints
    target: Ints
    weight: Mapping[Channel, csr_array]
    turns: Mapping[Channel, Weeks]
    shared: Weeks
    low: Ints
    high: Ints
    pair: Ints
    days: Mapping[Channel, Masks]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels that the company scans."""
        return tuple(self.weight)

    def only(self, channels: Sequence[Channel]) -> "TieWeeks":
        """Return the ties of these channels alone."""
        part = replace(
            self,
            weight={c: self.weight[c] for c in channels},
            turns={c: self.turns[c] for c in channels},
            days={c: self.days[c] for c in channels},
        )
        part.__dict__.update(forth=self.forth, back=self.back, shared_by_pair=self.shared_by_pair)  # the same pairs
        return part

    def without(self, gone: Bools) -> "TieWeeks":
        """Return the ties as if some people, ``(n,)``, had never been seen; their dyads stay, empty."""
        kept, pairs = ~(gone[self.source] | gone[self.target]), ~(gone[self.low] | gone[self.high])
        part = replace(
            self,
            weight={c: _emptied(weight, kept) for c, weight in self.weight.items()},
            turns={c: turns * kept[:, None] for c, turns in self.turns.items()},
            days={c: days * pairs[:, None].astype(np.uint8) for c, days in self.days.items()},
        )
        part.__dict__.update(forth=self.forth, back=self.back, shared_by_pair=self.shared_by_pair)  # the same pairs
        return part

    @cached_property
    def contact_days(self) -> Weeks:
        """Days that prove a relationship over all channels, each once, ``(p, W)``.

        Contact that was added up elsewhere proves a day of a week in which nothing else does: it may be the same contact again.
        """
        known = [days for channel, days in self.days.items() if channel in OF_EVENTS]
        proved = np.bitwise_or.reduce(known or list(self.days.values()))
        if known and Channel.AGGREGATE in self.days:
            proved = np.where(proved == 0, self.days[Channel.AGGREGATE], proved)
        return np.asarray(np.bitwise_count(proved), dtype=np.float32)

    @cached_property
    def wrote(self) -> Weeks:
        """Whether the source wrote to the target outside meetings, over all channels, ``(m, W)``."""
        return (self.said > 0).astype(np.float32)

    @cached_property
    def said(self) -> Weeks:
        """Turns of the source to the target outside meetings, over all channels, ``(m, W)``."""
        return np.asarray(np.add.reduce(list(self.turns.values())), dtype=np.float32)

    @cached_property
    def met(self) -> Weeks:
        """Whether two people met among few, or worked together by an account that adds up both sides, ``(p, W)``."""
        mutual = [self.days[channel] for channel in (Channel.MEETING, Channel.AGGREGATE) if channel in self.days]
        seen = np.bitwise_or.reduce(mutual) if mutual else np.zeros((len(self.low), len(self.roster.weeks)), dtype=np.uint8)
        return (seen > 0).astype(np.float32)

    @cached_property
    def shared_by_pair(self) -> Weeks:
        """Working days of both, ``(p, W)``."""
        return np.asarray(self.shared[np.where(self.forth < len(self.source), self.forth, self.back)])

    @cached_property
    def forth(self) -> Ints:
        """Dyad from the lower to the higher row of each pair, ``(p,)``; ``m`` where nobody made contact."""
        return self._dyad_of(self.low, self.high)

    @cached_property
    def back(self) -> Ints:
        """Dyad from the higher to the lower row of each pair, ``(p,)``; ``m`` where nobody made contact."""
        return self._dyad_of(self.high, self.low)

    def _dyad_of(self, source: Ints, target: Ints) -> Ints:
        codes, wanted = self.source * self.roster.n + self.target, source * self.roster.n + target
        found = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[found] == wanted, found, len(codes))

    def together(self, weights: Floats) -> Floats:
        """Return the weighted working days of both, ``(m,)``."""
        return (self.shared @ weights.astype(np.float32)).astype(np.float64)

    def rates(self, channel: Channel, weights: Floats, kappa: float, together: Floats | None = None) -> Floats:
        """Return saturated turns per shared working day, ``(m,)``; short exposure is drawn towards 0 by ``kappa`` days."""
        days = self.together(weights) if together is None else together
        return np.asarray((self.weight[channel] @ weights) / (days + kappa), dtype=np.float64)


def tie_weeks(who: Roster, ties: pa.Table) -> TieWeeks:
    """Return the dyads of a window without reporting lines, bots and people outside the roster.

    Parameters
    ----------
    who
        People, weeks and reporting lines.
    ties
        Checked TIES whose ends are persons.
    """
    rows = _outside_the_line(who, ties)
    code, dyad = np.unique(rows["code"], return_inverse=True)
    source, target = code // max(who.n, 1), code % max(who.n, 1)
    pairs, pair = np.unique(np.minimum(source, target) * who.n + np.maximum(source, target), return_inverse=True)
    shape = (len(code), len(who.weeks))
    channels = [channel for channel in Channel if (rows["channel"] == channel).any()]
    of = {channel: rows["channel"] == channel for channel in channels}
    place = {channel: (dyad[mask], rows["week"][mask]) for channel, mask in of.items()}
    return TieWeeks(
        roster=who,
        source=source,
        target=target,
        weight={c: coo_array((rows["weight"][of[c]] / FIXED_POINT, place[c]), shape=shape).tocsr() for c in channels},
        turns={c: _counted(rows["turns"][of[c]], place[c], shape) for c in channels},
        shared=_shared_days(who, source, target),
        low=pairs // max(who.n, 1),
        high=pairs % max(who.n, 1),
        pair=pair,
        days={c: _either(rows["evidence"][of[c]], (pair[place[c][0]], place[c][1]), (len(pairs), shape[1])) for c in channels},
    )


def medians(ties: TieWeeks, weights: Floats, kappa: float, baseline: Mapping[Channel, float] | None = None) -> Medians:
    """Return the unit of each channel: the baseline's, else the median of the rates above 0, else the company default."""
    rate, reasons = dict(baseline or {}), {}
    for channel in ties.channels:
        if channel in rate:
            continue
        found = ties.rates(channel, weights, kappa)
        positive = found[found > 0]
        if len(positive) >= MIN_PAIRS:
            rate[channel] = float(np.median(positive))
        else:
            rate[channel], reasons[channel] = COMPANY_DEFAULT[channel], f"fewer than {MIN_PAIRS} pairs with contact"
    return Medians({channel: rate[channel] for channel in ties.channels}, reasons)


def attentions(ties: TieWeeks, units: Medians, weights: Floats, kappa: float) -> dict[Channel, Floats]:
    """Return the attention of each dyad in each scanned channel, ``ln(1 + rate / median)``, ``(m,)`` each."""
    together = ties.together(weights)
    return {channel: np.log1p(ties.rates(channel, weights, kappa, together) / units.rate[channel]) for channel in ties.channels}


def fused(ties: TieWeeks, units: Medians, weights: Floats, kappa: float) -> Floats:
    """Return the attention of each dyad: the mean of :func:`attentions` over the scanned channels, ``(m,)``.

    A channel that somebody does not use counts as 0, so that losing an account never raises anybody's strength.
    """
    return mean_attention(ties, attentions(ties, units, weights, kappa))


def mean_attention(ties: TieWeeks, by_channel: Mapping[Channel, Floats]) -> Floats:
    """Return the mean over the scanned channels, ``(m,)``."""
    total = np.zeros(len(ties.source))
    for amount in by_channel.values():
        total += amount
    return total / max(len(ties.channels), 1)


def contact(ties: TieWeeks, amount: Floats) -> Floats:
    """Sum an amount of each dyad over both its ends, ``(n,)``."""
    return np.bincount(ties.source, amount, ties.roster.n).astype(np.float64) + np.bincount(ties.target, amount, ties.roster.n)


def attention(ties: TieWeeks, weight: Floats) -> Graph:
    """Return the directed graph of attention: people of the roster, ties of positive weight; ``weight`` is that of each dyad, ``(m,)``."""
    return _graph(ties.roster, "attention", (ties.source, ties.target, weight))


def related(ties: TieWeeks, weights: Floats, min_days: int) -> Ints:
    """Return the pairs with a relationship in the weeks of positive weight, as positions in ``ties.low``.

    A relationship shows on enough distinct days of small exchanges over all channels, in either direction, and both wrote to each
    other now and again, more often than chance or week after week, or they met among few. Contact added up elsewhere is mutual already.

    References
    ----------
    Coscia & Neffke (2017), doi:10.1109/ICDE.2017.100: turns expected from volume alone; Anscombe (1948), doi:10.1093/biomet/35.3-4.246
    """
    if not ties.channels:
        return np.array([], dtype=np.int64)
    weeks = (weights > 0).astype(np.float32)
    together = ties.shared_by_pair @ weeks
    enough = ties.contact_days @ weeks >= np.maximum(FEWEST_DAYS, np.minimum(min_days, np.ceil(SHARE_OF_DAYS * together)))
    wrote = ties.wrote @ weeks
    again = wrote >= np.ceil(RECIPROCATED_WEEKS * weeks.sum())
    again &= (wrote >= RHYTHM * weeks.sum()) | _beyond_chance(ties, (ties.said @ weeks).astype(np.float64))
    both = np.append(again, False)
    met = ties.met @ weeks >= np.ceil(RECIPROCATED_WEEKS * weeks.sum())
    return np.flatnonzero(enough & ((both[ties.forth] & both[ties.back]) | met))


def _beyond_chance(ties: TieWeeks, turns: Floats) -> Bools:
    """Return whether the turns of each dyad exceed what the sender's and the receiver's other turns let expect, ``(m,)``."""
    sent, received = np.bincount(ties.source, turns, ties.roster.n), np.bincount(ties.target, turns, ties.roster.n)
    others = (sent[ties.source] - turns) * (received[ties.target] - turns)
    chance = others / np.maximum(float(turns.sum()) - turns, 1.0)
    return np.asarray(2 * (np.sqrt(turns) - np.sqrt(chance)) >= BEYOND_CHANCE, dtype=np.bool_)


def closeness(ties: TieWeeks, weight: Floats, pairs: Ints) -> Floats:
    """Return the geometric mean of both directions' attention of each pair."""
    padded = np.append(weight, 0.0)
    return np.asarray(np.sqrt(padded[ties.forth[pairs]] * padded[ties.back[pairs]]), dtype=np.float64)


def relationship(ties: TieWeeks, weight: Floats, pairs: Ints) -> Graph:
    """Return the undirected graph of relationships, weighted by :func:`closeness`."""
    near = closeness(ties, weight, pairs)
    kept = near > 0
    one, other, near = ties.low[pairs][kept], ties.high[pairs][kept], near[kept]
    both = (np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([near, near]))
    return _graph(ties.roster, "relationship", both)


def ask_graph(who: Roster, asker: Ints, helper: Ints, credit: Floats) -> Graph:
    """Return the directed graph of help, from askers to those who helped."""
    return _graph(who, "ask", (asker, helper, credit))


def formal(who: Roster) -> Graph:
    """Return the reporting lines, from reports to managers, solid and dotted alike."""
    bosses = [who.rows(who.codes(name)) for name in ("manager", "dotted_manager")]
    known = [np.flatnonzero((boss >= 0) & (boss != np.arange(who.n))) for boss in bosses]
    source, target = np.concatenate(known), np.concatenate([boss[rows] for boss, rows in zip(bosses, known, strict=True)])
    code = np.unique(source * who.n + target)
    return _graph(who, "formal", (code // max(who.n, 1), code % max(who.n, 1), np.ones(len(code))))


def _graph(who: Roster, layer: Layer, edges: tuple[Ints, Ints, Floats]) -> Graph:
    source, target, weight = edges
    matrix: Adjacency = coo_array((weight, (source, target)), shape=(who.n, who.n)).tocsr()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    exact = csr_array((matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), shape=matrix.shape)
    for array in (exact.data, exact.indices, exact.indptr):
        array.flags.writeable = False
    return Graph(exact, who.persons, layer, layer != "relationship", who.window, who.codes("group").astype(np.int32))


def _outside_the_line(who: Roster, ties: pa.Table) -> dict[str, npt.NDArray[np.int64]]:
    source, target = (who.rows(ties.column(end).to_numpy()) for end in ("from", "to"))
    week, human = week_rows(ties, who.weeks), np.isin(who.codes("kind"), IN_GRAPHS)
    kept = (source >= 0) & (target >= 0) & (source != target) & (week >= 0)
    kept &= human[source] & human[target] & ~who.in_line(source, target)
    rows = {name: ties.column(name).to_numpy()[kept].astype(np.int64) for name in ("channel", "weight", "evidence", "turns")}
    return rows | {"week": week[kept], "code": (source * who.n + target)[kept]}


def _emptied(weight: csr_array, kept: Bools) -> csr_array:
    """Set the rows that are not kept to 0."""
    data = weight.data * np.repeat(kept, np.diff(weight.indptr))
    return csr_array((data, weight.indices, weight.indptr), shape=weight.shape)


def _shared_days(who: Roster, source: Ints, target: Ints) -> Weeks:
    return np.asarray(np.bitwise_count(who.work[source] & who.work[target]), dtype=np.float32)


def _counted(turns: Ints, place: tuple[Ints, Ints], shape: tuple[int, int]) -> Weeks:
    found = np.zeros(shape, dtype=np.float32)
    np.add.at(found, place, turns.astype(np.float32))
    return found


def _either(mask: Ints, place: tuple[Ints, Ints], shape: tuple[int, int]) -> Masks:
    found = np.zeros(shape, dtype=np.uint8)
    np.bitwise_or.at(found, place, mask.astype(np.uint8))
    return found
