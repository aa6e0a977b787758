"""Microsoft Graph over a simulated company: users, groups, sent mail, calendars and message traces, with canaries in every text."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.simulated.identities import Identity, canary
from connectors.simulated.mailbox import message_id
from connectors.simulated.records import Record
from connectors.simulated.vendors import deployments
from connectors.simulated.vendors.graph_records import (
    PURPOSE,
    Item,
    bounds,
    group,
    item_id,
    mail,
    master_id,
    meeting,
    skeleton,
    trace,
    user,
)
from connectors.simulated.vendors.stock import Stock, ancestors, guid, micros
from connectors.simulated.world import Call, Reply, Route, World, opened, page_of, sealed
from ona.tables import Kind

TENANT = "6fbb1a2e-7c1b-4d6a-9a40-0f2f2f6d1c11"

_LISTS = {
    "users": "users",
    "deleted": "directory/deletedItems/microsoft.graph.user",
    "groups": "groups",
    "members": "groups/{id}/transitiveMembers",
    "purpose": "users/{id}/mailboxSettings/userPurpose",
    "messages": "users/{id}/mailFolders/SentItems/messages",
    "messages_delta": "users/{id}/mailFolders/SentItems/messages/delta",
    "message": "users/{id}/messages/{item}",
    "view": "users/{id}/calendarView",
    "view_delta": "users/{id}/calendarView/delta",
    "event": "users/{id}/events/{item}",
    "traces": "admin/exchange/tracing/messageTraces",
}
SCOPES = {
    **dict.fromkeys(("users", "deleted"), "User.Read.All"),
    **dict.fromkeys(("groups", "members"), "GroupMember.ReadBasic.All"),
    **dict.fromkeys(("messages", "messages_delta", "message"), "Mail.ReadBasic.All"),
    **dict.fromkeys(("view", "view_delta", "event"), "Calendars.ReadBasic.All"),
    "purpose": "MailboxSettings.Read",
    "traces": "ExchangeMessageTrace.Read.All",
}
"""What each call needs."""
PER_MINUTE = {"traces": 20.0, **dict.fromkeys(("messages", "messages_delta", "message", "view", "view_delta", "event"), 1_000.0)}


@dataclass
class Graph:
    """One tenant; what it holds follows from the company and its clock."""

    page: int = 25
    leaky: bool = False
    """Whether fields come that were not asked for."""
    roles: tuple[str, ...] = tuple(sorted(set(SCOPES.values())))
    """Permissions in the tokens."""
    calls: int | None = None
    """Calls until a token dies."""
    forgotten: int = 0
    """Microseconds since 1970: positions older than this are gone (410)."""
    no_mailbox: frozenset[str] = frozenset()
    """Object ids whose mailbox is elsewhere (404)."""
    denied: frozenset[str] = frozenset()
    """Object ids that the app may not read (403)."""
    twist: Callable[[str, Item], Item | Reply] | None = None
    """Changes a page before it is sent, or answers in its place, by method: for what no service should give."""

    def routes(self, world: World) -> Sequence[Route]:
        """Return the methods."""
        service = _Service(self, Stock(world))
        found = [
            Route(f"/v1.0/{path}", service.handler(name), f"graph.{name}", ("GET",), PER_MINUTE.get(name)) for name, path in _LISTS.items()
        ]
        sign_in = "/{tenant}/oauth2/v2.0/token", "/{tenant}/v2.0/.well-known/openid-configuration"
        return [
            *found,
            Route(sign_in[0], self._token, "graph.token", ("POST",), public=True),
            Route(sign_in[1], self._configuration, "graph.configuration", ("GET",), public=True, steady=True),
        ]

    def section(self, address: str, folder: Path, pace: float) -> str:
        """Return the settings of a deployment in the folder that pulls from here, and leave the app's certificate there."""
        app = {"tenant": TENANT, "client_id": TENANT, "certificate": deployments.certificate(folder / "microsoft_app.pem")}
        shared = {**app, "graph": address, "sign_in": address}
        names = "microsoft_directory", "microsoft_mail", "microsoft_calendar", "microsoft_message_trace"
        return "\n".join(deployments.section(name, pace, shared) for name in names)

    def refusal(self, code: str) -> Reply:
        """Return an error as Graph words it."""
        status, word = {"no_token": (401, "InvalidAuthenticationToken"), "dead_token": (401, "InvalidAuthenticationToken")}.get(
            code, (429, "TooManyRequests") if code == "limited" else (503, "UnknownError")
        )
        return fault(status, word)

    def _token(self, world: World, call: Call) -> Reply:
        """Issue a token that looks like one; who signs in with a secret or asks for more than the default gets none."""
        signed = _is_signed(call.given.get("client_assertion", ""))
        if not signed or not call.given.get("scope", "").endswith("/.default"):
            return Reply({"error": "invalid_client", "error_description": canary("sign-in", 1)}, 401)
        claims = base64.urlsafe_b64encode(json.dumps({"roles": self.roles, "nr": len(world.tokens.issued)}).encode()).decode().rstrip("=")
        token = f"e30.{claims}.c2ln"
        world.tokens.accept(token, self.roles, self.calls)
        return Reply({"token_type": "Bearer", "expires_in": 3599, "access_token": token})

    def _configuration(self, world: World, call: Call) -> Reply:
        base = f"{call.address}/{call.parts['tenant']}"
        ends = {"issuer": "v2.0", "token_endpoint": "oauth2/v2.0/token", "authorization_endpoint": "oauth2/v2.0/authorize"}
        return Reply({name: f"{base}/{end}" for name, end in ends.items()})


def _is_signed(assertion: str) -> bool:
    """Whether an assertion has the three parts of a signed token, the first of which says how it is signed."""
    parts = assertion.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except ValueError:
        return False
    return len(parts) == 3 and isinstance(header, dict) and "alg" in header


@dataclass(frozen=True)
class _Service:
    graph: Graph
    stock: Stock

    def handler(self, name: str) -> Callable[[World, Call], Reply]:
        """Return what answers the calls of one method."""
        reader = getattr(self, f"_{name}")

        def handle(world: World, call: Call) -> Reply:
            """Answer; a position carries the parameters of the first call."""
            token = opened(call.given.get("$skiptoken") or call.given.get("$deltatoken") or "") or {}
            if SCOPES[name] not in call.scopes or call.parts.get("id") in self.graph.denied:
                return fault(403, "ErrorAccessDenied")
            if call.parts.get("id") in self.graph.no_mailbox:
                return fault(404, "MailboxNotEnabledForRESTAPI")
            if token.get("since", self.graph.forgotten) < self.graph.forgotten:
                return fault(410, "syncStateNotFound")
            answered: Reply = reader(_Asked(name, call, {**token.get("first", {}), **call.given}, token), *call.parts.values())
            return answered

        return handle

    def _users(self, asked: "_Asked") -> Reply:
        return self._paged(asked, [user(self.stock, one) for one in self.stock.everybody if not one.left])

    def _deleted(self, asked: "_Asked") -> Reply:
        return self._paged(asked, [user(self.stock, one) for one in self.stock.everybody if one.left])

    def _groups(self, asked: "_Asked") -> Reply:
        return self._paged(asked, [group(self.stock, account) for account in self.stock.lists])

    def _members(self, asked: "_Asked", id: str) -> Reply:
        members = {guid(space): members for space, members in self.stock.lists.items()}.get(id)
        if members is None:
            return fault(404, "Request_ResourceNotFound")
        people = [self.stock.identities.of(account) for account in members]
        nested: list[Item] = [{"@odata.type": "#microsoft.graph.group", "id": guid(-1), "displayName": canary("group", 1)}]
        users: list[Item] = [{"@odata.type": "#microsoft.graph.user", "id": guid(one.account), "mail": one.email} for one in people]
        return self._paged(asked, [*nested, *users])

    def _purpose(self, asked: "_Asked", id: str) -> Reply:
        known = self.stock.by_guid.get(id)
        return fault(404, "ResourceNotFound") if known is None else Reply({"value": PURPOSE.get(known.kind, "user")})

    def _messages(self, asked: "_Asked", id: str) -> Reply:
        low, high = bounds(asked.one("$filter"))
        return self._paged(asked, [mail(self.stock, row) for row in self._sent(id) if low <= row.sent < high])

    def _messages_delta(self, asked: "_Asked", id: str) -> Reply:
        """Answer with what was sent after the position, and up to the moment at which this round began."""
        since, until = asked.number("since"), asked.number("until") or self.stock.world.now
        low = max(bounds(asked.one("$filter"))[0], since + 1)
        sent = self._sent(id)
        items = [mail(self.stock, row) for row in sent if low <= row.sent <= until]
        if since and (old := [row for row in sent if row.sent <= since]):
            items.append({"id": item_id(old[0]), "@removed": {"reason": "deleted"}})
        return self._paged(asked, items, {"since": since, "until": until}, {"since": until})

    def _message(self, asked: "_Asked", id: str, item: str) -> Reply:
        row = next((row for row in self._sent(id) if item_id(row) == item), None)
        if row is None:
            return fault(404, "ErrorItemNotFound")
        headers = [
            {"name": "Subject", "value": canary("subject", row.event)},
            {"name": "Thread-Topic", "value": canary("topic", row.event)},
        ]
        if row.reply_to is not None:
            headers.append({"name": "In-Reply-To", "value": message_id(row.reply_to)})
            headers.append({"name": "References", "value": " ".join(map(message_id, ancestors(self.stock, row)))})
        return Reply(
            {"id": item, "internetMessageHeaders": headers} | ({"subject": canary("subject", row.event)} if self.graph.leaky else {})
        )

    def _view(self, asked: "_Asked", id: str) -> Reply:
        owner = self.stock.by_guid[id]
        return self._paged(asked, [meeting(self.stock, row, owner) for row in self._calendar(asked, owner)])

    def _view_delta(self, asked: "_Asked", id: str) -> Reply:
        """Answer with skeletons of occurrences, and with titles, for a delta knows no selection."""
        owner, since = self.stock.by_guid[id], asked.number("since")
        rows = self._calendar(asked, owner)[: 1 if since else None]  # one change since
        items = [skeleton(row) if row.series is not None else meeting(self.stock, row, owner) for row in rows]
        if since and any(name.startswith(f"{owner.account}/") for name in self.stock.world.deleted):
            items.append({"id": f"gone{since}", "@removed": {"reason": "deleted"}})
        asked.given.pop("$select", None)
        return self._paged(asked, items, {"since": since} if since else {}, {"since": self.stock.world.now})

    def _calendar(self, asked: "_Asked", owner: Identity) -> list[Record]:
        low, high = micros(asked.one("startDateTime")), micros(asked.one("endDateTime"))
        gone = self.stock.world.deleted
        rows = self.stock.meetings.get(owner.account, ())
        return [row for row in rows if low <= row.sent < high and f"{owner.account}/{row.event}" not in gone]

    def _event(self, asked: "_Asked", id: str, item: str) -> Reply:
        owner = self.stock.by_guid[id]
        row = next((row for row in self.stock.meetings.get(owner.account, ()) if row.series is not None and master_id(row) == item), None)
        if row is None:
            return fault(404, "ErrorItemNotFound")
        return Reply(meeting(self.stock, row, owner) | {"id": item, "type": "seriesMaster", "seriesMasterId": None})

    def _traces(self, asked: "_Asked") -> Reply:
        """Answer with a row per recipient, the newest first; no selection is possible."""
        low, high = bounds(asked.one("$filter"))
        high = min(high, self.stock.world.now)
        rows = sorted((row for row in self.stock.events.values() if row.kind == Kind.MAIL and low <= row.sent < high), key=_newest)
        asked.given.pop("$select", None)
        return self._paged(asked, [trace(self.stock, row, account) for row in rows for account in row.to])

    def _sent(self, id: str) -> list[Record]:
        known = self.stock.by_guid.get(id)
        return [] if known is None else self.stock.sent(known.account)

    def _paged(self, asked: "_Asked", items: list[Item], keep: Item | None = None, final: Item | None = None) -> Reply:
        """Return one page of the items; the last one with the position for later changes, if there is one."""
        size = min(int(asked.one("$top") or self.graph.page), self.graph.page)
        some, after = page_of(items, asked.number("at"), size)
        select = asked.one("$select").split(",")
        if select != [""] and not self.graph.leaky:
            some = [
                {name: value for name, value in item.items() if name in select or name.startswith("@") or name in _ALWAYS} for item in some
            ]
        base, first = f"{asked.call.address}{asked.call.path}", {name: text for name, text in asked.given.items() if name not in _TOKENS}
        counted = {"@odata.count": len(items)} if asked.one("$count") == "true" else {}
        body: Item = {**counted, "@odata.context": f"{asked.call.address}/v1.0/$metadata", "value": self.stock.world.faults.mangle(some)}
        if after is not None:
            body["@odata.nextLink"] = f"{base}?$skiptoken={sealed({**(keep or {}), 'at': after, 'first': first})}"
        elif final is not None:
            body["@odata.deltaLink"] = f"{base}?$deltatoken={sealed({**final, 'first': first})}"
        twisted = self.graph.twist(asked.name, body) if self.graph.twist else body
        return twisted if isinstance(twisted, Reply) else Reply(twisted)


@dataclass(frozen=True)
class _Asked:
    name: str
    call: Call
    given: dict[str, str]
    token: Item

    def one(self, name: str) -> str:
        return self.given.get(name, "")

    def number(self, name: str) -> int:
        return int(str(self.token.get(name, 0)))


_TOKENS = ("$skiptoken", "$deltatoken")
_ALWAYS = ("id", "manager")


def _newest(row: Record) -> tuple[int, int]:
    return -row.sent, row.event


def fault(status: int, code: str) -> Reply:
    """Return an error as Graph writes it."""
    inner = {"request-id": "0", "date": "2026-09-01T00:00:00"}
    return Reply({"error": {"code": code, "message": canary("error", status), "innerError": inner}}, status)
