"""The queries behind the pages: rows of `kpi_*` as they are, and lists and distributions from `fct_*`.

Belongs here: every SQL text of the dashboard. Does not belong here: anything about pages, words or looks; and
no formula of a metric, which is the mart's.

All functions take the release of the view and give plain rows; a key that a metric does not have is absent.
Names of tables and columns come from this file alone; values are bound.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from dashboard.releases import Release, Row
from dashboard.view import PERIOD_TYPES, Outline, Period, Rep, View


def outline(release: Release) -> Outline:
    """What the release can be asked."""
    found = release.rows(
        "select distinct period_type, period_start, period_end, is_complete from kpi_number_of_leads "
        "where level = 'company' and breakdown = 'total' order by all"
    )
    periods = {
        kind: tuple(
            Period(kind, row["period_start"], row["period_end"], row["is_complete"])
            for row in found
            if row["period_type"] == kind
        )
        for kind in PERIOD_TYPES
    }
    teams = release.rows(
        "select team_id, team_name from dim_teams order by is_known desc, team_name, team_id"
    )
    reps = release.rows(
        "select rep_id, rep_name, team_id, is_active from dim_reps "
        "where rep_id in "
        "(select rep_id from kpi_number_of_leads where level = 'rep' and breakdown = 'total') "
        "order by is_known desc, rep_name, rep_id"
    )
    sources = release.rows("select source from dim_sources order by is_known desc, source")
    return Outline(
        periods=periods,
        teams={row["team_id"]: row["team_name"] or row["team_id"] for row in teams},
        reps={
            row["rep_id"]: Rep(
                row["rep_id"], row["rep_name"] or row["rep_id"], row["team_id"], row["is_active"] is not False
            )
            for row in reps
        },
        sources=tuple(row["source"] for row in sources),
    )


def catalog(release: Release) -> dict[str, Row]:
    """The seven metrics by slug: names, units, definitions and questions in both languages."""
    return {row["slug"]: row for row in release.rows("select * from metric_catalog order by sort_order")}


def scorecard(release: Release, view: View) -> tuple[Row, ...]:
    """The seven headlines of the view's member in every period of its type up to its own, oldest first."""
    member = _is(view.member)
    found = release.rows(
        f"select * from kpi_scorecard where period_type = $period_type and {member} "
        "order by period_start, sort_order",
        period_type=view.period.type,
        **_known(view.member),
    )
    return _until(found, view)


def history(
    release: Release, slug: str, view: View, breakdown: str = "total", value: str = "total"
) -> tuple[Row, ...]:
    """One breakdown value of a metric in every period of the view's type up to its own, oldest first."""
    member = _is(view.member)
    # all periods, whichever is shown: the member's next period then costs no query
    found = release.rows(
        f"select * from {_table(slug)} where period_type = $period_type and {member} "
        "and breakdown = $breakdown and breakdown_value = $value order by period_start",
        period_type=view.period.type,
        breakdown=breakdown,
        value=value,
        **_known(view.member),
    )
    return _until(found, view)


def total(release: Release, slug: str, view: View) -> Row | None:
    """The metric's row of the view's member and period; None where the mart has none."""
    newest = history(release, slug, view)[-1:]
    return next((row for row in newest if row["period_start"] == view.period.start), None)


def by_value(
    release: Release, slug: str, view: View, breakdown: str, start: date | None = None
) -> tuple[Row, ...]:
    """Rows of one metric for the view's member, by breakdown value, in its period or the one of `start`."""
    member = _is(view.member)
    return release.rows(
        f"select * from {_table(slug)} where period_type = $period_type and {member} "
        "and period_start = $start and breakdown = $breakdown order by breakdown_value",
        period_type=view.period.type,
        start=start or view.period.start,
        breakdown=breakdown,
        **_known(view.member),
    )


def members(
    release: Release,
    slug: str,
    view: View,
    level: str,
    *,
    source: str | None = None,
    columns: Collection[str] = (),
) -> tuple[Row, ...]:
    """Rows of one metric in the view's period for every team, or every rep (of the view's team if any).

    With `columns` only those, beside the keys of the member.
    """
    # of all teams, whichever is shown: the next team then costs no query
    found = release.rows(
        f"select {_columns(columns)} from {_table(slug)} "
        "where period_type = $period_type and period_start = $start and level = $wanted "
        "and breakdown = $breakdown and breakdown_value = $value "
        "order by team_id, rep_id",
        period_type=view.period.type,
        start=view.period.start,
        wanted=level,
        breakdown="source" if source else "total",
        value=source or "total",
    )
    if level != "rep" or view.team_id is None:
        return found
    return tuple(row for row in found if row["team_id"] == view.team_id)


def signals(release: Release, view: View) -> tuple[Row, ...]:
    """The findings about the view's member, and about those below it, the most urgent first."""
    return release.rows(
        "select signal.* from kpi_signals as signal inner join metric_catalog as catalog "
        "on signal.kpi = catalog.slug where ($team_id::varchar is null or signal.team_id = $team_id) "
        "and ($rep_id::varchar is null or signal.rep_id = $rep_id) "
        "order by case severity when 'alert' then 1 when 'warn' then 2 else 3 end, "
        "case level when 'company' then 1 when 'team' then 2 else 3 end, period_start desc, sort_order, "
        "signal, signal.team_id, rep_id, breakdown_value",
        team_id=view.team_id,
        rep_id=view.rep_id,
    )


def closed_by_day(release: Release, view: View, since: date, until: date) -> tuple[Row, ...]:
    """Amount won per day the deals were closed on, days without any left out."""
    narrowed = _and(_records(view))
    found = release.rows(
        "select closed_on, sum(amount) as amount, count(*) as deals from fct_opportunities "
        f"where outcome = 'won' and is_closed {narrowed} group by closed_on order by closed_on",
        **_records(view),
    )
    return tuple(row for row in found if since <= row["closed_on"] <= until)


def working_days(release: Release, since: date, until: date) -> tuple[Row, ...]:
    """Every day with the working hours it has, as a share of a usual day of the company."""
    return release.rows(
        "select date_day, is_working_day, business_minutes from dim_dates "
        "where date_day between $since and $until order by date_day",
        since=since,
        until=until,
    )


def response_buckets(
    release: Release, view: View, edges: tuple[int, ...], since: date, until: date
) -> tuple[Row, ...]:
    """Leads created in a span of days by how long they waited, in business minutes up to each of `edges`.

    `bucket` counts from 0; one past the edges is longer, and null is unanswered or known by the day only.
    """
    narrowed = _and(_records(view))
    cases = " ".join(f"when business_response_minutes <= ${f'edge_{n}'} then {n}" for n in range(len(edges)))
    return release.rows(
        f"select case when not is_answered or business_response_minutes is null then null {cases} "
        f"else {len(edges)} end as bucket, is_answered, count(*) as leads, "
        "count(*) filter (where is_customer) as customers from fct_leads "
        "where has_response_clock and created_on between $since and $until "
        f"{narrowed} group by all order by all",
        since=since,
        until=until,
        **{f"edge_{n}": edge for n, edge in enumerate(edges)},
        **_records(view),
    )


def names(release: Release, dimension: str) -> dict[str, str]:
    """What the values of a breakdown that holds ids are called: products and lead owners; else nothing."""
    sql = {
        "product": "select product_id as id, product_name as name from dim_products",
        "lead_owner": "select rep_id as id, rep_name as name from dim_reps",
    }.get(dimension)
    return {row["id"]: row["name"] or row["id"] for row in release.rows(sql)} if sql else {}


def largest_deals(release: Release, view: View, limit: int) -> tuple[Row, ...]:
    """The largest deals won in the view's period."""
    narrowed = _and(_records(view))
    return release.rows(
        "select opportunity_id, rep_id, source, closed_on, sales_cycle_days, amount from fct_opportunities "
        "where outcome = 'won' and is_closed and closed_on between $since and $until "
        f"{narrowed} "
        "order by amount desc, opportunity_id limit $limit",
        since=view.period.start,
        until=view.period.end,
        limit=limit,
        **_records(view),
    )


def overdue_deals(release: Release, view: View, limit: int) -> tuple[Row, ...]:
    """Open qualified deals whose expected day of closing has passed, the largest first; as they are now."""
    narrowed = _and(_records(view))
    return release.rows(
        "select opportunity_id, rep_id, stage, expected_close_on, amount, "
        "date_diff('day', expected_close_on, $today) as days_overdue from fct_opportunities "
        "where is_open and is_qualified and expected_close_on < $today "
        f"{narrowed} "
        "order by amount desc, opportunity_id limit $limit",
        today=release.today,
        limit=limit,
        **_records(view),
    )


def age_of_open_deals(release: Release, view: View, edges: tuple[int, ...]) -> tuple[Row, ...]:
    """Open qualified deals by their age in days up to each of `edges`; as they are now. Buckets from 0."""
    narrowed = _and(_records(view))
    cases = " ".join(
        f"when date_diff('day', created_on, $today) <= ${f'edge_{n}'} then {n}" for n in range(len(edges))
    )
    return release.rows(
        f"select case {cases} else {len(edges)} end as bucket, count(*) as deals, sum(amount) as amount "
        "from fct_opportunities where is_open and is_qualified "
        f"{narrowed} group by all order by all",
        today=release.today,
        **{f"edge_{n}": edge for n, edge in enumerate(edges)},
        **_records(view),
    )


def _is(values: Mapping[str, Any]) -> str:
    """The condition that these columns have these values, to be bound with `_known`.

    Written out, as DuckDB skips the parts of a table that cannot match for `=` and `is null`, but not for
    `is not distinct from`: one answer of a million rows took 4 ms instead of 16.
    """
    return " and ".join(
        f"{column} is null" if value is None else f"{column} = ${column}" for column, value in values.items()
    )


def _and(values: Mapping[str, Any]) -> str:
    """The same behind another condition; nothing where nothing narrows."""
    return "and " + _is(values) if values else ""


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in values.items() if value is not None}


def _records(view: View) -> dict[str, Any]:
    """The columns of facts that the view narrows; empty for the whole company."""
    return _known({"team_id": view.team_id, "rep_id": view.rep_id, "source": view.source})


def _until(found: tuple[Row, ...], view: View) -> tuple[Row, ...]:
    return tuple(row for row in found if row["period_start"] <= view.period.start)


def _columns(wanted: Collection[str]) -> str:
    """Published columns that a panel names, beside the keys of the member; all where it names none."""
    for column in wanted:
        if not re.fullmatch("[a-z_0-9]+", column):
            raise KeyError(column)
    return ", ".join(("team_id", "rep_id", *wanted)) if wanted else "*"


def _table(slug: str) -> str:
    """The mart of a metric; slugs are those of `metric_catalog`, never from an address."""
    if not re.fullmatch("[a-z][a-z0-9_]*", slug):
        raise KeyError(slug)
    return f"kpi_{slug}"
