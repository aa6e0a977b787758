"""Requests that nobody thought of, made from the OpenAPI document, as each role: no fault, no answer off the schema, no door left open."""

import importlib.util
import sys
from pathlib import Path

import pytest
import schemathesis
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from api.app import create_app
from api.auth import COOKIE, CSRF_HEADER
from pipelines.access import LOCAL_ANALYST
from pipelines.access.rights import Role
from pipelines.access.sessions import csrf_token, open_session, view_as
from pipelines.schema import ATTEMPTS

BASE = "http://127.0.0.1:8765"

EVERY = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
]
"""Left out: positive_data_acceptance and missing_required_header. A body may fit the schema and still mean nothing here, as a window that
ends on a Tuesday, and no route requires a header."""


def application(home: Path):
    """The small company, served without a worker and without a limit on how often one may ask."""
    path = Path(__file__).parents[1] / "fixtures" / "sealed_scan.py"
    spec = importlib.util.spec_from_file_location("sealed_scan", path)
    module = sys.modules.setdefault("sealed_scan", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    company = module.build(home, people=35)
    return create_app(company.settings.model_copy(update={"reads_per_minute": 10**9})), company


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    app, company = application(tmp_path_factory.mktemp("fuzzed") / "home")
    with TestClient(app, base_url=BASE):
        app.state.beside.attend = lambda: None
        yield app, company


@pytest.fixture(scope="module")
def document(served):
    schema = schemathesis.openapi.from_dict(served[0].openapi())
    schema.app = served[0]
    return schema


def signed_in(served, role):
    """Headers of a session of the local operator, acting as somebody of this role."""
    app, company = served
    token = open_session(app.state.ws, LOCAL_ANALYST.subject, Role.ANALYST)
    if role is not Role.ANALYST:
        view_as(app.state.ws, token, role, company.persons[9])
    own = {"Origin": BASE, "Sec-Fetch-Site": "same-origin", CSRF_HEADER: csrf_token(token)}
    return own | {"Cookie": f"{COOKIE}={token}"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_to_any_route_breaks_the_service_or_its_schema(served, document, mode):
    walk(served, document, Role.ANALYST, mode, examples=1)


@pytest.mark.soak
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("number", range(3))
def test_no_request_of_any_role_breaks_the_service_or_its_schema(served, document, role, mode, number):
    walk(served, document, role, mode, examples=40, number=number)


def walk(served, document, role, mode, *, examples, number=None):
    """Send so many requests to every operation."""
    headers = signed_in(served, role)
    quiet = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "derandomize": number is None}
    ws, walked, broken = served[0].state.ws, 0, []
    for found in document.get_all_operations():
        operation = found.ok()
        if not (operation.query or operation.path_parameters or operation.body or operation.headers) and mode is GenerationMode.NEGATIVE:
            continue  # nothing about it can be wrong

        @settings(max_examples=examples, phases=[Phase.generate], **quiet)
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case):
            with ws.service.begin(counts=False) as connection:
                connection.execute(sa.delete(ATTEMPTS))  # so that every wrong token is refused for being wrong, none for its number
            case.call_and_validate(base_url=BASE, headers=headers, checks=EVERY)

        try:
            (send if number is None else seed(number)(send))()
        except FailureGroup as failures:
            broken += [f"{operation.method.upper()} {operation.path}: {one}" for one in failures.exceptions]
        walked += 1
    assert walked > 40
    assert not broken, "\n\n".join(broken)
