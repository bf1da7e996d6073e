"""Every control of the overview: what it does to the address and to the numbers, by mouse and by keyboard.

Belongs here: operating the page as a reader does. Does not belong here: what an address means
(`tests/dashboard/test_view.py`), or what happens between releases (`test_releases.py`).
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from browser.served import IN_A_BROWSER, SLUGS, Company, Visit, visiting
from dashboard.view import PERIOD_TYPES, Period

pytestmark = IN_A_BROWSER
TABS = 60
"""More than it takes to get through the header."""


@pytest.mark.parametrize("period_type", [kind for kind in PERIOD_TYPES if kind != "month"])
def test_the_length_of_the_period(visit: Visit, company: Company, period_type: str) -> None:
    visit.open("/")
    visit.shows(company.cards())
    label = company.words().say(f"type_{period_type}")
    visit.page.locator("#filter-period").get_by_text(label, exact=True).click()
    visit.asks(period=period_type)
    expected = company.cards(period_type=period_type)
    assert expected != company.cards()
    visit.shows(expected)
    visit.page.go_back()
    visit.shows(company.cards())


def test_the_period_and_back_and_forth(visit: Visit, company: Company) -> None:
    now, before, long_before = (company.starts("month")[place] for place in (0, 1, 12))
    visit.open("/")
    for start in (before, long_before):
        assert company.cards(start=start) != company.cards(start=now)
        visit.choose("start", _month(company, start))
        visit.asks(start=start, period=None)
        visit.shows(company.cards(start=start))
    visit.page.go_back()
    visit.shows(company.cards(start=before))
    expect(visit.page.locator("#filter-start")).to_have_value(_month(company, before))
    visit.page.go_back()
    visit.shows(company.cards(start=now))
    visit.page.go_forward()
    visit.shows(company.cards(start=before))


def test_team_then_rep_then_reset(visit: Visit, company: Company) -> None:
    [(team, team_name)] = company.rows(
        "select team_id, team_name from dim_teams where is_known order by team_id limit 1"
    )
    reps = company.rows("select rep_id, rep_name from dim_reps where team_id = ? order by 1", team)
    rep, rep_name = reps[0]
    whole, of_team, of_rep = company.cards(), company.cards(team=team), company.cards(rep=rep)
    assert len({tuple(cards.items()) for cards in (whole, of_team, of_rep)}) == 3
    page = visit.page

    visit.open("/")
    visit.choose("team", team_name)
    visit.asks(team=team)
    visit.shows(of_team)
    page.locator("#filter-rep").click()
    expect(page.get_by_role("option")).to_have_text(sorted(name for _, name in reps))
    page.get_by_role("option", name=rep_name).click()
    visit.asks(rep=rep, team=None)
    visit.shows(of_rep)

    page.locator(".reset").click()
    visit.asks(rep=None, team=None)
    visit.shows(whole)
    expect(page.locator(".reset")).not_to_be_visible()
    page.go_back()
    visit.shows(of_rep)


def test_the_source(visit: Visit, company: Company) -> None:
    visit.open("/")
    visit.choose("source", "referral")
    visit.asks(source="referral")
    [(leads, amount)] = company.rows(
        "select l.leads, p.open_amount from kpi_number_of_leads as l "
        "join kpi_open_pipeline as p using (period_type, period_start, level, breakdown, breakdown_value) "
        "where l.period_type = 'month' and l.level = 'company' and l.breakdown = 'source' "
        "and l.breakdown_value = 'referral' order by l.period_start desc limit 1"
    )
    words, whole = company.words(), company.cards()
    expected = {"number_of_leads": words.count(leads), "open_pipeline": words.money(amount)}
    assert expected.items().isdisjoint(whole.items())
    visit.shows(expected)
    visit.shows({"target_attainment": whole["target_attainment"]})  # targets are set for people
    visit.page.locator(".reset").click()
    visit.asks(source=None)
    visit.shows(whole)


def test_the_language_and_its_way_back(visit: Visit, company: Company) -> None:
    start = company.starts("month")[1]
    visit.open(f"/?start={start}")
    page = visit.page
    page.locator(".languages").get_by_text("NL", exact=True).click()
    visit.asks(lang="nl", start=start)
    visit.shows(company.cards(start=start, language="nl"))
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    expect(page.locator("#attention h2")).to_have_text(company.words("nl").say("attention"))
    expect(page).to_have_title(re.compile(f"^{company.words('nl').say('overview')} ·"))
    # the choice goes along to other pages
    page.locator("#card-open_pipeline .card-link").click()
    visit.asks(lang="nl", start=start)
    page.locator(".languages").get_by_text("EN", exact=True).click()
    visit.asks(lang="en", start=start)
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_colour_scheme_is_kept(chromium: Browser, server: str, company: Company) -> None:
    with visiting(chromium, server) as visit:
        visit.open("/")
        page, root = visit.page, visit.page.locator("html")
        expect(root).to_have_attribute("data-mantine-color-scheme", "light")
        toggle = page.get_by_role("button", name=company.words().say("theme"))
        toggle.click()
        expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
        visit.shows(company.cards())
        page.reload()
        visit.is_drawn()
        expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
        toggle.click()
        expect(root).to_have_attribute("data-mantine-color-scheme", "light")


def test_a_shared_address_opens_the_same_view(visit: Visit, chromium: Browser, company: Company) -> None:
    [(team, name)] = company.rows(
        "select team_id, team_name from dim_teams where is_known order by team_id desc limit 1"
    )
    visit.open("/")
    visit.page.locator("#filter-period").get_by_text("Quarter", exact=True).click()
    visit.shows(company.cards(period_type="quarter"))
    visit.choose("team", name)
    expected = company.cards(period_type="quarter", team=team)
    visit.shows(expected)
    title = visit.page.title()
    with visiting(chromium, visit.server) as other:
        other.open(visit.page.url.removeprefix(visit.server))
        other.shows(expected)
        expect(other.page).to_have_title(title)
        expect(other.page.locator("#filter-team")).to_have_value(name)


def test_by_keyboard_into_the_content(visit: Visit, company: Company) -> None:
    visit.open("/")
    page = visit.page
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main#content")).to_be_focused()
    _tab_to(visit, page.locator("#card-number_of_leads .card-link"), most=1)
    _tab_to(visit, page.locator("#card-lead_response_time .card-link"), most=2)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/metric/lead_response_time"))
    visit.is_drawn()
    visit.shows({"lead_response_time": company.cards()["lead_response_time"]})


def test_by_keyboard_through_the_filters(visit: Visit, company: Company) -> None:
    start = company.starts("month")[1]
    visit.open("/")
    page = visit.page
    chosen = page.locator("#filter-start")
    _tab_to(visit, chosen)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name=_month(company, start))).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    visit.asks(start=start)
    visit.shows(company.cards(start=start))
    expect(chosen).to_be_focused()  # who chose by keyboard goes on where they were
    expect(page.get_by_role("option").filter(visible=True)).to_have_count(0)

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")  # within the length of the period
    visit.asks(period="quarter")
    [(quarter,)] = company.rows(
        "select max(period_start) from kpi_scorecard where period_type = 'quarter' and period_start <= ?",
        start,
    )
    of_quarter = company.cards(period_type="quarter", start=quarter.isoformat())
    visit.shows(of_quarter)
    expect(page.locator("#filter-period input:checked")).to_be_focused()

    [(team, name)] = company.rows(
        "select team_id, team_name from dim_teams where is_known order by team_name limit 1"
    )
    _tab_to(visit, page.locator("#filter-team"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("option", name=name)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    visit.asks(team=team)
    visit.shows(company.cards(period_type="quarter", start=quarter.isoformat(), team=team))


def test_a_card_leads_to_its_metric(visit: Visit, company: Company) -> None:
    """Wherever on the card the click is, and with the view it was seen in."""
    start = company.starts("month")[1]
    visit.open(f"/?start={start}")
    for slug in SLUGS:
        visit.page.locator(f"#card-{slug}").click()
        expect(visit.page).to_have_url(re.compile(f"/metric/{slug}\\?.*start={start}"))
        visit.shows({slug: company.cards(start=start)[slug]})
        visit.page.go_back()
        visit.shows(company.cards(start=start))


def test_what_a_number_means(visit: Visit, company: Company) -> None:
    visit.open("/")
    page = visit.page
    told = dict(company.rows("select slug, definition_en from metric_catalog"))
    for slug in ("number_of_leads", "closed_sales"):
        button = page.locator(f"#card-{slug} .info")
        button.hover()
        expect(page.get_by_role("tooltip").filter(visible=True)).to_have_text(told[slug])
        page.mouse.move(2, 2)
        expect(page.get_by_role("tooltip").filter(visible=True)).to_have_count(0)
        button.focus()
        expect(page.get_by_role("tooltip").filter(visible=True)).to_have_text(told[slug])
        button.blur()
        expect(page.get_by_role("tooltip").filter(visible=True)).to_have_count(0)
        assert told[slug] in (button.get_attribute("aria-label") or "")


def test_a_chart_s_rows_as_a_table_and_as_a_file(visit: Visit, company: Company) -> None:
    visit.open("/")
    panel = visit.page.locator("#panel-leads_over_time")
    rows = panel.locator("details.twin tbody tr")
    expect(rows).to_have_count(0)
    panel.locator("summary").click()
    expect(rows.first).to_be_visible()
    written = _rows_of_csv(visit, panel)
    expect(rows).to_have_count(len(written))
    published = company.rows(
        "select leads from kpi_number_of_leads where period_type = 'month' and level = 'company' "
        "and breakdown = 'total' order by period_start desc limit 13"
    )
    assert [int(row["leads"]) for row in reversed(written)] == [leads for (leads,) in published]
    shown = company.words().count(int(written[-1]["leads"]))
    expect(rows.last.locator("td").filter(has_text=re.compile(f"^{shown}$"))).not_to_have_count(0)


def test_the_file_follows_the_filters(visit: Visit, company: Company) -> None:
    start = company.starts("month")[2]
    visit.open("/")
    visit.choose("start", _month(company, start))
    visit.shows(company.cards(start=start))
    published = company.rows(
        "select rep_name, closed_amount from kpi_closed_sales join dim_reps using (rep_id) "
        "where period_type = 'month' and period_start = ? and level = 'rep' and breakdown = 'total'",
        start,
    )
    written = _rows_of_csv(visit, visit.page.locator("#panel-coaching"))
    assert written
    assert {(row["rep"], float(row["closed"])) for row in written} <= {
        (rep, float(amount)) for rep, amount in published
    }


def _month(company: Company, start: str) -> str:
    """As the filter calls it."""
    [(first, last)] = company.rows("select ?::date, last_day(?::date)", start, start)
    return company.words().period(Period("month", first, last, True))


def _tab_to(visit: Visit, target: Locator, *, most: int = TABS) -> None:
    for _ in range(most):
        visit.page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{most} times Tab did not lead to {target}")


def _rows_of_csv(visit: Visit, panel: Locator) -> list[dict[str, str]]:
    with visit.page.expect_download() as expected:
        panel.locator(".csv").click()
    text = Path(expected.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
