"""Messages of one sender in quick succession become one turn, and each turn in a thread knows who spoke before."""

import narwhals as nw

from ona.rules import TieRules
from ona.ties.calendar import WEEKS_BACK
from ona.ties.cleaning import CHANNEL, DIRECT, KEPT, MAIL, REACTION
from ona.ties.frames import Lazy, flag, stacked


def kept(headers: Lazy, rules: TieRules) -> Lazy:
    """Return the kept events with ``opens``: 1 on the first message of a turn, 0 on those that continue it.

    A message or mail continues the turn when the same sender wrote in the same conversation at most
    ``coalescing_minutes`` before, whoever else spoke in between. Reactions and meetings always open.
    """
    good = headers.filter(nw.col("verdict") == KEPT).drop("verdict")
    spoken = nw.col("place").is_in([MAIL, DIRECT, CHANNEL])
    said = good.filter(spoken).with_columns(opens=opens(rules))
    return stacked([said, good.filter(~spoken).with_columns(opens=nw.lit(1))])


def opens(rules: TieRules) -> nw.Expr:
    """Return 1 for a message more than ``coalescing_minutes`` after the sender's last one in the conversation, else 0."""
    gap = nw.col("at") - nw.col("at").shift(1).over("sender", "conversation", order_by=["at", "event"])
    return flag(gap.is_null() | (gap > rules.coalescing_minutes * 60))


def channel_turns(said: Lazy, authors: Lazy) -> Lazy:
    """Return channel messages with the turn they belong to, their thread, and whom the thread makes them answer.

    Parameters
    ----------
    said
        Kept events with ``opens``.
    authors
        ``event``, ``sender`` and ``root`` of all events by people, dropped ones too: a thread hangs on its root.

    Returns
    -------
    Lazy
        Columns of ``said`` and ``thread`` (first event of the thread), ``turn`` (first event of the turn),
        ``root_author`` and ``before``: the author of the message that the reply names, unless that is the root,
        else the previous distinct speaker of the thread; null where there is none.
    """
    posts = said.filter(nw.col("place") == CHANNEL).with_columns(thread=nw.coalesce("root", "event"))
    replies = posts.filter(~nw.col("root").is_null()).select("event", "w", wanted="root")
    pointed = posts.filter(~nw.col("reply_to").is_null(), nw.col("reply_to") != nw.col("thread")).select("event", "w", wanted="reply_to")
    joined = (
        _spoken_before(posts)
        .join(_authors_of(replies, authors).rename({"author": "root_author"}), on="event", how="left")
        .join(_authors_of(pointed, authors).rename({"author": "answered"}), on="event", how="left")
    )
    return joined.with_columns(before=nw.coalesce("answered", "spoke")).drop("spoke", "answered")


def _spoken_before(posts: Lazy) -> Lazy:
    """Add ``turn`` and ``spoke``, the last distinct speaker of the thread within the weeks looked back on."""
    opening = nw.when(nw.col("opens") == 1).then(nw.col("event"))
    order = ["at", "event"]
    shifted = posts.with_columns(
        turn=opening.fill_null(strategy="forward").over("sender", "conversation", order_by=order),
        last=nw.col("sender").shift(1).over("thread", order_by=order),
        last_w=nw.col("w").shift(1).over("thread", order_by=order),
    )
    other = nw.col("last") != nw.col("sender")
    changed = shifted.with_columns(other=nw.when(other).then(nw.col("last")), other_w=nw.when(other).then(nw.col("last_w")))
    filled = changed.with_columns(
        spoke=nw.col("other").fill_null(strategy="forward").over("thread", order_by=order),
        spoke_w=nw.col("other_w").fill_null(strategy="forward").over("thread", order_by=order),
    )
    recent = nw.when(nw.col("spoke_w") >= nw.col("w") - WEEKS_BACK).then(nw.col("spoke"))
    return filled.with_columns(spoke=recent).drop("last", "last_w", "other", "other_w", "spoke_w")


def _authors_of(pointers: Lazy, authors: Lazy) -> Lazy:
    """Who wrote the event that each pointer (event, w, wanted) names, within the weeks looked back on."""
    wrote = authors.select(wanted="event", author="sender", wrote_w="w").join(pointers.select("wanted").unique(), on="wanted", how="semi")
    return pointers.join(wrote, on="wanted").filter(nw.col("wrote_w") >= nw.col("w") - WEEKS_BACK).select("event", "author")


def reactions(said: Lazy, authors: Lazy, received: Lazy) -> Lazy:
    """Return kept reactions with ``author`` (of the message reacted to) and ``thread``.

    The author is the sender of the message where it is held, else the recipient that the source named.
    """
    given = said.filter(nw.col("place") == REACTION)
    wrote = _authors_of(given.select("event", "w", wanted="reply_to"), authors)
    threads = authors.select(reply_to="event", reacted=nw.coalesce("root", "event")).join(
        given.select("reply_to").unique(), on="reply_to", how="semi"
    )
    named = received.filter(nw.col("place") == REACTION).group_by("event").agg(named=nw.col("account").min())
    joined = given.join(wrote, on="event", how="left").join(threads, on="reply_to", how="left").join(named, on="event", how="left")
    found = joined.with_columns(author=nw.coalesce("author", "named"), thread=nw.coalesce("reacted", "root", "reply_to"))
    return found.drop("named", "reacted")
