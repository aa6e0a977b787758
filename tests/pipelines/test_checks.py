"""What a scan says about how far it holds: cheap checks always, costly ones when asked for, nothing of a confidential file kept."""

from datetime import datetime

import pytest

from ona.errors import SettingsError
from ona.rules import Rules
from ona.simulate.company import company
from pipelines import checks, doctor, scans
from pipelines.checks import Wanted
from pipelines.intake import simulated
from pipelines.keys import create_key
from pipelines.settings import load_settings, write_template
from pipelines.storage.workspace import open_workspace

NOW = datetime(2026, 8, 12, 12)
"""The seventh simulated week: six are over, the events of the last four are still held."""

SIMULATED = company(people=90, weeks=6, seed=5)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("checked") / "home"
    write_template(place)
    with (place / "ona.toml").open("a", encoding="utf-8") as file:
        file.write("deterministic_ids = true\n")  # so that the same people are in the groups of the file below
    create_key(place / "key")
    with open_workspace(load_settings(place), now=lambda: NOW) as ws:
        simulated.stream(ws, SIMULATED)
        scans.run(ws, Rules(weeks=6, n_resamples=20))
    return place


@pytest.fixture
def ws(home):
    with open_workspace(load_settings(home), now=lambda: NOW) as opened:
        yield opened


@pytest.fixture
def file(tmp_path, ws):
    """A file of groups: every second person in group zyx, every second one of each group nominated, and one stranger."""
    handles = sorted(handle for _, handle in ws.vault.aliases())  # not by token: those follow from the key of the day
    lines = [f"{one},{'zyx' if k % 2 else 'wvu'},{'yes' if k % 4 < 2 else 'no'}" for k, one in enumerate(handles)]
    path = tmp_path / "groups.csv"
    path.write_text("\n".join(["Email,Guild,Nominated", *lines, "nobody@else.example,zyx,no"]) + "\n", encoding="utf-8")
    return path


def test_every_scan_says_how_far_it_holds_in_sentences_and_figures(ws):
    found = scans.open_scan(ws).quality["checks"]
    assert any("group of 30 people" in one or "times as often" in one for one in found["says"])
    groups = {(one["attribute"], one["group"]) for one in found["fairness"]["helper"]}
    assert ("working time", "full-time") not in groups or ("working time", "part-time") in groups
    assert all(one["people"] >= 30 for rows in found["fairness"].values() for one in rows)
    printed = "\n".join(doctor.quality_in_words(scans.open_scan(ws).quality, []))
    assert "How far it holds" in printed
    assert found["says"][0] in printed


def test_costly_checks_are_sealed_as_another_scan_of_the_same_scores(ws, file):
    plain = scans.open_scan(ws)
    checked = scans.check(ws, Wanted(nulls=3, groups=file))
    assert checked.id != plain.id
    assert scans.score_hash(checked) == scans.score_hash(plain)
    found = checked.quality["checks"]
    assert set(found["nulls"]) == {"degree", "mixing", "team_sizes"}
    assert all(one["upper_quarter"] <= one["judged"] for one in found["nulls"].values())
    assert len(found["held_events"]["weeks"]) >= 4
    assert len(found["held_events"]["variants"]) == len(checks.VARIANTS)
    times = found["held_events"]["times"]
    assert times["dealt_anew"]["asks"] < times["as_seen"]["asks"]  # answers no longer follow their questions
    assert "1 rows of the file of groups belong to nobody known." in found["says"]
    guild = next(one for one in found["fairness"]["helper"] if one["attribute"] == "guild")
    assert guild["opportunity"] is not None
    assert scans.check(ws, Wanted(nulls=3, groups=file)).id == checked.id
    content = b"".join(path.read_bytes() for path in checked.folder.iterdir())
    handles = [line.split(",")[0].encode() for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    assert not any(handle in content for handle in handles)  # nobody of the confidential file is named


def test_a_file_of_groups_without_its_column_or_missing_is_refused(ws, tmp_path):
    with pytest.raises(SettingsError, match="not there"):
        checks.read_groups(ws, tmp_path / "none.csv")
    (tmp_path / "odd.csv").write_text("who,group\na,b\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="no column email"):
        checks.read_groups(ws, tmp_path / "odd.csv")
