"""The application as a browser and a supervisor meet it: addresses, files, headers, and changing releases.

Belongs here: what an answer is, whatever stands on the page. Does not belong here: who may see it
(`test_access.py`), numbers (`test_agreement.py`), or what a browser draws (`browser/`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from company import EIGHTH, FORMULAS, MARKUP, ODD_REP, Browser, Company, copy_of, just_now

from dashboard import app
from dashboard.releases import Shelf
from dashboard.ui.packed import Kept, pack
from orchestration.errors import GateError
from orchestration.publish import catalogue
from orchestration.publish.release import record_failure
from orchestration.publish.store import switch_link

pytestmark = pytest.mark.xdist_group("dashboard_company")

PAGES = ("/", "/findings", "/metric/open_pipeline", "/metric/lead_response_time", "/rep/demo%3AR001")
MANAGER = '[dashboard]\nuser_header = "X-Zeven-User"\nmanagers = ["director"]\nreps = {noor = "demo:R001"}\n'


@pytest.fixture(scope="module")
def browser(company: Company) -> Browser:
    return Browser.of(company.settings())


@pytest.fixture(scope="module")
def odd_browser(odd: Company) -> Browser:
    return Browser.of(odd.settings())


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def two_releases(odd: Company, folder: Path) -> tuple[Company, str, str]:
    """(a copy, its older release, the newer one, which serves)."""
    copy = copy_of(odd, folder)
    newer, older = copy.store.release_ids()
    assert copy.serving == newer
    return copy, older, newer


@pytest.mark.parametrize(
    ("page", "panel"),
    [("", "leads_over_time"), ("/metric/closed_sales", "trend"), ("/metric/conversion_ratio", "cohorts")],
)
def test_a_file_names_a_period_by_its_first_day(company: Company, page: str, panel: str) -> None:
    """On the page it is `Jun`, of one year as of the other, and `jun` in Dutch."""
    browser = Browser(app.create_app(company.settings()))
    address = f"/csv{page}?panel={panel}&release={company.serving}"
    english, dutch = (browser.get(f"{address}&lang={language}").text for language in ("en", "nl"))
    assert english == dutch
    starts = [date.fromisoformat(row["period_start"]) for row in rows_of(english)]
    assert starts == sorted(set(starts))
    assert len(starts) > 3


# --- releases that come and go ----------------------------------------------------------------------------


def test_before_the_first_release_a_page_says_what_to_run(company: Company, tmp_path: Path) -> None:
    empty = Company(tmp_path)
    browser = Browser.of(empty.settings())
    for pathname in PAGES:
        page = browser.page(pathname)
        assert "There is no release yet" in page.text
        assert ".venv/bin/zeven run" in page.text
        assert page.state == {"language": "en", "title": "There is no release yet · Zeven", "release": ""}
    health = browser.get("/healthz")
    assert (health.status_code, health.json) == (200, {"status": "ok", "release": None})
    assert browser.get("/csv?panel=answer_times&release=").status_code == 410
    # and then there is one: the same process shows it
    copy_of(company, tmp_path)
    assert browser.page("/").state["release"] == company.serving
    assert browser.get("/healthz").json == {"status": "ok", "release": company.serving}


def test_before_the_first_release_a_failed_run_says_why(tmp_path: Path) -> None:
    company = Company(tmp_path)
    settings = company.settings(MANAGER)
    record_failure(settings, run_id="run-1", error=GateError("leads.csv has no column lead_id."))
    browser = Browser.of(settings)
    assert "leads.csv has no column lead_id." in browser.as_user("director").page("/").text
    told = browser.as_user("noor").page("/").text
    assert "There is no release yet" in told
    assert "lead_id" not in told


def test_another_release_shows_without_a_restart(odd: Company, tmp_path: Path) -> None:
    copy, older, newer = two_releases(odd, tmp_path)
    browser = Browser.of(copy.settings())
    assert browser.page("/").state["release"] == newer
    assert EIGHTH in browser.page("/").cards()
    catalogue.rollback(copy.settings(), older)
    page = browser.page("/")
    assert page.state["release"] == older
    assert EIGHTH not in page.cards()
    assert browser.get("/healthz").json["release"] == older
    catalogue.rollback(copy.settings(), newer)
    assert browser.page("/").state["release"] == newer


def test_a_page_its_files_and_its_tables_are_of_one_release(odd: Company, tmp_path: Path) -> None:
    """Also when another release serves by the time that a reader asks for them."""
    copy, older, newer = two_releases(odd, tmp_path)
    browser = Browser.of(copy.settings())
    catalogue.rollback(copy.settings(), older)
    old = browser.page("/")
    found = [*old.links("/csv"), *old.links("/table")]
    assert len(found) > 6
    assert all(address.endswith(f"&release={older}") for address in found)
    before = [browser.get(address).data for address in found]
    catalogue.rollback(copy.settings(), newer)
    assert browser.page("/").state["release"] == newer
    assert [browser.get(address).data for address in found] == before
    # what was compared differs between the two
    stages = next(one for one in found if "panel=pipeline_by_stage" in one)
    assert FORMULAS["stage"] in browser.get(stages.replace(older, newer)).text
    assert FORMULAS["stage"] not in browser.get(stages).text


def test_a_release_that_is_gone_is_gone(odd: Company, tmp_path: Path) -> None:
    copy, older, newer = two_releases(odd, tmp_path)
    browser = Browser.of(copy.settings())
    address = browser.page("/").links("/csv")[0]
    assert browser.get(address.replace(newer, older)).status_code == 200
    assert catalogue.prune(copy.settings("[release]\nkeep = 1\n")) == [older]
    for kind in ("/csv", "/table"):
        answer = browser.get(address.replace(newer, older).replace("/csv", kind, 1))
        assert answer.status_code == 410
        assert answer.mimetype == "text/plain"
        assert "no longer kept" in answer.text
    assert browser.get(address).status_code == 200


@pytest.mark.parametrize("release_id", ["", ".", "..", "../x", "nothing", "x" * 5000, "%00", "*", "current"])
def test_what_is_no_release_is_gone(browser: Browser, release_id: str) -> None:
    answer = browser.get(f"/csv?panel=answer_times&release={release_id}")
    assert answer.status_code == 410
    assert "x" * 50 not in answer.text


# --- a failed run, an old release, a damaged one ----------------------------------------------------------


def test_a_failed_run_is_told_on_every_page_and_taken_back(changed: Company) -> None:
    settings = changed.settings(MANAGER)
    browser = Browser.of(settings)
    director, noor = browser.as_user("director"), browser.as_user("noor")
    assert "published nothing" not in director.page("/").text
    record_failure(settings, run_id="run-2", error=GateError(f"Refused: {MARKUP}"))
    for pathname in PAGES:
        page = director.page(pathname)
        assert re.search(r"The last run published nothing \(\d+ \w+ \d\d:\d\d\): ", page.text)
        assert any(text.endswith(f"Refused: {MARKUP}") for text in page.texts)
        assert page.state["release"] == changed.serving
        assert '"role": "alert"' in page.json
    told = noor.page("/").text
    assert "The last run published nothing" in told
    assert "Refused" not in told
    assert "De laatste run publiceerde niets" in director.page("/", "?lang=nl").text
    changed.store.last_failure.unlink()
    assert "published nothing" not in director.page("/").text


@pytest.mark.parametrize("note", ["{", "[]"])
def test_an_unreadable_note_of_a_failure_is_a_failure(changed: Company, note: str) -> None:
    changed.store.last_failure.write_bytes(note.encode("latin-1"))
    page = Browser.of(changed.settings()).page("/")
    assert "The last run published nothing: a check failed or the run stopped." in page.text
    assert page.state["release"] == changed.serving


@pytest.mark.parametrize(("hours", "is_stale"), [(0, False), (35, False), (37, True), (2000, True)])
def test_an_old_release_is_marked(changed: Company, hours: int, is_stale: bool) -> None:
    made = datetime.now(UTC) - timedelta(hours=hours, minutes=5)
    rewrite_manifest(changed, created_at=made.strftime("%Y-%m-%dT%H:%M:%SZ"))
    page = Browser.of(changed.settings("[release]\nmax_age_hours = 36\n")).page("/findings")
    assert (f"{hours:,} hours old: older than the 36 hours agreed" in page.text) == is_stale
    assert page.state["release"] == changed.serving


def rewrite_manifest(company: Company, *, without: str = "", **changes: Any) -> None:
    file = company.store.releases / company.serving / "manifest.json"
    file.chmod(0o644)
    manifest = json.loads(file.read_text(encoding="utf-8")) | changes
    manifest.pop(without, None)
    file.write_text(json.dumps(manifest), encoding="utf-8")


def spoil(company: Company, how: str) -> None:
    folder = company.store.releases / company.serving
    folder.chmod(0o755)
    for file in folder.glob("*.*"):
        if not file.is_dir():
            file.chmod(0o644)
    if how == "no file":
        (folder / "zeven.duckdb").unlink()
    elif how == "half a file":
        (folder / "zeven.duckdb").write_bytes((folder / "zeven.duckdb").read_bytes()[:4000])
    elif how == "another file":
        (folder / "zeven.duckdb").write_bytes(b"no database" * 1000)
    elif how == "no manifest":
        (folder / "manifest.json").unlink()
    elif how == "half a manifest":
        (folder / "manifest.json").write_text('{"format": 1, "release')
    elif how == "manifest of another format":
        rewrite_manifest(company, format=2)
    elif how == "no folder":
        folder.rename(company.folder / "elsewhere")
    elif how == "no link":
        company.store.current.unlink()
        company.store.current.mkdir()
    else:
        rewrite_manifest(company, without=how)


@pytest.mark.parametrize(
    "how",
    ["no file", "half a file", "another file", "no manifest", "half a manifest", "manifest of another format",
     "as_of", "created_at", "company", "no folder", "no link"],
)  # fmt: skip
def test_a_damaged_release_is_trouble_in_a_sentence(changed: Company, how: str) -> None:
    serving = changed.serving
    spoil(changed, how)
    browser = Browser.of(changed.settings())
    health = browser.get("/healthz")
    assert health.status_code == 503
    assert health.json["status"] == "damaged"
    assert str(changed.store.root) in health.json["message"]
    for pathname in ("/", "/rep/demo%3AR001"):
        page = browser.page(pathname)
        assert "This page could not be made" in page.text
        assert page.state["release"] == ""
        assert str(changed.folder) not in page.json
    answer = browser.get(f"/csv?panel=answer_times&release={serving}")
    if how == "no folder":
        assert answer.status_code == 410
    elif how == "no link":
        assert answer.status_code == 200
    else:
        assert answer.status_code == 503
        assert str(changed.folder) not in answer.text


def test_trouble_is_over_when_a_whole_release_serves(odd: Company, tmp_path: Path) -> None:
    copy, older, newer = two_releases(odd, tmp_path)
    spoil(copy, "another file")
    browser = Browser.of(copy.settings())
    address = f"/csv?panel=answer_times&release={older}"
    assert browser.get("/healthz").status_code == 503
    assert browser.get(address).status_code == 200
    switch_link(copy.store.current, f"releases/{older}")
    assert browser.get("/healthz").json == {"status": "ok", "release": older}
    assert browser.page("/").state["release"] == older
    assert browser.get(address.replace(older, newer)).status_code == 503


# --- addresses --------------------------------------------------------------------------------------------

NO_PAGE = (
    "/nothing",
    "/metric",
    "/metric/",
    "/metric/nothing",
    "/metric/kpi_closed_sales",
    "/metric/closed_sales/x",
    "/rep",
    "/rep/nobody",
    "/rep/demo%3AR001/x",
    "/findings/x",
    "/csv",
    "/Findings",
    "/metric/closed_sales%00",
    "/metric/%63losed_sales%2F",
)
HOSTILE = (
    MARKUP,
    f'">{MARKUP}',
    "' or 1=1 --",
    "'; drop table kpi_scorecard; --",
    '"',
    "..",
    "../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "a\nSet-Cookie: b=c",
    "a\r\n\r\n<p>",
    "\x00",
    "\ud800",
    "$team_id",
    "{0.__class__}",
    "%(x)s",
    "%",
    "%zz",
    "%ff%fe",
    "%25252e",
    "javascript:alert(1)",
    "🙂" * 40,
    "x" * 20_000,
)


@pytest.mark.parametrize("pathname", NO_PAGE)
def test_what_is_no_page_says_so(browser: Browser, pathname: str) -> None:
    page = browser.page(pathname)
    assert page.state["title"].startswith("There is no such page")
    assert "There is no such page" in page.text
    assert (page.cards(), page.panels()) == ([], [])
    assert page.links("/metric/closed_sales")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_path_is_no_page(browser: Browser, value: str) -> None:
    for pathname in (f"/metric/{value}", f"/rep/{value}", f"/{value}", value):
        page = browser.page(pathname)
        assert page.state["title"].startswith(("There is no such page", "Overview")), pathname
        assert not_drawn(page.texts, value)
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links(""))


@pytest.mark.parametrize("name", ["period", "start", "team", "rep", "source", "lang"])
@pytest.mark.parametrize("value", [*HOSTILE, "2026-02-30", "0000-00-00", "9999-12-31", "-1", "nobody", ""])
def test_a_hostile_filter_is_the_default(browser: Browser, name: str, value: str) -> None:
    raw = value.encode("utf-8", "replace").decode()
    for search in (f"?{name}={value}", f"?{name}={quote(raw)}&{name}={value}"):
        assert browser.page("/findings", search) == browser.page("/findings")


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("kind", ["csv", "table"])
def test_a_hostile_file_is_none(browser: Browser, company: Company, kind: str, value: str) -> None:
    raw = quote(value.encode("utf-8", "replace"))
    known = f"release={company.serving}"
    for address in (
        f"/{kind}/metric/{raw}?panel=trend&{known}",
        f"/{kind}/rep/{raw}?panel=overdue&{known}",
        f"/{kind}?panel={raw}&{known}",
        f"/{kind}?panel=answer_times&release={raw}",
    ):
        answer = browser.get(address)
        assert answer.status_code in (404, 410), address
        assert "<img" not in answer.text
        assert "Set-Cookie" not in answer.headers
    answer = browser.get(
        f"/{kind}?panel=answer_times&{known}&rep={raw}&start={raw}&source={raw}&period={raw}"
    )
    assert answer.data == browser.get(f"/{kind}?panel=answer_times&{known}").data


@pytest.mark.parametrize("value", [one for one in HOSTILE if one != "\ud800"])
def test_the_empty_page_does_not_repeat_its_address(browser: Browser, value: str) -> None:
    """What the browser gets first, before it asks for a view."""

    def plain(text: str) -> str:
        return re.sub(r'"end_id":"[^"]*"', "", text)  # another one in every answer, by chance

    index = plain(browser.get("/").text)
    for address in (f"/{quote(value)}", f"/metric/{quote(value)}?source={quote(value)}"):
        answer = browser.get(address)
        assert answer.status_code in (200, 404), address
        if answer.status_code == 200:
            assert plain(answer.text) == index


def not_drawn(texts: list[str], value: str) -> bool:
    return not any(value in text for text in texts if len(value) > 3)


def test_render_never_raises_for_an_address(company: Company) -> None:
    settings = company.settings()
    shelf = Shelf(settings)
    for pathname in (None, "", "//", "/metric//closed_sales", "/" * 500, *HOSTILE):
        for search in (None, "", "?", "??", "?&&==", "?" + "a=1&" * 200, "?lang=nl"):
            _, state = app.render(settings, shelf, pathname, search, {})
            assert state["release"] == company.serving
            assert state["language"] == ("nl" if search == "?lang=nl" else "en")


def test_a_page_that_cannot_be_made_is_trouble(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: Any) -> Any:
        raise RuntimeError(MARKUP)

    monkeypatch.setitem(app.PAGES, ("findings",), broken)
    browser = Browser.of(company.settings())
    page = browser.page("/findings")
    assert page.state == {"language": "en", "title": "This page could not be made · Zeven", "release": ""}
    assert MARKUP not in page.json
    assert browser.page("/").state["release"] == company.serving


# --- texts of the release ---------------------------------------------------------------------------------


def test_what_a_release_says_is_text_and_no_markup(odd_browser: Browser) -> None:
    page = odd_browser.page("/")
    assert page.texts.count(MARKUP) == 3
    assert "dangerously" not in page.json
    address = f"/table/rep/{quote(quote(ODD_REP, safe=''))}?panel=overdue&release={page.state['release']}"
    answer = odd_browser.get(address)
    assert answer.status_code == 200
    assert "&quot;http://evil.example&quot;" in answer.text
    assert '"http://evil.example"' not in answer.text


@pytest.mark.parametrize(
    ("address", "column", "formula"),
    [
        ("/csv?panel=coaching", "rep", FORMULAS["rep"]),
        ("/csv?panel=pipeline_by_stage", "stage", FORMULAS["stage"]),
        ("/csv?panel=sources", "source", FORMULAS["source"]),
        ("/csv/metric/open_pipeline?panel=overdue", "opportunity_id", "+demo:O"),
        ("/csv/metric/open_pipeline?panel=by_rep", "name", FORMULAS["rep"]),
    ],
)
def test_no_cell_of_a_file_is_a_formula(
    odd_browser: Browser, odd: Company, address: str, column: str, formula: str
) -> None:
    answer = odd_browser.get(f"{address}&release={odd.serving}")
    assert answer.status_code == 200
    cells = [row[column] for row in rows_of(answer.text)]
    assert any(cell.startswith(f"'{formula}") for cell in cells)
    for row in rows_of(answer.text):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "@", "\t", "\r"))
            assert not cell.startswith("-") or float(cell) < 0


def test_a_negative_number_is_no_formula() -> None:
    assert [app._harmless(value) for value in (-1.5, "-1.5", "=1", "a=1", "\t=1", "", None, True)] == [
        -1.5, "'-1.5", "'=1", "a=1", "'\t=1", "", None, True,
    ]  # fmt: skip


@pytest.mark.parametrize("pathname", [*PAGES, f"/rep/{quote(ODD_REP, safe='')}", f"/metric/{EIGHTH}"])
@pytest.mark.parametrize("search", ["", "?lang=nl&period=quarter&source=partner&team=demo%3AT01"])
def test_every_link_of_a_page_leads_somewhere(odd_browser: Browser, pathname: str, search: str) -> None:
    page = odd_browser.page(pathname, search)
    for address in [*page.links("/csv"), *page.links("/table")]:
        answer = odd_browser.get(address)
        assert answer.status_code == 200, address
        assert answer.text.startswith(("\ufeff", "<div"))
    others = [link for link in page.links("/") if not link.startswith(("/csv", "/table"))]
    assert len(others) > 8
    for link in others:
        path, _, query = link.partition("?")
        title = odd_browser.page(path, f"?{query}").state["title"]
        assert not title.startswith(("There is no such page", "This page could not")), link


def test_a_file_is_the_panel_s_rows(browser: Browser, company: Company) -> None:
    answer = browser.get(f"/csv/metric/closed_sales?panel=by_rep&start=2026-01-15&release={company.serving}")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="by_rep_2026-01-01.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.data.startswith(b"\xef\xbb\xbfname,closed_amount,won_opportunities,mean_deal_amount,")
    first = rows_of(answer.text)[0]
    assert (first["name"], first["closed_amount"], first["won_opportunities"]) == (
        "Femke Scholten", "82820.00", "2",
    )  # fmt: skip
    table = browser.get(f"/table/metric/closed_sales?panel=by_rep&start=2026-01-15&release={company.serving}")
    assert table.headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<td class="right">€ 82,820</td>' in table.text


# --- headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "mimetype"),
    [
        ("/", "text/html"),
        ("/metric/closed_sales", "text/html"),
        ("/csv?panel=answer_times&release={}", "text/csv"),
        ("/table?panel=answer_times&release={}", "text/html"),
        ("/table/metric/closed_sales?panel=by_rep&release={}", "text/html"),
        ("/healthz", "application/json"),
        ("/_dash-layout", "application/json"),
        ("/_dash-dependencies", "application/json"),
        ("/csv?panel=nothing&release={}", "text/html"),
        ("/csv?release=nothing", "text/plain"),
    ],
)
def test_every_answer_is_guarded_and_not_kept(
    browser: Browser, company: Company, address: str, mimetype: str
) -> None:
    answer = browser.get(address.format(company.serving))
    assert answer.mimetype == mimetype
    guarded(answer.headers)
    if mimetype != "text/plain":
        assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers


def test_a_view_is_guarded_and_not_kept(browser: Browser) -> None:
    answer = browser.post("/")
    guarded(answer.headers)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/json"


def guarded(headers: Mapping[str, str]) -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert re.fullmatch(r"'self'( 'sha256-[A-Za-z0-9+/=]+')+", policy["script-src"])
    assert not any("http" in value or "*" in value for value in policy.values())
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers


def test_the_index_names_no_other_host_and_only_scripts_that_are_allowed(browser: Browser) -> None:
    answer = browser.get("/")
    found = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert found
    assert [address for address in found if "//" in address] == []
    assert "polyfill" not in answer.text


# --- pages that are asked for again -----------------------------------------------------------------------


def test_a_page_is_made_once(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = company.settings()
    made: list[int] = []
    shelf, kept = Shelf(settings), Kept()
    monkeypatch.setitem(app.PAGES, ("findings",), counting(app.PAGES[("findings",)], made))
    for _ in range(3):
        app.render(settings, shelf, "/findings", "", {}, kept)
    assert len(made) == 1
    for search in ("?lang=nl", "?period=week", "?source=partner", "?team=demo:T01", "?rep=demo:R001"):
        app.render(settings, shelf, "/findings", search, {}, kept)
    assert len(made) == 6


def counting(build: Any, made: list[int]) -> Any:
    def built(source: Any) -> Any:
        made.append(1)
        return build(source)

    return built


def test_a_kept_page_ends_with_what_it_follows_from(changed: Company) -> None:
    """A failure that comes, a release that grows old: the page tells, although it was kept before."""
    settings = changed.settings("[release]\nmax_age_hours = 1\n")
    browser = Browser.of(settings)
    first = browser.page("/")
    record_failure(settings, run_id="run-2", error=GateError("First."))
    second = browser.page("/")
    record_failure(settings, run_id="run-3", error=GateError("Second."))
    third = browser.page("/")
    changed.store.last_failure.unlink()
    assert "First." in second.text
    assert "Second." in third.text
    assert "First." not in third.text
    assert browser.page("/") == first
    made = just_now() - timedelta(hours=2)
    rewrite_manifest(changed, created_at=made.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert "2 hours old" in Browser.of(settings).page("/").text


def test_the_oldest_page_makes_room() -> None:
    kept, made = Kept(most=2 * len(pack("a"))), []

    def make(name: str) -> Any:
        def page() -> Any:
            made.append(name)
            return name, {"title": name}

        return page

    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept(name, make(name))[1] == {"title": name}
    assert made == ["a", "b", "c", "b"]


def test_a_page_that_failed_is_not_kept() -> None:
    kept = Kept()

    def broken() -> Any:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        kept("a", broken)
    assert kept("a", lambda: ("page", {}))[1] == {}
