"""Every page in both languages and both colour schemes: it draws, stays at home, and can be read by everyone.

Belongs here: what holds for all pages alike. Does not belong here: what one page says, filters, screens.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from browser.served import IN_A_BROWSER, SLUGS, Company, Visit, visiting
from dashboard.view import LANGUAGES, Language

pytestmark = IN_A_BROWSER
PAGES = ("overview", *SLUGS, "rep", "findings", "not_found")
COLOURS = ["color-contrast", "link-in-text-block"]
"""What a colour scheme can break: the elements are the same in both."""


@pytest.fixture(scope="module")
def reader(chromium: Browser, server: str) -> Iterator[Visit]:
    """One page that goes through all of them, as one reader does: the files are fetched once."""
    with visiting(chromium, server) as visit:
        yield visit


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_and_can_be_read(reader: Visit, company: Company, name: str, language: Language) -> None:
    page, words = reader.page, company.words(language)
    page.emulate_media(color_scheme="light")
    reader.open(f"{company.pages()[name]}?lang={language}")
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
    if name == "not_found":
        expect(page.locator("h1")).to_have_text(words.say("not_found"))
    elif name == "findings":
        expect(page.locator(".findings li")).not_to_have_count(0)
    else:
        expect(page.locator("main .card")).to_have_count(1 if name in SLUGS else len(SLUGS))
        expect(page.locator("main .panel")).not_to_have_count(0)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    found = reader.violations()

    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    if language == LANGUAGES[0]:  # the other one has the same elements in the same colours
        found += reader.violations(runOnly=COLOURS)
    assert found == []
    assert reader.trouble == []


def test_a_reader_who_prefers_the_dark_gets_it_from_the_start(chromium: Browser, server: str) -> None:
    with visiting(chromium, server, color_scheme="dark") as visit:
        visit.open("/")
        expect(visit.page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
        assert visit.violations() == []
