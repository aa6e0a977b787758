"""The evidence ledger: what traces, colleagues, kudos, customers and a survey say of a person, and what it may be called."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from ona.ratings import PEER_RELIABILITY, congeneric, icc_one_way, kept_kudos, precision_weighted, shrunk_rates, spearman_brown
from ona.tables import EVIDENCE_SOURCES

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

TRACES = "traces"
SOURCES = (TRACES, *EVIDENCE_SOURCES)

VALIDITY: Mapping[str, float] = MappingProxyType({TRACES: 0.50, "peer_360": 0.45, "recognition": 0.25, "csat": 0.25, "survey": 0.50})
"""Squared validity of each source when it is perfectly reliable; policy, to be replaced by a company's own validation."""

ABOVE, SURE = 0.5, 0.8
"""A source supports when so sure that the person stands half a deviation above the middle, and contradicts when so sure of below."""

DISAGREE = 0.05
"""Heterogeneity rarer than this by chance is a disagreement, shown and not averaged away."""

FEWEST_RATERS = 3
"""A source speaks of somebody from so many raters on, so that no figure is one colleague's opinion."""

FARTHEST = 2.5
"""Standard scores are cut here (method, section 5.1): one rating far from all others must not look like a disagreement."""

AGREE, CONTESTED, SINGLE, SILENT = "agree", "contested", "single-source", "silent"
LABELLED, INDICATED = "labelled", "indicated"

WORDING: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("helper", LABELLED): "go-to helper",
        ("helper", INDICATED): "may be a go-to helper: one source indicates it",
        ("broker", LABELLED): "connects groups that otherwise rarely talk",
        ("broker", INDICATED): "may connect groups that otherwise rarely talk: one source indicates it",
        ("skill", LABELLED): "is named by colleagues for this, and another source says the same",
        ("skill", INDICATED): "is named by colleagues for this: one source indicates it",
    }
)
"""All that a ledger may say (method, section 9)."""

FORBIDDEN = (
    *("creative", "innovative", "innovator", "best expert", "quality of advice", "calm under pressure", "resilien", "trustworth", "likeab"),
    *("commitment", "diligen", "leadership potential", "born leader", "self-monitoring", "extraver", "introver", "emotional intelligence"),
    *("empath", "energiser", "energizer", "good mentor", "high performer", "low performer", "talent", "personality", "attitude"),
)
"""What no text about a person may claim: traits, emotions, potential, verdicts (method, section 9, right column)."""

STATES: Mapping[str, str] = MappingProxyType(
    {
        AGREE: "The sources agree.",
        CONTESTED: "The sources contradict each other, so nothing is claimed.",
        SINGLE: "One source speaks; a second one is needed.",
        SILENT: "No source says anything. Absence of a signal is not absence of a skill.",
    }
)


@dataclass(frozen=True, eq=False)
class Signal:
    """What one source says of each person about one facet.

    Parameters
    ----------
    source
        One of ``SOURCES``.
    value
        Standard score among those of whom it speaks, ``(n,)``; NaN = silent.
    reliability
        Of that score, ``(n,)``, in (0, 1).
    raters
        Answers behind it, ``(n,)``.
    agreement
        ICC(1,1) among the raters over the company; NaN where raters cannot be told apart.
    """

    source: str
    value: Floats
    reliability: Floats
    raters: Ids
    agreement: float = float("nan")

    @property
    def speaks(self) -> Bools:
        """Of whom the source says anything."""
        return np.isfinite(self.value)

    @property
    def verdict(self) -> Ids:
        """Return 1 where the source supports, -1 where it contradicts, 0 where it does neither or is silent."""
        mean, spread = np.sqrt(self.reliability) * self.value, np.sqrt(1 - self.reliability)
        edge = ndtri(SURE) * spread
        supports, contradicts = mean - edge >= ABOVE, mean + edge <= 0
        return np.where(self.speaks, supports.astype(np.int64) - contradicts, 0).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Ledger:
    """All sources about one facet, put together for each person."""

    facet: str
    signals: tuple[Signal, ...]
    value: Floats  # standing behind all sources, standard deviations; NaN = silent
    standard_error: Floats
    q: Floats  # heterogeneity; NaN under two sources
    state: NDArray[np.str_]
    label: NDArray[np.str_]  # labelled, indicated or ""


def ledger(facet: str, signals: Sequence[Signal]) -> Ledger:
    """Put sources together: a label needs two that support and none that contradicts; whoever is contested has none."""
    y = np.stack([one.value for one in signals], axis=1)
    rho = np.stack([VALIDITY[one.source] * one.reliability for one in signals], axis=1)
    value, error = congeneric(y, rho)
    speaking = np.isfinite(y).sum(axis=1)
    q = np.array([_heterogeneity(row, known) for row, known in zip(y, rho, strict=True)])
    verdicts = np.stack([one.verdict for one in signals], axis=1)
    apart = (verdicts == 1).any(axis=1) & (verdicts == -1).any(axis=1)
    torn = np.isfinite(q) & (chdtrc(np.maximum(speaking - 1, 1), np.nan_to_num(q)) < DISAGREE)
    state = np.select([speaking == 0, speaking == 1, apart | torn], [SILENT, SINGLE, CONTESTED], AGREE).astype(np.str_)
    support = (verdicts == 1).sum(axis=1)
    against = (verdicts == -1).any(axis=1)
    free = (state != CONTESTED) & ~against
    label = np.select([free & (support >= 2), free & (support == 1)], [LABELLED, INDICATED], "").astype(np.str_)
    silent = speaking == 0
    return Ledger(facet, tuple(signals), np.where(silent, np.nan, value), np.where(silent, np.nan, error), q, state, label)


def ablations(found: Ledger) -> dict[str, Ledger]:
    """Return the ledger without each source in turn: what would be said if it were not there."""
    return {one.source: ledger(found.facet, [_muted(other) if other is one else other for other in found.signals]) for one in found.signals}


def wording(facet: str, label: str) -> str | None:
    """Return the words for a label; None for none. A skill is any facet that is neither helper nor broker."""
    return WORDING.get((facet if facet in ("helper", "broker") else "skill", label))


def traced(percentile: Floats, low: Floats, high: Floats, *, confidence: float = 0.90) -> Signal:
    """Read a facet's percentile with its interval as a signal; all in [0, 1], NaN = withheld."""
    edge = 1e-4  # keeps a certain 1 finite
    middle, bottom, top = (ndtri(np.clip(part, edge, 1 - edge)) for part in (percentile, low, high))
    spread = (top - bottom) / (2 * ndtri((1 + confidence) / 2))
    reliability = np.clip(1 - spread**2, 0.05, 0.99)
    return Signal(TRACES, middle / np.sqrt(reliability), reliability, np.where(np.isfinite(middle), 1, 0))


def cleaned(evidence: pa.Table) -> tuple[pa.Table, Counter[str]]:
    """Drop ratings that cannot count, by reason: of oneself, outside the scale, twice by one rater, of an unknown source."""
    dropped: Counter[str] = Counter()

    def keep(table: pa.Table, good: pa.ChunkedArray, code: str) -> pa.Table:
        kept = table.filter(pc.fill_null(good, False))
        dropped[code] += table.num_rows - kept.num_rows
        return kept

    table = keep(evidence, pc.is_in(evidence["source"], pa.array(EVIDENCE_SOURCES)), "unknown_source")
    table = keep(table, pc.less(table["scale_low"], table["scale_high"]), "bad_scale")
    inside = pc.and_(pc.greater_equal(table["value"], table["scale_low"]), pc.less_equal(table["value"], table["scale_high"]))
    table = keep(table, inside, "outside_scale")
    table = keep(table, pc.fill_null(pc.not_equal(table["person"], table["rater"]), True), "self_rating")
    kept = _first_of_each(table)
    dropped["duplicate_rating"] += table.num_rows - len(kept)
    return table.take(pa.array(kept, pa.int64())), +dropped


def rated(evidence: pa.Table, persons: Ids, source: str = "peer_360") -> Signal:
    """Read ratings: each rater's own severity is taken off, then the mean of a person's raters is standardised."""
    row, value, rater = _about(evidence, persons, source)
    raters = np.bincount(row, minlength=len(persons)) if len(row) else np.zeros(len(persons), np.int64)
    if not len(row):
        return _nothing(source, len(persons))
    adjusted = value - _severity(value, rater)
    mean = np.divide(np.bincount(row, adjusted, len(persons)), raters, out=np.full(len(persons), np.nan), where=raters > 0)
    told = raters >= FEWEST_RATERS
    reliability = np.clip(spearman_brown(PEER_RELIABILITY, np.maximum(raters, 1)), 0.05, 0.99)
    return Signal(source, _standard(np.where(told, mean, np.nan)), reliability, raters, icc_one_way(adjusted, row))


def recognised(evidence: pa.Table, persons: Ids) -> Signal:
    """Read kudos: rings and repeats are gone, the rest is drawn to the company's rate; of nobody are they proof against."""
    table = _of(evidence, "recognition").filter(pc.is_valid(_of(evidence, "recognition")["rater"]))
    day = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
    giver, receiver = (table[name].to_numpy().astype(np.int64) for name in ("rater", "person"))
    kept = kept_kudos(giver, receiver, day)
    return counted("recognition", _rows(receiver[kept], persons), len(persons))


def nominated(evidence: pa.Table, persons: Ids) -> Signal:
    """Read whom colleagues name in the survey: one rater counts once for one person."""
    table = _of(evidence, "survey").filter(pc.is_valid(_of(evidence, "survey")["person"]))
    named = {
        (int(rater), int(person)) for rater, person in zip(table["rater"].to_pylist(), table["person"].to_pylist(), strict=True) if rater
    }
    return counted("survey", _rows(np.array(sorted(person for _, person in named), dtype=np.int64), persons), len(persons))


def counted(source: str, rows: Ids, n: int) -> Signal:
    """Turn namings into a signal: it speaks of whom at least three name, and says nothing against whom nobody names."""
    count = np.bincount(rows[rows >= 0], minlength=n).astype(np.float64)
    if not count.any():
        return _nothing(source, n)
    rate, own = shrunk_rates(count, np.ones(n))
    value = _standard(np.sqrt(np.maximum(rate, 0)))
    told = count >= FEWEST_RATERS
    return Signal(source, np.where(told, value, np.nan), np.clip(own, 0.05, 0.99), count.astype(np.int64))


def team_satisfaction(evidence: pa.Table) -> dict[int, tuple[float, int]]:
    """Return team → mean customer satisfaction in [0, 1] and answers behind it; answers about single agents are not mixed in."""
    table = _of(evidence, "csat")
    table = table.filter(pc.and_(pc.is_valid(table["team"]), pc.is_null(table["person"])))
    found: dict[int, tuple[float, int]] = {}
    team, value, weight = (table[name].to_numpy(zero_copy_only=False) for name in ("team", "value", "weight"))
    share = (value - table["scale_low"].to_numpy()) / (table["scale_high"].to_numpy() - table["scale_low"].to_numpy())
    for code in np.unique(team):
        here = team == code
        total = float(weight[here].sum())
        if total > 0:
            found[int(code)] = (float((share[here] * weight[here]).sum() / total), round(total))
    return found


def signals_of(evidence: pa.Table, facet: str, persons: Ids, traces: Signal | None = None) -> tuple[Signal, ...]:
    """Return every source's signal about one facet; customer satisfaction speaks of persons only where a single agent answered."""
    own = evidence.filter(pc.and_(pc.equal(evidence["facet"], facet), pc.is_valid(evidence["person"])))
    first = traces or _nothing(TRACES, len(persons))
    return (first, rated(own, persons), recognised(own, persons), rated(own, persons, "csat"), nominated(own, persons))


def _heterogeneity(y: Floats, rho: Floats) -> float:
    speaks = np.isfinite(y)
    if speaks.sum() < 2:
        return float("nan")
    scale = np.sqrt(rho[speaks])
    return precision_weighted(y[speaks] / scale, (1 - rho[speaks]) / rho[speaks]).q


def _muted(one: Signal) -> Signal:
    return replace(one, value=np.full(len(one.value), np.nan))


def _nothing(source: str, n: int) -> Signal:
    return Signal(source, np.full(n, np.nan), np.full(n, 0.5), np.zeros(n, np.int64))


def _of(evidence: pa.Table, source: str) -> pa.Table:
    return evidence.filter(pc.equal(evidence["source"], source))


def _about(evidence: pa.Table, persons: Ids, source: str) -> tuple[Ids, Floats, Ids]:
    """Rows of the persons, values in [0, 1] and raters (-1 = unknown) of one source."""
    table = _of(evidence, source)
    low, high, value = (table[name].to_numpy() for name in ("scale_low", "scale_high", "value"))
    row = _rows(table["person"].to_numpy().astype(np.int64), persons)
    rater = pc.fill_null(table["rater"], -1).to_numpy().astype(np.int64)
    known = row >= 0
    return row[known], ((value - low) / (high - low))[known], rater[known]


def _severity(value: Floats, rater: Ids) -> Floats:
    """Return how far each rater's mean lies from everybody's; raters of fewer than three are taken as they are."""
    _, code, counts = np.unique(rater, return_inverse=True, return_counts=True)
    off = np.bincount(code, value) / counts - value.mean()
    return np.where((counts[code] >= FEWEST_RATERS) & (rater >= 0), off[code], 0.0)


def _standard(value: Floats) -> Floats:
    told = np.isfinite(value)
    width = float(np.std(value[told])) if told.sum() > 1 else 0.0
    if width < 1e-12:
        return np.where(told, 0.0, np.nan)
    return np.asarray(np.clip((value - value[told].mean()) / width, -FARTHEST, FARTHEST), dtype=np.float64)


def _rows(wanted: Ids, persons: Ids) -> Ids:
    """Return the row of each id among sorted persons, -1 where it is none of them."""
    if not len(persons):
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.clip(np.searchsorted(persons, wanted), 0, len(persons) - 1)
    return np.where(persons[place] == wanted, place, -1).astype(np.int64)


def _first_of_each(table: pa.Table) -> list[int]:
    """Return rows without second ratings by one rater of one person on one facet; kudos of several days are several."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    columns = [table[name].to_pylist() for name in ("source", "facet", "person", "team", "rater", "day")]
    for row, (source, *who, rater, day) in enumerate(zip(*columns, strict=True)):
        key = (source, *who, rater, day if source == "recognition" else None)
        if rater is None or key not in seen:
            kept.append(row)
        seen.add(key)
    return kept
