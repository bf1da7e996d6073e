"""A table that stands in Spark, as `on_engine.py` sees one.

Belongs here: asking Spark for a table's columns and for rows. Does not belong here: what is asked
(`on_engine.py`), and the session (`spark/connection.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.spark.connection import Spark

_SETTINGS = (
    "set spark.sql.variable.substitute = false",  # else ${...} in a text is replaced
    # what cannot be computed is an error, which fails its check: null would count as fulfilled
    "set spark.sql.ansi.enabled = true",
)
_TYPES = {"string": "varchar", "int": "integer", "timestamp_ntz": "timestamp"}
"""What a contract calls otherwise; the rest has one name in both."""


class OnSpark:
    """The tables that a session of Spark sees. The session is set for checks, and for nothing else then."""

    dialect = "spark"

    def __init__(self, spark: Spark) -> None:
        self._spark = spark
        for setting in _SETTINGS:
            spark.run(setting)

    def columns(self, schema: str, table: str) -> dict[str, str]:
        if not self.run(f"show schemas like '{schema}'"):
            return {}
        if not self.run(f"show tables in `{schema}` like '{table}'"):
            return {}
        described = self.run(f"describe table `{schema}`.`{table}`")
        found = {}
        for name, data_type, _ in described:
            if not name or name.startswith("#"):  # what follows is about partitions
                break
            found[name] = _TYPES.get(data_type, data_type)
        return found

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        return self._spark.run(sql)

    def names(self, sql: str) -> list[str]:
        return [name for name, *_ in self.run(f"describe query {sql}")]
