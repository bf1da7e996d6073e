"""Names and texts put into SQL safely, and what the database says put into a sentence.

Belongs here: quoting of identifiers and string literals where DuckDB takes no bound parameter (names of
columns, views, patterns inside an expression, ATTACH, COPY, COMMENT). Does not belong here: any query.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

LISTED = """(SELECT unnest(from_json(?, '["VARCHAR"]')))"""
"""The texts of the parameter that `listed` gives, one a row. A list as a parameter would take DuckDB 70
microseconds for each text: it looks for pandas, which is not there, every time."""


def identifier(name: str) -> str:
    """A name in double quotes; those inside it are doubled."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text, or the path of a file, in single quotes; those inside it are doubled."""
    return "'" + str(text).replace("'", "''") + "'"


def listed(texts: Iterable[str]) -> str:
    """The parameter of `LISTED`."""
    return json.dumps(list(texts))


def struct_literal(fields: Iterable[tuple[str, str]]) -> str:
    """`{'a': 'VARCHAR'}` as DuckDB writes a struct, from (name, SQL value)."""
    return "{" + ", ".join(f"{literal(name)}: {value}" for name, value in fields) + "}"


def first_line(error: object) -> str:
    """The first line of what a database error says, to stand inside a sentence."""
    return str(error).strip().split("\n", 1)[0]
