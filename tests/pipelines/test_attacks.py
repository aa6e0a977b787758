"""Somebody who knows a great deal about everybody learns of nobody by matching it with what is told without names, nor by the clock."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from statistics import median
from time import perf_counter

import audited_company
import numpy as np
import pytest
from audited_company import EARLIER

from ona.errors import NotFoundError
from pipelines.access import ReadableScan, Viewer
from pipelines.access.mentors import read_mentors
from pipelines.access.named import read_colleague
from pipelines.access.policy import look, view_id
from pipelines.access.rights import Role
from pipelines.scans import open_scan
from pipelines.storage.workspace import open_workspace

K = 5
MARGIN = 0.005
"""Seconds by which two answers may differ in the median."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A company whose people have sites, languages and years of service, open as HR reads it."""
    rng = np.random.default_rng(11)

    def dress(row):
        joined = date(2026 - int(rng.integers(0, 15)), 1, 1)
        return replace(row, site=str(rng.choice(["Bern", "Graz", "Lyon"])), language=str(rng.choice(["de", "fr", "it"])), joined=joined)

    audited = audited_company.build(tmp_path_factory.mktemp("dressed") / "home", 3, 150, dress)
    with open_workspace(audited.settings, lambda: datetime(2026, 7, 2, 9)) as ws:
        yield ws, audited, ReadableScan(open_scan(ws, EARLIER))


def test_all_that_is_told_of_a_candidate_together_fits_at_least_k_people(told):
    """Success of whoever knows everybody's unit, site, language and years: at most 1 in k, and the bound is 1.5 in k."""
    ws, audited, scan = told
    viewer = Viewer("hr", Role.HR, person=audited.persons[9])
    found = [one for one in read_mentors(ws, scan, viewer).candidates if not one.named]
    rows = {view_id(ws.keys, "hr", EARLIER, person): row for person, row in zip(audited.persons, audited.first, strict=True)}
    assert len(found) > 10
    matches = [sum(_fits(one, row) for row in rows.values()) for one in found]
    assert min(matches) >= K
    assert np.mean([1 / number for number in matches]) <= 1.5 / K
    alone = Counter((row.group, row.site, row.language, row.joined) for row in audited.first)
    assert 1 in alone.values()  # had all of it been told, some would have been found at once
    assert any(one.site and one.unit for one in found)  # and not everything is held back


def _fits(candidate, row) -> bool:
    years = (date(2026, 6, 29) - row.joined).days / 365.25
    band = next(
        text
        for floor, text in ((10, "10 years and more"), (3, "3 to 10 years"), (1, "1 to 3 years"), (0, "under 1 year"))
        if years >= floor
    )
    known = {"unit": row.group, "site": row.site, "language": row.language, "tenure_band": band}
    return all(getattr(candidate, name) in (None, value) for name, value in known.items())


def test_somebody_out_of_scope_and_somebody_who_does_not_exist_take_the_same_time(told):
    ws, audited, scan = told
    lead = audited.leads[1]
    viewer = Viewer("m", Role.MANAGER, person=audited.persons[lead])
    within = look(ws, scan, viewer).scope
    codes = [view_id(ws.keys, f"manager {viewer.person}", EARLIER, person) for person in audited.persons if person not in within]
    absent = [f"{number:016X}" for number in range(len(codes))]
    taken: dict[bool, list[float]] = {True: [], False: []}
    for pair in zip(codes, absent, strict=True):
        for code in pair:
            start = perf_counter()
            with pytest.raises(NotFoundError):
                read_colleague(ws, scan, viewer, code)
            taken[code in absent].append(perf_counter() - start)
    assert len(codes) > 50
    assert abs(median(taken[True]) - median(taken[False])) < MARGIN
