"""After an erasure no byte of the person is left in any live file, and no later pull brings them back."""

import base64
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from connectors.base import RawBadge, RawPerson
from connectors.identity import alias_token, token_text
from ona.errors import NotFoundError
from ona.tables import ASKS, PRESENCE, TIES, Table
from pipelines.erasure import erase
from pipelines.intake.badges import badges, pull_badges
from pipelines.intake.events import pull_events
from pipelines.intake.people import current_people, pull_people, set_consent
from pipelines.storage.workspace import Workspace
from tests.pipelines.conftest import Badges, Events, People, handle, mail

NAME = "Ann Canary-Müller"
PEOPLE = [
    RawPerson(("id:hr/canary1", handle("canary.ann"), handle("canary.alias")), name=NAME, team="A"),
    RawPerson(("id:hr/2", handle("b")), name="Bob", manager="id:hr/canary1", team="A"),
    RawPerson(("id:hr/3", handle("c")), name="Cid", team="A"),
]
EVENTS = [mail("1", "canary.ann", "b"), mail("2", "b", "canary.alias", "c"), mail("3", "b", "c"), mail("4", "c", "canary.ann")]


def filled(ws: Workspace) -> int:
    pull_people(ws, "people", People(PEOPLE))
    pull_events(ws, "mbox", Events(EVENTS))
    badge = RawBadge("1", handle("canary.ann"), "Coaching", "Academy", "table")
    pull_badges(ws, "table", Badges([badge]))
    ann = ws.vault.person_of("id:hr/canary1")
    assert ann is not None
    set_consent(ws, ann, "name_on_map", granted=True)
    [a, b, c] = ws.vault.accounts([handle(name) for name in ("canary.ann", "b", "c")])
    ws.lake.write("ties", "2026-W37", weekly(TIES, **{"from": [a, b, b], "to": [b, a, c]}))
    ws.lake.write("asks", "2026-W37", weekly(ASKS, asker=[a, b, b], helper=[b, a, c]))
    ws.lake.write("presence", "2026-W37", weekly(PRESENCE, account=[a, b, c]))
    return ann


def weekly(schema: Table, **ids: list[int]) -> pa.Table:
    """Return three rows that hold these ids and nothing of interest."""
    count = 3
    columns = {field.name: pa.array([None] * count, field.type) for field in schema.schema}
    columns |= {name: pa.array(values, pa.int64()) for name, values in ids.items()}
    columns["week"] = pa.array([date(2026, 9, 7)] * count, pa.date32())
    return pa.table([columns[name] for name in schema.schema.names], schema=schema.schema)


def secrets_of(ws: Workspace, person: int) -> list[bytes]:
    """Return every form in which the person could be found: words, tokens, ids."""
    tokens = [alias_token(ws.keys.alias, "person", one) for one in PEOPLE[0].handles]
    ids = [number.to_bytes(8, order) for number in (person, *ws.vault.accounts_of(person)) for order in ("little", "big")]
    texts = [form for token in tokens for form in (token, token.hex().encode(), token_text(token).encode(), base64.b64encode(token))]
    return [*(word.encode() for word in ("canary", NAME, "Canary-M")), *texts, *ids]


def holding(home: Path, secrets: list[bytes]) -> dict[str, int]:
    """Return how many of the secrets stand in each file."""
    found = {str(path.relative_to(home)): sum(one in path.read_bytes() for one in secrets) for path in home.rglob("*") if path.is_file()}
    return {name: count for name, count in found.items() if count}


def test_nothing_of_the_person_is_left_in_any_file(ws: Workspace, home: Path) -> None:
    ann = filled(ws)
    secrets = secrets_of(ws, ann)
    assert {name.split("/")[0].split(".")[0] for name in holding(home, secrets)} >= {"service", "vault"}
    report = erase(ws, ann)
    assert holding(home, secrets) == {}
    assert report.to_json() == {"accounts": 3, "service_rows": 3, "lake_rows": 1 + 2 + 2 + 1 + 0, "scans": 0}
    assert not ids_in(ws) & {ann, *(int.from_bytes(one, "little") for one in secrets if len(one) == 8)}


def ids_in(ws: Workspace) -> set[int]:
    """Return every account that the buffer and the weekly tables hold."""
    events = ws.lake.read("events")
    found = {*events["sender"].to_pylist(), *(r["account"] for row in events["recipients"].to_pylist() for r in row)}
    for table, names in (("ties", ("from", "to")), ("asks", ("asker", "helper")), ("presence", ("account",))):
        found |= {value for name in names for value in ws.lake.read(table)[name].to_pylist()}
    return found


def test_the_others_stay_as_they_were(ws: Workspace) -> None:
    ann = filled(ws)
    bob = ws.vault.person_of("id:hr/2")
    erase(ws, ann)
    people = {row["person"]: row for row in current_people(ws, date(2026, 9, 28)).to_pylist()}
    assert len(people) == 2
    assert people[bob]["manager"] is None
    assert ws.vault.names(people) == {bob: "Bob", ws.vault.person_of("id:hr/3"): "Cid"}
    assert ws.lake.read("ties").num_rows == 1
    assert badges(ws).num_rows == 0


def test_a_new_pull_does_not_bring_the_person_back(ws: Workspace, home: Path) -> None:
    ann = filled(ws)
    secrets = secrets_of(ws, ann)
    erase(ws, ann)
    people = pull_people(ws, "people", People(PEOPLE))
    events = pull_events(ws, "mbox", Events(EVENTS))
    assert people.dropped == {"erased": 1}
    assert people.balanced
    assert events.dropped == {"objected_or_protected": 2}  # the one she sent and the one that only she got
    assert events.balanced
    assert current_people(ws, date(2026, 9, 28)).num_rows == 2
    assert holding(home, secrets) == {}


def test_the_scans_are_sealed_again_by_the_hook(ws: Workspace) -> None:
    ann = filled(ws)
    called: list[int] = []

    def reseal(_ws: Workspace, person: int) -> int:
        called.append(person)
        assert ws.vault.accounts_of(person)  # the vault goes last, so that an interrupted erasure can be run again
        return 2

    assert erase(ws, ann, reseal).scans == 2
    assert called == [ann]


def test_an_interrupted_erasure_is_finished_by_the_same_command(ws: Workspace, home: Path) -> None:
    ann = filled(ws)
    secrets = secrets_of(ws, ann)

    def broken(_ws: Workspace, _person: int) -> int:
        raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        erase(ws, ann, broken)
    erase(ws, ann)
    assert holding(home, secrets) == {}


def test_somebody_unknown_cannot_be_erased(ws: Workspace) -> None:
    filled(ws)
    with pytest.raises(NotFoundError, match="no person"):
        erase(ws, 12345)


def test_the_search_of_these_tests_finds_an_id_in_a_plain_file(ws: Workspace, home: Path) -> None:
    """A control: the same search must find what an uncompressed column holds."""
    ann = filled(ws)
    np.array([ann], np.int64).tofile(home / "planted")
    assert "planted" in holding(home, secrets_of(ws, ann))
