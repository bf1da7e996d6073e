"""Every page in every view: whole, with each panel's rows to be had, also where there is nothing to show.

Belongs here: what holds for all pages and panels, and the page of a metric that has no module. Does not
belong here: what one panel says (`test_panels.py`, `test_overview.py`), numbers (`test_agreement.py`), or
answers of the server (`test_app.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from company import EIGHTH, Browser, Company, source_of

from dashboard import access, app, data
from dashboard.pages import overview
from dashboard.pages.metric import PANELS
from dashboard.pages.page import Page, Source
from dashboard.releases import Release, Row
from dashboard.view import PERIOD_TYPES
from dashboard.viewmodel.parts import Bars, Board, Panel, Plot, Table, Waterfall
from dashboard.words import KIND_OF_UNIT, Words

pytestmark = pytest.mark.xdist_group("dashboard_company")

PAGES = ("/", "findings", *(f"metric/{slug}" for slug in PANELS), "rep/demo:R001", "rep/unassigned")
MEMBERS: dict[str, dict[str, str]] = {
    "company": {},
    "team": {"team": "demo:T01"},
    "rep": {"rep": "demo:R003"},
}
WITHOUT_EMPTY_SENTENCE = ("beside_the_team",)
"""It has a line for each metric, whatever is known of it."""


class Hollow:
    """A release that can be asked everything and has no numbers: its outline and its catalog alone."""

    def __init__(self, release: Release, *tables: str) -> None:
        self._release = release
        self._tables = tables
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._release, name)

    def rows(self, sql: str, **values: Any) -> tuple[Row, ...]:
        found = self._release.rows(sql, **values)
        self.asked.append(sql)
        return () if not self._tables or any(table in sql for table in self._tables) else found


def hollow(source: Source, *tables: str) -> Source:
    """The same view of a release without rows in these tables, or in any."""
    return replace(source, release=Hollow(source.release, *tables))  # type: ignore[arg-type]


def made(source: Source) -> Page:
    page = app.make(source)
    assert page is not None
    return page


def texts(source: Source) -> list[str]:
    """What the whole page says, with its frame."""
    root, state = app._made(source, access.Reader(""), banner="", stale="")
    assert not state["title"].startswith(source.words.say("not_found"))
    return [node for node in _walk(root) if isinstance(node, str)]


def _walk(node: Any) -> Any:
    if isinstance(node, list | tuple):
        for one in node:
            yield from _walk(one)
    elif hasattr(node, "_type"):
        yield from _walk(getattr(node, "children", None))
    else:
        yield node


def whole(panel: Panel) -> None:
    """Its picture, its table and its file are of columns that its rows have."""
    keys = [column.key for column in panel.columns]
    assert len(keys) == len(set(keys)), panel.id
    for row in panel.rows:
        assert set(keys) <= set(row), panel.id
    extra = set(keys).union(*(set(row) for row in panel.rows))
    picture = panel.picture
    if isinstance(picture, Plot):
        named, drawn = {picture.x, *(series.key for series in picture.series)}, set(keys)
        kinds = {panel.column(series.key).kind for series in picture.series}
        assert kinds == {picture.kind} or kinds <= {"count", "number"}, "one axis, one kind"
    elif isinstance(picture, Bars):
        named = {picture.bar, *picture.hidden, *filter(None, (picture.low, picture.high, picture.inner))}
        drawn = set(keys)
        assert not panel.rows or {picture.mark, picture.href, picture.tone} - {None} <= extra
        assert keys[0] not in (picture.bar, *picture.hidden), panel.id
    elif isinstance(picture, Waterfall):
        named, drawn = {picture.label, picture.value}, set(keys)
    elif isinstance(picture, Board):
        named, drawn = set(picture.tones), set(keys)
    else:
        assert isinstance(picture, Table)
        named, drawn = set(), set()
    assert named <= drawn, panel.id
    assert panel.title
    assert panel.empty or panel.id in WITHOUT_EMPTY_SENTENCE, panel.id


# --- every page -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pathname", PAGES)
@pytest.mark.parametrize("member", MEMBERS)
def test_every_panel_is_whole(release: Release, pathname: str, member: str) -> None:
    for kind in PERIOD_TYPES:
        page = made(source_of(release, pathname, period_type=kind, **MEMBERS[member]))
        ids = [panel.id for panel in page.panels]
        assert len(ids) == len(set(ids)), "a panel's rows are asked for by its id"
        for panel in page.panels:
            whole(panel)
        assert ids or pathname == "findings"


@pytest.mark.parametrize("pathname", PAGES)
@pytest.mark.parametrize(
    "asked",
    [
        {"period_type": "week", "start": "2023-01-01", "language": "nl"},
        {"period_type": "quarter", "source": "unknown"},
        {"period_type": "month", "start": "2023-03-01", "rep": "unassigned", "language": "nl"},
        {"period_type": "year", "team": "unassigned", "source": "webinar"},
    ],
    ids=lambda asked: asked["period_type"],
)
def test_every_page_can_be_drawn_where_little_is_known(
    release: Release, pathname: str, asked: dict[str, str]
) -> None:
    first = data.outline(release).periods[asked["period_type"]][0].start.isoformat()
    for start in {asked.get("start", ""), first}:
        source = source_of(release, pathname, **{**asked, "start": start})
        source = replace(source, words=Words(source.view.language, source.words.currency, "UTC"))
        said = texts(source)
        assert source.words.say("all_sources") not in said  # it is a placeholder, not a text
        for panel in made(source).panels:
            assert panel.title in said
            assert panel.rows or panel.empty in said, panel.id


@pytest.mark.parametrize("pathname", PAGES)
@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("chosen", ["", "partner"])
def test_a_page_without_any_row_says_so_panel_by_panel(
    release: Release, pathname: str, member: str, chosen: str
) -> None:
    source = hollow(source_of(release, pathname, source=chosen, **MEMBERS[member]))
    page = made(source)
    filled = {panel.id for panel in page.panels if panel.rows} - set(WITHOUT_EMPTY_SENTENCE)
    # the curve has a day for every day of the period, and what was sold by then is nothing
    assert filled <= {"sales_against_target"}
    said = texts(source)
    for panel in page.panels:
        assert panel.rows or panel.empty in said, panel.id
    if pathname == "findings":
        assert "Nothing stands out: every number is within its norm." in said
    if not pathname.startswith("findings"):
        assert "–" in said


@pytest.mark.parametrize(
    "table", ["target_attainment", "scorecard", "signals", "open_pipeline", "lead_response_time"]
)
@pytest.mark.parametrize("pathname", PAGES)
def test_a_page_without_one_table_s_rows_is_whole(release: Release, pathname: str, table: str) -> None:
    source = hollow(source_of(release, pathname), f"kpi_{table}")
    for panel in made(source).panels:
        whole(panel)
    assert len(texts(source)) > 10


def test_the_note_of_all_sources_stands_where_it_is_true(release: Release) -> None:
    """A panel either is of the source that was chosen, and has no note, or has one and ignores the source."""
    for pathname in PAGES:
        plain = {panel.id: panel for panel in made(source_of(release, pathname, start="2026-01-01")).panels}
        narrowed = made(source_of(release, pathname, start="2026-01-01", source="partner")).panels
        for panel in narrowed:
            if not panel.by_source:
                assert panel.rows == without_href(plain[panel.id], panel), (pathname, panel.id)


def without_href(panel: Panel, like: Panel) -> tuple[Any, ...]:
    """The rows, with the addresses of another view."""
    return tuple(
        {**row, **({"href": other["href"]} if "href" in row else {})}
        for row, other in zip(panel.rows, like.rows, strict=True)
    )


# --- which metrics there are ------------------------------------------------------------------------------


def test_every_metric_of_the_catalog_has_its_page(release: Release) -> None:
    catalog = data.catalog(release)
    assert list(catalog) == list(PANELS)
    assert {row["unit"] for row in catalog.values()} <= set(KIND_OF_UNIT)
    assert [slug for slugs in overview.GROUPS.values() for slug in slugs] == list(catalog)


@pytest.mark.parametrize(
    "slug", ["", "x;", "leads where 1=1", "A", "_x", "1x", "x\n", "x-y", "é", "x" + "\x00"]
)
def test_a_slug_is_a_name_and_nothing_else(release: Release, slug: str) -> None:
    with pytest.raises(KeyError):
        data.history(release, slug, source_of(release).view)


@pytest.fixture(scope="module")
def odd_release(odd: Company) -> Release:
    return odd.release()


@pytest.fixture(scope="module")
def truth(odd: Company) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(odd.store.releases / odd.serving / "zeven.duckdb"), read_only=True)


def eighth(release: Release, pathname: str = f"metric/{EIGHTH}", **asked: str) -> Source:
    return source_of(release, pathname, **{"start": "2026-01-01", **asked})


@pytest.mark.parametrize(
    ("asked", "value", "change"), [({}, "3.0", "-25%"), ({"start": "2026-02-01"}, "1.5", "-62%")]
)
def test_an_eighth_metric_has_a_card(
    odd_release: Release, asked: dict[str, str], value: str, change: str
) -> None:
    card = overview.made_cards(eighth(odd_release, "/", **asked))[-1]
    assert (card.slug, card.name, card.definition) == (EIGHTH, "Renewals", "What was renewed.")
    assert (card.value, card.deltas[0].text) == (value, change)
    assert (card.status, card.status_text, card.target, card.detail) == (None, "No norm", "", "")
    assert card.href.startswith(f"/metric/{EIGHTH}?")
    assert any(spark.share for spark in card.sparks)


def test_an_eighth_metric_stands_with_the_results(odd: Company) -> None:
    page = Browser.of(odd.settings()).page("/", "?lang=nl")
    assert page.cards() == sorted([*PANELS, EIGHTH])
    assert page.texts.count("Verlengingen") == 2  # in the menu and on its card
    assert page.links(f"/metric/{EIGHTH}")


@pytest.mark.parametrize(
    ("asked", "panels"),
    [
        ({}, ["trend", "by_rep"]),
        ({"team": "demo:T01"}, ["trend", "by_rep"]),
        ({"rep": "demo:R001"}, ["trend"]),
    ],
)
def test_an_eighth_metric_has_a_page(
    odd_release: Release, truth: duckdb.DuckDBPyConnection, asked: dict[str, str], panels: list[str]
) -> None:
    source = eighth(odd_release, **asked)
    page = made(source)
    assert page.title == "Renewals"
    assert [panel.id for panel in page.panels if panel.id != "by_team"] == panels
    for panel in page.panels:
        whole(panel)
        assert panel.slug == EIGHTH
    said = texts(source)
    assert "Who stays?" in said
    assert "What was renewed." in said
    view = source.view
    expected = truth.execute(
        f"select renewals from kpi_{EIGHTH} where level = ? and team_id is not distinct from ? "
        "and rep_id is not distinct from ? and period_type = 'month' and breakdown = 'total' "
        "and period_start <= ? order by period_start desc limit 25",
        [view.level, view.team_id, view.rep_id, view.period.start],
    ).fetchall()
    trend = page.panels[0]
    assert [row["renewals"] for row in trend.rows] == [value for (value,) in expected[::-1]]
    assert any(row["renewals"] for row in trend.rows)
    assert (trend.column("renewals").kind, trend.column("renewals").label) == ("number", "renewals")


def test_an_eighth_metric_is_narrowed_to_a_source(
    odd_release: Release, truth: duckdb.DuckDBPyConnection
) -> None:
    source = eighth(odd_release, source="partner")
    [(expected,)] = truth.execute(
        f"select renewals from kpi_{EIGHTH} where level = 'company' and period_type = 'month' "
        "and period_start = '2026-01-01' and breakdown = 'source' and breakdown_value = 'partner'"
    ).fetchall()
    assert expected == 1.5
    assert made(source).panels[0].rows[-1]["renewals"] == expected
    assert overview.made_cards(source)[-1].value == "1.5"


def test_an_eighth_metric_stands_beside_the_team(odd_release: Release) -> None:
    source = eighth(odd_release, "rep/demo:R001")
    [panel] = [panel for panel in made(source).panels if panel.id == "beside_the_team"]
    assert len(panel.rows) == 8
    last = panel.rows[-1]
    assert (last["metric"], last["kind"], last["own"], last["target"]) == ("Renewals", "number", 3.0, None)
    assert "3.0" in texts(source)


def test_an_eighth_metric_without_rows_says_so(odd_release: Release) -> None:
    source = hollow(eighth(odd_release), f"kpi_{EIGHTH}", "kpi_scorecard")
    page = made(source)
    assert [panel.rows for panel in page.panels] == [()] * len(page.panels)
    assert texts(source).count("Nothing in this period.") == len(page.panels)
    assert overview.made_cards(source)[-1].value == "–"


def test_a_metric_that_is_not_in_the_catalog_has_no_page(release: Release) -> None:
    assert app.make(source_of(release, f"metric/{EIGHTH}")) is None
    for pathname in ("metric", "rep", "metric/", f"rep/{quote('demo:R001')}", "metric/closed_sales/x", "x"):
        assert app.make(source_of(release, pathname)) is None
