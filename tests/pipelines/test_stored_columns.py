"""Whatever is stored stands in the list of columns that operators read, and no column of the analysis can hold free text."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sealed_scan
import sqlalchemy as sa
from stored_columns import free_text, listed, of_words

from pipelines import scans, ties
from pipelines.intake import events
from pipelines.schema import METADATA
from pipelines.storage import vault
from pipelines.storage.lake import SCHEMAS

PARTS = ("Analysis tables", "Service database", "Vault")

ELSEWHERE = {"accounts", "absences", "holidays", "badges", "evidence"}
"""Tables that only pass between the parts of a scan; what they are made from lies in the service database."""


def database(metadata: sa.MetaData, *kinds: type) -> dict[str, tuple[list[str], list[str]]]:
    return {
        table.name: (
            [column.name for column in table.columns],
            [column.name for column in table.columns if isinstance(column.type, kinds)] or [""],
        )
        for table in metadata.tables.values()
    }


def analysis() -> dict[str, tuple[list[str], list[str]]]:
    tables = [table for name, table in SCHEMAS.items() if name not in ELSEWHERE]
    tables += [events.DIGESTS, ties.DROPPED, ties.MADE, scans.EDGES]
    return {table.name: (table.schema.names, of_words(table.schema)) for table in tables}


def test_every_table_and_column_stands_in_the_list():
    found = (analysis(), database(METADATA, sa.String, sa.JSON), database(vault.METADATA, sa.LargeBinary))
    for part, tables in zip(PARTS, found, strict=True):
        assert tables == listed(part), part


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return sealed_scan.build(tmp_path_factory.mktemp("columns") / "home", people=35).settings.home


def test_the_files_of_a_scan_hold_listed_columns_and_codes_alone(home):
    assert len(list(home.rglob("*.parquet"))) >= len(scans.TABLES)
    assert free_text(home) == []


def test_a_sentence_in_a_file_and_a_column_that_is_not_listed_are_found(tmp_path):
    pq.write_table(pa.table({"person": [1], "fact": ["asked about the merger"], "subject": ["x"]}), tmp_path / "facts.parquet")
    assert sorted(free_text(tmp_path)) == ["facts.fact: asked about the merger", "facts.parquet.subject"]
