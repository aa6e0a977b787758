"""The deployment files, read as data: images are pinned, settings and health paths exist, nothing runs as root or holds a secret."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer.main
import yaml
from pydantic import SecretStr

from pipelines.cli import app as cli
from pipelines.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = ("api", "worker", "api-postgres", "worker-postgres")
ON_POSTGRES = OURS[2:]
PROFILES = ("postgres", "observability")
DOCKERFILE = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
STEPS = [line.split(" ", 1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?")
URL_IN_PROBE = re.compile(r"http://127\.0\.0\.1:(\d+)(/[a-z]+)")
OTHERS_PORT = 9090  # of Prometheus, whose paths are its own


def steps(instruction: str) -> list[str]:
    """Return the arguments of every such instruction of the Dockerfile."""
    return [arguments.strip() for name, arguments in STEPS if name == instruction]


def verbs() -> set[str]:
    """Return the names of the CLI's verbs."""
    return set(typer.main.get_group(cli).commands)


def probes() -> list[tuple[int, str]]:
    """Return port and path of every HTTP health check, of the compose file and the image."""
    texts = [json.dumps(service["healthcheck"]["test"]) for service in SERVICES.values()] + [DOCKERFILE]
    return [(int(port), path) for text in texts for port, path in URL_IN_PROBE.findall(text) if int(port) != OTHERS_PORT]


def test_the_deployment_is_pages_and_worker_and_what_a_profile_adds():
    by_profile = {profile: {name for name, one in SERVICES.items() if profile in one.get("profiles", [])} for profile in PROFILES}
    assert {name for name, one in SERVICES.items() if "profiles" not in one} == {"api", "worker"}
    assert by_profile == {"postgres": {"api-postgres", "worker-postgres", "database"}, "observability": {"prometheus"}}
    assert SERVICES["database"]["image"].startswith("postgres:15.")


def test_only_what_runs_on_postgres_waits_for_it_and_holds_its_passwords():
    for name in OURS:
        assert ("depends_on" in SERVICES[name]) == (name in ON_POSTGRES), name
        assert any("pgpass" in secret for secret in SERVICES[name]["secrets"]) == (name in ON_POSTGRES), name


def test_prometheus_asks_the_loopback_address_of_the_pages_with_the_token_that_they_know():
    (asked,) = yaml.safe_load(COMPOSE["configs"]["prometheus"]["content"])["scrape_configs"]
    port = SERVICES["api"]["command"][SERVICES["api"]["command"].index("--port") + 1]
    assert asked["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    assert asked["metrics_path"] == "/metrics"
    assert SERVICES["prometheus"]["network_mode"] == "service:api"
    assert asked["authorization"]["credentials_file"] == SERVICES["api"]["environment"]["ONA_METRICS_TOKEN_FILE"]
    assert set(SERVICES["prometheus"]["secrets"]) <= set(SERVICES["api"]["secrets"])


def test_every_image_is_pinned_by_version():
    bases = [step.split(" ")[0] for step in steps("FROM")]
    images = [service["image"] for service in SERVICES.values()]
    assert [image for image in bases + images if not PINNED.fullmatch(image)] == []


def test_our_image_carries_the_version_of_the_project():
    assert {SERVICES[name]["image"] for name in OURS} == {f"ona-influence:{VERSION}"}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_with_a_value_that_it_takes(name, monkeypatch, tmp_path):
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, str(value))
    found = load_settings(tmp_path)  # unknown variables and wrong values are errors
    assert str(found.key_file) == "/run/secrets/key"
    assert found.service_url.startswith("postgresql" if name in ON_POSTGRES else "sqlite")


def test_variables_of_the_image_are_settings():
    ours = re.findall(r"\bONA_([A-Z_]+)=", DOCKERFILE)
    assert ours
    assert [name for name in ours if name.lower() not in Settings.model_fields] == []


@pytest.mark.parametrize("name", OURS)
def test_the_container_runs_a_verb_that_exists(name):
    assert SERVICES[name]["command"][0] in verbs()


def test_ports_agree_between_command_probe_image_and_host():
    command = SERVICES["api"]["command"]
    port = command[command.index("--port") + 1]
    host, outside, inside = SERVICES["api"]["ports"][0].split(":")
    assert (host, outside, inside) == ("127.0.0.1", port, port)
    assert steps("EXPOSE") == [port]
    assert {str(probed) for probed, _ in probes()} == {port}
    assert Settings.model_fields["port"].default == int(port)


def test_health_paths_are_answered_by_the_app(health_paths):
    assert {path for _, path in probes()} == {"/healthz", "/readyz"}
    assert {path for _, path in probes()} <= health_paths


@pytest.fixture
def health_paths(tmp_path):
    """Paths that the application answers to a stranger with 200, or 503 while it is not ready."""
    testclient = pytest.importorskip("fastapi.testclient")
    from api.app import create_app
    from pipelines.keys import create_key

    create_key(tmp_path / "key")
    with testclient.TestClient(create_app(load_settings(tmp_path)), base_url="http://127.0.0.1:8765") as client:
        return {path for path in ("/healthz", "/readyz") if client.get(path).status_code in (200, 503)}


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_is_root_or_writes_to_its_root_file_system(name):
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_says_how_it_is(name):
    assert {"test", "interval", "timeout", "retries"} <= set(SERVICES[name]["healthcheck"])


def test_secrets_are_files_and_each_is_used():
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    used = {name for service in SERVICES.values() for name in service["secrets"]}
    assert used == set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", SERVICES)
def test_no_variable_holds_a_secret(name):
    """A variable that is about a secret points to its file; no URL carries a password."""
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("KEY|PASSWORD|TOKEN|SECRET", variable):
            assert str(value).startswith("/run/secrets/"), variable
        assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), variable
    secret = [field for field, info in Settings.model_fields.items() if SecretStr in getattr(info.annotation, "__args__", ())]
    assert not {f"ONA_{field.upper()}" for field in secret} & set(SERVICES[name].get("environment", {}))


def test_service_and_vault_are_two_databases_with_two_credentials():
    environment = SERVICES["api-postgres"]["environment"]
    parts = [re.fullmatch(r"\S+://(\w+)@database/(\w+)\?passfile=(\S+)", environment[f"ONA_{name}_URL"]) for name in ("SERVICE", "VAULT")]
    service, vault = (part.groups() for part in parts if part)
    assert all(one != other for one, other in zip(service, vault, strict=True))


@pytest.mark.parametrize("name", ["service", "vault"])
def test_the_database_makes_what_the_settings_name(name):
    script = COMPOSE["configs"]["create_databases"]["content"]
    for statement in (
        f"CREATE ROLE ona_{name} LOGIN",
        f"CREATE DATABASE ona_{name} OWNER",
        f"REVOKE CONNECT ON DATABASE ona_{name} FROM PUBLIC",
    ):
        assert statement in script


def test_every_named_volume_and_secret_is_declared():
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service["volumes"]]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])


def test_the_image_installs_from_hashed_locks_only():
    installs = re.findall(r"pip\S* (?:--python \S+ )?install [^&]*", DOCKERFILE)
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert all((ROOT / lock).is_file() for lock in re.findall(r"locks/\w+\.txt", DOCKERFILE))


def test_the_image_ends_without_root_and_without_build_tools():
    assert steps("USER")[-1] == "10001:10001"
    assert steps("HEALTHCHECK")
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert "pip" not in last
    assert "apt-get" not in last
    assert "/opt/tools" not in last


def test_everything_that_is_copied_exists_and_reaches_the_build():
    allowed = {line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    sources = [source for step in steps("COPY") if not step.startswith("--from") for source in step.split(" ")[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {source.split("/")[0] for source in sources} == allowed
