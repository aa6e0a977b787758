"""Readings about people: the list and the single person."""

from dataclasses import replace

import numpy as np

from ona.errors import SettingsError
from pipelines.access import words
from pipelines.access.answers import LARGEST_PAGE, Facet, FacetReading, Fact, PeoplePage, PeopleQuery, Person, PersonMark, PersonRow, Sort
from pipelines.access.axes import person_axes
from pipelines.access.ledgers import evidence_of
from pipelines.access.opening import open_record
from pipelines.access.paging import cursor_after, start_of
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import Bools, Ids
from pipelines.access.readings import FACETS, MARKED_FACETS, badges_of, facet_reading, rows_of
from pipelines.access.rights import Reach, Right, reach
from pipelines.phrases import say
from pipelines.storage.workspace import Workspace

EXCLUDED = (
    "Messages to and from the direct reporting line: they measure a position.",
    "Mail and meetings with large audiences, mailing lists and announcements.",
    "Bots, rooms, shared mailboxes, guests and people outside the company.",
    "Sheer volume: many messages to one colleague on one day count little more than one.",
)

SHOWN_FACTS = ("asks", "askers", "asker_groups", "acknowledged", "contacts", "contact_groups", "cross_group_ties", "open_pairs", "pulls")

EVERYBODY = PeopleQuery()

FILTERS = {
    "team": say("The choice of one team"),
    "marked": say("“Stands out”"),
    "hidden": say("“Beyond the org chart”"),
    "badges": say("“With a badge”"),
}
"""Filters of a list of people, as they are called on the page."""

ALONE = {
    "marked": say("Nobody here is marked to stand out. In a small company or a short window that is the normal answer."),
    "hidden": say(
        "Nobody here is marked to stand out beyond their formal position. In a small company or a short window that is the normal answer."
    ),
}
"""What it means when one filter alone leaves nobody."""


def read_people(
    ws: Workspace,
    scan: Readable,
    viewer: Viewer,
    query: PeopleQuery = EVERYBODY,
) -> PeoplePage:
    """People in a stable order, one page from the cursor on."""
    demand(ws, viewer, Right.SEE_SCORES)
    sight = look(ws, scan, viewer)
    query = replace(query, sort=_sort(sight, query.sort))
    kept, note = _kept(sight, query)
    ordered = _ordered(sight, kept, query.facet, query.sort or "name")
    start = start_of(sight, query, ordered)
    size = max(1, min(query.limit, LARGEST_PAGE))
    shown = ordered[start : start + size]
    more = start + size < len(ordered)
    return PeoplePage(
        scan_id=sight.scan.id,
        facet=query.facet,
        sort=query.sort or "name",
        people=rows_of(sight, shown, query.facet),
        total=len(ordered),
        next_cursor=cursor_after(sight, query, shown[-1]) if more else None,
        note=note,
    )


def _sort(sight: Sight, asked: Sort | None) -> Sort:
    """Return the order of a list: by score for whoever may rank people, by name for everybody else.

    Raises ForbiddenError when a score is asked for without the right.
    """
    if asked == "score":
        demand(sight.ws, sight.viewer, Right.RANK)
    return asked or ("score" if reach(sight.mode, sight.viewer.role, Right.RANK) is not Reach.NOBODY else "name")


def read_person(ws: Workspace, scan: Readable, viewer: Viewer, code: str) -> Person:
    """One person by view id, or by the digits on the label."""
    demand(ws, viewer, Right.SEE_SCORES)
    sight = look(ws, scan, viewer)
    row = open_record(sight, code)
    facts = sight.scan.facts_of(row)
    facets = tuple(facet_reading(sight, row, facet) for facet in FACETS if facet != "overall")
    known = [flags.visibility[row] for flags in sight.scan.flags.values() if not np.isnan(flags.visibility[row])]
    return Person(
        row=rows_of(sight, [row], "overall")[0],
        facets=facets,
        facts=tuple(Fact(name, facts[name] if facts[name] >= words.SMALLEST_COUNT else None) for name in SHOWN_FACTS if name in facts),
        visibility=round(100 * float(known[0]), 1) if known else None,
        excluded=EXCLUDED,
        standing=(words.STANDING_LINE, words.ABSENCE_LINE),
        evidence=evidence_of(sight, row),
        axes=person_axes(sight, row),
    )


def table_of_people(
    ws: Workspace,
    scan: Readable,
    viewer: Viewer,
    *,
    facet: str | None = None,
    hidden: bool = False,
    limit: int | None = None,
) -> list[dict[str, object]]:
    """People as flat rows: those who lead in one facet, or, without a facet, all by name with every facet."""
    demand(ws, viewer, Right.SEE_SCORES)
    sight = look(ws, scan, viewer)
    wanted = FACETS if facet is None else tuple(one for one in FACETS if one == facet)
    if not wanted:
        raise SettingsError(f"There is no facet of this name. Facets are: {', '.join(FACETS)}.")
    rows, _ = _kept(sight, PeopleQuery(hidden=hidden))
    ordered = _ordered(sight, rows, wanted[-1], "score" if facet else "name")[:limit]
    columns = {one: rows_of(sight, ordered, one) for one in wanted}
    return [_flat(dict(zip(columns, facets, strict=True))) for facets in zip(*columns.values(), strict=True)]


def person_of(ws: Workspace, scan: Readable, viewer: Viewer, code: str) -> int:
    """Person behind a view id, for verbs that act on somebody."""
    sight = look(ws, scan, viewer)
    return int(sight.scan.persons[sight.row_of(code)])


def in_words(found: Person) -> list[str]:
    """One person's page as lines of text."""
    row = found.row
    lines = [f"{row.label} · {row.team or 'team not shown'} · {row.department or 'department not shown'}"]
    for reading in found.facets:
        lines += ["", words.FACETS[reading.facet].title, *_facet_lines(reading, row.label)]
    lines += ["", "Badges", *([f"  {badge.name} · {badge.issuer} · {badge.status}" for badge in row.badges] or ["  none on record"])]
    return [*lines, "", *found.standing]


def readable(ws: Workspace, scan: Readable, viewer: Viewer) -> dict[int, PersonMark]:
    """Visible people by person, as marks for an exported graph."""
    demand(ws, viewer, Right.SEE_SCORES)
    sight = look(ws, scan, viewer)
    helpers, brokers = (rows_of(sight, list(sight.rows), facet) for facet in MARKED_FACETS)
    return {
        int(sight.scan.persons[row]): PersonMark(h.id, h.label, h.team, h.department, h.score.value, b.score.value, bool(h.hidden))
        for row, h, b in zip(sight.rows, helpers, brokers, strict=True)
    }


def _kept(sight: Sight, query: PeopleQuery) -> tuple[Ids, str | None]:
    rows = sight.rows
    if query.team is not None:
        if not sight.is_shown("team", query.team):
            return rows[:0], say(
                "Hidden to protect people: this team has fewer than {minimum} people, or does not exist.", minimum=sight.minimum
            )
        rows = sight.members("team", query.team)
    for kind, wanted in (("flagged", query.marked), ("hidden", query.hidden)):
        if wanted:
            rows = rows[_any(sight, kind)[rows]]
    if query.badges:
        held = badges_of(sight, list(rows))
        rows = rows[[int(person) in held for person in sight.scan.persons[rows]]]
    return rows, None if len(rows) else _emptied(sight, query)


def _emptied(sight: Sight, query: PeopleQuery) -> str:
    """Say which of several filters removes most, so that the reader knows which to drop."""
    alone = {name: replace(EVERYBODY, **{name: getattr(query, name)}) for name in FILTERS if getattr(query, name) not in (None, False)}
    if len(alone) < 2:
        return ALONE.get(next(iter(alone), ""), say("Nobody is left under this filter."))
    left = {name: len(_kept(sight, one)[0]) for name, one in alone.items()}
    strictest = min(left, key=lambda name: left[name])
    return say("Nobody is left under these filters. {filter} removes most: drop it first.", filter=FILTERS[strictest])


def _any(sight: Sight, kind: str) -> Bools:
    found = np.zeros(len(sight.scan.persons), dtype=np.bool_)
    for facet in MARKED_FACETS:
        if facet in sight.scan.flags:
            found |= getattr(sight.scan.flags[facet], kind)
    return found


def _ordered(sight: Sight, rows: Ids, facet: Facet, sort: Sort) -> list[int]:
    """Rows by the wanted order; equal ones by label, so that pages never overlap."""
    if sort == "name":
        sight.read_names(rows)
    by_label = sorted((int(row) for row in rows), key=lambda row: _label_key(sight, row, sort))
    if sort == "team":
        return sorted(by_label, key=lambda row: sight.unit_name("team", row) or "\uffff")
    if sort == "badges":
        held = badges_of(sight, by_label)
        return sorted(by_label, key=lambda row: -len(held.get(int(sight.scan.persons[row]), ())))
    columns = sight.scan.scores.get(facet)
    if sort == "name" or columns is None:
        return by_label
    return sorted(by_label, key=lambda row: (columns.reason[row] is not None, -np.nan_to_num(columns.percentile[row], nan=-1.0)))


def _label_key(sight: Sight, row: int, sort: Sort) -> tuple[bool, str]:
    label, named = sight.label(row) if sort == "name" else (sight.codes[row], False)
    return (not named, label.casefold())


def _flat(facets: dict[Facet, PersonRow]) -> dict[str, object]:
    one = next(iter(facets.values()))
    row: dict[str, object] = {"person": one.id, "label": one.label, "team": one.team, "department": one.department}
    for facet, of in facets.items():
        row |= {facet: of.score.value, f"{facet}_low": of.score.low, f"{facet}_high": of.score.high}
        row |= {f"{facet}_tier": of.score.tier, f"{facet}_reason": of.score.reason_code}
    row |= {"stands_out": ", ".join(one.marks), "hidden": ", ".join(one.hidden)}
    return row | {"badges": "; ".join(f"{badge.name} ({badge.status})" for badge in one.badges)}


def _facet_lines(reading: FacetReading, label: str) -> list[str]:
    score = reading.score
    if score.value is None:
        return [f"  Not enough data. {score.reason}"]
    extent = f"  {score.value:.0f} of 100 among peers (90 % interval {score.low:.0f} to {score.high:.0f}), {score.sureness} evidence"
    said = [f"  {label} {reading.sentence}."] if reading.marked else []
    hidden = ["  More than the formal position would suggest."] if reading.hidden else []
    agreeing = [f"  {words.SOURCES[one.source]}: {words.VERDICTS[one.verdict]}" for one in reading.sources]
    return [*said, *hidden, extent, *(f"  {part.contribution:+.2f}  {part.words}" for part in reading.contributions[:3]), *agreeing]
