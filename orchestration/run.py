"""Running the whole pipeline once, in this process, as the command line does.

Belongs here: whether there is anything to do, starting Dagster's job so that the UI shows it like any
other, and handing back what came of it. Does not belong here: the steps themselves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from orchestration import run_record
from orchestration.errors import ZevenError, causes
from orchestration.ingest.asking import ASK, Answers, ask
from orchestration.room import refuse_a_full_disk
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse import COMMAND_LINE, Warehouse, writer_lock

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.remote_origin import RemoteJobOrigin

    from orchestration.checks.contracts import Contract
    from orchestration.ingest.source_kind import Pending, TableLoad
    from orchestration.publish.manifest import ReleaseInfo
    from orchestration.resources import Journal


@dataclass(frozen=True)
class RunResult:
    """What a run did. With `nothing_new` no run was started, and `release` is the one that serves already.

    `warnings` are what the models found odd in the data: code, entity, value, records, message.
    """

    run_id: str | None
    as_of: datetime
    release: ReleaseInfo
    nothing_new: bool
    loads: tuple[TableLoad, ...]
    warnings: tuple[Mapping[str, Any], ...]
    seconds: float


def run_pipeline(
    settings: Settings,
    *,
    as_of: str | None = None,
    force: bool = False,
    wait_seconds: float | None = None,
    accept: str | None = None,
    full_refresh: bool = False,
) -> RunResult:
    """Load what is new, build, check, publish.

    `as_of` wins over the settings. Nothing is built where no source has anything new, code, settings and
    contracts are those of the release that serves, and it describes the same day; `force`, or an `as_of`,
    builds all the same, and `full_refresh` makes every table anew as well. `accept` is the reason to publish
    what is hardly true beside the last release. Waits `wait_seconds` (else `run.wait_seconds`) for another
    run, then raises `BusyError`. What else a person can mend is raised as the `ZevenError` that the step met.
    """
    started = time.monotonic()
    now = datetime.now(UTC)
    instant = settings.as_of(as_of, now=now)
    with writer_lock(settings, who=COMMAND_LINE, wait_seconds=wait_seconds):
        refuse_a_full_disk(settings)  # before Dagster's event log meets it
        answers = Answers()
        known = (
            _up_to_date(settings, instant, wait_seconds)
            if as_of is None and not (force or full_refresh)
            else None
        )
        if known is not None:
            served, pending = known
            if pending:
                with Warehouse(settings, wait_seconds).connect() as con:
                    answers = ask(con, settings, pending, now)
            if answers.are_nothing_new:
                seconds, loads = time.monotonic() - started, answers.loads
                return RunResult(None, served.as_of, served, True, loads, served.warnings, seconds)
        run_id, journal = _launch(settings, instant, now, wait_seconds, accept, full_refresh, answers)
    assert journal.release is not None, "the job succeeded without a release"
    loads, warnings = tuple(journal.loads), tuple(journal.warnings)
    return RunResult(run_id, instant, journal.release, False, loads, warnings, time.monotonic() - started)


def _up_to_date(
    settings: Settings, instant: datetime, wait_seconds: float | None
) -> tuple[ReleaseInfo, list[Pending]] | None:
    """The release that serves, if building again could give no other unless a source that must be asked has
    something new, and what is to be asked; None if there is something to do."""
    from orchestration.ingest.registry import used
    from orchestration.made_from import made_from
    from orchestration.publish.catalogue import current

    try:
        served = current(settings)
    except ZevenError:  # what serves is damaged: a new release is the remedy
        return None
    if served is None:
        return None
    with Warehouse(settings, wait_seconds).connect(read_only=True) as con:
        released = run_record.last_released(con)
        if released is None or released.release_id != served.release_id:
            return None
        if _day(settings, released.as_of) != _day(settings, instant):
            return None
        if released.made_from != made_from(settings, _contracts()):
            return None
        pending = [one for kind in used(settings).values() for one in kind.scan(con, settings)]
    return None if any(one.reason != ASK for one in pending) else (served, pending)


def _contracts() -> dict[str, Contract]:
    from orchestration.checks.contracts import load_contracts

    return load_contracts(PROJECT_ROOT / "models")


def _day(settings: Settings, instant: datetime) -> object:
    return instant.astimezone(ZoneInfo(settings.company.time_zone)).date()


def _launch(
    settings: Settings,
    instant: datetime,
    now: datetime,
    wait_seconds: float | None,
    accept: str | None,
    full_refresh: bool,
    answers: Answers,
) -> tuple[str, Journal]:
    """Run the job to its end; its run id and journal. `now` is when the sources are read, `answers` what
    those told that were asked already."""
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run

    from orchestration.definitions import build_defs
    from orchestration.instance import open_instance
    from orchestration.resources import LAUNCHED_BY, PROCESS, Journal, this_process, warehouse_resource
    from orchestration.schedules import JOB
    from orchestration.transform.dbt_command import stop_running

    journal = Journal(answers=answers)
    definitions = build_defs(
        settings,
        journal=journal,
        warehouse=warehouse_resource(settings, wait_seconds),
    )
    job = definitions.resolve_job_def(JOB)
    with open_instance(settings) as instance:
        run = instance.create_run_for_job(
            job_def=job,
            run_config={
                "ops": {
                    "zeven__run": {"config": {"as_of": instant.isoformat(), "observed_at": now.isoformat()}},
                    "dbt_models": {"config": {"full_refresh": full_refresh}},
                    "release": {"config": {"accept": accept or ""}},
                }
            },
            tags={LAUNCHED_BY: COMMAND_LINE, PROCESS: this_process()},
            remote_job_origin=_origin(JOB),
        )
        try:
            execute_run(InMemoryJob(job), run, instance, raise_on_error=True)
        except Exception as error:
            told = next((cause for cause in causes(error) if isinstance(cause, ZevenError)), None)
            if told is None:
                raise
            raise told from None
        finally:
            stop_running()
            _settle(instance, run.run_id)
    return run.run_id, journal


def _settle(instance: DagsterInstance, run_id: str) -> None:
    """A run that was interrupted before its first step stands as canceled, not as about to start."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_canceled(run, "The run was interrupted before it was over.")


def _origin(job: str) -> RemoteJobOrigin:
    """Where the UI finds the job: without it, a run of ours stands there without its asset graph."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import RemoteRepositoryOrigin
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    location = location_origins_from_yaml_paths([str(PROJECT_ROOT / "workspace.yaml")])[0]
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME).get_job_origin(job)
