"""The keys of the rows that failed a check, as a file to open beside the CRM: `published/rejects/<run
id>.csv`.

Belongs here: writing and pruning these files. Does not belong here: which rows fail (`checks/`). Keys only,
as in verdicts; the files are for who runs the pipeline, not for the readers of releases, hence their mode.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from orchestration.checks.verdicts import Verdict
from orchestration.publish.store import TEMPORARY_PREFIX, Store, sync

COLUMNS = ("table", "rule", "column", "severity", "failing_rows", "total_rows", "key")
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


def rejects_file(store: Store, run_id: str) -> Path:
    """Where the keys of a run are; a run id that is no plain name is made one."""
    return store.rejects / f"{re.sub(r'[^A-Za-z0-9_-]', '_', run_id)}.csv"


def relative_name(file: Path | None) -> str | None:
    """The file within the published folder, whose own place is nothing for readers of a release."""
    return f"{file.parent.name}/{file.name}" if file else None


def write_rejects(store: Store, run_id: str, verdicts: Iterable[Verdict], *, keep: int) -> Path | None:
    """A row per failing key that is known, or one without key per check that fails as a whole; None if none
    fail.

    Replaces what the run wrote before, in one step, and removes all but the newest `keep` files.
    """
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if not failed:
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for verdict in failed:
        facts = (
            verdict.table, verdict.rule, verdict.column or "", verdict.severity, verdict.failing_rows,
            verdict.total_rows,
        )  # fmt: skip
        for key in verdict.keys or ({},):
            writer.writerow((*facts, json.dumps(dict(key), ensure_ascii=False) if key else ""))
    file = rejects_file(store, run_id)
    file.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    # beside the folder, where the next publication sweeps away what a killed one left
    temporary = store.root / f"{TEMPORARY_PREFIX}{file.name}-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text.getvalue())
    sync(temporary)
    temporary.replace(file)
    sync(file.parent)
    _prune(file, keep)
    return file


def _prune(newest: Path, keep: int) -> None:
    """Remove all but the newest; the one just written is never old, whatever the clock of the disk says."""
    others = [entry for entry in newest.parent.glob("*.csv") if entry != newest]
    others.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    for entry in others[max(keep - 1, 0) :]:
        entry.unlink(missing_ok=True)
