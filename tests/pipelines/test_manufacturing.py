"""A real company's nine months of mail, brought by its analyst as an event table and a reporting tree."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "manufacturing_email"

SETTINGS = """
[connectors.people]
path = "{data}/reportsto.csv"
namespace = "works"
columns = {{ employee_id = "ID", manager = "ReportsToID" }}
kind_from_manager = {{ "technical email account - not used by employees" = "TECHNICAL", "former employee account" = "FORMER" }}

[connectors.events]
path = "{data}/communication.csv.gz"
sender = "Sender"
recipient = "Recipient"
time = "EventDate"
delimiter = ";"
zone = "Europe/Warsaw"
namespace = "works"
"""

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the manufacturing_email data set is not on this machine")


@dataclass(frozen=True)
class Works:
    """The company's deployment."""

    home: Path
    report: dict
    messages: int
    scan: Path


@pytest.fixture(scope="module")
def works(ona, tmp_path_factory):
    """The deployment after init, pull and scan through the command line."""
    home = tmp_path_factory.mktemp("works") / "home"
    assert ona("init", "--home", home).returncode == 0
    (home / "ona.toml").write_text(SETTINGS.format(data=DATA.resolve()), encoding="utf-8")
    pulled = ona("pull", "--home", home, "--json")
    assert pulled.returncode == 0, pulled.stderr
    messages = sum(pq.read_metadata(path).num_rows for path in (home / "lake" / "events").rglob("*.parquet"))
    scanned = ona("scan", "--home", home, "--weeks", 26, "--json")
    assert scanned.returncode == 0, scanned.stderr
    reports = {(o["connector"], o["gives"]): o["report"] for o in json.loads(pulled.stdout)}
    return Works(home, reports["events", "events"], messages, home / "scans" / json.loads(scanned.stdout)["scan"])


@pytest.fixture(scope="module")
def quality(ona, works):
    return json.loads(ona("quality", "--home", works.home, "--json").stdout)


def test_all_82927_rows_are_accounted_for_and_make_58463_messages(works):
    """Counts of the data set's own description: rows, distinct (sender, second) pairs."""
    report = works.report
    assert report["read"] == 82_927
    assert report["accepted"] + report["duplicate"] + sum(report["dropped"].values()) + sum(report["quarantined"].values()) == 82_927
    assert works.messages == 58_463


def test_technical_and_former_accounts_are_listed_here_and_never_scored(works, quality):
    with (DATA / "reportsto.csv").open(encoding="utf-8") as file:
        others = {row["ID"] for row in csv.DictReader(file) if "account" in row["ReportsToID"]}
    listed = {row["handle"].rpartition("/")[2] for row in quality["technical_accounts"]}
    assert others == listed
    assert len(others) == 13
    scores = pq.read_table(works.scan / "scores.parquet").to_pandas()
    assert scores[(scores.name == "broker") & scores.percentile.notna()].person.nunique() <= 154


def test_groups_are_cut_from_the_tree_so_that_all_hold_enough_people(works):
    """Amendment 13: subtrees above a quarter of the people are split, small ones merged upward."""
    people = pq.read_table(works.scan / "people.parquet").to_pandas()
    sizes = people[(people.kind == 1)].groupby("group").size()
    assert 4 <= len(sizes) <= 13
    assert sizes.max() <= 0.25 * 154 + 1
    assert sizes.min() >= 5


def test_the_helper_facet_of_a_company_with_mail_alone_is_experimental(works):
    """Amendment 4: evidence is shown, nobody is flagged."""
    flags = pq.read_table(works.scan / "flags.parquet").to_pandas()
    helpers = flags[flags.facet == "helper"]
    assert not helpers.flagged.any()
    assert "experimental" in set(helpers.reason)
    assert flags[flags.facet == "broker"].reason.isna().any()
