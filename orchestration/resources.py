"""What the assets share while a run lasts: the warehouse under its writer lock, and the run's journal.

Belongs here: resources, and how an error for people travels through Dagster. Does not belong here: assets.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.errors import ZevenError
from orchestration.ingest.asking import Answers
from orchestration.processes import is_alive, name_of
from orchestration.settings import Settings
from orchestration.speech import without_secrets
from orchestration.warehouse import DAGSTER_UI, SCHEDULE, SENSOR, Warehouse, writer_lock

if TYPE_CHECKING:
    from orchestration.publish.manifest import ReleaseInfo

LAUNCHED_BY = "zeven/launched_by"
"""Run tag that completes the sentence "started by ..."; Dagster's own tags tell of schedule and sensor."""
PROCESS = ".dagster/zeven_process"
"""Run tag with the process that works on the run, `<pid>:<start time>`; the front hides it in the UI."""


@dataclass
class Journal:
    """What one run did, for whoever started it in this process."""

    loads: list[Any] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)
    """What sources told that were asked before the run was started."""
    release: "ReleaseInfo | None" = None
    warnings: list[dict[str, Any]] = field(default_factory=list)


def warehouse_resource(settings: Settings, wait_seconds: float | None = None) -> dg.ResourceDefinition:
    """The warehouse, and with it the writer lock for the whole run: who has the one has the other.

    Waits `wait_seconds` for another run, else `run.wait_seconds`.
    """

    @dg.resource(description="The working database, under the writer lock of the run.")
    @contextmanager
    def warehouse(context: dg.InitResourceContext) -> Iterator[Warehouse]:
        run = context.run
        run_id = run.run_id if run else ""
        with writer_lock(settings, who=launched_by(run), run_id=run_id, wait_seconds=wait_seconds):
            if run and context.instance:
                context.instance.add_run_tags(run_id, {PROCESS: this_process()})
                fail_abandoned_runs(context.instance, run_id)
            yield Warehouse(settings, wait_seconds)

    return warehouse


def launched_by(run: dg.DagsterRun | None) -> str:
    """Completes the sentence "started by ..."."""
    tags = run.tags if run else {}
    if LAUNCHED_BY in tags:
        return tags[LAUNCHED_BY]
    if "dagster/schedule_name" in tags:
        return SCHEDULE
    return SENSOR if "dagster/sensor_name" in tags else DAGSTER_UI


@contextmanager
def user_errors() -> Iterator[None]:
    """Let an error for people fail the step with its sentence, at once: trying again would not mend it."""
    try:
        yield
    except ZevenError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except Exception as error:
        # Dagster keeps the texts of a whole chain of errors in its event log
        told = [str(link) for link in (error, error.__cause__, error.__context__) if link is not None]
        if any(without_secrets(text) != text for text in told):
            raise dg.Failure(description=f"{type(error).__name__}: {without_secrets(told[0])}") from None
        raise


def this_process() -> str:
    """The value of the tag `PROCESS`."""
    return name_of(os.getpid())


def fail_abandoned_runs(instance: dg.DagsterInstance, own_run_id: str) -> None:
    """Mark runs as failed whose process was killed: Dagster alone would show them as running for ever.

    Called by the holder of the writer lock. A run that waits for the lock has a living process.
    """
    status = dg.DagsterRunStatus
    unfinished = [status.NOT_STARTED, status.STARTING, status.STARTED, status.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        process = run.tags.get(PROCESS, "")
        if run.run_id != own_run_id and process and not is_alive(process):
            instance.report_run_failed(
                run, f"Process {process.partition(':')[0]} of this run ended without a word: it was killed."
            )
