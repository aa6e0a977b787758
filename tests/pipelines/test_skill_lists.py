"""Full skill lists as ESCO and O*NET publish them: loaded side by side, found by word and by code, from a badge to the grid."""

import json
from datetime import timedelta

import pytest
import sealed_scan

from connectors.badges import open_badges
from ona.errors import TableError
from pipelines.access import LOCAL_ANALYST
from pipelines.access.skills import read_badges, read_grid
from pipelines.intake import skill_tables
from pipelines.intake.badges import pull_badges
from pipelines.intake.skill_tables import Target
from pipelines.scans import open_scan
from pipelines.storage.workspace import open_workspace

ESCO_HEADER = (
    "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,altLabels,hiddenLabels,status,modifiedDate,scopeNote,definition,"
    "inScheme,description\n"
)
"""First line of skills_en.csv as the ESCO portal gives it (version 1.2)."""

ADDRESS = "http://data.europa.eu/esco/skill/"
ESCO = (
    f'KnowledgeSkillCompetence,{ADDRESS}aaaa-1,skill/competence,sector-specific,operate drone,"fly drones\nuse unmanned aircraft",,'
    'released,2024-01-01,,,s,"CANARY, with a comma"\n'
    f"KnowledgeSkillCompetence,{ADDRESS}aaaa-2,skill/competence,transversal,show empathy-free listening,,,released,2024-01-01,,,s,CANARY\n"
    f"KnowledgeSkillCompetence,{ADDRESS}aaaa-3,knowledge,cross-sector,agile,scrum,,released,2024-01-01,,,s,CANARY\n"
    "KnowledgeSkillCompetence,,knowledge,cross-sector,without an address,,,released,2024-01-01,,,s,CANARY\n"
    "KnowledgeSkillCompetence,S1.2,knowledge,cross-sector,of no known list,,,released,2024-01-01,,,s,CANARY\n"
)
ONET = (
    "O*NET-SOC Code\tTitle\tElement ID\tElement Name\tScale ID\tData Value\n"
    "11-1011.00\tChief Executives\t2.A.1.a\tReading Comprehension\tIM\t4.12\n"
    "11-1011.00\tChief Executives\t2.A.1.a\tReading Comprehension\tLV\t4.63\n"
    "11-1011.00\tChief Executives\t2.B.1.f\tService Orientation\tIM\t3.12\n"
)
"""Skills.txt of the O*NET database: one row for each occupation, element and scale."""


@pytest.fixture
def place(tmp_path):
    company = sealed_scan.build(tmp_path / "home", people=35)
    with open_workspace(company.settings) as ws:
        yield ws, company, tmp_path


def load(place, text, name="list.csv"):
    ws, _, folder = place
    (folder / name).write_text(text, encoding="utf-8")
    return skill_tables.load(ws, "skills", folder / name)


def test_both_lists_load_as_they_are_published_and_stand_side_by_side(place):
    ws = place[0]
    found = load(place, ESCO_HEADER + ESCO)
    assert (found.kept, found.quarantined) == (3, {"code_missing": 1, "framework_missing": 1})
    found = load(place, ONET, "Skills.txt")
    assert (found.kept, found.duplicate, found.quarantined) == (2, 1, {})
    known = skill_tables.skill_tags(ws)
    assert (known["operate drone"].framework, known["fly drones"].match, known["use unmanned aircraft"].label) == (
        "ESCO",
        "close",
        "operate drone",
    )
    assert known["show empathy-free listening"].kind == "soft"
    assert known["2.a.1.a"].label == "reading comprehension"
    assert known[f"{ADDRESS}aaaa-1"].code == f"{ADDRESS}aaaa-1"
    assert "CANARY" not in str(known)
    load(place, ESCO_HEADER + ESCO.splitlines(keepends=True)[3])
    assert {one.framework for one in skill_tables.skill_tags(ws).values()} == {"ESCO", "O*NET"}, "a new ESCO list replaces ESCO alone"
    assert "operate drone" not in skill_tables.skill_tags(ws)


def test_a_list_without_codes_is_refused_and_an_own_list_names_itself(place):
    with pytest.raises(TableError, match="code"):
        load(place, "label,kind\nweaving,hard\n")
    found = load(place, "framework,code,label,kind,words\nAcme,W1,weaving,soft,basketry|loom work\nAcme,W2,knitting,both,\n")
    assert (found.kept, found.quarantined) == (1, {"unknown_kind": 1})
    assert skill_tables.skill_tags(place[0])["loom work"].label == "weaving"


def test_a_badge_aligned_by_code_fills_the_cell_of_its_skill(place):
    """A badge says ``Flight [ESCO address]`` and ``Kundenorientierung [2.B.1.f]``; the targets are in the words of the lists."""
    ws, _, folder = place
    load(place, ESCO_HEADER + ESCO)
    skill_tables.put_targets(ws, (Target("*", "operate drone", 1.0, 1.0), Target("*", "service orientation", 1.0, 1.0)))
    today = ws.now().date()
    achievement = {
        "id": "https://academy.example/a",
        "type": ["Achievement"],
        "name": "Pilot",
        "criteria": {"narrative": "x"},
        "description": "CANARY",
        "alignment": [
            {"type": ["Alignment"], "targetName": "Flight", "targetUrl": f"{ADDRESS}aaaa-1"},
            {"type": ["Alignment"], "targetName": "Kundenorientierung", "targetUrl": "https://onet.example", "targetCode": "2.B.1.f"},
            {"type": ["Alignment"], "targetName": "Odd", "targetCode": "a]b"},
            {"type": ["Alignment"], "targetName": ["x"], "targetCode": {"y": 1}},
        ],
    }
    credential = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "https://academy.example/c",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "https://academy.example", "type": ["Profile"], "name": "Academy"},
        "validFrom": f"{today - timedelta(days=9)}T00:00:00Z",
        "credentialSubject": {"id": "mailto:p9@acme.example", "type": ["AchievementSubject"], "achievement": achievement},
    }
    (folder / "badge.json").write_text(json.dumps(credential))
    connector = open_badges.Connector(open_badges.Config(path=folder / "badge.json"))
    ws.vault.link([sealed_scan_known(9)])
    pull_badges(ws, "open_badges", connector)
    scan = open_scan(ws)
    (held,) = [one for one in read_badges(ws, scan, LOCAL_ANALYST, limit=500).badges if one.name == "Pilot"]
    assert {(one.label, one.framework, one.code) for one in held.skills} == {
        ("operate drone", "ESCO", f"{ADDRESS}aaaa-1"),
        ("service orientation", "O*NET", "2.B.1.f"),
        ("odd", "own", "own:odd"),
        ("x", "own", "own:x"),
    }
    grid = read_grid(ws, scan, LOCAL_ANALYST, limit=500)
    place_of = {skill.label: at for at, skill in enumerate(grid.skills)}
    states = [row.cells[place_of["operate drone"]].state for row in grid.rows]
    assert states.count("partial") == 1, "stated by the holder, so not confirmed"


def sealed_scan_known(number):
    from pipelines.storage.vault import Known

    return Known((f"mail:p{number}@acme.example", f"email:p{number}@acme.example"))
