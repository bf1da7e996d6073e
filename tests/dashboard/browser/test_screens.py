"""The pages on a desk, on a phone and on paper: what fits, and what is left out.

Belongs here: sizes and media. Does not belong here: colours (`test_every_page.py`), or what the pages say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from browser.served import IN_A_BROWSER, SCREEN, SLUGS, Company, Visit, visiting
from dashboard.view import LANGUAGES, Language

pytestmark = IN_A_BROWSER
PHONE = (390, 844)
PAGE_OF_A_PDF = re.compile(rb"/Type\s*/Page\b")
SHEET = re.compile(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]")
A4 = (595, 842)
"""Points, upright."""


@pytest.fixture(scope="module")
def phone(chromium: Browser, server: str) -> Iterator[Visit]:
    with visiting(chromium, server, PHONE, is_mobile=True, has_touch=True) as visit:
        yield visit


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_overview_fits_on_one_screen(visit: Visit, language: Language) -> None:
    visit.open(f"/?lang={language}")
    width, height = _size(visit)
    assert width <= SCREEN[0]
    assert height <= SCREEN[1]
    for part in visit.page.locator(".card, .panel").all():
        box = part.bounding_box()
        assert box
        assert box["y"] + box["height"] <= SCREEN[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_is_wider_than_a_phone(phone: Visit, company: Company, language: Language) -> None:
    wide = {}
    for name, path in company.pages().items():
        phone.open(f"{path}?lang={language}")
        width, _ = _size(phone)
        if width > PHONE[0]:
            wide[name] = width
    assert wide == {}


def test_what_a_number_means_on_a_phone(phone: Visit, company: Company) -> None:
    phone.open("/")
    [(told,)] = company.rows("select definition_en from metric_catalog where slug = 'closed_sales'")
    phone.page.locator("#card-closed_sales .info").tap()
    expect(phone.page.get_by_role("tooltip").filter(visible=True)).to_have_text(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_overview_is_one_sheet_of_paper(visit: Visit, company: Company, language: Language) -> None:
    page, words = visit.page, company.words(language)
    visit.open(f"/?lang={language}")
    assert _sheets(visit) == [(A4[1], A4[0])]

    page.emulate_media(media="print")
    for left_out in (".filters", ".menu", ".languages", ".csv", ".info", ".twin", ".skip", ".header button"):
        assert page.locator(left_out).count(), left_out
        expect(page.locator(left_out).filter(visible=True)).to_have_count(0)
    expect(page.locator(".card").filter(visible=True)).to_have_count(len(SLUGS))
    heading = page.locator("h1")  # a sheet has no filters to tell whose numbers it shows
    expect(heading).to_be_visible()
    expect(heading).to_contain_text("Watched")
    expect(page.locator(".as-of")).to_contain_text(words.say("as_of", moment="").strip())


def test_paper_is_white_for_a_reader_of_the_dark(chromium: Browser, server: str) -> None:
    with visiting(chromium, server, color_scheme="dark") as visit:
        visit.open("/")
        visit.page.emulate_media(media="print")
        colours = visit.page.evaluate(
            "[document.body, document.querySelector('.card')].map(e => getComputedStyle(e).backgroundColor)"
        )
        assert colours == ["rgb(255, 255, 255)"] * 2


def _size(visit: Visit) -> tuple[int, int]:
    """Of all that can be scrolled to, in pixels."""
    width, height = visit.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    return int(width), int(height)


def _sheets(visit: Visit) -> list[tuple[int, int]]:
    """Width and height of each page that is printed, in whole points."""
    written = visit.page.pdf(prefer_css_page_size=True)
    sizes = [(round(float(width)), round(float(height))) for width, height in SHEET.findall(written)]
    number = len(PAGE_OF_A_PDF.findall(written))
    assert number
    return (sizes * number)[:number] if len(sizes) == 1 else sizes
