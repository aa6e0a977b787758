"""Nudges by mail: one message for each, to people who agreed, at most one a person and quarter whatever breaks on the way."""

import hmac
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import sqlalchemy as sa

from ona.errors import ConnectorError, SettingsError
from ona.nudges import quarter_of
from pipelines import audit
from pipelines.access.policy import Viewer
from pipelines.access.rights import Role
from pipelines.addresses import address_of
from pipelines.audit import Act
from pipelines.growth import nudges
from pipelines.growth.nudges import OwnNudge
from pipelines.intake import people
from pipelines.languages import NAMES, Language, language
from pipelines.phrases import say
from pipelines.schema import NUDGE_MAILS, NUDGES, PEOPLE_ROWS
from pipelines.smtp import Courier, Fate, Mail, courier
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

WAITING, SENDING, SENT, FAILED, UNSURE = "waiting", "sending", "sent", "failed", "unsure"

MOST_TRIES = 8
"""A message that the server puts off this often is given up."""

LOST = timedelta(minutes=30)
"""A message that was being handed over so long ago: whoever did it was stopped, and it may have arrived."""

Progress = Callable[[str, int, int | None], None]
Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Mailed:
    """What became of the messages of a quarter, by count alone."""

    quarter: str
    due: int  # before this run
    sent: int = 0
    waiting: int = 0  # the server put them off; the next run tries again
    failed: int = 0  # the server will not take them
    unsure: int = 0  # the line broke at the end: never sent twice
    without_address: int = 0
    dry_run: bool = False


def mail_nudges(ws: Workspace, *, dry_run: bool = False, progress: Progress | None = None) -> Mailed:
    """Mail this quarter's steps that were not mailed yet; in a dry run only count them.

    Raises SettingsError without a mail server in the settings, ConnectorError when it cannot be used.
    """
    mail = ws.settings.mail
    if mail is None:
        raise SettingsError("There is no mail server: add a section [mail] to ona.toml.")
    quarter = quarter_of(ws.now().date())
    if not dry_run:
        _give_up(ws)
    due = _due(ws, quarter)
    if dry_run or not due:
        missing = sum(address_of(ws, row.person) is None for row in due) if dry_run else 0
        return Mailed(quarter, len(due), without_address=missing, dry_run=dry_run)
    audit.record(ws, Act("schedule", "operator", "mail_nudges", quarter))
    with courier(mail) as line:
        fates = Counter(_each(ws, mail, line, due, progress))
    found = Mailed(quarter, len(due), fates[SENT], fates[WAITING], fates[FAILED], fates[UNSURE], fates[None])
    if found.waiting == found.due:
        raise ConnectorError("The mail server took none of the messages. They wait; the next run tries again.")
    return found


def message(ws: Workspace, mail: Mail, person: int, nudge: OwnNudge, address: str) -> EmailMessage:
    """Write the message of a step in its reader's language; its link leads to a page, and does nothing by itself."""
    told, base = _language(ws, person), ws.settings.public_url
    parts = (
        say("This quarter there is one small step for you."),
        nudge.title,
        say("{reason} About {minutes} minutes.", reason=nudge.reason, minutes=nudge.minutes),
        say("Accept it, put it off or say that it is wrong: {address}", address=f"{base}/my-step"),
        say("Nobody else sees it or what you say, and nothing follows from it."),
        say("You agreed to such a step once a quarter. You can take that back at any time: {address}", address=f"{base}/me"),
    )
    made = EmailMessage()
    made["From"] = mail.sender
    made["To"] = Address(addr_spec=address)
    made["Subject"] = told.say(say("One small step"))
    made["Date"] = format_datetime(ws.now().replace(tzinfo=UTC))
    made["Message-ID"] = f"<{_number(ws, person, nudge.quarter)}@{mail.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("\n\n".join(told.say(part) for part in parts) + "\n")
    made["Content-Language"] = told.code
    return made


def _each(ws: Workspace, mail: Mail, line: Courier, due: Sequence[Row], progress: Progress | None) -> "list[str | None]":
    fates: list[str | None] = []
    for at, row in enumerate(due):
        if progress:
            progress("mail", at, len(due))
        found = _one(ws, mail, line, row)
        if found != "":
            fates.append(found)
    return fates


def _one(ws: Workspace, mail: Mail, line: Courier, row: Row) -> str | None:
    """Hand one message over; "" when it is no longer due, None when the person has no address."""
    nudge = nudges.own_nudge(ws, Viewer("schedule", Role.EMPLOYEE, person=row.person))
    if nudge is None or nudge.state != "offered" or row.person in people.withheld(ws):
        return ""
    address = address_of(ws, row.person)
    if address is None:
        return None
    tries = _claim(ws, row)
    if tries is None:
        return ""
    fate = line.hand_over(message(ws, mail, row.person, nudge, address))
    later = WAITING if tries < MOST_TRIES else FAILED
    state = {Fate.SENT: SENT, Fate.LATER: later, Fate.NEVER: FAILED, Fate.UNSURE: UNSURE}[fate]
    _note(ws, row, state, tries)
    return state


def _due(ws: Workspace, quarter: str) -> list[Row]:
    """Return the steps of a quarter that their people have neither been mailed nor answered."""
    this = sa.and_(NUDGES.c.quarter == quarter, NUDGES.c.control.is_(False), NUDGES.c.state == "offered")
    done = sa.select(NUDGE_MAILS.c.person).where(NUDGE_MAILS.c.quarter == quarter, NUDGE_MAILS.c.state != WAITING)
    rows = ws.service.rows(sa.select(NUDGES.c.person, NUDGES.c.quarter).where(this, NUDGES.c.person.not_in(done)).order_by(NUDGES.c.person))
    hidden = people.withheld(ws)
    agreed = {person for person, purposes in people.consents(ws).items() if nudges.AGREED in purposes}
    return [row for row in rows if row.person in agreed and row.person not in hidden]


def _claim(ws: Workspace, row: Row) -> int | None:
    """Note durably that this message is being handed over, before it is: whoever is stopped then never sends it twice."""
    mine = sa.and_(NUDGE_MAILS.c.person == row.person, NUDGE_MAILS.c.quarter == row.quarter)
    values = {"state": SENDING, "at": ws.now()}
    try:
        with ws.service.begin() as connection:
            before = connection.execute(sa.select(NUDGE_MAILS).where(mine)).one_or_none()
            if before is None:
                connection.execute(sa.insert(NUDGE_MAILS).values(person=row.person, quarter=row.quarter, tries=1, **values))
                return 1
            again = sa.update(NUDGE_MAILS).where(mine, NUDGE_MAILS.c.state == WAITING).values(tries=before.tries + 1, **values)
            return int(before.tries) + 1 if connection.execute(again).rowcount == 1 else None
    except sa.exc.IntegrityError:
        return None  # another worker was faster


def _note(ws: Workspace, row: Row, state: str, tries: int) -> None:
    with ws.service.begin() as connection:
        put(connection, NUDGE_MAILS, [{"person": row.person, "quarter": row.quarter, "state": state, "tries": tries, "at": ws.now()}])


def _give_up(ws: Workspace) -> None:
    """Never send again what was being handed over when somebody was stopped."""
    lost = sa.and_(NUDGE_MAILS.c.state == SENDING, NUDGE_MAILS.c.at < ws.now() - LOST)
    with ws.service.begin() as connection:
        connection.execute(sa.update(NUDGE_MAILS).where(lost).values(state=UNSURE, at=ws.now()))


def _language(ws: Workspace, person: int) -> Language:
    rows = ws.service.rows(
        sa.select(PEOPLE_ROWS.c.language).where(PEOPLE_ROWS.c.person == person, PEOPLE_ROWS.c.language.is_not(None)).limit(1)
    )
    code = rows[0].language[:2].lower() if rows else ""
    return language(code if code in NAMES else next(iter(NAMES)))


def _number(ws: Workspace, person: int, quarter: str) -> str:
    """Id of the message, the same whenever it is written: a server that gets it twice can tell."""
    return hmac.digest(ws.keys.view, f"mail\0{quarter}\0{person}".encode(), "sha256").hex()[:32]
