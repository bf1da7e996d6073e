"""What every reader hands over: the records of one file, or of one piece of a database's table, as a
relation, and an account of them.

Belongs here: that hand-over and its names. Does not belong here: how a format is read.
"""

from __future__ import annotations

from dataclasses import dataclass

INCOMING = "zeven_incoming"
"""Temporary view: `ROW_NUMBER`, `LINE_NUMBER` and the file's own columns under their own names."""

UNREADABLE = "zeven_unreadable"
"""Temporary table (`row_number`, `line_number`, `reason`, `record`): records that could not be cut into
columns."""

NONE_UNREADABLE = (
    f"CREATE OR REPLACE TEMP TABLE {UNREADABLE}"
    " (row_number BIGINT, line_number BIGINT, reason VARCHAR, record JSON)"
)
"""Makes the table for a file that was cut into columns without trouble."""

OWN_NAMES = "_zeven_"
"""How no column of a file may begin."""
ROW_NUMBER = "_zeven_row"
LINE_NUMBER = "_zeven_line"

SCRATCH_VIEWS = (INCOMING, "zeven_lines", "zeven_spans")
SCRATCH_TABLES = (
    "zeven_text",
    "zeven_line_text",
    "zeven_reject_errors",
    "zeven_reject_scans",
    "zeven_rejects",
    "zeven_records",
    "zeven_typed",
    UNREADABLE,
)
"""All that loading one file makes; dropped after it."""


@dataclass(frozen=True)
class Records:
    """`columns` gives the SQL type of each own column. `count` is how many records the file holds by a count
    that does not come from the reader; those in `INCOMING` and in `UNREADABLE` add up to it."""

    columns: dict[str, str]
    count: int
    has_odd_blanks: bool = True
    """False where no value can have a tab, a line end or a no-break space around it."""
    own_decimal_point: bool = False
    """The format itself fixes "." as the decimal separator, whatever is declared for CSV."""
    keeps_others: bool = True
    """Whether columns that the format does not know are kept in `_other_columns`."""


@dataclass(frozen=True)
class Piece:
    """Rows of a table of a database that are loaded together; to a batch, what a file is otherwise."""

    path: str
    """How a sentence begins that speaks of it: the source and the table."""
    name: str
    format: str = "rows"
