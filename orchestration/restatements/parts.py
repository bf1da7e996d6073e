"""What every record that differs between two releases did to every number it counts in, and why.

Belongs here: turning pairs of records into parts, one per number, reason and record. Does not belong here:
how the pairs are found (`flows.py`, `stock.py`), or the numbers themselves (`compare.py`).

A pair counts in a number before, after, or both. In both, the part is the difference of its values; in one
of them, it is the whole value, and the reason is the first of these that differs: is the record there, does
it count, its period, its rep, its team, the value of the breakdown. So the parts of a number add up to what
its records did to it, whatever was changed at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from orchestration.sql_text import identifier

PARTS = "zeven_parts"
PAIRS = "zeven_pairs"
PERIOD_TYPES = ("week", "month", "quarter", "year")
_NUMBER = "metric, measure, period_type, period_start, level, team_id, rep_id, breakdown, breakdown_value"


def start(con: duckdb.DuckDBPyConnection) -> None:
    """An empty table of parts, for this connection only."""
    con.execute(
        f"create or replace temp table {PARTS} (metric varchar, measure varchar, period_type varchar, "
        "period_start date, level varchar, team_id varchar, rep_id varchar, breakdown varchar, "
        "breakdown_value varchar, reason varchar, record_id varchar, part decimal(18,2))"
    )


def add(
    con: duckdb.DuckDBPyConnection,
    metric: str,
    measure: str,
    breakdowns: Iterable[str],
    *,
    dated: bool,
    with_total: bool = True,
) -> None:
    """Add the parts of one measure, from the pairs in the temporary table `PAIRS`.

    A pair has, with `_a` for before and `_b` for after: `counted`, `value`, `source_amount`, `currency`,
    `rep_id`, `team_id` and a column per breakdown; `<period type>_start` where `dated`, else one
    `period_type` and `period_start`; the reasons `gone_because` and `come_because` for a record that counts
    on one side only, and `worth_because` for one that counts in both, and whose value changed though its own
    amount did not. `with_total` is false where the pairs are parts of records, which count in their breakdown
    alone.
    """
    names = list(breakdowns)
    values = {
        side: "case k.breakdown "
        + " ".join(f"when '{name}' then {identifier(f'{name}_{side}')}" for name in names)
        + " else 'total' end"
        for side in ("a", "b")
    }
    kinds = ", ".join(f"('{name}')" for name in (["total"] if with_total else []) + names)
    if dated:
        types = ", ".join(f"('{name}')" for name in PERIOD_TYPES)
        source = f"{PAIRS} as r cross join (values {types}) as p(period_type)"
        period = {
            side: "case p.period_type "
            + " ".join(f"when '{name}' then r.{name}_start_{side}" for name in PERIOD_TYPES)
            + " end"
            for side in ("a", "b")
        }
        period_type = "p.period_type"
    else:
        source, period_type = f"{PAIRS} as r", "r.period_type"
        period = {"a": "r.period_start", "b": "r.period_start"}
    con.execute(
        f"""
        insert into {PARTS}
        with spread as (
            select
                r.*,
                {period_type} as of_type, {period["a"]} as period_a, {period["b"]} as period_b,
                l.level, k.breakdown, {values["a"]} as of_value_a, {values["b"]} as of_value_b
            from {source}
            cross join (values ('company'), ('team'), ('rep')) as l(level)
            cross join (values {kinds}) as k(breakdown)
        ),
        judged as (
            select
                *,
                counted_a and period_a is not null as is_in_a,
                counted_b and period_b is not null as is_in_b,
                period_a is not distinct from period_b as same_period,
                level = 'company' or (
                    team_id_a is not distinct from team_id_b
                    and (level = 'team' or rep_id_a is not distinct from rep_id_b)
                ) as same_member,
                of_value_a is not distinct from of_value_b as same_value
            from spread
        ),
        reasoned as (
            select
                *,
                is_in_a and is_in_b and same_period and same_member and same_value as stays,
                case
                    when not same_period then 'date_edit'
                    when not same_member and rep_id_a is distinct from rep_id_b then 'owner_change'
                    when not same_member then 'team_change'
                    else 'breakdown_change'
                end as moved_because
            from judged
        ),
        valued as (
            -- an edit of a foreign amount is what it would have been at the old rate, as far as the cents of
            -- the old amount tell that rate; the rest is the rate's
            select
                *,
                case
                    when currency_a is distinct from currency_b then value_b - value_a
                    when source_amount_a is not distinct from source_amount_b then 0
                    when coalesce(source_amount_a, 0) = 0 or source_amount_b is null then value_b - value_a
                    when abs(value_b - value_a * (source_amount_b / source_amount_a))
                        <= 0.02 + 0.01 * abs(source_amount_b / source_amount_a)
                        then value_b - value_a
                    else round(value_a * (source_amount_b / source_amount_a), 2)::decimal(18, 2) - value_a
                end as edited
            from reasoned
        ),
        parts as (
            select 'a' as side, coalesce(gone_because, moved_because) as reason, -value_a as part, *
            from valued
            where is_in_a and not stays
            union all
            select 'b' as side, coalesce(come_because, moved_because) as reason, value_b as part, *
            from valued
            where is_in_b and not stays
            union all
            select 'a' as side, 'amount_edit' as reason, edited as part, * from valued where stays
            union all
            select
                'a' as side,
                worth_because as reason,
                value_b - value_a - edited as part,
                *
            from valued
            where stays
        )
        select
            ?, ?, of_type,
            case side when 'a' then period_a else period_b end,
            level,
            case when level <> 'company' then case side when 'a' then team_id_a else team_id_b end end,
            case when level = 'rep' then case side when 'a' then rep_id_a else rep_id_b end end,
            breakdown,
            case side when 'a' then of_value_a else of_value_b end,
            reason, record_id, part
        from parts
        where part <> 0
        """,
        [metric, measure],
    )


def share_of(amount: str, share_from: str, share_to: str) -> str:
    """The SQL of the part of an amount between two shares, rounded as the models' macro `part_of` does it."""

    def until(share: str) -> str:
        exact = f"cast({amount} * {share} as decimal(28, 6))"
        return f"cast(round({exact}, 2) as decimal(18, 2))"

    return f"({until(share_to)} - {until(share_from)})"
