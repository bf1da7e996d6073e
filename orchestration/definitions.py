"""Everything Dagster knows of Zeven: a table of contents.

Belongs here: putting the parts together. Does not belong here: any part. Nothing is read when this module is
imported; `defs` is called by Dagster when it loads the code location.
"""

from __future__ import annotations

import warnings
from typing import Any

import dagster as dg

from orchestration.settings import Settings


def build_defs(settings: Settings | None = None, **overrides: Any) -> dg.Definitions:
    """The definitions for these settings (those of `zeven.toml` if none are given).

    `overrides` replace resources by name: `warehouse`, `journal`.
    """
    from orchestration.checks.asset_checks import build_contract_checks
    from orchestration.checks.contracts import load_contracts
    from orchestration.ingest.assets import build_ingest_assets
    from orchestration.publish.assets import build_release_asset
    from orchestration.publish.release import MODELS_DIR
    from orchestration.resources import Journal, warehouse_resource
    from orchestration.schedules import build_job, build_schedule, build_sensor
    from orchestration.settings import load_settings
    from orchestration.transform.assets import build_dbt_assets
    from orchestration.transform.manifest import parsed_project

    warnings.simplefilter("ignore", dg.BetaWarning)  # code links are marked so; no user can act on it
    settings = settings or load_settings()
    contracts = load_contracts(MODELS_DIR)
    in_python = [*build_ingest_assets(settings), build_release_asset(settings, contracts)]
    job = build_job()
    return dg.Definitions(
        assets=[
            *dg.with_source_code_references(in_python),
            build_dbt_assets(settings, parsed_project(settings), contracts),
        ],
        asset_checks=[build_contract_checks(settings, contracts)],
        jobs=[job],
        schedules=[build_schedule(settings, job)],
        sensors=[build_sensor(settings, job)],
        resources={"warehouse": warehouse_resource(settings), "journal": Journal(), **overrides},
        executor=dg.in_process_executor,  # a process for each step costs three times as much
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` points at."""
    return build_defs()
