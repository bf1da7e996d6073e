"""Publishing: build a candidate, audit it, and only then let it serve, in one atomic switch.

Belongs here: the order of these steps, and the refusals. Does not belong here: how files are built
(`candidate.py`) or chosen afterwards (`catalogue.py`).

The gate is here and nowhere else: whoever asks for a release, and however little of the pipeline ran before,
exactly the files that would be published are audited, and a failure leaves the last release serving.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.checks.contracts import Contract, contract_hash, load_contracts
from orchestration.checks.reconciliation import Reconciliation, load_reconciliations
from orchestration.checks.verdicts import Verdict
from orchestration.errors import GateError, ZevenError
from orchestration.ingest import tombstones
from orchestration.progress import Event, report
from orchestration.publish.candidate import BROUGHT_ALONG, Candidate, audit_candidate, build, describe
from orchestration.publish.catalogue import prune_locked
from orchestration.publish.gateway import refresh_gateway
from orchestration.publish.in_place import Elsewhere
from orchestration.publish.manifest import FORMAT, MANIFEST, ReleaseInfo, instant, read_release
from orchestration.publish.rejects import relative_name, write_rejects
from orchestration.publish.sanity_gate import SanityError, pass_sanity
from orchestration.publish.store import (
    CANDIDATE_PREFIX,
    Store,
    explaining,
    readable_by_all,
    remove,
    seal,
    sha256,
    switch_link,
    sync,
    write_json,
)
from orchestration.restatements.definitions import changed_definitions
from orchestration.restatements.publishing import Restating
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql_text import literal
from orchestration.tables import has_table
from orchestration.warehouse import Warehouse

MODELS_DIR = PROJECT_ROOT / "models"
STEPS = (
    "swept",
    "built",
    "audited",
    "compared",
    "described",
    "sealed",
    "moved",
    "switched",
    "gateway",
    "pruned",
)
"""What `publish` goes through; it may be killed after each, and the next one works."""
SHOWN_MESSAGES = 5
_WHILE_AUDITED = "100MB"
"""Of memory for the warehouse."""


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    run_id: str,
    as_of: datetime,
    code_version: str,
    warnings: Sequence[Mapping[str, Any]] = (),
    contracts: Mapping[str, Contract] | None = None,
    reconciliations: Sequence[Reconciliation] | None = None,
    accept: str | None = None,
    elsewhere: Elsewhere | None = None,
    created_at: datetime | None = None,
    after: Callable[[str], None] = lambda step: None,
) -> ReleaseInfo:
    """Publish the marts of `con`, which is open on the warehouse, as a release that serves at once.

    `as_of` is the instant that the tables describe, with an offset; `warnings` are JSON values kept in the
    manifest; `contracts` and `reconciliations` are those of the project's models, and `created_at` is now,
    unless given; `accept` is the reason to publish what is hardly true beside the last release; `elsewhere`
    holds the rows of the tables that are views in the marts; `after` is told each of `STEPS` when it is done.

    Raises `GateError` when the last build of the models was not whole and passed for this `as_of`, or when
    the audit or the comparison with the last release fails: nothing is published then, and
    `last_failure.json` beside the releases says why. Raises `SettingsError` or `ZevenError` in one sentence
    when the disk refuses.
    """
    store = Store.of(settings)
    contracts = load_contracts(MODELS_DIR) if contracts is None else contracts
    if reconciliations is None:
        reconciliations = load_reconciliations(MODELS_DIR, contracts)
    created_at = (created_at or datetime.now(UTC)).replace(microsecond=0)
    with explaining(store), store.locked():
        store.sweep()
        after("swept")
        folder = store.root / f"{CANDIDATE_PREFIX}{created_at:%Y%m%dT%H%M%SZ}-{os.getpid()}"
        try:
            built_by = _last_build(con, as_of)
            serving = store.current_id()
            last = store.releases / serving if serving else None
            restating = _restating(con, last, settings, contracts, as_of, code_version)
            candidate = build(
                con,
                contracts,
                folder,
                store=store,
                as_of=as_of,
                created_at=created_at,
                code_version=code_version,
                restating=restating,
                elsewhere=elsewhere,
            )
            after("built")
            with _little_memory(con):
                verdicts = audit_candidate(candidate, _limits(settings), reconciliations, elsewhere)
            after("audited")
            if refusal := audit_error(settings, verdicts):
                raise refusal
            sanity = pass_sanity(
                settings,
                candidate=candidate.database,
                last=last,
                as_of=as_of,
                accept=accept,
                limits=_limits(settings),
            )
            after("compared")
            rejects = write_rejects(store, run_id, verdicts, keep=settings.release.keep)
            manifest = {
                "format": FORMAT,
                "release_id": candidate.release_id,
                "previous": serving,
                "run_id": run_id,
                "as_of": instant(as_of),
                "created_at": instant(created_at),
                "code_version": code_version,
                "contract_hash": contract_hash(candidate.contracts),
                "duckdb_version": duckdb.__version__,
                "company": {
                    "name": settings.company.name,
                    "currency": settings.company.currency,
                    "time_zone": settings.company.time_zone,
                },
                "database": {"sha256": sha256(candidate.database)},
                "tables": describe(candidate, verdicts),
                "build": built_by,
                "definitions": restating.definitions,
                "restated": restating.summary,
                "checks": [verdict.to_json() for verdict in verdicts],
                "sanity": sanity.to_json(),
                "warnings": [dict(warning) for warning in warnings]
                + _warnings(verdicts, rejects)
                + sanity.warnings(),
            }
            write_json(folder / MANIFEST, manifest)
            after("described")
            release = _let_serve(store, candidate, after)
        except GateError as error:
            store.sweep()
            record_failure(settings, run_id=run_id, error=error)
            raise
        except BaseException:
            store.sweep()
            raise
        try:
            refresh_gateway(store, manifest)
            after("gateway")
            store.last_failure.unlink(missing_ok=True)
            prune_locked(store, settings.release.keep)
        except (OSError, duckdb.Error) as error:
            raise ZevenError(
                f"Release {release.release_id} serves, but tidying up after it failed ({error}); run again."
            ) from error
        after("pruned")
        report(Event("publish", release.release_id, "done", detail=f"{len(verdicts)} checks passed"))
        return release


class AuditError(GateError):
    """The audit of a candidate failed; `verdicts` are all that failed, `rejects` the file with their keys."""

    def __init__(self, message: str, verdicts: Sequence[Verdict]) -> None:
        super().__init__(message)
        self.verdicts = tuple(verdicts)
        self.rejects: Path | None = None

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  The keys of the failing rows: {self.rejects}" if self.rejects else message


def record_failure(settings: Settings, *, run_id: str, error: ZevenError) -> None:
    """Note beside the releases why the last attempt published nothing; the next success removes the note.

    The keys of failing rows go into a file of their own, which `error` names from then on; the message of the
    note does not, as readers of the dashboard see it.
    """
    store = Store.of(settings)
    with readable_by_all():
        store.root.mkdir(parents=True, exist_ok=True)
    verdicts = error.verdicts if isinstance(error, AuditError) else ()
    findings = error.findings if isinstance(error, SanityError) else ()
    message = str(error)
    rejects = write_rejects(store, run_id, verdicts, keep=settings.release.keep)
    if isinstance(error, AuditError):
        error.rejects = rejects
    note = {
        "when": instant(datetime.now(UTC)),
        "run_id": run_id,
        "message": message,
        "verdicts": [verdict.to_json() for verdict in verdicts],
        "findings": [finding.to_json() for finding in findings],
        "rejects": relative_name(rejects),
    }
    with readable_by_all():
        write_json(store.last_failure, note)


def _last_build(con: duckdb.DuckDBPyConnection, as_of: datetime) -> dict[str, Any]:
    """What the models' last build noted of itself; refuses a partial, failed or differently dated one."""
    # microseconds since 1970: a time with an offset cannot be fetched without a further package
    noted = (
        has_table(con, "zeven", "build_result")
        and con.execute(
            "select run_id, epoch_us(as_of), epoch_us(finished_at), passed, is_whole, checks::varchar "
            "from zeven.build_result"
        ).fetchall()
    )
    if not noted:
        raise GateError("Nothing was published: the models were never built; run the whole pipeline.")
    if len(noted) > 1:
        raise GateError("Nothing was published: two builds of the models are noted; run the whole pipeline.")
    [(build_id, built_as_of, finished_at, passed, is_whole, checks)] = noted
    if not is_whole:
        raise GateError(
            f"Nothing was published: the last build ({build_id}) made a part of the models only; "
            "run the whole pipeline."
        )
    if not passed:
        raise GateError(
            f"Nothing was published: models or tests failed in the last build ({build_id}); "
            "see its failures, mend them and run again."
        )
    if built_as_of != _microseconds(as_of):
        built = instant(datetime.fromtimestamp(built_as_of / 1e6, UTC))
        raise GateError(
            f"Nothing was published: the tables describe {built} and the release was asked for "
            f"{instant(as_of)}; run the whole pipeline for that instant."
        )
    return {
        "run_id": build_id,
        "finished_at": instant(datetime.fromtimestamp(finished_at / 1e6, UTC)),
        "checks": json.loads(checks or "[]"),
    }


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def audit_error(settings: Settings, verdicts: Sequence[Verdict]) -> AuditError | None:
    """The refusal that follows from these verdicts, with the first failures and what serves; None if none."""
    blocking = [verdict for verdict in verdicts if verdict.blocks]
    if not blocking:
        return None
    many = f"{len(blocking)} checks" if len(blocking) > 1 else "a check"
    serving = Store.of(settings).current_id()
    stays = f"release {serving} still serves" if serving else "there is no earlier release"
    lines = [f"Nothing was published, {many} failed; {stays}."]
    lines += [f"  {verdict.message}" for verdict in blocking[:SHOWN_MESSAGES]]
    if len(blocking) > SHOWN_MESSAGES:
        lines.append(f"  and {len(blocking) - SHOWN_MESSAGES} more")
    return AuditError("\n".join(lines), [verdict for verdict in verdicts if not verdict.passed])


def _warnings(verdicts: Sequence[Verdict], rejects: Path | None) -> list[dict[str, Any]]:
    """Failed checks that do not block, as warnings of the release; the file `rejects` has their keys."""
    return [
        {
            "kind": "contract",
            "table": verdict.table,
            "rule": verdict.rule,
            "message": verdict.message,
            "rejects": relative_name(rejects),
        }
        for verdict in verdicts
        if not verdict.passed
    ]


def _restating(
    con: duckdb.DuckDBPyConnection,
    last: Path | None,
    settings: Settings,
    contracts: Mapping[str, Contract],
    as_of: datetime,
    code_version: str,
) -> Restating:
    """What compares the candidate with the release in the folder `last`, which serves now."""
    return Restating(
        before=last,
        as_of=as_of,
        code_version=code_version,
        time_zone=settings.company.time_zone,
        currency=settings.company.currency,
        contracts={**contracts, **BROUGHT_ALONG},
        definitions=changed_definitions(),
        withheld=frozenset(stone.record_hash for stone in tombstones.read(con, settings.paths.warehouse)),
    )


def _let_serve(store: Store, candidate: Candidate, after: Callable[[str], None]) -> ReleaseInfo:
    """Make the candidate a release for good, then switch to it."""
    seal(candidate.folder)
    after("sealed")
    folder = store.releases / candidate.release_id
    if folder.is_symlink():  # the way to the candidate, which comes itself now
        folder.unlink()
    candidate.folder.rename(folder)
    folder.chmod(0o555)
    sync(store.releases)
    sync(store.root)
    after("moved")
    try:
        switch_link(store.current, f"releases/{candidate.release_id}")
    except BaseException:
        remove(folder)
        raise
    after("switched")
    return read_release(folder, current_id=candidate.release_id)


@contextmanager
def _little_memory(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let the warehouse keep next to nothing in memory while the audit, with the same limit, works beside it.

    Otherwise what a build has left there and what the audit reads may be twice the limit.
    """
    [(limit,)] = con.execute("select current_setting('memory_limit')").fetchall()
    with suppress(duckdb.OutOfMemoryException):  # it needs more at this moment, and keeps that
        con.execute(f"set memory_limit = '{_WHILE_AUDITED}'")
    try:
        yield
    finally:
        con.execute(f"set memory_limit = {literal(limit)}")


def _limits(settings: Settings) -> dict[str, Any]:
    """The working database's limits, for the connection that audits beside it."""
    return {
        "memory_limit": settings.run.memory_limit,
        "threads": Warehouse(settings).threads,
        "temp_directory": str(settings.paths.warehouse / "audit.tmp"),
    }
