"""What everybody may read about the analysis of this deployment, made from its live settings: no text that the settings contradict."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipelines import consents
from pipelines.access.own import Kept, OwnSource, kept, sources
from pipelines.access.policy import Viewer, demand
from pipelines.access.rights import Right
from pipelines.phrases import Phrase, say
from pipelines.purposes import Purpose
from pipelines.settings import Mode
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import minimum

PURPOSES: Mapping[Purpose, Phrase] = {
    Purpose.MENTORING: say("Mentoring: bringing people together who can learn from each other."),
    Purpose.NETWORK_HEALTH: say("Network health: seeing where work hangs on few people, and where load piles up."),
    Purpose.SELF_DEVELOPMENT: say("Self-development: showing everybody their own result."),
}

PURPOSE_NAMES: Mapping[Purpose, Phrase] = {
    Purpose.MENTORING: say("Mentoring"),
    Purpose.NETWORK_HEALTH: say("Network health"),
    Purpose.SELF_DEVELOPMENT: say("Self-development"),
}

CHOICES: Mapping[str, tuple[Phrase, Phrase]] = {
    "name_on_map": (say("Show my name"), say("On maps and lists, in a band and a sentence, to those who may see people who agreed.")),
    "mentor_pool": (say("Find me as a mentor"), say("HR sees that there is a candidate, without a name until I accept an invitation.")),
    "credential": (say("Offer me a credential"), say("When several kinds of evidence agree, I am asked whether I want it confirmed.")),
    "survey": (say("Ask me in short surveys"), say("Whom I turn to for what; my answers are never shown one by one.")),
    "nudge": (say("Suggest me one small step a quarter"), say("A short course or an hour beside a colleague; nobody else sees it.")),
}
"""What can be agreed to, and what it means."""

MODES: Mapping[Mode, Phrase] = {
    Mode.STRICT: say("Strict: groups only. Of a single person nothing is shown to anybody but themselves."),
    Mode.STANDARD: say(
        "Standard: groups, and those people who agreed to be shown, in three bands; numbers of a single person are their own."
    ),
    Mode.OPEN: say("Open: managers see the people below them by name, in three bands."),
}

KEPT = (
    say("Who wrote to, answered, met or reacted to whom, on which channel, and when."),
    say("Accounts, name, team, department, function, site, manager and working days, as the directory says."),
    say("Badges and certificates, as their issuers say."),
    say("Results made from these, with their intervals; your choices; who looked at your record."),
)

NEVER = (
    say("What was written or said: texts, subjects, titles, attachments, file names, links, emoji names."),
    say("Where somebody was: addresses of devices, locations."),
    say("Moods, health, beliefs, union matters, or anything inferred about them."),
    say("Contacts of works council, union, company doctor and data protection officer, where the directory names them."),
)

RIGHTS = (
    say("See everything that is held on you, and download it."),
    say("Object without giving a reason, effective at once; and take it back."),
    say("Say yes or no to being named, found as a mentor, surveyed or given a hint, and change your mind."),
    say("Contest a result; a person looks at it."),
    say("Have facts corrected where they come from: in the directory."),
    say("See in which role somebody looked at your record, and be told when your name was given out."),
    say("Be erased, on request to whoever runs the service."),
)


@dataclass(frozen=True)
class Connected:
    """A system that the settings connect, and the time that was read of it."""

    name: str
    first: date | None
    last: date | None


@dataclass(frozen=True)
class PublicNotice:
    """The notice in parts."""

    sources: tuple[Connected, ...]
    kept: Kept
    mode: Phrase
    minimum_group: int
    purposes: tuple[Phrase, ...]
    fields: tuple[Phrase, ...]
    never: tuple[Phrase, ...]
    rights: tuple[Phrase, ...]
    choices: tuple[tuple[Phrase, Phrase], ...]


def read_notice(ws: Workspace, viewer: Viewer) -> PublicNotice:
    """Return the notice of this deployment as it is set up now."""
    demand(ws, viewer, Right.READ_WORDS)
    read = {one.source: one for one in sources(ws)}
    named = sorted(read.keys() | ws.settings.connectors.keys())
    return PublicNotice(
        sources=tuple(_connected(name, read.get(name)) for name in named),
        kept=kept(ws),
        mode=MODES[ws.settings.mode],
        minimum_group=minimum(ws).holds,
        purposes=tuple(PURPOSES.values()),
        fields=KEPT,
        never=NEVER,
        rights=RIGHTS,
        choices=tuple(CHOICES[purpose] for purpose in consents.PURPOSES),
    )


def _connected(name: str, read: OwnSource | None) -> Connected:
    return Connected(name, read.first if read else None, read.last if read else None)
