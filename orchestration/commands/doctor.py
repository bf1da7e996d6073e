"""`zeven doctor`: what is wrong with this installation, its settings, sources, warehouse and releases.

Belongs here: looking at one thing after the other, the verdict, and what to do. Does not belong here:
mending anything, or how it looks (`views.py`). A look that fails itself is a finding, never the end of it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from orchestration.commands.status import last_failure, pending
from orchestration.errors import BusyError, ZevenError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.speech import speakable
from orchestration.warehouse import Warehouse, holder

LOCK_FILE = PROJECT_ROOT / "requirements.lock"
ENOUGH_SPACE = 1 << 30
LITTLE_SPACE = 100 << 20
"""Bytes: below the first a warning, below the second wrong."""


@dataclass(frozen=True)
class Finding:
    """`advice` is what to do, empty where nothing is."""

    subject: str
    verdict: Literal["ok", "warning", "wrong"]
    message: str
    advice: str = ""


def examine(read_settings: Callable[[], Settings]) -> list[Finding]:
    """Everything there is to say. Without readable settings only what does not need them."""
    findings = [*_look("Python", python), *_look("packages", packages)]
    try:
        settings = read_settings()
    except ZevenError as error:
        return [*findings, Finding("settings", "wrong", str(error), "The rest can be examined after that.")]
    findings.append(Finding("settings", "ok", str(settings.file)))
    for subject, look in (
        ("folders", folders),
        ("disk", disk),
        ("sources", sources),
        ("Spark", spark),
        ("writer", writer),
        ("warehouse", warehouse),
        ("releases", releases),
        ("erasure", erasure),
    ):
        findings += _look(subject, look, settings)
        if look is sources:
            for name in [one for one in settings.sources if one not in settings.file_sources]:
                findings += _look(f"source {name}", asked_source, settings, name)
    return findings


def payload(findings: list[Finding]) -> dict[str, Any]:
    """For `--json` and for the table: the findings, and how many of them are wrong."""
    return {
        "wrong": sum(finding.verdict == "wrong" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _look(subject: str, look: Callable[..., Iterable[Finding]], *arguments: Any) -> list[Finding]:
    """The findings of one look, to be had even where the look itself breaks down."""
    found: list[Finding] = []
    try:
        found.extend(look(*arguments))
    except ZevenError as error:
        found.append(Finding(subject, "wrong", str(error)))
    except Exception as error:
        name = type(error).__name__
        message = f"could not be examined ({name}: {speakable(str(error))})."
        found.append(Finding(subject, "wrong", message, "Please report it."))
    return found


def python() -> Iterator[Finding]:
    """The interpreter, and whether it is the one of the project's environment."""
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro} in {sys.prefix}"
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        yield Finding("Python", "ok", found)
    else:
        yield Finding("Python", "wrong", f"{found}; Zeven runs on 3.11 to 3.13.", "Run: make setup.")


_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")


def locked_versions(text: str) -> Iterator[tuple[str, str]]:
    """(package, version) of every line of a lock file that holds on this machine."""
    from packaging.markers import Marker

    for line in text.splitlines():
        if match := _PIN.match(line):
            name, version, marker = match.groups()
            if marker is None or Marker(marker).evaluate():
                yield name, version


def packages() -> Iterator[Finding]:
    """What is installed against what the lock file says."""
    if not LOCK_FILE.exists():
        yield Finding("packages", "warning", f"{LOCK_FILE} is not there, so the versions cannot be compared.")
        return
    wrong = []
    count = 0
    for name, version in locked_versions(LOCK_FILE.read_text(encoding="utf-8")):
        count += 1
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "none"
        if found != version:
            wrong.append(f"{name} {found} instead of {version}")
    if wrong:
        some = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        yield Finding("packages", "wrong", f"Not what requirements.lock says: {some}.", "Run: make setup.")
    else:
        yield Finding("packages", "ok", f"{count} packages, as requirements.lock says")


def folders(settings: Settings) -> Iterator[Finding]:
    """Whether the warehouse and the releases can be written, and only the owner can read the warehouse."""
    for name, folder in (("warehouse", settings.paths.warehouse), ("published", settings.paths.published)):
        subject = f"paths.{name}"
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not existing.is_dir():
            yield Finding(subject, "wrong", f"{existing} is a file.", "Move it away, or name another folder.")
        elif not os.access(existing, os.W_OK | os.X_OK):
            advice = f"Let the user who runs Zeven write there, or change paths.{name}."
            yield Finding(subject, "wrong", f"{existing} may not be written.", advice)
        elif existing != folder:
            yield Finding(subject, "ok", f"{folder} is not there yet; the first run makes it")
        elif name == "warehouse" and folder.stat().st_mode & 0o077:
            mode = oct(folder.stat().st_mode & 0o777)[2:]
            message = f"{folder} holds the CRM's raw records and others may enter it (mode {mode})."
            yield Finding(subject, "warning", message, f"Run: chmod 700 '{folder}'.")
        else:
            yield Finding(subject, "ok", str(folder))


def disk(settings: Settings) -> Iterator[Finding]:
    """Free space where the run writes; a rebuild needs about the size of the warehouse again."""
    work = Warehouse(settings).file
    needed = ENOUGH_SPACE + (work.stat().st_size if work.exists() else 0)
    seen = set()
    for folder in (settings.paths.warehouse, settings.paths.published):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if existing.stat().st_dev in seen:
            continue
        seen.add(existing.stat().st_dev)
        free = shutil.disk_usage(existing).free
        message = f"{_size(free)} free at {existing}"
        if free < LITTLE_SPACE:
            yield Finding("disk", "wrong", f"Only {message}.", "Free space, or lower release.keep.")
        elif free < needed:
            advice = "Free space, or lower release.keep."
            yield Finding("disk", "warning", f"Only {message}, {_size(needed)} are advisable.", advice)
        else:
            yield Finding("disk", "ok", message)


def _size(number: int) -> str:
    return f"{number / (1 << 30):.1f} GB" if number >= 1 << 30 else f"{number / (1 << 20):.0f} MB"


def sources(settings: Settings) -> Iterator[Finding]:
    """Every source's folder and the files found for each table, and what waits to be loaded."""
    from orchestration.ingest.export_format import TABLES
    from orchestration.ingest.file_discovery import ADDED_TABLES, ENTRY_TABLES, files_of

    readable = True
    for name, source in settings.file_sources.items():
        subject = f"source {name}"
        try:
            counts = {table: len(files_of(name, source, table)) for table in TABLES}
        except ZevenError as error:
            yield Finding(subject, "wrong", str(error))
            readable = False
            continue
        there = ", ".join(f"{table} {count}" for table, count in counts.items() if count)
        unreadable = _unreadable(source.folder)
        empty = [table for table in source.tables if not counts.get(table)]
        wanted = ADDED_TABLES if source.adds_to else ENTRY_TABLES
        if unreadable:
            message = f"{unreadable} may not be read."
            yield Finding(subject, "wrong", message, "Let the user who runs Zeven read it.")
        elif empty:
            message = f"No file matches the mapping of {', '.join(empty)} in {source.folder}."
            yield Finding(subject, "wrong", message, f"Correct sources.{name}.tables.{empty[0]}.files.")
        elif not any(counts[table] for table in wanted):
            message = f"{source.folder} has a file of neither {' nor '.join(wanted)}."
            yield Finding(
                subject, "wrong", message, "Put the export there, or correct the folder or mapping."
            )
        else:
            yield Finding(subject, "ok", f"files per table: {there}")
    if readable:
        waiting = pending(settings)
        if waiting.unknown:
            yield Finding("pending files", "warning", f"Not known: {waiting.unknown}.")
        else:
            yield Finding("pending files", "ok", f"{waiting.files}" if waiting.files else "none")


def asked_source(settings: Settings, name: str) -> Iterator[Finding]:
    """What the kind of a source that is asked over a network says of it: the credential, what it may read."""
    from orchestration.ingest.registry import KINDS

    kind = settings.sources[name].kind
    diagnose = getattr(KINDS.get(kind), "diagnose", None)
    if diagnose is None:
        yield Finding(f"source {name}", "ok", f"of kind {kind}, which is only examined by a run")
        return
    for one in diagnose(settings, name):
        subject = f"source {name}: {speakable(one.about)}"
        yield Finding(subject, one.verdict, speakable(one.message), speakable(one.advice))


def _unreadable(folder: Path) -> Path | None:
    if not os.access(folder, os.R_OK | os.X_OK):
        return folder
    return next((file for file in sorted(folder.iterdir()) if not os.access(file, os.R_OK)), None)


def spark(settings: Settings) -> Iterator[Finding]:
    """Whether the Spark of these settings answers, and reads what this machine writes."""
    if settings.target != "spark":
        return
    from orchestration.spark.connection import connect
    from orchestration.spark.landing import sees_our_files

    with connect(settings) as session:
        [(version,)] = session.run("select version()")
        where = f"Spark {str(version).split()[0]} at {settings.spark.host}:{settings.spark.port}"
        if sees_our_files(settings, session):
            yield Finding("Spark", "ok", f"{where} reads {settings.spark.folder}")
        else:
            message = f"{where} does not see what this machine writes to {settings.spark.folder}."
            advice = (
                "Mount one folder under this path on this machine and on Spark's, or change spark.folder."
            )
            yield Finding("Spark", "wrong", message, advice)


def writer(settings: Settings) -> Iterator[Finding]:
    """Who holds the lock."""
    found = holder(settings)
    yield Finding("writer", "ok", f"{found.describe(settings)} is at work" if found else "nobody is at work")


def warehouse(settings: Settings) -> Iterator[Finding]:
    """Whether the working database opens and can be read."""
    database = Warehouse(settings, wait_seconds=0)
    if not database.file.exists():
        yield Finding("warehouse", "ok", "not there yet; the first run makes it")
        return
    try:
        with database.connect(read_only=True) as con:
            tables = con.execute("select count(*) from duckdb_tables()").fetchall()[0][0]
    except BusyError as error:
        yield Finding("warehouse", "warning", str(error))
        return
    mode = database.file.stat().st_mode & 0o777
    if mode & 0o077:
        message = f"Others may read {database.file} (mode {oct(mode)[2:]})."
        yield Finding("warehouse", "warning", message, f"Run: chmod 600 '{database.file}'.")
    size = _size(database.file.stat().st_size)
    yield Finding("warehouse", "ok", f"{tables} tables, {size}, in {database.file}")


def releases(settings: Settings) -> Iterator[Finding]:
    """Whether the release that serves is whole and fresh, others damaged, and anything left half done."""
    from orchestration.commands.status import describe
    from orchestration.publish import catalogue
    from orchestration.publish.store import CANDIDATE_PREFIX, TEMPORARY_PREFIX, Store

    store = Store.of(settings)
    serving = catalogue.current(settings)
    damaged = catalogue.damaged(settings)
    if serving is None:
        yield Finding("release", "warning", "Nothing is published yet.", "Run: zeven run.")
    elif sentence := damaged.pop(serving.release_id, None):
        yield Finding("release", "wrong", sentence, "Run: zeven rollback, then zeven run --force.")
    else:
        yield from _serving(describe(serving, settings))
    for sentence in damaged.values():
        yield Finding("old release", "warning", sentence, "It can be removed.")
    if failure := last_failure(settings):
        message = f"The newest run published nothing: {failure['message']}"
        yield Finding("newest run", "warning", message, "Mend that and run again.")
    left = [
        entry
        for folder in (store.root, store.releases)
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.name.startswith((CANDIDATE_PREFIX, TEMPORARY_PREFIX))
    ]
    if left and holder(settings) is None:
        message = f"{left[0]} was left by a run that was killed."
        yield Finding("left over", "warning", message, "The next run clears it away.")


def _serving(release: dict[str, Any]) -> Iterator[Finding]:
    facts = f"{release['release_id']}, {release['tables']} tables, {release['rows']:,} rows"
    if release["is_stale"]:
        message = f"{facts} is {release['age_hours']:.0f} hours old, more than release.max_age_hours allows."
        yield Finding(
            "release", "warning", message, "Run: zeven run; see that the schedule is on (make dev)."
        )
    else:
        yield Finding("release", "ok", f"{facts}, {release['age_hours']:.1f} hours old")


def erasure(settings: Settings) -> Iterator[Finding]:
    """Whether a person who was to be forgotten may still be somewhere."""
    from orchestration.erasure import note

    if note.file_of(settings).exists():
        message = "An erasure is not finished: the person may still be in a release or in a log."
        yield Finding("erasure", "wrong", message, "Run the same `zeven forget` again.")
