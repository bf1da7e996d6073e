"""What must agree between published tables, or between rows of one: run by SQL on the tables themselves.

Belongs here: what a reconciliation is, the list of them, and running them to verdicts. Does not belong here:
the SQL of each (`reconciliation_rules.py`), demands on single rows (`contracts.py`), or what follows from a
failure.

Two kinds make the list. Identities of one table follow from the YAML beside its model: the measures of its
dbt tests `adds_up_over_levels`, `adds_up_over_breakdowns` and `adds_up_over_months` add up in what is
published too, so that an eighth metric is held by them without a line here. What must agree between tables is
written out.
"""

from __future__ import annotations

import csv
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.checks import reconciliation_rules as sql
from orchestration.checks.contracts import Contract, Severity
from orchestration.checks.located_yaml import read_yaml
from orchestration.checks.verdicts import SHOWN_KEYS, Verdict, plain_key
from orchestration.errors import SettingsError
from orchestration.sql_text import identifier

if TYPE_CHECKING:
    import duckdb

    from orchestration.checks.content import Content
    from orchestration.patches import Changed

PREFIX = "reconciles."
"""In front of a reconciliation's name, where verdicts of contracts stand beside it."""
_FOUND = "zeven_reconciliation"


@dataclass(frozen=True)
class Reconciliation:
    """One thing that must agree. `table` is where people look first when it does not.

    `query` selects the keys that disagree: tables stand in it as `{name}`. With `measures`, it selects for
    each a Boolean column of that name, true where it is this measure that disagrees; the other columns are
    the key.

    Rows of `table` that are alike in the columns of `together` agree or not, whatever the others hold: where
    some have changed, those of others need no look. `{touched}` in the query is the condition that a row
    does.
    """

    name: str
    table: str
    phrase: str
    query: str
    severity: Severity = "error"
    measures: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def reads(self) -> frozenset[str]:
        """Every table that it looks at."""
        named = (field for _, field, _, _ in string.Formatter().parse(self.query) if field)
        return frozenset({self.table, *named}) - {"touched"}

    def checks(self) -> list[tuple[str, str | None]]:
        """The name and the column of each verdict that it gives."""
        front = f"{PREFIX}{self.name}"
        return [(f"{front}.{measure}", measure) for measure in self.measures] or [(front, None)]


def load_reconciliations(models_dir: Path, contracts: Mapping[str, Contract]) -> list[Reconciliation]:
    """Every reconciliation of which all tables are in `contracts`.

    Raises `SettingsError` where the YAML lets a measure add up that is no column of its table, and where
    `metric_catalog` names a headline that its metric's table does not have.
    """
    found = [
        *_identities(models_dir),
        *_headlines(models_dir.parent / "seeds" / "metric_catalog.csv", contracts),
        *_known_members(contracts),
        *(Reconciliation(**fields) for fields in sql.WRITTEN_OUT),
    ]
    return [rule for rule in found if rule.reads <= contracts.keys()]


def reconcile(
    con: duckdb.DuckDBPyConnection,
    reconciliations: Iterable[Reconciliation],
    *,
    schema: str,
    content: Content | None = None,
    changed: Mapping[str, Changed] | None = None,
) -> list[Verdict]:
    """The verdicts of each, on the tables of `schema` in the current database of `con`.

    One that cannot be computed has failed: tables of another shape are told by their contracts as well. With
    `content`, what held before in this process for tables of that content is not computed again; of a table
    that has `changed` since it held, what is looked at are the rows that belong together with changed ones.
    """
    verdicts: list[Verdict] = []
    for rule in reconciliations:
        rows = (changed or {}).get(rule.table) if rule.together else None
        compute = partial(_verdicts, con, rule, schema, rows)
        verdicts.extend(content.once(rule, sorted(rule.reads), compute) if content else compute())
    return verdicts


def _verdicts(
    con: duckdb.DuckDBPyConnection, rule: Reconciliation, schema: str, changed: Changed | None
) -> list[Verdict]:
    import duckdb

    tables = {name: f"{identifier(schema)}.{identifier(name)}" for name in rule.reads}
    touched = _touched(rule, changed) if changed else "true"
    try:
        con.execute(
            f"create or replace temp table {_FOUND} as {rule.query.format_map(tables | {'touched': touched})}"
        )
        [(total,)] = con.execute(f"select count(*) from {tables[rule.table]}").fetchall()  # noqa: S608 (quoted)
        rows = f"{total:,} rows"
        if changed:
            [(written,)] = con.execute(f"select count(*) from {changed.written}").fetchall()  # noqa: S608 (quoted)
            rows = f"{written:,} changed of {rows} and what adds up with them"
        return [_verdict(con, rule, name, column, total, rows) for name, column in rule.checks()]
    except duckdb.Error as error:
        # the reason alone: what DuckDB says besides can hold a value of a row
        return not_computed(rule, type(error).__name__)
    finally:
        con.execute(f"drop table if exists temp.{_FOUND}")


def _touched(rule: Reconciliation, changed: Changed) -> str:
    """By hashes, in which nulls are alike; where two are equal by chance, more rows are looked at."""
    alike = f"hash({', '.join(map(identifier, rule.together))})"
    return (
        f"{alike} in (select {alike} from {changed.written} "  # noqa: S608 (quoted)
        f"union all select {alike} from {changed.removed})"
    )


def _verdict(
    con: duckdb.DuckDBPyConnection, rule: Reconciliation, name: str, column: str | None, total: int, rows: str
) -> Verdict:
    where = identifier(column) if column else "true"
    [(failing,)] = con.execute(f"select count(*) from {_FOUND} where {where}").fetchall()  # noqa: S608 (quoted)
    if not failing:
        return agrees(rule, name, column, total, rows)
    shown = con.execute(first_keys(rule, _FOUND, where))
    names = [entry[0] for entry in shown.description]
    keys = [dict(zip(names, row, strict=True)) for row in shown.fetchall()]
    return differs(rule, name, column, total, failing, keys)


def first_keys(rule: Reconciliation, found: str, where: str) -> str:
    """The query for the first keys of `found`, what the rule's query gave, under a condition."""
    without = ", ".join(map(identifier, rule.measures))
    return (
        f"select * {f'exclude ({without})' if without else ''} from {found} "  # noqa: S608 (quoted names)
        f"where {where} order by all limit {SHOWN_KEYS}"
    )


def agrees(rule: Reconciliation, name: str, column: str | None, total: int, rows: str) -> Verdict:
    """That it holds; `rows` says in which."""
    return _told(rule, name, column, f"holds in {rows}", total=total, passed=True)


def differs(
    rule: Reconciliation,
    name: str,
    column: str | None,
    total: int,
    failing: int,
    keys: Sequence[Mapping[str, Any]],
) -> Verdict:
    """That it fails in so many places, of which `keys` are the first."""
    plain = tuple(map(plain_key, keys))
    first = ", ".join(f"{k}={'null' if value is None else value}" for k, value in plain[0].items())
    places = "place" if failing == 1 else "places"
    reason = f"fails in {failing:,} {places}, first at {first}"
    return _told(rule, name, column, reason, failing=failing, total=total, keys=plain)


def not_computed(rule: Reconciliation, why: str) -> list[Verdict]:
    """What is said where the tables gave no answer."""
    return [_told(rule, name, column, f"could not be computed ({why})") for name, column in rule.checks()]


def _told(
    rule: Reconciliation,
    name: str,
    column: str | None,
    outcome: str,
    *,
    failing: int = 0,
    total: int = 0,
    keys: tuple[Mapping[str, Any], ...] = (),
    passed: bool = False,
) -> Verdict:
    subject = f"{rule.table}.{column}" if column else rule.table
    message = f"{subject}: '{rule.phrase}' {outcome}."
    return Verdict(rule.table, name, column, rule.severity, passed, failing, total, keys, message)


def _identities(models_dir: Path) -> list[Reconciliation]:
    """What the YAML beside the models says of measures that add up, one reconciliation per table and kind."""
    files = sorted((models_dir / "marts").rglob("*.yml"))
    stamps = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return list(_identities_in(tuple(files), stamps))


@cache
def _identities_in(files: tuple[Path, ...], _: tuple[tuple[int, int], ...]) -> tuple[Reconciliation, ...]:
    """Read once for as long as the files stay: it takes 0.3 s."""
    found: list[Reconciliation] = []
    for path in files:
        document = read_yaml(path)
        for model in document.get("models") or [] if isinstance(document, dict) else []:
            columns = {column.get("name"): _is_required(column) for column in model.get("columns") or []}
            for test in model.get("data_tests") or []:
                for kind in sql.KINDS if isinstance(test, dict) else ():
                    if kind in test:
                        found.append(_identity(path, model["name"], columns, kind, test[kind]))
    return tuple(found)


def _identity(
    path: Path, table: str, columns: Mapping[str, bool], kind: str, test: Mapping[str, Any]
) -> Reconciliation:
    arguments = test.get("arguments") or {}
    measures = tuple(arguments.get("measures") or ())
    if unknown := [measure for measure in measures if measure not in columns] or ([] if measures else ["-"]):
        raise SettingsError(
            f"{path}: model '{table}': {kind} names the measure '{unknown[0]}', which is no column of it."
        )
    breakdowns = tuple(arguments.get("breakdowns") or ("total",))
    optional = [measure for measure in measures if not columns[measure]]
    phrase, query, together = sql.KINDS[kind](table, measures, breakdowns, optional)
    # a test with a name of its own is a second one of its kind on the table
    name = str(test.get("name") or kind).removeprefix(f"{table}_")
    return Reconciliation(name, table, phrase, query, measures=measures, together=together)


def _is_required(column: Mapping[str, Any]) -> bool:
    meta = (column.get("config") or {}).get("meta") or {}
    return bool(meta.get("required"))


def _headlines(catalog: Path, contracts: Mapping[str, Contract]) -> list[Reconciliation]:
    """The scorecard against the headline of each metric that the catalog knows and the contracts have."""
    if not catalog.is_file():
        return []
    with catalog.open(encoding="utf-8", newline="") as file:
        headlines = {row["slug"]: row["headline_column"] for row in csv.DictReader(file)}
    found = []
    for slug, column in headlines.items():
        table = f"kpi_{slug}"
        if table not in contracts:
            continue
        if column not in {known.name for known in contracts[table].columns}:
            raise SettingsError(
                f"{catalog}: the headline of {slug} is '{column}', which is no column of {table}."
            )
        found.append(
            Reconciliation(
                name=f"headline_of_{slug}",
                table="kpi_scorecard",
                phrase=f"the scorecard shows {table}.{column} of the total",
                query=sql.headline(slug, column),
            )
        )
    return found


def _known_members(contracts: Mapping[str, Contract]) -> list[Reconciliation]:
    """Every rep and team of a fact or metric stands in its dimension."""
    dimensions = {f"{kind}_id": f"dim_{kind}s" for kind in ("rep", "team") if f"dim_{kind}s" in contracts}
    found = []
    for contract in contracts.values():
        for column in contract.columns:
            dimension = dimensions.get(column.name)
            if dimension and contract.table.startswith(("fct_", "kpi_")):
                found.append(
                    Reconciliation(
                        name=f"{column.name}_is_known",
                        table=contract.table,
                        phrase=f"every {column.name} stands in {dimension}",
                        query=sql.is_known(contract.table, column.name, dimension),
                    )
                )
    return found


def without_broken_shapes(
    reconciliations: Sequence[Reconciliation], verdicts: Sequence[Verdict]
) -> list[Reconciliation]:
    """Those whose tables have the columns and types of their contracts, by `verdicts` on these tables."""
    broken = {
        verdict.table
        for verdict in verdicts
        if not verdict.passed and (verdict.rule == "columns" or verdict.rule.endswith(".type"))
    }
    return [rule for rule in reconciliations if not rule.reads & broken]
