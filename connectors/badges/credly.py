"""Badges of an organisation that issues through Credly, from its own feed: pending and refused ones are nobody's business."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from pydantic import Field

from connectors import network
from connectors.base import Coverage, Cursor, RawBadge
from connectors.cells import CellError
from connectors.http import Answer, Client, StatusError, Stream
from connectors.identity import AddressRules, HandleError, address_reader
from connectors.network import Plan, Surroundings
from connectors.pace import SAFETY
from connectors.pages import Page, PageError, each, walk
from connectors.records import NOTHING, Model, Raw, Text, day, label, present, read, read_list
from ona.errors import SettingsError

PER_MINUTE = 60.0
"""Calls a minute; Credly publishes no number, so a gentle one."""
MAX_SKILLS = 50

STATUS = {"accepted": "issuer-asserted", "revoked": "revoked", "suspended": "suspended"}
"""What the feed says of a badge → its status here; the feed is the issuer's own, read over TLS by the issuer's token."""
DROPPED = {"pending": "pending", "rejected": "refused_by_holder"}
"""A badge that its holder has not accepted, or has refused, is not shown to anybody."""

NOT_READ = ("names of holders", "descriptions", "evidence", "pictures")

HOW_TO = (
    "1. Ask an administrator of your organisation on Credly for an authorization token that may read issued badges.",
    "2. Put it into a file: chmod 600 HOME/credly_token",
    '3. In ona.toml: [connectors.badges_credly] with organization = "…" and token_file = "credly_token"',
    "4. ona pull badges_credly --dry-run",
)
"""Steps that an operator takes, in words."""


class Config(network.Config):
    """Whose badges, and who asks."""

    organization: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    """Id of the organisation that issues."""
    token_file: Path
    """File with the authorization token, readable by its owner alone."""
    url: str = "https://api.credly.com/v1"
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads the badges that one organisation has issued."""

    around: Surroundings = Surroundings()

    def __init__(self, config: Config) -> None:
        """Take the settings; nothing is sent yet."""
        self._config = config
        self._address = address_reader(config.addresses)

    def badges(self, coverage: Coverage) -> Iterator[RawBadge]:
        """Yield every badge that its holder accepted, page by page; only the host of the settings is ever called."""
        with self._client() as client:
            stream = client.stream("badges")
            for raw in each(walk(self._first(), lambda target: _page(self._asked(stream, target)))):
                coverage.read += 1
                try:
                    badge = self._badge(read(raw, _Badge))
                except (CellError, HandleError) as error:
                    coverage.quarantined[error.code] += 1
                    continue
                if isinstance(badge, str):
                    coverage.dropped[badge] += 1
                else:
                    yield badge

    def forecast(self, cursor: Cursor) -> Plan:
        """Ask for the first page, which tells how many there are; its badges are not looked at."""
        with self._client() as client:
            begun = self.around.clock.tick()
            pages = max(1, self._asked(client.stream("badges"), self._first()).metadata.total_pages or 1)
            took, each_call = self.around.clock.tick() - begun, 60.0 / (PER_MINUTE * self._config.pace * SAFETY)
        return Plan(0, 0, pages, max(pages * took, took + (pages - 1) * each_call), NOT_READ)

    def _first(self) -> str:
        return f"organizations/{self._config.organization}/badges?page=1"

    def _client(self) -> Client:
        config = self._config
        options = replace(network.options(config, self.around, {"": PER_MINUTE}), judge=judged)
        return Client(config.url, None, options)

    def _asked(self, stream: Stream, target: str) -> "_Answer":
        """Return an answer of the feed."""
        try:
            return read(stream.get(target, headers={"Authorization": _basic(self._config.token_file)}).body, _Answer)
        except CellError:
            raise PageError("not_json", "An answer of Credly is no page that could be read") from None
        except StatusError as error:
            raise PageError("not_answered", f"Credly refused a page with status {error.status}") from None

    def _badge(self, badge: "_Badge") -> RawBadge | str:
        """Return the badge, or why it is left out."""
        if badge.state in DROPPED:
            return DROPPED[badge.state]
        template = badge.badge_template or _Template()
        name = label(template.name)
        if not badge.id or not name:
            raise CellError("badge_missing")
        status, expires = STATUS.get(badge.state or "", "unknown"), day(badge.expires_at)
        if status == "issuer-asserted" and expires is not None and expires < datetime.now(UTC).date():
            status = "expired"
        return RawBadge(
            id=f"credly:{badge.id}",
            holder=self._address(badge.recipient_email or ""),
            name=name,
            issuer=_issuer(badge),
            standard="credly",
            skills=_skills(template),
            level=label(template.level),
            issued_on=day(badge.issued_at),
            expires_on=expires,
            status=status,
            method="feed",
        )


class _Snake(Model, frozen=True, rename=None):
    pass


class _Skill(_Snake, frozen=True):
    name: Text | None = None


class _Template(_Snake, frozen=True):
    name: Text | None = None
    level: Text | None = None
    skills: list[Raw] | None = None


class _Entity(_Snake, frozen=True):
    name: Text | None = None


class _Entry(_Snake, frozen=True):
    entity: _Entity | None = None


class _Issuer(_Snake, frozen=True):
    entities: list[_Entry] | None = None


class _Badge(_Snake, frozen=True):
    id: Text | None = None
    state: Text | None = None
    issued_at: Text | None = None
    expires_at: Text | None = None
    recipient_email: Text | None = None
    badge_template: _Template | None = None
    issuer: _Issuer | None = None


class _Places(_Snake, frozen=True):
    next_page_url: str | None = None
    total_pages: int | None = None


class _Answer(_Snake, frozen=True):
    data: Raw = NOTHING
    metadata: _Places = msgspec.field(default_factory=_Places)


def judged(answer: Answer) -> str | None:
    """Return what is wrong with an answer that came with a good status: it is tried again."""
    if answer.status >= 300:
        return None
    try:
        return None if present(read(answer.body, _Answer).data) else "not_a_page"
    except CellError:
        return "html" if answer.body.lstrip()[:1] == b"<" else "cut_off"


def _page(answer: _Answer) -> Page:
    try:
        return Page(read_list(answer.data), answer.metadata.next_page_url)
    except CellError:
        raise PageError("not_json", "An answer of Credly is no page that could be read") from None


def _issuer(badge: _Badge) -> str:
    entities = badge.issuer.entities if badge.issuer and badge.issuer.entities else []
    return next((name for one in entities if one.entity and (name := label(one.entity.name))), "Credly")


def _skills(template: _Template) -> tuple[str, ...]:
    """Return skills, which are names or objects with a name."""
    found = []
    for raw in (template.skills or [])[:MAX_SKILLS]:
        try:
            found.append(msgspec.json.decode(raw, type=str) if bytes(raw)[:1] == b'"' else read(raw, _Skill).name)
        except (CellError, msgspec.MsgspecError):
            continue
    return tuple(dict.fromkeys(name for one in found if (name := label(one))))


def _basic(path: Path) -> str:
    """Return the credentials: the token as user, no password."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token or not token.isprintable():
        raise SettingsError("The file of `token_file` cannot be read or holds no token. Mend [connectors.badges_credly] in ona.toml.")
    return "Basic " + base64.b64encode(f"{token}:".encode()).decode()
