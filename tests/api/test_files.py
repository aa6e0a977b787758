"""The same answer as a file: same rows and numbers, no formula, and none about single people without a purpose or out of the local mode."""

import csv
import io
from dataclasses import replace

import networkx as nx
import openpyxl
import pyarrow.parquet as pq
import pytest

from api.files import Wish
from ona.errors import ForbiddenError
from pipelines import audit
from pipelines.access import LOCAL_ANALYST
from pipelines.purposes import Purpose
from pipelines.sheets import parquet, sheet

PAYLOADS = [
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "+1", "+cmd|'/C calc'!A0", "-1", "-2+3", "@SUM(A1)", "\t=1", "\r=1",
    "＝1", "＋1", "－1", "＠x", "=IMPORTXML(A1)", "=WEBSERVICE(A1)", "@x", "=DDE(1)", '="a"&"b"', "+A1*2",
]  # fmt: skip
PEOPLE = "/api/v1/scans/latest/people?limit=50&purpose=mentoring"


def test_twenty_payloads_are_text_in_every_spreadsheet_and_untouched_in_parquet():
    rows = [[payload, -1.5] for payload in PAYLOADS]
    assert len(rows) == 20
    for one, number in list(csv.reader(io.StringIO(sheet("csv", ["a", "b"], rows).decode("utf-8-sig"), newline="")))[1:]:
        assert one.startswith("'")
        assert number == "-1.5"
    book = openpyxl.load_workbook(io.BytesIO(sheet("xlsx", ["a", "b"], rows)))
    for one, number in book["data"].iter_rows(min_row=2):
        assert (one.data_type, number.data_type) == ("s", "n")
        assert not str(one.value).startswith(tuple("=+-@\t\r"))
    assert pq.read_table(io.BytesIO(parquet(["a", "b"], rows)))["a"].to_pylist() == PAYLOADS


def test_a_list_of_people_has_the_same_rows_and_numbers_in_every_form(client):
    asked = client.get(PEOPLE).json()["people"]
    first = [(one["id"], one["score"]["value"]) for one in asked]
    text = client.get(f"{PEOPLE}&format=csv")
    read = list(csv.DictReader(io.StringIO(text.content.decode("utf-8-sig"), newline="")))
    assert [(one["id"], float(one["score.value"]) if one["score.value"] else None) for one in read] == first
    table = pq.read_table(io.BytesIO(client.get(f"{PEOPLE}&format=parquet").content))
    assert list(zip(table["id"].to_pylist(), table["score.value"].to_pylist(), strict=True)) == first
    assert table.schema.metadata[b"purpose"] == b"mentoring"
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{PEOPLE}&format=xlsx").content))
    assert book.sheetnames == ["data", "columns", "notes"]
    assert book["data"].freeze_panes == "B2"
    names = [cell.value for cell in book["data"][1]]
    assert [(row[0], row[names.index("score.value")]) for row in book["data"].iter_rows(min_row=2, values_only=True)] == first
    assert dict(book["columns"].values)["score.low"] == "Lower end of the interval."
    assert "Not for pay" in dict(book["notes"].values)["standing"]


def test_the_form_is_chosen_by_accept_and_a_copy_of_one_form_is_no_copy_of_another(client):
    text = client.get("/api/v1/teams", headers={"Accept": "text/csv"})
    json = client.get("/api/v1/teams", headers={"Accept": "application/json"})
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.headers["content-disposition"] == 'attachment; filename="teams.csv"'
    assert text.headers["vary"] == json.headers["vary"] == "Accept"
    assert text.headers["etag"] != json.headers["etag"]
    for _ in range(2):  # the second time out of memory
        again = client.get("/api/v1/teams", headers={"Accept": "text/csv", "If-None-Match": text.headers["etag"]})
        assert again.status_code == 304
    assert client.get("/api/v1/teams", headers={"Accept": "image/png"}).headers["content-type"] == "application/json"


@pytest.mark.parametrize(("kind", "read"), [("graphml", nx.read_graphml), ("gexf", nx.read_gexf)])
def test_a_map_read_back_has_the_marks_and_lines_of_the_answer(client, kind, read):
    told = client.get("/api/v1/teams/1/map").json()
    graph = read(io.BytesIO(client.get(f"/api/v1/teams/1/map?format={kind}&purpose=network_health").content))
    assert set(graph) == {node["id"] for node in told["nodes"]}
    lines = {frozenset((tie["source"], tie["target"])): tie["weight"] for tie in told["ties"]}
    weights = {frozenset((a, b)): float(line["weight"]) for a, b, line in graph.edges(data=True)}
    assert weights == pytest.approx(lines)


def test_a_file_about_single_people_needs_a_purpose_of_the_list_and_is_noted_each_time(client, running):
    for wrong in ("", "&purpose=promotion", "&purpose="):
        assert client.get(f"/api/v1/scans/latest/people?format=csv{wrong}").status_code == 422
    before = audit.count(running.state.ws)
    for _ in range(2):
        assert client.get(f"{PEOPLE}&format=csv").status_code == 200
    (last,) = audit.entries(running.state.ws, 1)
    assert audit.count(running.state.ws) >= before + 2
    assert (last.act.action, last.act.purpose) == ("export", "mentoring")


def test_in_a_company_such_a_file_leaves_only_by_request_and_approval(running):
    ws = running.state.ws
    company = replace(ws, settings=ws.settings.model_copy(update={"sign_in": object()}))
    with pytest.raises(ForbiddenError, match="request and approval"):
        Wish(None, None, "csv", Purpose.MENTORING).permit(company, LOCAL_ANALYST, "x")


def test_an_unknown_parameter_and_one_that_comes_twice_are_refused_and_not_echoed(client):
    for wrong in ("secretword=1", "scan=latest&scan=latest", "scan=latest&secretword"):
        answer = client.get(f"/api/v1/teams?{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
        assert "secretword" not in answer.text
        assert "scan, format" in answer.json()["detail"]
