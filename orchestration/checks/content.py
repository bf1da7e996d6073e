"""What stands in the tables of a database, and the verdicts on what has been looked at before.

Belongs here: the fingerprint of a table, and remembering verdicts by it while the process lives. Does
not belong here: reaching verdicts (`audit.py`, `reconciliation.py`).

The tables of a release are audited where they were built and again in the files that are published. What is
in both is looked at once: the second time it takes a fingerprint of the files' rows. Only verdicts that all
passed are remembered, so a failure is always told from the table at hand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar

from orchestration.checks.verdicts import Verdict
from orchestration.sql_text import identifier
from orchestration.tables import column_types, row_hash

if TYPE_CHECKING:
    import duckdb

Verdicts = TypeVar("Verdicts", bound=Sequence[Verdict])
KEPT = 2_000
"""Some hundred verdicts of a release, and of a few releases in a process that lives long."""

_passed: OrderedDict[Hashable, Sequence[Verdict]] = OrderedDict()


class Content:
    """The tables of one schema of the current database, while nobody writes to them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, schema: str) -> None:
        self._con, self._schema = con, schema
        self._known: dict[str, Hashable] = {}

    def of(self, table: str) -> Hashable:
        """What tells the rows of a table from others, whatever their order: names and types of its columns,
        how many rows, and the sum of a 64-bit hash of each. None where there is no such table.
        """
        if table not in self._known:
            self._known[table] = self._fingerprint(table)
        return self._known[table]

    def _fingerprint(self, table: str) -> Hashable:
        columns = column_types(self._con, self._schema, table)
        if not columns:
            return None
        relation = f"{identifier(self._schema)}.{identifier(table)}"
        query = f"select count(*), sum({row_hash(columns)}::hugeint) from {relation}"  # noqa: S608 (quoted)
        [found] = self._con.execute(query).fetchall()
        return tuple(columns.items()), found

    def once(self, question: Hashable, tables: Sequence[str], answer: Callable[[], Verdicts]) -> Verdicts:
        """The verdicts on a question about these tables, asked only where their content is new."""
        key = (question, tuple((table, self.of(table)) for table in tables))
        if key in _passed:
            _passed.move_to_end(key)
            return _passed[key]  # type: ignore[return-value]
        verdicts = answer()
        if all(verdict.passed for verdict in verdicts):
            _passed[key] = verdicts
            while len(_passed) > KEPT:
                _passed.popitem(last=False)
        return verdicts
