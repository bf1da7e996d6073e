"""Asking the sources of which nobody knows beforehand whether they have anything new.

Belongs here: reading CRMs and databases before a run is started, so that no run is started where nothing
came. Does not belong here: whether a run is due for another reason (`orchestration/run.py`), or reading (the
kinds).

What was read is landed and committed; a run that is started after all takes the answers and does not ask
again, because calls are counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration import run_record
from orchestration.errors import SourceError
from orchestration.ingest.source_kind import Pending, TableLoad
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

ASK = "ask"
"""The reason of what is pending until a source is asked."""


@dataclass
class Answers:
    """What came of asking, by source and table: a load, or why there is none."""

    found: dict[tuple[str, str], TableLoad | SourceError] = field(default_factory=dict)

    @property
    def loads(self) -> tuple[TableLoad, ...]:
        return tuple(answer for answer in self.found.values() if isinstance(answer, TableLoad))

    @property
    def are_nothing_new(self) -> bool:
        return len(self.loads) == len(self.found) and not any(load.batches_new for load in self.loads)

    def take(self, source: str, table: str) -> TableLoad | None:
        """The load of a table that was asked for, once. Raises the `SourceError` that it met."""
        answer = self.found.pop((source, table), None)
        if isinstance(answer, SourceError):
            raise answer
        return answer


def ask(
    con: duckdb.DuckDBPyConnection, settings: Settings, pending: Iterable[Pending], asked_at: datetime
) -> Answers:
    """Load what is pending, table by table. A refused table does not lose the others.

    From the first question on the release counts as one of other data, so that a run that is killed here is
    followed by one that builds; where nothing came, it is as before.
    """
    from orchestration.ingest.registry import KINDS, used

    released = run_record.last_released(con)
    run_record.forget_release(con)
    for kind in used(settings).values():
        kind.prepare(con)
    answers = Answers()
    for one in pending:
        kind = KINDS[settings.sources[one.source].kind]
        try:
            found: TableLoad | SourceError = kind.load_table(con, settings, one.source, one.table, asked_at)
        except SourceError as error:
            found = error
        answers.found[one.source, one.table] = found
    if released is not None and answers.are_nothing_new:
        run_record.restore_release(con, released)
    return answers
