"""The pipeline of two releases at the end of every closed period, by opportunity where they differ.

Belongs here: finding the pairs of the open pipeline, and having their parts added. Does not belong here: what
a pair does to a number (`parts.py`), and what has a date of its own (`flows.py`).

The state at an instant is that of `fct_opportunity_history`, as in the models. Only opportunities of which
something differs are looked at, at the instants of closed periods.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestration.restatements.numbers import (
    PIPELINE,
    PIPELINE_BREAKDOWNS,
    PIPELINE_MEASURES,
    RATES,
    SHARES,
)
from orchestration.restatements.parts import PAIRS, add, share_of
from orchestration.restatements.sides import Comparison, Side

_HISTORY = "fct_opportunity_history"
_FACT = "fct_opportunities"
_STATE = (
    "valid_from",
    "rep_id",
    "stage",
    "is_qualified",
    "status",
    "currency",
    "source_amount",
    "expected_close_on",
)
_OF_RECORD = ("rep_id", "team_id", "source", "industry")
_TABLE = f"kpi_{PIPELINE}"


def explain(comparison: Comparison, changed: Set[str]) -> set[tuple[str, str]]:
    """Add the parts of the pipeline, if it `changed`; the (metric, breakdown) that the records explain."""
    if PIPELINE not in changed:
        return set()
    lacking = (
        comparison.lacking(_HISTORY, ["opportunity_id", "valid_to", *_STATE])
        or comparison.lacking(_FACT, ["opportunity_id", "amount", "source_amount", "is_closed", *_OF_RECORD])
        or comparison.lacking("dim_reps", ["rep_id", "team_id"])
        or comparison.lacking(_TABLE, ["period_type", "period_start", "period_end"])
    )
    if lacking:
        comparison.note(f"{PIPELINE}: {lacking}, so its changes are not explained.")
        return set()
    has_rates, has_shares = (_has(comparison, table) for table in (RATES, SHARES))
    breakdowns = [*PIPELINE_BREAKDOWNS, *(["product"] if has_shares else [])]
    tables = [_HISTORY, _FACT, "dim_reps"]
    if not comparison.same(*tables, *([RATES] if has_rates else []), *([SHARES] if has_shares else [])):
        _make_instants(comparison)
        _find_changed(comparison, has_rates=has_rates, has_shares=has_shares)
        _make_stock(comparison, has_rates=has_rates)
        for measure in PIPELINE_MEASURES:
            if measure.is_money and not comparison.same_currency:
                continue
            comparison.con.execute(_pairs(is_money=measure.is_money))
            add(comparison.con, PIPELINE, measure.name, PIPELINE_BREAKDOWNS, dated=False)
            if has_shares:
                comparison.con.execute(_product_pairs(comparison, is_money=measure.is_money))
                add(comparison.con, PIPELINE, measure.name, ["product"], dated=False, with_total=False)
    return {(PIPELINE, name) for name in ("total", *breakdowns)}


def _has(comparison: Comparison, table: str) -> bool:
    what = {
        RATES: f"{PIPELINE} in foreign currencies: {{}}, so their worth is by each record's last rate",
        SHARES: f"{PIPELINE} by product: {{}}, so its changes are not explained",
    }[table]
    columns = {
        RATES: ["currency", "valid_from", "valid_to", "rate"],
        SHARES: ["opportunity_id", "product_id", "share_from", "share_to"],
    }[table]
    if lacking := comparison.lacking(table, columns):
        comparison.note(what.format(lacking) + ".")
        return False
    return True


def _make_instants(comparison: Comparison) -> None:
    """The closed periods of either release, with the instant just before which the stock is taken."""
    con = comparison.con
    periods = " union ".join(
        f"select period_type, period_start, period_end from {side.table(_TABLE)} where period_end < $until"
        for side in comparison.sides
    )
    found: list[tuple[str, date, date]] = con.execute(periods, {"until": comparison.closed_before}).fetchall()
    zone = ZoneInfo(comparison.after.time_zone)
    con.execute(
        "create or replace temp table zeven_instants "
        "(period_type varchar, period_start date, stock_on date, stock_before timestamp)"
    )
    if found:
        con.executemany(
            "insert into zeven_instants values (?, ?, ?, ?)",
            [(kind, start, end, _midnight_after(end, zone)) for kind, start, end in found],
        )


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day is over, in UTC without offset, as everywhere in a release."""
    following = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    return following.astimezone(UTC).replace(tzinfo=None)


def _find_changed(comparison: Comparison, *, has_rates: bool, has_shares: bool) -> None:
    """The opportunities of which anything that the stock of a closed period follows from is not the same."""
    before, after = comparison.sides

    def differing(columns: str, table: str, where: str = "true") -> str:
        """Rows of the one that are not in the other, both ways."""
        of = [f"select {columns} from {side.table(table)} where {where}" for side in (before, after)]
        return f"(({of[0]} except {of[1]}) union all ({of[1]} except {of[0]}))"

    last = "(select max(stock_before) from zeven_instants)"
    state = f"opportunity_id, least(valid_to, {last}), {', '.join(_STATE)}"
    record = f"opportunity_id, {', '.join(_OF_RECORD)}"
    sources = [
        f"select opportunity_id from {differing(state, _HISTORY, f'valid_from < {last}')}",
        f"select opportunity_id from {differing(record, _FACT)}",
    ]
    moved = f"select rep_id from {differing('rep_id, team_id', 'dim_reps')}"
    sources += [
        f"select opportunity_id from {side.table(_HISTORY)} where rep_id in ({moved})"
        for side in comparison.sides
    ]
    if has_rates:
        rates = differing("currency, valid_from, valid_to, rate", RATES)
        sources.append(
            f"select opportunity_id from {after.table(_HISTORY)} "
            f"where currency in (select currency from {rates})"
        )
    if has_shares:
        shares = differing("opportunity_id, product_id, share_from, share_to", SHARES)
        sources.append(f"select opportunity_id from {shares}")
    con = comparison.con
    con.execute(f"create or replace temp table zeven_changed as {' union '.join(sources)}")
    con.execute(_states(before, after, "a"))
    con.execute(_states(after, before, "b"))


def _states(side: Side, other: Side, suffix: str) -> str:
    """Makes the history of the changed opportunities, each with whose it is and what it belongs to.

    A deleted one is in the history alone: it is taken to be what the other release says, else its last rep's,
    of an unknown source. Where that is wrong, a rest stays unexplained.
    """
    return f"""
        create or replace temp table zeven_states_{suffix} as
        with mine as (
            select * from {side.table(_HISTORY)} semi join zeven_changed using (opportunity_id)
        ),
        last as (
            select opportunity_id, arg_max(rep_id, valid_from) as rep_id from mine group by opportunity_id
        )
        select
            mine.opportunity_id, mine.valid_from, mine.valid_to, mine.status,
            mine.status = 'open' and mine.is_qualified as is_in_stock,
            mine.stage, mine.currency, mine.source_amount,
            coalesce(strftime(mine.expected_close_on, '%Y-%m'), 'unknown') as expected_close_month,
            coalesce(fact.rep_id, other.rep_id, last.rep_id) as rep_id,
            coalesce(fact.team_id, reps.team_id, 'unassigned') as team_id,
            coalesce(fact.source, other.source, 'unknown') as source,
            coalesce(fact.industry, other.industry, 'unknown') as industry,
            coalesce(fact.is_closed, false) as is_closed,
            fact.amount / nullif(fact.source_amount, 0) as own_rate
        from mine
        inner join last using (opportunity_id)
        left join {side.table(_FACT)} as fact on mine.opportunity_id = fact.opportunity_id
        left join {other.table(_FACT)} as other on mine.opportunity_id = other.opportunity_id
        left join {side.table("dim_reps")} as reps on coalesce(other.rep_id, last.rep_id) = reps.rep_id
        """


def _make_stock(comparison: Comparison, *, has_rates: bool) -> None:
    """Every closed period and changed opportunity that was in the stock of either, with the state in both."""
    con = comparison.con
    for side, suffix in zip(comparison.sides, "ab", strict=True):
        rate = (
            "rates.rate"
            if has_rates
            else f"case when s.currency = '{side.currency}' then 1 else s.own_rate end"
        )
        rates = (
            f"left join {side.table(RATES)} as rates on rates.currency = s.currency "
            "and rates.valid_from <= i.stock_on and rates.valid_to > i.stock_on"
            if has_rates
            else ""
        )
        con.execute(
            f"""
            create or replace temp table zeven_stock_{suffix} as
            select
                i.period_type, i.period_start, s.*,
                cast(
                    coalesce(round(cast(s.source_amount as decimal(28, 2)) * {rate}, 2), 0) as decimal(18, 2)
                ) as amount
            from zeven_instants as i
            inner join zeven_states_{suffix} as s
                on s.valid_from < i.stock_before and s.valid_to >= i.stock_before
            {rates}
            """
        )


def _pairs(*, is_money: bool) -> str:
    """Makes the pairs of one measure."""

    def of_side(side: str) -> str:
        value = f"{side}.amount" if is_money else "1"
        money = f"{side}.source_amount" if is_money else "null"
        currency = f"{side}.currency" if is_money else "null"
        return f"""
            coalesce({side}.is_in_stock, false) as counted_{side},
            cast(coalesce({value}, 0) as decimal(18, 2)) as value_{side},
            cast({money} as decimal(18, 2)) as source_amount_{side},
            cast({currency} as varchar) as currency_{side},
            {side}.rep_id as rep_id_{side}, {side}.team_id as team_id_{side},
            {side}.status as status_{side},
            {side}.is_closed as is_closed_{side},
            coalesce({side}.stage, 'unknown') as stage_{side},
            {side}.source as source_{side},
            {side}.industry as industry_{side},
            {side}.expected_close_month as expected_close_month_{side}"""

    return f"""
        create or replace temp table {PAIRS} as
        with paired as (
            select
                coalesce(a.opportunity_id, b.opportunity_id) as record_id,
                coalesce(a.period_type, b.period_type) as period_type,
                coalesce(a.period_start, b.period_start) as period_start,
                {of_side("a")},
                {of_side("b")}
            from zeven_stock_a as a
            full join zeven_stock_b as b
                on a.opportunity_id = b.opportunity_id
                and a.period_type = b.period_type
                and a.period_start = b.period_start
            where coalesce(a.is_in_stock, false) or coalesce(b.is_in_stock, false)
        )
        select
            *,
            'exchange_rate' as worth_because,
            case
                when counted_b then null
                when status_b is null and record_id not in (select opportunity_id from zeven_states_b)
                    then 'deleted'
                when status_b is null then 'date_edit'
                when status_b = 'deleted' then 'deleted'
                when status_b = 'open' then 'stage_change'
                when is_closed_a and is_closed_b then 'date_edit'
                else 'closed_late'
            end as gone_because,
            case
                when counted_a then null
                when status_a is null and record_id not in (select opportunity_id from zeven_states_a)
                    then 'late_entry'
                when status_a is null then 'date_edit'
                when status_a = 'deleted' then 'restored'
                when status_a = 'open' then 'stage_change'
                when is_closed_a and is_closed_b then 'date_edit'
                else 'reopened'
            end as come_because
        from paired
        """


def _product_pairs(comparison: Comparison, *, is_money: bool) -> str:
    """Makes the pairs of products from those of the opportunities."""
    resplit = "share_from_a is distinct from share_from_b or share_to_a is distinct from share_to_b"
    sides = [
        f"(select opportunity_id as id_{suffix}, product_id as product_{suffix}, "
        f"share_from as share_from_{suffix}, share_to as share_to_{suffix} "
        f"from {side.table(SHARES)} semi join zeven_changed using (opportunity_id))"
        for side, suffix in zip(comparison.sides, "ab", strict=True)
    ]
    of_side = ", ".join(
        f"pair.counted_{side} and id_{side} is not null as counted_{side}, "
        + (
            f"coalesce({share_of(f'pair.value_{side}', f'share_from_{side}', f'share_to_{side}')}, 0)"
            if is_money
            else "pair.value_" + side
        )
        + f" as value_{side}, "
        f"case when not ({resplit}) then pair.source_amount_{side} end as source_amount_{side}, "
        f"case when not ({resplit}) then pair.currency_{side} end as currency_{side}, "
        f"pair.rep_id_{side}, pair.team_id_{side}, product as product_{side}"
        for side in "ab"
    )
    return f"""
        create or replace temp table {PAIRS} as
        with shares as (
            select *, coalesce(id_a, id_b) as id, coalesce(product_a, product_b) as product
            from {sides[0]} full join {sides[1]} on id_a = id_b and product_a = product_b
        )
        select
            pair.record_id, pair.period_type, pair.period_start, {of_side},
            case when {resplit} then 'breakdown_change' else 'exchange_rate' end as worth_because,
            coalesce(pair.gone_because, case when id_b is null then 'breakdown_change' end) as gone_because,
            coalesce(pair.come_because, case when id_a is null then 'breakdown_change' end) as come_because
        from {PAIRS} as pair
        inner join shares on pair.record_id = shares.id
        where (pair.counted_a and id_a is not null) or (pair.counted_b and id_b is not null)
        """
