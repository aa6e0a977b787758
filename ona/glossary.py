"""What each measure is called, means and costs, read from its own documentation, so that no second text can differ."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import cleandoc
from types import MappingProxyType

from ona.communities import adjusted_mutual_information, adjusted_rand_index, modularity
from ona.errors import NotFoundError
from ona.fragility import carriers, lost_pairs, robustness
from ona.indicators import INDICATORS
from ona.key_players import cover_set, fragmentation, reach
from ona.metrics import METRICS
from ona.observation import BROKER, HELPER, REACH, multiplex_participation
from ona.organisation import Mixing, degree_centralisation, ei_index, gini, herfindahl, reciprocity, small_world, top_share
from ona.silo import silo

FACETS = MappingProxyType({"helper": HELPER, "broker": BROKER, "reach": REACH})
"""Names under which measures enter each facet."""

FAMILIES = MappingProxyType(
    {
        "help": "Who is asked for help, and by whom",
        "brokerage": "Who stands between others",
        "reach": "Who is near to many",
        "standing": "Who receives attention",
        "cohesion": "Who is held in a circle",
        "activity": "How much contact there is",
        "company": "The company and its departments",
    }
)
"""Families in the order of the glossary, each as a heading."""

LAYERS = MappingProxyType(
    {
        "attention": "attention: who gives how much to whom, over all channels",
        "relationship": "relationships: contact both ways on several days",
        "ask": "asks: who asked whom, by the credit of the answer",
        "formal": "the reporting lines",
    }
)
"""Graphs that measures are read on."""

SCORED_AS = MappingProxyType({"constraint_residual": "constraint"})
"""Names of indicators that are a transformed metric of another name."""

OF_COMPANY: Mapping[str, tuple[Callable[..., object], str, str, str]] = MappingProxyType(
    {
        "ei_index": (ei_index, "E-I index", "attention", "Contact leaves departments rather than staying inside."),
        "homophily": (
            Mixing.__dict__["homophily"].fget,
            "Homophily of a department",
            "attention",
            "Contact stays inside the department more than its size lets expect.",
        ),
        "silo": (silo, "Silo index", "attention", "Contact inside is more than everybody's number of ties brings about by chance."),
        "conductance": (
            Mixing.__dict__["conductance"].fget,
            "Conductance of a department",
            "attention",
            "Much of the department's contact leaves it.",
        ),
        "modularity": (modularity, "Modularity", "relationship", "Ties run inside the groups of a grouping; of departments: as drawn."),
        "agreement": (
            adjusted_mutual_information,
            "Agreement of groups and departments",
            "relationship",
            "People work in the groups that the org chart draws.",
        ),
        "pairs_agreed": (
            adjusted_rand_index,
            "Agreement on pairs",
            "relationship",
            "Whoever is in one department works in one group, and the other way round.",
        ),
        "degree_centralisation": (degree_centralisation, "Centralisation", "relationship", "Contact gathers around one person."),
        "reciprocity": (reciprocity, "Reciprocity", "attention", "Attention is returned."),
        "small_world": (small_world, "Clustering and hops", "relationship", "Contacts know each other; few hops separate people."),
        "gini": (gini, "Unevenness of help", "ask", "Help is given unevenly."),
        "top_share": (top_share, "Help by five in a hundred", "ask", "Few people give most of the help."),
        "herfindahl": (herfindahl, "Concentration of help", "ask", "The same few people answer again and again."),
        "robustness": (robustness, "Robustness", "relationship", "The company stays together when the best connected leave."),
        "lost_pairs": (lost_pairs, "Links that hang on one person", "relationship", "Departments are joined by this person alone."),
        "carriers": (carriers, "Carriers of outside contact", "attention", "Many people carry the department's contact with others."),
        "cover_set": (cover_set, "Cover set", "relationship", "Few people together know most."),
        "key_reach": (reach, "Key players: reach", "relationship", "Few people together are near to everybody."),
        "key_fragmentation": (fragmentation, "Key players: fragmentation", "relationship", "The company breaks where these few leave."),
    }
)
"""Measures of the company, its departments and sets of people: function, title, graph, and what a high value means."""

CHANNELS_READING = "Contact runs over several channels instead of one."


@dataclass(frozen=True)
class Entry:
    """One measure in words.

    Parameters
    ----------
    name, title
        Of the function, and for people.
    family
        A key of ``FAMILIES``.
    layer
        The graph that it is read on: attention, relationship, ask or formal.
    reading
        What a high value means, one sentence.
    meaning
        What is computed, one sentence.
    formula
        In plain signs.
    range
        Unit, bounds, and where it is undefined.
    limits
        What else a reader should know; may be empty.
    cost
        Time as a function of people n, ties m and asks.
    references
        Who described it.
    facets
        Facets that it is part of.
    """

    name: str
    title: str
    family: str
    layer: str
    reading: str
    meaning: str
    formula: str
    range: str
    limits: str
    cost: str
    references: tuple[str, ...]
    facets: tuple[str, ...]


def glossary() -> Mapping[str, Entry]:
    """Return every measure by name, families in their order, names in alphabetical order inside; what is not documented is empty."""
    found = [_entry(one.name, one.compute, (one.family, one.layer), one.reading) for one in METRICS.values()]
    found += [_entry(one.name, one.compute, ("help", "ask"), one.reading) for one in INDICATORS.values() if one.name not in METRICS]
    found.append(_entry("multiplex_participation", multiplex_participation, ("reach", "attention"), CHANNELS_READING))
    found += [_entry(name, compute, ("company", layer), reading, title) for name, (compute, title, layer, reading) in OF_COMPANY.items()]
    order = list(FAMILIES)
    return MappingProxyType({one.name: one for one in sorted(found, key=lambda one: (order.index(one.family), one.name))})


def look_up(name: str | None = None) -> tuple[Entry, ...]:
    """Return the entry of this name, or all.

    Raises
    ------
    NotFoundError
        There is no such measure.
    """
    found = glossary()
    if name is None:
        return tuple(found.values())
    if entry_of(name) not in found:
        raise NotFoundError("There is no measure of this name. List all with: ona metrics")
    return (found[entry_of(name)],)


def in_words(entry: Entry) -> list[str]:
    """Return an entry as lines of text."""
    rows = {
        "Computed": entry.meaning,
        "Formula": entry.formula,
        "Range": entry.range,
        "Read on": LAYERS[entry.layer],
        "Part of": ", ".join(entry.facets),
        "Mind": entry.limits.replace("``", ""),
        "Cost": entry.cost.replace("``", ""),
        "Source": "; ".join(entry.references),
    }
    return [f"{entry.title} ({entry.name})", entry.reading, "", *(f"{name:<9} {text}" for name, text in rows.items() if text)]


def entry_of(name: str) -> str:
    """Return the name of the entry that explains an indicator."""
    return SCORED_AS.get(name, name)


def documented(text: str) -> dict[str, str]:
    """Take a numpydoc docstring apart: meaning, range, formula, limits, cost and references.

    Raises
    ------
    TypeError
        One of them but limits is missing; the message says which.
    """
    found = _taken_apart(text)
    missing = [name for name, value in found.items() if not value and name != "limits"]
    if missing:
        raise TypeError(f"No {', no '.join(missing)}: expected numpydoc sections Returns, Notes (``formula`` and O(...)) and References.")
    return found


def _taken_apart(text: str) -> dict[str, str]:
    sections = _sections(cleandoc(text))
    notes = _sentences(sections.get("Notes", ""))
    formula = next((code for note in notes for code in re.findall(r"``([^`]+)``", note) if _is_formula(code)), "")
    cost = " ".join(note for note in notes if "O(" in note)
    limits = [_beyond(note, formula) for note in notes if "O(" not in note]
    return {
        "meaning": _prose(sections[""].split("\n\n")[0]),
        "range": _range(sections.get("Returns", "")),
        "formula": formula,
        "cost": cost,
        "limits": " ".join(filter(None, limits)),
        "references": _prose(sections.get("References", "")),
    }


def _entry(name: str, compute: Callable[..., object], place: tuple[str, str], reading: str, title: str = "") -> Entry:
    found = _taken_apart(compute.__doc__ or "")
    references = tuple(part.strip() for part in found.pop("references").split(";") if part)
    facets = tuple(facet for facet, members in FACETS.items() if name in map(entry_of, members))
    return Entry(name, title or _title(name, compute), *place, reading, references=references, facets=facets, **found)


def _title(name: str, compute: Callable[..., object]) -> str:
    """Read the name for people off the first line of the function's file, where the file is about it alone."""
    first = (import_module(compute.__module__).__doc__ or "").partition(":")[0]
    return re.sub(r" \(H\d\)$", "", first) if compute.__module__.endswith(f".{name}") else name.replace("_", " ").capitalize()


def _sections(text: str) -> dict[str, str]:
    """Split at headings underlined with dashes; what comes before the first is under the empty name."""
    parts = re.split(r"^(\w+)\n-{3,}\n", text, flags=re.MULTILINE)
    return {"": parts[0]} | {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _prose(text: str) -> str:
    return " ".join(text.split())


def _range(returns: str) -> str:
    """Return what the second line on says of the values, without the shape."""
    said = _prose(re.sub(r"^\S[^\n]*\n", "", returns, count=1))
    return re.sub(r"^Shape ``\([^`]*\)``[,;:]?\s*", "", said)


def _sentences(notes: str) -> list[str]:
    """Split at full stops before a capital or a formula."""
    return [part for part in re.split(r"(?<=\.)\s+(?=[A-Z`])", _prose(notes)) if part]


def _beyond(note: str, formula: str) -> str:
    """Return what a sentence says beside the formula that it begins with."""
    said = note.removeprefix(f"``{formula}``").lstrip(" ,;:.") if formula else note
    return said[:1].upper() + said[1:] if re.match(r"[a-z]{2,}[ ,]", said) else said  # a symbol stays as it is


def _is_formula(code: str) -> bool:
    return bool(re.search(r"[=/+|^]|sum|sqrt| - ", code))
