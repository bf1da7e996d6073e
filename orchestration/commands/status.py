"""What is served, how old it is, what waits to be loaded, who is at work; the releases and going back to one.

Belongs here: gathering that as plain data, the same for a person and for `--json`. Does not belong here: how
it looks (`views.py`), or judging what is wrong (`doctor.py`). Reads only, rolling back aside; imports neither
Dagster nor dbt.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestration.errors import BusyError, ZevenError
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse, holder

if TYPE_CHECKING:
    from orchestration.publish.manifest import ReleaseInfo

Payload = dict[str, Any]


@dataclass(frozen=True)
class Pending:
    """Files that the next run would load, counted by `source.table`; `unknown` says why nobody knows."""

    files: int | None
    tables: dict[str, int]
    unknown: str | None = None


def pending(settings: Settings) -> Pending:
    """Look at the sources without waiting for anybody."""
    from orchestration.ingest.registry import used

    try:
        with Warehouse(settings, wait_seconds=0).connect(read_only=True) as con:
            found = [one for kind in used(settings).values() for one in kind.scan(con, settings)]
    except BusyError:
        return Pending(None, {}, "a run is at work")
    except ZevenError as error:
        return Pending(None, {}, str(error))
    files = [file for file in found if file.reason != "ask"]
    tables = Counter(f"{file.source}.{file.table}" for file in files)
    return Pending(len(files), dict(sorted(tables.items())))


def gather(settings: Settings, *, now: datetime | None = None) -> Payload:
    """Everything `zeven status` says. `now` is the clock (given by tests)."""
    from orchestration.publish import catalogue

    writer = holder(settings)
    serving = catalogue.current(settings)
    return {
        "company": settings.company.name,
        "time_zone": settings.company.time_zone,
        "settings": settings.file,
        "release": describe(serving, settings, now) if serving else None,
        "last_failure": last_failure(settings),
        "pending": asdict(pending(settings)),
        "writer": {**asdict(writer), "sentence": writer.describe(settings)} if writer else None,
    }


def releases(settings: Settings) -> Payload:
    """Every release that can be read, newest first."""
    from orchestration.publish import catalogue

    found = [describe(info, settings) for info in catalogue.releases(settings)]
    return {"time_zone": settings.company.time_zone, "releases": found}


def roll_back(settings: Settings, to: str | None) -> Payload:
    """Switch to another release; what served before, and what serves now."""
    from orchestration.publish import catalogue

    before = catalogue.current(settings)
    now_serving = catalogue.rollback(settings, to)
    return {
        "before": before.release_id if before else None,
        "release": describe(now_serving, settings),
    }


def describe(info: ReleaseInfo, settings: Settings, now: datetime | None = None) -> Payload:
    """One release. Its age counts from its making, in hours."""
    age = (now or datetime.now(UTC)) - info.created_at
    hours = round(age.total_seconds() / 3600, 1)
    return {
        "release_id": info.release_id,
        "is_current": info.is_current,
        "as_of": info.as_of,
        "created_at": info.created_at,
        "age_hours": hours,
        "max_age_hours": settings.release.max_age_hours,
        "is_stale": hours > settings.release.max_age_hours,
        "code_version": info.code_version,
        "tables": len(info.tables),
        "rows": sum(info.tables.values()),
        "checks": info.checks,
        "warnings": len(info.warnings),
        "restated": info.restated,
        "folder": info.folder,
    }


def last_failure(settings: Settings) -> Payload | None:
    """Why the newest run published nothing, until one succeeds; None where it did."""
    from orchestration.publish.store import Store

    file = Store.of(settings).last_failure
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
        told = {name: note[name] for name in ("when", "run_id", "message")}
        rejects = note.get("rejects")
        return {**told, "rejects": file.parent / rejects if rejects else None}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {
            "when": None,
            "run_id": None,
            "message": f"{file}: cannot be read ({error}).",
            "rejects": None,
        }
