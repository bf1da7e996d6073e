"""Dagster's project: dlt loads the export's rows, dbt builds, Pandera checks every mart as a pandas frame.

Belongs here: what a user of the four tools would write first. Does not belong here: care for speed.

It is found in the environment where the export, the working database and dbt's parsed project are. Dagster
starts a process for every step, as it does by default.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.checks.contracts import Column, Contract, load_contracts
from orchestration.ingest.export_format import RAW_SCHEMA, TABLES, Table
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT

EXPORT = Path(os.environ["PEER_EXPORT"])
WAREHOUSE = Path(os.environ["ZEVEN_WAREHOUSE_FILE"])
MANIFEST = Path(os.environ["PEER_MANIFEST"])
VARS = os.environ["PEER_VARS"]
AS_OF = os.environ["PEER_AS_OF"]
SOURCE = os.environ["PEER_SOURCE"]
CONTRACTS = load_contracts(PROJECT_ROOT / "models")
HINTS: dict[str, dict[str, Any]] = {
    "VARCHAR": {"data_type": "text"},
    "TIMESTAMP": {"data_type": "timestamp", "timezone": False},
    "DATE": {"data_type": "date"},
    "BOOLEAN": {"data_type": "bool"},
    "BIGINT": {"data_type": "bigint"},
    "DOUBLE": {"data_type": "double"},
    "DECIMAL(18,2)": {"data_type": "decimal", "precision": 18, "scale": 2},
    "DECIMAL(18,8)": {"data_type": "decimal", "precision": 18, "scale": 8},
}


def rows(table: str) -> Iterator[dict[str, Any]]:
    """The rows of a table's files, each as a dictionary, with what staging tells their versions by."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    for number, file in enumerate(sorted(EXPORT.glob(f"{table}[-._]*parquet")), start=1):
        row_number = 0
        for batch in pq.ParquetFile(file).iter_batches():
            for row in batch.to_pylist():
                row_number += 1
                yield {**row, "_source": SOURCE, "_batch_number": number, "_source_row": row_number}


def hints(table: Table) -> Any:
    """What dlt is told of the columns, so that the models find their types."""
    kinds = dict(raw for column in table.columns for raw in column.raw_columns)
    kinds |= {"_source": "VARCHAR", "_batch_number": "BIGINT", "_source_row": "BIGINT"}
    return {name: dict(HINTS[kind]) for name, kind in kinds.items()}


@dg.multi_asset(specs=[dg.AssetSpec([RAW_SCHEMA, name]) for name in TABLES])
def raw_tables() -> Iterator[dg.MaterializeResult[None]]:
    """Every table of the export, loaded by dlt row by row."""
    import dlt

    resources = [
        dlt.resource(rows(name), name=name, write_disposition="replace", columns=hints(table))
        for name, table in TABLES.items()
    ]
    pipeline = dlt.pipeline(
        pipeline_name="peer",
        pipelines_dir=str(WAREHOUSE.parent / "dlt"),
        destination=dlt.destinations.duckdb(str(WAREHOUSE)),
        dataset_name=RAW_SCHEMA,
    )
    pipeline.run(resources).raise_on_failed_jobs()
    for name in TABLES:
        yield dg.MaterializeResult(asset_key=[RAW_SCHEMA, name])


@dg.asset(key=["zeven", "run"], deps=[raw_tables])
def run_instant() -> None:
    """The instant that the run describes."""
    import duckdb

    with duckdb.connect(str(WAREHOUSE)) as con:
        con.execute("create schema if not exists zeven")
        con.execute(
            "create or replace table zeven.run (run_id varchar, as_of timestamp, observed_at timestamp)"
        )
        con.execute("insert into zeven.run values ('peer', ?, now()::timestamp)", [AS_OF])


@dbt_assets(manifest=MANIFEST)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """All models and their tests."""
    yield from dbt.cli(["build", "--vars", VARS], context=context).stream()


def checked(contract: Contract) -> dg.AssetChecksDefinition:
    """A check of one mart: it is read into pandas and validated as a whole."""

    @dg.asset_check(asset=dg.AssetKey(["marts", contract.table]), name="is_valid", blocking=True)
    def is_valid() -> dg.AssetCheckResult:
        import duckdb
        import pandera.pandas as pa

        with duckdb.connect(f"{WAREHOUSE}.marts", read_only=True) as con:
            frame = con.execute(f'select * from "{contract.table}"').df()  # noqa: S608 (our own name)
        schema = pa.DataFrameSchema(
            {
                column.name: pa.Column(nullable=not column.required, checks=limits(pa, column))
                for column in contract.columns
            },
            unique=list(contract.key) or None,
        )
        schema.validate(frame, lazy=True)
        return dg.AssetCheckResult(passed=True)

    return is_valid


def limits(pa: Any, column: Column) -> list[Any]:
    found = []
    if column.minimum is not None:
        found.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        found.append(pa.Check.le(column.maximum))
    if column.allowed is not None:
        found.append(pa.Check.isin(column.allowed))
    return found


defs = dg.Definitions(
    assets=[raw_tables, run_instant, models],
    asset_checks=[checked(contract) for contract in CONTRACTS.values()],
    jobs=[dg.define_asset_job("everything", selection="*")],
    resources={"dbt": DbtCliResource(project_dir=str(DBT_PROJECT_DIR), profiles_dir=str(DBT_PROJECT_DIR))},
)
