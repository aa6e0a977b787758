"""What a score may be called: verbs with counts, never a trait, a low tier or a verdict; one home for page, JSON, export and CLI."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.phrases import Field, Phrase, joined, say, say_count

SMALLEST_COUNT = 3
"""Smaller counts are said as "fewer than 3", so that a sentence never points at one colleague."""


@dataclass(frozen=True)
class FacetWords:
    """How one facet is named on a screen."""

    title: Phrase  # heading of a column or section
    chip: Phrase  # short mark beside a person
    question: Phrase  # what the facet answers
    limit: Phrase  # what it does not claim


@dataclass(frozen=True)
class IndicatorWords:
    """How one indicator is said, and the fact that counts for it."""

    text: Phrase
    fact: str | None = None
    unit: str = ""  # of the fact, a key of COUNTS


FACETS: Mapping[str, FacetWords] = {
    "helper": FacetWords(
        say("Is asked by many"),
        say("Go-to helper"),
        say("Who do colleagues turn to with questions?"),
        say("Shows that people ask here, not how good the advice is."),
    ),
    "broker": FacetWords(
        say("Connects groups"),
        say("Connects groups"),
        say("Who connects groups that otherwise rarely talk?"),
        say("Shows a position between groups, not creativity or intent."),
    ),
    "reach": FacetWords(
        say("Reaches colleagues"),
        say("Reaches many"),
        say("How many colleagues are one or two steps away?"),
        say("Context only: no tier and no hidden mark is made from it."),
    ),
    "overall": FacetWords(
        say("Overall"),
        say("Stands out"),
        say("Is asked by many, or connects groups, or both."),
        say("For sorting only; read the two parts."),
    ),
}

COUNTS: Mapping[str, Callable[[float, Field], Phrase]] = {
    "asks": lambda number, shown: say_count("{number} ask", "{number} asks", number, number=shown),
    "askers": lambda number, shown: say_count("{number} person", "{number} people", number, number=shown),
    "asking": lambda number, shown: say_count("{number} person asks", "{number} people ask", number, number=shown),
    "asker_groups": lambda number, shown: say_count("{number} department", "{number} departments", number, number=shown),
    "asking_groups": lambda number, shown: say_count("{number} department asks", "{number} departments ask", number, number=shown),
    "colleagues": lambda number, shown: say_count("{number} colleague", "{number} colleagues", number, number=shown),
    "contacts": lambda number, shown: say_count("{number} contact", "{number} contacts", number, number=shown),
    "contact_groups": lambda number, shown: say_count(
        "{number} department in contact", "{number} departments in contact", number, number=shown
    ),
    "cross_group_ties": lambda number, shown: say_count(
        "{number} tie to another department", "{number} ties to other departments", number, number=shown
    ),
    "only_pairs": lambda number, shown: say_count(
        "{number} pair of contacts without another direct tie",
        "{number} pairs of contacts without another direct tie",
        number,
        number=shown,
    ),
    "open_pairs": lambda number, shown: say_count(
        "{number} pair without a direct tie", "{number} pairs without a direct tie", number, number=shown
    ),
    "pulls": lambda number, shown: say_count("{number} urgent call", "{number} urgent calls", number, number=shown),
    "times": lambda number, shown: say_count("{number} time", "{number} times", number, number=shown),
}
"""What is counted, as the number and its noun; the number itself may come blurred."""

INDICATORS: Mapping[str, IndicatorWords] = {
    "ask_pull": IndicatorWords(say("is asked more often than colleagues who could have been asked as well"), "asks", "asks"),
    "breadth": IndicatorWords(say("is asked by many different people"), "askers", "asking"),
    "cross_team": IndicatorWords(say("is asked from other departments"), "asker_groups", "asking_groups"),
    "expertise_rank": IndicatorWords(say("is asked by people who are asked themselves")),
    "incident_pull": IndicatorWords(say("is called when it is urgent"), "pulls", "pulls"),
    "two_hop_betweenness": IndicatorWords(say("lies between contacts who have no direct tie"), "open_pairs", "open_pairs"),
    "constraint_residual": IndicatorWords(say("has contacts beyond one closed circle"), "contacts", "contacts"),
    "participation": IndicatorWords(say("spreads contact over departments"), "contact_groups", "asker_groups"),
    "boundary_brokerage": IndicatorWords(say("joins people across department lines"), "cross_group_ties", "cross_group_ties"),
    "two_step_reach": IndicatorWords(say("is at most two steps away from many colleagues"), "contacts", "contacts"),
    "pagerank": IndicatorWords(say("receives attention from people who receive attention")),
    "multiplex_participation": IndicatorWords(say("is in contact over several channels")),
}

REASONS: Mapping[str, Phrase] = {
    "objected": say("Not shown."),
    "other": say("Other reasons."),
    "not_a_member": say("Not a member of staff: guests, rooms, bots and shared accounts are not scored."),
    "too_few_days": say("Too few worked days in this window to say anything."),
    "too_new": say("Joined too recently: at least 90 days are needed."),
    "too_few_turns": say("Too little own contact in the connected systems to say anything."),
    "too_few_counterparties": say("In contact with too few colleagues in the connected systems."),
    "too_few_ties": say("Too few lasting working relationships in the connected systems."),
    "too_few_asks": say("Too few asks were seen in this window."),
    "too_few_askers": say("Asks came from too few people in this window."),
    "too_few_peers": say("Too few comparable colleagues to compare with."),
    "unreliable": say("The parts of this result disagree between odd and even weeks, so it is not shown."),
    "no_departments": say("No departments are known, so groups cannot be told apart."),
    "channel_missing": say("The source that this would need is not connected."),
    "undefined": say("Cannot be computed from what was seen."),
    "experimental": say("Mail alone cannot tell a question from other mail: the evidence is shown, nobody is marked."),
    "no_variation": say("All colleagues are alike in this, within the noise."),
    "service_role": say("Answering everybody is this role's job, so it is compared with its like and nobody is marked."),
}

NOT_ENOUGH = say("Not enough data.")

SOURCES: Mapping[str, Phrase] = {
    "chat": say("Chat"),
    "mail": say("Mail"),
    "meeting": say("Meetings"),
    "aggregate": say("Added up elsewhere"),
}

VERDICTS: Mapping[str, Phrase] = {
    "agrees": say("says the same alone"),
    "disagrees": say("alone says otherwise"),
    "silent": say("says nothing about it"),
}

SURENESS: Mapping[str, Phrase] = {
    "strong": say("strong evidence"),
    "moderate": say("moderate evidence"),
    "tentative": say("tentative evidence"),
}

TIERS: Mapping[str, Phrase] = {"high": say("high"), "exceptional": say("exceptional")}
"""Only what stands out has a word; there is none for the others."""

BADGE_STATUS: Mapping[str, Phrase] = {
    "verified": say("verified"),
    "issuer-asserted": say("issuer asserted"),
    "holder-claimed": say("holder claimed"),
    "expired": say("expired"),
    "revoked": say("revoked"),
    "suspended": say("suspended"),
    "failed": say("failed"),
    "unknown": say("unknown"),
}

DATA_VERDICTS: Mapping[str, Phrase] = {
    "usable": say("usable"),
    "usable with caution": say("usable with caution"),
    "unusable": say("unusable"),
    "unknown": say("unknown"),
}

SIZE_BANDS: Mapping[str, Phrase] = {
    "5 to 9": say("5 to 9"),
    "10 to 19": say("10 to 19"),
    "20 to 49": say("20 to 49"),
    "50 to 99": say("50 to 99"),
    "100 and more": say("100 and more"),
}

LOAD_BANDS: Mapping[str, Phrase] = {"usual": say("as usual"), "above usual": say("above usual"), "high": say("high")}
"""How many asks reach a group, beside the company."""

WEIGHT_BANDS: Mapping[str, Phrase] = {"weak": say("weak"), "medium": say("medium"), "strong": say("strong")}
"""How much contact two groups have."""

BANDS: Mapping[str, Phrase] = {"some": say("some evidence"), "clear": say("clear evidence"), "strong": say("strong evidence")}
"""How sure it is, of somebody who agreed to be named."""

SHARES: Mapping[str, Phrase] = {"few": say("few"), "some": say("some"), "many": say("many")}

AUDIENCES: Mapping[str, Phrase] = {"manager": say("Managers"), "hr": say("HR partners"), "employee": say("Employees")}

AUDIENCE_SEES: Mapping[str, Phrase] = {
    "manager": say("their own groups as bands, and by name only people who agreed"),
    "hr": say("groups as bands, and mentoring candidates who agreed"),
    "employee": say("their own result, and nobody else's"),
}

ARCHETYPES: Mapping[str, Phrase] = {
    "go-to helper": say("is asked by many"),
    "connector": say("connects groups that rarely talk"),
    "both": say("is asked by many and connects groups"),
    "open to mentoring": say("open to mentoring"),
}

CONSENTS: Mapping[str, Phrase] = {"pool": say("being looked at, without a name"), "named": say("being looked at by name")}

JOBS: Mapping[str, Phrase] = {
    "scan": say("scan"),
    "pull": say("pull"),
    "retention": say("retention"),
    "export": say("export"),
    "badges": say("check of all badges"),
    "mail": say("mail"),
}

MAIL_STATES: Mapping[str, Phrase] = {
    "sent": say("sent"),
    "waiting": say("put off by the mail server, tried again"),
    "failed": say("refused by the mail server"),
    "unsure": say("perhaps sent, and not sent again"),
    "without_address": say("without an address"),
}

JOB_STATES: Mapping[str, Phrase] = {
    "queued": say("waits"),
    "running": say("runs"),
    "done": say("done"),
    "failed": say("failed"),
    "cancelled": say("cancelled"),
}

PHASES: Mapping[str, Phrase] = {
    "starting": say("starts"),
    "ties": say("turns contacts into ties"),
    "load": say("reads the ties of the window"),
    "scan": say("computes scores and their uncertainty"),
    "checks": say("checks how far the result holds"),
    "seal": say("seals the result"),
    "people": say("reads people"),
    "events": say("reads contacts"),
    "badges": say("reads badges"),
    "collect": say("collects what the file holds"),
    "write": say("writes the file"),
    "mail": say("sends mail"),
}

ACCOUNTS: Mapping[str, Phrase] = {
    "member": say("members"),
    "guest": say("guests"),
    "external": say("people outside the company"),
    "bot": say("bots"),
    "shared": say("shared accounts"),
    "room": say("rooms"),
    "technical": say("technical accounts"),
    "former": say("former members"),
    "unknown": say("unknown"),
}

TREE_FAULTS: Mapping[str, Phrase] = {
    "orphan": say("their manager is not in the directory"),
    "own_manager": say("named as their own manager"),
    "loop": say("reporting lines in a circle"),
    "two_managers": say("two managers at once"),
}
"""Why somebody's manager is not believed."""

ATTRIBUTES: Mapping[str, Phrase] = {
    "manager": say("manager"),
    "team": say("team"),
    "group": say("department"),
    "joined": say("date of joining"),
    "level": say("level"),
    "site": say("site"),
    "title": say("title"),
    "function": say("function"),
    "zone": say("time zone"),
}

RULES: Mapping[str, Phrase] = {
    "bot": say("bots"),
    "guest": say("guests"),
    "external": say("people outside the company"),
    "list": say("mailing lists"),
    "no_reply": say("no-reply addresses"),
    "join_or_leave": say("joining and leaving"),
    "self": say("to oneself"),
    "large_audience": say("large audiences"),
    "bad_time": say("time not readable"),
}
"""Why rows were dropped or set aside, where the code alone would not speak for itself."""

FACTS: Mapping[str, Phrase] = {
    "asks": say("Asks that reached the person"),
    "askers": say("People who asked"),
    "asker_groups": say("Departments they are from"),
    "acknowledged": say("Asks that the asker acknowledged"),
    "contacts": say("Lasting contacts"),
    "contact_groups": say("Departments in contact"),
    "cross_group_ties": say("Ties to other departments"),
    "open_pairs": say("Pairs of contacts without a direct tie"),
    "pulls": say("Times called when it was urgent"),
}

PROBLEMS: Mapping[str, Phrase] = {
    "sign-in-needed": say("The one-time link was spent, or the session ended. Start the service again and open the link it prints."),
    "refused": say("A change was asked for by another page than our own."),
    "forbidden": say("Your role has no right to this. Whoever administers the service can grant another role."),
    "conflict": say("Somebody else was quicker, or it was done before. Look again at what is there now."),
    "insufficient-group-size": say("The number is about too few people. Nobody can lift this."),
    "not-found": say("It does not exist, or it is not for you; the two are never told apart. Ids change from scan to scan."),
    "not-enough-data": say("Too little was seen to say anything."),
    "method-not-allowed": say("This address can be read, not changed."),
    "invalid-request": say("A parameter is unknown or out of its range. The detail says which."),
    "bad-host": say("The service answers on 127.0.0.1 and localhost only, so that other sites cannot reach it through your browser."),
    "fault": say("Our mistake. Report the request id to whoever runs the service."),
    "try-later": say("The database is busy or the disk is full. Try again in a moment."),
}

STANDING_LINE = say("Not for pay, rating or dismissal.")
ABSENCE_LINE = say(
    "Absence of a signal is not absence of a skill: phone, corridor and shop floor are invisible here. "
    "Metadata shows patterns; people confirm what they mean."
)


def counted(number: float, unit: str) -> Phrase:
    """Count of a unit in ``COUNTS``, small counts blurred."""
    if number < SMALLEST_COUNT:
        return COUNTS[unit](SMALLEST_COUNT, say("fewer than {least}", least=SMALLEST_COUNT))
    return COUNTS[unit](round(number), round(number))


def reason(code: str | None) -> Phrase | None:
    """Sentence of a stable reason code."""
    return None if code is None else REASONS.get(code, NOT_ENOUGH)


def contribution(indicator: str, facts: Mapping[str, float], size: float) -> Phrase:
    """One contribution in words, with its count where one exists; what takes away is said as less than others."""
    words = INDICATORS.get(indicator, IndicatorWords(Phrase.plain(indicator.replace("_", " "))))
    number = facts.get(words.fact or "")
    said = words.text if size >= 0 else say("less than comparable colleagues: {what}", what=words.text)
    return said if number is None else say("{what} ({count})", what=said, count=counted(number, words.unit))


def sentence(facet: str, facts: Mapping[str, float]) -> Phrase:
    """Say what a person visibly does, as the end of a sentence that starts with the person's label."""
    told = {"helper": _helper, "broker": _broker, "reach": _reach}.get(facet)
    return told(facts) if told else say("{first} and {second}", first=_helper(facts), second=_broker(facts))


def _helper(facts: Mapping[str, float]) -> Phrase:
    if "askers" not in facts:
        return say("is asked by many")
    people, groups = counted(facts["askers"], "askers"), facts.get("asker_groups", 0.0)
    across = groups >= SMALLEST_COUNT
    found = (
        say("is asked by {people} from {groups}", people=people, groups=counted(groups, "asker_groups"))
        if across
        else say("is asked by {people}", people=people)
    )
    if "asks" in facts:
        found = say("{first}, {second}", first=found, second=counted(facts["asks"], "asks"))
    if facts.get("pulls", 0.0) >= SMALLEST_COUNT:
        found = say("{found}; was called {times} when it was urgent", found=found, times=counted(facts["pulls"], "times"))
    return found


def _broker(facts: Mapping[str, float]) -> Phrase:
    units = {"contact_groups": "contact_groups", "cross_group_ties": "cross_group_ties", "open_pairs": "only_pairs"}
    parts = [counted(facts[name], unit) for name, unit in units.items() if facts.get(name, 0.0) >= SMALLEST_COUNT]
    said = say("connects groups that rarely talk")
    return say("{what}: {counts}", what=said, counts=joined(parts)) if parts else said


def _reach(facts: Mapping[str, float]) -> Phrase:
    if "contacts" not in facts:
        return say("reaches many colleagues")
    return say("is in contact with {colleagues}", colleagues=counted(facts["contacts"], "colleagues"))


def group_said(size: str | None, load: str | None) -> Phrase:
    """Say how many a group has and how much is asked of it, both as bands."""
    people = say("{size} people", size=SIZE_BANDS.get(size or "", Phrase.plain(size or "?")))
    asked = LOAD_BANDS.get(load or "")
    return say("{people}; asks: {load}", people=people, load=asked) if asked else people
