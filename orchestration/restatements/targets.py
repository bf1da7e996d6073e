"""What changed targets did to the target amounts of closed periods, and to the gap that is left to them.

Belongs here: the parts of `target_amount` and `gap_amount`. Does not belong here: closed sales, whose
parts are there already when these are added (`flows.py`).

A target rolls up from its finer periods and its members, and an own row wins over both. So no row has a part
of its own: the whole difference is that of the target rows that changed within the period and the member.
"""

from __future__ import annotations

from collections.abc import Set

from orchestration.restatements.numbers import TARGETS
from orchestration.restatements.parts import PARTS
from orchestration.restatements.sides import Comparison

_FACT = "fct_targets"
_COLUMNS = ("period_type", "period_start", "level", "team_id", "rep_id", "target_amount")


def explain(comparison: Comparison, changed: Set[str], numbers: str) -> set[tuple[str, str]]:
    """Add the parts to the numbers that changed, in the table `numbers`; what the records explain."""
    if TARGETS not in changed:
        return set()
    if lacking := comparison.lacking(_FACT, _COLUMNS):
        comparison.note(f"{TARGETS}: {lacking}, so its changes are not explained.")
        return set()
    con, (before, after) = comparison.con, comparison.sides
    rows = [f"select {', '.join(_COLUMNS)} from {side.table(_FACT)}" for side in (before, after)]
    con.execute(
        f"""
        insert into {PARTS}
        with edited as (
            select distinct period_type, period_start, level, team_id, rep_id from (
                ({rows[0]} except {rows[1]}) union all ({rows[1]} except {rows[0]})
            )
        ),
        -- the first of the rows stands for the whole difference, so that it is counted once
        named as (
            select
                n.* exclude (value_before, value_after),
                concat_ws(' ', e.period_type, e.period_start, coalesce(e.rep_id, e.team_id, 'company'))
                    as record_id,
                row_number() over (
                    partition by n.measure, n.period_type, n.period_start, n.level, n.team_id, n.rep_id
                    order by e.period_start, e.period_type, e.level, e.team_id, e.rep_id
                ) as place,
                coalesce(n.value_after, 0) - coalesce(n.value_before, 0) as difference
            from {numbers} as n
            inner join edited as e
                on e.period_start between n.period_start and n.period_end
                and (
                    e.period_type = n.period_type
                    or n.period_type = 'year'
                    or (n.period_type = 'quarter' and e.period_type = 'month')
                )
                and (n.level = 'company' or e.team_id = n.team_id)
                and (n.level <> 'rep' or e.rep_id = n.rep_id)
            where n.metric = ? and (
                n.measure = 'target_amount'
                -- without a target, also of 0, there is no gap: it came or went with the target
                or (n.measure = 'gap_amount' and (n.value_before is null or n.value_after is null))
            )
        )
        select
            metric, measure, period_type, period_start, level, team_id, rep_id, breakdown, breakdown_value,
            'target_edit' as reason, record_id, case when place = 1 then difference else 0 end as part
        from named
        """,
        [TARGETS],
    )
    _explain_gap(comparison, numbers)
    return {(TARGETS, "total")}


def _explain_gap(comparison: Comparison, numbers: str) -> None:
    """The gap is target less closed sales, so its parts are those of both; without a target it is null."""
    comparison.con.execute(
        f"""
        insert into {PARTS}
        with gaps as (
            select * from {numbers}
            where metric = $metric and measure = 'gap_amount'
                and value_before is not null and value_after is not null
        )
        select
            g.metric, g.measure, p.period_type, p.period_start, p.level, p.team_id, p.rep_id,
            p.breakdown, p.breakdown_value, p.reason, p.record_id,
            case when p.measure = 'closed_amount' then -p.part else p.part end as part
        from gaps as g
        inner join {PARTS} as p
            on g.period_type = p.period_type
            and g.period_start = p.period_start
            and g.level = p.level
            and g.team_id is not distinct from p.team_id
            and g.rep_id is not distinct from p.rep_id
            and g.breakdown = p.breakdown
        where (p.metric = $metric and p.measure = 'target_amount')
            or (p.metric = 'closed_sales' and p.measure = 'closed_amount')
        """,
        {"metric": TARGETS},
    )
