"""The OpenAPI document: committed, stable, complete; its page shows every route and loads nothing from elsewhere."""

import json
import re
from pathlib import Path

import pytest

from api import problems
from api.app import create_app
from api.document import text_of
from pipelines.settings import Settings

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"

NOT_A_SCORE = {"Fact", "Figure", "KeySet", "Part", "Priority"}
"""Counts that were seen, measures of the company and of sets, parts of a judgement of a team, weights of skills: no person's percentile."""


@pytest.fixture(scope="module")
def document():
    return create_app(Settings()).openapi()


@pytest.fixture(scope="module")
def operations(document):
    return [(f"{method} {path}", one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_the_committed_document_is_the_one_of_this_program(document):
    """After a change of the API: make openapi, and look at the difference."""
    committed = COMMITTED.read_text(encoding="utf-8")
    assert text_of(document) == committed, "The API changed. Run: make openapi"


def test_every_operation_has_its_own_id_a_tag_a_sentence_and_every_problem(operations):
    ids = [one["operationId"] for _, one in operations]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", one) for one in ids), ids
    for name, one in operations:
        assert one["tags"], name
        assert len(one["description"]) > 10, name
        assert {str(status) for status, _ in problems.KINDS.values()} <= one["responses"].keys(), name
        for status, said in one["responses"].items():
            if status >= "4":
                own = {"application/json"} if (name, status) == ("get /readyz", "503") else set()  # it says what is not ready
                assert said["content"][problems.MEDIA_TYPE] == {"schema": {"$ref": "#/components/schemas/Problem"}}, name
                assert said["content"].keys() == {problems.MEDIA_TYPE} | own, name


def test_every_body_refuses_fields_that_it_does_not_know(document, operations):
    bodies = [(name, one["requestBody"]["content"]) for name, one in operations if "requestBody" in one]
    assert len(bodies) >= 10
    for name, content in bodies:
        assert set(content) == {"application/json"}, name
        model = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert document["components"]["schemas"][model]["additionalProperties"] is False, name


def test_no_model_holds_a_value_without_its_interval(document):
    bare = []
    for name, schema in document["components"]["schemas"].items():
        fields = schema.get("properties", {}).keys()
        if "value" in fields and not ({"low", "high"} <= fields or "standard_error" in fields):
            bare.append(name)
    assert set(bare) <= NOT_A_SCORE


def test_the_page_explains_every_route_and_every_object_and_loads_nothing_from_elsewhere(client, stranger, document, operations):
    assert stranger.get("/docs").status_code == 401
    page = client.get("/docs")
    assert page.status_code == 200
    for name, one in operations:
        assert f'id="{one["operationId"]}"' in page.text, name
    links = re.findall(r'href="#([^"]+)"', page.text)
    ids = set(re.findall(r'id="([^"]+)"', page.text))
    assert not [link for link in links if link not in ids]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "<script>" not in page.text


def test_the_document_that_is_served_is_the_committed_one(client):
    assert client.get("/api/v1/openapi.json").json() == json.loads(COMMITTED.read_text(encoding="utf-8"))


def test_meta_says_what_serves_here_and_no_secret(client, running):
    told = client.get("/api/v1/meta").json()
    assert told["single_user"] is True
    assert (told["mode"], told["role"], told["minimum_group"]) == ("standard", "analyst", 5)
    assert re.fullmatch("[0-9a-f]{12}", told["policy_id"])
    assert not [word for word in ("key", "url", "secret", "token", "path") if word in json.dumps(told)]
