"""The release as a Dagster asset, downstream of every published table.

Belongs here: calling `publish` and showing what it made. Does not belong here: publishing (`release.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration import patches, run_record
from orchestration.checks.asset_checks import LAYER
from orchestration.checks.contracts import Contract
from orchestration.errors import GateError
from orchestration.made_from import code_version, made_from
from orchestration.marts import MARTS
from orchestration.publish.release import publish
from orchestration.resources import Journal, user_errors
from orchestration.settings import Settings
from orchestration.spark.in_place import left_in_spark
from orchestration.tables import has_table
from orchestration.transform.translator import OWNER
from orchestration.warehouse import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WARNINGS = "data_warnings"


class ReleaseChoice(dg.Config):
    """`accept`: why findings of the comparison with the last release are right; empty lets none through."""

    accept: str = ""


def build_release_asset(settings: Settings, contracts: Mapping[str, Contract]) -> dg.AssetsDefinition:
    """The asset `release`: what people read."""
    window = timedelta(hours=settings.release.max_age_hours)

    @dg.asset(
        key=["release"],
        deps=[dg.AssetKey([LAYER, table]) for table in contracts],
        group_name="release",
        owners=[OWNER],
        kinds={"python", "duckdb", "parquet", "pandera"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=window),
        description="What people read: all published tables, audited as a whole, switched to in one step.",
    )
    def release(
        context: dg.AssetExecutionContext,
        config: ReleaseChoice,
        warehouse: dg.ResourceParam[Warehouse],
        journal: dg.ResourceParam[Journal],
    ) -> dg.MaterializeResult[Any]:
        with user_errors(), warehouse.connect() as con:
            run_record.prepare(con)
            as_of = run_record.as_of_now(con)
            if as_of is None:
                raise GateError("Nothing was published: the models were never built; run the whole pipeline.")
            made, basis = made_from(settings, contracts), patches.basis(con, settings, contracts)
            warnings = _data_warnings(con)
            with left_in_spark(con, settings) as elsewhere:
                info = publish(
                    con,
                    settings,
                    run_id=context.run_id,
                    as_of=as_of,
                    code_version=code_version(),
                    warnings=warnings,
                    contracts=contracts,
                    accept=config.accept or None,
                    elsewhere=elsewhere,
                )
            run_record.record_release(con, info.release_id, as_of, made)
            run_record.record_patch_base(con, as_of, basis)
        journal.release, journal.warnings = info, [dict(warning) for warning in info.warnings]
        rows = [dg.TableRecord({"table": table, "rows": count}) for table, count in info.tables.items()]
        return dg.MaterializeResult(
            metadata={
                "release": info.release_id,
                "as_of": info.as_of.isoformat(),
                "code version": info.code_version,
                "checks passed": info.checks,
                "warnings": len(info.warnings),
                **_odd(info.warnings),
                "tables": dg.MetadataValue.table(records=rows),
                "folder": dg.MetadataValue.path(str(info.folder)),
            }
        )

    return release


def _odd(warnings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The warnings that came of checks and of the comparison with the last release, as a table."""
    rows = [
        dg.TableRecord({"kind": str(warning["kind"]), "warning": str(warning["message"])})
        for warning in warnings
        if warning.get("kind") in ("contract", "sanity")
    ]
    return {"checks that warn": dg.MetadataValue.table(records=rows)} if rows else {}


def _data_warnings(con: "DuckDBPyConnection") -> list[dict[str, Any]]:
    """What the models found odd in the data, kept with the release; no row means nothing odd."""
    # such as after an upgrade, when the tables stood elsewhere
    if not has_table(con, "main", _WARNINGS, database=MARTS):
        raise GateError("Nothing was published: the tables to publish are not there; run the whole pipeline.")
    found = con.execute(
        f"select code, entity, value, records, message from {MARTS}.{_WARNINGS} order by all"  # noqa: S608
    )
    names = ("code", "entity", "value", "records", "message")
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
