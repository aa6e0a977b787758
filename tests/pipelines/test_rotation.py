"""A new root key changes what is sealed and what accounts are found by, and nothing else; a retired key opens nothing."""

import base64
import hashlib
import json
from datetime import datetime

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from connectors.base import RawPerson
from connectors.identity import alias_token
from ona.errors import SettingsError
from pipelines import audit, rotation
from pipelines.erasure import erase
from pipelines.intake.events import pull_events
from pipelines.intake.people import current_people, pull_people
from pipelines.keys import KEY_BYTES, derive, keys_from, new_root, open_field, retired, root_of, seal_field, versions
from pipelines.schema import REVEALS
from pipelines.storage.vault import ACCOUNTS, PERSONS, TOMBSTONES
from pipelines.storage.workspace import open_workspace
from pipelines.verbs import keys as key_verbs
from tests.pipelines.conftest import Events, People, handle, mail

NAMES = {"ann": "Ann Abel", "bob": "Bob Bauer", "cid": "Cid Costa"}
DIRECTORY = [RawPerson((f"id:hr/{name}", handle(name)), name=full, team="A") for name, full in NAMES.items()]


@pytest.fixture
def filled(open_at):
    """Return the settings of a deployment with three people and some mail."""
    with open_at() as ws:
        pull_people(ws, "people", People(DIRECTORY))
        pull_events(ws, "mbox", Events([mail("1", "ann", "bob"), mail("2", "bob", "cid")]))
        return ws.settings


def state(settings):
    """Who is who: handle → person and name."""
    with open_workspace(settings) as ws:
        found = ws.vault.persons_of([handle(name) for name in NAMES])
        return {one: (person, ws.vault.names([person])[person]) for one, person in found.items()}


def rotated(settings):
    rotation.add_version(settings)
    with open_workspace(settings, now=lambda: datetime(2026, 9, 28, 12)) as ws:
        return rotation.rewrap(ws)


def files_of(settings):
    return {path.name: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}


def test_people_keep_their_ids_and_names_and_nobody_is_doubled(filled):
    before = state(filled)
    found = rotated(filled)
    assert (found.version, found.aliases, found.names) == (2, 6, 3)  # two handles each
    assert state(filled) == before
    with open_workspace(filled) as ws:
        pull_people(ws, "people", People(DIRECTORY))
        assert current_people(ws, ws.now().date()).num_rows == 3
    assert state(filled) == before


def test_the_buffer_and_what_is_made_of_it_stay_byte_for_byte(filled):
    def lake(settings):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (settings.home / "lake").rglob("*.parquet")}

    before = lake(filled)
    rotated(filled)
    with open_workspace(filled) as ws:
        again = pull_events(ws, "mbox", Events([mail("1", "ann", "bob"), mail("2", "bob", "cid")]))
    assert again.duplicate == 2  # keys of events stay, so the same mail is not counted twice
    assert lake(filled) == before


def test_no_old_token_and_no_old_ciphertext_is_left_in_any_file(filled):
    with open_workspace(filled) as ws:
        old = [alias_token(ws.keys.alias, "person", handle(name)) for name in NAMES]
        old += [bytes(row.alias) for row in ws.vault.database.rows(sa.select(ACCOUNTS.c.alias))]
    assert all(any(one in content for content in files_of(filled).values()) for one in old)  # the search finds them before
    with open_workspace(filled) as serving:  # an open reader, which keeps SQLite from emptying its write-ahead file by itself
        serving.vault.names([])
        list(serving.vault.aliases())
        rotated(filled)
        assert not [name for name, content in files_of(filled).items() for one in old if one in content]


def test_a_rotation_that_stopped_half_way_goes_on_with_the_next_rewrap(filled):
    before = state(filled)
    rotation.add_version(filled)  # killed here: the key file has two keys, the vault one version
    assert state(filled) == before
    with open_workspace(filled) as ws:
        assert ws.keys.version == 2
        assert ws.vault.keys.version == 1
        assert rotation.rewrap(ws).aliases == 6
    assert state(filled) == before


def test_a_key_is_retired_only_when_nothing_is_sealed_under_it(filled):
    rotation.add_version(filled)
    with open_workspace(filled) as ws, pytest.raises(SettingsError, match="rewrap"):
        rotation.retire(ws)
    before = state(filled)
    first = root_of(versions(filled.key_file.read_bytes())[0])
    with open_workspace(filled) as ws:
        rotation.rewrap(ws)
        assert rotation.retire(ws) == (1,)
    content = filled.key_file.read_bytes()
    assert base64.b64encode(first) not in content
    assert filled.key_file.stat().st_mode & 0o777 == 0o600
    assert state(filled) == before
    with open_workspace(filled) as ws:
        assert rotation.state(ws) == rotation.KeyState(2, (1,), {2: 9})
        assert rotation.retire(ws) == ()


def test_what_was_sealed_under_a_retired_key_opens_no_more(filled):
    with open_workspace(filled) as ws:
        old = ws.vault.database.rows(sa.select(PERSONS))[0]
    rotated(filled)
    with open_workspace(filled) as ws:
        rotation.retire(ws)
    with open_workspace(filled) as ws:
        with ws.vault.database.begin() as connection:
            connection.execute(sa.update(PERSONS).where(PERSONS.c.person == old.person).values(name=old.name, key_version=1))
        with pytest.raises(SettingsError, match="key version 1"):
            ws.vault.names([old.person])


def test_three_keys_in_a_row_and_back_to_one(filled):
    before = state(filled)
    rotated(filled)
    rotated(filled)
    with open_workspace(filled) as ws:
        assert rotation.retire(ws) == (1, 2)
    assert rotated(filled).version == 4
    assert state(filled) == before
    with open_workspace(filled) as ws:
        assert rotation.retire(ws) == (3,)
    assert state(filled) == before


def test_whoever_was_erased_stays_erased_under_every_later_key(filled):
    with open_workspace(filled) as ws:
        erase(ws, ws.vault.person_of(handle("ann")))
    rotated(filled)
    with open_workspace(filled) as ws:
        rotation.retire(ws)
    with open_workspace(filled) as ws:
        assert pull_people(ws, "people", People(DIRECTORY)).dropped == {"erased": 1}
        erase(ws, ws.vault.person_of(handle("bob")))  # buried under the second key
        assert ws.vault.database.rows(sa.select(sa.func.count()).select_from(TOMBSTONES))[0][0] == 4
    rotated(filled)
    with open_workspace(filled) as ws:
        assert pull_people(ws, "people", People(DIRECTORY)).dropped == {"erased": 2}


def test_the_reasons_of_requests_are_moved_too(filled):
    with open_workspace(filled) as ws:
        sealed, version = ws.vault.seal_text("a reason of enough length", "reveals\0one\0reason")
        row = {"id": "one", "person": 1, "scan": "s", "requester": "r", "purpose": "mentoring", "state": "pending", "created": ws.now()}
        with ws.service.begin() as connection:
            connection.execute(sa.insert(REVEALS).values(**row, expires=ws.now(), reason=sealed, key_version=version))
    assert rotated(filled).reasons == 1
    with open_workspace(filled) as ws:
        row = ws.service.rows(sa.select(REVEALS))[0]
        assert (row.key_version, ws.vault.open_text(row.reason, "reveals\0one\0reason", 2)) == (2, "a reason of enough length")


def test_a_rotation_is_in_the_log_and_the_log_stays_whole(filled):
    rotated(filled)
    with open_workspace(filled) as ws:
        rotation.retire(ws)
    with open_workspace(filled) as ws:
        assert [entry.act.action for entry in audit.entries(ws, 2)] == ["rotate_keys", "rotate_keys"]
        assert audit.verify(ws).bad is None


def test_a_process_with_the_old_key_file_says_what_to_do(filled):
    old = filled.key_file.read_bytes()
    rotated(filled)
    filled.key_file.write_bytes(old)
    with pytest.raises(SettingsError, match="key version 2"), open_workspace(filled):
        pass


def test_a_key_from_the_environment_is_changed_there(filled, tmp_path):
    settings = type(filled)(**filled.model_dump() | {"key": new_root()})
    with pytest.raises(SettingsError, match="ONA_KEY"):
        rotation.add_version(settings)
    first, second = new_root(), new_root()
    found = keys_from(f"{first},{second}".encode(), "ONA_KEY")
    assert found.alias == derive(root_of(second), 2).alias
    assert found.event == derive(root_of(first)).event


@pytest.mark.parametrize("line", ["retired", "retired:", "retired:AAAA", "retired:é"])
def test_a_damaged_retired_line_is_refused_without_showing_it(line):
    with pytest.raises(SettingsError) as error:
        keys_from(f"{line}\n{new_root()}\n".encode(), "The key file")
    assert "AAAA" not in str(error.value)


def test_a_key_file_that_ends_in_a_retired_key_is_refused():
    with pytest.raises(SettingsError, match="ends in a retired key"):
        keys_from(f"{retired(b'k' * 31 + b'x')}\n".encode(), "The key file")


def test_what_a_retired_key_leaves_behind_does_not_hold_its_newest_keys():
    root = hashlib.sha256(b"a root").digest()
    left = base64.b64decode(retired(root).partition(":")[2])
    cut = {left[start : start + KEY_BYTES] for start in range(0, len(left), KEY_BYTES)}
    assert root not in cut
    assert {derive(root).event, derive(root).audit, derive(root).view} < cut
    assert not {derive(root, 2).alias, derive(root, 2).vault_wrap} & cut


def test_each_flip_swap_and_other_version_of_a_sealed_field_is_refused():
    keys = derive(hashlib.sha256(b"one").digest())
    sealed = seal_field(keys, "Ann Abel", "persons\0" + "1\0name")
    assert open_field(keys, sealed, "persons\0" + "1\0name", 1) == "Ann Abel"
    flipped = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    wrong = [(one, "persons\0" + "1\0name") for one in flipped]
    wrong += [(sealed, place) for place in ("persons\0" + "2\0name", "accounts\0" + "1\0name", "persons\0" + "1\0alias")]
    for content, place in wrong:
        with pytest.raises(SettingsError, match="does not open"):
            open_field(keys, content, place, 1)
    other = derive(hashlib.sha256(b"another deployment").digest())
    with pytest.raises(SettingsError, match="does not open"):
        open_field(other, sealed, "persons\0" + "1\0name", 1)


def nonces(count):
    keys = derive(hashlib.sha256(b"many").digest())
    return {seal_field(keys, "n", "persons\0" + "1\0name")[:12] for _ in range(count)}


def test_no_nonce_is_used_twice_in_twenty_thousand():
    assert len(nonces(20_000)) == 20_000


@pytest.mark.soak
def test_no_nonce_is_used_twice_in_a_million():
    assert len(nonces(1_000_000)) == 1_000_000


def test_the_verbs_rotate_list_and_retire_without_showing_a_key(filled):
    def ona(*arguments):
        done = CliRunner().invoke(key_verbs.verbs, [*arguments, "--home", str(filled.home)])
        assert done.exit_code == 0, done.output
        return done.output

    secrets = filled.key_file.read_text().split()
    done = ona("rotate", "--json")
    assert json.loads(done) == {"version": 2, "aliases": 6, "names": 3, "reasons": 0}
    listed, gone = ona("list"), ona("retire")
    assert "Version 2  9 fields  newest" in listed
    assert "Retired: version 1" in gone
    secrets += filled.key_file.read_text().split()
    assert not [secret for secret in secrets if secret in done + listed + gone]
