"""Users, mails, appointments and trace rows as Microsoft Graph writes them, with canaries in every text."""

import base64
import re
from datetime import UTC, datetime

from connectors.simulated.identities import Identity, canary
from connectors.simulated.mailbox import message_id
from connectors.simulated.records import Record
from connectors.simulated.vendors.stock import Stock, digest, guid, iso, micros
from ona.tables import AccountKind, Flag, Role

PURPOSE = {AccountKind.SHARED: "shared", AccountKind.ROOM: "room"}
ANSWERS = {Role.ACCEPTED: "accepted", Role.TENTATIVE: "tentativelyAccepted", Role.DECLINED: "declined", Role.NO_ANSWER: "notResponded"}
BLANK_UID = "040000008200E00074C5B7101A82E008"
_BOUND = re.compile(r"\w+DateTime (ge|le|lt|gt) (\S+)")

Item = dict[str, object]


def mail(stock: Stock, row: Record) -> Item:
    """Return a sent mail."""
    identities, sender = stock.identities, stock.identities.of(row.sender)
    to = {
        f"{name}Recipients": [person(identities.of(a)) for a, kind in row.recipients if kind == role]
        for name, role in (("to", Role.TO), ("cc", Role.CC), ("bcc", Role.BCC))
    }
    return {
        "@odata.type": "#microsoft.graph.message",
        "id": item_id(row),
        "internetMessageId": message_id(row.event),
        "conversationIndex": base64.b64encode(stock.indexes[row.event]).decode(),
        "sentDateTime": iso(row.sent),
        "from": person(sender),
        "sender": person(sender),
        **to,
        "isDraft": False,
        "subject": canary("subject", row.event),
        "bodyPreview": canary("preview", row.event),
        "body": {"contentType": "text", "content": canary("body", row.event)},
        "webLink": f"https://outlook.example/{canary('link', row.event)}",
        "categories": [canary("category", row.event)],
    }


def meeting(stock: Stock, row: Record, owner: Identity) -> Item:
    """Return an appointment as the owner's calendar has it."""
    identities, organizer = stock.identities, stock.identities.of(row.sender)
    attendees = [
        person(identities.of(account))
        | {"type": "resource" if identities.of(account).kind == AccountKind.ROOM else "required"}
        | {"status": {"response": ANSWERS.get(Role(role), "none") if _sees(owner, account, row) else "none"}}
        for account, role in row.recipients
    ]
    return skeleton(row) | {
        "iCalUId": uid(row),
        "originalStart": iso(row.sent) if row.series is not None else None,
        "isAllDay": False,
        "isCancelled": bool(row.flags & Flag.CANCELLED),
        "isOrganizer": owner.account == row.sender,
        "organizer": person(organizer),
        "attendees": attendees,
        "sensitivity": "normal",
        "hideAttendees": False,
        "createdDateTime": iso(row.sent - (row.lead_hours or 0) * 3_600_000_000),
        "lastModifiedDateTime": iso(row.sent),
        "location": {"displayName": canary("location", row.event)},
        "body": {"content": canary("body", row.event)},
        "onlineMeeting": {"joinUrl": f"https://teams.example/{canary('join', row.event)}"},
    }


def _sees(owner: Identity, account: int, row: Record) -> bool:
    """Return whether a copy knows somebody's answer: the organizer's all of them, the others their own."""
    return owner.account in (row.sender, account)


def trace(stock: Stock, row: Record, account: int) -> Item:
    """Return the row of one recipient."""
    return {
        "id": f"{guid(row.event)[:24]}{digest(account, 6).hex()}",
        "senderAddress": stock.identities.of(row.sender).email,
        "recipientAddress": stock.identities.of(account).email,
        "messageId": message_id(row.event),
        "receivedDateTime": iso(row.sent),
        "subject": canary("subject", row.event),
        "size": 4711,
        "fromIP": "203.0.113.10",
        "toIP": "",
        "status": "delivered",
    }


def user(stock: Stock, identity: Identity) -> Item:
    """Return a user with the manager expanded."""
    manager = stock.managers.get(identity.account)
    aliases = [
        f"SMTP:{identity.email}",
        *(f"smtp:{alias}" for alias in identity.aliases),
        f"SIP:{identity.email}",
        f"X500:{distinguished(identity)}",
    ]
    left = stock.left.get(identity.account)
    joined = stock.joined.get(identity.account)
    return {
        "@odata.type": "#microsoft.graph.user",
        "id": guid(identity.account),
        "displayName": identity.name,
        "userPrincipalName": identity.email,
        "mail": identity.email,
        "proxyAddresses": aliases,
        "otherMails": [f"{identity.account}@private.example"],
        "userType": "Guest" if identity.kind == AccountKind.GUEST else "Member",
        "accountEnabled": identity.kind not in PURPOSE,
        "employeeId": stock.identities.employees[identity.account],
        "createdDateTime": f"{joined}T08:00:00Z" if joined else None,
        "deletedDateTime": f"{left}T08:00:00Z" if left else None,
        "manager": None if manager is None else {"@odata.type": "#microsoft.graph.user", "id": guid(manager)},
        "aboutMe": canary("about", identity.account),
        "mobilePhone": canary("phone", identity.account),
    }


def group(stock: Stock, account: int) -> Item:
    """Return a mailing list."""
    identity = stock.identities.of(account)
    return {
        "id": guid(account),
        "mail": identity.email,
        "proxyAddresses": [f"SMTP:{identity.email}"],
        "mailEnabled": True,
        "displayName": canary("group", account),
        "description": canary("description", account),
    }


def distinguished(identity: Identity) -> str:
    """Return the legacy name of a mailbox."""
    return f"/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn={digest(identity.account, 8).hex()}"


def person(identity: Identity) -> Item:
    """Return somebody in a mail."""
    return {"emailAddress": {"name": f"{identity.name} {canary('name', identity.account)}", "address": identity.email}}


def item_id(row: Record) -> str:
    """Return the immutable id of a mail."""
    return f"AAkALgAA{digest(row.event, 16).hex()}="


def master_id(row: Record) -> str:
    """Return the id of a series."""
    return f"AAMkMASTER{digest(row.series or 0, 12).hex()}="


def uid(row: Record) -> str:
    """Return the global object id of a meeting: that of a series bears the day of the occurrence."""
    day = datetime.fromtimestamp(row.sent // 1_000_000, UTC)
    stamp = f"{day.year:04X}{day.month:02X}{day.day:02X}" if row.series is not None else "00000000"
    return f"{BLANK_UID}{stamp}{digest(row.series if row.series is not None else row.event, 16).hex().upper()}"


def skeleton(row: Record) -> Item:
    """Return what a delta tells of an occurrence."""
    minutes = round((row.minutes or 30) * 60_000_000)
    return {
        "@odata.type": "#microsoft.graph.event",
        "id": f"AAMkEVENT{digest(row.event, 12).hex()}=",
        "type": "singleInstance" if row.series is None else "occurrence",
        "seriesMasterId": None if row.series is None else master_id(row),
        "start": {"dateTime": iso(row.sent, ".0000000"), "timeZone": "UTC"},
        "end": {"dateTime": iso(row.sent + minutes, ".0000000"), "timeZone": "UTC"},
        "subject": canary("title", row.event),
    }


def bounds(filter: str) -> tuple[int, int]:
    """Return the half-open interval that a filter names."""
    low, high = 0, 2**62
    for word, text in _BOUND.findall(filter):
        if word in ("ge", "gt"):
            low = max(low, micros(text))
        else:
            high = min(high, micros(text))
    return low, high
