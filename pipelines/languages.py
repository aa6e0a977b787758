"""Languages of what people read: catalogues read from text at the start, numbers and dates as they are written there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from pipelines.phrases import Phrase

LOCALE = Path(__file__).parents[1] / "api" / "locale"
"""Data of the pages' package, which is installed beside this one; mail speaks the same languages."""

NAMES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""Languages to choose from, each in its own words; the first is that of the messages themselves."""


@dataclass(frozen=True)
class Language:
    """One language as pages use it."""

    code: str
    locale: Locale
    catalogue: NullTranslations

    def text(self, message: str) -> str:
        """Return the message in this language."""
        return self.catalogue.gettext(message) if message else ""

    def count(self, singular: str, plural: str, number: float) -> str:
        """Return the form of the message that goes with a number."""
        return self.catalogue.ngettext(singular, plural, int(number) if number == int(number) else 2)

    def value(self, field: object) -> str:
        """Write a number, a date or a name."""
        if isinstance(field, bool) or not isinstance(field, int | float | date):
            return self.say(field)
        return self.number(field) if isinstance(field, int | float) else self.day(field)

    def say(self, found: object) -> str:
        """Return a phrase in this language, and any other text as it is."""
        return found.told(self) if isinstance(found, Phrase) else str(found)

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with so many decimals."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return str(numbers.format_decimal(value, pattern, locale=self.locale))

    def signed(self, value: float, digits: int = 1) -> str:
        """Write a difference with its sign."""
        return ("+" if value >= 0 else "−") + self.number(abs(value), digits)

    def percent(self, share: float, digits: int = 0) -> str:
        """Write a share."""
        return f"{self.number(100 * share, digits)}\u00a0%"

    def day(self, value: date | str) -> str:
        """Write a day; one that comes as text is an ISO date."""
        known = date.fromisoformat(value[:10]) if isinstance(value, str) else value
        return str(dates.format_date(known, "d MMM y" if self.code == "en" else "long", locale=self.locale))

    def moment(self, value: datetime) -> str:
        """Write a time, which is in UTC."""
        return f"{self.day(value)}, {dates.format_time(value, 'HH:mm', locale=self.locale)} UTC"

    def window(self, start: date, end: date) -> str:
        """Write a half-open window by its first and its last day."""
        last = end - timedelta(days=1)
        dot = "." if self.code == "de" else ""
        first = f"d{dot} MMM" + ("" if start.year == last.year else " y")
        parts = (dates.format_date(day, form, locale=self.locale) for day, form in ((start, first), (last, f"d{dot} MMM y")))
        return " – ".join(parts)


@cache
def language(code: str) -> Language:
    """Return a language by its code; catalogues never change while the service runs."""
    return Language(code, Locale(code), _catalogue(code))


def compiled(path: Path) -> NullTranslations:
    """Return the catalogue that a text file holds."""
    with path.open("rb") as text:
        found = read_po(text, abort_invalid=True)
    binary = BytesIO()
    write_mo(binary, found)
    binary.seek(0)
    return Translations(binary)


def _catalogue(code: str) -> NullTranslations:
    path = LOCALE / code / "LC_MESSAGES" / "messages.po"
    return compiled(path) if path.exists() else NullTranslations()
