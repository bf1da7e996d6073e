"""What a reader sees while releases come, fail to come, and are of companies of any size.

Belongs here: the server and an open page, from before the first release on. Does not belong here: publishing
itself (`tests/integration`), or the pages of one release.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from browser.editions import (
    ANOTHER_DAY,
    BROKEN,
    MANY,
    many_like,
    only,
    publish_edition,
    sibling,
    without_rows,
)
from browser.served import IN_A_BROWSER, SCREEN, SLUGS, Company, Visit, in_context, serving
from orchestration.errors import GateError

pytestmark = IN_A_BROWSER
SHORT_WAIT = 200
"""Milliseconds in which a page would have changed by itself, if it did."""


@pytest.fixture(scope="module")
def changing(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The company with releases of its own, of which the first was not yet published."""
    return sibling(company, tmp_path_factory.mktemp("changing"))


@pytest.fixture(scope="module")
def its_server(changing: Company) -> Iterator[str]:
    with serving(changing) as address:
        yield address


@pytest.fixture
def visit(usual: BrowserContext, its_server: str) -> Iterator[Visit]:
    with in_context(usual, its_server) as made:
        yield made


@pytest.fixture
def first(changing: Company, company: Company) -> str:
    """The release that serves at the start of a test: there is one, whichever it is."""
    if not (changing.folder / "published" / "current").is_symlink():
        publish_edition(changing, company)
    return changing.release_id


@pytest.fixture(scope="module")
def rep(company: Company) -> str:
    """Somebody with leads and a target."""
    [(found,)] = company.rows(
        "select rep_id from kpi_target_attainment where level = 'rep' and period_type = 'month' "
        "and target_amount > 0 group by rep_id order by sum(closed_amount) desc, rep_id limit 1"
    )
    return str(found)


def test_the_server_starts_before_the_first_release(
    usual: BrowserContext, company: Company, tmp_path: Path
) -> None:
    new = sibling(company, tmp_path)
    with serving(new) as address, in_context(usual, address) as visit:
        visit.page.goto(address)
        expect(visit.page.locator("h1")).to_have_text(new.words().say("no_release"))
        expect(visit.page.locator("pre")).to_have_text(".venv/bin/zeven run")
        expect(visit.page.locator(".card")).to_have_count(0)

        release = publish_edition(new, company)
        visit.page.reload()
        visit.is_drawn()
        visit.names_release(release)
        visit.shows(company.cards())


def test_an_open_page_stays_whole_until_its_next_filter(
    visit: Visit, changing: Company, company: Company, first: str
) -> None:
    page = visit.page
    visit.open("/")
    visit.names_release(first)
    before = changing.cards()
    visit.shows(before)
    leads = _leads_of_csv(visit)

    second = publish_edition(changing, company, ANOTHER_DAY)
    after = changing.cards()
    assert first != second
    assert [slug for slug in SLUGS if before[slug] == after[slug]] == []
    page.wait_for_timeout(SHORT_WAIT)
    visit.names_release(first)
    assert visit.cards() == before
    assert _leads_of_csv(visit) == leads
    panel = page.locator("#panel-leads_over_time")
    panel.locator("summary").click()
    shown = company.words().count(leads[-1])
    expect(panel.locator("details tbody tr").last.locator("td").nth(1)).to_have_text(shown)

    start = changing.starts("month")[1]
    visit.choose("start", company.words().period_of("month", *_ends(changing, start)))
    visit.names_release(second)
    visit.shows(changing.cards(start=start))
    page.go_back()  # the address is that of before, the numbers are not
    visit.shows(after)
    visit.names_release(second)
    assert _leads_of_csv(visit) == [3 * number for number in leads]


def test_a_run_that_fails_is_told_and_changes_nothing(
    visit: Visit, changing: Company, company: Company, first: str
) -> None:
    words, banner = company.words(), visit.page.locator(".banner")
    visit.open("/")
    serving_cards = changing.cards()
    expect(banner).to_have_count(0)
    with pytest.raises(GateError):
        publish_edition(changing, company, BROKEN)

    noted = json.loads((changing.folder / "published" / "last_failure.json").read_text(encoding="utf-8"))
    since = words.say("failure_since", moment=words.moment(datetime.fromisoformat(noted["when"])))
    visit.page.locator(".languages").get_by_text("EN", exact=True).click()
    expect(banner).to_contain_text(words.say("failure", since=since))
    expect(banner).to_contain_text("kpi_number_of_leads.leads: rule 'minimum 0' fails")
    expect(visit.page.get_by_role("alert")).to_have_count(1)
    visit.names_release(first)
    visit.shows(serving_cards)

    third = publish_edition(changing, company)
    visit.open("/")
    visit.names_release(third)
    expect(banner).to_have_count(0)


@pytest.mark.slow
def test_a_company_without_rows(visit: Visit, changing: Company, company: Company) -> None:
    publish_edition(changing, company, without_rows(company))
    expected = changing.cards()
    assert set(expected.values()) <= {"0", "€ 0", "–"}
    for name, path in [(name, path) for name, path in company.pages().items() if name != "rep"]:
        visit.page.goto(visit.server + path)
        expect(visit.page.locator("main#content h1").first).to_be_attached()
        visit.names_release(changing.release_id)
        if name == "overview":
            visit.shows(expected)
        elif name in SLUGS:
            visit.shows({name: expected[name]})
    visit.open("/findings")
    expect(visit.page.locator(".empty")).to_have_text(company.words().say("attention_none"))


@pytest.mark.slow
def test_a_company_of_one(visit: Visit, changing: Company, company: Company, rep: str) -> None:
    publish_edition(changing, company, only(rep))
    visit.open("/")
    visit.names_release(changing.release_id)
    visit.shows(changing.cards())
    [(name,)] = changing.rows("select rep_name from dim_reps where rep_id = ?", rep)
    board = visit.page.locator("#panel-coaching tbody th")
    expect(board).to_have_text([name])
    board.get_by_role("link").click()
    expect(visit.page).to_have_url(re.compile("/rep/"))
    visit.is_drawn()
    visit.shows(changing.cards(rep=rep))


@pytest.mark.slow
def test_a_company_of_many(visit: Visit, changing: Company, company: Company, rep: str) -> None:
    publish_edition(changing, company, many_like(rep))
    page, last = visit.page, f"Hired {MANY}"
    visit.open("/")
    visit.names_release(changing.release_id)
    assert page.evaluate("document.documentElement.scrollHeight") <= SCREEN[1]
    reps = page.locator("#filter-rep")
    reps.click()
    reps.fill(last)
    page.get_by_role("option", name=last).click()
    visit.asks(rep=f"demo:X{MANY}")
    visit.shows(company.cards(rep=rep))  # who does what that rep does

    visit.open("/metric/target_attainment")
    grid = page.locator("#panel-by_rep .ag-root")
    drawn = grid.locator(".ag-center-cols-container [role=row]")
    expect(drawn.first).to_be_visible()
    assert int(grid.get_attribute("aria-rowcount") or 0) > MANY
    assert drawn.count() < 60, "only what is in sight is drawn"
    assert visit.violations() == []
    grid.get_by_role("columnheader").first.click()
    expect(drawn.first.get_by_role("link")).to_be_visible()
    drawn.first.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/rep/"))


def _ends(company: Company, start: str) -> tuple[datetime, datetime]:
    [ends] = company.rows("select ?::date, last_day(?::date)", start, start)
    return ends[0], ends[1]


def _leads_of_csv(visit: Visit) -> list[int]:
    with visit.page.expect_download() as expected:
        visit.page.locator("#panel-leads_over_time .csv").click()
    text = Path(expected.value.path()).read_text(encoding="utf-8-sig")
    return [int(row["leads"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
