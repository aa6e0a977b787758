"""Tokens for Google Workspace: a service account with domain-wide delegation, only the scope that a connector needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx2
import msgspec
from google.auth.exceptions import GoogleAuthError, TransportError
from google.oauth2.service_account import Credentials

from connectors import network
from connectors.identity import COMMON_RULES, AddressRules
from connectors.network import Scopes
from connectors.pace import SYSTEM, Clock
from connectors.pinning import carrier
from ona.errors import AccessError, ConnectorError, SettingsError

_PREFIX = "https://www.googleapis.com/auth/"

NEEDED = {
    "gmail": (f"{_PREFIX}gmail.metadata",),
    "calendar": (f"{_PREFIX}calendar.events.readonly",),
    "directory": (f"{_PREFIX}admin.directory.user.readonly", f"{_PREFIX}admin.directory.group.member.readonly"),
}
"""The scopes that each connector asks for, and no other: a token has them alone, whatever else the delegation allows."""

LISTING = (f"{_PREFIX}admin.directory.user.readonly",)
"""What naming the mailboxes and calendars needs."""

CONTENT = (f"{_PREFIX}gmail.readonly", f"{_PREFIX}gmail.modify", "https://mail.google.com/", f"{_PREFIX}drive.readonly")
"""Scopes that open content: a check asks for each of them and reports those that the delegation would give."""


TRIES = 8
SECONDS = 30.0

KEPT = 64
"""Sign-ins kept in memory, more than mailboxes are read side by side."""


def how_to(part: str) -> tuple[str, ...]:
    """Return the steps that an operator takes to connect one part of a Workspace, in words."""
    name, scopes = f"google_{part}", tuple(dict.fromkeys((*NEEDED[part], *LISTING)))
    return (
        "1. Make a service account with a JSON key in a Google Cloud project, and put the key into a file: chmod 600 HOME/google_key.json",
        "2. In the Admin console, Security, API controls, Domain-wide delegation, add its client id with these scopes and nothing wider:",
        *(f"   {scope}" for scope in scopes),
        f'3. In ona.toml: [connectors.{name}] with key_file = "google_key.json" and admin = "…", the address of an administrator',
        f"4. ona connect {name} --check, then: ona pull {name} --dry-run",
    )


class Config(network.Config):
    """How to sign in: what every connector of this family shares."""

    key_file: Path
    """JSON key of the service account."""
    admin: str
    """Address of an administrator in whose name the directory is read."""
    api: str = "https://www.googleapis.com"
    gmail_api: str = "https://gmail.googleapis.com"
    admin_api: str = "https://admin.googleapis.com"
    addresses: AddressRules = COMMON_RULES


class Login:
    """Gives tokens, one sign-in per mailbox for many calls."""

    def __init__(self, config: Config, clock: Clock = SYSTEM) -> None:
        """Take the settings; nothing is read or sent yet."""
        self._config, self._clock = config, clock
        self._kept: dict[tuple[str, tuple[str, ...]], Credentials] = {}

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        if (held := self.__dict__.pop("_carrier", None)) is not None:
            held.http.close()

    def token(self, subject: str, scopes: tuple[str, ...], *, fresh: bool = False) -> str:
        """Return a token in the name of somebody; with ``fresh`` one that was not kept from before, for after a refusal."""
        key = (subject, scopes)
        held = self._kept.pop(key, None)
        if fresh or held is None:
            held = self._credentials(subject, scopes)
        if len(self._kept) >= KEPT:
            self._kept.pop(next(iter(self._kept)))  # whose turn was longest ago
        self._kept[key] = held
        if not held.valid:
            self._refresh(held)
        token = held.token
        if not isinstance(token, str):
            raise AccessError("Google gave no token. Check the service account and its delegation.")
        return token

    def scopes(self, needed: tuple[str, ...]) -> Scopes:
        """Return which of these scopes the delegation gives the service account: each is asked for alone, in the administrator's name."""
        try:
            granted = tuple(scope for scope in (*needed, *CONTENT) if self._gives(scope))
        finally:
            self.close()
        return Scopes(granted, needed, tuple(scope for scope in CONTENT if scope in granted))

    def _gives(self, scope: str) -> bool:
        try:
            return bool(self.token(self._config.admin, (scope,)))
        except AccessError:
            return False

    def _refresh(self, held: Credentials) -> None:
        """Sign in, a few times when the service cannot be reached."""
        for attempt in range(TRIES):
            try:
                held.refresh(self._carrier)  # type: ignore[no-untyped-call]
            except TransportError:
                self._clock.sleep(float(2**attempt))
            except GoogleAuthError:
                raise AccessError(
                    "Google refused the sign-in. Check the key, and that the delegation of the service account has the connector's scope."
                ) from None
            else:
                return
        raise ConnectorError(f"The sign-in of Google failed {TRIES} times. Try again later.")

    @cached_property
    def _carrier(self) -> "_Carrier":
        config = self._config
        return _Carrier(carrier(config.authority, config.proxy, SECONDS, private=config.private_network))

    def _credentials(self, subject: str, scopes: tuple[str, ...]) -> Credentials:
        named: Credentials = self._account.with_scopes(list(scopes)).with_subject(subject)
        return named

    @cached_property
    def _account(self) -> Credentials:
        """Return the service account; its key takes long to load and is loaded once."""
        try:
            account: Credentials = Credentials.from_service_account_file(str(self._config.key_file))  # type: ignore[no-untyped-call]
        except (OSError, ValueError, GoogleAuthError):
            raise SettingsError(
                "The key file of a Google connector cannot be read. Check its path, its rights and that it is a service account's."
            ) from None
        return account


@dataclass(frozen=True, repr=False)
class _Answer:
    """An answer as google-auth wants it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, repr=False)
class _Carrier:
    """Carries a sign-in over our own connections; an answer that is none counts as not reached, so that waiting is left to our clock."""

    http: httpx2.Client

    def __call__(
        self, url: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None, **_: object
    ) -> _Answer:
        """Send."""
        try:
            answer = self.http.request(method, url, content=body, headers=headers)
            msgspec.json.decode(answer.content, type=dict[str, object])
        except httpx2.TransportError:
            raise TransportError("The service was not reached") from None  # type: ignore[no-untyped-call]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise TransportError("The answer is no JSON") from None  # type: ignore[no-untyped-call]
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TransportError("The service is not there")  # type: ignore[no-untyped-call]
        return _Answer(answer.status_code, answer.headers, answer.content)
