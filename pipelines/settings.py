"""The settings of one deployment, from HOME/ona.toml and ONA_* variables: the only reader of the environment."""

import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from ona.errors import SettingsError
from pipelines.smtp import Mail

DEFAULT_HOME = Path("ona-data")
"""Folder of a deployment when neither the caller nor ONA_HOME names one."""

FILE_NAME = "ona.toml"

ENVIRONMENT_ONLY = ("home", "key")
"""Never read from the file: the folder holds the file, and a secret must not lie in a file that is edited and copied."""

SECRETS = (("sign_in", "client_secret"), ("mail", "password"))
"""Section and name of what is never read from the file."""

CRON = r"^([0-9*/,-]+ ){4}[0-9*/,-]+$"

IGNORED_VARIABLES = ("ONA_TEST_", "ONA_BENCH_")
"""Prefixes of variables that belong to the test and benchmark runs, not to the settings."""


MINIMUM_GROUP = 5
"""No setting, no signature and no row takes the minimum group below this."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine: the only ones that may be spoken to without encryption."""

OPEN_NEEDS = ("dpia_ref", "policy_ref", "works_council_ref")
"""Settings without which nobody may be shown who did not agree to it."""

ENTRA_ISSUER = re.compile(r"https://[^/\s?#]+/(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0")
"""Version 2 endpoint of one tenant; that of several tenants would let in everybody's."""

RoleName = Literal["employee", "manager", "hr", "analyst", "admin", "auditor", "steward"]


SHORTEST_TOKEN = 32
"""Characters of a token that nobody guesses."""


class Mode(StrEnum):
    """How much of single people a deployment shows; chosen once, with the works council."""

    STRICT = "strict"  # groups only; of single people nothing but their own record
    STANDARD = "standard"  # people who opted in, in bands
    OPEN = "open"  # bands of everybody below a manager; needs recorded references


class SignIn(BaseModel):
    """How people sign in with the company's identity provider; without it one person works alone on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: Literal["openid", "entra"] = Field(
        default="openid",
        description="openid for any provider; entra for one tenant of Microsoft Entra ID, through Microsoft's own library.",
    )
    issuer: str = Field(pattern=r"^https?://[^\s?#]+$", description="Issuer, exactly as the provider writes it into its tokens.")
    client_id: str = Field(min_length=1, description="Id of this application at the provider.")
    client_secret: SecretStr | None = Field(default=None, description="Only as ONA_SIGN_IN__CLIENT_SECRET, never in the file.")
    client_secret_file: Path | None = Field(default=None, description="File that holds the secret, readable by its owner alone.")
    client_certificate: Path | None = Field(
        default=None, description="With entra, in place of a secret: PEM file of private key and certificate, readable by its owner alone."
    )
    role_claim: str = Field(default="roles", description="Claim that lists the application roles.")
    roles: dict[str, RoleName] = Field(min_length=1, description="Role here of each application role; what is not named gives no role.")
    person: Literal["email", "entra"] = Field(
        default="email", description="How a first sign-in finds the person: verified address, or account of Entra ID."
    )

    @model_validator(mode="before")
    @classmethod
    def _entra_finds_by_account(cls, values: object) -> object:
        is_entra = isinstance(values, dict) and values.get("provider") == "entra"
        return {"person": "entra", **values} if is_entra and isinstance(values, dict) else values

    @model_validator(mode="after")
    def _entra_is_one_tenant(self) -> "SignIn":
        if self.provider != "entra":
            if self.client_certificate is not None:
                raise ValueError("client_certificate is for provider entra; other providers take a secret")
        elif not ENTRA_ISSUER.fullmatch(self.issuer):
            raise ValueError("issuer of provider entra is https://login.microsoftonline.com/TENANT/v2.0 with the id of one tenant")
        elif self.role_claim != "roles":
            raise ValueError("provider entra gives application roles in the claim roles and in no other; groups are never read")
        return self

    @field_validator("issuer")
    @classmethod
    def _not_in_the_clear(cls, value: str) -> str:
        if value.startswith("http:") and urlsplit(value).hostname not in LOOPBACK:
            raise ValueError("has to begin with https://")
        return value


class Settings(BaseSettings):
    """Everything an operator may choose; the defaults run the demo."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="ONA_", env_nested_delimiter="__", hide_input_in_errors=True, validate_default=True
    )

    home: Path = Field(default=DEFAULT_HOME, description="Folder of this deployment.")
    key: SecretStr | None = Field(default=None, description="Root key, 32 bytes in hexadecimal or base64; else the key file is read.")
    key_file: Path = Field(default=Path(), description="File of the root key, readable by its owner alone. Default: HOME/key.")
    service_url: str = Field(default="", repr=False, description="Service database. Default: sqlite:///HOME/service.sqlite.")
    vault_url: str = Field(
        default="", repr=False, description="Vault: who is who, in its own database. Default: sqlite:///HOME/vault.sqlite."
    )
    zone: str = Field(default="UTC", description="Time zone of people whose own zone is not known, for instance Europe/Berlin.")
    company_domains: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="Mail domains of the company.")
    sign_in: SignIn | None = Field(default=None, repr=False, description="Section of the company's identity provider.")
    public_url: str = Field(default="", description="Address under which people reach the service, as https://ona.example; with [sign_in].")
    mail: Mail | None = Field(default=None, repr=False, description="Section of the server that takes mail; without it nothing is mailed.")
    proxies: tuple[str, ...] = Field(default=(), description="Addresses of reverse proxies whose X-Forwarded-For is believed.")
    reads_per_minute: int = Field(default=120, ge=1, description="Requests a minute that one viewer or token may make.")
    connectors: dict[str, dict[str, object]] = Field(default={}, repr=False, description="One section per connected system.")
    minimum_group: int = Field(
        default=MINIMUM_GROUP, ge=MINIMUM_GROUP, description="No number is shown about fewer people than this; at least 5."
    )
    mode: Mode = Field(default=Mode.STANDARD, description="How much of single people is shown: strict, standard or open.")
    dpia_ref: str = Field(default="", max_length=200, description="Where the data protection impact assessment lies; mode open needs it.")
    policy_ref: str = Field(default="", max_length=200, description="Where the company's policy on this service lies; mode open needs it.")
    works_council_ref: str = Field(
        default="", max_length=200, description="Where the agreement with the works council lies, or: none exists; mode open needs it."
    )
    buffer_days: int = Field(default=28, ge=21, le=100, description="Days that single events are kept; weekly tables stay.")
    keep_months: int = Field(default=13, ge=3, le=13, description="Months that weekly tables and scans are kept; at most 13.")
    audit_months: int = Field(
        default=24, ge=24, le=120, description="Months that requests for names and their answers are kept; at least 24."
    )
    audit_checkpoints: Path = Field(
        default=Path(), description="Where the audit log's checkpoints go, best on another machine. Default: HOME/audit-checkpoints.jsonl."
    )
    threads: int = Field(default=2, ge=1, le=1024, description="Threads of a scan.")
    memory_limit: str = Field(default="2GiB", pattern=r"^\d+(\.\d+)?(MiB|GiB|TiB|MB|GB|TB)$", description="Memory of the event engine.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of all chance in a scan.")
    deterministic_ids: bool = Field(default=False, description="Ids from the seed instead of chance; for the demo and tests only.")
    pull_schedule: str = Field(default="0 3 * * *", pattern=CRON, description="When the worker pulls: minute hour day month weekday, UTC.")
    scan_schedule: str = Field(default="0 5 * * 1", pattern=CRON, description="When the worker scans: minute hour day month weekday, UTC.")
    quarter_schedule: str = Field(
        default="0 7 5 1,4,7,10 *", pattern=CRON, description="When the worker scans the last complete quarter, in the same notation."
    )
    badge_schedule: str = Field(
        default="0 2 * * 0", pattern=CRON, description="When the worker checks all badges again, in the same notation."
    )
    mail_schedule: str = Field(
        default="20 7-15 * * 1-5", pattern=CRON, description="When the worker mails what waits, in the same notation; with [mail]."
    )
    credentials: Literal["off", "dry-run", "on"] = Field(
        default="off", description="Whether people may ask for a signed credential of their own; dry-run signs none."
    )
    credential_issuer: str = Field(default="", max_length=100, description="Name of the company that stands on a credential.")
    credential_months: int = Field(default=12, ge=1, le=12, description="Months that a credential is valid; at most 12.")
    issuer_key_file: Path = Field(default=Path(), description="File of the key that signs credentials. Default: HOME/issuer_key.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="How much is logged, as JSON lines on standard error; info has a line for every answer and job."
    )
    metrics_token_file: Path = Field(
        default=Path(), description="File with the token that GET /metrics asks for; without one it answers this machine only."
    )
    host: str = Field(default="127.0.0.1", description="Address that `ona serve` listens on.")
    port: int = Field(default=8765, ge=0, le=65535, description="Port that `ona serve` listens on; 0 takes a free one.")

    def metrics_token(self) -> str | None:
        """Read the token of the figures; None when no file is named.

        Raises SettingsError when the file cannot be read or holds too little to be a secret.
        """
        if self.metrics_token_file == Path():
            return None
        try:
            found = self.metrics_token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"The token file {self.metrics_token_file} cannot be read. Look at metrics_token_file.") from None
        if len(found) < SHORTEST_TOKEN:
            raise SettingsError(f"The token in {self.metrics_token_file} is shorter than {SHORTEST_TOKEN} characters. Make a longer one.")
        return found

    @classmethod
    def settings_customise_sources(  # the signature is pydantic's
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over variables, and variables over the file."""
        return init_settings, env_settings, _TomlFile(settings_cls, Path(init_settings().get("home", DEFAULT_HOME)))

    @model_validator(mode="before")
    @classmethod
    def _places_in_home(cls, values: dict[str, object]) -> dict[str, object]:
        home = Path(str(values.get("home", DEFAULT_HOME))).expanduser().absolute()
        places = {
            "key_file": home / "key",
            "issuer_key_file": home / "issuer_key",
            "service_url": f"sqlite:///{home}/service.sqlite",
            "vault_url": f"sqlite:///{home}/vault.sqlite",
            "audit_checkpoints": home / "audit-checkpoints.jsonl",
        }
        given = {name: value for name, value in values.items() if value != ""}
        return {**places, **given, "home": home}

    @field_validator("company_domains", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(str(name).strip().lower().rstrip(".") for name in names) if isinstance(names, list | tuple) else names

    @model_validator(mode="after")
    def _company_or_alone(self) -> "Settings":
        if (self.sign_in is None) != (not self.public_url):
            raise ValueError("[sign_in] and public_url belong together: set both for a company, neither for one person on this machine")
        return self

    @model_validator(mode="after")
    def _found_from_outside(self) -> "Settings":
        if self.mail is not None and not self.public_url:
            raise ValueError("[mail] needs public_url: a mail leads to a page of this service")
        if self.credentials == "off":
            return self
        missing = [name for name in ("public_url", "credential_issuer", "works_council_ref") if not getattr(self, name).strip()]
        if missing:
            raise ValueError(f"credentials need {', '.join(missing)}: who stands behind them, where they are checked, and the agreement")
        return self

    @model_validator(mode="after")
    def _open_with_references(self) -> "Settings":
        missing = [name for name in OPEN_NEEDS if not getattr(self, name).strip()]
        if self.mode is Mode.OPEN and missing:
            raise ValueError(
                f"mode open shows people who did not ask for it, so it needs {', '.join(missing)}: where each document lies, "
                'and for works_council_ref "none exists" where there is no works council'
            )
        return self

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        found = urlsplit(value)
        plain = found.scheme == "http" and found.hostname in LOOPBACK
        if value and (not (found.scheme == "https" or plain) or value != f"{found.scheme}://{found.netloc}" or "@" in value):
            raise ValueError("is an https:// address with a host and, if need be, a port, and nothing behind them")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a zone of the IANA time zone database, as Europe/Berlin is")
        return ZoneInfo(value).key


class _TomlFile(PydanticBaseSettingsSource):
    """The values of HOME/ona.toml."""

    def __init__(self, settings_cls: type[BaseSettings], home: Path) -> None:
        super().__init__(settings_cls)
        self.path = home.expanduser() / FILE_NAME

    def get_field_value(self, field: object, field_name: str) -> tuple[object, str, bool]:
        """Return nothing: the file is read whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        values = _read(self.path)
        for name in ENVIRONMENT_ONLY:
            if name in values:
                raise SettingsError(f"{self.path} sets {name!r}, which is never read from this file. Remove it and set ONA_{name.upper()}.")
        for section, secret in SECRETS:
            held = values.get(section)
            if isinstance(held, dict) and secret in held:
                variable = f"ONA_{section}__{secret}".upper()
                raise SettingsError(f"{self.path} holds a secret: {secret} of [{section}]. Remove it and set {variable} or {secret}_file.")
        return values


def load_settings(home: Path | None = None) -> Settings:
    """Read the settings of the deployment in ``home`` (else ONA_HOME, else ``ona-data`` here)."""
    _refuse_unknown_variables(os.environ)
    place = home or Path(os.environ.get("ONA_HOME") or DEFAULT_HOME)
    try:
        return Settings(home=place)
    except ValidationError as error:
        raise SettingsError(_sentence(error, place / FILE_NAME)) from None


def write_template(home: Path) -> Path:
    """Write an ona.toml in which every setting is explained and commented out; an existing file is left alone."""
    path = home / FILE_NAME
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(template(), encoding="utf-8")
    return path


def template() -> str:
    """Return the commented ona.toml: every setting with its meaning and default, and never a secret."""
    lines = [
        "# Settings of this deployment. Remove the '# ' before a line to change it. Every setting can also be given as a variable:",
        "# ONA_PORT=8080.",
    ]
    lines += ["# The root key is never written here: it is read from ONA_KEY or from the key file.", ""]
    for name, field in Settings.model_fields.items():
        if name not in (*ENVIRONMENT_ONLY, "connectors", "sign_in", "mail"):
            lines += [f"# {field.description}", f"# {name} = {_toml(field.default)}", ""]
    return "\n".join(
        [
            *lines,
            "# One section per connected system, for instance:",
            "# [connectors.mbox]",
            '# path = "inbox/mail.mbox"',
            "",
            *_section_lines(),
        ]
    )


def _section_lines() -> list[str]:
    """Explain the sections of the identity provider and of the mail server; their secrets are no part of the file."""
    sections: tuple[tuple[str, type[BaseModel], str], ...] = (
        ("sign_in", SignIn, "Sign-in with the company's identity provider"),
        ("mail", Mail, "Mail to people who agreed to it"),
    )
    lines = []
    for section, model, what in sections:
        secret = dict(SECRETS)[section]
        variable = f"ONA_{section}__{secret}".upper()
        lines += [f"# {what}; the secret is read from {variable} or from a file.", f"# [{section}]"]
        for name, field in model.model_fields.items():
            if name not in (secret, "roles"):
                value = "" if field.is_required() or field.default is None else field.default
                lines += [f"# {field.description}", f"# {name} = {_toml(value)}"]
        lines.append("")
    return [*lines, f"# {SignIn.model_fields['roles'].description}", "# [sign_in.roles]", '# "Ona.Analyst" = "analyst"', ""]


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case tuple():
            return "[]"
        case _:
            return f'"{"" if value == Path() else value}"'


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise SettingsError(f"{path} is not valid TOML: {where}. Correct it, or remove it and run: ona init") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {f"ONA_{name.upper()}" for name in Settings.model_fields}
    found = (name for name in environment if name.startswith("ONA_") and not name.startswith(IGNORED_VARIABLES))
    unknown = sorted(name for name in found if name.split("__")[0].upper() not in known)
    if unknown:
        raise SettingsError(f"There is no setting behind {', '.join(unknown)}. Known variables: {', '.join(sorted(known))}.")


def _sentence(error: ValidationError, path: Path) -> str:
    """Say which settings are wrong and what they should be, without their values."""
    parts = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(step) for step in fault["loc"])
        unknown = fault["type"] == "extra_forbidden"
        parts.append(f"{name!r} is not a setting" if unknown else f"{name}: {fault['msg'].removeprefix('Value error, ')}")
    return (
        f"Wrong settings: {'; '.join(parts)}. Look into {path} and the ONA_* variables. Settings are: {', '.join(Settings.model_fields)}."
    )
