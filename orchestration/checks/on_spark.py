"""A table that stands in Spark, as `on_engine.py` sees one: through a cursor of a Thrift server.

Belongs here: asking Spark for a table's columns and for rows. Does not belong here: what is asked
(`on_engine.py`), connecting, and the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NO_SUCH_TABLE = "42P01"
"""The state that the SQL standard has for it."""
_SETTINGS = (
    "set time zone 'UTC'",  # an instant without a zone is compared with one of the session's
    "set spark.sql.variable.substitute = false",  # else ${...} in a text is replaced
    # what cannot be computed is an error, which fails its check: null would count as fulfilled
    "set spark.sql.ansi.enabled = true",
)
_TYPES = {"string": "varchar", "int": "integer", "timestamp_ntz": "timestamp"}
"""What a contract calls otherwise; the rest has one name in both."""


class OnSpark:
    """The tables of a Thrift server, by a cursor of PyHive on a connection of its own, which is set for this."""

    dialect = "spark"

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        for setting in _SETTINGS:
            cursor.execute(setting)

    def columns(self, schema: str, table: str) -> dict[str, str]:
        try:
            described = self.run(f"describe table `{schema}`.`{table}`")
        except Exception as error:
            if _state(error) == NO_SUCH_TABLE:
                return {}
            raise
        found = {}
        for name, data_type, _ in described:
            if not name or name.startswith("#"):  # what follows is about partitions
                break
            found[name] = _TYPES.get(data_type, data_type)
        return found

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        self._cursor.execute(sql)
        rows: Sequence[Sequence[Any]] = self._cursor.fetchall()
        return rows


def _state(error: Exception) -> str | None:
    """The SQL state of an error of PyHive, which has the server's whole answer in it."""
    [answer, *_] = error.args or (None,)
    return getattr(getattr(answer, "status", None), "sqlState", None)
