"""The key that credentials are signed with: made once, added to, never shown; its public half is told to everybody."""

import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from ona.errors import NotFoundError, SettingsError
from pipelines.keys import replace_key_file
from pipelines.settings import Settings

ALGORITHM = "ES256"
CURVE = "P-256"
"""Read by every verifier of Open Badges; EdDSA as they know it is deprecated (RFC 9864)."""

MEMBERS = ("kty", "crv", "x", "y", "kid")
SECRET = "d"
"""Member of a key in JSON (RFC 7518, section 6.2) that nobody else may know."""

MADE = "made"
"""Member of ours beside those: the day on which a key was made."""

KEY_LIFE = timedelta(days=3 * 365)
"""So long a key may sign: the longest period for private signature keys in NIST SP 800-57 part 1 (rev. 5, table 1)."""

MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True, repr=False)
class Issuer:
    """Who signs: a name on the web, the key in use, and all public keys that ever signed."""

    did: str
    kid: str
    key: ECKey
    public: tuple[Mapping[str, str], ...]  # the one in use first
    made: date | None = None  # None = nobody wrote it down

    def __repr__(self) -> str:
        """Mask the key."""
        return f"Issuer({self.did}, …)"

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed token (JWS, RFC 7515, with ECDSA)."""
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": self.kid}, dict(claims), self.key, algorithms=[ALGORITHM])

    def document(self) -> dict[str, object]:
        """Return the DID document that verifiers read: every public key, the one in use first."""
        methods = [
            {"id": f"{self.did}#{one['kid']}", "type": "JsonWebKey2020", "controller": self.did, "publicKeyJwk": dict(one)}
            for one in self.public
        ]
        return {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
            "id": self.did,
            "verificationMethod": methods,
            "assertionMethod": [method["id"] for method in methods],
        }


def did_of(public_url: str) -> str:
    """Return the name of an issuer on the web (did:web): a port is written with %3A."""
    return f"did:web:{quote(urlsplit(public_url).netloc, safe='')}"


def create(path: Path, *, again: bool = False, today: date | None = None) -> str:
    """Make a key to sign with and return its id; ``again`` adds one to those that there are, whose secrets are forgotten.

    Raises SettingsError when there is one already and none is to be added.
    """
    before = _lines(path) if path.exists() else []
    if before and not again:
        raise SettingsError(f"{path} exists already. To sign with a new key, and let what was signed stay valid: --rotate")
    made = ECKey.generate_key(CURVE, private=True)
    kid = made.thumbprint()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = [json.dumps({name: value for name, value in one.items() if name != SECRET}) for one in before]
    day = {MADE: today.isoformat()} if today else {}
    replace_key_file(path, [*kept, json.dumps({**made.as_dict(private=True), "kid": kid, **day})])
    return kid


def is_there(settings: Settings) -> bool:
    """Whether there is a key, and an address under which it can be found."""
    return bool(settings.public_url) and settings.issuer_key_file.exists()


def load(settings: Settings) -> Issuer:
    """Return who signs in this deployment.

    Raises NotFoundError when there is no key, SettingsError when it is damaged or others can read it.
    """
    if not is_there(settings):
        raise NotFoundError("This deployment signs no credentials: there is no issuer key. Make one with: ona credentials key")
    lines = _lines(settings.issuer_key_file)
    newest = lines[-1]
    try:
        key = ECKey.import_key({name: value for name, value in newest.items() if name != MADE})
        made = date.fromisoformat(newest[MADE]) if MADE in newest else None
    except (JoseError, ValueError, KeyError, TypeError):
        raise _damaged(settings.issuer_key_file) from None
    did = did_of(settings.public_url)
    public = tuple({name: str(one[name]) for name in MEMBERS} for one in reversed(lines))
    return Issuer(did, f"{did}#{newest['kid']}", key, public, made)


def examine(settings: Settings, today: date) -> str:
    """Say who signs and since when the key is used.

    Raises NotFoundError or SettingsError as :func:`load` does, and SettingsError for a key that has signed for too long.
    """
    found = load(settings)
    if found.made is not None and today - found.made > KEY_LIFE:
        raise SettingsError(
            f"The issuer key is of {found.made}. A key signs for {KEY_LIFE.days // 365} years: ona credentials key --rotate"
        )
    return f"{settings.credentials}, signed as {found.did} with a key " + (f"of {found.made}" if found.made else "whose day is not known")


def _lines(path: Path) -> Sequence[Mapping[str, str]]:
    """Return the keys of a file, one JSON object a line, the newest last."""
    with path.open("rb") as file:
        status, content = stat.S_IMODE(path.stat().st_mode), file.read(MOST_BYTES)
    if status & 0o077:
        raise SettingsError(f"The issuer key {path} can be read by others. Run: chmod 600 {path}")
    try:
        found = [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError:
        raise _damaged(path) from None
    whole = all(isinstance(one, dict) and one.keys() >= {*MEMBERS} for one in found)
    if not found or not whole or SECRET not in found[-1]:
        raise _damaged(path)
    return found


def _damaged(path: Path) -> SettingsError:
    return SettingsError(f"The issuer key {path} is damaged. Restore your copy, or make a new one: ona credentials key --rotate")
