"""Answers of Google's services: pages, errors in whatever dress, and addresses of the next page."""

import re
from urllib.parse import urlencode

import msgspec

from connectors.cells import CellError
from connectors.pages import Page, PageError
from connectors.records import Model, Raw, Text, read

_REASON = re.compile(r"[A-Za-z_]{1,60}")


class _Reason(Model, frozen=True):
    reason: Text | None = None


class _Fault(Model, frozen=True):
    errors: list[_Reason] | None = None
    status: Text | None = None


class Answer(Model, frozen=True):
    """An answer that is a page or an error."""

    items: list[Raw] | None = None
    messages: list[Raw] | None = None
    history: list[Raw] | None = None
    users: list[Raw] | None = None
    groups: list[Raw] | None = None
    members: list[Raw] | None = None
    next_page_token: str | None = None
    next_sync_token: str | None = None
    history_id: Text | None = None
    messages_total: int | None = None
    error: Raw = msgspec.field(default_factory=lambda: Raw(b""))

    @property
    def is_error(self) -> bool:
        """Whether this is an error."""
        return bytes(self.error) not in (b"", b"null")


def answer_of(body: bytes) -> Answer:
    """Return an answer; one that is an error or no JSON is a PageError that repeats nothing but a known reason."""
    try:
        answer = read(body, Answer)
    except CellError:
        raise PageError("not_json", "An answer of Google is no JSON that could be read") from None
    if answer.is_error:
        raise PageError("error_in_answer", f"An answer of Google holds an error instead of a page: {reason(body) or 'without a reason'}")
    return answer


def page_of(body: bytes, name: str, first: str) -> Page:
    """Return a page; ``name`` is its list, which Google leaves out when it is empty, ``first`` the address of the first page."""
    answer = answer_of(body)
    items: list[Raw] | None = getattr(answer, name)
    token = answer.next_page_token
    return Page(items or [], f"{first}&{urlencode({'pageToken': token})}" if token else None, answer.next_sync_token or answer.history_id)


def reason(body: bytes) -> str:
    """Return the reason that an error gives, as Google's older and newer services write it; empty when there is none."""
    try:
        error = read(read(body, Answer).error, _Fault)
    except CellError:
        return ""
    named = [one.reason for one in error.errors or ()] + [error.status]
    return next((text for text in named if text and _REASON.fullmatch(text)), "")
