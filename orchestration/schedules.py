"""When the pipeline runs by itself: every day by the clock, and when new export files are there.

Belongs here: the job, its schedule and its sensor. Does not belong here: what the job does.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from orchestration.errors import SettingsError, ZevenError
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse, holder

if TYPE_CHECKING:
    from orchestration.ingest.source_kind import Pending

JOB = "publish_sales_metrics"
_SENSOR_SECONDS = 60
_SHOWN = 5


def build_job() -> Job:
    """Everything, from the export files to the release."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
        description="Load what is new, build the models, run every check, publish a release.",
    )


def build_schedule(settings: Settings, job: Job) -> dg.ScheduleDefinition:
    """Runs the job at `run.schedule`, in company time."""
    try:
        return dg.ScheduleDefinition(
            name="daily",
            job=job,
            cron_schedule=settings.run.schedule,
            execution_timezone=settings.company.time_zone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="The time stands in the settings (run.schedule), in company time.",
        )
    except dg.DagsterInvalidDefinitionError:
        raise SettingsError(
            f"{settings.file}: run.schedule: '{settings.run.schedule}' is no cron expression; "
            "write for example '0 5 * * *'."
        ) from None


def build_sensor(settings: Settings, job: Job) -> dg.SensorDefinition:
    """Runs the job when export files are there that no run has loaded. Off until it is switched on."""

    @dg.sensor(
        name="new_export_files",
        job=job,
        minimum_interval_seconds=_SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs the job as soon as a source's folder holds files that were not loaded yet.",
    )
    def new_export_files() -> dg.RunRequest | dg.SkipReason:
        from orchestration.ingest.registry import used

        busy = holder(settings)
        if busy is not None:
            return dg.SkipReason(f"{busy.describe(settings)} is at work.")
        try:
            with Warehouse(settings, wait_seconds=0).connect(read_only=True) as con:
                found = [one for kind in used(settings).values() for one in kind.scan(con, settings)]
        except ZevenError as error:
            return dg.SkipReason(str(error))
        pending = [file for file in found if file.reason != "ask"]  # a CRM is asked on schedule
        if not pending:
            return dg.SkipReason("Every export file is loaded.")
        names = ", ".join(file.what for file in pending[:_SHOWN])
        more = f" and {len(pending) - _SHOWN} more" if len(pending) > _SHOWN else ""
        return dg.RunRequest(
            run_key=_run_key(settings, pending),
            tags={"zeven/new_files": f"{names}{more}"[:200]},
        )

    return new_export_files


def _run_key(settings: Settings, pending: "Sequence[Pending]") -> str:
    """The same for the same files as they are now: what was refused is tried again when a file changes."""
    digest = hashlib.sha256()
    for file in pending:
        facts = (settings.file_sources[file.source].folder / file.what).stat()
        digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
