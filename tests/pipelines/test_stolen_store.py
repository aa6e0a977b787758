"""Whoever steals everything but the vault matches nobody, though they know every address, all of this code, and even the root key."""

import hashlib
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from connectors.base import RawPerson
from connectors.identity import alias_token, event_id, token_text
from pipelines.intake.events import pull_events
from pipelines.intake.people import current_people, pull_people
from pipelines.keys import create_key
from pipelines.settings import load_settings
from pipelines.storage.workspace import Workspace, open_workspace
from tests.pipelines.conftest import Events, People, handle, mail

NAMES = [f"person{number}" for number in range(80)]
"""Everybody of the company: the whole dictionary that an attacker tries."""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[tuple[Workspace, Path]]:
    """A deployment with random ids, as every real one."""
    home = tmp_path_factory.mktemp("stolen") / "home"
    create_key(home / "key")
    (home / "ona.toml").write_text("")
    rng = random.Random(5)
    at = datetime(2026, 9, 7, 9)
    sent = [mail(f"m{n}", *rng.sample(NAMES, 3), at=at + timedelta(minutes=n)) for n in range(200)]
    with open_workspace(load_settings(home), lambda: datetime(2026, 9, 28, 12)) as ws:
        pull_people(ws, "people", People([RawPerson((handle(name),), name=name.title(), team="A") for name in NAMES]))
        pull_events(ws, "mbox", Events(sent))
        yield ws, home


def ids_of(ws: Workspace) -> set[int]:
    """Every id that the analysis store holds of anybody."""
    events = ws.lake.read("events")
    people = current_people(ws, date(2026, 9, 28))["person"].to_pylist()
    accounts = {row["account"] for cell in events["recipients"].to_pylist() for row in cell} | set(events["sender"].to_pylist())
    return {*people, *accounts, *events["event"].to_pylist(), *filter(None, events["root"].to_pylist())}


def stolen(home: Path) -> bytes:
    """All bytes but those of the vault and the key; Parquet is read column by column."""
    files = [path for path in home.rglob("*") if path.is_file() and not path.name.startswith(("vault", "key", "audit"))]
    assert {path.suffix for path in files} >= {".parquet", ".sqlite"}
    return b"".join(repr(pq.read_table(path).to_pydict()).encode() if path.suffix == ".parquet" else path.read_bytes() for path in files)


def numbers(digest: bytes) -> set[int]:
    """Every id that could have been cut out of a digest."""
    pieces = [digest[start : start + 8] for start in range(len(digest) - 7)]
    whole = {int.from_bytes(piece, order, signed=signed) for piece in pieces for order in ("little", "big") for signed in (False, True)}
    return whole | {number & (1 << 63) - 1 for number in whole} | {number >> 1 for number in whole}  # as seeded ids are cut


def guesses(name: str, keys: list[bytes]) -> list[bytes]:
    """Digests of one person's addresses: plain ones, and with these keys the deployment's own."""
    plain = [handle(name), f"{name}@acme.example", name, name.title()]
    found = [make(text.encode()).digest() for text in plain for make in (hashlib.sha256, hashlib.sha1, hashlib.md5)]
    return found + [alias_token(key, kind, text) for key in keys for kind in ("person", "event") for text in plain]


@pytest.mark.parametrize("has_key", [False, True])
def test_no_id_of_the_store_follows_from_an_address(store, has_key):
    ws, home = store
    tried = [ws.keys.alias, ws.keys.event, ws.keys.view] if has_key else [bytes(32), b"ona"]
    held, content = ids_of(ws), stolen(home)
    assert len(held) > 300
    for name in NAMES:
        for digest in guesses(name, tried):
            assert not numbers(digest) & held
            assert digest not in content
            assert token_text(digest).encode() not in content
        assert f"{name}@".encode() not in content


def test_the_same_search_finds_what_a_vendor_gave_an_event_when_the_key_is_known(store):
    """The control: ids of messages are keyed digests, so the key, and a guess at the vendor's random id, find them."""
    ws, home = store
    assert event_id(ws.keys.event, "mail:m1") in ids_of(ws)
    assert alias_token(ws.keys.alias, "person", handle("person1")) in b"".join(path.read_bytes() for path in home.glob("vault.sqlite*"))
