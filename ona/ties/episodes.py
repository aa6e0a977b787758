"""Exchanges of two people by mail or direct message, cut into episodes by silence: who opened, who answered, and when."""

import narwhals as nw

from ona.rules import TieRules
from ona.tables import WEEK_CLOSES_AFTER_DAYS, Channel, Role
from ona.ties.calendar import WORKING_DAY, working_minutes
from ona.ties.cleaning import DIRECT, MAIL
from ona.ties.frames import Lazy, flag

PAIR = ("place", "low", "high")
MOST_ASKED = 3
"""Largest audience of a message that asks somebody."""
WAITING_DAYS = 5
"""Working days during which an unanswered mail makes the next mail back a late answer, not an ask."""


def episodes(got: Lazy, rules: TieRules) -> Lazy:
    """Return one row per pair and episode.

    An episode starts with a message after a silence of one working day (direct messages) or
    ``mail_silence_days`` working days (mail) between the two.

    Returns
    -------
    Lazy
        ``ask`` (its first event), ``asker`` (who opened), ``helper``, ``place``, ``channel``, ``week``, ``w``,
        ``n``, ``at``; ``answered_at`` (seconds) and ``waited`` (the helper's working minutes), null without an
        answer; ``asker_soon``, when the asker last wrote within ten days (seconds); ``askable`` 1 when the opening can be an ask.
    """
    return _between(_sides(_cut(got, rules)), rules)


def _cut(got: Lazy, rules: TieRules) -> Lazy:
    """Messages of each pair with the episode that they belong to."""
    rows = got.filter(nw.col("place").is_in([MAIL, DIRECT])).with_columns(
        low=nw.min_horizontal("sender", "account"), high=nw.max_horizontal("sender", "account")
    )
    order = ["at", "event"]
    silence = nw.when(nw.col("place") == MAIL).then(nw.lit(rules.mail_silence_days * WORKING_DAY)).otherwise(nw.lit(WORKING_DAY))
    gap = nw.col("clock") - nw.col("clock").shift(1).over(*PAIR, order_by=order)
    opening = nw.when(gap.is_null() | (gap >= silence)).then(nw.col("event"))
    began = nw.when(~nw.col("opening").is_null()).then(nw.col("at"))
    filled = {"ask": nw.col("opening"), "began": nw.col("began")}
    return rows.with_columns(opening=opening).with_columns(began=began).with_columns(
        **{name: column.fill_null(strategy="forward").over(*PAIR, order_by=order) for name, column in filled.items()}
    )  # fmt: skip


def _sides(rows: Lazy) -> Lazy:
    """First and last word of either side of an episode."""
    low, head = nw.col("sender") == nw.col("low"), nw.col("event") == nw.col("ask")
    plain = (nw.col("place") == DIRECT) | (nw.col("reply_to").is_null() & (nw.col("role") == int(Role.TO)))
    soon = nw.col("at") - nw.col("began") <= WEEK_CLOSES_AFTER_DAYS * 86400
    marked = rows.with_columns(
        low_soon=nw.when(low & soon).then(nw.col("at")),
        high_soon=nw.when(~low & soon).then(nw.col("at")),
        plain=flag(head & plain & (nw.col("audience") <= MOST_ASKED)),
        opener=nw.when(head).then(nw.col("sender")),
        started=nw.when(head).then(nw.col("clock")),
        **{f"low_{name}": nw.when(low).then(nw.col(name)) for name in ("at", "clock", "offset")},
        **{f"high_{name}": nw.when(~low).then(nw.col(name)) for name in ("at", "clock", "offset")},
    )
    first = [nw.col(f"{side}_{name}").min() for side in ("low", "high") for name in ("at", "clock", "offset")]
    last = [nw.col(f"{side}_at").max().alias(f"{side}_last") for side in ("low", "high")]
    heads = [nw.col(name).max() for name in ("plain", "opener", "started", "clock", "low_soon", "high_soon")]
    return marked.group_by(*PAIR, "ask").agg(*first, *last, *heads, *[nw.col(name).min() for name in ("week", "w", "n", "at")])


def _between(sides: Lazy, rules: TieRules) -> Lazy:
    """Tell asker from helper and look at the episodes before and after."""
    by_low = nw.col("opener") == nw.col("low")
    named = sides.with_columns(
        asker=nw.col("opener"),
        helper=nw.when(by_low).then(nw.col("high")).otherwise(nw.col("low")),
        asker_last=nw.when(by_low).then(nw.col("low_last")).otherwise(nw.col("high_last")),
        asker_soon=nw.when(by_low).then(nw.col("low_soon")).otherwise(nw.col("high_soon")),
        helper_last=nw.when(by_low).then(nw.col("high_last")).otherwise(nw.col("low_last")),
        **{
            f"helper_{name}": nw.when(by_low).then(nw.col(f"high_{name}")).otherwise(nw.col(f"low_{name}"))
            for name in ("at", "clock", "offset")
        },
    )
    closer = nw.when(nw.coalesce("helper_last", nw.lit(0)) > nw.col("asker_last")).then(nw.col("helper")).otherwise(nw.col("asker"))
    closed = named.with_columns(closer=closer, lonely=flag(nw.col("helper_at").is_null()))
    order = ["at", "ask"]
    before = {
        f"before_{name}": nw.col(name).shift(1).over(*PAIR, order_by=order) for name in ("asker", "started", "clock", "closer", "lonely")
    }
    after = {f"after_{name}": nw.col(name).shift(-1).over(*PAIR, order_by=order) for name in ("asker", "started", "at")}
    return _answered(closed.with_columns(**before, **after), rules.mail_answer_days * WORKING_DAY)


def _answered(rows: Lazy, limit: int) -> Lazy:
    mail = nw.col("place") == MAIL
    late = (
        (nw.col("before_lonely") == 1)
        & (nw.col("before_asker") == nw.col("helper"))
        & (nw.col("started") - nw.col("before_started") <= limit)
    )
    waiting = (nw.col("before_closer") == nw.col("helper")) & (nw.col("started") - nw.col("before_clock") <= WAITING_DAYS * WORKING_DAY)
    other = nw.when(mail).then(waiting).otherwise(late)
    slow = (nw.col("lonely") == 1) & (nw.col("after_asker") == nw.col("helper")) & (nw.col("after_started") - nw.col("started") <= limit)
    waited = nw.col("helper_clock") - working_minutes(nw.col("at") // 60 + nw.col("helper_offset"))
    own = nw.when(nw.col("lonely") == 0).then(waited)
    return rows.with_columns(
        askable=flag((nw.col("plain") == 1) & ~nw.coalesce(other, nw.lit(False))),
        waited=nw.when(slow).then(nw.col("after_started") - nw.col("started")).otherwise(own),
        answered_at=nw.when(slow).then(nw.col("after_at")).otherwise(nw.col("helper_at")),
        channel=nw.when(mail).then(nw.lit(int(Channel.MAIL))).otherwise(nw.lit(int(Channel.CHAT))),
    ).select("ask", "asker", "helper", "place", "channel", "week", "w", "n", "at", "answered_at", "waited", "asker_soon", "askable")
