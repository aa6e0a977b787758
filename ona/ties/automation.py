"""Senders who behave like machines, from the times and the answers of their messages alone; for a human to review."""

from collections.abc import Mapping

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ona.tables import Kind
from ona.ties.calendar import seconds
from ona.ties.frames import Lazy, flag, total

Floats = npt.NDArray[np.float64]

LEAST_EVENTS = 200
LEAST_REASONS = 2
REASONS = ("around_the_clock", "clockwork", "unanswered", "wide_fan_out", "on_the_second")
"""Hour entropy at least .95; burstiness at most -.5; under 2 % answered with 20 sent per received; more than half of
the company addressed; half of the time stamps on second 0 (section 1.12)."""


def automated_senders(events: Lazy, accounts: Lazy) -> pa.Table:
    """Find accounts that fit at least two soft rules of section 1.12, from 200 messages and mails on.

    Executives' offices, on-call staff and shared mailboxes look alike: quarantine for review, never drop by this.

    Returns
    -------
    pa.Table
        ``account`` and ``reasons`` (list of ``REASONS``), by account.
    """
    said = events.filter(nw.col("kind").is_in([int(Kind.MESSAGE), int(Kind.MAIL)])).with_columns(at=seconds())
    sent = _by(said.group_by("sender").agg(nw.len().alias("n"), exact=(flag(nw.col("at") % 60 == 0)).sum().cast(nw.Int64)))
    many = np.array(sorted(account for account, row in sent.items() if row["n"] >= LEAST_EVENTS), dtype=np.int64)
    n, exact = (np.array([sent[account][name] for account in many.tolist()], dtype=np.float64) for name in ("n", "exact"))
    people = int(accounts.select(nw.col("account").n_unique()).collect("pyarrow").to_arrow()["account"][0].as_py())
    answered, received, reached = (_values(frame, many) for frame in (_answered(said), _received(said), _reached(said)))
    tests = np.column_stack([
        hour_entropy(_hours(said, many)) >= 0.95,
        _burstiness_of(said, many) <= -0.5,
        (answered < 0.02 * n) & (n >= 20 * received),
        reached > 0.5 * people,
        exact >= 0.5 * n,
    ])  # fmt: skip
    chosen = tests.sum(axis=1) >= LEAST_REASONS
    reasons = [[reason for reason, holds in zip(REASONS, row, strict=True) if holds] for row in tests[chosen]]
    return pa.table({"account": pa.array(many[chosen], pa.int64()), "reasons": pa.array(reasons, pa.list_(pa.string()))})


def hour_entropy(counts: Floats) -> Floats:
    """Entropy of the hours of the day over its maximum, in [0, 1]; 1 = around the clock; shape (n,) of counts (n, 24)."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(-(share * logs).sum(axis=1) / np.log(24), dtype=np.float64)


def burstiness(n: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Burstiness of n intervals with this mean and population deviation, in [-1, 1]; -1 = clockwork.

    References
    ----------
    Kim & Jo (2016), doi:10.1103/PhysRevE.94.032311
    """
    r = np.divide(deviation, mean, out=np.zeros_like(mean), where=mean > 0)
    low, high = np.sqrt(np.maximum(n - 1, 0)), np.sqrt(n + 1)
    return np.asarray((high * r - low) / ((high - 2) * r + low), dtype=np.float64)


def _by(frame: Lazy) -> Mapping[int, dict[str, float]]:
    return {row["sender"]: row for row in frame.collect("pyarrow").to_arrow().to_pylist()}


def _values(frame: Lazy, many: npt.NDArray[np.int64]) -> Floats:
    found = {row["account"]: float(row["n"]) for row in frame.collect("pyarrow").to_arrow().to_pylist()}
    return np.array([found.get(account, 0.0) for account in many.tolist()], dtype=np.float64)


def _hours(said: Lazy, many: npt.NDArray[np.int64]) -> Floats:
    counted = (
        said.with_columns(hour=nw.col("bin").cast(nw.Int64) % 32).group_by("sender", "hour").agg(n=nw.len()).collect("pyarrow").to_arrow()
    )
    place = {account: row for row, account in enumerate(many.tolist())}
    counts = np.zeros((many.size, 24))
    for row in counted.to_pylist():
        if row["sender"] in place and row["hour"] < 24:
            counts[place[row["sender"]], row["hour"]] = row["n"]
    return counts


def _burstiness_of(said: Lazy, many: npt.NDArray[np.int64]) -> Floats:
    gaps = said.with_columns(gap=nw.col("at") - nw.col("at").shift(1).over("sender", order_by=["at", "event"])).filter(
        ~nw.col("gap").is_null()
    )
    square = nw.col("gap") * nw.col("gap")
    found = _by(gaps.with_columns(square=square).group_by("sender").agg(n=nw.len(), sum=total("gap"), square=total("square")))
    rows = [found.get(account, {"n": 1, "sum": 0, "square": 0}) for account in many.tolist()]
    n, added, squares = (np.array([row[name] for row in rows], dtype=np.float64) for name in ("n", "sum", "square"))
    mean = added / n
    return burstiness(n, mean, np.sqrt(np.maximum(squares / n - mean**2, 0)))


def _answered(said: Lazy) -> Lazy:
    """Messages of an account that somebody else answered."""
    replies = said.filter(~nw.col("reply_to").is_null()).select(event="reply_to", by="sender")
    answers = said.select("event", account="sender").join(replies, on="event").filter(nw.col("by") != nw.col("account"))
    return answers.select("event", "account").unique().group_by("account").agg(n=nw.len())


def _addressed(said: Lazy) -> Lazy:
    named = said.filter(nw.col("recipients").list.len() > 0).select("sender", "recipients").explode("recipients")
    return named.select("sender", account=nw.col("recipients").struct.field("account"))


def _received(said: Lazy) -> Lazy:
    return _addressed(said).group_by("account").agg(n=nw.len())


def _reached(said: Lazy) -> Lazy:
    return _addressed(said).group_by("sender").agg(n=nw.col("account").n_unique()).rename({"sender": "account"})
