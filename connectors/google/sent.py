"""One sent mail as Gmail gives it under its metadata scope → a mail event; subject and snippet are neither asked for nor built."""

from collections.abc import Callable
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.utils import getaddresses

from connectors.addressees import NO_REPLY, Members, addressed, nobody_is_a_list
from connectors.base import Coverage, RawEvent
from connectors.cells import CellError, plausible, second_zero
from connectors.identity import HandleError
from connectors.records import Model, Raw, Text, read_text
from ona.tables import Flag, Kind, Role, SpaceKind

HEADERS = (
    *("From", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Sender", "List-Id", "Auto-Submitted", "Precedence"),
    "X-Auto-Response-Suppress",
)
"""Headers asked for; ``Subject`` is not among them."""

FIELDS = "id,labelIds,internalDate,historyId,payload/headers"
"""Mask of a message, so that no snippet is sent."""

SENT, DRAFT, CHAT = "SENT", "DRAFT", "CHAT"
MAX_HEADER = 256 * 2**10
_PRECEDENCE = ("bulk", "list", "junk")
_ROLES = (("to", Role.TO), ("cc", Role.CC), ("bcc", Role.BCC))
_WANTED = frozenset(name.lower() for name in HEADERS)


class _Header(Model, frozen=True):
    name: Text = ""
    value: Raw = Raw(b'""')


class _Payload(Model, frozen=True):
    headers: list[_Header] | None = None


class Mail(Model, frozen=True):
    """What is read of a mail."""

    id: Text | None = None
    label_ids: list[Text] | None = None
    internal_date: Text | None = None
    history_id: Text | None = None
    payload: _Payload | None = None


class Reference(Model, frozen=True):
    """A mail in a list: its id alone."""

    id: Text | None = None


class _Added(Model, frozen=True):
    message: Reference | None = None


class Change(Model, frozen=True):
    """One entry of a mailbox's history."""

    id: Text | None = None
    messages_added: list[_Added] | None = None

    @property
    def added(self) -> list[str]:
        """Return the ids of the mails that were added."""
        return [one.message.id for one in self.messages_added or () if one.message and one.message.id]


def headers(mail: Mail) -> dict[str, str]:
    """Return the first header of each wanted name in lower case; the values of all others are never built."""
    found: dict[str, str] = {}
    for header in (mail.payload.headers or ()) if mail.payload else ():
        name = header.name.lower()
        if name in _WANTED and name not in found:
            raw = bytes(header.value)
            found[name] = "" if len(raw) > MAX_HEADER else read_text(raw)
    return found


def instant_of(mail: Mail) -> int:
    """Return when Gmail took the mail, in microseconds since 1970: its date is in milliseconds, as text."""
    date = mail.internal_date or ""
    if not (date.isascii() and date.isdigit() and len(date) < 16):
        raise CellError("time_unreadable")
    return int(date) * 1000


@dataclass
class Reader:
    """Turns mails into events and counts what it cannot use."""

    coverage: Coverage
    now: int
    address: Callable[[str], str]
    members: Members = nobody_is_a_list

    def event(self, mail: Mail) -> RawEvent | None:
        """Return the mail's event, or count the row where it belongs."""
        labels = mail.label_ids or []
        if SENT not in labels or DRAFT in labels or CHAT in labels:
            self.coverage.dropped["not_sent"] += 1
            return None
        try:
            return self._event(mail, headers(mail))
        except (CellError, HandleError) as error:
            self.coverage.quarantined[error.code] += 1
        return None

    def _event(self, mail: Mail, head: dict[str, str]) -> RawEvent | None:
        sender = self._sender(head)
        sent = plausible(instant_of(mail), self.now)
        named, refused = self._named(head)
        whom = addressed(named, sender, self.members, refused)
        if not whom.audience:
            self.coverage.dropped["nobody"] += 1
            return None
        reply_to, root = _thread(head)
        return RawEvent(
            id=self._id(mail, head),
            kind=Kind.MAIL,
            sent=sent,
            sender=sender,
            recipients=whom.recipients,
            audience=whom.audience,
            space_kind=SpaceKind.MAIL,
            root=root,
            reply_to=reply_to,
            flags=_flags(head, sender) | second_zero(sent),
        )

    def _sender(self, head: dict[str, str]) -> str:
        """Return who acted: the Sender, where a colleague sends on behalf of From."""
        authors, posters = ([raw for raw in _addresses(head.get(name, "")) if "@" in raw] for name in ("from", "sender"))
        if not (found := posters[:1] or authors[:1]):
            raise HandleError("sender_unreadable", "a From header with one address")
        return self.address(found[0])

    def _named(self, head: dict[str, str]) -> tuple[list[tuple[str, Role]], int]:
        named, refused = [], 0
        for name, role in _ROLES:
            for raw in _addresses(head.get(name, "")):
                try:
                    named.append((self.address(raw), role))
                except HandleError:
                    refused += 1
        if refused:
            self.coverage.notes["recipient_refused"] += refused
        return named, refused

    def _id(self, mail: Mail, head: dict[str, str]) -> str:
        if found := _mail_ids(head.get("message-id", "")):
            return found[0]
        self.coverage.notes["message_id_missing"] += 1
        if not mail.id:
            raise HandleError("id_missing", "an id in each mail")
        return f"mail:gmail/{mail.id}"


def _addresses(value: str) -> list[str]:
    """Return the addresses of a header: names, groups, comments and encoded words as RFC 5322 and 2047 say."""
    if "@" not in value and "=?" in value:
        try:
            value = str(make_header(decode_header(value)))
        except (LookupError, ValueError):  # an unknown charset
            return []
    return [raw for _, raw in getaddresses([value]) if raw]


def _mail_ids(value: str) -> list[str]:
    words = (word.strip("<>") for word in value.split() if word.startswith("<") and word.endswith(">"))
    return [f"mail:{word}" for word in words if word]


def _thread(head: dict[str, str]) -> tuple[str | None, str | None]:
    """Return the mail answered and the first mail of the thread: In-Reply-To, else the last of References; the first of References."""
    older, answered = _mail_ids(head.get("references", "")), _mail_ids(head.get("in-reply-to", ""))
    reply_to = next(iter(answered[:1] or older[-1:]), None)
    return reply_to, older[0] if older else reply_to


def _flags(head: dict[str, str], sender: str) -> int:
    automatic = head.get("auto-submitted", "no").partition(";")[0].strip().lower() != "no" or "x-auto-response-suppress" in head
    flags = int(Flag.AUTO_SUBMITTED) if automatic else 0
    flags += Flag.LIST if "list-id" in head else 0
    flags += Flag.PRECEDENCE if head.get("precedence", "").lower() in _PRECEDENCE else 0
    return flags + (Flag.NOREPLY if NO_REPLY.match(sender) else 0)
