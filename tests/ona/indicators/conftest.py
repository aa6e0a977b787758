"""Weekly tables of help written as words."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from ona.tables import ASKS, FIXED_POINT, PEOPLE, PRESENCE, Table

MONDAY = 20633  # 2026-06-29 as days since 1970


def filled(table: Table, rows: list[dict]) -> pa.Table:
    """A table of these rows; other numbers are 0, other values missing."""
    arrays = []
    for field in table.schema:
        blank = 0 if pa.types.is_integer(field.type) and table is not PEOPLE else None
        values = [row.get(field.name, blank) for row in rows]
        arrays.append(pa.array(values, pa.int32()).cast(field.type) if pa.types.is_date(field.type) else pa.array(values, field.type))
    return pa.table(arrays, schema=table.schema)


@pytest.fixture(scope="session")
def help_tables() -> Callable[..., tuple[pa.Table, pa.Table, pa.Table]]:
    """``help_tables("ab:3 cb")``: a asked b three times; every person expects one ask, worked all week, and is a member."""

    def build(text: str, *, others: str = "", exposure: dict | None = None, ask: dict | None = None, **people: dict[str, object]):
        words = [word.partition(":") for word in text.split()]
        names = sorted({letter for name, _, _ in words for letter in name} | set(others))
        asks = []
        for name, _, number in words:
            count = int(number or 1)
            base = {"week": MONDAY, "channel": 1, "asker": ord(name[0]), "helper": ord(name[1]), "asks": count, "acknowledged": count}
            asks.append(base | {"certain": count, "credit": count * FIXED_POINT, "credit_squared": count * FIXED_POINT} | (ask or {}))
        expected = dict.fromkeys(names, 1.0) | (exposure or {})
        presence = [
            {"week": MONDAY, "account": ord(x), "days": 31, "channels": 2, "turns": 50, "exposure": int(expected[x] * FIXED_POINT)}
            for x in names
        ]
        staff = [{"person": ord(x), "valid_from": MONDAY, "kind": 1} | {column: of.get(x) for column, of in people.items()} for x in names]
        return filled(ASKS, asks), filled(PRESENCE, presence), filled(PEOPLE, staff)

    return build
