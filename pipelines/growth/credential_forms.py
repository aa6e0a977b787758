"""What is signed: an Open Badges 3.0 credential without any figure in it, and the list of those that are no longer valid."""

import base64
import gzip
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ona.errors import TryLaterError
from pipelines.growth.issuer import did_of
from pipelines.storage.workspace import Workspace

VERSION = 1
"""Of the criteria; what was signed keeps pointing to the text of its own version."""

PLACES = 131_072
"""Places of the status list: as many as its specification asks for, so that a look at one tells little of whose it is."""

LIST_LIFE = timedelta(days=1)

CONTEXTS = ("https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json")

NAME = "Go-to helper"
DESCRIPTION = "Recognised by colleagues as somebody whom others turn to for help."
CRITERIA = (
    "The holder asked for this credential. At least three colleagues named the holder when asked whom they turned to for help, another "
    "source said the same, none contradicted, and it held over time. A person of the company looked at it and signed. It is not about "
    "performance and not for pay, rating or dismissal; nothing follows from not having it."
)

Claims = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What a credential is to say."""

    id: str  # 32 hexadecimal digits
    quarter: str
    window: tuple[datetime, datetime]  # in which it is valid; naive UTC, as every time here
    place: int
    address: str | None = None  # as a salted hash, where the holder wants it in


def claims(ws: Workspace, wanted: Wanted) -> Claims:
    """Return the credential as it is signed; its holder is a name of its own that leads nowhere else."""
    base = ws.settings.public_url
    number, holder = uuid.UUID(wanted.id).urn, uuid.uuid4().urn
    subject: Claims = {"id": holder, "type": ["AchievementSubject"], "achievement": achievement(ws)}
    if wanted.address is not None:
        subject["identifier"] = [_hashed(wanted.address)]
    status = {
        "id": f"{list_address(base)}#{wanted.place}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(wanted.place),
        "statusListCredential": list_address(base),
    }
    return {
        "@context": list(CONTEXTS),
        "id": number,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": f"{NAME} {wanted.quarter}",
        "issuer": _profile(ws),
        "validFrom": _moment(wanted.window[0]),
        "validUntil": _moment(wanted.window[1]),
        "credentialSubject": subject,
        "credentialStatus": status,
    } | _registered(ws, number, holder, wanted.window)


def achievement(ws: Workspace) -> Claims:
    """Return what is confirmed, with its criteria in the words of this version."""
    address = criteria_address(ws.settings.public_url)
    return {
        "id": address,
        "type": ["Achievement"],
        "name": NAME,
        "description": DESCRIPTION,
        "achievementType": "Badge",
        "version": str(VERSION),
        "criteria": {"id": address, "narrative": CRITERIA},
        "creator": _profile(ws),
    }


def criteria_address(base: str) -> str:
    """Return where the criteria of this version can be read by everybody."""
    return f"{base}/credentials/go-to-helper/{VERSION}"


def list_address(base: str) -> str:
    """Return where the status list can be read by everybody."""
    return f"{base}/credentials/status/1"


def status_claims(ws: Workspace, now: datetime, spent: Collection[int], live: Collection[int]) -> Claims:
    """Return the status list as it is signed: a bit is set for whatever is not valid, or no longer."""
    start = now.replace(minute=0, second=0, microsecond=0)
    address, bits = list_address(ws.settings.public_url), _unspent(ws).copy()
    bits[list(spent)] = 1
    bits[list(live)] = 0
    packed = base64.urlsafe_b64encode(gzip.compress(np.packbits(bits).tobytes(), mtime=0)).rstrip(b"=").decode()
    return {
        "@context": [CONTEXTS[0]],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": did_of(ws.settings.public_url),
        "validFrom": _moment(start),
        "validUntil": _moment(start + LIST_LIFE),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": f"u{packed}",
        },
    } | _registered(ws, address, f"{address}#list", (start, start + LIST_LIFE))


def free_place(ws: Workspace, spent: Collection[int]) -> int:
    """Return a place by chance that was never given and reads as valid already: giving it changes nothing that others could see."""
    free = np.flatnonzero(_unspent(ws) == 0)
    free = free[~np.isin(free, list(spent))]
    if not len(free):
        raise TryLaterError("The status list is full, so nothing was signed.")
    return int(free[secrets.randbelow(len(free))])


def _unspent(ws: Workspace) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """Bits of the places that nobody was given: drawn by a key, so that neither ones nor zeros can be counted from outside."""
    seed = hmac.digest(ws.keys.view, b"ona:v1\0credential places", "sha256")
    return np.unpackbits(np.frombuffer(hashlib.shake_256(seed).digest(PLACES // 8), np.uint8))


def _profile(ws: Workspace) -> Claims:
    base = ws.settings.public_url
    return {"id": did_of(base), "type": ["Profile"], "name": ws.settings.credential_issuer, "url": base}


def _hashed(address: str) -> Claims:
    """Identity of the holder by their address (Open Badges 3.0, section B.1.5): whoever knows the address can check it."""
    salt = secrets.token_hex(16)
    digest = hashlib.sha256((address + salt).encode()).hexdigest()
    return {"type": "IdentityObject", "hashed": True, "identityHash": f"sha256${digest}", "identityType": "emailAddress", "salt": salt}


def _registered(ws: Workspace, number: str, subject: str, window: tuple[datetime, datetime]) -> Claims:
    start, end = (int(moment.replace(tzinfo=UTC).timestamp()) for moment in window)
    return {"iss": did_of(ws.settings.public_url), "jti": number, "sub": subject, "nbf": start, "exp": end}


def _moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
