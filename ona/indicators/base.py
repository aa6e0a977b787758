"""What an indicator of help is: a function of asks, presence and people, computed for any weights of the weeks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from narwhals.typing import IntoFrame
from scipy.sparse import csr_array

from ona.roster import UNKNOWN, Roster, roster, week_rows, weeks_of
from ona.tables import ASKS, FIXED_POINT, PEOPLE, PRESENCE, AccountKind, check

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEAR, FAR = 1.0, 0.25
"""Chance, in relative terms, that a direct ask goes to somebody of the same site or function, or to anybody else (amendment 6)."""

WORKING_WEEK = 5.0

STEPS, SMALLEST_DEVIATION = 50, 1e-3
"""Steps of the robust regression, and the deviation, in standard deviations, below which all count the same."""

HALF = 0.5
"""Added to counts before a logarithm."""

DIRECT_CONFIDENCE = 0.5
"""Chance that a direct message or a mail after silence, or a meeting booked at short notice, asks for help (section 3.1 ii and iv)."""

FIRM_ACCEPTANCE = 10.0
"""Answers' worth of the company's typical acceptance that everybody starts with."""

POOR_ACCEPTANCE = 0.5
"""Share of the typical acceptance below which acknowledgements are discounted: who answers everything is now and then thanked by chance."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Asks outside the reporting line and what could be expected, as arrays over people and weeks.

    Parameters
    ----------
    roster
        People and weeks.
    week, asker, helper, channel
        Position of each row of asks, ``(m,)``.
    asks, certain, direct, counted, acknowledged, incident, credit, credit_squared
        Numbers of each row, ``(m,)``; credit in asks. ``certain`` ones were directed or acknowledged. ``direct`` are those by direct
        message, mail and short-notice meeting, each at its confidence of one half; ``counted`` adds them to the certain ones in
        channels, whose confidence is 1: expected numbers of asks for help (section 3.1).
    in_line
        Certain asks from the own reporting line, left out of everything else, ``(n, W)``.
    exposure
        Certain asks that a person could expect if everybody were equally sought, ``(n, W)``.
    pulls, bursts
        Urgent bursts that a person was pulled into, and could have been, ``(n, W)``.
    """

    roster: Roster
    week: Ints
    asker: Ints
    helper: Ints
    channel: Ints
    asks: Floats
    certain: Floats
    direct: Floats
    counted: Floats
    acknowledged: Floats
    incident: Floats
    credit: Floats
    credit_squared: Floats
    in_line: Floats
    exposure: Floats
    pulls: Floats
    bursts: Floats

    @property
    def n(self) -> int:
        """Number of people."""
        return self.roster.n

    def every_week(self) -> Floats:
        """Return the weights that count each week once, ``(W,)``."""
        return np.ones(len(self.roster.weeks))

    def received(self, amount: Floats, weights: Floats) -> Floats:
        """Sum an amount of each row over the person who was asked, ``(n,)``; ``(n, L)`` for weights ``(W, L)``."""
        return self._by_end(self.helper, amount, weights)

    def made(self, amount: Floats, weights: Floats) -> Floats:
        """Sum an amount of each row over the person who asked, ``(n,)``; ``(n, L)`` for weights ``(W, L)``."""
        return self._by_end(self.asker, amount, weights)

    def _by_end(self, end: Ints, amount: Floats, weights: Floats) -> Floats:
        n_weeks = len(self.roster.weeks)
        total = np.bincount(end * n_weeks + self.week, amount, self.n * n_weeks).reshape(self.n, n_weeks)
        return np.asarray(total @ weights, dtype=np.float64)

    @cached_property
    def pair_of(self) -> tuple[Ints, Ints]:
        """Code ``asker * n + helper`` of each pair that occurs, sorted, and the pair of each row."""
        codes, pair = np.unique(self.asker * self.n + self.helper, return_inverse=True)
        return codes, pair

    def pairs(self, amount: Floats, weights: Floats) -> tuple[Ints, Ints, Floats]:
        """Sum an amount over the window by asker and helper: rows of askers, rows of helpers, totals, ordered by asker and helper.

        Only pairs with a positive total are returned; for weights ``(W, L)`` totals are ``(pairs, L)``, positive in some column.
        """
        codes, order, offsets = self._by_pair
        by_week = csr_array((amount[order], self.week[order], offsets), shape=(len(codes), len(self.roster.weeks)))
        total = np.asarray(by_week @ weights, dtype=np.float64)
        positive = total > 0
        kept = np.flatnonzero(positive if positive.ndim == 1 else positive.any(axis=1))
        return codes[kept] // self.n, codes[kept] % self.n, total[kept]

    @cached_property
    def _by_pair(self) -> tuple[Ints, Ints, Ints]:
        codes, pair = self.pair_of
        offsets = np.append(0, np.cumsum(np.bincount(pair, minlength=len(codes))))
        return codes, np.argsort(pair, kind="stable"), offsets


@dataclass(frozen=True)
class Indicator:
    """One quantity of every person from asks, presence and people; called with the three tables.

    Parameters
    ----------
    name
        Name of the function and of its file.
    group
        Which side of help it shows; groups weigh equally in the helper facet.
    reading
        What a high value means, in one plain sentence.
    compute
        From evidence and week weights to ``(n,)``; NaN = undefined, never 0.
    adjust
        Covariates ``(n, c)`` whose influence is taken out by regression; None for none.
    lanes
        Whether both take weights ``(W, L)`` too and give ``(n, L)`` and ``(n, c, L)``: much faster for replicates.
    """

    name: str
    group: str
    reading: str
    compute: Callable[[Evidence, Floats], Floats]
    adjust: Callable[[Evidence, Floats], Floats] | None = None
    lanes: bool = False

    def __post_init__(self) -> None:
        """Show the function's own documentation and home."""
        object.__setattr__(self, "__doc__", self.compute.__doc__)
        object.__setattr__(self, "__module__", self.compute.__module__)

    def __call__(self, asks: IntoFrame, presence: IntoFrame, people: IntoFrame) -> Floats:
        """Return the quantity of each person in the tables, in the order of their sorted ids, without any gate."""
        given = ((asks, ASKS), (presence, PRESENCE), (people, PEOPLE))
        evidence = from_tables(*(check(frame, table).sort_by([(name, "ascending") for name in table.key]) for frame, table in given))
        value = self.compute(evidence, evidence.every_week())
        if self.adjust is None:
            return value
        return Residual.fit(value, self.adjust(evidence, evidence.every_week())).apply(value, self.adjust(evidence, evidence.every_week()))


def side_by_side(compute: Callable[[Evidence, Floats], Floats], evidence: Evidence, weights: Floats, *, lanes: bool) -> Floats:
    """Compute for weights ``(W, L)``, at once where that is known to work, else one after the other; the last axis is ``L``."""
    return compute(evidence, weights) if lanes else np.stack([compute(evidence, column) for column in weights.T], axis=-1)


def summed(row: Ints, amount: Floats, n: int) -> Floats:
    """Sum amounts ``(m,)`` or ``(m, L)`` by row, ``(n,)`` or ``(n, L)``."""
    if amount.ndim == 1:
        return np.bincount(row, amount, n).astype(np.float64)
    return np.column_stack([np.bincount(row, column, n) for column in amount.T])


@dataclass(frozen=True, eq=False)
class Residual:
    """What is left of a quantity after a straight-line dependence on covariates; fitted once, then applied to replicates."""

    intercept: float
    slopes: Floats

    @classmethod
    def fit(cls, value: Floats, covariates: Floats, among: Bools | None = None) -> "Residual":
        """Fit by least absolute deviations among those with a value (and in the given set); nothing is taken out with too few of them.

        A least-squares line would follow the few influential people whom it is meant to bring out.
        """
        known = np.isfinite(value) & np.isfinite(covariates).all(axis=1)
        known = known if among is None else known & among
        width = covariates.shape[1] + 1
        if known.sum() < 3 * width:
            return cls(0.0, np.zeros(width - 1))
        design = np.column_stack([np.ones(int(known.sum())), covariates[known]])
        found = _least_absolute(design, value[known])
        return cls(float(found[0]), found[1:])

    def apply(self, value: Floats, covariates: Floats) -> Floats:
        """Return what the line does not explain, ``(n,)``."""
        return np.asarray(value - self.intercept - covariates @ self.slopes, dtype=np.float64)


def _least_absolute(design: Floats, value: Floats) -> Floats:
    """Solve by reweighted least squares (Schlossmacher 1973, doi:10.1080/01621459.1973.10481336)."""
    weight, floor = np.ones(len(value)), SMALLEST_DEVIATION * float(np.std(value))
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(design * root[:, None], value * root, rcond=None)[0].astype(np.float64)
        if floor == 0:
            break
        weight = 1 / np.maximum(np.abs(value - design @ found), floor)
    return found


def indicator(
    *, group: str, reading: str, adjust: Callable[[Evidence, Floats], Floats] | None = None, lanes: bool = False
) -> Callable[[Callable[[Evidence, Floats], Floats]], Indicator]:
    """Declare the function below to be an indicator; see :class:`Indicator`."""

    def declare(compute: Callable[[Evidence, Floats], Floats]) -> Indicator:
        return Indicator(compute.__name__, group, reading, compute, adjust, lanes)

    return declare


def collect(package: ModuleType) -> Mapping[str, Indicator]:
    """Return the indicator of every file in a package by name, sorted.

    Raises
    ------
    TypeError
        A file without an indicator of its own name.
    """
    names = sorted(module.name for module in iter_modules(package.__path__) if module.name != "base" and not module.name.startswith("_"))
    found = {name: getattr(import_module(f"{package.__name__}.{name}"), name, None) for name in names}
    for name, value in found.items():
        if not isinstance(value, Indicator) or value.name != name:
            raise TypeError(f"{package.__name__}/{name}.py holds no indicator named {name}. Name the function as its file and decorate it.")
    return MappingProxyType({name: value for name, value in found.items() if isinstance(value, Indicator)})


def from_tables(asks: pa.Table, presence: pa.Table, people: pa.Table) -> Evidence:
    """Return the evidence of checked tables whose accounts are persons."""
    weeks = weeks_of(asks, presence, at_most=len(asks) + len(presence))
    persons = np.concatenate([asks.column("asker").to_numpy(), asks.column("helper").to_numpy()])
    return evidence(roster(people, presence, persons, weeks), asks, presence)


def evidence(who: Roster, asks: pa.Table, presence: pa.Table) -> Evidence:
    """Return the asks and expectations of everybody on the roster; asks of reporting lines, bots and other weeks are left out.

    Parameters
    ----------
    who
        People, weeks and reporting lines.
    asks, presence
        Checked weekly tables whose accounts are persons.
    """
    asked = _outside_the_line(who, asks)
    exposure, pulls, bursts = (_by_week(who, presence, name) for name in ("exposure", "pulls", "burst_exposure"))
    return replace(asked, exposure=_expected(asked, exposure / FIXED_POINT), pulls=pulls, bursts=bursts)


def _outside_the_line(who: Roster, asks: pa.Table) -> Evidence:
    asker, helper = (who.rows(asks.column(side).to_numpy()) for side in ("asker", "helper"))
    week, blank = week_rows(asks, who.weeks), np.zeros((who.n, len(who.weeks)))
    human, line = who.codes("kind") == AccountKind.MEMBER, who.in_line(asker, helper)
    known = (asker >= 0) & (helper >= 0) & (asker != helper) & (week >= 0) & human[asker] & human[helper]
    kept, held = known & ~line, known & line
    in_line = blank.copy()
    np.add.at(in_line, (helper[held], week[held]), asks.column("certain").to_numpy()[held].astype(np.float64))
    numbers = {name: asks.column(name).to_numpy()[kept].astype(np.float64) for name in ("asks", "certain", "acknowledged", "incident")}
    credit, squared, direct = (asks.column(name).to_numpy()[kept] / FIXED_POINT for name in ("credit", "credit_squared", "direct_credit"))
    named = asks.column("directed").to_numpy()[kept].astype(np.float64)
    certain = _discounted(numbers, named, helper[kept], who.n)
    unsure = np.minimum(direct / DIRECT_CONFIDENCE, named)
    return Evidence(
        roster=who,
        week=week[kept],
        asker=asker[kept],
        helper=helper[kept],
        channel=asks.column("channel").to_numpy()[kept].astype(np.int64),
        **numbers | {"certain": certain},
        direct=direct,
        counted=certain - unsure + direct,
        credit=credit,
        credit_squared=squared,
        in_line=in_line,
        exposure=blank,
        pulls=blank,
        bursts=blank,
    )


def _discounted(numbers: Mapping[str, Floats], directed: Floats, helper: Ints, n: int) -> Floats:
    """Return certain asks, the acknowledged public answers of people whose answers are hardly ever acknowledged counted in part.

    A public reply alone buys nothing (amendment 3), nor do so many of them that some are acknowledged by chance.
    """
    answers, thanked = (np.bincount(helper, numbers[name] - directed, n) for name in ("asks", "certain"))
    often = answers >= FIRM_ACCEPTANCE
    if not often.any():
        return numbers["certain"]
    typical = float(np.median(thanked[often] / answers[often]))
    acceptance = (thanked + FIRM_ACCEPTANCE * typical) / (answers + FIRM_ACCEPTANCE)
    counted = np.minimum(acceptance / (POOR_ACCEPTANCE * typical), 1) if typical > 0 else np.ones(n)
    return np.asarray(directed + (numbers["certain"] - directed) * counted[helper], dtype=np.float64)


def _by_week(who: Roster, presence: pa.Table, name: str) -> Floats:
    row, week = who.rows(presence.column("account").to_numpy()), week_rows(presence, who.weeks)
    kept = (row >= 0) & (week >= 0)
    total = np.zeros((who.n, len(who.weeks)))
    np.add.at(total, (row[kept], week[kept]), presence.column(name).to_numpy()[kept].astype(np.float64))
    return total


def _expected(asked: Evidence, in_spaces: Floats) -> Floats:
    """Put what spaces and what direct asks let expect on one scale: certain asks from outside the line.

    Direct asks spread over everybody within reach of their askers; spaces share out what was asked in them.
    """
    open_asks, total = float((asked.counted - asked.direct).sum()), float(in_spaces.sum())
    expected = in_spaces * (open_asks / total if total > 0 else 0.0) + _spread(asked)
    return expected * _outside_share(asked, expected.sum(axis=1))[:, None]


def _outside_share(asked: Evidence, expected: Floats) -> Floats:
    """Return by how much leaving out the own line lowers what can be expected, as a power of 1 + reports.

    Spaces do not tell whose asks they hold, so the power is read off the company: with it, managers and others are sought alike
    in the middle.
    """
    span = np.log1p(asked.roster.reports)
    count = asked.received(asked.counted, asked.every_week())
    rate = np.log(np.divide(count + HALF, expected, out=np.full(asked.n, np.nan), where=expected > 0))
    power = Residual.fit(rate, span[:, None], asked.roster.members).slopes[0]
    return np.asarray(np.exp(power * span), dtype=np.float64)


def _spread(asked: Evidence) -> Floats:
    """Spread each week's direct asks of an asker over everybody at work outside the asker's line, the near ones four times as much."""
    who = asked.roster
    made = np.zeros((who.n, len(who.weeks)))
    np.add.at(made, (asked.asker, asked.week), asked.direct)
    shift = np.minimum(who.worked / WORKING_WEEK, 1) * who.members[:, None]
    reach = _over_others(who, shift)
    part = np.divide(made, reach, out=np.zeros_like(made), where=reach > 1e-9)
    return np.asarray(np.maximum(_over_others(who, part), 0) * shift, dtype=np.float64)


def _over_others(who: Roster, amount: Floats) -> Floats:
    """Sum an amount over everybody outside a person's line by closeness, ``(n, W)``."""
    site, function, everybody = who.codes("site"), who.codes("function"), np.arange(who.n)
    one, other = who.line // max(who.n, 1), who.line % max(who.n, 1)
    total = _near(amount, site, function) - amount * _closeness(site, function, everybody, everybody)[:, None]
    np.subtract.at(total, one, _closeness(site, function, one, other)[:, None] * amount[other])
    return total


def _near(amount: Floats, site: Ints, function: Ints) -> Floats:
    """Sum an amount of everybody for each person: whole where site or function agree, a quarter elsewhere, ``(n, W)``."""
    both = np.where((site == UNKNOWN) | (function == UNKNOWN), UNKNOWN, site * (function.max(initial=0) + 1) + function)
    close = _of_same(amount, site) + _of_same(amount, function) - _of_same(amount, both)
    return np.asarray(FAR * amount.sum(axis=0) + (NEAR - FAR) * close, dtype=np.float64)


def _of_same(amount: Floats, code: Ints) -> Floats:
    _, row = np.unique(code, return_inverse=True)
    total = np.zeros((row.max(initial=0) + 1, amount.shape[1]))
    np.add.at(total, row, amount)
    return np.where((code == UNKNOWN)[:, None], 0.0, total[row])


def _closeness(site: Ints, function: Ints, one: Ints, other: Ints) -> Floats:
    same_site = (site[one] == site[other]) & (site[one] != UNKNOWN)
    same_function = (function[one] == function[other]) & (function[one] != UNKNOWN)
    return np.where(same_site | same_function, NEAR, FAR)
