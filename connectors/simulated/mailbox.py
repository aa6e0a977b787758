"""The mail of a simulated company as one mbox file, header by header as mail programs write them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import IO
from zoneinfo import ZoneInfo

from connectors.simulated.identities import DOMAIN, Identities, canary, spelled
from connectors.simulated.records import Record
from ona.tables import Flag, Kind, Role

AUTO, LIST = int(Flag.AUTO_SUBMITTED), int(Flag.LIST)


class Mailbox:
    """Writes mail into an open file, one after the other."""

    def __init__(self, identities: Identities, stream: IO[bytes]) -> None:
        """Begin an empty mailbox."""
        self._identities, self._stream = identities, stream
        self._address = lru_cache(4096)(self._plain)

    def week(self, records: Iterable[Record]) -> None:
        """Append the mail of one batch."""
        for row in records:
            if row.kind == Kind.MAIL:
                self._stream.write(self._mail(row).encode("utf-8"))

    def _mail(self, row: Record) -> str:
        sent = datetime.fromtimestamp(row.sent // 1_000_000, UTC)
        sender = self._identities.of(row.sender)
        local = sent.astimezone(ZoneInfo(sender.zone))
        lines = [
            f"From {sender.email} {sent:%a %b %d %H:%M:%S %Y}",
            f"Return-Path: <{'' if row.flags & AUTO else sender.email}>",
            f"Message-ID: {message_id(row.event)}",
            f"Date: {format_datetime(local)}",
            f"From: {self._spelled(row.sender, row.event)}",
            *self._recipients(row),
            *_thread(row),
            *self._automatic(row),
            f"Subject: {'Re: ' if row.reply_to else ''}{canary('subject', row.event)}",
            "MIME-Version: 1.0",
            'Content-Type: text/plain; charset="utf-8"',
        ]
        return "\n".join([*lines, "", *_body(row), "", ""])

    def _recipients(self, row: Record) -> list[str]:
        lines = []
        for name, role in (("To", int(Role.TO)), ("Cc", int(Role.CC))):
            found = [self._spelled(account, row.event + place) for place, account in enumerate(row.to) if row.roles[place] == role]
            lines += [f"{name}: " + ",\n ".join(found)] if found else []
        return lines

    def _automatic(self, row: Record) -> list[str]:
        lines = ["Auto-Submitted: auto-generated", "Precedence: bulk"] if row.flags & AUTO else []
        if row.flags & LIST:
            address = self._identities.of(row.to[0]).email
            lines += [f"List-Id: {canary('list', row.to[0])} <{address.replace('@', '.')}>", "Precedence: list"]
        return lines

    def _spelled(self, account: int, number: int) -> str:
        if number % 7 and number % 29 and number % 31:
            return self._address(account)
        identity = self._identities.of(account)
        return formataddr((identity.name, spelled(identity, number)))

    def _plain(self, account: int) -> str:
        identity = self._identities.of(account)
        return formataddr((identity.name, identity.email))


def message_id(event: int) -> str:
    """Return the Message-ID of a mail."""
    return f"<{event:016x}@mail.{DOMAIN}>"


def _thread(row: Record) -> list[str]:
    if row.reply_to is None:
        return []
    older = [message_id(row.root)] if row.root is not None and row.root != row.reply_to else []
    return [f"In-Reply-To: {message_id(row.reply_to)}", "References: " + "\n ".join([*older, message_id(row.reply_to)])]


def _body(row: Record) -> list[str]:
    return [
        f"Please see {canary('body', row.event)}.",
        f">From the notes: {canary('quote', row.event)}",
        "-- ",
        canary("signature", row.sender),
    ]
