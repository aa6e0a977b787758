"""Requests that nobody thought of, made from the OpenAPI document, as each role: no fault, no answer off the schema, no door left open.

In every run one role, drawn by the seed of the run, asks every operation once; the sweep asks as all roles, many times, and follows the
links of the document from what was made or listed to what can be done with it.
"""

from functools import partial

import schemathesis
import sealed_scan
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from pytest import fixture, mark  # noqa: PT013 - the names below read as a table
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from signing_in import BASE, add_viewer, company_settings

from api.app import create_app
from api.auth import CSRF_HEADER, cookie_name
from pipelines.access import view_id
from pipelines.access.rights import Role
from pipelines.access.sessions import csrf_token, open_session
from pipelines.jobs.register import beat
from pipelines.schema import ATTEMPTS, VIEWERS

EVERY = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
]
"""Left out: positive_data_acceptance and missing_required_header. A body may fit the schema and still mean nothing here, as a window that
ends on a Tuesday, and no route requires a header."""

FOLLOWING = [*EVERY, checks.use_after_free]
"""In sequences also: what was deleted stays deleted. That a thing just made can be read is not asked: another role may be needed."""

PEOPLE = dict(zip(Role, range(9, 16), strict=True))
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "print_blob": False}


@fixture(scope="module")
def served(tmp_path_factory):
    """The small company with a viewer of each role, served without a worker and without a limit on how often one may ask."""
    company = sealed_scan.build(tmp_path_factory.mktemp("fuzzed") / "home", people=35)
    app = create_app(company_settings(company.settings).model_copy(update={"reads_per_minute": 10**9}))
    app.state.company = company
    with TestClient(app, base_url=BASE):
        app.state.beside.attend = lambda: None
        for role, at in PEOPLE.items():
            add_viewer(app.state.ws, role, role, person=company.persons[at])
        yield app


@fixture(scope="module")
def document(served):
    schema = schemathesis.openapi.from_dict(served.openapi())
    schema.app = served
    return schema


def signed_in(app, role):
    """Headers of a session in a role; whoever was disabled by an earlier request is active again."""
    ws = app.state.ws
    with ws.service.begin() as connection:
        connection.execute(sa.update(VIEWERS).values(state="active"))
    app.state.guests.forget_all()
    beat(ws, "a worker", ws.now(), [])
    token = open_session(ws, role, role)
    own = {"Origin": BASE, "Sec-Fetch-Site": "same-origin", CSRF_HEADER: csrf_token(token)}
    return own | {"Cookie": f"{cookie_name(ws.settings)}={token}"}


def forgive(app):
    """Let every wrong token be refused for being wrong, none for its number."""
    with app.state.ws.service.begin(counts=False) as connection:
        connection.execute(sa.delete(ATTEMPTS))


@mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_to_any_route_breaks_the_service_or_its_schema(request, served, document, mode):
    number = int(request.config.getoption("randomly_seed", 0) or 0)
    walk(served, document, list(Role)[number % len(Role)], mode, examples=1)


@mark.soak
@mark.parametrize("role", list(Role))
@mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@mark.parametrize("number", range(3))
def test_no_request_of_any_role_breaks_the_service_or_its_schema(served, document, role, mode, number):
    walk(served, document, role, mode, examples=10, number=number)


@mark.soak
@mark.parametrize("role", list(Role))
@mark.parametrize("number", range(3))
def test_no_sequence_of_requests_of_any_role_breaks_the_service_or_its_schema(served, document, role, number):
    follow(served, document, role, examples=25, number=number)


def test_links_lead_from_what_is_made_or_listed_to_what_can_be_done_with_it(served, document):
    """So that sequences have something to follow: an analyst of every run makes and follows a few."""
    answers = [answer for path in served.openapi()["paths"].values() for one in path.values() for answer in one["responses"].values()]
    links = [link for answer in answers for link in answer.get("links", ())]
    assert len(links) > 50
    follow(served, document, Role.ANALYST, examples=2, number=0)


def test_the_events_of_a_job_are_what_the_document_says(served, document):
    headers = signed_in(served, Role.ADMIN)
    job = document["/api/v1/pulls"]["POST"].Case(body={}, media_type="application/json").call(base_url=BASE, headers=headers).json()["id"]
    document["/api/v1/jobs/{job_id}"]["DELETE"].Case(path_parameters={"job_id": job}).call(base_url=BASE, headers=headers)  # it ends
    case = document["/api/v1/jobs/{job_id}/events"]["GET"].Case(path_parameters={"job_id": job})
    case.call_and_validate(base_url=BASE, headers=headers, checks=EVERY)


def walk(app, document, role, mode, *, examples, number=None):
    """Send so many requests to every operation."""
    walked, broken, is_meant = 0, [], mode is GenerationMode.POSITIVE and number is None
    for found in document.get_all_operations():
        operation = found.ok()
        if not (operation.query or operation.path_parameters or operation.body or operation.headers) and mode is GenerationMode.NEGATIVE:
            continue  # nothing about it can be wrong
        try:
            cases = operation.as_strategy(generation_mode=mode)
            send_many(app, signed_in(app, role), cases.map(partial(meant, app, role)) if is_meant else cases, examples, number)
        except FailureGroup as failures:
            broken += [f"{role} {operation.method.upper()} {operation.path}: {one}" for one in failures.exceptions]
        walked += 1
    assert walked > 60
    assert not broken, "\n\n".join(broken)


def meant(app, role, case):
    """Name what exists in the address, or the request would end at the door: a made-up id is nobody's."""
    ws, person = app.state.ws, app.state.company.persons[PEOPLE[Role.ANALYST]]
    known = {"scan_id": "latest", "team_id": "1", "person_id": view_id(ws.keys, role, app.state.company.scan, person)}
    case.path_parameters = {name: known.get(name, value) for name, value in (case.path_parameters or {}).items()}
    return case


def send_many(app, headers, cases, examples, number):
    """Send so many of these cases."""

    @settings(max_examples=examples, phases=[Phase.generate], derandomize=number is None, **QUIET)
    @given(case=cases)
    def send(case):
        forgive(app)
        case.call_and_validate(base_url=BASE, headers=headers, checks=EVERY)

    (send if number is None else seed(number)(send))()


def follow(app, document, role, *, examples, number):
    """Make so many sequences of requests along the links."""
    calls = []

    class Workflow(document.as_state_machine()):
        def setup(self):
            self.headers = signed_in(app, role)

        def before_call(self, case):
            forgive(app)
            calls.append(case.operation.label)

        def get_call_kwargs(self, case):
            return {"headers": self.headers, "base_url": BASE}

        def validate_response(self, response, case, additional_checks=(), **more):
            case.validate_response(response, checks=FOLLOWING, headers=self.headers, transport_kwargs={"base_url": BASE})

    run_state_machine_as_test(seed(number)(Workflow), settings=settings(max_examples=examples, stateful_step_count=8, **QUIET))
    assert len(set(calls)) > 1
