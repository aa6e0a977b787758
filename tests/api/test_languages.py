"""Pages speak the reader's language: every message has its German, fields and plurals agree, numbers and dates are written as there."""

import importlib.util
import re
import string
from datetime import date
from pathlib import Path

import pytest

from api.languages import NAMES, language
from pipelines.access import words
from pipelines.access.recognised import recognised
from pipelines.phrases import joined, say, say_count

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def messages():
    spec = importlib.util.spec_from_file_location("messages", ROOT / "tests" / "messages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forms(message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def fields(text: str) -> set[str]:
    named = {name for _, name, _, _ in string.Formatter().parse(text) if name} if "%(" not in text else set()
    return named | set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("code", [code for code in NAMES if code != "en"])
def test_every_message_of_the_pages_is_translated_and_none_is_a_guess(messages, code):
    """If this fails: python tests/messages.py, then fill in what is empty in the catalogue."""
    known = messages.catalogue(code)
    ids = [message.id for message in messages.extracted() if message.id]
    assert len(ids) > 700
    lacking = [one for one in ids if known.get(one) is None or known.get(one).fuzzy or not all(forms(known.get(one)) or [""])]
    assert lacking == []
    assert [message.id for message in known if message.id and message.id not in set(ids)] == []


@pytest.mark.parametrize("code", [code for code in NAMES if code != "en"])
def test_a_translation_has_the_fields_of_its_message(messages, code):
    known = messages.catalogue(code)
    for message in known:
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        if not message.id or not all(forms(message)):
            continue  # what is empty is the matter of the test above
        assert fields(forms(message)[-1]) == fields(ids[-1]), message.id
        assert all(fields(one) <= fields(ids[-1]) for one in forms(message)), message.id
    assert not [
        message.id
        for message in known
        if "<" in str(message.id) and any(one.count("<") != str(message.id).count("<") for one in forms(message))
    ]


def test_a_sentence_is_english_to_programs_and_german_to_german_readers():
    facts = {"askers": 9.0, "asker_groups": 4.0, "asks": 1234.0, "pulls": 5.0}
    said = words.sentence("helper", facts)
    assert said == "is asked by 9 people from 4 departments, 1,234 asks; was called 5 times when it was urgent"
    assert language("de").say(said) == "wird von 9 Personen aus 4 Abteilungen gefragt, 1.234 Anfragen; wurde 5-mal gerufen, als es eilte"
    bridging = words.sentence("broker", {"contact_groups": 4.0, "cross_group_ties": 1.0})
    assert language("de").say(bridging) == "verbindet Gruppen, die sonst kaum miteinander reden: 4 Abteilungen in Kontakt"


def test_small_counts_stay_blurred_in_every_language():
    for code, text in (("en", "fewer than 3 people"), ("de", "weniger als 3 Personen")):
        assert language(code).say(words.counted(1, "askers")) == text


def test_braces_in_a_name_are_no_fields():
    said = say("{first} and {second}", first="{number}", second="%(n)s")
    assert said == "{number} and %(n)s"
    assert language("de").say(said) == "{number} und %(n)s"
    assert joined([say_count("{number} ask", "{number} asks", 1), say("none")]) == "1 ask, none"


@pytest.mark.parametrize(
    ("code", "number", "percent", "day", "window"),
    [
        ("en", "12,345.7", "12\u00a0%", "3 Aug 2026", "29 Jun – 27 Sep 2026"),
        ("de", "12.345,7", "12\u00a0%", "3. August 2026", "29. Juni – 27. Sept. 2026"),
    ],
)
def test_numbers_and_dates_are_written_as_in_the_language(code, number, percent, day, window):
    told = language(code)
    assert (told.number(12345.678, 1), told.percent(0.123), told.day("2026-08-03")) == (number, percent, day)
    assert told.window(date(2026, 6, 29), date(2026, 9, 28)) == window


def lang(client, path: str = "/help", **headers: str) -> str:
    answer = client.get(path, headers=headers)
    found = re.search(r'<html lang="(\w+)"', answer.text)[1]
    assert answer.headers["Content-Language"] == found
    return found


def test_the_reader_chooses_by_address_then_by_habit_then_by_browser(client):
    client.cookies.delete("ona_lang")
    assert lang(client) == "en"
    assert lang(client, **{"Accept-Language": "fr, de-AT;q=0.8, en;q=0.7"}) == "de"
    assert lang(client, **{"Accept-Language": "x;q=zz, *, ;;;"}) == "en"
    assert lang(client, "/help?lang=de") == "de"
    assert lang(client, **{"Accept-Language": "en"}) == "de"  # kept in a cookie
    assert lang(client, "/help?lang=en") == "en"
    assert lang(client, "/help?lang=<script>") == "en"
    assert "lang=" not in client.get("/help?lang=xx").headers.get("set-cookie", "")
    client.cookies.delete("ona_lang")


def test_german_pages_hold_no_english_furniture(client):
    """Headings, table heads, labels and buttons of the analyst's pages; names, badges and the glossary's entries stay as they are."""
    known = {
        str(message) for message in ("People", "Sources", "Data quality", "Departments side by side", "Who is not judged", "Week by week")
    }
    for path in ("/overview", "/people", "/teams", "/company", "/quality", "/scans", "/scans/new", "/publish", "/map"):
        text = client.get(path, headers={"Cookie": f"{cookies(client)}; ona_lang=de"}).text
        shown = {part.strip() for part in re.findall(r"<(?:h1|h2|th|label|button|caption)[^>]*>([^<]+)<", text)}
        assert not shown & known, path
        assert '<html lang="de"' in text


def test_sentences_about_teams_and_the_company_are_german_on_german_pages(client):
    for path in ("/teams", "/teams/1", "/company"):
        page = client.get(path, headers={"Cookie": f"{cookies(client)}; ona_lang=de"}).text
        main = re.sub(
            r"<script.*?</script>|<(\w+)[^>]* lang=\"en\".*?</\1>", " ", page[page.index("<main") : page.index("</main>")], flags=re.DOTALL
        )
        assert re.findall(r"\b(?:the|people|than|stands?|mark)\b", re.sub(r"<[^>]+>", " ", main)) == [], path


def cookies(client) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def test_what_a_scan_sealed_in_english_is_said_in_german_where_it_is_known():
    sealed = "2,300 of 5,400 rows were dropped"
    assert recognised(sealed) == sealed
    assert language("de").say(recognised(sealed)) == "2.300 von 5.400 Zeilen wurden verworfen"
    weeks = "weeks with far less contact than usual: 2026-08-03, 2026-08-10"
    assert recognised(weeks) == weeks
    assert language("de").say(recognised(weeks)) == "Wochen mit viel weniger Kontakt als sonst: 3. August 2026, 10. August 2026"
    assert language("de").say(recognised("Nobody foresaw this.")) == "Nobody foresaw this."
