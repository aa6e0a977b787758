"""Parts appear whole or not at all, and equal rows are equal bytes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ona.errors import TableError, TryLaterError
from ona.tables import SPACE_WEEKS
from pipelines.storage.lake import Lake
from pipelines.storage.service import open_service


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    service = open_service(f"sqlite:///{tmp_path}/s.sqlite")
    yield Lake(tmp_path / "lake", service)
    service.close()


def weeks(n: int = 50, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns = {
        "week": pa.array(np.full(n, 20000, np.int32)).cast(pa.date32()),
        "space": pa.array(rng.permutation(n)),
        "roots": pa.array(rng.integers(0, 9, n), pa.uint32()),
        "top_share": pa.array(rng.random(n), pa.float32()),
        "speakers": pa.array(rng.integers(0, 9, n), pa.uint32()),
        "hours": pa.array([[i] * 168 for i in range(n)], pa.list_(pa.uint32())),
    }
    return pa.table([columns[name] for name in SPACE_WEEKS.schema.names], schema=SPACE_WEEKS.schema)


def files(lake: Lake) -> list[Path]:
    return [path for path in lake.root.rglob("*") if path.is_file()]


def test_what_is_written_is_read_sorted_by_its_key(lake: Lake) -> None:
    lake.write("space_weeks", "2026-W27", weeks())
    assert lake.read("space_weeks", verify=True) == weeks().sort_by("space")
    assert lake.parts("space_weeks") == ["2026-W27"]


def test_a_table_that_was_never_written_is_empty_but_has_its_columns(lake: Lake) -> None:
    assert lake.read("ties").schema.names[:3] == ["week", "source", "channel"]


def test_equal_rows_in_any_order_are_equal_bytes_and_leave_one_file(lake: Lake) -> None:
    first = lake.write("space_weeks", "p", weeks())
    version = lake.version("space_weeks")
    again = lake.write("space_weeks", "p", weeks().take(np.random.default_rng(1).permutation(50)))
    assert first == again
    assert lake.version("space_weeks") == version
    assert len(files(lake)) == 1


def test_other_rows_change_the_version_and_replace_the_file(lake: Lake) -> None:
    lake.write("space_weeks", "p", weeks())
    version = lake.version("space_weeks")
    lake.write("space_weeks", "p", weeks(seed=1))
    assert lake.version("space_weeks") != version
    assert files(lake) == lake.paths("space_weeks")


def test_a_staged_file_is_seen_by_nobody_and_swept_when_it_is_never_named(lake: Lake) -> None:
    lake.write("space_weeks", "p", weeks())
    lake.stage("space_weeks", "p", weeks(seed=1))
    lake.stage("space_weeks", "q", weeks(seed=2))
    (lake.temporary() / "half").write_bytes(b"x")
    assert lake.read("space_weeks") == weeks().sort_by("space")
    assert lake.sweep() == 2
    assert files(lake) == lake.paths("space_weeks")
    assert list(lake.temporary().iterdir()) == []


def test_a_damaged_or_missing_file_is_found_by_its_checksum(lake: Lake) -> None:
    lake.write("space_weeks", "p", weeks())
    [path] = lake.paths("space_weeks")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(TableError, match="damaged"):
        lake.read("space_weeks", verify=True)
    path.unlink()
    with pytest.raises(TableError, match="missing"):
        lake.read("space_weeks", verify=True)


def test_a_dropped_part_is_gone_with_its_file(lake: Lake) -> None:
    for part in ("p", "q"):
        lake.write("space_weeks", part, weeks())
    with lake.service.begin() as connection:
        lake.drop(connection, "space_weeks", ["p"])
    lake.sweep_table("space_weeks", ["p"])
    assert lake.parts("space_weeks") == ["q"]
    assert len(files(lake)) == 1


def test_files_are_durable_before_they_are_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of section 5.4: fsync the file, rename it, fsync its folder, then commit."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("folder" if Path(f"/proc/self/fd/{fd}").is_dir() else "file"), fsync(fd))[1])
    monkeypatch.setattr(Path, "rename", lambda self, target: (steps.append("rename"), rename(self, target))[1])
    staged = lake.stage("space_weeks", "p", weeks())
    assert steps[:3] == ["file", "rename", "folder"]
    assert lake.paths("space_weeks") == []
    lake.publish([staged])
    assert len(lake.paths("space_weeks")) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=False).returncode == 0
    )
    if not mounted:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_asks_to_try_later_and_leaves_no_half_file(tmp_path: Path, small_disk: Path) -> None:
    service = open_service(f"sqlite:///{tmp_path}/s.sqlite")
    lake = Lake(small_disk / "lake", service)
    lake.write("space_weeks", "p", weeks())
    before = lake.version("space_weeks")
    noise = weeks(20_000).set_column(
        5, "hours", pa.array(np.random.default_rng(0).integers(0, 2**32, (20_000, 168), np.uint32).tolist(), pa.list_(pa.uint32()))
    )
    with pytest.raises(TryLaterError, match="Make room"):
        lake.write("space_weeks", "q", noise)
    assert list(lake.temporary().iterdir()) == []
    assert lake.version("space_weeks") == before
    assert lake.read("space_weeks", verify=True).num_rows == 50
    lake.write("space_weeks", "q", weeks())
    service.close()
