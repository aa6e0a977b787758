"""Columns, dtypes and keys of every table that passes between the rooms, and the one check of them."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

import narwhals as nw
import pyarrow as pa
from narwhals.typing import IntoFrame

from ona.errors import TableError

FIXED_POINT = 2**20
"""Units of one turn (or of one help credit) in the integer columns, so that sums do not depend on order."""

WEEK_CLOSES_AFTER_DAYS = 10
"""An ask belongs to its root's week, which stays open this long after its end for late replies."""


class Kind(IntEnum):
    """What happened in an event."""

    MESSAGE = 1
    REACTION = 2
    MAIL = 3
    MEETING = 4


class Channel(IntEnum):
    """Kind of contact that a tie is made of; messages and reactions are chat."""

    CHAT = 1
    MAIL = 2
    MEETING = 3
    AGGREGATE = 4  # added up before it came here: how much contact there was is known, and no single event of it


OF_EVENTS = (Channel.CHAT, Channel.MAIL, Channel.MEETING)
"""Channels of which single events are known; what needs these (asks, answers, how contact is spread over channels) looks at no other."""


class Role(IntEnum):
    """What a recipient is in an event."""

    TO = 1
    CC = 2
    BCC = 3
    MENTIONED = 4
    ACCEPTED = 5
    TENTATIVE = 6
    DECLINED = 7
    NO_ANSWER = 8


class SpaceKind(IntEnum):
    """Where an event took place."""

    CHANNEL = 1
    PRIVATE = 2
    DIRECT = 3
    GROUP = 4
    MAIL = 5
    CALENDAR = 6


class Flag(IntFlag):
    """What is known of an event that may exclude it from ties."""

    AUTO_SUBMITTED = 1
    LIST = 2
    PRECEDENCE = 4
    NOREPLY = 8
    BROADCAST = 16
    CANCELLED = 32
    SECOND_ZERO = 64
    BOT = 128


class AccountKind(IntEnum):
    """What stands behind an account; only members are scored."""

    MEMBER = 1
    GUEST = 2
    BOT = 3
    SHARED = 4
    ROOM = 5
    TECHNICAL = 6
    FORMER = 7
    EXTERNAL = 8


OUT_OF_HOURS = 32
"""Bit of ``EVENTS.bin`` that marks an event outside the sender's working hours; the low five bits are the local hour."""


@dataclass(frozen=True)
class Table:
    """Name, columns and key of one table."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()


def _table(name: str, key: str, /, **columns: pa.DataType) -> Table:
    return Table(name, pa.schema(list(columns.items())), tuple(key.split()))


RECIPIENT = pa.struct([("account", pa.int64()), ("role", pa.uint8())])

EVENTS = _table(
    "events",
    "event",
    event=pa.int64(),
    source=pa.string(),
    kind=pa.uint8(),
    sent=pa.timestamp("us"),  # naive UTC
    week=pa.date32(),  # Monday of the sender's local week
    day=pa.date32(),  # the sender's local day
    bin=pa.uint8(),  # local hour 0-23, plus OUT_OF_HOURS
    sender=pa.int64(),
    recipients=pa.list_(RECIPIENT),
    audience=pa.uint16(),  # recipients before anybody was dropped, the sender not counted
    space=pa.int64(),
    space_kind=pa.uint8(),
    root=pa.int64(),  # first event of the thread; null for a root itself
    reply_to=pa.int64(),  # the event answered or reacted to
    series=pa.int64(),
    lead_hours=pa.int16(),
    minutes=pa.float32(),
    flags=pa.uint16(),
    revision=pa.int64(),
)

ACCOUNTS = _table(
    "accounts",
    "account",
    account=pa.int64(),
    person=pa.int64(),
    kind=pa.uint8(),  # AccountKind
    work_days=pa.uint8(),  # bit mask, Monday = 1
    excluded=pa.bool_(),  # objected or protected: no event of theirs survives
)

TIES = _table(
    "ties",
    "week source channel from to",
    week=pa.date32(),
    source=pa.string(),
    channel=pa.uint8(),
    **{"from": pa.int64(), "to": pa.int64()},
    weight=pa.int64(),  # sum over days of log2(1 + turns), in FIXED_POINT units
    events=pa.uint32(),
    days=pa.uint8(),  # bit mask, Monday = 1
    evidence=pa.uint8(),  # days with an event small enough to prove a relationship (methods A.9), bit mask
    turns=pa.uint16(),  # that address the person, without meetings: who merely spoke before in a thread is not addressed
)

AGGREGATES = _table(
    "aggregates",
    "week source from to",
    week=pa.date32(),
    source=pa.string(),
    **{"from": pa.int64(), "to": pa.int64()},  # accounts; contact is mutual, so each pair stands in both orders
    weight=pa.int64(),  # log2(1 + amount), in FIXED_POINT units: the amount as its source counts it
    evidence=pa.uint8(),  # 1 in the one week of a stated span that proves contact, else 0
)

ASKS = _table(
    "asks",
    "week channel asker helper",
    week=pa.date32(),  # of the root
    channel=pa.uint8(),
    asker=pa.int64(),
    helper=pa.int64(),
    asks=pa.uint16(),
    directed=pa.uint16(),  # mentioned or asked directly
    first=pa.uint16(),
    acknowledged=pa.uint16(),
    certain=pa.uint16(),  # directed or acknowledged, each ask once: what H1 counts
    credit=pa.int64(),  # FIXED_POINT units
    credit_squared=pa.int64(),  # sum of squared credits, FIXED_POINT units
    direct_credit=pa.int64(),  # the part of credit that came from mail and direct messages
    incident=pa.uint16(),
)

LATENCY_EDGES_MINUTES = (5, 15, 30, 60, 120, 240, 480, 960, 1440)
"""Upper edges of the latency histogram; its last bin is everything slower."""

PRESENCE = _table(
    "presence",
    "week account",
    week=pa.date32(),
    account=pa.int64(),
    days=pa.uint8(),  # local days with any own action, bit mask
    channels=pa.uint8(),  # bit mask, 1 << channel
    turns=pa.uint32(),
    initiated=pa.uint32(),
    broadcasts=pa.uint32(),
    asks_made=pa.uint32(),
    directed_in=pa.uint32(),
    directed_answered=pa.uint32(),
    exposure=pa.int64(),  # of channel asks, FIXED_POINT units: sum of q / eligible helpers
    burst_exposure=pa.uint32(),
    pulls=pa.uint32(),
    reachable=pa.uint32(),
    meeting_minutes=pa.float32(),
    out_of_hours=pa.uint32(),
    latency=pa.list_(pa.uint32()),  # answered, by LATENCY_EDGES_MINUTES
    censored=pa.list_(pa.uint32()),  # never answered, by the time that was observed
)

SPACE_WEEKS = _table(
    "space_weeks",
    "week space",
    week=pa.date32(),
    space=pa.int64(),
    roots=pa.uint32(),
    top_share=pa.float32(),  # share of the roots by the three most frequent posters
    speakers=pa.uint32(),
    hours=pa.list_(pa.uint32()),  # 168 counts, Monday 00 first, UTC
)

PEOPLE = _table(
    "people",
    "person valid_from",
    person=pa.int64(),
    valid_from=pa.date32(),
    valid_to=pa.date32(),
    manager=pa.int64(),
    dotted_manager=pa.int64(),
    team=pa.int32(),  # codes; the labels live in the service database
    site=pa.int32(),
    function=pa.int32(),
    group=pa.int32(),  # department
    level=pa.int16(),  # 1 = top of the company
    named_lead=pa.bool_(),
    service_role=pa.bool_(),
    on_call=pa.bool_(),
    protected=pa.bool_(),
    fte=pa.float32(),
    work_days=pa.uint8(),  # bit mask, Monday = 1
    zone=pa.string(),
    language=pa.string(),
    joined=pa.date32(),
    left=pa.date32(),
    kind=pa.uint8(),  # AccountKind
)

ABSENCES = _table(
    "absences",
    "person day",
    person=pa.int64(),
    day=pa.date32(),  # on which the person was away: leave, illness, a public holiday of their own
)

HOLIDAYS = _table(
    "holidays",
    "site day",
    site=pa.int32(),  # code, as in PEOPLE
    day=pa.date32(),
)

SCORES = _table(
    "scores",
    "person name",
    person=pa.int64(),
    name=pa.string(),  # a facet or a measure
    kind=pa.string(),  # facet, indicator or measure
    value=pa.float64(),  # kept even when withheld; NaN = undefined
    standard_error=pa.float64(),
    low=pa.float64(),  # 90 % interval
    high=pa.float64(),
    percentile=pa.float64(),  # among peers, in [0, 1]
    percentile_low=pa.float64(),
    percentile_high=pa.float64(),
    p_top=pa.float64(),  # posterior probability of the top decile
    tier=pa.string(),  # exceptional, high, typical; null when withheld
    reason=pa.string(),  # why withheld or undefined, a stable code; null otherwise
)

FLAGS = _table(
    "flags",
    "person facet",
    person=pa.int64(),
    facet=pa.string(),
    flagged=pa.bool_(),  # top decile, after Bayesian false-discovery control
    hidden=pa.bool_(),  # influence beyond formal position, after the same control
    visibility=pa.float64(),  # percentile of formal visibility
    gap=pa.float64(),  # normal quantile of the facet minus that of visibility
    reason=pa.string(),  # first gate that failed, a stable code; null when all passed
)

CONTRIBUTIONS = _table(
    "contributions",
    "person facet indicator",
    person=pa.int64(),
    facet=pa.string(),
    indicator=pa.string(),
    z=pa.float64(),
    share=pa.float64(),
    contribution=pa.float64(),
)

FACTS = _table(
    "facts",
    "person fact",
    person=pa.int64(),
    fact=pa.string(),  # asks, askers, asker_groups, contacts, contact_groups, chat, mail, meeting, community, overload …
    value=pa.float64(),
)

BADGES = _table(
    "badges",
    "badge",
    badge=pa.int64(),
    person=pa.int64(),
    name=pa.string(),
    issuer=pa.string(),
    standard=pa.string(),  # table, ob2, ob3, credly
    skills=pa.list_(pa.string()),
    level=pa.string(),
    issued_on=pa.date32(),
    expires_on=pa.date32(),
    status=pa.string(),  # verified, issuer-asserted, holder-claimed, expired, revoked, suspended, failed, unknown
)

EVIDENCE_SOURCES = ("peer_360", "recognition", "csat", "survey")
"""What people say of each other, or customers of a team; the traces are the fifth source and live in SCORES."""

EVIDENCE = _table(
    "evidence",
    "evidence",
    evidence=pa.int64(),  # keyed digest of the row
    person=pa.int64(),  # who it is about; null where the figure is of a team
    source=pa.string(),  # one of EVIDENCE_SOURCES
    facet=pa.string(),  # helper, broker, or a skill in lower case
    rater=pa.int64(),  # who said so; null where it is not known
    team=pa.int32(),  # code, as in PEOPLE; null where the figure is of a person
    value=pa.float64(),
    scale_low=pa.float64(),
    scale_high=pa.float64(),
    day=pa.date32(),
    weight=pa.float64(),  # answers behind the value, 1 for a single rating
)


def check(table: IntoFrame, schema: Table) -> pa.Table:
    """Return the table as Arrow with exactly the schema's columns, or say what is wrong.

    Parameters
    ----------
    table
        Any frame that narwhals reads: pandas, Arrow, Polars, DuckDB.
    schema
        The table it has to be. Missing columns are an error, further ones are dropped.

    Raises
    ------
    TableError
        Names the columns that are missing or cannot be cast without loss; never a value.
    """
    frame = nw.from_native(table)
    arrow = (frame.collect("pyarrow") if isinstance(frame, nw.LazyFrame) else frame).to_arrow()
    missing = [name for name in schema.schema.names if name not in arrow.column_names]
    if missing:
        raise TableError(f"Table {schema.name} lacks the columns {', '.join(missing)}. Expected: {', '.join(schema.schema.names)}.")
    try:
        return arrow.select(schema.schema.names).cast(schema.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        wrong = [f.name for f in schema.schema if not arrow.schema.field(f.name).type.equals(f.type)]
        raise TableError(f"Table {schema.name} has columns of another type that cannot be cast: {', '.join(wrong)}.") from error
