"""The company's identity provider (OpenID Connect): where to sign in, and whom its signed answer vouches for."""

import base64
import hmac
import json
import logging
import os
import secrets
import ssl
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from ona.errors import SettingsError, SignInRefusedError, TryLaterError
from pipelines.settings import LOOPBACK, SignIn

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a key pair. Neither ``none`` nor one whose key the provider publishes."""

SCOPE = "openid email profile"
LEEWAY = 60
"""Seconds that the provider's clock and ours may differ."""

KEPT_SECONDS = 3600.0
"""How long the provider's description and keys are believed without asking again."""

FORCED_SECONDS = 30.0
"""An unknown key makes us ask again, but not more often: strangers can send tokens too."""

TIMEOUT = 10.0
MOST_BYTES = 1 << 20
LONGEST_TOKEN = 64 * 1024
SECRET_BYTES = 32
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

Claims = Mapping[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """Where the browser goes, and what it alone has to bring back."""

    address: str
    secret: str


@dataclass(frozen=True)
class Answer:
    """What the token endpoint gave, and what has to stand in its token."""

    token: object
    nonce: str
    access_token: object


@dataclass(frozen=True)
class Logout:
    """Whose sessions end: a subject's, or those of one session at the provider."""

    subject: str | None
    session: str | None


@dataclass
class _Cached:
    """Something that the provider publishes, and when it was read."""

    value: dict[str, Any]
    read: float


class Provider:
    """One provider as the settings describe it."""

    def __init__(self, settings: SignIn, redirect: str, clock: Callable[[], float] = time.time) -> None:
        """Ask nothing yet."""
        self.settings = settings
        self.redirect = redirect
        self.clock = clock
        self._cache: dict[str, _Cached] = {}
        self._trust = ssl.create_default_context()  # made once: reading the authorities takes longer than asking
        self._lock = Lock()

    def forget(self) -> None:
        """Ask the provider again for what it publishes."""
        with self._lock:
            self._cache = {}

    def begin(self, state: str, *, again: bool = False) -> Begun:
        """Begin a sign-in; ``again`` asks for the password though the provider knows who it is."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        nonce, verifier, prompt = _derived(secret, "nonce"), _derived(secret, "verifier"), {"prompt": "login"} if again else {}
        with self._client() as client:
            endpoint = self._endpoint("authorization_endpoint")
            url, _ = client.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier, **prompt)
        return Begun(str(url), secret)

    def check_reply(self, issuer: str | None) -> None:
        """Refuse a reply that names another provider, or none though this one always names itself (RFC 9207)."""
        named = bool(self._described().get("authorization_response_iss_parameter_supported"))
        if issuer != self.settings.issuer and (issuer is not None or named):
            raise refused()

    def redeem(self, secret: str, state: str, code: str) -> Claims:
        """Return the claims that the provider signed for this code of the sign-in that the browser's secret began.

        Raises SignInRefusedError for whatever is not exactly as it has to be, and TryLaterError when the provider does not answer.
        """
        with understood():
            answer = self._exchanged(secret, state, code)
        if not isinstance(answer.token, str):
            raise refused()
        expected = {"nonce": answer.nonce, "client_id": self.settings.client_id, "access_token": answer.access_token}
        return self._verified(answer.token, expected)

    def subject(self, claims: Claims) -> str:
        """Return who the claims are of: what stays the same whatever somebody is called."""
        return str(claims["sub"])

    def logout(self, token: str) -> Logout:
        """Return whose sessions a back-channel logout token ends; each is valid for two minutes at most."""
        claims = self._verified(token, {"client_id": self.settings.client_id})
        events = claims.get("events")
        is_logout = isinstance(events, dict) and LOGOUT_EVENT in events and "nonce" not in claims
        subject, session = (_text(claims.get(name)) for name in ("sub", "sid"))
        if not is_logout or (subject is None and session is None):
            raise refused()
        return Logout(subject, session)

    def _exchanged(self, secret: str, state: str, code: str) -> Answer:
        """Exchange a code for what the provider signs."""
        del state  # what was stored with it was found by it
        with self._client() as client:
            verifier, endpoint = _derived(secret, "verifier"), self._endpoint("token_endpoint")
            found = client.fetch_token(endpoint, grant_type="authorization_code", code=code, code_verifier=verifier, timeout=TIMEOUT)
        return Answer(found.get("id_token"), _derived(secret, "nonce"), found.get("access_token"))

    def _verified(self, token: str, expected: dict[str, object]) -> Claims:
        if len(token) > LONGEST_TOKEN:
            raise refused()
        with understood():
            decoded = self._decoded(token)
            options = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "values": [self.settings.client_id]},
            }
            claims = (CodeIDToken if "nonce" in expected else _LogoutToken)(decoded.claims, decoded.header, options, expected)
            claims.validate(now=int(self.clock()), leeway=LEEWAY)
        if "nonce" in expected and not self._names_somebody(claims):
            raise refused()
        return dict(claims)

    def _names_somebody(self, claims: Claims) -> bool:
        return _text(claims.get("sub")) is not None

    def _decoded(self, token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=list(self._algorithms()), strict_check_header=False)
        try:
            return jwt.decode(token, self._keys(KEPT_SECONDS), registry=registry)
        except InvalidKeyIdError:
            return jwt.decode(token, self._keys(FORCED_SECONDS), registry=registry)

    def _algorithms(self) -> tuple[str, ...]:
        offered = self._described().get("id_token_signing_alg_values_supported")
        return tuple(name for name in ALGORITHMS if not isinstance(offered, list) or name in offered)

    def _keys(self, age: float) -> KeySet:
        return KeySet.import_key_set(self._published("keys", self._endpoint("jwks_uri"), age))  # type: ignore[arg-type]  # checked by the import

    def _described(self) -> dict[str, Any]:
        found = self._published("description", f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration", KEPT_SECONDS)
        if found.get("issuer") != self.settings.issuer:
            self.forget()
            log.error("the identity provider calls itself by another issuer than [sign_in] does")
            raise refused()
        return found

    def _endpoint(self, name: str) -> str:
        found = _text(self._described().get(name))
        parts, is_local = urlsplit(found or ""), self.settings.issuer.startswith("http:")  # that only this machine may use
        if not found or not (parts.scheme == "https" or (is_local and parts.scheme == "http" and parts.hostname in LOOPBACK)):
            log.error("the identity provider's description has no usable %s", name)
            raise refused()
        return found

    def _published(self, what: str, url: str, age: float) -> dict[str, Any]:
        """Return what the provider publishes, read again when it is older than this."""
        with self._lock:
            kept = self._cache.get(what)
            if kept is None or self.clock() - kept.read > age:
                kept = self._cache[what] = _Cached(self._read(url), self.clock())
            return kept.value

    def _read(self, url: str) -> dict[str, Any]:
        body = bytearray()
        with understood(), self._client() as client, client.stream("GET", url, withhold_token=True, timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise refused()
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise TryLaterError(DOWN)
        return found

    def _client(self) -> OAuth2Client:
        """Client that follows no redirect: secrets go to the provider's own address only."""
        return OAuth2Client(
            client_id=self.settings.client_id,
            client_secret=secret_of(self.settings),
            scope=SCOPE,
            redirect_uri=self.redirect,
            code_challenge_method="S256",
            follow_redirects=False,
            verify=self._trust,
            timeout=TIMEOUT,
        )


class _LogoutToken(CodeIDToken):  # type: ignore[misc]  # the library has no types
    """Token of a back-channel logout: it may name a session instead of a subject."""

    ESSENTIAL_CLAIMS = ("iss", "aud", "exp", "iat", "events")


DOWN = "The identity provider did not answer. Who is signed in stays so; try to sign in again in a few minutes."


def refused() -> SignInRefusedError:
    """Return the one answer to everything that is not as it has to be."""
    return SignInRefusedError(
        "The sign-in was not completed: it took too long, was used before, or was not the provider's. Start it again."
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MOST_BYTES else None


def secret_of(settings: SignIn) -> str | None:
    """Return the client's secret, None where there is none."""
    if settings.client_secret is not None:
        return settings.client_secret.get_secret_value()
    return None if settings.client_secret_file is None else private_text(settings.client_secret_file, "client_secret_file").strip()


def private_text(path: Path, name: str) -> str:
    """Read a file that nobody but its owner may read.

    Raises SettingsError naming the setting.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SettingsError(f"{name} of [sign_in] is readable by others. Run chmod 600 on it.")
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} of [sign_in] cannot be read ({type(error).__name__}).") from None


def _derived(secret: str, what: str) -> str:
    """Nonce or PKCE verifier of a sign-in, 43 characters, known to the browser's secret alone."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), f"ona:v1\0{what}".encode(), "sha256")).decode().rstrip("=")


@contextmanager
def understood() -> Iterator[None]:
    """Turn a provider that is away into a request to try later, and all that is wrong with an answer into one refusal."""
    try:
        yield
    except httpx2.HTTPError:
        raise TryLaterError(DOWN) from None
    except (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise refused() from None
