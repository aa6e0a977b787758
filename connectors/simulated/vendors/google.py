"""Gmail, Google Calendar and the Directory over a simulated company, with canaries in every text that no mask leaves out."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formataddr
from pathlib import Path

from connectors.simulated.identities import Identity, canary
from connectors.simulated.mailbox import message_id
from connectors.simulated.records import Record
from connectors.simulated.vendors import deployments
from connectors.simulated.vendors.stock import Stock, ancestors, digest, guid, iso, micros
from connectors.simulated.world import Call, Reply, Route, World, opened, page_of, sealed
from ona.tables import AccountKind, Flag, Role

_GMAIL, _CALENDAR, _ADMIN = "/gmail/v1/users/{id}", "/calendar/v3/calendars/{id}/events", "/admin/directory/v1"
PATHS = {
    "profile": (f"{_GMAIL}/profile", "gmail.metadata"),
    "messages": (f"{_GMAIL}/messages", "gmail.metadata"),
    "message": (f"{_GMAIL}/messages/{{item}}", "gmail.metadata"),
    "history": (f"{_GMAIL}/history", "gmail.metadata"),
    "label": (f"{_GMAIL}/labels/{{item}}", "gmail.metadata"),
    "events": (_CALENDAR, "calendar.events.readonly"),
    "users": (f"{_ADMIN}/users", "admin.directory.user.readonly"),
    "groups": (f"{_ADMIN}/groups", "admin.directory.group.member.readonly"),
    "members": (f"{_ADMIN}/groups/{{id}}/members", "admin.directory.group.member.readonly"),
}
"""Path and scope of each method."""
PER_MINUTE = {"events": 600.0, **dict.fromkeys(("messages", "message", "history", "profile"), 3_000.0)}
ANSWERS = {Role.ACCEPTED: "accepted", Role.TENTATIVE: "tentative", Role.DECLINED: "declined", Role.NO_ANSWER: "needsAction"}
FIRST_HISTORY = 1_000
PREFIX = "https://www.googleapis.com/auth/"

Item = dict[str, object]


@dataclass
class Google:
    """One workspace; what it holds follows from the company and its clock."""

    page: int = 25
    leaky: bool = False
    """Whether fields come that the mask leaves out."""
    calls: int | None = None
    """Calls until a token dies."""
    delegated: frozenset[str] = frozenset(f"{PREFIX}{scope}" for _, scope in PATHS.values())
    """Scopes that the delegation allows."""
    forgotten: int = 0
    """Microseconds since 1970: positions older than this are gone (404 of a history, 410 of a calendar)."""
    no_mailbox: frozenset[str] = frozenset()
    """Addresses without Gmail (400)."""
    twist: Callable[[str, Item], Item | Reply] | None = None
    """Changes a page before it is sent, or answers in its place, by method: for what no service should give."""

    def routes(self, world: World) -> Sequence[Route]:
        """Return the methods."""
        service = _Service(self, Stock(world))
        found = [Route(path, service.handler(name), f"google.{name}", ("GET",), PER_MINUTE.get(name)) for name, (path, _) in PATHS.items()]
        return [*found, Route("/token", self._token, "google.token", ("POST",), public=True)]

    def section(self, address: str, folder: Path, pace: float) -> str:
        """Return the settings of a deployment in the folder that pulls from here, and leave the service account's key there."""
        key = deployments.service_account(folder / "google_key.json", f"{address}/token")
        shared = {"key_file": key, "admin": "admin@acme.example", **dict.fromkeys(("api", "gmail_api", "admin_api"), address)}
        names = "google_directory", "google_gmail", "google_calendar"
        return "\n".join(deployments.section(name, pace, shared) for name in names)

    def refusal(self, code: str) -> Reply:
        """Return an error as Google words it."""
        words = {"no_token": (401, "authError"), "dead_token": (401, "authError"), "limited": (429, "rateLimitExceeded")}
        return fault(*words.get(code, (503, "backendError")))

    def _token(self, world: World, call: Call) -> Reply:
        """Exchange a signed assertion for a token with the scopes that it names, if all of them were delegated."""
        parts = call.given.get("assertion", "").split(".")
        if len(parts) != 3:
            return Reply({"error": "invalid_grant", "error_description": canary("sign-in", 1)}, 400)
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        scopes = frozenset(str(claims["scope"]).split())
        if not scopes <= self.delegated:
            return Reply({"error": "unauthorized_client", "error_description": canary("sign-in", 2)}, 401)
        token = world.tokens.issue(f"google-{claims['sub']}", [*scopes, str(claims["sub"])], self.calls)
        return Reply({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})


@dataclass(frozen=True)
class _Service:
    google: Google
    stock: Stock

    def handler(self, name: str) -> Callable[[World, Call], Reply]:
        """Return what answers the calls of one method."""
        reader, scope = getattr(self, f"_{name}"), f"{PREFIX}{PATHS[name][1]}"

        def handle(world: World, call: Call) -> Reply:
            """Answer; mailboxes and calendars open to their own names alone."""
            id = call.parts.get("id", "")
            if scope not in call.scopes or ("@" in id and id not in call.scopes):
                return fault(403, "insufficientPermissions")
            if id in self.google.no_mailbox:
                return fault(400, "failedPrecondition")
            answered: Reply = reader(call, *call.parts.values())
            return answered

        return handle

    def _profile(self, call: Call, id: str) -> Reply:
        return Reply({"historyId": str(FIRST_HISTORY + len(self._sent(id)))} | ({"emailAddress": id} if self.google.leaky else {}))

    def _label(self, call: Call, id: str, item: str) -> Reply:
        return Reply({"id": item, "messagesTotal": len(self._sent(id))} | ({"name": canary("label", 1)} if self.google.leaky else {}))

    def _messages(self, call: Call, id: str) -> Reply:
        """Answer with the ids of sent mails, the newest first; a search is refused under the metadata scope."""
        if "q" in call.given:
            return fault(403, "forbidden")
        return self._paged(call, "messages", [{"id": item_id(row), "threadId": f"t{item_id(row)}"} for row in reversed(self._sent(id))])

    def _message(self, call: Call, id: str, item: str) -> Reply:
        row = next((row for row in self._sent(id) if item_id(row) == item), None)
        if row is None:
            return fault(404, "notFound")
        if call.given.get("format") != "metadata":
            return fault(403, "insufficientPermissions")
        leaks = {"snippet": canary("snippet", row.event), "threadId": "t1"} if self.google.leaky else {}
        headers = self._headers(row, {"Subject": canary("subject", row.event)} if self.google.leaky else {})
        return Reply(
            {"id": item, "labelIds": ["SENT"], "internalDate": str(row.sent // 1000), "historyId": "7", "payload": {"headers": headers}}
            | leaks
        )

    def _history(self, call: Call, id: str) -> Reply:
        """Answer with what was added after a position; one from before the memory begins is not found."""
        since, sent = int(call.given["startHistoryId"]), self._sent(id)
        oldest = sum(row.sent < self.google.forgotten for row in sent)
        if since < FIRST_HISTORY + oldest:
            return fault(404, "notFound")
        added = sent[since - FIRST_HISTORY :]
        entries: list[Item] = [
            {"id": str(since + place), "messagesAdded": [{"message": {"id": item_id(row), "snippet": canary("snippet", row.event)}}]}
            for place, row in enumerate(added, 1)
        ]
        return self._paged(call, "history", entries, {"historyId": str(FIRST_HISTORY + len(sent))})

    def _events(self, call: Call, id: str) -> Reply:
        """Answer with the events of a window, or with those that changed since a position."""
        owner, now = self.stock.by_address[id], self.stock.world.now
        gone = self.stock.world.deleted
        rows = [row for row in self.stock.meetings.get(owner.account, ()) if f"{owner.account}/{row.event}" not in gone]
        token = opened(call.given.get("syncToken", "")) or {}
        if "syncToken" in call.given and ({"timeMin", "timeMax", "q", "orderBy"} & set(call.given) or "since" not in token):
            return fault(400, "badRequest")
        if token and token["since"] < self.google.forgotten:
            return fault(410, "fullSyncRequired")
        if token:
            items = [self._event(row) for row in rows if token["since"] < row.sent <= now][:1]
            items += [{"id": f"gone{now}", "status": "cancelled"}]
        else:
            low, high = micros(call.given["timeMin"]), micros(call.given["timeMax"])
            items = [self._event(row) for row in rows if low <= row.sent < high]
        return self._paged(call, "items", items, {"timeZone": owner.zone}, {"nextSyncToken": sealed({"since": now})})

    def _users(self, call: Call) -> Reply:
        deleted = call.given.get("showDeleted") == "true"
        return self._paged(call, "users", [user(self.stock, one) for one in self.stock.everybody if one.left == deleted])

    def _groups(self, call: Call) -> Reply:
        found = [self.stock.identities.of(account) for account in self.stock.lists]
        return self._paged(
            call, "groups", [{"id": guid(one.account), "email": one.email, "name": canary("group", one.account)} for one in found]
        )

    def _members(self, call: Call, id: str) -> Reply:
        members = {guid(account): members for account, members in self.stock.lists.items()}.get(id)
        if members is None:
            return fault(404, "notFound")
        people = [self.stock.identities.of(account) for account in members]
        nested: list[Item] = [{"id": guid(-1), "type": "GROUP", "email": "inner@acme.example"}]
        users: list[Item] = [{"id": guid(one.account), "type": "USER", "email": one.email} for one in people]
        return self._paged(call, "members", [*nested, *users])

    def _sent(self, id: str) -> list[Record]:
        known = self.stock.by_address.get(id)
        return [] if known is None else self.stock.sent(known.account)

    def _headers(self, row: Record, more: dict[str, str]) -> list[Item]:
        of = self.stock.identities.of
        found = {"From": _spelled(of(row.sender)), "Message-ID": message_id(row.event), **more}
        for name, role in (("To", Role.TO), ("Cc", Role.CC), ("Bcc", Role.BCC)):
            if people := [_spelled(of(account)) for account, kind in row.recipients if kind == role]:
                found[name] = ", ".join(people)
        if row.reply_to is not None:
            found |= {"In-Reply-To": message_id(row.reply_to), "References": " ".join(map(message_id, ancestors(self.stock, row)))}
        if row.flags & Flag.AUTO_SUBMITTED:
            found["Auto-Submitted"] = "auto-generated"
        return [{"name": name, "value": value} for name, value in found.items()]

    def _event(self, row: Record) -> Item:
        of, minutes = self.stock.identities.of, round((row.minutes or 30) * 60_000_000)
        attendees = [
            {"email": of(account).email, "displayName": canary("name", account), "responseStatus": ANSWERS.get(Role(role), "needsAction")}
            | ({"resource": True} if of(account).kind == AccountKind.ROOM else {})
            for account, role in row.recipients
        ]
        series = (
            {}
            if row.series is None
            else {"recurringEventId": digest(row.series, 10).hex(), "originalStartTime": {"dateTime": iso(row.sent)}}
        )
        return series | {
            "id": digest(row.event, 10).hex(),
            "iCalUID": f"{digest(row.event if row.series is None else row.series, 10).hex()}@google.com",
            "status": "cancelled" if row.flags & Flag.CANCELLED else "confirmed",
            "eventType": "default",
            "start": {"dateTime": iso(row.sent)},
            "end": {"dateTime": iso(row.sent + minutes)},
            "created": iso(row.sent - (row.lead_hours or 0) * 3_600_000_000),
            "updated": iso(row.sent),
            "organizer": {"email": of(row.sender).email},
            "attendees": attendees,
            "summary": canary("title", row.event),
            "description": canary("description", row.event),
            "location": canary("location", row.event),
            "hangoutLink": f"https://meet.example/{canary('link', row.event)}",
        }

    def _paged(self, call: Call, name: str, items: Sequence[Item], always: Item | None = None, last: Item | None = None) -> Reply:
        """Return a page; an empty list is left out, as Google does."""
        place = (opened(call.given.get("pageToken", "")) or {}).get("at", 0)
        some, after = page_of(items, place, min(int(call.given.get("maxResults", self.google.page)), self.google.page))
        if not self.google.leaky:
            some = [{key: value for key, value in item.items() if _asked(key, call.given.get("fields"))} for item in some]
        body: Item = {**(always or {}), **({name: self.stock.world.faults.mangle(some)} if some else {})}
        if after is not None:
            body["nextPageToken"] = sealed({"at": after})
        else:
            body |= last or {}
        twisted = self.google.twist(name, body) if self.google.twist else body
        return twisted if isinstance(twisted, Reply) else Reply(twisted)


def _asked(key: str, mask: str | None) -> bool:
    """Return whether a mask lets a field through."""
    return mask is None or re.search(rf"\b{key}\b", mask) is not None


def user(stock: Stock, identity: Identity) -> Item:
    """Return a user."""
    manager = stock.managers.get(identity.account)
    left, joined = stock.left.get(identity.account), stock.joined.get(identity.account)
    return {
        "id": guid(identity.account),
        "primaryEmail": identity.email,
        "name": {"fullName": identity.name},
        "aliases": list(identity.aliases),
        "suspended": False,
        "isGuestUser": identity.kind == AccountKind.GUEST,
        "relations": [] if manager is None else [{"type": "manager", "value": stock.identities.of(manager).email}],
        "externalIds": [{"type": "organization", "value": stock.identities.employees[identity.account]}],
        "creationTime": f"{joined}T08:00:00.000Z" if joined else None,
        **({"deletionTime": f"{left}T08:00:00.000Z"} if left else {}),
        "notes": {"value": canary("notes", identity.account)},
        "phones": [{"value": canary("phone", identity.account)}],
    }


def item_id(row: Record) -> str:
    """Return the id of a mail."""
    return digest(row.event, 8).hex()


def _spelled(identity: Identity) -> str:
    return formataddr((f"{identity.name} {canary('name', identity.account)}", identity.email))


def fault(status: int, reason: str) -> Reply:
    """Return an error as Google writes it."""
    message = canary("error", status)
    return Reply({"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}, status)
