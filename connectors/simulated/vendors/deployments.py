"""What a deployment needs to pull from the fake vendors: sections of settings, and the keys and tokens that they name."""

import json
from collections.abc import Mapping
from pathlib import Path

import trustme

AUTHORITY = "fake-authority.pem"


def section(name: str, pace: float, settings: Mapping[str, object]) -> str:
    """Return the section of one connector; every value that JSON writes is written alike in TOML."""
    shared = {"authority": AUTHORITY, "pace": pace}
    lines = [f"{key} = {json.dumps(value)}" for key, value in {**settings, **shared}.items()]
    return "\n".join([f"[connectors.{name}]", *lines, ""])


def secret(path: Path, text: str) -> str:
    """Write a secret that its owner alone can read; return the file's name."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    return path.name


def certificate(path: Path) -> str:
    """Write the key and certificate of an app, once; return the file's name."""
    return path.name if path.exists() else secret(path, _issued().private_key_and_cert_chain_pem.bytes().decode())


def service_account(path: Path, token_uri: str) -> str:
    """Write the key file of a service account; return the file's name."""
    known = json.loads(path.read_text(encoding="utf-8"))["private_key"] if path.exists() else _issued().private_key_pem.bytes().decode()
    account = {"type": "service_account", "client_email": "ona@acme.iam.gserviceaccount.com", "token_uri": token_uri, "private_key": known}
    return secret(path, json.dumps(account | {"private_key_id": "1", "project_id": "acme", "client_id": "1"}))


def _issued() -> trustme.LeafCert:
    return trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA)
