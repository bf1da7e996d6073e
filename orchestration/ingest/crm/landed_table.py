"""A table that another tool has loaded: its columns as text, and what the tool's own columns say of a row.

Belongs here: names and types, the columns that Fivetran, Airbyte and dlt add, and which rows of a table are
rows of an object. Does not belong here: where tables are (`landed_places.py`), or any CRM's objects.

A name is found by its letters and digits alone, so that `CreatedDate`, `created_date` and `CREATEDDATE` are
one and `product_2` is `Product2`: this is all that the tools change of a name.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.sql_text import identifier, literal

_SYNCED = ("_fivetran_synced", "_airbyte_extracted_at", "_airbyte_emitted_at", "_dlt_load_id")
"""When a row was written, by tool: of two versions of a record the later one counts."""
_EARLIER = {"_fivetran_active": "NOT coalesce({}, true)"}
"""A version before the last one: Fivetran keeps them in its history mode."""
_GONE = {"_fivetran_deleted": "coalesce({}, false)", "_ab_cdc_deleted_at": "{} IS NOT NULL"}
"""A record that is not in the CRM any more."""
_WHOLE_UP_TO = "9e15"
"""Whole numbers below are exact in a double."""


def plain(name: str) -> str:
    """The letters and digits of a name; the columns that a tool adds keep their first underscore."""
    front = "_" if name.startswith("_") else ""
    return front + re.sub("[^a-z0-9]", "", name.casefold())


@dataclass
class Table:
    """A table there. `relation` is the SQL that names it, `columns` are its names and types by letters and
    digits, `files` what its files are now, for a folder. `used` are the columns that were asked for."""

    name: str
    relation: str
    columns: Mapping[str, tuple[str, str]]
    files: str = ""
    used: set[str] = field(default_factory=set)

    @property
    def source(self) -> str:
        """For FROM; its columns are named with the table."""
        return f"{self.relation} AS {identifier(self.name)}"

    def column(self, name: str) -> str | None:
        """The SQL of a column, as it is."""
        found = self.columns.get(plain(name))
        if found is None or (name.startswith("_") and not found[0].startswith("_")):
            return None
        self.used.add(found[0])
        return f"{identifier(self.name)}.{identifier(found[0])}"

    def text(self, *names: str) -> str | None:
        """The first of these columns that has a value, as the text that `landing.py` reads, whatever the time
        zone of the session; None where there is none of them."""
        found = [_text(sql, self._type(name)) for name in names if (sql := self.column(name))]
        return f"coalesce({', '.join(found)})" if len(found) > 1 else (found[0] if found else None)

    def json(self, name: str) -> str | None:
        """A column that holds JSON, a list or a structure, as JSON."""
        sql = self.column(name)
        if sql is None:
            return None
        return f"CAST({sql} AS JSON)" if self._type(name) in ("VARCHAR", "JSON") else f"to_json({sql})"

    def _type(self, name: str) -> str:
        return self.columns[plain(name)][1]

    @property
    def synced(self) -> str | None:
        """The text that says when the tool wrote a row."""
        return next((sql for name in _SYNCED if (sql := self.text(name))), None)

    def synced_column(self) -> str | None:
        return next((self.columns[plain(name)][0] for name in _SYNCED if self.column(name)), None)

    @property
    def load(self) -> str | None:
        """dlt's number of the load that wrote a row."""
        return self.column("_dlt_load_id")

    def earlier(self) -> list[str]:
        """Conditions under which a row is a version before the last."""
        return [told.format(sql) for name, told in _EARLIER.items() if (sql := self.column(name))]

    def gone(self) -> list[str]:
        """Conditions under which a row's record is not there any more."""
        return [told.format(sql) for name, told in _GONE.items() if (sql := self.column(name))]

    def marks(self) -> list[str]:
        """The columns that make a row count or not."""
        return [self.columns[plain(name)][0] for name in (*_EARLIER, *_GONE) if self.column(name)]


@dataclass(frozen=True)
class Part:
    """Rows of an object: `fields` gives the text of each of its fields that is known, over `source`.

    `table` gives the rows and says when they were written, None where they follow from raw; `others` are
    read with it. `watched` tell instead of these whether anything was written: a table may not say itself, or
    other rows may count. `keeps_gone`: what is gone is a row like the others, and a field says so.
    `keeps_versions`: every version is a row of its own.
    """

    table: Table | None
    fields: Mapping[str, str]
    others: tuple[Table, ...] = ()
    source: str = ""
    where: tuple[str, ...] = ()
    synced: str | None = None
    watched: tuple[Table, ...] = ()
    keeps_gone: bool = False
    keeps_versions: bool = False

    @property
    def tables(self) -> tuple[Table, ...]:
        return (*((self.table,) if self.table else ()), *self.others)

    def query(self, number: int, names: list[str]) -> str:
        """`_part`, `_synced` and the fields."""
        listed = [f"{self.fields.get(name, 'CAST(NULL AS VARCHAR)')} AS {identifier(name)}" for name in names]
        conditions, synced, source = list(self.where), self.synced, self.source
        if self.table and not source:
            source = self.table.source
            synced = synced or self.table.synced
            conditions += [] if self.keeps_versions else [f"NOT ({one})" for one in self.table.earlier()]
            conditions += [] if self.keeps_gone else [f"NOT ({one})" for one in self.table.gone()]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return (
            f"SELECT {number} AS _part, {synced or 'CAST(NULL AS VARCHAR)'} AS _synced,"
            f" {', '.join(listed)} FROM {source}{where}"
        )


def _text(sql: str, sql_type: str) -> str:
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(timezone('UTC', {sql}) AS VARCHAR)"
    written = f"CAST({sql} AS VARCHAR)"
    if sql_type in ("DOUBLE", "FLOAT"):  # an id that a tool took for a number
        is_whole = f"{sql} = trunc({sql}) AND abs({sql}) < {_WHOLE_UP_TO}"
        return f"CASE WHEN {is_whole} THEN CAST(CAST({sql} AS BIGINT) AS VARCHAR) ELSE {written} END"
    if sql_type.startswith("DECIMAL") and not sql_type.endswith(",0)"):
        return f"rtrim(rtrim({written}, '0'), '.')"
    return written


def json_text(json: str, *path: str) -> str:
    """The text at a path of JSON."""
    steps = "".join('."' + step.replace('"', '\\"') + '"' for step in path)
    return f"json_extract_string({json}, {literal('$' + steps)})"
