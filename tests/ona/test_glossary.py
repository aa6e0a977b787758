"""Every measure of the registries explains itself in full; the glossary is read off that documentation and nothing else."""

import pytest

from ona.glossary import FACETS, FAMILIES, OF_COMPANY, documented, entry_of, glossary
from ona.indicators import INDICATORS
from ona.metrics import METRICS

GOOD = """Say what it is.

Returns
-------
Floats
    Shape ``(n,)``, people, in [0, n]; NaN
    for nobody.

Notes
-----
``sum_j w_ij``. Weights count. O(m) a step.

References
----------
Somebody (1999), doi:10.1/1; Another (2000)
"""


MEASURES = (
    {f"metric {name}": one.compute for name, one in METRICS.items()}
    | {f"indicator {name}": one.compute for name, one in INDICATORS.items()}
    | {f"company {name}": compute for name, (compute, *_) in OF_COMPANY.items()}
)


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_says_its_meaning_range_formula_cost_and_reference(name):
    found = documented(MEASURES[name].__doc__)
    assert all(found[part] for part in ("meaning", "range", "formula", "cost", "references")), found
    assert found["meaning"].endswith(".")
    assert found["range"].endswith(".")
    assert "NaN" in found["range"]


def test_the_glossary_holds_every_measure_once_in_the_order_of_families():
    found = glossary()
    assert set(found) == set(METRICS) | set(INDICATORS) | set(OF_COMPANY) | {"multiplex_participation"}
    families = [one.family for one in found.values()]
    assert sorted(families, key=list(FAMILIES).index) == families
    assert all(
        one.title and one.reading.endswith(".") and one.layer in ("attention", "relationship", "ask", "formal") for one in found.values()
    )
    with pytest.raises(TypeError):
        found["mine"] = found["degree"]


def test_titles_are_what_the_files_call_themselves():
    found = glossary()
    assert found["hits"].title == "HITS authority"
    assert found["expertise_rank"].title == "ExpertiseRank"
    assert found["multiplex_participation"].title == "Multiplex participation"


def test_every_part_of_every_facet_has_an_entry_that_says_so():
    found = glossary()
    for facet, members in FACETS.items():
        for name in members:
            assert facet in found[entry_of(name)].facets, name
    assert found["degree"].facets == ()


def test_a_docstring_is_taken_apart():
    assert documented(GOOD) == {
        "meaning": "Say what it is.",
        "range": "people, in [0, n]; NaN for nobody.",
        "formula": "sum_j w_ij",
        "cost": "O(m) a step.",
        "limits": "Weights count.",
        "references": "Somebody (1999), doi:10.1/1; Another (2000)",
    }


@pytest.mark.parametrize(
    ("gone", "missing"),
    [
        ("``sum_j w_ij``. ", "formula"),
        (" O(m) a step.", "cost"),
        ("References\n----------\nSomebody (1999), doi:10.1/1; Another (2000)\n", "references"),
        ("Returns\n-------\nFloats\n    Shape ``(n,)``, people, in [0, n]; NaN\n    for nobody.\n", "range"),
    ],
)
def test_a_missing_section_is_named(gone, missing):
    assert gone in GOOD
    with pytest.raises(TypeError, match=f"No {missing}"):
        documented(GOOD.replace(gone, ""))
