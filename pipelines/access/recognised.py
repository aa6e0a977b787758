"""Sentences that a sealed scan or a report holds as English text, found again as phrases, so that they can be said in other languages."""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache

from pipelines.phrases import Phrase, joined, say

MESSAGES: tuple[Phrase, ...] = (
    say("weeks with far less contact than usual: {weeks}", weeks=""),
    say("fewer than 80 % of the members left any trace"),
    say("nothing was read"),
    say("{some} of {rows} rows were quarantined", some="", rows=""),
    say("{some} of {rows} rows were dropped", some="", rows=""),
    say("With other weights of the indicators, {kept} of the first tenth by overall score stays the same.{verdict}", kept="", verdict=""),
    say("Against a regression on position in place of nearest peers, places keep a rank correlation of {said}.{tail}", said="", tail=""),
    say("Without a tenth of the people, places of the others keep a rank correlation of at least {said}.{tail}", said="", tail=""),
    say("message text, subjects, titles, file names, locations and links are never read into a record"),
    say("Messages to and from the direct reporting line: they measure a position."),
    say("Mail and meetings with large audiences, mailing lists and announcements."),
    say("Bots, rooms, shared mailboxes, guests and people outside the company."),
    say("Sheer volume: many messages to one colleague on one day count little more than one."),
)
"""What is said often enough to be said in the reader's language; anything else stays as it was sealed."""


def recognised(text: str) -> str:
    """Return the phrase behind a text, or the text itself."""
    for pattern, message in _patterns().items():
        found = re.fullmatch(pattern, text)
        if found:
            return say(message, **{name: _field(value) for name, value in found.groupdict().items()})
    return text


def _field(value: str) -> str:
    """Return days as days and counts as counts, so that they are written as elsewhere on a page; other text as it is."""
    if re.fullmatch(r"\d{1,3}(,\d{3})*", value):
        return say("{number}", number=int(value.replace(",", "")))
    if not re.fullmatch(r"(\d{4}-\d\d-\d\d(, |$))+", value):
        return value
    return joined([say("{day}", day=date.fromisoformat(day)) for day in value.split(", ")])


@cache
def _patterns() -> Mapping[str, str]:
    return {re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(one.message)): one.message for one in MESSAGES}
