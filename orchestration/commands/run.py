"""`zeven run`: one run of the pipeline, watched, and what it came to.

Belongs here: calling the pipeline and gathering its result for a person and for `--json`. Does not belong
here: the run itself (`orchestration/run.py`).
"""

from __future__ import annotations

import atexit
import gc
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.commands.numbers import Numbers, read_numbers
from orchestration.commands.status import describe
from orchestration.console import Progress, stdout_kept_clean
from orchestration.progress import reporting_to
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.publish.manifest import ReleaseInfo
    from orchestration.run import RunResult


def run(
    settings: Settings,
    *,
    as_of: str | None,
    force: bool,
    wait: bool,
    accept: str | None = None,
    full_refresh: bool = False,
) -> dict[str, Any]:
    """Run the pipeline and describe the release that serves afterwards. Raises what the pipeline raises."""
    settings.as_of(as_of)  # an unreadable --as-of is refused before anything heavy is loaded
    from orchestration.publish.sanity_gate import reason_given

    reason = reason_given(accept)
    # without any handler, Python writes what libraries log to the terminal, into the progress
    logging.getLogger().addHandler(logging.NullHandler())
    _look_for_garbage_less_often()
    with stdout_kept_clean(), Progress() as progress, reporting_to(progress):
        from orchestration.run import run_pipeline

        result = run_pipeline(
            settings,
            as_of=as_of,
            force=force,
            wait_seconds=None if wait else 0,
            accept=reason,
            full_refresh=full_refresh,
        )
    return _payload(settings, result)


def _look_for_garbage_less_often() -> None:
    """dbt and Dagster make a million objects that stay until the process ends.

    Looked through as often as Python does by itself, they took 1.5 of the 20 CPU-seconds of a small run, and
    as much again when the process ended. Memory is the same.
    """
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)


def _payload(settings: Settings, result: RunResult) -> dict[str, Any]:
    release = result.release
    return {
        "company": settings.company.name,
        "time_zone": settings.company.time_zone,
        "run_id": result.run_id,
        "nothing_new": result.nothing_new,
        "seconds": round(result.seconds, 1),
        "release": describe(release, settings),
        "loads": list(result.loads),
        "warnings": list(result.warnings),
        "restated": None if result.nothing_new else release.restated,
        "rejects": _rejects(settings, result.warnings),
        "numbers": _numbers(settings, release),
        "where": {
            "database": settings.paths.published / "current" / "zeven.duckdb",
            "gateway": settings.paths.published / "gateway.duckdb",
        },
    }


def _rejects(settings: Settings, warnings: Sequence[Mapping[str, Any]]) -> Path | None:
    """The file with the keys behind these warnings, while it is kept."""
    named = next((warning["rejects"] for warning in warnings if warning.get("rejects")), None)
    file = settings.paths.published / str(named)
    return file if named and file.exists() else None


def _numbers(settings: Settings, release: ReleaseInfo) -> Numbers | None:
    """The headline numbers; None where the release has no scorecard or does not name its metrics."""
    from orchestration.publish import catalogue

    if not {"kpi_scorecard", "metric_catalog"} <= set(release.tables):
        return None
    con = catalogue.open_release(settings, release.release_id)
    try:
        company = settings.company
        return read_numbers(con, as_of=release.as_of, time_zone=company.time_zone, currency=company.currency)
    finally:
        con.close()
