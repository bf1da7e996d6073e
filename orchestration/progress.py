"""What a run tells while it works, from the code that does the work to whoever shows it.

Belongs here: the event and the way to hand it over. Does not belong here: how it looks (`console.py`) or
what Dagster records of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from orchestration.speech import speakable

Stage = Literal["wait", "ingest", "transform", "check", "publish"]
Status = Literal["started", "done", "nothing_new", "warning", "failed"]


@dataclass(frozen=True)
class Event:
    """`name` is the table, model or check; `rows` how many it holds or loaded; `detail` one clause more."""

    stage: Stage
    name: str
    status: Status
    rows: int | None = None
    seconds: float | None = None
    detail: str = ""


Reporter = Callable[[Event], None]

_reporters: list[Reporter] = []


def report(event: Event) -> None:
    """Tell every listener; nobody listens in a run that Dagster launched, which keeps its own event log."""
    if _reporters:
        event = replace(event, name=speakable(event.name), detail=speakable(event.detail))
    for reporter in _reporters:
        reporter(event)


@contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Listen to the events of this process for the length of the block."""
    _reporters.append(reporter)
    try:
        yield
    finally:
        _reporters.remove(reporter)
