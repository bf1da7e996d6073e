"""The CRM export format: its tables and columns, once, for the reader, the demo company and the tests.

Belongs here: what the format is. Does not belong here: reading it (`files.py`), or what a column means to a
metric (`models/`). The prose stands in `docs/export_format.md`; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "integer", "amount", "number", "rate", "boolean", "calendar_date", "day", "moment", "email"
]
"""What a value is, and what raw keeps of it:

- text, integer (BIGINT), amount (DECIMAL(18,2)), number (DOUBLE), rate (DECIMAL(18,8)), boolean
- calendar_date: a date that no time zone touches, such as the start of a target's period (DATE)
- moment: an instant, or a date where the source knows no time. Raw has two columns for it, `<base>_at`
  (TIMESTAMP, UTC) and `<base>_on` (DATE); exactly one of them is filled.
- day: as moment, but by nature a date: midnight without an offset is that date, not an instant.
- email: an address, of which only the hash is kept, as `<name>_hash` (`sha256` of it in lower case)
"""

SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "amount": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "rate": "DECIMAL(18,8)",
    "boolean": "BOOLEAN",
    "calendar_date": "DATE",
    "email": "VARCHAR",
}


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind = "text"
    required: bool = False

    @property
    def base(self) -> str:
        """The name without its `_at` or `_on`: the front of the two raw columns of a moment or day."""
        return self.name.removesuffix("_at").removesuffix("_on")

    @property
    def raw_columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of what raw keeps of this column."""
        if self.kind in ("moment", "day"):
            return ((f"{self.base}_at", "TIMESTAMP"), (f"{self.base}_on", "DATE"))
        if self.kind == "email":
            return ((f"{self.name}_hash", SQL_TYPES[self.kind]),)
        return ((self.name, SQL_TYPES[self.kind]),)


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[Column, ...]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


def _column(text: str) -> Column:
    """`created_at! moment` -> a required moment; the kind is text where none is given."""
    name, _, kind = text.partition(" ")
    return Column(name.rstrip("!"), kind or "text", name.endswith("!"))  # type: ignore[arg-type]


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(_column(column) for column in columns))


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table("teams", "team_id!", "team_name", "region"),
        _table(
            "reps",
            "rep_id!",
            "rep_name",
            "team_id",
            "hired_on day",
            "is_active boolean",
            "lead_capacity integer",
        ),
        _table("accounts", "account_id!", "account_name", "industry", "country"),
        _table(
            "leads",
            "lead_id!",
            "created_at! moment",
            "owner_id",
            "source",
            "campaign",
            "industry",
            "account_id",
            "status",
            "converted_at moment",
            "disqualified_at moment",
            "became_customer_at moment",
            "contact_id",
            "email email",
            "duplicate_of",
            "is_deleted boolean",
            "updated_at moment",
        ),
        _table(
            "opportunities",
            "opportunity_id!",
            "created_at! moment",
            "stage!",
            "lead_id",
            "account_id",
            "owner_id",
            "source",
            "amount amount",
            "currency",
            "probability number",
            "expected_close_on day",
            "closed_on day",
            "is_won boolean",
            "lost_reason",
            "product_id",
            "is_deleted boolean",
            "updated_at moment",
        ),
        _table(
            "opportunity_history",
            "opportunity_id!",
            "changed_at! moment",
            "stage",
            "amount amount",
            "currency",
            "probability number",
            "expected_close_on day",
            "owner_id",
        ),
        _table("opportunity_products", "opportunity_id!", "product_id!", "quantity number", "amount amount"),
        _table(
            "activities",
            "activity_id!",
            "activity_type!",
            "occurred_at! moment",
            "owner_id",
            "lead_id",
            "opportunity_id",
            "contact_id",
            "direction",
            "is_automated boolean",
            "is_completed boolean",
            "is_deleted boolean",
            "updated_at moment",
        ),
        _table("products", "product_id!", "product_name", "product_family"),
        _table(
            "targets",
            "period_type!",
            "period_start! calendar_date",
            "target_amount! amount",
            "currency",
            "rep_id",
            "team_id",
        ),
        _table("exchange_rates", "currency!", "valid_from! calendar_date", "rate! rate"),
    )
}

LOAD_COLUMNS: tuple[tuple[str, str], ...] = (
    ("_source", "VARCHAR"),  # name of the source in the settings: the front of every id
    ("_batch_number", "BIGINT"),  # grows with every batch: "the last loaded"
    ("_batch_id", "VARCHAR"),  # fingerprint of the file's content and of how it was read
    ("_loaded_at", "TIMESTAMP"),  # UTC
    ("_source_file", "VARCHAR"),  # seen from the source's folder
    ("_source_row", "BIGINT"),  # the row's number in its file, 1 for the first after the header
    ("_other_columns", "JSON"),  # the file's own columns that the format does not know, as they were
)
"""What raw adds to every row."""

RAW_SCHEMA = "raw_files"
