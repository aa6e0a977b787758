"""One sent mail as Microsoft Graph gives it → a mail event with its place in the thread; subject and body are never built."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from connectors.addressees import NO_REPLY, Members, addressed, nobody_is_a_list
from connectors.base import Coverage, RawEvent
from connectors.cells import CellError, plausible, second_zero
from connectors.identity import AddressRules, HandleError, address_reader, id_handle
from connectors.records import NOTHING, Model, Raw, Text, present, read, timestamp
from ona.tables import Flag, Kind, Role, SpaceKind

SELECT = "id,internetMessageId,conversationIndex,sentDateTime,from,sender,toRecipients,ccRecipients,bccRecipients,isDraft"
"""Columns asked for, so that Graph sends no subject."""

HEAD_BYTES, STEP_BYTES = 22, 5
"""Length of a thread index and of what each reply adds to it."""
REMEMBERED = 200_000
"""Places in threads kept in memory during one pull."""

_NO_MAIL = ("#microsoft.graph.eventMessage", "#microsoft.graph.eventMessageRequest", "#microsoft.graph.eventMessageResponse")


class EmailAddress(Model, frozen=True):
    """An address without the name beside it."""

    address: Text | None = None


class Recipient(Model, frozen=True):
    """Somebody in a mail or a meeting."""

    email_address: EmailAddress | None = None

    @property
    def raw(self) -> str:
        """Return the address as written; empty when there is none."""
        return (self.email_address.address or "") if self.email_address else ""


class Mail(Model, frozen=True):
    """What is read of a mail."""

    id: Text | None = None
    internet_message_id: Text | None = None
    conversation_index: Text | None = None
    sent_date_time: Text | None = None
    sender: Recipient | None = None
    shown: Recipient | None = msgspec.field(default=None, name="from")
    to_recipients: list[Recipient] | None = None
    cc_recipients: list[Recipient] | None = None
    bcc_recipients: list[Recipient] | None = None
    is_draft: bool | None = None
    removed: Raw = msgspec.field(default=NOTHING, name="@removed")
    type: Text | None = msgspec.field(default=None, name="@odata.type")


class _Header(Model, frozen=True):
    name: Text = ""
    value: str = ""


class _Headers(Model, frozen=True):
    internet_message_headers: list[_Header] | None = None


class Thread(NamedTuple):
    """The mail that another one answers and the first mail of its thread, as event ids; None when unknown."""

    reply_to: str | None = None
    root: str | None = None


ALONE = Thread()

Headers = Callable[[str], Thread]
"""Reads the reply headers of one mail by its Graph id: one call."""


def addresses(rules: AddressRules) -> Callable[[str], str]:
    """Return the reader of Exchange addresses: SMTP ones, and legacy distinguished names of internal and deleted people."""
    smtp = address_reader(rules)
    return lambda raw: x500(raw) if raw.strip()[:3].lower() == "/o=" else smtp(raw)


def x500(raw: str) -> str:
    """Return the handle of a legacy distinguished name, which Exchange compares without case."""
    return id_handle("x500", raw.strip().lower())


def mail_id(internet_id: str | None) -> str | None:
    """Return the event id that the same mail has in every source: its Message-ID."""
    inside = (internet_id or "").strip().removeprefix("<").removesuffix(">").strip()
    return f"mail:{inside}" if inside and " " not in inside else None


def references(raw: bytes) -> Thread:
    """Return what the reply headers of one mail say."""
    found = {header.name.lower(): header.value for header in read(raw, _Headers).internet_message_headers or ()}
    older, answered = (
        [id for word in found.get(name, "").split() if word.startswith("<") and (id := mail_id(word))]
        for name in ("references", "in-reply-to")
    )
    reply_to = next(iter(answered[:1] or older[-1:]), None)
    return Thread(reply_to, older[0] if older else reply_to)


@dataclass
class Reader:
    """Turns sent mails into events, counts what it cannot use and remembers where in their threads they stand."""

    coverage: Coverage
    now: int
    address: Callable[[str], str]
    headers: Headers
    members: Members = nobody_is_a_list
    threads: dict[bytes, Thread] = field(default_factory=dict)

    def event(self, raw: Raw) -> RawEvent | None:
        """Return the mail's event, or count the row where it belongs."""
        self.coverage.read += 1
        try:
            mail = read(raw, Mail)
            if (code := _dropped(mail)) is None:
                return self._event(mail)
            self.coverage.dropped[code] += 1
        except (CellError, HandleError) as error:
            self.coverage.quarantined[error.code] += 1
        return None

    def _event(self, mail: Mail) -> RawEvent | None:
        sender = self._sender(mail)
        sent = plausible(timestamp(mail.sent_date_time), self.now)
        named, refused = self._named(mail)
        whom = addressed(named, sender, self.members, refused)
        if not whom.audience:
            self.coverage.dropped["nobody"] += 1
            return None
        self._note("recipients_cut", whom.cut)
        id = self._id(mail)
        thread = self._thread(mail, id)
        return RawEvent(
            id=id,
            kind=Kind.MAIL,
            sent=sent,
            sender=sender,
            recipients=whom.recipients,
            audience=whom.audience,
            space_kind=SpaceKind.MAIL,
            root=thread.root,
            reply_to=thread.reply_to,
            flags=(Flag.NOREPLY if NO_REPLY.match(sender) else 0) | second_zero(sent),
        )

    def _sender(self, mail: Mail) -> str:
        """Return who acted: ``sender``, which differs from ``from`` when somebody sends for a shared mailbox or a colleague."""
        actor, shown = ("" if person is None else person.raw for person in (mail.sender, mail.shown))
        if not (actor or shown):
            raise HandleError("sender_unreadable", "a sender or from with an address")
        self._note("sent_on_behalf", int(bool(actor and shown and actor.lower() != shown.lower())))
        return self.address(actor or shown)

    def _named(self, mail: Mail) -> tuple[list[tuple[str, Role]], int]:
        named, refused = [], 0
        lists = ((mail.to_recipients, Role.TO), (mail.cc_recipients, Role.CC), (mail.bcc_recipients, Role.BCC))
        for recipients, role in lists:
            for recipient in recipients or ():
                try:
                    named.append((self.address(recipient.raw), role))
                except HandleError:
                    refused += 1
        self._note("recipient_refused", refused)
        return named, refused

    def _id(self, mail: Mail) -> str:
        if found := mail_id(mail.internet_message_id):
            return found
        self.coverage.notes["message_id_missing"] += 1
        if not mail.id:
            raise HandleError("id_missing", "an id in each mail")
        return f"mail:graph/{mail.id}"

    def _thread(self, mail: Mail, id: str) -> Thread:
        """Return what this mail answers: from the thread index where its parent was read, else from its own headers."""
        index = _index(mail.conversation_index)
        if len(index) <= HEAD_BYTES:
            self._remember(index, Thread(id, id))
            return ALONE
        found = self.threads.get(index[:-STEP_BYTES]) or self.headers(mail.id or "")
        if found.reply_to is None:
            self.coverage.notes["thread_parent_unknown"] += 1
        self._remember(index, Thread(id, found.root or id))
        return found

    def _remember(self, index: bytes, thread: Thread) -> None:
        if len(self.threads) >= REMEMBERED:
            self.threads.pop(next(iter(self.threads)))
        if index:
            self.threads[index] = thread

    def _note(self, code: str, count: int) -> None:
        if count:
            self.coverage.notes[code] += count


def _dropped(mail: Mail) -> str | None:
    if present(mail.removed):
        return "removed"
    if mail.is_draft:
        return "draft"
    return "meeting_message" if mail.type in _NO_MAIL else None


def index_of(mail: Mail) -> bytes:
    """Return the place of a mail in its thread; empty when it has none."""
    return _index(mail.conversation_index)


def _index(text: str | None) -> bytes:
    """Return the thread index of a mail; empty when it has none or one of an unknown form."""
    try:
        index = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return index if len(index) >= HEAD_BYTES and (len(index) - HEAD_BYTES) % STEP_BYTES == 0 else b""
