"""Who may see what, once a sign-in proxy names the user: every page and every file with rows.

Belongs here: what the server makes of a header that it gets. Does not belong here: the proxy that sets it
(`tests/dashboard/proxy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import pytest
from company import MARKUP, ODD_REP, Browser, Company

from dashboard import access, app
from dashboard.access import NotAdmittedError, Reader
from dashboard.releases import Shelf
from orchestration.setting_sections import Dashboard

pytestmark = pytest.mark.xdist_group("dashboard_company")

OWN, OTHER = "demo:R001", "demo:R003"
OWN_PAGE, OTHER_PAGE = f"/rep/{quote(OWN, safe='')}", f"/rep/{quote(OTHER, safe='')}"
ACCESS = f"""
[dashboard]
user_header = "X-Zeven-User"
managers = ["director", "both"]
[dashboard.reps]
noor = "{OWN}"
both = "{OTHER}"
gone = "demo:R999"
"""
SETTINGS = Dashboard(
    user_header="X-Zeven-User", managers=("director", "both"), reps={"noor": OWN, "both": OTHER}
)
OTHERS = ("Femke Terpstra", "Amira Aydin", "demo:R002", "demo:R003", "demo:R000", "Website integration")
"""Whom a page of `OWN` has no business to name."""
PAGES = (
    "/",
    "/findings",
    "/metric/number_of_leads",
    "/metric/lead_response_time",
    "/metric/number_of_follow_ups",
    "/metric/conversion_ratio",
    "/metric/target_attainment",
    "/metric/open_pipeline",
    "/metric/closed_sales",
    OWN_PAGE,
    OTHER_PAGE,
    "/rep/unassigned",
)


@pytest.fixture(scope="module")
def director(company: Company) -> Browser:
    return Browser.of(company.settings(ACCESS), X_Zeven_User="director")


@pytest.fixture(scope="module")
def noor(director: Browser) -> Browser:
    return director.as_user("noor")


def files(browser: Browser, pathname: str, search: str = "") -> list[str]:
    page = browser.page(pathname, search)
    return [*page.links("/csv"), *page.links("/table")]


# --- from a header to a reader ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Zeven-User": "director"}, Reader("director")),
        ({"x-zeven-user": "director"}, Reader("director")),
        ({"X-ZEVEN-USER": " director "}, Reader("director")),
        ({"Accept": "*/*", "X-Zeven-User": "noor"}, Reader("noor", OWN)),
        ({"X-Zeven-User": "both"}, Reader("both")),
    ],
)
def test_a_header_names_a_reader(headers: Mapping[str, str], expected: Reader) -> None:
    assert access.reader(headers, SETTINGS) == expected


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, ""),
        ({"X-Zeven-User": ""}, ""),
        ({"X-Zeven-User": "  "}, ""),
        ({"X-Zeven-User": "stranger"}, "stranger"),
        ({"X-Zeven-User": "Director"}, "Director"),
        ({"X-Zeven-User": "director,noor"}, "director,noor"),
        ({"X-Zeven-User": "director\x00"}, "director\x00"),
        ({"X-Zeven-User": OWN}, OWN),
        ({"X_Zeven_User": "director"}, ""),
        ({"X-Zeven-User-2": "director", "Remote-User": "director"}, ""),
    ],
)
def test_whom_the_settings_do_not_name_is_nobody(headers: Mapping[str, str], said: str) -> None:
    with pytest.raises(NotAdmittedError) as refused:
        access.reader(headers, SETTINGS)
    assert str(refused.value) == said


def test_without_a_header_in_the_settings_nobody_is_asked() -> None:
    named = Dashboard(managers=("director",), reps={"noor": OWN})
    for headers in ({}, {"X-Zeven-User": "noor"}, {"": "noor"}):
        assert access.reader(headers, named) == Reader("")
        assert access.reader(headers, named).may_open(("metric", "closed_sales"))


def test_a_header_in_the_settings_alone_lets_nobody_in() -> None:
    for headers in ({}, {"X-Zeven-User": ""}, {"X-Zeven-User": "director"}):
        with pytest.raises(NotAdmittedError):
            access.reader(headers, Dashboard(user_header="X-Zeven-User"))


def test_what_a_reader_may_open() -> None:
    rep, manager = Reader("noor", OWN), Reader("director")
    assert (rep.home(), manager.home()) == (("rep", OWN), ())
    assert rep.may_open(("rep", OWN))
    for path in ((), ("rep",), ("rep", OTHER), ("rep", OWN, "x"), ("findings",), ("metric", OWN), ("", OWN)):
        assert not rep.may_open(path)
        assert manager.may_open(path)


# --- pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pathname", PAGES)
def test_a_manager_sees_every_page_and_gets_every_file(director: Browser, pathname: str) -> None:
    page = director.page(pathname)
    assert page.state["release"]
    assert "no such page" not in page.text
    for address in files(director, pathname):
        answer = director.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "no-store"
    assert files(director, pathname) or pathname == "/findings"


@pytest.mark.parametrize("pathname", [one for one in PAGES if one not in ("/", OWN_PAGE)])
def test_a_rep_sees_no_page_of_others(director: Browser, noor: Browser, pathname: str) -> None:
    page = noor.page(pathname, f"?rep={OWN}")
    assert (page.cards(), page.panels()) == ([], [])
    assert "There is no such page" in page.text
    for name in OTHERS:
        assert name not in page.json, name
    for address in files(director, pathname):
        assert noor.get(address).status_code == 403, address


def test_a_rep_s_page_names_nobody_else(noor: Browser, director: Browser) -> None:
    page = noor.page(OWN_PAGE)
    assert len(page.cards()) == 7
    assert "Femke Scholten" in page.text
    for name in OTHERS:
        assert name not in page.json, name
    followed = {link.partition("?")[0] for link in page.links("/")}
    prefixes = (OWN_PAGE, f"/csv{OWN_PAGE}", f"/table{OWN_PAGE}")
    assert followed == set(prefixes)
    assert "Amira Aydin" in director.page("/").json


@pytest.mark.parametrize("search", ["", "?period=quarter", "?source=partner", "?lang=nl&start=2026-01-01"])
def test_the_front_page_of_a_rep_is_the_own_page(noor: Browser, search: str) -> None:
    front, own = noor.page("/", search), noor.page(OWN_PAGE, search)
    assert front == own
    assert "Femke Scholten" in own.state["title"]


@pytest.mark.parametrize("pathname", ["/", OWN_PAGE])
@pytest.mark.parametrize(
    "search", [f"?rep={OTHER}", f"?rep={OTHER}&team=unassigned", "?team=demo:T01", "?team=unassigned&rep="]
)
def test_a_filter_names_nobody_else(noor: Browser, pathname: str, search: str) -> None:
    assert noor.page(pathname, search) == noor.page(OWN_PAGE)
    for address in files(noor, OWN_PAGE):
        other = noor.get(f"{address}&{search[1:]}")
        assert (other.status_code, other.data) == (200, noor.get(address).data), address


def test_a_rep_gets_the_own_files_and_no_others(director: Browser, noor: Browser) -> None:
    own = files(noor, OWN_PAGE)
    assert len(own) > 5
    for address in own:
        assert noor.get(address).status_code == 200, address
        elsewhere = address.replace(OWN_PAGE, OTHER_PAGE)
        assert director.get(elsewhere).status_code == 200, elsewhere
        assert noor.get(elsewhere).status_code == 403, elsewhere
        assert noor.get(address.replace(OWN_PAGE, f"{OWN_PAGE}/../{OTHER}")).status_code == 403


def test_an_address_of_the_front_page_gives_a_rep_the_own_rows_or_none(
    director: Browser, noor: Browser
) -> None:
    own = set(noor.page(OWN_PAGE).panels())
    statuses = {}
    for address in files(director, "/"):
        panel = address.partition("panel=")[2].partition("&")[0]
        answer = noor.get(address)
        statuses[panel] = answer.status_code
        if answer.status_code == 200:
            assert answer.data == noor.get(address.replace("/csv?", f"/csv{OWN_PAGE}?").replace(
                "/table?", f"/table{OWN_PAGE}?")).data  # fmt: skip
    assert {panel for panel, status in statuses.items() if status == 200} == own & set(statuses)
    assert set(statuses.values()) == {200, 404}


@pytest.mark.parametrize("user", ["stranger", "", "Director", MARKUP, "director, noor"])
def test_a_stranger_sees_nothing(director: Browser, user: str) -> None:
    stranger = director.as_user(user)
    for pathname in (*PAGES, "/nothing"):
        page = stranger.page(pathname)
        assert page.state == {
            "language": "en",
            "title": "This page is not yours to see · Zeven",
            "release": "",
        }
        assert f"You are signed in as {user or '?'}." in page.text
        assert page.links("/") == []
    for pathname in PAGES:
        for address in files(director, pathname):
            assert stranger.get(address).status_code == 403, address
    assert stranger.get("/csv?release=nothing").status_code == 403


def test_who_sends_no_header_sees_nothing(director: Browser) -> None:
    nobody = Browser(director.dash)
    assert "not yours to see" in nobody.page("/").text
    for address in files(director, "/"):
        assert nobody.get(address).status_code == 403


def test_the_case_of_the_header_does_not_matter(company: Company, director: Browser) -> None:
    settings = company.settings(ACCESS)
    shelf = Shelf(settings)
    for name in ("X-Zeven-User", "x-zeven-user", "X-ZEVEN-USER"):
        _, state = app.render(settings, shelf, "/findings", "", {name: "director"})
        assert state["title"].startswith("Needs attention")
        _, state = app.render(settings, shelf, "/findings", "", {name: "noor"})
        assert state["title"].startswith("There is no such page")


def test_a_rep_whom_the_release_does_not_have_sees_no_numbers(director: Browser) -> None:
    gone = director.as_user("gone")
    for pathname in ("/", "/rep/demo%3AR999", OWN_PAGE, "/findings"):
        page = gone.page(pathname)
        assert (page.cards(), page.panels()) == ([], [])
        assert "There is no such page" in page.text
        for name in ("Femke Scholten", *OTHERS):
            assert name not in page.json, name
    for address in files(director, "/"):
        assert gone.get(address).status_code == 404, address


def test_who_is_named_as_both_sees_everything(director: Browser) -> None:
    assert director.as_user("both").page("/") == director.page("/")


@pytest.mark.parametrize("first", ["director", "noor"])
def test_a_kept_page_is_never_another_reader_s(company: Company, first: str) -> None:
    """The same address, the one after the other, both ways round."""
    fresh = Browser.of(company.settings(ACCESS))
    second = {"director": "noor", "noor": "director"}[first]
    pages = {user: fresh.as_user(user).page(OWN_PAGE) for user in (first, second)}
    again = {user: fresh.as_user(user).page(OWN_PAGE) for user in (first, second)}
    assert again == pages
    assert "/metric/closed_sales" in pages["director"].json
    assert "/metric/closed_sales" not in pages["noor"].json
    assert "not yours" in fresh.as_user("stranger").page(OWN_PAGE).text


def test_an_id_that_wants_every_kind_of_escape_is_one_s_own(odd: Company) -> None:
    named = "'" + ODD_REP + "'"
    settings = odd.settings(ACCESS.replace(f'"{OWN}"', named))
    noor = Browser.of(settings, X_Zeven_User="noor")
    pathname = f"/rep/{quote(ODD_REP, safe='')}"
    page = noor.page(pathname)
    assert len(page.cards()) == 8
    assert page == noor.page("/")
    found = files(noor, pathname)
    assert len(found) > 5
    assert {noor.get(address).status_code for address in found} == {200}
    assert noor.page(OWN_PAGE).cards() == []
