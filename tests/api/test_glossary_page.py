"""The glossary page: every measure once, formulas in signs, and a link to it wherever a measure is named."""

import re

from api import measures
from api.measures import ENTRIES, sentences, typeset
from ona.indicators import INDICATORS
from ona.metrics import METRICS
from ona.observation import BROKER, HELPER, REACH


def test_every_measure_has_its_place_and_the_index_leads_there(client):
    text = client.get("/glossary").text
    assert client.get("/glossary").status_code == 200
    for name in {*METRICS, *INDICATORS}:
        assert text.count(f'id="{name}"') == 1, name
        assert f'href="#{name}"' in text, name
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert not [link for link in re.findall(r'href="#([^"]+)"', text) if link not in ids]


def test_each_entry_shows_all_its_parts(client):
    text = client.get("/glossary").text
    for entry in ENTRIES.values():
        shown = text[text.index(f'id="{entry.name}"') :].partition("</article>")[0]
        for word in ("Range", "Read on", "Cost", "Source"):
            assert f"<dt>{word}</dt>" in shown, (entry.name, word)
        assert 'class="equation"' in shown, entry.name
        assert entry.references[0].replace("&", "&amp;") in shown


def test_nobody_reads_it_without_a_session(stranger):
    assert stranger.get("/glossary").status_code == 401


def test_every_name_that_a_page_may_mention_has_an_entry():
    assert [name for name in (*HELPER, *BROKER, *REACH) if measures.measure(name) is None] == []
    assert measures.measure("constraint_residual").name == "constraint"
    assert measures.measure("nothing of the kind") is None


def test_each_reason_on_a_persons_page_leads_to_its_measure(client):
    person = client.get("/api/v1/scans/latest/people").json()["people"][0]["id"]
    text = client.get(f"/people/{person}").text
    links = re.findall(r'href="/glossary#(\w+)"', text)
    assert len(links) >= 2
    assert set(links) <= set(ENTRIES)
    assert text.count('class="sign"') == len(links)


def test_a_formula_is_set_in_signs():
    assert typeset("sum_j p_ij^2 <= sqrt(x) - N(i) & S") == "Σ<sub>j</sub> p<sub>ij</sub><sup>2</sup> ≤ √(x) − N(i) ∩ S"
    assert typeset("sum_{j in N(i)} <b>") == "Σ<sub>j ∈ N(i)</sub> &lt;b&gt;"
    assert typeset("lambda^1.5") == "λ<sup>1.5</sup>"


def test_documentation_is_set_for_readers():
    found = sentences("As ``degree``, NaN <i> with ``k_i``; O(m^1.5).")
    assert found == (
        'As <a href="#degree">Degree</a>, undefined &lt;i&gt; with <span class="formula">k<sub>i</sub></span>; O(m<sup>1.5</sup>).'
    )


def test_the_verb_prints_what_the_page_shows(ona):
    import json

    printed = json.loads(ona("metrics", "--json").stdout)
    assert [one["name"] for one in printed] == list(ENTRIES)
    told = ona("metrics", "participation").stdout
    assert "Guimera & Amaral (2005)" in told
    assert "Formula" in told
    assert ona("metrics", "nothing").returncode == 65
