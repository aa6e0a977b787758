"""Tokens for Google Workspace: a service account with domain-wide delegation, only the scope that a connector needs."""

from functools import cached_property
from pathlib import Path

import msgspec
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport import Response
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from connectors import network
from connectors.identity import COMMON_RULES, AddressRules
from connectors.network import Scopes
from connectors.pace import SYSTEM, Clock
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

KEPT = 64
"""Sign-ins kept in memory: mailboxes are read one after the other."""


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
        if (carrier := self.__dict__.pop("_carrier", None)) is not None:
            carrier.session.close()

    def token(self, subject: str, scopes: tuple[str, ...], *, fresh: bool = False) -> str:
        """Return a token in the name of somebody; with ``fresh`` one that was not kept from before, for after a refusal."""
        key = (subject, scopes)
        if fresh or key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = self._credentials(subject, scopes)
        held = self._kept[key]
        if not held.valid:
            self._refresh(held)
        token = held.token
        if not isinstance(token, str):
            raise AccessError("Google gave no token. Check the service account and its delegation.")
        return token

    def scopes(self, connector: str) -> Scopes:
        """Return which scopes the delegation gives the service account: each is asked for alone, in the administrator's name."""
        needed = NEEDED[connector]
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
        """Return what carries the sign-in: trusts whom the settings name, whatever stands in the environment."""
        carrier = _Carrier()
        carrier.session.trust_env = False
        carrier.session.verify = str(self._config.authority) if self._config.authority else True
        carrier.session.proxies = {"https": self._config.proxy} if self._config.proxy else {}
        return carrier

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


class _Carrier(Request):
    """Carries a sign-in; an answer that is none counts as not reached, so that waiting is left to our own clock."""

    def __call__(self, *args: object, **named: object) -> Response:
        """Send."""
        response: Response = super().__call__(*args, **named)  # type: ignore[no-untyped-call]  # google-auth leaves it untyped
        try:
            msgspec.json.decode(response.data, type=dict[str, object])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise TransportError("The answer is no JSON") from None  # type: ignore[no-untyped-call]
        if response.status == 429 or response.status >= 500:
            raise TransportError("The service is not there")  # type: ignore[no-untyped-call]
        return response
