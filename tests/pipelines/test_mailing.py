"""Nudges by mail, handed to a real server in a process of its own: one each, encrypted, never twice, to those who agreed alone."""

import email
import email.policy
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import mail_server
import pytest
import skilled_company
import sqlalchemy as sa

from ona.errors import ConnectorError, SettingsError
from pipelines import erasure
from pipelines.access import LOCAL_ANALYST, ReadableScan, Viewer
from pipelines.access.rights import Role
from pipelines.growth import mailing, nudges
from pipelines.intake import people
from pipelines.jobs import bodies
from pipelines.scans import open_scan
from pipelines.schema import CATALOGUE, NUDGE_MAILS, NUDGES, PEOPLE_ROWS
from pipelines.settings import Settings
from pipelines.smtp import Mail
from pipelines.storage.vault import Known
from pipelines.storage.workspace import open_workspace

PUBLIC = "https://ona.acme.example"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A company of which twenty agreed to steps; this quarter's are chosen."""
    home = tmp_path_factory.mktemp("mailing") / "home"
    company = skilled_company.build(home, people_count=45)
    with open_workspace(company.settings) as ws:
        ws.vault.link([Known((f"mail:p{n}@acme.example", f"email:p{n}@acme.example")) for n in range(45)])
        for person in company.persons[:20]:
            people.set_consent(ws, person, "nudge", granted=True)
        with ws.service.begin() as connection:
            course = {
                "item": "c1",
                "skill": "quality",
                "title": "Quality <in> ten\u00a0minutes",
                "minutes": 10,
                "url": "https://learn.example/q",
            }
            connection.execute(sa.insert(CATALOGUE).values(**course))
            connection.execute(sa.update(PEOPLE_ROWS).where(PEOPLE_ROWS.c.person.in_(company.persons[:10])).values(language="de"))
        nudges.make_nudges(ws, LOCAL_ANALYST, ReadableScan(open_scan(ws)))
    return home, company.persons


@pytest.fixture
def place(made, tmp_path):
    home, persons = made
    shutil.copytree(home, tmp_path / "home")

    @contextmanager
    def opened(mail):
        with open_workspace(with_mail(tmp_path / "home", mail)) as ws:
            yield ws

    opened.persons, opened.home = persons, tmp_path / "home"
    return opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with mail_server.serving(tmp_path_factory.mktemp("server") / "server") as server:
        yield server


@pytest.fixture
def server(shared):
    """Give the server with nothing taken and no rules."""
    (shared.folder / "arrived.jsonl").unlink(missing_ok=True)
    shared.rule({})
    return shared


def with_mail(home, mail):
    section = {"issuer": "https://login.acme.example", "client_id": "ona", "roles": {"A": "analyst"}}
    return Settings(home=home, deterministic_ids=True, sign_in=section, public_url=PUBLIC, mail=mail)


def mail_to(server, **more):
    given = {"host": "localhost", "port": server.port, "sender": "ona@acme.example", "user": mail_server.USER}
    given |= {"password": mail_server.PASSWORD, "authority": server.folder / "authority.pem"}
    return Mail(**given | more)


def offered(ws):
    return {row.person for row in ws.service.rows(sa.select(NUDGES).where(NUDGES.c.control.is_(False)))}


def states(ws):
    return {row.person: row.state for row in ws.service.rows(sa.select(NUDGE_MAILS))}


def number_of(place, person):
    return place.persons.index(person)


def test_each_gets_one_message_that_leads_to_a_page_and_nobody_else_gets_any(place, server):
    with place(mail_to(server)) as ws:
        wanted = {f"p{number_of(place, person)}@acme.example" for person in offered(ws)}
        found = mailing.mail_nudges(ws)
        assert (found.due, found.sent, found.waiting, found.failed, found.unsure) == (len(wanted), len(wanted), 0, 0, 0)
        taken = server.arrived()
        assert sorted(one["to"][0] for one in taken) == sorted(wanted)
        assert all(one["tls"] and one["user"] and len(one["to"]) == 1 for one in taken)
        assert mailing.mail_nudges(ws).due == 0
        assert len(server.arrived()) == len(wanted), "a second run sends nothing"
        held = {row.person for row in ws.service.rows(sa.select(NUDGES).where(NUDGES.c.control))}
        assert held
        assert not held & states(ws).keys(), "who is held out gets no mail"
        names = ws.vault.names(place.persons).values()
        for one in taken:
            message = email.message_from_string(one["text"], policy=email.policy.default)
            text = message.get_body().get_content()
            assert set(re.findall(r"https?://\S+", text)) == {f"{PUBLIC}/my-step", f"{PUBLIC}/me"}
            assert not [name for name in names if name in text]
            assert message["Auto-Submitted"] == "auto-generated"
        german = {one["to"][0] for one in taken if "Content-Language: de" in one["text"]}
        assert german == {f"p{n}@acme.example" for n in range(10)} & wanted
        ids = [email.message_from_string(one["text"])["Message-ID"] for one in taken]
        assert len(set(ids)) == len(ids)


def test_a_dry_run_counts_and_calls_nobody(place, server):
    with place(mail_to(server, port=1)) as ws:
        found = mailing.mail_nudges(ws, dry_run=True)
        assert (found.due, found.sent, found.dry_run) == (len(offered(ws)), 0, True)
        assert states(ws) == {}
    with place(None) as ws, pytest.raises(SettingsError, match=r"\[mail\]"):
        mailing.mail_nudges(ws)


def test_objecting_opting_out_and_answering_all_stop_the_mail(place, server):
    with place(mail_to(server)) as ws:
        first, second, third, fourth, *rest = sorted(offered(ws))
        people.withhold(ws, first)
        people.set_consent(ws, second, "nudge", granted=False)
        nudges.answer(ws, Viewer("p", Role.EMPLOYEE, person=third), "not_now")
        erasure.erase(ws, fourth)
        found = mailing.mail_nudges(ws)
        assert found.due == found.sent == len(rest)
        assert states(ws).keys() == set(rest)


def test_what_the_server_puts_off_is_tried_again_and_what_it_refuses_is_not(place, server):
    with place(mail_to(server)) as ws:
        later, never, *_ = sorted(offered(ws))
        addresses = [f"p{number_of(place, person)}@acme.example" for person in (later, never)]
        server.rule(dict(zip(addresses, ("451", "550"), strict=True)))
        found = mailing.mail_nudges(ws)
        assert (found.waiting, found.failed) == (1, 1)
        server.rule({})
        found = mailing.mail_nudges(ws)
        assert (found.due, found.sent) == (1, 1)
        assert states(ws)[later] == "sent"
        assert states(ws)[never] == "failed"
        assert sorted(one["to"][0] for one in server.arrived()).count(addresses[0]) == 1


def test_it_is_not_tried_for_ever(place, server):
    with place(mail_to(server)) as ws:
        for person in sorted(offered(ws))[1:]:
            people.set_consent(ws, person, "nudge", granted=False)
        (person,) = {one for one in offered(ws) if number_of(place, one) is not None and one == min(offered(ws))}
        server.rule({f"p{number_of(place, person)}@acme.example": "451"})
        for _ in range(mailing.MOST_TRIES - 1):
            with pytest.raises(ConnectorError, match="none of the messages"):
                mailing.mail_nudges(ws)
        assert mailing.mail_nudges(ws).failed == 1
        assert mailing.mail_nudges(ws).due == 0


def test_a_line_that_breaks_after_the_text_never_leads_to_a_second_message(place, server):
    with place(mail_to(server)) as ws:
        person = min(offered(ws))
        address = f"p{number_of(place, person)}@acme.example"
        server.rule({address: "drop"})
        found = mailing.mail_nudges(ws)
        assert found.unsure == 1
        server.rule({})
        mailing.mail_nudges(ws)
        everybody = [one["to"][0] for one in server.arrived()]
        assert everybody.count(address) == 1
        assert sorted(everybody) == sorted(set(everybody))
        assert "waiting" not in states(ws).values()


def test_a_server_that_is_away_or_not_trusted_stops_the_job_and_everything_waits(place, server, caplog):
    for wrong in ({"port": 1}, {"authority": None}, {"password": "wrong"}):
        with place(mail_to(server, **wrong)) as ws:
            with pytest.raises(ConnectorError, match="mail server") as error:
                bodies.mail_nudges(ws, {}, lambda *_: None)
            assert "@" not in str(error.value)
            assert states(ws) == {}
    with place(mail_to(server)) as ws:
        told = bodies.mail_nudges(ws, {}, lambda *_: None)
        assert told["sent"] == len(offered(ws))
    assert "@" not in caplog.text


def test_addresses_are_never_sent_in_the_clear_to_another_machine(tmp_path):
    with pytest.raises(ValueError, match="in the clear"):
        Mail(host="mail.acme.example", sender="a@b.example", security="none")
    assert Mail(host="127.0.0.1", sender="a@b.example", security="none").port == 587
    with pytest.raises(ValueError, match="sender"):
        Mail(host="m", sender="a@b\r\nBcc: c@d")
    with pytest.raises(ValueError, match="public_url"):
        Settings(home=tmp_path, mail={"host": "localhost", "sender": "a@b.example"})


@pytest.mark.parametrize("security", ["tls", "none"])
def test_tls_from_the_start_and_a_server_on_this_machine_work_too(place, tmp_path, security):
    with mail_server.serving(tmp_path / "other", security) as other, place(mail_to(other, security=security, user="")) as ws:
        assert mailing.mail_nudges(ws).sent == len(offered(ws))
        assert {one["tls"] for one in other.arrived()} == {security == "tls"}


def test_a_server_without_encryption_gets_nothing(place, tmp_path):
    with mail_server.serving(tmp_path / "open", "none") as other, place(mail_to(other)) as ws:
        with pytest.raises(ConnectorError, match="does not offer encryption"):
            mailing.mail_nudges(ws)
        assert other.arrived() == []


def test_killed_at_any_message_nobody_gets_two(place, server):
    """Killed while the server has the text and has not answered; later everybody else gets theirs, and that one none again."""
    with place(mail_to(server)) as ws:
        persons = sorted(offered(ws))
        addresses = [f"p{number_of(place, person)}@acme.example" for person in persons]
        server.rule({addresses[2]: "stall"})
    script = (
        "from pathlib import Path; from tests.pipelines.test_mailing import with_mail, Mail, mailing, open_workspace\n"
        f"authority = {str(server.folder / 'authority.pem')!r}\n"
        f"mail = Mail(host='localhost', port={server.port}, sender='ona@acme.example', authority=authority)\n"
        f"with open_workspace(with_mail(Path({str(place.home)!r}), mail)) as ws: mailing.mail_nudges(ws)\n"
    )
    environment = os.environ | {"PYTHONPATH": f"tests/fixtures{os.pathsep}."}
    process = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=environment)
    try:
        until = time.monotonic() + 60
        while not any(one["to"] == [addresses[2]] for one in server.arrived()):
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.rule({})
    with place(mail_to(server)) as ws:
        assert states(ws)[persons[2]] == "sending"
        later = replace(ws, now=lambda: ws.now() + timedelta(hours=1))
        mailing.mail_nudges(later)
        assert sorted(one["to"][0] for one in server.arrived()) == sorted(addresses)
        assert states(ws)[persons[2]] == "unsure"
