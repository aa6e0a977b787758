"""Cleaned events, their recipients, channel turns and reactions as frames: what asks, episodes, presence and bursts read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ona.compiled import Codes, Ints
from ona.ties._kernels import NONE
from ona.ties.attribution import Parted, Steps, reaction_authors
from ona.ties.calendar import mondays
from ona.ties.cleaning import CHANNEL, KEPT
from ona.ties.columns import NO_LEAD
from ona.ties.frames import Lazy, Load
from ona.ties.turns import NOBODY

HEADER = ("event", "sender", "place", "root", "reply_to", "space", "audience", "week", "n", "w", "at", "clock", "offset", "minutes", "late")
"""Columns of every event; times are whole numbers: ``at`` seconds UTC, ``clock`` working minutes and ``offset`` minutes of the
sender's clock, ``n`` days and ``w`` weeks since 1970."""


@dataclass(frozen=True)
class Prepared:
    """What all weekly tables but TIES start from."""

    headers: Lazy  # events that were dropped, with their verdict
    steps: Steps


def prepare(parts: Parted, frame: Load) -> Prepared:
    """Hand the parts over to the engine."""
    events, turns = parts.events, parts.turns
    kept = np.flatnonzero(events.verdict == KEPT)
    posts = kept[events.place[kept] == CHANNEL]
    rows, author = reaction_authors(parts)
    said = _columns(parts, kept, *HEADER) | {"opens": pa.array(turns.opens[kept])}
    channel = {
        "thread": pa.array(turns.thread[posts]),
        "before": _accounts(parts, turns.before[posts]),
        "opens": pa.array(turns.opens[posts]),
    }
    reacted = {"thread": pa.array(turns.thread[rows]), "author": _accounts(parts, author)}
    got = parts.got
    named = {"account": _accounts(parts, got.account), "role": pa.array(got.role)}
    gone = np.flatnonzero(events.verdict != KEPT)
    dropped = _columns(parts, gone, *HEADER) | {"verdict": pa.array(events.verdict[gone])}
    steps = Steps(
        frame(pa.table(said)),
        frame(pa.table(_columns(parts, got.row, *HEADER, "series", "lead_hours") | named)),
        frame(pa.table(_columns(parts, posts, *HEADER) | channel)),
        frame(pa.table(_columns(parts, rows, "event", "sender", "at", "n", "w", "reply_to") | reacted)),
    )
    return Prepared(frame(pa.table(dropped)), steps)


def _columns(parts: Parted, rows: Ints | Codes, *names: str) -> dict[str, pa.Array]:
    events, held = parts.events, parts.held
    found: Mapping[str, NDArray[np.generic]] = events._asdict() | held.judged._asdict() | {"series": held.series, "minutes": held.minutes}
    shaped = {
        "sender": lambda: _accounts(parts, events.sender[rows]),
        "week": lambda: mondays(events.w[rows]),
        "lead_hours": lambda: pa.array(held.lead_hours[rows], mask=held.lead_hours[rows] == NO_LEAD),
        "minutes": lambda: pa.array(held.minutes[rows], mask=np.isnan(held.minutes[rows])),
    }
    return {name: shaped[name]() if name in shaped else _ids(found[name][rows]) for name in names}


def _ids(values: NDArray[np.generic]) -> pa.Array:
    missing = values == NONE if values.dtype == np.int64 else None
    return pa.array(values, mask=missing if missing is not None and missing.any() else None)


def _accounts(parts: Parted, codes: Codes) -> pa.Array:
    """Ids of accounts, null for -1."""
    unknown = codes == NOBODY
    return pa.array(parts.held.known.account[codes], mask=unknown if unknown.any() else None)
