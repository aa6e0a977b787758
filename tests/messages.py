"""Collects what the pages may say, and brings the catalogues up to date: python tests/messages.py."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from api.problems import KINDS
from ona import errors
from ona.glossary import FAMILIES

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "api" / "locale"
SOURCES = (("api/templates", "*.html", "jinja2"), ("api", "*.py", "python"), ("pipelines", "*.py", "python"))
REFUSALS = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
"""Errors whose text a page shows; only text without fields can be looked up."""

HEADER = "# What the pages say, in another language than that of the code."
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "say": None, "say_count": (1, 2), "problem": (3,)} | dict.fromkeys(REFUSALS)
OPTIONS = {
    "jinja2": {"newstyle_gettext": "true", "trimmed": "false", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"},
    "python": {},
}
ELSEWHERE = (
    *("pipelines/backup.py", "pipelines/cli.py", "pipelines/engine/duckdb.py", "pipelines/keys.py", "pipelines/rotation.py"),
    "pipelines/storage/service.py",
)
"""Doors that only speak to a terminal, with the verbs."""


def extracted() -> Catalog:
    """Return every message of the pages, with the files that say it."""
    found = Catalog(charset="utf-8")
    for file, message in _messages():
        found.add(message, locations=[(file, 0)], auto_comments=())
    for message in (*FAMILIES.values(), *(title for _, title in KINDS.values())):
        found.add(message, locations=[("ona/glossary.py" if message in FAMILIES.values() else "api/problems.py", 0)])
    return found


def catalogue(code: str) -> Catalog:
    """Return the catalogue of a language as it is committed."""
    with (LOCALE / code / "LC_MESSAGES" / "messages.po").open("rb") as text:
        return read_po(text, locale=code)


def update(code: str) -> None:
    """Add new messages to a catalogue, and drop those that nobody says any more."""
    path = LOCALE / code / "LC_MESSAGES" / "messages.po"
    known = catalogue(code) if path.exists() else Catalog(locale=code)
    known.update(extracted(), no_fuzzy_matching=True)
    known.obsolete.clear()
    write(known, path)


def write(found: Catalog, path: Path) -> None:
    """Write a catalogue in an order and with a head that change only with its messages."""
    found.header_comment, found.project, found.version, found.fuzzy = HEADER, "ona-influence", "1", False
    path.parent.mkdir(parents=True, exist_ok=True)
    text = BytesIO()
    write_po(text, found, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True)
    dated = re.compile(
        rb'^"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Report-Msgid-Bugs-To|Generated-By):.*\n', re.MULTILINE
    )
    path.write_bytes(dated.sub(b"", text.getvalue()))


def _messages() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for folder, pattern, method in SOURCES:
        for path in sorted((ROOT / folder).rglob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if name not in ELSEWHERE and not name.startswith("pipelines/verbs/"):
                for _, message, _, _ in extract_from_file(method, path, KEYWORDS, options=OPTIONS[method]):
                    yield name, message


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["de"]:
        update(wanted)
