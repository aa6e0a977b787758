"""What an operator may write, what is refused, and that no value is repeated."""

import tomllib
from pathlib import Path

import pytest

from ona.errors import SettingsError
from pipelines.settings import Settings, load_settings, template, write_template


def test_the_defaults_lie_in_the_home_folder(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.key_file == tmp_path / "key"
    assert settings.service_url == f"sqlite:///{tmp_path}/service.sqlite"
    assert settings.vault_url != settings.service_url
    assert settings.minimum_group == 5


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ona.toml").write_text('port = 9000\nthreads = 4\n[connectors.slack]\npath = "a.zip"\n')
    monkeypatch.setenv("ONA_PORT", "9001")
    monkeypatch.setenv("ONA_CONNECTORS__SLACK__TOKEN", "t")
    settings = load_settings(tmp_path)
    assert (settings.port, settings.threads) == (9001, 4)
    assert settings.connectors == {"slack": {"path": "a.zip", "token": "t"}}


def test_the_home_folder_comes_from_the_environment_when_nobody_names_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONA_HOME", str(tmp_path))
    assert load_settings().home == tmp_path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "'prot' is not a setting"),
        ("minimum_group = 4", "greater than or equal to 5"),
        ('zone = "Mars/Olympus"', "IANA"),
        ("buffer_days = 7", "greater than or equal to 21"),
        ('memory_limit = "much"', "memory_limit"),
        ('key = "x"', "never read from this file"),
        ('home = "x"', "never read from this file"),
        ("port = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "ona.toml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        load_settings(tmp_path)


def test_a_misspelt_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONA_MINIMUM_GRUOP", "50")
    with pytest.raises(SettingsError, match="ONA_MINIMUM_GRUOP"):
        load_settings(tmp_path)


def test_no_secret_shows_in_the_printed_settings_or_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONA_KEY", "canary-key")
    monkeypatch.setenv("ONA_CONNECTORS__SLACK__TOKEN", "canary-token")
    monkeypatch.setenv("ONA_SERVICE_URL", "postgresql+psycopg://u:canary-password@h/d")
    assert "canary" not in repr(load_settings(tmp_path))
    monkeypatch.setenv("ONA_PORT", "canary-port")
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path)
    assert "canary" not in str(error.value)


def test_the_template_shows_every_setting_but_no_secret_and_changes_nothing(tmp_path: Path) -> None:
    write_template(tmp_path)
    assert load_settings(tmp_path) == Settings(home=tmp_path)
    plain, _, sections = template().partition("# One section per")
    text = "\n".join(line.removeprefix("# ") for line in plain.splitlines() if " = " in line)
    assert set(tomllib.loads(text)) == set(Settings.model_fields) - {"home", "key", "connectors", "mail", "sign_in"}
    assert "client_secret =" not in sections
    assert "password =" not in sections
    (tmp_path / "ona.toml").write_text(text)
    assert load_settings(tmp_path) == Settings(home=tmp_path)


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ona.toml").write_text("port = 1")
    write_template(tmp_path)
    assert (tmp_path / "ona.toml").read_text() == "port = 1"


def test_company_domains_may_be_a_list_or_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ona.toml").write_text('company_domains = ["Acme.Example."]')
    assert load_settings(tmp_path).company_domains == ("acme.example",)
    monkeypatch.setenv("ONA_COMPANY_DOMAINS", "a.example, B.example")
    assert load_settings(tmp_path).company_domains == ("a.example", "b.example")
