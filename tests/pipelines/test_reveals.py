"""No name is given out without a fresh sign-in, a purpose, a reason, somebody else's signature and an entry in the log first."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sealed_scan
import signing_in
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError, TooManyError, TryLaterError
from pipelines import audit, scans
from pipelines.access.policy import Viewer, view_id
from pipelines.access.rights import Role
from pipelines.intake import people
from pipelines.purposes import Purpose
from pipelines.rights import reveals
from pipelines.schema import AUDIT, REVEALS
from pipelines.storage.workspace import open_workspace

REASON = "Two teams lost their only link and nobody answers the invitation."
WANTED = 7


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = sealed_scan.build(tmp_path_factory.mktemp("reveals") / "home", people=21)
    return replace(made, settings=signing_in.company_settings(made.settings))


@pytest.fixture
def ws(built):
    with open_workspace(built.settings) as opened:
        yield opened
        with opened.service.begin() as connection:
            connection.execute(sa.delete(REVEALS))


@pytest.fixture
def scan(ws):
    return scans.open_scan(ws)


@pytest.fixture
def hr(ws):
    return Viewer("viewer-hr", Role.HR, roles=frozenset({Role.HR}), signed_in=ws.now())


@pytest.fixture
def steward():
    return Viewer("viewer-steward", Role.STEWARD, roles=frozenset({Role.STEWARD}))


def code_of(ws, scan, built, at=WANTED):
    return view_id(ws.keys, Role.HR, scan.id, built.persons[at])


def ask(ws, scan, built, hr, *, at=WANTED, purpose=Purpose.MENTORING, reason=REASON):
    return reveals.request(ws, hr, scan, code_of(ws, scan, built, at), purpose, reason)


def entries_of(ws, since):
    return [(e.act.action, e.act.result, e.act.object) for e in reversed(audit.entries(ws)) if e.seq > since]


def name_of(ws, built, at=WANTED):
    return ws.vault.names([built.persons[at]])[built.persons[at]]


def test_a_name_needs_a_request_and_a_signature_and_leaves_one_entry_of_each(ws, scan, built, hr, steward):
    before = audit.count(ws)
    asked = ask(ws, scan, built, hr)
    assert (asked.state, asked.reason, asked.view_id) == ("pending", REASON, code_of(ws, scan, built))
    with pytest.raises(ConflictError):
        reveals.read_name(ws, hr, asked.id)
    assert reveals.decide(ws, steward, asked.id, approve=True).state == "approved"
    assert reveals.read_name(ws, hr, asked.id).name == name_of(ws, built)
    person = str(built.persons[WANTED])
    found = entries_of(ws, before)
    assert found == [
        ("ask_reveal", "done", person),
        ("read_name", "refused", ""),
        ("decide_reveal", "done", person),
        ("release_name", "done", person),
    ]
    reveals.read_name(ws, hr, asked.id)
    assert entries_of(ws, before)[4:] == [("read_name", "done", person)]


def test_the_person_is_told(ws, scan, built, hr, steward):
    asked = ask(ws, scan, built, hr)
    assert reveals.notices(ws, built.persons[WANTED]) == ()
    reveals.decide(ws, steward, asked.id, approve=True)
    (told,) = reveals.notices(ws, built.persons[WANTED])
    assert (told.purpose, told.read) == ("mentoring", None)
    reveals.read_name(ws, hr, asked.id)
    assert reveals.notices(ws, built.persons[WANTED])[0].read is not None


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=1), None])
def test_an_old_sign_in_and_a_token_are_refused(ws, scan, built, hr, age):
    before = audit.count(ws)
    with pytest.raises(ForbiddenError, match="five minutes"):
        ask(ws, scan, built, replace(hr, signed_in=ws.now() - age if age else None))
    assert [(action, result) for action, result, _ in entries_of(ws, before)] == [("ask_reveal", "refused")]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.HR])
def test_only_hr_asks(ws, scan, built, hr, role):
    with pytest.raises(ForbiddenError):
        ask(ws, scan, built, replace(hr, role=role, person=built.persons[0]))


@pytest.mark.parametrize("reason", ["", "x" * 14, "a            b", "\x00" * 20])
def test_a_reason_is_said_in_words(ws, scan, built, hr, reason):
    with pytest.raises(ValueError, match="characters"):
        ask(ws, scan, built, hr, reason=reason)


def test_a_purpose_is_one_of_three(ws, scan, built, hr):
    assert [*Purpose] == ["mentoring", "network_health", "self_development"]
    with pytest.raises(ValueError, match="promotion"):
        ask(ws, scan, built, hr, purpose=Purpose("promotion"))


@pytest.mark.parametrize("code", ["0" * 16, "7F3A"])
def test_a_foreign_or_short_id_is_nobody(ws, scan, hr, code):
    with pytest.raises(NotFoundError):
        reveals.request(ws, hr, scan, code, Purpose.MENTORING, REASON)


def test_the_id_of_another_role_is_nobody(ws, scan, built, hr):
    analysts = view_id(ws.keys, Role.ANALYST, scan.id, built.persons[WANTED])
    with pytest.raises(NotFoundError):
        reveals.request(ws, hr, scan, analysts, Purpose.MENTORING, REASON)


def test_whoever_asked_and_whoever_administers_does_not_sign(ws, scan, built, hr, steward):
    asked = ask(ws, scan, built, hr)
    for signer in (replace(steward, subject=hr.subject), replace(steward, roles=frozenset({Role.STEWARD, Role.ADMIN})), hr):
        with pytest.raises(ForbiddenError):
            reveals.decide(ws, signer, asked.id, approve=True)
    assert reveals.asked(ws, hr)[0].state == "pending"


def test_nobody_signs_or_asks_while_only_looking_as_somebody(ws, scan, built, hr, steward):
    asked = ask(ws, scan, built, hr)
    with pytest.raises(ForbiddenError, match="only look"):
        reveals.decide(ws, replace(steward, acting=True), asked.id, approve=True)
    with pytest.raises(ForbiddenError, match="only look"):
        ask(ws, scan, built, replace(hr, acting=True), at=8)


def test_without_the_log_no_name_and_no_change(ws, scan, built, hr, steward):
    asked = ask(ws, scan, built, hr)
    with refusing_log(ws):
        with pytest.raises(TryLaterError, match="audit log"):
            reveals.decide(ws, steward, asked.id, approve=True)
        assert reveals.asked(ws, hr)[0].state == "pending"
    reveals.decide(ws, steward, asked.id, approve=True)
    with refusing_log(ws), pytest.raises(TryLaterError, match="audit log"):
        reveals.read_name(ws, hr, asked.id)
    assert ws.service.rows(sa.select(REVEALS.c.released))[0].released is None


class refusing_log:  # noqa: N801 - reads as a sentence where it is used
    """The log's table refuses every entry, as a full or broken store would."""

    def __init__(self, ws):
        self.ws = ws

    def __enter__(self):
        with self.ws.service.begin() as connection:
            connection.exec_driver_sql("CREATE TRIGGER down BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'down'); END")

    def __exit__(self, *_):
        with self.ws.service.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER down")


def test_of_signing_and_declining_at_one_moment_exactly_one_counts(ws, scan, built, hr, steward):
    asked = ask(ws, scan, built, hr)
    before = audit.count(ws)

    def decide(number):
        try:
            return reveals.decide(ws, replace(steward, subject=f"steward {number}"), asked.id, approve=number % 2 == 0).state
        except ConflictError:
            return "too late"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(decide, range(8)))
    assert outcomes.count("too late") == 7
    decided = [entry for entry in entries_of(ws, before) if entry[:2] == ("decide_reveal", "done")]
    assert len(decided) == 1
    assert audit.verify(ws).bad is None


def test_a_second_click_asks_once(ws, scan, built, hr):
    before = audit.count(ws)
    with ThreadPoolExecutor(4) as pool:
        asked = {one.id for one in pool.map(lambda _: ask(ws, scan, built, hr), range(4))}
    assert len(asked) == 1
    assert len(entries_of(ws, before)) == 1


def test_the_name_is_for_whoever_asked_and_for_one_day(built, scan, hr, steward):
    with open_workspace(built.settings) as ws:
        asked = ask(ws, scan, built, hr)
        reveals.decide(ws, steward, asked.id, approve=True)
        with pytest.raises(NotFoundError):
            reveals.read_name(ws, replace(hr, subject="another in HR"), asked.id)
        later = ws.now() + timedelta(hours=24, seconds=1)
    with open_workspace(built.settings, now=lambda: later) as ws:
        assert reveals.asked(ws, hr)[0].state == "expired"
        with pytest.raises(ConflictError):
            reveals.read_name(ws, hr, asked.id)


def test_a_request_nobody_signs_runs_out(built, scan, hr, steward):
    with open_workspace(built.settings) as ws:
        asked = ask(ws, scan, built, hr)
        later = ws.now() + timedelta(days=7, seconds=1)
    with open_workspace(built.settings, now=lambda: later) as ws, pytest.raises(ConflictError):
        reveals.decide(ws, steward, asked.id, approve=True)


def test_somebody_who_objects_is_nobody_and_a_name_not_read_yet_stays_unread(ws, scan, built, hr, steward):
    asked = ask(ws, scan, built, hr)
    reveals.decide(ws, steward, asked.id, approve=True)
    people.withhold(ws, built.persons[WANTED])
    try:
        with pytest.raises(ConflictError):
            reveals.read_name(ws, hr, asked.id)
        with pytest.raises(NotFoundError):
            ask(ws, scan, built, hr, purpose=Purpose.NETWORK_HEALTH)
    finally:
        people.show_again(ws, built.persons[WANTED])


def test_ten_a_day_for_one_and_fifty_for_all(ws, scan, built, hr):
    for at in range(10):
        ask(ws, scan, built, hr, at=at)
    with pytest.raises(TooManyError):
        ask(ws, scan, built, hr, at=10)
    for viewer in range(4):
        for at in range(10):
            ask(ws, scan, built, replace(hr, subject=f"hr {viewer}"), at=at)
    with pytest.raises(TooManyError):
        ask(ws, scan, built, replace(hr, subject="hr 5"))


def test_the_reason_is_not_readable_in_the_database(ws, scan, built, hr):
    ask(ws, scan, built, hr)
    stored = ws.service.rows(sa.select(REVEALS))[0]
    assert "invitation" not in stored.reason
    assert not [entry for entry in ws.service.rows(sa.select(AUDIT)) if "invitation" in "".join(map(str, entry))]
