"""Backup and restore: byte for byte, without the key, never over an existing home, and never bringing an erased person back."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import sealed_scan

from ona.errors import SettingsError, TableError, TryLaterError
from pipelines import access, audit, scans
from pipelines.backup import backup, restore
from pipelines.keys import create_key
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace


@pytest.fixture
def company(tmp_path):
    return sealed_scan.build(tmp_path / "home", people=35)


@pytest.fixture
def copy(company, tmp_path):
    with open_workspace(company.settings) as ws:
        backup(ws, tmp_path / "copy.tar")
    return tmp_path / "copy.tar"


def key_of(company):
    return company.settings.home / "key"


def people(settings):
    with open_workspace(settings) as ws:
        return access.table_of_people(ws, scans.open_scan(ws), access.LOCAL_ANALYST)


def sealed_files(home):
    return {p.relative_to(home): hashlib.sha256(p.read_bytes()).hexdigest() for p in (home / "scans").rglob("*") if p.is_file()}


def test_what_is_restored_answers_as_before(company, copy, tmp_path):
    found = restore(copy, tmp_path / "new", key_of(company))
    assert found.files > 10
    assert sealed_files(tmp_path / "new") == sealed_files(company.settings.home)
    assert people(load_settings(tmp_path / "new")) == people(company.settings)
    with open_workspace(load_settings(tmp_path / "new")) as ws:
        assert audit.verify(ws).bad is None


def test_two_backups_of_one_state_hold_the_same_files(company, copy, tmp_path):
    with open_workspace(company.settings) as ws:
        backup(ws, tmp_path / "again.tar")
    with tarfile.open(copy) as one, tarfile.open(tmp_path / "again.tar") as other:
        assert one.getnames() == other.getnames()


def test_the_key_is_not_in_it(company, copy):
    key = key_of(company).read_bytes().strip()
    assert key not in copy.read_bytes()
    with tarfile.open(copy) as archive:
        assert not [name for name in archive.getnames() if "key" in Path(name).name or "inbox" in name]


def test_another_key_is_refused_and_nothing_is_left(company, copy, tmp_path):
    create_key(tmp_path / "other")
    with pytest.raises(SettingsError, match="does not open with this key"):
        restore(copy, tmp_path / "new", tmp_path / "other")
    assert not [path for path in tmp_path.iterdir() if "new" in path.name]


def test_an_existing_home_and_an_existing_file_are_left_alone(company, copy):
    with pytest.raises(SettingsError, match="exists already"):
        restore(copy, company.settings.home, key_of(company))
    with open_workspace(company.settings) as ws, pytest.raises(SettingsError, match="exists already"):
        backup(ws, copy)


@pytest.mark.parametrize("cut", [100, 5_000, 50_000])
def test_a_backup_cut_short_is_refused(company, copy, tmp_path, cut):
    copy.write_bytes(copy.read_bytes()[:cut])
    with pytest.raises(TableError, match="Take another copy"):
        restore(copy, tmp_path / "new", key_of(company))
    assert not (tmp_path / "new").exists()


def test_a_flipped_byte_is_found(company, copy, tmp_path):
    with tarfile.open(copy) as archive:
        place = archive.getmember("vault.sqlite").offset_data + 5_000
    content = bytearray(copy.read_bytes())
    content[place] ^= 1
    copy.write_bytes(content)
    with pytest.raises(TableError, match="damaged"):
        restore(copy, tmp_path / "new", key_of(company))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "lake/../../evil", "key", "lake/.hidden/../x", "jobs.sqlite"])
def test_a_name_that_no_backup_holds_is_not_unpacked(company, copy, tmp_path, name):
    with tarfile.open(copy, "a") as archive:
        member = tarfile.TarInfo(name)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(TableError, match="not a backup"):
        restore(copy, tmp_path / "new", key_of(company))
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_not_unpacked(company, copy, tmp_path, kind):
    with tarfile.open(copy, "a") as archive:
        member = tarfile.TarInfo("lake/ties/x")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(TableError, match="not a backup"):
        restore(copy, tmp_path / "new", key_of(company))


def test_a_full_disk_leaves_no_half_backup(company, tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with open_workspace(company.settings) as ws, pytest.raises(TryLaterError, match="Make room"):
        backup(ws, tmp_path / "copy.tar")
    assert not list(tmp_path.glob("*.tar*")) + list(tmp_path.glob(".*tar*"))
