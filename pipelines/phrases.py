"""Text for people that remembers the message and the fields it was made of, so that a page can say it in the reader's language."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol

Field = str | int | float | date


class Teller(Protocol):
    """Says messages, counts and values in one language."""

    def text(self, message: str) -> str:
        """Return the message in this language."""

    def count(self, singular: str, plural: str, number: float) -> str:
        """Return the form of the message that goes with a number."""

    def value(self, field: object) -> str:
        """Write a number, a date or a name."""


class Phrase(str):
    """English text to everybody who knows only text, and a message with fields to a teller."""

    __slots__ = ("fields", "message", "number", "plural")

    message: str
    plural: str | None
    number: float
    fields: Mapping[str, Field]

    @classmethod
    def plain(cls, text: str) -> "Phrase":
        """Return text that is the same in every language."""
        return _made(text, "{text}", None, 0, {"text": text})

    def told(self, teller: Teller) -> str:
        """Say the phrase, and the phrases inside it, in another language."""
        found = teller.text(self.message) if self.plural is None else teller.count(self.message, self.plural, self.number)
        return _filled(found, self.fields, teller)


class _English:
    def text(self, message: str) -> str:
        return message

    def count(self, singular: str, plural: str, number: float) -> str:
        return singular if number == 1 else plural

    def value(self, field: object) -> str:
        return f"{field:,}" if isinstance(field, int | float) else str(field)


def say(message: str, /, **fields: Field) -> Phrase:
    """Return a message with its fields in place; ``{name}`` stands for a field."""
    return _phrase(message, None, 0, fields)


def say_count(singular: str, plural: str, number: float, /, **fields: Field) -> Phrase:
    """Return the form of a message that goes with a number, which is its field ``{number}``."""
    return _phrase(singular, plural, number, {"number": number, **fields})


def joined(parts: list[Phrase]) -> Phrase:
    """Return phrases as an enumeration."""
    found = parts[0]
    for part in parts[1:]:
        found = say("{first}, {second}", first=found, second=part)
    return found


def _phrase(message: str, plural: str | None, number: float, fields: Mapping[str, Field]) -> Phrase:
    english = _English()
    template = message if plural is None else english.count(message, plural, number)
    return _made(_filled(template, fields, english), message, plural, number, fields)


def _made(text: str, message: str, plural: str | None, number: float, fields: Mapping[str, Field]) -> Phrase:
    made = Phrase(text)
    made.message, made.plural, made.number, made.fields = message, plural, number, fields
    return made


def _filled(template: str, fields: Mapping[str, Field], teller: Teller) -> str:
    if not fields:
        return template
    return template.format(**{name: _told(field, teller) for name, field in fields.items()})


def _told(field: Field, teller: Teller) -> str:
    return field.told(teller) if isinstance(field, Phrase) else teller.value(field)
