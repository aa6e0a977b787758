"""The glossary as a page shows it: formulas in signs, documentation in sentences, and the entry behind each name."""

import re
from collections.abc import Mapping
from itertools import groupby

from markupsafe import Markup, escape

from ona.glossary import FAMILIES, LAYERS, Entry, entry_of, glossary

ENTRIES = glossary()

SIGNS: Mapping[str, str] = {"sum": "Σ", "sqrt": "√", "lambda": "λ", "alpha": "α", "sigma": "σ", "in": "∈", "inf": "∞"}
COMPARISONS = (("&lt;=", "≤"), ("&gt;=", "≥"), ("!=", "≠"), ("&amp;", "∩"), (" - ", " − "))


def families() -> list[tuple[str, str, list[Entry]]]:
    """Families with their headings and entries, in their order."""
    return [(name, FAMILIES[name], list(entries)) for name, entries in groupby(ENTRIES.values(), lambda one: one.family)]


def parts(facet: str) -> list[Entry]:
    """Entries that a facet is made of."""
    return [one for one in ENTRIES.values() if facet in one.facets]


def measure(name: str) -> Entry | None:
    """Entry behind an indicator's name."""
    return ENTRIES.get(entry_of(name))


def graph_of(entry: Entry) -> str:
    """Return the graph that a measure is read on, in words."""
    return LAYERS[entry.layer]


def typeset(formula: str) -> Markup:
    """Set a formula in signs, with subscripts and superscripts."""
    text = _raised(str(escape(formula)))
    for plain, sign in COMPARISONS:
        text = text.replace(plain, sign)
    return Markup(re.sub(rf"\b({'|'.join(SIGNS)})\b", lambda found: SIGNS[found[1]], text))


def sentences(text: str) -> Markup:
    """Text of a docstring for readers: code set as formulas, names of measures as links, NaN said as undefined."""
    pieces = re.split(r"``([^`]+)``", text)
    shown = [_code(piece) if at % 2 else Markup(_raised(_said(piece))) for at, piece in enumerate(pieces)]
    return Markup("").join(shown)


def _code(text: str) -> Markup:
    known = ENTRIES.get(text)
    if known is not None:
        return Markup('<a href="#{}">{}</a>').format(known.name, known.title)
    return Markup('<span class="formula">{}</span>').format(typeset(text))


def _said(text: str) -> str:
    return str(escape(re.sub(r"\bNaN\b", "undefined", text).replace(">= 0", "at least 0")))


def _raised(text: str) -> str:
    """Set what follows ``_`` low and what follows ``^`` high."""
    text = re.sub(r"_\{([^{}]*)\}", r"<sub>\1</sub>", text)
    text = re.sub(r"(?<=[A-Za-z])_([A-Za-z0-9]+)", r"<sub>\1</sub>", text)
    return re.sub(r"\^(\d+(?:\.\d+)?|[A-Za-z])", r"<sup>\1</sup>", text)
