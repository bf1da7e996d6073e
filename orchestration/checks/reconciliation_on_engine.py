"""What must agree between published tables, run where they stand: nothing leaves the engine but a few keys.

Belongs here: the statements around the query of a reconciliation, and what they return as verdicts. Does not
belong here: the reconciliations and what is said of them (`reconciliation.py`), and their queries, which mean
the same on every engine (`reconciliation_rules.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.checks.on_engine import Engine, ask, counted, table_in
from orchestration.checks.portable import translated
from orchestration.checks.reconciliation import Reconciliation, agrees, differs, first_keys, not_computed
from orchestration.checks.verdicts import Verdict
from orchestration.errors import ZevenError
from orchestration.sql_text import identifier


def reconcile_on_engine(
    engine: Engine, reconciliations: Iterable[Reconciliation], *, schema: str
) -> list[Verdict]:
    """The verdicts of each, as `reconcile` gives them on the whole tables.

    One statement counts the places where it fails, and the rows of its table; two more for each measure that
    fails ask for its first keys.
    """
    verdicts: list[Verdict] = []
    for rule in reconciliations:
        try:
            verdicts += _verdicts(engine, rule, schema)
        except ZevenError:
            # what the engine says of it can hold a value of a row
            verdicts += not_computed(rule, "the engine refused its query")
    return verdicts


def _verdicts(engine: Engine, rule: Reconciliation, schema: str) -> list[Verdict]:
    tables = {name: table_in(schema, name) for name in rule.reads}
    found = f"({rule.query.format_map(tables | {'touched': 'true'})}) as found"
    wheres = [identifier(column) if column else "true" for _, column in rule.checks()]
    rows = f"(select count(*) from {tables[rule.table]})"  # noqa: S608 (quoted)
    [(total, *failing)] = ask(engine, f"select {rows}, {', '.join(map(counted, wheres))} from {found}")  # noqa: S608
    verdicts = []
    for (name, column), where, places in zip(rule.checks(), wheres, failing, strict=True):
        if not places:
            verdicts.append(agrees(rule, name, column, int(total), f"{total:,} rows"))
            continue
        query = translated(first_keys(rule, found, where), engine.dialect)
        names = engine.names(query)
        keys = [dict(zip(names, row, strict=True)) for row in engine.run(query)]
        verdicts.append(differs(rule, name, column, int(total), int(places), keys))
    return verdicts
