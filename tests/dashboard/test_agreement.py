"""What the pages show is what the release says: every card, and sums of panels, in SQL of our own.

Belongs here: numbers of the pages beside numbers of the `kpi_*` tables, by queries that share nothing with
`dashboard/data.py`. Does not belong here: whether those tables are right (`tests/integration`), or looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import product
from typing import Any

import duckdb
import pytest
from company import LAST_DAY, Browser, Company, source_of

from dashboard import app, data
from dashboard.pages import overview
from dashboard.pages.metric import PANELS
from dashboard.pages.page import Source
from dashboard.releases import Release
from dashboard.viewmodel.parts import Card, Panel

pytestmark = pytest.mark.xdist_group("dashboard_company")

TODAY = date.fromisoformat(LAST_DAY)
COMPANY = ("company", None, None)
TEAM = ("team", "demo:T01", None)
REP = ("rep", "demo:T01", "demo:R001")
NEWCOMER = ("rep", "demo:T01", "demo:R003")
NOBODY = ("rep", "unassigned", "unassigned")
MEMBERS = (COMPANY, TEAM, REP, NEWCOMER, NOBODY)
STARTS = {
    "week": (date(2026, 3, 9), date(2026, 3, 2), date(2025, 12, 29), date(2025, 6, 16)),
    "month": (date(2026, 3, 1), date(2026, 2, 1), date(2026, 1, 1), date(2025, 8, 1), date(2024, 6, 1)),
    "quarter": (date(2026, 1, 1), date(2025, 10, 1), date(2025, 4, 1)),
    "year": (date(2026, 1, 1), date(2025, 1, 1)),
}
PERIODS = [(kind, start) for kind, starts in STARTS.items() for start in starts]
SOURCES = ("partner", "website", "trade fair", "unknown")
HEADLINES = {
    "number_of_leads": ("leads", "count"),
    "lead_response_time": ("median_business_response_minutes", "minutes"),
    "number_of_follow_ups": ("follow_ups", "count"),
    "conversion_ratio": ("conversion_ratio", "ratio"),
    "target_attainment": ("attainment_ratio", "ratio"),
    "open_pipeline": ("open_amount", "money"),
    "closed_sales": ("closed_amount", "money"),
}
YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}
"""Periods to go back for the same one a year before."""
Member = tuple[str, str | None, str | None]


def earlier(kind: str, start: date, back: int) -> date:
    if kind == "week":
        return start - timedelta(weeks=back)
    months = start.year * 12 + start.month - 1 - back * {"month": 1, "quarter": 3, "year": 12}[kind]
    return date(months // 12, months % 12 + 1, 1)


@dataclass(frozen=True)
class Told:
    """The release, asked by hand: every row of the seven tables, whole or of one source."""

    con: duckdb.DuckDBPyConnection
    rows: Mapping[tuple[Any, ...], Mapping[str, Any]]

    @classmethod
    def by(cls, con: duckdb.DuckDBPyConnection) -> Told:
        rows = {}
        for slug in HEADLINES:
            found = con.execute(f"select * from kpi_{slug} where breakdown in ('total', 'source')")
            names = [column[0] for column in found.description]
            for values in found.fetchall():
                row = dict(zip(names, values, strict=True))
                key = ("level", "team_id", "rep_id", "period_type", "period_start", "breakdown_value")
                rows[(slug, *(row[name] for name in key))] = row
        return cls(con, rows)

    def row(
        self, slug: str, member: Member, kind: str, start: date, source: str | None = None, back: int = 0
    ) -> Mapping[str, Any]:
        """The metric's row of a member in a period, or in the one `back` before; empty where none is."""
        return self.rows.get((slug, *member, kind, earlier(kind, start, back), source or "total"), {})

    def number(self, slug: str, member: Member, kind: str, start: date, **how: Any) -> Any:
        return self.row(slug, member, kind, start, **how).get(HEADLINES[slug][0])

    def one(self, sql: str, *values: Any) -> Any:
        [(found,)] = self.con.execute(sql, list(values)).fetchall()
        return found


@pytest.fixture(scope="module")
def told(company: Company) -> Iterator[Told]:
    with duckdb.connect(
        str(company.store.releases / company.serving / "zeven.duckdb"), read_only=True
    ) as con:
        yield Told.by(con)


@pytest.fixture(scope="module")
def browser(company: Company) -> Browser:
    return Browser.of(company.settings())


def opened(
    release: Release, member: Member, kind: str, start: date, source: str | None = None, path: str = "/"
) -> Source:
    _, team, rep = member
    found = source_of(
        release,
        path,
        period_type=kind,
        start=start.isoformat(),
        team="" if rep else team or "",
        rep=rep or "",
        source=source or "",
    )
    assert (found.view.level, found.view.team_id, found.view.rep_id) == member
    assert (found.view.period.start, found.view.source) == (start, source)
    return found


def cards_of(source: Source) -> dict[str, Card]:
    return {card.slug: card for card in overview.made_cards(source)}


def panel_of(panels: Sequence[Panel], panel_id: str) -> Panel:
    return next(panel for panel in panels if panel.id == panel_id)


def total(panel: Panel, *keys: str) -> Any:
    return sum(row[key] for row in panel.rows for key in keys)


# --- numbers as text, written once more -------------------------------------------------------------------


def digits(value: Any, places: int = 0) -> str:
    number = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return f"{number:,}".replace("-0", "0") if number == 0 else f"{number:,}"


def written(value: Any, kind: str) -> str:
    if value is None:
        return "–"
    if kind == "count":
        return digits(value)
    if kind == "money":
        return f"€ {digits(value)}"
    if kind == "ratio":
        return f"{digits(Decimal(str(value)) * 100, 1)}%"
    minutes = int(digits(value).replace(",", ""))
    if minutes < 60:
        return f"{minutes} min"
    if minutes % 60 == 0:
        return f"{minutes // 60} h"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes < 48 * 60 else f"{digits(value / 60)} h"


def change(value: Any, earlier: Any, kind: str) -> str:
    if value is None or earlier is None or (earlier == 0 and kind != "ratio"):
        return "–"
    if kind == "ratio":
        points = digits(100 * (value - earlier), 1)
        return f"{points if points.startswith('-') else f'+{points}'} pp"
    percent = digits(100 * (float(value) - float(earlier)) / abs(float(earlier)))
    return f"{percent if percent.startswith('-') else f'+{percent}'}%"


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


def norm(told: Told, slug: str, member: Member, kind: str, start: date, source: str | None = None) -> str:
    """What a card says it should be."""
    row = told.row(slug, member, kind, start, source=source)
    if not row:
        return ""
    if slug == "number_of_leads":
        if row["workload_leads_per_rep"] is None:
            return ""
        capacity = digits(row["capacity_leads_per_rep"] or 0)
        return f"{digits(row['workload_leads_per_rep'], 1)} open per rep of {capacity}"
    if slug == "lead_response_time":
        share = written(row["within_sla_ratio"], "ratio")
        return f"{share} in time" if source else f"{share} within 1 h"
    if slug == "number_of_follow_ups":
        each = row["follow_ups_per_contacted_lead"]
        return f"{'–' if each is None else digits(each, 1)} per contacted lead"
    if slug == "conversion_ratio":
        return f"Target {written(row['target_ratio'], 'ratio')}"
    target = told.row("target_attainment", member, kind, start)  # a week has none
    if slug == "target_attainment":
        closed, amount = target["closed_amount"], target["target_amount"]
        return (
            "No target set" if amount is None else f"{written(closed, 'money')} of {written(amount, 'money')}"
        )
    if source or not target:
        return ""
    if slug == "closed_sales":
        return f"Target {written(target['target_amount'], 'money')}" if target["target_amount"] else ""
    has_gap = not target["is_complete"] and (target["gap_amount"] or 0) > 0
    return f"Gap to target {written(target['gap_amount'], 'money')}" if has_gap else ""


# --- cards ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "start"), PERIODS)
@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member[2] or member[1] or "company")
def test_every_number_of_the_cards(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    found = cards_of(opened(release, member, kind, start))
    assert list(found) == list(HEADLINES)
    for slug, (_, unit) in HEADLINES.items():
        value = told.number(slug, member, kind, start)
        before = told.number(slug, member, kind, start, back=1)
        year = told.number(slug, member, kind, start, back=YEAR[kind])
        card = found[slug]
        assert plain(card.value) == written(value, unit), slug
        expected = [change(value, before, unit), change(value, year, unit)]
        assert [delta.text for delta in card.deltas] == expected[: 1 if kind == "year" else 2], slug
        assert plain(card.target) == norm(told, slug, member, kind, start), slug


@pytest.mark.parametrize(("kind", "start"), PERIODS)
@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member[2] or member[1] or "company")
def test_the_numbers_before_they_are_written(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    """The scorecard, which the cards read, beside the seven tables: not a rounding apart."""
    view = opened(release, member, kind, start).view
    rows = {row["kpi"]: row for row in data.scorecard(release, view) if row["period_start"] == start}
    assert set(rows) == set(HEADLINES) - ({"target_attainment"} if kind == "week" else set())
    for slug, row in rows.items():
        assert [row["value"], row["previous_value"], row["same_period_last_year_value"]] == [
            None if value is None else float(value)
            for value in (
                told.number(slug, member, kind, start),
                told.number(slug, member, kind, start, back=1),
                told.number(slug, member, kind, start, back=YEAR[kind]),
            )
        ], slug


def test_the_periods_that_are_compared_have_something_to_compare(told: Told) -> None:
    """Otherwise the tests above hold for a company that sells nothing."""
    for slug in HEADLINES:
        values = [told.number(slug, COMPANY, kind, start) for kind, start in PERIODS]
        assert sum(1 for value in values if value) >= 3, slug
    assert told.number("closed_sales", REP, "month", date(2026, 1, 1)) > 0


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("member", [COMPANY, TEAM, REP], ids=lambda member: member[0])
def test_with_a_source_the_cards_are_of_that_source(
    release: Release, told: Told, member: Member, source: str
) -> None:
    for kind, start in (
        ("month", date(2026, 3, 1)),
        ("month", date(2025, 8, 1)),
        ("quarter", date(2025, 4, 1)),
        ("week", date(2026, 3, 2)),
        ("year", date(2025, 1, 1)),
    ):
        found = cards_of(opened(release, member, kind, start, source))
        for slug, (_, unit) in HEADLINES.items():
            of = None if slug == "target_attainment" else source
            value = told.number(slug, member, kind, start, source=of)
            before = told.number(slug, member, kind, start, source=of, back=1)
            assert plain(found[slug].value) == written(value, unit), (slug, kind)
            assert found[slug].deltas[0].text == change(value, before, unit), (slug, kind)
            assert plain(found[slug].target) == norm(told, slug, member, kind, start, of), (slug, kind)


def test_sources_differ_from_the_total(told: Told) -> None:
    of = [told.number("number_of_leads", COMPANY, "year", date(2025, 1, 1), source=one) for one in SOURCES]
    assert all(of)
    assert sum(of) < told.number("number_of_leads", COMPANY, "year", date(2025, 1, 1))


@pytest.mark.parametrize("member", [COMPANY, TEAM, REP], ids=lambda member: member[0])
@pytest.mark.parametrize(
    ("kind", "start"),
    [("month", date(2026, 3, 1)), ("quarter", date(2025, 10, 1)), ("year", date(2025, 1, 1))],
)
def test_the_page_draws_these_numbers(
    browser: Browser, told: Told, member: Member, kind: str, start: date
) -> None:
    _, team, rep = member
    search = f"?period={kind}&start={start}" + (f"&rep={rep}" if rep else f"&team={team}" if team else "")
    drawn = browser.page("/", search)
    for slug, (_, unit) in HEADLINES.items():
        of_card = texts_of(drawn.root, f"card-{slug}")
        value = told.number(slug, member, kind, start)
        before = told.number(slug, member, kind, start, back=1)
        assert written(value, unit) in of_card, slug
        assert change(value, before, unit) in of_card, slug
        expected = norm(told, slug, member, kind, start)
        assert not expected or expected in of_card, slug


def texts_of(root: Any, wanted: str) -> list[str]:
    """The texts within the element of that id, as a packed page has them."""

    def walk(node: Any, inside: bool) -> Iterator[str]:
        if isinstance(node, str):
            if inside:
                yield plain(node)
        elif isinstance(node, dict):
            props = node["props"]
            within = inside or props.get("id") == wanted
            yield from walk(props.get("children"), within)
            for inner in props.get("nodes", ()):
                yield from static(inner, within)
        elif isinstance(node, list):
            for inner in node:
                yield from walk(inner, inside)

    def static(node: Any, inside: bool) -> Iterator[str]:
        if isinstance(node, str):
            if inside:
                yield plain(node)
        elif isinstance(node, list):
            within = inside or node[1].get("id") == wanted
            for inner in node[2] if len(node) > 2 else ():
                yield from static(inner, within)

    return list(walk(root, inside=False))


# --- panels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "start"), PERIODS)
@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member[2] or member[1] or "company")
def test_the_curve_ends_at_closed_sales_and_at_the_expected_amount(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    panel = overview.sales_against_target(opened(release, member, kind, start))
    closed = [row["closed"] for row in panel.rows if row["closed"] is not None]
    assert closed == sorted(closed)
    assert closed[-1] == float(told.number("closed_sales", member, kind, start))
    assert [row["day"] for row in panel.rows if row["closed"] is not None][-1] == min(
        TODAY, opened(release, member, kind, start).view.period.end
    )
    target = told.row("target_attainment", member, kind, start)
    if target.get("target_amount") is None:
        assert not any("expected" in column.key for column in panel.columns)
        return
    assert panel.rows[-1]["expected"] == float(target["target_amount"])
    now = next((row for row in panel.rows if row["day"] == TODAY), panel.rows[-1])
    assert now["expected"] == pytest.approx(float(target["expected_amount"]), abs=0.006)


@pytest.mark.parametrize("member", [COMPANY, TEAM, REP], ids=lambda member: member[0])
@pytest.mark.parametrize(("kind", "start"), [("month", date(2026, 1, 1)), ("year", date(2026, 1, 1))])
def test_the_curve_is_beside_a_target_of_all_sources(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    """Targets know no source: neither may what is held against them."""
    panel = overview.sales_against_target(opened(release, member, kind, start, "partner"))
    closed = [row["closed"] for row in panel.rows if row["closed"] is not None]
    assert closed[-1] == float(told.number("closed_sales", member, kind, start)) > 0
    assert not panel.by_source


@pytest.mark.parametrize(("kind", "start"), [one for one in PERIODS if one[0] != "week"])
def test_last_year_ends_at_last_year_s_closed_sales(
    release: Release, told: Told, kind: str, start: date
) -> None:
    panel = overview.sales_against_target(opened(release, COMPANY, kind, start))
    expected = told.number("closed_sales", COMPANY, kind, start, back=YEAR[kind])
    assert panel.rows[-1]["last_year"] == float(expected or 0)


@pytest.mark.parametrize(("kind", "start"), PERIODS)
@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member[2] or member[1] or "company")
def test_every_lead_waits_in_one_bar(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    for source in (None, "website"):
        panel = overview.answer_times(opened(release, member, kind, start, source))
        row = told.row("lead_response_time", member, kind, start, source=source)
        assert total(panel, "in_time", "late") == row.get("leads", 0)
        unanswered = next((one["late"] for one in panel.rows if one["bucket"] == "none"), 0)
        assert unanswered == row.get("unanswered_leads", 0)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member[2] or member[1] or "company")
@pytest.mark.parametrize(("kind", "start"), [("month", date(2026, 3, 1)), ("week", date(2026, 3, 9))])
def test_bars_of_age_are_what_is_open_now(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    for source in (None, "website", "partner"):
        made = PANELS["open_pipeline"](opened(release, member, kind, start, source, "metric/open_pipeline"))
        row = told.row("open_pipeline", member, kind, start, source=source)
        ages = panel_of(made, "ages")
        assert total(ages, "amount") == row.get("open_amount", 0)
        assert total(ages, "deals") == row.get("open_opportunities", 0)


@pytest.mark.parametrize(("kind", "start"), PERIODS[1::2])
@pytest.mark.parametrize("member", [COMPANY, TEAM, REP, NOBODY], ids=lambda member: member[2] or member[0])
def test_stages_and_months_of_closing_are_the_open_pipeline(
    release: Release, told: Told, member: Member, kind: str, start: date
) -> None:
    made = PANELS["open_pipeline"](opened(release, member, kind, start, path="metric/open_pipeline"))
    row = told.row("open_pipeline", member, kind, start)
    stages = panel_of(made, "pipeline_by_stage")
    in_stages = [one for one in stages.rows if one["tone"] == "main"]
    assert sum(one["amount"] for one in in_stages) == row["open_amount"]
    assert sum(one["deals"] for one in in_stages) == row["open_opportunities"]
    months = panel_of(made, "by_expected_close_month")
    assert total(months, "open_amount") == row["open_amount"]
    assert total(months, "open_opportunities") == row["open_opportunities"]
    moves = panel_of(made, "movement").rows
    if row["opening_amount"] is None:
        assert moves == ()
    else:
        assert sum(one["amount"] for one in moves[:-1]) == moves[-1]["amount"] == row["open_amount"]


FIRST_OF_BOARD = {
    "number_of_leads": "workload_leads",
    "lead_response_time": "median_business_response_minutes",
    "number_of_follow_ups": "follow_ups_per_contacted_lead",
    "target_attainment": "attainment_ratio",
    "open_pipeline": "open_amount",
    "closed_sales": "closed_amount",
}


@pytest.mark.parametrize("slug", FIRST_OF_BOARD)
@pytest.mark.parametrize("member", [COMPANY, TEAM], ids=lambda member: member[0])
def test_reps_side_by_side_are_the_rows_of_level_rep(
    release: Release, told: Told, member: Member, slug: str
) -> None:
    column = FIRST_OF_BOARD[slug]
    for (kind, start), source in product(
        [("month", date(2026, 2, 1)), ("quarter", date(2025, 10, 1))], ("", "website")
    ):
        if source and slug == "target_attainment":
            continue
        made = panel_of(
            PANELS[slug](opened(release, member, kind, start, source or None, f"metric/{slug}")), "by_rep"
        )
        expected = told.con.execute(
            f"select rep_name, kpi.{column} from kpi_{slug} as kpi inner join dim_reps using (rep_id) "
            "where level = 'rep' and period_type = ? and period_start = ? and breakdown_value = ? "
            "and (?::varchar is null or kpi.team_id = ?) and rep_id <> 'unassigned'",
            [kind, start, source or "total", member[1], member[1]],
        ).fetchall()
        found = {row["name"]: row[column] for row in made.rows if row["name"] != "Unassigned"}
        assert found == dict(expected), (kind, source)
        assert expected


def test_the_board_of_the_overview_has_each_metric_s_own_number(release: Release, told: Told) -> None:
    kind, start = "quarter", date(2025, 10, 1)
    board = panel_of(overview.panels(opened(release, COMPANY, kind, start)), "coaching")
    assert len(board.rows) >= 2
    names = dict(told.con.execute("select rep_name, rep_id from dim_reps").fetchall())
    for row in board.rows:
        rep_id = names[row["rep"]]
        team_id = told.one("select team_id from dim_reps where rep_id = ?", rep_id)
        member = ("rep", team_id, rep_id)
        assert row["attainment"] == told.number("target_attainment", member, kind, start)
        assert row["closed"] == told.number("closed_sales", member, kind, start)
        assert row["response"] == told.number("lead_response_time", member, kind, start)
        assert row["workload"] == told.row("number_of_leads", member, kind, start)["workload_leads"]
        per_lead = told.row("number_of_follow_ups", member, kind, start)["follow_ups_per_contacted_lead"]
        assert row["follow_ups"] == per_lead


def test_a_rep_beside_the_team(release: Release, told: Told) -> None:
    kind, start = "month", date(2026, 1, 1)
    page = app.make(opened(release, REP, kind, start, path="rep/demo:R001"))
    assert page is not None
    rows = panel_of(page.panels, "beside_the_team").rows
    assert len(rows) == len(HEADLINES)
    for slug, row in zip(HEADLINES, rows, strict=True):
        own, team, company = (
            None if value is None else float(value)
            for value in (told.number(slug, member, kind, start) for member in (REP, TEAM, COMPANY))
        )
        assert (row["own"], row["team"], row["company"]) == (own, team, company), slug
    deals = app.make(opened(release, REP, kind, start, path="metric/closed_sales"))
    assert deals is not None
    largest = panel_of(deals.panels, "largest_deals")
    won = told.row("closed_sales", REP, kind, start)
    assert (len(largest.rows), total(largest, "amount")) == (won["won_opportunities"], won["closed_amount"])


@pytest.mark.parametrize("dimension", ["source", "product", "industry", "lead_owner"])
def test_a_breakdown_of_closed_sales_adds_up(release: Release, told: Told, dimension: str) -> None:
    kind, start = "year", date(2025, 1, 1)
    made = PANELS["closed_sales"](opened(release, COMPANY, kind, start, path="metric/closed_sales"))
    panel = panel_of(made, f"by_{dimension}")
    assert total(panel, "closed_amount") == told.number("closed_sales", COMPANY, kind, start)
    assert len(panel.rows) > 1


def test_through_time_a_trend_is_the_column_of_its_mart(release: Release, told: Told) -> None:
    made = PANELS["closed_sales"](
        opened(release, TEAM, "month", date(2026, 3, 1), path="metric/closed_sales")
    )
    expected = told.con.execute(
        "select closed_amount from kpi_closed_sales where level = 'team' and team_id = 'demo:T01' "
        "and breakdown = 'total' and period_type = 'month' order by period_start desc limit 25"
    ).fetchall()
    assert [row["closed_amount"] for row in panel_of(made, "trend").rows] == [
        one for (one,) in expected[::-1]
    ]
