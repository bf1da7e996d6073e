"""Two releases compared: which numbers of closed periods changed, by how much, and the parts that explain it.

Belongs here: the numbers of both sides, and putting parts and rest together so that they add up. Does not
belong here: where parts come from (`flows.py`, `stock.py`, `targets.py`), what is done with the result.

Every part is exact, and the rest is whatever they leave of the difference. So the parts of a number add up to
it by construction, and what the records do not say is never hidden in a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.restatements import flows, parts, stock, targets
from orchestration.restatements.numbers import COMPARED, PIPELINE, RATES, REASONS, Measure
from orchestration.restatements.parts import PARTS
from orchestration.restatements.sides import Comparison

RESULT = "zeven_restated"
SHOWN_RECORDS = 20
WITHHELD = "forgotten"
_NUMBERS = "zeven_numbers"
_EXPLAINED = "zeven_explained"
KEY = ("period_type", "period_start", "level", "team_id", "rep_id", "breakdown", "breakdown_value")
_TEMPORARY = (
    RESULT,
    PARTS,
    parts.PAIRS,
    _NUMBERS,
    _EXPLAINED,
    "zeven_joined",
    "zeven_instants",
    "zeven_changed",
    "zeven_states_a",
    "zeven_states_b",
    "zeven_stock_a",
    "zeven_stock_b",
)

RESTATEMENTS = Contract(
    table="restatements",
    description=(
        "One row per number of a closed period that is not what the release before said, and reason for it. "
        "The parts of a number add up to its difference. Empty in the first release."
    ),
    columns=(
        Column("metric", "varchar", "Slug of the metric.", required=True, allowed=tuple(COMPARED)),
        Column(
            "measure",
            "varchar",
            "The column of the metric's table that changed.",
            required=True,
            allowed=tuple(measure.name for measures in COMPARED.values() for measure in measures),
        ),
        Column(
            "period_type",
            "varchar",
            "Length of the period.",
            required=True,
            allowed=("week", "month", "quarter", "year"),
        ),
        Column("period_start", "date", "First day of the period.", required=True),
        Column("period_end", "date", "Last day of the period; it was over in both releases.", required=True),
        Column(
            "level",
            "varchar",
            "Whether it is a number of the company, a team or a rep.",
            required=True,
            allowed=("company", "team", "rep"),
        ),
        Column("team_id", "varchar", "The team; null for the company."),
        Column("rep_id", "varchar", "The rep; null for teams and the company."),
        Column("breakdown", "varchar", "What the number is broken down by, or `total`.", required=True),
        Column("breakdown_value", "varchar", "The value of the breakdown, or `total`.", required=True),
        Column(
            "reason",
            "varchar",
            "Why, from the records of both releases: "
            + "; ".join(f"{k}: {v}" for k, v in REASONS.items())
            + ".",
            required=True,
            allowed=tuple(REASONS),
        ),
        Column("value_before", "decimal(18,2)", "The number in the release before; null where it had none."),
        Column("value_after", "decimal(18,2)", "The number in this release; null where it has none."),
        Column("part", "decimal(18,2)", "What this reason did to the number.", required=True),
        Column("records", "bigint", "How many records did it; 0 for a rest.", required=True, minimum=0),
        Column(
            "record_ids",
            "varchar",
            f"Ids of up to {SHOWN_RECORDS} of them, those with the largest parts first, with commas between; "
            f"`{WITHHELD}` stands for a record of a person who was forgotten.",
        ),
        Column("previous_release_id", "varchar", "The release before.", required=True),
    ),
    key=("metric", "measure", *KEY, "reason"),
    rules=(
        Rule("the_number_changed", "coalesce(value_before, 0) <> coalesce(value_after, 0)"),
        Rule("records_are_named", "records = 0 or record_ids is not null"),
    ),
)
"""The published table, and the shape of `RESULT`."""


@contextmanager
def compared(comparison: Comparison) -> Iterator[None]:
    """Have the result in the temporary table `RESULT` for the length of the block."""
    try:
        if not comparison.same_currency:
            currencies = " and ".join(side.currency for side in comparison.sides)
            comparison.note(f"The amounts are in {currencies}, so only numbers of records are compared.")
        parts.start(comparison.con)
        _find_changed_numbers(comparison)
        changed = {
            metric
            for (metric,) in comparison.con.execute(f"select distinct metric from {_NUMBERS}").fetchall()
        }
        explained = flows.explain(comparison, changed)
        explained |= stock.explain(comparison, changed)
        explained |= targets.explain(comparison, changed, _NUMBERS)
        _put_together(comparison, explained)
        yield
    finally:
        for table in _TEMPORARY:
            comparison.con.execute(f"drop table if exists temp.{table}")


def _find_changed_numbers(comparison: Comparison) -> None:
    con = comparison.con
    con.execute(
        f"create or replace temp table {_NUMBERS} (metric varchar, measure varchar, period_end date, "
        "period_type varchar, period_start date, level varchar, team_id varchar, rep_id varchar, "
        "breakdown varchar, breakdown_value varchar, value_before decimal(18,2), value_after decimal(18,2))"
    )
    for metric, measures in COMPARED.items():
        table = f"kpi_{metric}"
        here = [side for side in comparison.sides if comparison.has(side, table)]
        if not here or comparison.same(table):
            continue
        if lacking := comparison.lacking(table, ["period_end", *KEY]):
            comparison.note(f"{metric}: {lacking}, so it is not compared.")
            continue
        found = []
        for measure in measures:
            if measure.is_money and not comparison.same_currency:
                continue
            if lacking := comparison.lacking(table, [measure.name]):
                comparison.note(f"{metric}: {lacking}, so it is not compared.")
            else:
                found.append(measure)
        if found:
            _compare_table(comparison, metric, found)


def _compare_table(comparison: Comparison, metric: str, measures: list[Measure]) -> None:
    """The numbers of one table. A member or value that one of them lacks is null there."""
    names = [measure.name for measure in measures]
    table = f"kpi_{metric}"
    before, after = (comparison.differing(side, table) for side in comparison.sides)
    columns = ", ".join(["period_end", *KEY, *names])
    same = " and ".join(f"a.{column} is not distinct from b.{column}" for column in KEY)
    keys = ", ".join(f"coalesce(a.{column}, b.{column}) as {column}" for column in ("period_end", *KEY))
    values = ", ".join(f"a.{name} as {name}_a, b.{name} as {name}_b" for name in names)
    differs = " or ".join(f"coalesce({name}_a, 0) <> coalesce({name}_b, 0)" for name in names)
    measured = ", ".join(
        f"{{'measure': '{n}', 'a': {n}_a::decimal(18,2), 'b': {n}_b::decimal(18,2)}}" for n in names
    )
    # joining a million rows by seven columns took a second; a sum over each period finds those to join
    # hashed twice: the hash of a row is its last column's, xored with the rest, so that in a plain sum or xor
    # the same change of two rows (a rep's and the team's) leaves no trace
    print_of = f"sum(hash(hash({columns}))), count(*)"
    prints = [
        f"select period_type, period_start, {print_of} from {table} where period_end < $until group by all"
        for table in (before, after)
    ]
    comparison.con.execute(
        f"""
        insert into {_NUMBERS}
        with periods as materialized (
            select distinct period_type, period_start from (
                ({prints[0]} except {prints[1]}) union all ({prints[1]} except {prints[0]})
            )
        ),
        joined as (
            select {keys}, {values}
            from (select {columns} from {before} semi join periods using (period_type, period_start)) as a
            full join (select {columns} from {after} semi join periods using (period_type, period_start)) as b
                on {same}
        ),
        changed as (select *, unnest([{measured}]) as m from joined where {differs})
        select '{metric}', m.measure, period_end, {", ".join(KEY)}, m.a, m.b from changed
        where coalesce(m.a, 0) <> coalesce(m.b, 0)
        """,
        {"until": comparison.closed_before},
    )


def _put_together(comparison: Comparison, explained: set[tuple[str, str]]) -> None:
    con = comparison.con
    con.execute(f"create or replace temp table {_EXPLAINED} (metric varchar, breakdown varchar)")
    if explained:
        con.executemany(f"insert into {_EXPLAINED} values (?, ?)", sorted(explained))
    # worth that was estimated leaves a rest of its own
    exact = comparison.lacking(RATES, ["rate"]) is None
    rest = (
        f"case when n.metric in (select metric from {_EXPLAINED} as e where e.breakdown = n.breakdown) "
        f"and ($exact or n.metric <> '{PIPELINE}') and $code_differs "
        "then 'definition_change' else 'unexplained' end"
    )
    withheld = f"case when list_contains($withheld, sha256(record_id)) then '{WITHHELD}' else record_id end"
    shown = withheld if comparison.withheld else "record_id"
    of_number = " and ".join(
        f"n.{column} is not distinct from s.{column}" for column in ("metric", "measure", *KEY)
    )
    key = ", ".join(("metric", "measure", *KEY))
    columns = ", ".join(column.name for column in RESTATEMENTS.columns)
    con.execute(
        f"""
        create or replace temp table {RESULT} as
        with summed as (
            select
                {key}, reason,
                sum(part) as part,
                count(distinct record_id) as records,
                array_to_string(list({shown} order by abs(part) desc, record_id)[1:{SHOWN_RECORDS}], ', ')
                    as record_ids
            from {PARTS} group by all
        ),
        told as (
            select n.*, s.reason, s.part, s.records, s.record_ids
            from {_NUMBERS} as n inner join summed as s on {of_number}
        ),
        totals as (select {key}, sum(part) as told from summed group by all),
        left_over as (
            select
                n.*,
                coalesce(n.value_after, 0) - coalesce(n.value_before, 0) - coalesce(s.told, 0) as part
            from {_NUMBERS} as n left join totals as s on {of_number}
        ),
        together as (
            select * from told
            union all by name
            select n.*, {rest} as reason, 0 as records, null as record_ids from left_over as n where part <> 0
        )
        select
            * replace (part::decimal(18,2) as part, records::bigint as records),
            $previous as previous_release_id
        from together
        """,
        {
            "exact": exact,
            "code_differs": comparison.code_differs,
            "previous": comparison.before.release_id,
            **({"withheld": sorted(comparison.withheld)} if comparison.withheld else {}),
        },
    )
    con.execute(f"create or replace temp table {RESULT} as select {columns} from {RESULT}")
