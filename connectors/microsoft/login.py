"""Tokens for Microsoft Graph by certificate or federated credential; a token that could read content is refused."""

import base64
import binascii
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated

import httpx2
import msal
import msgspec
from pydantic import Field

from connectors import network
from connectors.form_text import FormText
from connectors.identity import COMMON_RULES, AddressRules
from connectors.network import Scopes
from connectors.pace import SYSTEM, Clock
from connectors.pinning import PrivateAddressError, carrier
from ona.errors import AccessError, ConnectorError, SettingsError

NEEDED = {
    "mail": ("Mail.ReadBasic.All", "User.Read.All"),
    "calendar": ("Calendars.ReadBasic.All", "User.Read.All"),
    "directory": ("User.Read.All", "GroupMember.ReadBasic.All"),
    "message_trace": ("ExchangeMessageTrace.Read.All",),
}
"""The least permissions (application) of each connector: its records, and whose they are."""

ENOUGH = {"GroupMember.ReadBasic.All": ("GroupMember.Read.All",)}
"""Permissions that do as well."""

MAILBOX_PURPOSE = "MailboxSettings.Read"
"""Optional: tells rooms and shared mailboxes from people."""

HARMLESS = frozenset(
    (
        *(permission for permissions in NEEDED.values() for permission in permissions),
        *("User.ReadBasic.All", "GroupMember.Read.All", "Member.Read.Hidden", MAILBOX_PURPOSE),
    )
)
"""Permissions that a token may have: one app serves all connectors of this family."""

_CONTENT = re.compile(
    r"(?:Mail|Calendars|Chat|ChatMessage|ChannelMessage|Files|Sites|Notes|Group|Contacts|Tasks|OnlineMeetingTranscript|OnlineMeetingRecording"
    r"|Community|EWS|Exchange|IMAP|POP|SMTP|full_access)(?:\.|_)\S+"
)
"""Permissions by which somebody's texts, titles or files could be read or anything be written."""

TRIES = 8
SECONDS = 30.0
PASSING = ("temporarily_unavailable", "server_error", "no reason given")
"""Errors of a sign-in that are worth another try."""

Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]


def how_to(part: str) -> tuple[str, ...]:
    """Return the steps that an operator takes to connect one part of a tenant, in words."""
    name = f"microsoft_{part}"
    return (
        f"1. Register an app in Entra with the application permissions {', '.join(NEEDED[part])} and grant admin consent; nothing wider.",
        "2. Give it a certificate, and put key and certificate into one file: chmod 600 HOME/microsoft_app.pem. No client secrets.",
        f'3. In ona.toml: [connectors.{name}] with tenant = "…", client_id = "…" and certificate = "microsoft_app.pem"',
        f"4. ona connect {name} --check, then: ona pull {name} --dry-run",
    )


class Config(network.Config):
    """How to sign in: what every connector of this family shares."""

    tenant: Guid
    client_id: Guid
    certificate: Path | None = None
    """PEM file with the private key and the certificate of the app registration."""
    assertion: Path | None = None
    """File with the token of a federated credential, as a workload identity keeps it fresh; read anew at each sign-in."""
    graph: str = "https://graph.microsoft.com"
    sign_in: str = "https://login.microsoftonline.com"
    addresses: AddressRules = COMMON_RULES


class _Claims(msgspec.Struct, frozen=True):
    roles: list[str] | None = None
    scp: str | None = None


class Login:
    """Gives tokens, one sign-in for many calls."""

    def __init__(self, config: Config, clock: Clock = SYSTEM) -> None:
        """Take the settings; nothing is read or sent yet."""
        if (config.certificate is None) == (config.assertion is None):
            raise SettingsError("A Microsoft connector needs either `certificate` or `assertion`. Set one of them to a file.")
        self._config, self._clock = config, clock
        self._checked = ""

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        for name in ("_http", "_application"):
            if (held := self.__dict__.pop(name, None)) is not None and isinstance(held, httpx2.Client):
                held.close()

    def token(self, fresh: bool = False) -> str:
        """Return a token; with ``fresh`` one that was not kept from before, for after a refusal."""
        if fresh:
            self.__dict__.pop("_application", None)
        token = self._token()
        if token != self._checked:
            refuse_content(permissions(token))
            self._checked = token
        return token

    def scopes(self, connector: str) -> Scopes:
        """Return what the app may do against what a connector needs; nothing is refused here, so that all of it is seen."""
        try:
            granted = permissions(self._token())
        finally:
            self.close()
        needed = tuple(next((one for one in (name, *ENOUGH.get(name, ())) if one in granted), name) for name in NEEDED[connector])
        return Scopes(tuple(sorted(granted)), needed, tuple(sorted(granted - HARMLESS)))

    def _token(self) -> str:
        """Sign in, a few times when the service cannot be reached."""
        failure = "not tried"
        for attempt in range(TRIES):
            try:
                answer = self._application.acquire_token_for_client([f"{self._config.graph}/.default"])
            except (SettingsError, PrivateAddressError):
                raise
            except Exception as error:  # noqa: BLE001  # msal lets through whatever its transport, its parser and its keys raise
                failure = type(error).__name__
            else:
                token = answer.get("access_token")
                if isinstance(token, str):
                    return token
                failure = _plain(answer.get("error"))
                if failure not in PASSING:
                    raise AccessError(f"Microsoft refused the sign-in ({failure}). Check tenant, client id and credential, and consent.")
            self.__dict__.pop("_application", None)
            self._clock.sleep(float(2**attempt))
        raise ConnectorError(f"The sign-in of Microsoft failed {TRIES} times, last with: {failure}. Try again later.")

    @cached_property
    def _application(self) -> msal.ConfidentialClientApplication:
        config = self._config
        return msal.ConfidentialClientApplication(
            config.client_id,
            authority=f"{config.sign_in}/{config.tenant}",
            client_credential=self._credential(),
            http_client=FormText(self._http),
            instance_discovery=False,  # the address is configured; nobody else is asked
        )

    @cached_property
    def _http(self) -> httpx2.Client:
        """Return what carries the sign-in: trusts whom the settings name, whatever stands in the environment."""
        config = self._config
        return carrier(config.authority, config.proxy, SECONDS, private=config.private_network)

    def _credential(self) -> dict[str, object]:
        if self._config.assertion is not None:
            path = self._config.assertion
            return {"client_assertion": lambda: _read(path).strip()}
        text = _read(self._config.certificate or Path())
        return {"private_key": text, "public_certificate": text[text.find("-----BEGIN CERTIFICATE") :]}


def permissions(token: str) -> frozenset[str]:
    """Return what a token allows; one that cannot be looked into is refused, for it could allow anything."""
    try:
        body = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Claims)
    except (IndexError, ValueError, binascii.Error, msgspec.MsgspecError):
        raise AccessError("A token of Microsoft could not be looked into, so that what it allows is unknown. It is not used.") from None
    return frozenset((*(claims.roles or ()), *(claims.scp or "").split()))


def refuse_content(granted: Iterable[str]) -> None:
    """Raise AccessError naming each permission by which content could be read."""
    wide = sorted(name for name in granted if name not in HARMLESS and _CONTENT.fullmatch(name))
    if wide:
        raise AccessError(
            f"The app has permissions that open content: {', '.join(wide)}. Remove them in Entra; least privilege is in the README."
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        raise SettingsError(
            "The credential file of a Microsoft connector cannot be read. Check its path, its rights and its form."
        ) from None


def _plain(code: object) -> str:
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else "no reason given"
