"""All that is wrong with the models on one company.

Belongs here: asking both opinions, the project's data tests and its contracts, and saying what was found so
that somebody can work on it. Does not belong here: making a company up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.checks.audit import audit
from orchestration.checks.contracts import load_contracts
from orchestration.checks.reconciliation import load_reconciliations, reconcile
from orchestration.settings import PROJECT_ROOT
from tests.proof.compiled import Compiled
from tests.proof.differences import Difference, compare, said
from tests.proof.in_memory import built, failing_tests, rows_of
from tests.proof.shown import shown
from tests.proof.smaller import smaller
from tests.reference.tables import compute
from tests.reference.world import World

Check = Callable[[Compiled, World], list[Difference]]


def differing_cells(compiled: Compiled, world: World) -> list[Difference]:
    """Where the two opinions differ; an error of either is a difference too."""
    try:
        reference = compute(world)
    except Exception as error:
        return [Difference("the reference", (), type(error).__name__, None, str(error))]
    try:
        models = {model.name for model in compiled.models}
        with built(compiled.only(*reference), world) as con:
            return [
                difference
                for table, rows in reference.items()
                if table in models
                for difference in compare(table, rows_of(con, table), rows)
            ]
    except (duckdb.Error, AssertionError) as error:
        return [Difference("the models", (), type(error).__name__, str(error), None)]


def failing_data_tests(compiled: Compiled, world: World) -> list[Difference]:
    with built(compiled, world) as con:
        return [Difference(name, (), "rows", rows, 0) for name, rows in failing_tests(con, compiled).items()]


def broken_contracts(compiled: Compiled, world: World) -> list[Difference]:
    """What the gate would refuse, in a table or between two. A second of its own."""
    models = Path(PROJECT_ROOT / "models")
    contracts = load_contracts(models)
    with built(compiled, world) as con:
        con.execute("use marts")
        verdicts = [
            *audit(con, contracts, schema="main"),
            *reconcile(con, load_reconciliations(models, contracts), schema="main"),
        ]
    return [
        Difference(f"contract of {verdict.table}", (), verdict.rule, verdict.message, "")
        for verdict in verdicts
        if not verdict.passed and verdict.severity == "error"
    ]


def report(compiled: Compiled, world: World, check: Check, seconds: float = 40) -> str:
    """What the check finds, on the smallest part of the world where it still finds the first of it."""
    found = check(compiled, world)
    if not found:
        return ""
    kind = found[0].kind
    narrow = compiled.only(found[0].table)

    def is_wrong(candidate: World) -> bool:
        return any(difference.kind == kind for difference in check(narrow, candidate))

    small = smaller(world, is_wrong, seconds)
    left = sorted(check(compiled, small), key=lambda difference: difference.kind != kind)
    return f"{said(left)}\n\nin this world, cut out of one with {len(found)} differences:\n{shown(small)}"
