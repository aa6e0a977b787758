"""What a score may be called: verbs with counts, never a trait, a low tier or a verdict; one home for page, JSON, export and CLI."""

from collections.abc import Mapping
from dataclasses import dataclass

SMALLEST_COUNT = 3
"""Smaller counts are said as "fewer than 3", so that a sentence never points at one colleague."""


@dataclass(frozen=True)
class FacetWords:
    """How one facet is named on a screen."""

    title: str  # heading of a column or section
    chip: str  # short mark beside a person
    question: str  # what the facet answers
    limit: str  # what it does not claim


@dataclass(frozen=True)
class IndicatorWords:
    """How one indicator is said, and the fact that counts for it."""

    text: str
    fact: str | None = None
    unit: tuple[str, str] = ("", "")  # singular and plural after the count


FACETS: Mapping[str, FacetWords] = {
    "helper": FacetWords(
        "Is asked by many",
        "Go-to helper",
        "Who do colleagues turn to with questions?",
        "Shows that people ask here, not how good the advice is.",
    ),
    "broker": FacetWords(
        "Connects groups",
        "Connects groups",
        "Who connects groups that otherwise rarely talk?",
        "Shows a position between groups, not creativity or intent.",
    ),
    "reach": FacetWords(
        "Reaches colleagues",
        "Reaches many",
        "How many colleagues are one or two steps away?",
        "Context only: no tier and no hidden mark is made from it.",
    ),
    "overall": FacetWords(
        "Overall",
        "Stands out",
        "Is asked by many, or connects groups, or both.",
        "For sorting only; read the two parts.",
    ),
}

INDICATORS: Mapping[str, IndicatorWords] = {
    "ask_pull": IndicatorWords("is asked more often than colleagues who could have been asked as well", "asks", ("ask", "asks")),
    "breadth": IndicatorWords("is asked by many different people", "askers", ("person asks", "people ask")),
    "cross_team": IndicatorWords("is asked from other departments", "asker_groups", ("department asks", "departments ask")),
    "expertise_rank": IndicatorWords("is asked by people who are asked themselves"),
    "incident_pull": IndicatorWords("is called when it is urgent", "pulls", ("urgent call", "urgent calls")),
    "two_hop_betweenness": IndicatorWords(
        "lies between contacts who have no direct tie", "open_pairs", ("pair without a direct tie", "pairs without a direct tie")
    ),
    "constraint_residual": IndicatorWords("has contacts beyond one closed circle", "contacts", ("contact", "contacts")),
    "participation": IndicatorWords("spreads contact over departments", "contact_groups", ("department", "departments")),
    "boundary_brokerage": IndicatorWords(
        "joins people across department lines", "cross_group_ties", ("tie to another department", "ties to other departments")
    ),
    "two_step_reach": IndicatorWords("is at most two steps away from many colleagues", "contacts", ("contact", "contacts")),
    "pagerank": IndicatorWords("receives attention from people who receive attention"),
    "multiplex_participation": IndicatorWords("is in contact over several channels"),
}

REASONS: Mapping[str, str] = {
    "objected": "Not shown.",
    "not_a_member": "Not a member of staff: guests, rooms, bots and shared accounts are not scored.",
    "too_few_days": "Too few worked days in this window to say anything.",
    "too_new": "Joined too recently: at least 90 days are needed.",
    "too_few_turns": "Too little own contact in the connected systems to say anything.",
    "too_few_counterparties": "In contact with too few colleagues in the connected systems.",
    "too_few_ties": "Too few lasting working relationships in the connected systems.",
    "too_few_asks": "Too few asks were seen in this window.",
    "too_few_askers": "Asks came from too few people in this window.",
    "too_few_peers": "Too few comparable colleagues to compare with.",
    "unreliable": "The parts of this result disagree between odd and even weeks, so it is not shown.",
    "no_departments": "No departments are known, so groups cannot be told apart.",
    "channel_missing": "The source that this would need is not connected.",
    "undefined": "Cannot be computed from what was seen.",
    "experimental": "Mail alone cannot tell a question from other mail: the evidence is shown, nobody is marked.",
    "no_variation": "All colleagues are alike in this, within the noise.",
}

SOURCES: Mapping[str, str] = {"chat": "Chat", "mail": "Mail", "meeting": "Meetings"}

VERDICTS: Mapping[str, str] = {
    "agrees": "says the same alone",
    "disagrees": "alone says otherwise",
    "silent": "says nothing about it",
}

FACTS: Mapping[str, str] = {
    "asks": "Asks that reached the person",
    "askers": "People who asked",
    "asker_groups": "Departments they are from",
    "acknowledged": "Asks that the asker acknowledged",
    "contacts": "Lasting contacts",
    "contact_groups": "Departments in contact",
    "cross_group_ties": "Ties to other departments",
    "open_pairs": "Pairs of contacts without a direct tie",
    "pulls": "Times called when it was urgent",
}

PROBLEMS: Mapping[str, str] = {
    "sign-in-needed": "The one-time link was spent, or the session ended. Start the service again and open the link it prints.",
    "refused": "A change was asked for by another page than our own.",
    "insufficient-group-size": "The number is about too few people. Nobody can lift this.",
    "not-found": "It does not exist, or it is not for you; the two are never told apart. Ids change from scan to scan.",
    "not-enough-data": "Too little was seen to say anything.",
    "method-not-allowed": "This address can be read, not changed.",
    "invalid-request": "A parameter is unknown or out of its range. The detail says which.",
    "bad-host": "The service answers on 127.0.0.1 and localhost only, so that other sites cannot reach it through your browser.",
    "fault": "Our mistake. Report the request id to whoever runs the service.",
    "try-later": "The database is busy or the disk is full. Try again in a moment.",
}

STANDING_LINE = "Not for pay, rating or dismissal."
ABSENCE_LINE = (
    "Absence of a signal is not absence of a skill: phone, corridor and shop floor are invisible here. "
    "Metadata shows patterns; people confirm what they mean."
)


def counted(number: float, unit: tuple[str, str]) -> str:
    """Count and unit, small counts blurred."""
    if number < SMALLEST_COUNT:
        return f"fewer than {SMALLEST_COUNT} {unit[1]}"
    return f"{round(number):,} {unit[1]}"


def reason(code: str | None) -> str | None:
    """Sentence of a stable reason code."""
    return None if code is None else REASONS.get(code, "Not enough data.")


def contribution(indicator: str, facts: Mapping[str, float], size: float) -> str:
    """One contribution in words, with its count where one exists; what takes away is said as less than others."""
    words = INDICATORS.get(indicator, IndicatorWords(indicator.replace("_", " ")))
    number = facts.get(words.fact or "")
    said = words.text if size >= 0 else f"less than comparable colleagues: {words.text}"
    return said if number is None else f"{said} ({counted(number, words.unit)})"


def sentence(facet: str, facts: Mapping[str, float]) -> str:
    """Say what a person visibly does, as the end of a sentence that starts with the person's label."""
    told = {"helper": _helper, "broker": _broker, "reach": _reach}.get(facet)
    return told(facts) if told else f"{_helper(facts)} and {_broker(facts)}"


def _helper(facts: Mapping[str, float]) -> str:
    if "askers" not in facts:
        return "is asked by many"
    people = counted(facts["askers"], ("person", "people"))
    groups = facts.get("asker_groups", 0.0)
    across = f" from {counted(groups, ('department', 'departments'))}" if groups >= SMALLEST_COUNT else ""
    asks = f", {counted(facts['asks'], ('ask', 'asks'))}" if "asks" in facts else ""
    urgent = f"; was called {round(facts['pulls'])} times when it was urgent" if facts.get("pulls", 0.0) >= SMALLEST_COUNT else ""
    return f"is asked by {people}{across}{asks}{urgent}"


def _broker(facts: Mapping[str, float]) -> str:
    parts = [
        counted(facts[name], unit)
        for name, unit in (
            ("contact_groups", ("department in contact", "departments in contact")),
            ("cross_group_ties", INDICATORS["boundary_brokerage"].unit),
            ("open_pairs", ("pair of contacts without another direct tie", "pairs of contacts without another direct tie")),
        )
        if facts.get(name, 0.0) >= SMALLEST_COUNT
    ]
    return "connects groups that rarely talk" + (f": {', '.join(parts)}" if parts else "")


def _reach(facts: Mapping[str, float]) -> str:
    if "contacts" not in facts:
        return "reaches many colleagues"
    return f"is in contact with {counted(facts['contacts'], ('colleague', 'colleagues'))}"
