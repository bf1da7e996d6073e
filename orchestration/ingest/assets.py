"""The raw tables as Dagster assets, and the asset that fixes the instant a run describes.

Belongs here: calling the source kinds' `load_table` for what is selected, and telling what came of it. Does
not belong here: reading a source (`files.py` and its neighbours).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration import run_record
from orchestration.errors import SourceError
from orchestration.ingest.registry import used
from orchestration.ingest.source_kind import SourceKind, TableLoad
from orchestration.resources import Journal, user_errors
from orchestration.room import refuse_a_full_disk
from orchestration.settings import Settings
from orchestration.transform.translator import OWNER
from orchestration.warehouse import Warehouse

GROUP = "ingest"
_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
"""For a network drive that hiccups; what a person has to mend is not tried again."""


class RunInstant(dg.Config):
    """`as_of`: a date (its last second), an ISO instant or "now"; empty takes `run.as_of` of the settings.

    `observed_at`: the ISO instant at which the sources are read, for whoever fixed it already; empty is now.
    """

    as_of: str = ""
    observed_at: str = ""


def build_ingest_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The raw tables of every source kind, and `zeven/run`."""
    by_crm: dict[str, dict[str, SourceKind]] = {}
    for name, kind in used(settings).items():
        by_crm.setdefault(kind.CRM, {})[name] = kind
    return [_run_asset(settings), *(_raw_assets(settings, crm, kinds) for crm, kinds in by_crm.items())]


def _run_asset(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=["zeven", "run"],
        group_name=GROUP,
        owners=[OWNER],
        kinds={"python", "duckdb"},
        description="The instant this run describes (as_of): every model reads this row, none reads a clock.",
    )
    def zeven__run(
        context: dg.AssetExecutionContext, config: RunInstant, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        with user_errors():
            refuse_a_full_disk(settings)
        with user_errors(), warehouse.connect() as con:
            now = datetime.fromisoformat(config.observed_at) if config.observed_at else datetime.now(UTC)
            as_of = settings.as_of(config.as_of or None, now=now)
            run_record.prepare(con)
            run_record.begin(con, context.run_id, as_of, now)
        return dg.MaterializeResult(metadata={"as_of": as_of.isoformat(), "dagster/row_count": 1})

    return zeven__run


def _raw_assets(settings: Settings, crm: str, kinds: Mapping[str, SourceKind]) -> dg.AssetsDefinition:
    """The raw tables of one CRM, in one step: reading them in turn costs less than a step each."""
    schema = f"raw_{crm}"
    sources = [
        (name, kinds[source.kind]) for name, source in settings.sources.items() if source.kind in kinds
    ]
    tables = list(dict.fromkeys(table for kind in kinds.values() for table in kind.TABLES))
    names = ", ".join(name for name, _ in sources)
    specs = [
        dg.AssetSpec(
            key=[schema, table],
            group_name=GROUP,
            owners=[OWNER],
            kinds={"python", "duckdb"},
            skippable=True,
            description=f"What the sources {names} delivered for `{table}` so far.",
            metadata={"dagster/table_name": f"{schema}.{table}", "sources": names},
        )
        for table in tables
    ]

    @dg.multi_asset(name=schema, specs=specs, can_subset=True, retry_policy=_RETRIES)
    def load(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        journal: dg.ResourceParam[Journal],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        loaded_at = datetime.now(UTC)
        selected = {key.path[-1] for key in context.selected_asset_keys}
        with user_errors(), warehouse.connect(loading=True) as con:
            run_record.prepare(con)
            run_record.forget_release(con)
            for kind in kinds.values():
                kind.prepare(con)
            refused: list[SourceError] = []
            for table in [name for name in tables if name in selected]:
                loads = []
                for name, kind in sources:
                    try:
                        known = journal.answers.take(name, table)
                        loads.append(known or kind.load_table(con, settings, name, table, loaded_at))
                    except SourceError as error:  # the other tables are not lost by it
                        refused.append(error)
                journal.loads.extend(loads)
                [(total,)] = con.execute(f'select count(*) from "{schema}"."{table}"').fetchall()  # noqa: S608
                yield dg.MaterializeResult(asset_key=[schema, table], metadata=_facts(loads, total))
            if refused:
                raise _together(refused)

    return load


def _together(refused: Sequence[SourceError]) -> SourceError:
    """The first refusal, and that there are more."""
    if len(refused) == 1:
        return refused[0]
    return SourceError(
        f"{refused[0]} {len(refused) - 1} more tables were refused; the other tables are loaded."
    )


def _facts(loads: Sequence[TableLoad], total: int) -> dict[str, Any]:
    """What Dagster shows of a load."""
    findings = "\n".join(f"- {finding}" for load in loads for finding in load.findings)
    facts: dict[str, Any] = {
        "new batches": sum(load.batches_new for load in loads),
        "rows loaded": sum(load.rows_loaded for load in loads),
        "rows quarantined": sum(load.rows_quarantined for load in loads),
        "dagster/row_count": total,
    }
    return facts | ({"findings": dg.MetadataValue.md(findings)} if findings else {})
