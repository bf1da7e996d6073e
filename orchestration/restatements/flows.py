"""The records of two releases that lie in the period of their own date, side by side where they differ.

Belongs here: finding the pairs of a flow (`numbers.FLOWS`), and having their parts added. Does not belong
here: what a pair does to a number (`parts.py`), and stocks (`stock.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from orchestration.restatements.numbers import FLOWS, Flow, Measure
from orchestration.restatements.parts import PAIRS, PERIOD_TYPES, add, share_of
from orchestration.restatements.sides import Comparison, Side
from orchestration.sql_text import identifier

DATES = "dim_dates"
_STARTS = tuple(f"{name}_start" for name in PERIOD_TYPES)
_SHARE_COLUMNS = ("product_id", "share_from", "share_to")


def explain(comparison: Comparison, changed: Set[str]) -> set[tuple[str, str]]:
    """Add the parts of every flow of the `changed` metrics; the (metric, breakdown) that records explain.

    A changed gap to a target follows from closed sales, whose numbers changed then too.
    """
    explained: set[tuple[str, str]] = set()
    for flow in (flow for flow in FLOWS if flow.metric in changed):
        explained |= _explain(comparison, flow)
    return explained


def _explain(comparison: Comparison, flow: Flow) -> set[tuple[str, str]]:
    name = flow.metric if flow.shares is None else f"{flow.metric} by product"
    needed = [flow.record_id, flow.day, "rep_id", "team_id", *flow.reads]
    lacking = comparison.lacking(flow.table, needed) or comparison.lacking(DATES, ["date_day", *_STARTS])
    if flow.shares is not None:
        lacking = lacking or comparison.lacking(flow.shares, [flow.record_id, *_SHARE_COLUMNS])
    if lacking:
        comparison.note(f"{name}: {lacking}, so its changes are not explained.")
        return set()
    breakdowns = {}
    for breakdown, column in flow.breakdowns.items():
        lacking = None if flow.shares else comparison.lacking(flow.table, [column])
        if lacking:
            comparison.note(f"{flow.metric} by {breakdown}: {lacking}, so its changes are not explained.")
        else:
            breakdowns[breakdown] = column
    kinds = ([] if flow.shares else ["total"]) + list(breakdowns)
    tables = (flow.table, DATES) if flow.shares is None else (flow.table, DATES, flow.shares)
    if not comparison.same(*tables):
        comparison.con.execute(_joined(comparison, flow, _columns(flow, breakdowns)))
        for measure in flow.measures:
            if measure.is_money and not comparison.same_currency:
                continue
            comparison.con.execute(_pairs(flow, measure, breakdowns))
            add(
                comparison.con,
                flow.metric,
                measure.name,
                breakdowns,
                dated=True,
                with_total=flow.shares is None,
            )
    return {(flow.metric, kind) for kind in kinds}


def _columns(flow: Flow, breakdowns: Mapping[str, str]) -> dict[str, str]:
    """What is kept of a record of each side, by the name it gets (before `_a` or `_b`)."""
    columns = {"day": flow.day, "rep_id": "rep_id", "team_id": "team_id"}
    columns |= {f"read_{name}": name for name in flow.reads}
    columns |= {f"by_{name}": column for name, column in breakdowns.items()}
    if flow.shares:
        columns |= {"share_from": "share_from", "share_to": "share_to"}
    return columns


def _joined(comparison: Comparison, flow: Flow, columns: Mapping[str, str]) -> str:
    """Makes the table of records, or parts of them, that differ, with the columns of both."""

    def side(of: Side, suffix: str) -> str:
        listed = ", ".join(f"{identifier(column)} as {name}_{suffix}" for name, column in columns.items())
        starts = ", ".join(f"{start} as {start}_{suffix}" for start in _STARTS)
        part = f"product_id as product_{suffix}, " if flow.shares else ""
        # with shares, what is the same of a record may still be split otherwise
        records = of.table(flow.table) if flow.shares else comparison.differing(of, flow.table)
        shares = f"inner join {of.table(flow.shares)} using ({flow.record_id})" if flow.shares else ""
        return (
            f"(select {flow.record_id} as id_{suffix}, {part}{listed}, {starts} from {records} "
            f"{shares} left join {of.table(DATES)} on {identifier(flow.day)} = date_day)"
        )

    differs = " or ".join(f"{name}_a is distinct from {name}_b" for name in (*columns, *_STARTS))
    known = {
        suffix: f"coalesce(id_a, id_b) in (select {flow.record_id} from {of.table(flow.table)})"
        if flow.shares
        else f"id_{suffix} is not null"
        for of, suffix in zip(comparison.sides, "ab", strict=True)
    }
    return (
        "create or replace temp table zeven_joined as select coalesce(id_a, id_b) as record_id, "
        "id_a is not null as in_a, id_b is not null as in_b, "
        f"{known['a']} as known_a, {known['b']} as known_b, * "
        f"from {side(comparison.before, 'a')} full join {side(comparison.after, 'b')} "
        f"on id_a = id_b{' and product_a = product_b' if flow.shares else ''} "
        f"where id_a is null or id_b is null or {differs}"
    )


def _pairs(flow: Flow, measure: Measure, breakdowns: Mapping[str, str]) -> str:
    """Makes the pairs of one measure."""
    resplit = "share_from_a is distinct from share_from_b or share_to_a is distinct from share_to_b"
    resplit = resplit if flow.shares else "false"
    both = ", ".join(_of_side(flow, measure, breakdowns, side, resplit) for side in "ab")
    settled = {side: f"coalesce({_on_side(flow.settled, flow, side)}, false)" for side in "ab"}
    return f"""
        create or replace temp table {PAIRS} as
        with sided as (
            select
                record_id, in_a, in_b, known_a, known_b, {both},
                {settled["a"]} as settled_a,
                {settled["b"]} as settled_b,
                case
                    when {resplit} then 'breakdown_change'
                    when day_a is distinct from day_b then 'date_edit'
                    else 'exchange_rate'
                end as worth_because
            from zeven_joined
        )
        select
            *,
            case
                when counted_b then null
                when not known_b then 'deleted'
                when not in_b then 'breakdown_change'
                when settled_b then '{flow.edited}'
                else 'reopened'
            end as gone_because,
            case
                when counted_a then null
                when not known_a then 'late_entry'
                when not in_a then 'breakdown_change'
                when settled_a then '{flow.edited}'
                else 'closed_late'
            end as come_because
        from sided
        where counted_a or counted_b
        """


def _of_side(flow: Flow, measure: Measure, breakdowns: Mapping[str, str], side: str, resplit: str) -> str:
    value = f"read_{measure.value}_{side}" if measure.is_money else "1"
    if measure.is_money and flow.shares:
        value = share_of(value, f"share_from_{side}", f"share_to_{side}")
    # of parts that were cut anew nothing is asked but that: their amounts say nothing of an edit
    source_amount = (
        f"case when not ({resplit}) then read_source_amount_{side} end" if measure.is_money else "null"
    )
    currency = f"case when not ({resplit}) then read_currency_{side} end" if measure.is_money else "null"
    columns = [
        f"coalesce(in_{side} and ({_on_side(measure.counts, flow, side)}), false) as counted_{side}",
        f"cast(coalesce({value}, 0) as decimal(18, 2)) as value_{side}",
        f"cast({source_amount} as decimal(18, 2)) as source_amount_{side}",
        f"cast({currency} as varchar) as currency_{side}",
        f"rep_id_{side}, team_id_{side}",
        *(f"coalesce(by_{name}_{side}, 'unknown') as {name}_{side}" for name in breakdowns),
        *(f"{start}_{side}" for start in _STARTS),
    ]
    return ", ".join(columns)


def _on_side(condition: str, flow: Flow, side: str) -> str:
    """A condition over the fact, over the columns of one side of the pairs."""
    names = {name: f"read_{name}_{side}" for name in flow.reads} | {flow.day: f"day_{side}"}
    return re.sub(r"\b[a-z_]+\b(?!')", lambda word: names.get(word.group(), word.group()), condition)
