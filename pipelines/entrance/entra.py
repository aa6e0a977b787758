"""Microsoft Entra ID through Microsoft's own library: it speaks to the tenant, and what it brings back is verified as any token is."""

import base64
import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msal

from connectors.form_text import FormText
from ona.errors import OnaError, SettingsError
from pipelines.entrance.provider import TIMEOUT, Answer, Begun, Claims, Provider, private_text, refused, secret_of, understood
from pipelines.settings import ENTRA_ISSUER

KEPT = ("state", "redirect_uri", "scope", "nonce", "code_verifier")
"""What of a begun flow has to come back; the browser alone keeps it, for a browser's secret is all that can end a sign-in."""

NO_REFRESH = ["offline_access"]

ADVICE = "response_mode='form_post' is recommended"
"""A form that another site posts comes without our cookie, which is what binds the reply to this browser; so the reply is a query."""

log = logging.getLogger(__name__)


class Entra(Provider):
    """One tenant of Entra ID; people are known by tenant and object id, and roles come from application roles alone."""

    def forget(self) -> None:
        """Ask the tenant again for what it publishes."""
        super().forget()
        self.__dict__.pop("_application", None)

    def begin(self, state: str, *, again: bool = False) -> Begun:
        """Begin a sign-in; ``again`` asks for the password though the tenant knows who it is."""
        self._endpoint("authorization_endpoint")
        warnings.filterwarnings("ignore", ADVICE, UserWarning)
        with _plain():
            flow = self._application.initiate_auth_code_flow(
                scopes=[], redirect_uri=self.redirect, state=state, prompt=msal.Prompt.LOGIN if again else None
            )
        kept = json.dumps({name: flow[name] for name in KEPT}, separators=(",", ":"))
        return Begun(str(flow["auth_uri"]), base64.urlsafe_b64encode(kept.encode()).decode().rstrip("="))

    def subject(self, claims: Claims) -> str:
        """Return the account: it is the same for every application of the tenant, and is never given to somebody else."""
        return f"{claims['tid']}/{claims['oid']}"

    def _exchanged(self, secret: str, state: str, code: str) -> Answer:
        flow = _kept(secret)
        self._endpoint("token_endpoint")
        with _plain():
            found = self._application.acquire_token_by_auth_code_flow(flow, {"state": state, "code": code})
        nonce = hashlib.sha256(flow["nonce"].encode()).hexdigest()  # the library sends and expects the hash of its nonce
        return Answer(found.get("id_token"), nonce, found.get("access_token"))

    def _names_somebody(self, claims: Claims) -> bool:
        """Whether the claims are of an account of this very tenant."""
        return (
            super()._names_somebody(claims)
            and claims.get("tid") == self._tenant
            and isinstance(claims.get("oid"), str)
            and bool(claims["oid"])
        )

    def _endpoint(self, name: str) -> str:
        """Return an endpoint of the tenant, which lies where its issuer does."""
        found = super()._endpoint(name)
        if urlsplit(found).netloc != urlsplit(self.settings.issuer).netloc:
            log.error("the identity provider's description has its %s on another host", name)
            raise refused()
        return found

    @property
    def _tenant(self) -> str:
        found = ENTRA_ISSUER.fullmatch(self.settings.issuer)
        return found["tenant"] if found else ""

    @cached_property
    def _application(self) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            self.settings.client_id,
            authority=self.settings.issuer.removesuffix("/v2.0"),
            client_credential=self._credential(),
            http_client=FormText(httpx2.Client(verify=self._trust, trust_env=False, timeout=TIMEOUT)),
            token_cache=_Forgetful(),
            exclude_scopes=NO_REFRESH,
            instance_discovery=False,  # the address is configured; nobody else is asked
        )

    def _credential(self) -> str | dict[str, str]:
        secret = secret_of(self.settings)
        if secret is not None:
            return secret
        if self.settings.client_certificate is None:
            raise SettingsError(
                "Entra ID needs client_certificate or client_secret_file in [sign_in], or ONA_SIGN_IN__CLIENT_SECRET. Set one."
            )
        text = private_text(self.settings.client_certificate, "client_certificate")
        return {"private_key": text, "public_certificate": text[text.find("-----BEGIN CERTIFICATE") :]}


class _Forgetful(msal.TokenCache):  # type: ignore[misc]  # the library has no types
    """Keeps no token: whoever signed in is known by a session of ours."""

    def add(self, event: dict[str, Any], now: float | None = None) -> None:
        """Keep nothing."""


def _kept(secret: str) -> dict[str, Any]:
    """Return what a browser brought back of a flow that was begun here: its text was held against the stored hash before."""
    return dict(json.loads(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))))


@contextmanager
def _plain() -> Iterator[None]:
    """Turn whatever the library lets through into a request to try later, or the one refusal."""
    try:
        with understood():
            yield
    except OnaError:
        raise
    except Exception:  # noqa: BLE001 - it lets through what its transport, its parser and its keys raise, assertions among them
        raise refused() from None
