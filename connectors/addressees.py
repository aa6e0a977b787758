"""Whom a mail or meeting was for: each person once in the strongest role, small lists replaced by their members."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ona.tables import Role

MAX_RECIPIENTS = 1_000
MAX_AUDIENCE = 65_535
MAX_EXPANDED = 25
"""Members up to which a list stands for its members; a larger one is only counted (trust, what enters)."""

NO_REPLY = re.compile(r"email:(?:no|do-?not|dont)[._-]?reply")
"""Senders that no person reads."""

Members = Callable[[str], tuple[str, ...] | None]
"""Gives the members of a list by its handle, None for somebody who is no list."""


@dataclass(frozen=True)
class Addressed:
    """Who is left, and how many were meant."""

    recipients: tuple[tuple[str, Role], ...]
    audience: int
    cut: int = 0


def addressed(named: Iterable[tuple[str, Role]], sender: str, members: Members, refused: int = 0) -> Addressed:
    """Return recipients without the sender; ``refused`` are further ones whose address could not be read."""
    roles: dict[str, Role] = {}
    crowd = refused
    for handle, role in named:
        inside = members(handle)
        if inside is not None and len(inside) > MAX_EXPANDED:
            crowd += len(inside) - 1
            inside = None
        for one in (handle,) if inside is None else inside:
            roles.setdefault(one, role)
    roles.pop(sender, None)
    kept = tuple(roles.items())[:MAX_RECIPIENTS]
    return Addressed(kept, min(len(roles) + crowd, MAX_AUDIENCE), len(roles) - len(kept))


def nobody_is_a_list(_: str) -> tuple[str, ...] | None:
    """Say of every handle that it is no list."""
    return None
