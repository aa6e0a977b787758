"""A table of days off gives spans of persons and sites, reads no reason, and counts every row it cannot use."""

from datetime import date
from pathlib import Path

import pytest

from connectors.archive import FileError
from connectors.base import Coverage, RawDaysOff
from connectors.files.days_off import Config, Connector
from connectors.identity import canonical

TABLE = """Employee ID,Email,Site,First day,Last day,Reason
7,,,2026-07-06,2026-07-17,secret illness
8,,Berlin,06.07.2026,,secret
,,Berlin,2026-10-03,,Unity
,,,2026-10-03,,nobody
9,,,2026-07-09,2026-07-06,backwards
9,,,,2026-07-06,no start
9,,,2026-07-06,2036-07-06,ten years
"""


def spans(folder: Path, text: str = TABLE, **settings: object) -> tuple[list[RawDaysOff], Coverage]:
    path = folder / "days_off.csv"
    path.write_text(text, encoding="utf-8")
    coverage = Coverage()
    return list(Connector(Config(path=path, **settings)).days_off(coverage)), coverage


def test_rows_are_spans_of_persons_or_sites_and_reasons_stay_behind(tmp_path):
    found, coverage = spans(tmp_path, date_order="dmy")
    july, unity = date(2026, 7, 6), date(2026, 10, 3)
    assert found == [
        RawDaysOff(july, date(2026, 7, 17), person="id:hr/7"),
        RawDaysOff(july, july, person="id:hr/8"),
        RawDaysOff(unity, unity, site="Berlin"),
    ]
    assert "secret" not in repr(found) + str([(one.first, one.last, one.person, one.site) for one in found])
    assert (coverage.read, coverage.quarantined) == (7, {"person_missing": 1, "span_unreadable": 2, "date_missing": 1})


def test_people_may_be_named_by_address_and_columns_by_any_name(tmp_path):
    found, _ = spans(tmp_path, "wer,ab,bis\nAnn.Bee@corp.example,2026-07-06,\n", columns={"person": "wer", "first": "ab", "last": "bis"})
    assert found == [RawDaysOff(date(2026, 7, 6), date(2026, 7, 6), person=canonical("ann.bee@corp.example"))]


@pytest.mark.parametrize(
    ("text", "settings"),
    [("site,until\nA,2026-07-06\n", {}), ("day\n2026-07-06\n", {}), (TABLE, {"columns": {"why": "reason"}}), ("", {})],
)
def test_a_table_without_days_or_anybody_is_refused_with_what_to_do(tmp_path, text, settings):
    with pytest.raises(FileError):
        spans(tmp_path, text, **settings)
