"""The engine reads the lake and nothing else, and gives the same rows in the same order."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ona.errors import TableError
from pipelines.engine.duckdb import Engine


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Give a folder with one file, and a file beside the folder."""
    folder = tmp_path / "lake"
    folder.mkdir()
    for place in (folder / "inside.parquet", tmp_path / "outside.parquet"):
        pq.write_table(pa.table({"number": [3, 1, 2]}), place)
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    return folder


def test_it_reads_files_of_the_lake_and_sorts_by_key(lake):
    with Engine(lake) as engine:
        assert engine.collect(engine.read([lake / "inside.parquet"]), ["number"])["number"].to_pylist() == [1, 2, 3]


def test_it_keeps_and_releases_intermediate_results(lake):
    with Engine(lake) as engine:
        kept = engine.persist(engine.frame(pa.table({"a": [1, 2]})))
        assert engine.collect(kept, ["a"]).num_rows == 2
        engine.release()
        with pytest.raises(duckdb.Error):
            kept.collect()


def test_a_file_outside_the_lake_is_refused(lake):
    with Engine(lake) as engine, pytest.raises(duckdb.PermissionException):
        engine.read([lake.parent / "outside.parquet"])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{0}/secret.csv')",
        "SELECT * FROM '{0}/secret.csv'",
        "SELECT * FROM sniff_csv('{0}/secret.csv')",
        "SELECT * FROM read_text('{0}/secret.csv')",
        "SELECT * FROM read_blob('{0}/secret.csv')",
        "SELECT * FROM glob('{0}/*')",
        "COPY (SELECT 1) TO '{0}/out.csv'",
        "CREATE TABLE t (a INT, b INT); COPY t FROM '{0}/secret.csv'",
        "ATTACH '{0}/other.duckdb'",
        "EXPORT DATABASE '{0}/dump'",
        "IMPORT DATABASE '{0}/dump'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('https://localhost/x.parquet')",
        "SET enable_external_access = true",
        "SET threads = 1",
        "RESET memory_limit",
    ],
)
def test_every_way_out_is_closed(lake, statement):
    """The list of trust, section 4; DuckDB 2.0."""
    with Engine(lake) as engine, pytest.raises(duckdb.Error):
        engine._connection.execute(statement.format(lake.parent)).fetchall()


def test_a_damaged_file_is_named_as_such_without_its_content(lake):
    (lake / "inside.parquet").write_bytes(b"PAR1 not really PAR1")
    with Engine(lake) as engine, pytest.raises(TableError, match="missing or damaged"):
        engine.collect(engine.read([lake / "inside.parquet"]), ["number"])


def test_nothing_to_read_is_an_error_that_says_what_to_do():
    with Engine() as engine, pytest.raises(TableError, match="pull events first"):
        engine.read([])


def test_what_it_spilled_is_gone_after_use(tmp_path):
    with Engine(scratch=tmp_path):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
