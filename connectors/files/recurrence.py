"""Recurrence rules of calendars and the zones they define themselves, expanded as wall times within bounds."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from dateutil.rrule import rrulestr
from dateutil.tz import tzical

from connectors.cells import CellError

MAX_STEPS = 20_000
"""Instances of one rule counted from its start: 54 years of days."""

_RULE_KEYS = frozenset(
    ("FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYYEARDAY", "BYWEEKNO", "WKST")
)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def expanded(rule: str, first: datetime, zone: tzinfo, last: datetime) -> Iterator[datetime]:
    """Yield the wall times of an RRULE from the first to the last; a rule that cannot be read or bounded is a CellError."""
    try:
        recurrence = rrulestr(_bounded_rule(rule, zone), dtstart=first)
        for step, wall in enumerate(recurrence):
            if wall > last:
                return
            if step >= MAX_STEPS:
                raise CellError("rrule_too_long")
            yield wall
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise error if isinstance(error, CellError) else CellError("rrule_unreadable") from None


@lru_cache(256)
def defined_zone(rules: bytes) -> tzinfo | None:
    """Return the zone that a calendar defines by allowed lines alone, None when it holds others or makes no sense."""
    if not rules or b"X-REFUSED" in rules:
        return None
    text = "BEGIN:VTIMEZONE\r\nTZID:own\r\n" + rules.decode("ascii", "replace").upper() + "\r\nEND:VTIMEZONE\r\n"
    try:
        zone = tzical(io.StringIO(text)).get("own")
        return zone if zone is not None and zone.utcoffset(datetime(2020, 1, 1)) is not None else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _bounded_rule(rule: str, zone: tzinfo) -> str:
    """Return the rule with UNTIL as wall time; one that is finer than a day or can never come true is refused."""
    keys = dict(part.partition("=")[::2] for part in rule.split(";"))
    if not _RULE_KEYS.issuperset(keys) or keys.get("FREQ") not in _FREQUENCIES or not _possible(keys):
        raise CellError("rrule_refused")
    if until := keys.get("UNTIL"):
        keys["UNTIL"] = _wall_until(until, zone)
    return ";".join(f"{key}={value}" for key, value in keys.items())


def _possible(keys: dict[str, str]) -> bool:
    numbers = {key: [int(n) for n in keys[key].split(",")] for key in ("BYMONTH", "BYMONTHDAY") if key in keys}
    months, days = numbers.get("BYMONTH", list(range(1, 13))), numbers.get("BYMONTHDAY", [1])
    if "BYSETPOS" in keys and keys["FREQ"] == "DAILY":
        return False
    if ("BYYEARDAY" in keys or "BYWEEKNO" in keys) and (numbers or keys["FREQ"] != "YEARLY"):
        return False
    return any(1 <= month <= 12 and 1 <= abs(day) <= _MONTH_DAYS[month - 1] for month in months for day in days)


def _wall_until(until: str, zone: tzinfo) -> str:
    if len(until) == 8:
        return f"{until}T235959"
    if not until.endswith("Z"):
        return until
    moment = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return moment.astimezone(zone).strftime("%Y%m%dT%H%M%S")
