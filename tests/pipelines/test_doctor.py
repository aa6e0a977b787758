"""The examination: every line that a service needs, and what each says when it does not hold."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pipelines import doctor
from pipelines.growth import issuer
from pipelines.jobs import register
from pipelines.settings import SignIn, load_settings
from pipelines.storage.workspace import open_workspace

NOW = datetime(2026, 9, 28, 12)


def line(ws, name):
    (found,) = [one for one in doctor._service_checks(ws) if one.name == name]
    return found


def company(home, **changes):
    """Open a deployment whose people sign in."""
    section = {"issuer": "https://id.acme.example", "client_id": "ona", "roles": {"Ona.Analyst": "analyst"}} | changes
    sign_in = SignIn.model_validate(section)
    settings = load_settings(home).model_copy(update={"sign_in": sign_in, "public_url": "https://ona.acme.example"})
    return open_workspace(settings, lambda: NOW)


def test_the_lines_of_a_new_deployment_in_their_order(home):
    found = doctor.examine(home)
    looked_at = ["Python", "Settings", "Disk", "Key and databases", "Clock", "Worker", "Sign-in", "Figures"]
    looked_at += ["Credentials", "Connectors", "Scans"]
    assert [one.name for one in found if one.name in looked_at] == looked_at
    assert {one.name for one in found if not one.ok} == {"Connectors"}
    assert "[connectors.NAME]" in next(one.fix for one in found if one.name == "Connectors")


def test_a_clock_behind_what_was_written_here_is_named(open_at):
    with open_at(NOW) as ws:
        ws.service.add_scan("a" * 20, start=date(2026, 6, 29), end=date(2026, 9, 28), people=60, verdict="usable", created=NOW)
        assert line(ws, "Clock").ok
    with open_at(NOW - timedelta(hours=1)) as ws:
        found = line(ws, "Clock")
        assert not found.ok
        assert "2026-09-28 11:00" in found.fix
        assert "Set the clock" in found.fix


def test_a_company_without_a_worker_is_told_to_start_one_and_one_person_is_not(home, open_at):
    with open_at(NOW) as ws:
        assert line(ws, "Worker").found == "none; one starts with the first job"
    with company(home, client_secret="not-a-secret") as ws:
        assert "ona worker" in line(ws, "Worker").fix
        register.beat(ws, "w", NOW - timedelta(minutes=5), [])
        assert line(ws, "Worker").found == "alive"
    with open_workspace(load_settings(home), lambda: NOW + timedelta(minutes=2)) as ws:
        assert not register.is_attended(ws)


def test_a_sign_in_without_a_secret_is_named_and_with_one_it_is_not_shown(home):
    with company(home) as ws:
        assert "No client secret" in line(ws, "Sign-in").fix
    with company(home, client_secret="not-a-secret") as ws:
        found = line(ws, "Sign-in")
        assert found.found == "https://id.acme.example, 1 roles, at https://ona.acme.example"
        assert "not-a-secret" not in str(found)


def test_figures_say_who_may_read_them(home, tmp_path):
    with open_workspace(load_settings(home)) as ws:
        assert line(ws, "Figures").found == "for this machine"
    (tmp_path / "token").write_text("f" * 40)
    with open_workspace(load_settings(home).model_copy(update={"metrics_token_file": tmp_path / "token"})) as ws:
        assert line(ws, "Figures").found == "by token"
    (tmp_path / "token").write_text("short")
    with open_workspace(load_settings(home).model_copy(update={"metrics_token_file": tmp_path / "token"})) as ws:
        assert not line(ws, "Figures").ok


def test_a_disk_with_little_room_is_named(home, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE", 1 << 60)
    (found,) = [one for one in doctor.examine(home) if one.name == "Disk"]
    assert not found.ok
    assert "Make room" in found.fix


@pytest.mark.parametrize("missing", ["key", "home"])
def test_what_makes_later_checks_impossible_ends_the_list_with_its_reason(home, missing):
    if missing == "key":
        (home / "key").unlink()
        found = doctor.examine(home)
        assert (found[-1].name, found[-1].ok) == ("Key and databases", False)
    else:
        found = doctor.examine(home.parent / "nowhere")
        assert not found[-1].ok
    assert found[-1].fix


def test_the_key_of_credentials_is_there_read_by_nobody_else_and_not_too_old(home):
    with company(home, client_secret="not-a-secret") as ws:
        assert line(ws, "Credentials").found == "off"
        giving = ws.settings.model_copy(update={"credentials": "on"})
        on = replace(ws, settings=giving)
        assert "ona credentials key" in line(on, "Credentials").fix
        issuer.create(giving.issuer_key_file, today=date(2024, 1, 1))
        assert line(on, "Credentials").found == "on, signed as did:web:ona.acme.example with a key of 2024-01-01"
        giving.issuer_key_file.chmod(0o644)
        assert "can be read by others" in line(on, "Credentials").fix
        giving.issuer_key_file.chmod(0o600)
        years_on = replace(on, now=lambda: datetime(2027, 1, 1))
        assert "--rotate" in line(years_on, "Credentials").fix
        issuer.create(giving.issuer_key_file, again=True, today=date(2027, 1, 1))
        assert line(years_on, "Credentials").ok
        giving.issuer_key_file.write_text("{}")
        assert "damaged" in line(years_on, "Credentials").fix
