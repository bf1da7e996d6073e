"""What a gate has to do, whatever engine looks at the rows: of every contract, each check fails on a row that
breaks it, and on no other.

Belongs here: the contracts, and the assertions on a gate, which is a function from a table and its contract
to verdicts. Does not belong here: making rows (`contract_rows.py`), and the tests.

An engine that runs checks can be wrong without a sound (some are), so nothing is taken on trust: for every
check there is a row that breaks it, DuckDB says independently what that row breaks, and the two must agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import polars as pl

from orchestration.checks.contracts import Check, Column, Contract, Rule, load_contracts
from orchestration.checks.verdicts import Verdict
from orchestration.publish.candidate import BROUGHT_ALONG
from orchestration.settings import PROJECT_ROOT
from tests.proof.contract_rows import Rows, frame_of

Gate = Callable[[pl.DataFrame, Contract], list[Verdict]]

CONTRACTS = {**load_contracts(PROJECT_ROOT / "models"), **BROUGHT_ALONG}
"""Of the project itself, and of the tables that no model makes."""


FIXTURE_YAML = """
models:
  - name: kpi_everything
    description: One row per period and team; every kind of column and of demand.
    config:
      meta:
        key: [period_start, level, team_id]
        minimum_rows: 1
        rules:
          - {name: qualified_within_leads, expression: qualified_leads <= leads}
          - name: teams_below_company
            expression: (team_id is null) = (level = 'company')
          - {name: ratio_needs_leads, expression: leads > 0 or ratio is null, severity: warn}
          - {name: ends_after_start, expression: period_end >= period_start}
          - {name: ratio_is_quotient, expression: abs(ratio * leads - qualified_leads) < 1e-9}
          - {name: small_share, expression: share <= 0.5, violated_by: {share: 0.75}}
    columns:
      - name: period_start
        data_type: date
        description: d
        config: {meta: {required: true, minimum: 2000-01-01}}
      - {name: period_end, data_type: date, description: d, config: {meta: {maximum: 2100-01-01}}}
      - name: level
        data_type: varchar
        description: d
        config: {meta: {required: true, allowed: [company, team]}}
      - {name: team_id, data_type: varchar, description: d}
      - {name: leads, data_type: bigint, description: d, config: {meta: {required: true, minimum: 0}}}
      - name: qualified_leads
        data_type: bigint
        description: d
        config: {meta: {required: true, minimum: 0}}
      - {name: ratio, data_type: double, description: d, config: {meta: {minimum: 0, maximum: 1}}}
      - {name: plain_number, data_type: double, description: d}
      - {name: share, data_type: "decimal(9,4)", description: d, config: {meta: {minimum: 0, maximum: 1}}}
      - name: amount
        data_type: decimal(18,2)
        description: d
        config: {meta: {minimum: -0.5, required: true}}
      - {name: quarter, data_type: integer, description: d, config: {meta: {allowed: [1, 2, 3, 4]}}}
      - {name: is_complete, data_type: boolean, description: d, config: {meta: {required: true}}}
      - name: made_at
        data_type: timestamp
        description: d
        config: {meta: {minimum: 2020-01-01, maximum: 2030-01-01T12:00:00}}
"""


EVERY_KIND_OF_RULE = (
    Rule("between", "leads between 1 and 5 and ratio not between 0.25 and 0.75"),
    Rule("cases", "case when is_complete then leads > 1 when quarter = 2 then false else ratio < 0.5 end"),
    Rule("negative", "-leads < plain_number and not (-amount > share)"),
    Rule("products", "share * amount <= ratio * leads or abs(plain_number) >= abs(amount - share)"),
    Rule("sums", "leads + qualified_leads - quarter <> plain_number + ratio"),
    Rule("nulls_are_alike", "(team_id is not distinct from level) or plain_number is distinct from ratio"),
    Rule("null_in_a_list", "quarter in (1, null) or level not in ('team')"),
    Rule("is_a_boolean", "is_complete = true or is_complete is null"),
    Rule("coalesced", "coalesce(ratio, share, 0) >= coalesce(plain_number, 1e-1)"),
    Rule("like_a_pattern", "team_id like '%_x%' or team_id not like '_'"),
    Rule("days", "period_end >= period_start and made_at < period_end"),
)
"""Of all that a rule may be made of."""


def fixture_contract(folder: Path) -> Contract:
    marts = folder / "models" / "marts"
    marts.mkdir(parents=True)
    (marts / "kpi_everything.sql").write_text("select 1")
    (marts / "kpi_everything.yml").write_text(FIXTURE_YAML)
    return load_contracts(folder / "models")["kpi_everything"]


def failed(verdicts: list[Verdict]) -> set[str]:
    return {verdict.rule for verdict in verdicts if not verdict.passed}


def is_about_rows(check: Check) -> bool:
    return check.name not in ("columns", "key", "minimum_rows") and not check.name.endswith(".type")


ROW_NUMBER = Column("row_number", "bigint", "Stands for the key where rows differ in nothing else.")


def assert_gate_holds(contract: Contract, gate: Gate) -> None:
    assert_rows_are_checked(contract, gate)
    assert_shape_is_checked(contract, gate)


def assert_rows_are_checked(contract: Contract, gate: Gate) -> None:
    """Every check of `contract`: valid and empty tables pass, and one broken row fails that check alone."""
    rows = Rows(contract)
    table = frame_of(contract, [rows.valid()])
    contract = dataclasses.replace(contract, minimum_rows=min(contract.minimum_rows, 1))
    verdicts = gate(table, contract)
    assert failed(verdicts) == set(), [v.message for v in verdicts if not v.passed]
    assert [v.rule for v in verdicts] == [check.name for check in contract.checks()], (
        "a verdict for each check"
    )
    assert failed(gate(table.clear(), contract)) == ({"minimum_rows"} if contract.minimum_rows else set())
    assert failed(gate(table.vstack(table), contract)) == {"key"}, "nulls in a key are equal"
    assert_rows_break_their_check(contract, rows, gate)


def assert_rows_break_their_check(contract: Contract, rows: Rows, gate: Gate) -> None:
    """A table with a row for every check: each row breaks what DuckDB says, and nothing unrelated."""
    valid = rows.valid()
    broken = [rows.breaking(check, valid) for check in contract.checks() if is_about_rows(check)]
    numbered = dataclasses.replace(contract, key=("row_number",), columns=(*contract.columns, ROW_NUMBER))
    table = frame_of(numbered, [entry.row | {"row_number": number} for number, entry in enumerate(broken)])
    found: list[set[str]] = [set() for _ in broken]
    for verdict in gate(table, numbered):
        assert verdict.failing_rows == len(verdict.keys), f"{verdict.rule} fails in more rows than are shown"
        for key in verdict.keys:
            found[key["row_number"]].add(verdict.rule)
    for entry, rules in zip(broken, found, strict=True):
        assert rules == entry.breaks, f"{contract.table}: the gate and DuckDB differ on {entry.row}"
        assert entry.check in rules, f"{contract.table}: {entry.check} passes {entry.row}"
        reading = {
            f"rule.{name}" for name, reads in rows.reads.items() if entry.check.partition(".")[0] in reads
        }
        unrelated = rules - {entry.check} - (set() if entry.check.startswith("rule.") else reading)
        assert not unrelated, f"{contract.table}: the row that breaks {entry.check} breaks {unrelated} too"


def assert_shape_is_checked(contract: Contract, gate: Gate) -> None:
    table = frame_of(contract, [Rows(contract).valid()])
    names = table.columns
    assert failed(gate(table.drop(names[-1]), contract)) == {"columns"}
    assert failed(gate(table.with_columns(added=pl.lit(1)), contract)) == {"columns"}
    assert failed(gate(table.select(*names[1:], names[0]), contract)) == {"columns"}
    for changed in (names[::2], names[1::2]):
        other = {name: pl.Int64 if table.schema[name] == pl.String else pl.String for name in changed}
        retyped = table.with_columns(pl.lit(None, dtype=other[name]).alias(name) for name in changed)
        assert failed(gate(retyped, contract)) == {f"{name}.type" for name in changed}
