"""What tables of a company share: settings that say how to read them, and where their columns stand."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

import connectors.base
from connectors.archive import FileError
from connectors.cells import positions
from connectors.identity import AddressRules


class TableConfig(connectors.base.Config):
    """How a table is written and how its columns are named."""

    columns: dict[str, str] = Field(default_factory=dict)
    """What a column is (the names of the connector's ``COLUMNS``) → its name in this file, where the usual names do not fit."""
    date_order: Literal["dmy", "mdy"] | None = None
    """Order of dates such as 03/04/2026, which are refused without it."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    addresses: AddressRules = AddressRules()


def placed(header: Sequence[str], usual: Mapping[str, Sequence[str]], columns: dict[str, str]) -> dict[str, int]:
    """Return what a column is → its place, for the columns that are there; a map of what is not known or not there is an error."""
    if columns.keys() - usual.keys():
        raise FileError("columns_unknown", "The column map names what is not known", f"Use: {', '.join(usual)}.")
    found = positions(header, {role: next((name for name in names if name in header), names[0]) for role, names in usual.items()} | columns)
    if missing := columns.keys() - found.keys():
        raise FileError(
            "columns_missing", f"The columns mapped to {', '.join(sorted(missing))} are not in the header row", "Correct the map."
        )
    return found
