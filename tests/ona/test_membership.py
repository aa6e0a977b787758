"""What members of a site without working hours could have answered."""

import numpy as np
import pyarrow as pa
import pytest

from ona.membership import expected_of_members
from ona.tables import ASKS, FIXED_POINT, PEOPLE, PRESENCE

MONDAY = 20633  # 2026-06-29 as days since 1970


def table(schema, **columns):
    """A table of these columns; numbers are 0 and other values missing."""
    size = len(next(iter(columns.values())))
    blank = {f.name: pa.nulls(size, f.type) if pa.types.is_list(f.type) or schema is PEOPLE else np.zeros(size) for f in schema.schema}
    arrays = []
    for field in schema.schema:
        values = pa.array(columns.get(field.name, blank[field.name]))
        arrays.append(values.cast(pa.int32()).cast(field.type) if pa.types.is_date(field.type) else values.cast(field.type))
    return pa.table(arrays, schema=schema.schema)


@pytest.fixture
def asks():
    """Four certain asks in the first week, two in the third."""
    return table(ASKS, week=[MONDAY, MONDAY + 14], channel=[1, 1], asker=[1, 1], helper=[2, 2], asks=[4, 2], certain=[4, 2])


@pytest.fixture
def presence():
    """Only person 2 was ever active, and alone expected to answer."""
    return table(PRESENCE, week=[MONDAY], account=[2], turns=[7], exposure=[4 * FIXED_POINT])


def expected(found):
    """Exposure in asks by person and week number."""
    weeks = (np.asarray(found["week"].to_numpy(), dtype="datetime64[D]").astype(int) - MONDAY) // 7
    rows = zip(found["account"].to_pylist(), weeks.tolist(), found["exposure"].to_pylist(), strict=True)
    return {(person, week): amount / FIXED_POINT for person, week, amount in rows}


def test_asks_are_expected_of_all_members_alike(asks, presence):
    found = expected_of_members(presence, asks, table(PEOPLE, person=[1, 2]))
    assert expected(found) == {(1, 0): 2, (2, 0): 2, (1, 2): 1, (2, 2): 1}
    assert found.schema == PRESENCE.schema


def test_nothing_is_expected_of_people_before_they_joined(asks, presence):
    people = table(PEOPLE, person=[1, 2], joined=[MONDAY + 15, None])
    assert expected(expected_of_members(presence, asks, people)) == {(2, 0): 4, (1, 2): 1, (2, 2): 1}


def test_what_presence_says_besides_exposure_is_kept(asks, presence):
    found = expected_of_members(presence, asks, table(PEOPLE, person=[1, 2]))
    assert found.filter(pa.compute.equal(found["account"], 2))["turns"].to_pylist() == [7, 0]


def test_nothing_is_expected_of_strangers(asks, presence):
    assert expected(expected_of_members(presence, asks, table(PEOPLE, person=[1])))[2, 0] == 0
