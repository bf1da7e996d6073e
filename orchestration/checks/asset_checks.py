"""The contracts as Dagster asset checks, one per published table; a failure stops the run before publishing.

A table's check also holds what must agree with other tables (`reconciliation.py`), where it is looked at
first. Of a table that this build changed in place, the rows that stayed are not looked at again.

Belongs here: showing verdicts in Dagster. Does not belong here: reaching them (`audit.py`), or the gate
itself, which is inside publishing and cannot be left out by selecting fewer assets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.checks.audit import audit_once
from orchestration.checks.content import Content
from orchestration.checks.contracts import Contract
from orchestration.checks.reconciliation import load_reconciliations, reconcile, without_broken_shapes
from orchestration.checks.verdicts import Verdict
from orchestration.marts import MARTS
from orchestration.patches import changed_rows
from orchestration.progress import Event, report
from orchestration.publish.release import MODELS_DIR, audit_error, record_failure
from orchestration.resources import user_errors
from orchestration.settings import Settings
from orchestration.spark.in_place import left_in_spark
from orchestration.warehouse import Warehouse

NAME = "contract"
LAYER = "marts"
"""In front of a published table's name in the key of its asset."""
_SCHEMA = "main"
_SHOWN = 5


def build_contract_checks(settings: Settings, contracts: Mapping[str, Contract]) -> dg.AssetChecksDefinition:
    """One blocking check per contract, all in one step."""
    specs = [
        dg.AssetCheckSpec(
            name=NAME,
            asset=[LAYER, contract.table],
            blocking=True,
            description=f"{len(contract.checks())} rules on its columns, key and rows, from {contract.file}, "
            "and what must agree with other tables.",
        )
        for contract in contracts.values()
    ]

    @dg.multi_asset_check(name="contracts", specs=specs, can_subset=True)
    def check_contracts(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.asset_key.path[-1] for key in context.selected_asset_check_keys}
        reconciliations = load_reconciliations(MODELS_DIR, contracts)
        found: list[Verdict] = []
        with user_errors():
            with warehouse.connect() as con, left_in_spark(con, settings) as elsewhere:
                con.execute(f"use {MARTS}")
                content, changed = Content(con, _SCHEMA), changed_rows(con)
                for contract in contracts.values():
                    if contract.table in wanted:
                        patch = changed.get(contract.table)
                        written = patch.written if patch else None
                        verdicts = audit_once(
                            con,
                            contract,
                            content,
                            schema=_SCHEMA,
                            changed=written,
                            where_it_stands=elsewhere.audit
                            if elsewhere and contract.table in elsewhere.tables
                            else None,
                        )
                        own = [rule for rule in reconciliations if rule.table == contract.table]
                        sound = without_broken_shapes(own, verdicts)
                        verdicts += reconcile(con, sound, schema=_SCHEMA, content=content, changed=changed)
                        _tell(verdicts)
                        found += verdicts
                        yield _result(contract, verdicts)
            if error := audit_error(settings, found):
                record_failure(settings, run_id=context.run.run_id, error=error)
                raise error
            report(
                Event(
                    "check", "contracts", "done", detail=f"{len(found):,} rules of {len(wanted)} tables hold"
                )
            )

    return check_contracts


def _tell(verdicts: Sequence[Verdict]) -> None:
    for verdict in [verdict for verdict in verdicts if not verdict.passed]:
        status = "failed" if verdict.blocks else "warning"
        name = f"{verdict.table}: {verdict.rule}"
        report(Event("check", name, status, rows=verdict.failing_rows))  # type: ignore[arg-type]


def _result(contract: Contract, verdicts: Sequence[Verdict]) -> dg.AssetCheckResult:
    failed = [verdict for verdict in verdicts if not verdict.passed]
    severe = any(verdict.blocks for verdict in failed)
    metadata: dict[str, Any] = {"rules": len(verdicts), "rows": verdicts[0].total_rows}
    if failed:
        metadata["failing rules"] = dg.MetadataValue.table(
            records=[
                dg.TableRecord(
                    {
                        "rule": verdict.rule,
                        "column": verdict.column or "",
                        "severity": verdict.severity,
                        "failing rows": verdict.failing_rows,
                        "total rows": verdict.total_rows,
                        "first keys": "; ".join(_key(key) for key in verdict.keys),
                    }
                )
                for verdict in failed
            ]
        )
    return dg.AssetCheckResult(
        asset_key=[LAYER, contract.table],
        check_name=NAME,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if severe or not failed else dg.AssetCheckSeverity.WARN,
        description=" ".join(verdict.message for verdict in failed[:_SHOWN]) or None,
        metadata=metadata,
    )


def _key(key: Mapping[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in key.items())
