"""Evidence tables: numbers on scales, never a comment, and every row in the account."""

from datetime import date

import pytest

from connectors.archive import FileError
from connectors.base import Coverage
from connectors.files.evidence import Config, Connector

HEADER = "ratee,rater,competency,rating,date,comment\n"


@pytest.fixture
def read(tmp_path):
    """Read a CSV text and check its account."""

    def ratings(text, name="peer_360.csv", **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        coverage = Coverage()
        found = list(Connector(Config(path=path, **options)).evidence(coverage))
        coverage.accepted = len(found)
        assert coverage.balanced
        return found, coverage

    return ratings


def test_a_rating_is_kept_with_its_scale_and_without_its_comment(read):
    (one,), _ = read(HEADER + "b@x.example,a@x.example,Coaching,4,2026-07-01,CANARY he is great\n")
    assert (one.source, one.facet, one.value, one.scale) == ("peer_360", "coaching", 4, (1, 5))
    assert (one.person, one.rater, one.day) == ("email:b@x.example", "email:a@x.example", date(2026, 7, 1))
    assert "CANARY" not in repr(one) + str([getattr(one, name) for name in one.__dataclass_fields__])


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ("b@x.example,a@x.example,x,6,2026-07-01,", "outside_scale"),
        ("b@x.example,a@x.example,x,0.99,2026-07-01,", "outside_scale"),
        ("b@x.example,a@x.example,x,,2026-07-01,", "value_missing"),
        ("b@x.example,a@x.example,x,nan,2026-07-01,", "number_out_of_range"),
        ("b@x.example,a@x.example,x,good,2026-07-01,", "number_unreadable"),
        ("b@x.example,a@x.example,x,4,,", "date_missing"),
        ("b@x.example,a@x.example,x,4,03/04/2026,", "date_ambiguous"),
        (",a@x.example,x,4,2026-07-01,", "person_missing"),
        ("b@@x,a@x.example,x,4,2026-07-01,", "address_at"),
        (f"b@x.example,a@x.example,{'x' * 101},4,2026-07-01,", "label_unreadable"),
        ("b@x.example,a@x.example,x,4", "column_count"),
    ],
)
def test_a_row_that_cannot_count_is_quarantined_with_its_reason(read, cells, code):
    found, coverage = read(HEADER + cells + "\n")
    assert (found, dict(coverage.quarantined)) == ([], {code: 1})


def test_a_scale_may_stand_in_the_settings_or_in_columns_and_has_to_rise(read):
    table = "ratee,rater,rating,scale_min,scale_max,date\nb@x.example,a@x.example,80,{},2026-07-01\n"
    assert read(table.format("0,100"))[0][0].scale == (0, 100)
    assert read(HEADER + "b@x.example,a@x.example,x,7,2026-07-01,\n", scale=(1, 10))[0][0].scale == (1, 10)
    assert dict(read(table.format("5,5"))[1].quarantined) == {"scale_unreadable": 1}


def test_a_thank_you_to_several_is_shared_and_its_points_are_not_read(read):
    table = "giver,receivers,date,points_given,message\na@x.example,b@x.example; c@x.example,2026-07-02,500,CANARY\n"
    found, _ = read(table, "recognition.csv")
    assert [(one.person, one.value, one.weight) for one in found] == [("email:b@x.example", 1, 0.5), ("email:c@x.example", 1, 0.5)]


def test_a_crowd_of_receivers_is_no_thank_you(read):
    crowd = ";".join(f"p{n}@x.example" for n in range(101))
    _, coverage = read(f"giver,receivers,date\na@x.example,{crowd},2026-07-02\n", "recognition.csv")
    assert dict(coverage.quarantined) == {"too_many_receivers": 1}


def test_satisfaction_is_of_a_team_unless_one_agent_answered(read):
    table = "ticket_id,team,agent,csat,answers,date\n1,Support,,4,12,2026-07-05\n2,Support,E7,5,,2026-07-05\n"
    team, agent = read(table, "csat.csv")[0]
    assert (team.team, team.person, team.weight) == ("Support", None, 12)
    assert (agent.team, agent.person, agent.weight) == (None, "id:hr/E7", 1)


def test_rows_without_ids_and_raters_stay_apart(read):
    table = "team,csat,date\nSupport,4,2026-07-05\nSupport,4,2026-07-05\n"
    assert len({one.id for one in read(table, "csat.csv")[0]}) == 2


def test_the_words_of_a_table_are_mapped_to_facets(read):
    found, _ = read(HEADER + "b@x.example,a@x.example,HELPS others ,4,2026-07-01,\n", facets={"Helps Others": "helper"})
    assert found[0].facet == "helper"


def test_a_table_that_does_not_say_what_it_is_about_is_refused(read):
    with pytest.raises(FileError, match="source_missing"):
        read(HEADER, "q3.csv")
    assert read(HEADER + "b@x.example,a@x.example,x,4,2026-07-01,\n", "q3.csv", source="peer_360")[0]


def test_columns_are_mapped_and_a_map_that_does_not_fit_is_refused(read):
    table = "who;by;mark;on\nb@x.example;a@x.example;4;2026-07-01\n"
    assert read(table, columns={"person": "Who", "rater": "By", "value": "mark", "day": "on"})[0][0].value == 4
    for wrong in ({"person": "nobody"}, {"comment": "mark"}):
        with pytest.raises(FileError, match="columns_"):
            read(table, columns={"day": "on"} | wrong)


def test_a_folder_tells_its_sources_by_file_names(tmp_path):
    for name in ("csat-may.csv", "Peer-360 round 2.csv", "notes.txt"):
        (tmp_path / name).write_text(HEADER)
    assert Connector(Config(path=tmp_path)).sources() == ("csat", "peer_360")
