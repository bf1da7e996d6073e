"""How Zeven talks on a terminal, in a log and to a machine.

Belongs here: the look of a progress event and of an error; JSON, and keeping stdout clean for it. Does not
belong here: finding out what there is to say, or how an answer looks (`commands/`).

Results go to stdout. Progress and errors go to stderr, so that a result can be piped on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.errors import ZevenError
from orchestration.progress import Event, Stage, Status
from orchestration.speech import speakable, without_secrets

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status as Spinner

_DOING: dict[Stage, str] = {
    "wait": "waiting",
    "ingest": "reading",
    "transform": "building",
    "check": "checking",
    "publish": "publishing",
}
_COLOUR: dict[Status, str] = {
    "done": "green",
    "nothing_new": "dim",
    "warning": "yellow",
    "failed": "bold red",
}
_LOG_WIDTH = 200
"""Columns of a line where there is no terminal to ask; a log wraps or scrolls as its reader likes."""


def results() -> Console:
    """Where results are written: stdout."""
    return _console(stderr=False)


def messages() -> Console:
    """Where progress and errors are written: stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _LOG_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def duration(seconds: float) -> str:
    """`0.4 s`, `75 s`, `12 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def line_of(event: Event) -> str:
    """One event as one line of text, columns aligned: stage, name, outcome, rows, time, detail."""
    outcome = {
        "started": "...",
        "done": "",
        "nothing_new": "nothing new",
        "warning": "warning",
        "failed": "FAILED",
    }
    rows = "" if event.rows is None else f"{event.rows:,} rows" if event.rows != 1 else "1 row"
    seconds = "" if event.seconds is None else duration(event.seconds)
    facts = f"{_DOING[event.stage]:<11}{event.name:<44}{rows:>16}{seconds:>9}  "
    return (facts + "; ".join(part for part in (outcome[event.status], event.detail) if part)).rstrip()


class Progress:
    """A reporter for `progress.reporting_to`: finished work line by line, and on a terminal what goes on now.

    Use as a context manager, so that the live line is gone before anything else is written.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or messages()
        self._spinner: Spinner | None = None
        self._last_wait = ""

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._spinner = self._console.status("starting", spinner="dots")
            self._spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._spinner is not None:
            self._spinner.stop()

    def __call__(self, event: Event) -> None:
        from rich.text import Text

        line = line_of(event)
        if event.stage == "wait" and event.detail == self._last_wait:
            return  # said already: the one who waits reports again and again
        self._last_wait = event.detail if event.stage == "wait" else ""
        if self._spinner is not None and event.status == "started" and event.stage != "wait":
            self._spinner.update(Text(f"{_DOING[event.stage]} {event.name}"))
        elif event.status != "started" or event.stage in ("wait", "publish"):
            style = _COLOUR.get(event.status, "") if self._console.is_terminal else ""
            self._console.print(Text(line, style=style), overflow="ellipsis", no_wrap=True, crop=False)


def show_error(sentence: str) -> None:
    """`error: ...` on stderr; red where that is a terminal."""
    from rich.text import Text

    messages().print(Text.assemble(("error:", "bold red"), " ", speakable(sentence)), soft_wrap=True)


def keep_traceback(error: BaseException, folder: Path | None) -> Path:
    """Write a traceback that only the owner can read, into the folder or else a temporary file; its path."""
    import tempfile
    import traceback

    text = without_secrets("".join(traceback.format_exception(error)))
    name = f"error-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    if folder is not None:
        from orchestration.warehouse import make_private_folder

        with suppress(OSError, ZevenError):
            make_private_folder(folder.parent)
            make_private_folder(folder)
            file = folder / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
            return file
    descriptor, temporary = tempfile.mkstemp(prefix="zeven-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return Path(temporary)


def to_json(payload: object) -> str:
    """A payload as one JSON document; instants in ISO with offset, amounts as numbers."""
    return json.dumps(payload, default=_plain, ensure_ascii=False, indent=2)


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Send everything that is written to stdout in the block to stderr, of child processes too.

    A machine that reads `--json` must find one document there, whatever a library prints.
    """
    sys.stdout.flush()
    try:
        target, kept = sys.stderr.fileno(), os.dup(1)
    except (OSError, ValueError):  # no real streams, as in a test runner: Python's own are all there is
        with redirect_stdout(sys.stderr):
            yield
        return
    os.dup2(target, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
