"""What a tombstone means for a row of raw: taken away, or kept without what is about the person.

Belongs here: the decision per table, as SQL, and applying it to rows that stand in raw and to rows that are
about to be loaded. Does not belong here: who is to be forgotten, or anything outside of raw.

The decision, which `docs/privacy.md` tells in prose: a lead is the person, and is taken away with its
duplicates and the other leads of its contact. An activity that is tied to nothing else goes with it; one
that is tied to a deal stays as a contact moment of the deal, without lead, contact and free text. A deal
stays with its amount, stage and dates, without lead and free text. "Free text" is what the source said
beyond our columns.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.ingest.addresses import address_hashes
from orchestration.ingest.export_format import RAW_SCHEMA, TABLES, Table
from orchestration.ingest.raw_tables import raw_columns, raw_name
from orchestration.ingest.tombstones import Kind, Tombstone, hash_of_record, read, write, write_file
from orchestration.sql_text import identifier, literal

FREE_TEXT = "_other_columns"
EMPLOYEES = ("reps", "teams", "targets")
"""Tables about the company's own people: the e-mail address of a prospect is not looked for in them."""
_TRIMMED = "trim(x, ' :')"
_WORD = r"[^\",;|\t{}\[\]]+"
"""A value in the line of a CSV file, or in the text of a JSON object."""


@dataclass(frozen=True)
class Treatment:
    """SQL conditions on a row of one table: whether it goes, and which columns lose their value.

    `touches` holds for every row of which the others may say something, and each of its parts stands in it
    once: the hashes are what costs, so the others are asked of the few rows that are touched.
    """

    drop: str
    clear: Mapping[str, str]
    touches: str

    @property
    def concerns(self) -> str:
        some = " or ".join(f"({condition})" for condition in [self.drop, *self.clear.values()])
        return f"case when {self.touches} then {some} else false end"


class Rules:
    """What tombstones mean for rows; without tombstones, nothing."""

    def __init__(self, tombstones: Iterable[Tombstone]) -> None:
        self._hashes: dict[Kind, set[str]] = {}
        for tombstone in tombstones:
            self._hashes.setdefault(tombstone.kind, set()).add(tombstone.record_hash)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    @classmethod
    def of_emails(cls, hashes: Iterable[str]) -> Rules:
        return cls(Tombstone("email", "", one, "", "") for one in hashes)

    def of(self, table: Table, columns: Iterable[str], source: str = "_source") -> Treatment:
        """For rows of `table` that have these `columns`; `source` is the SQL of their source's name."""
        present = set(columns)
        parts: dict[str, None] = {}

        def noted(condition: str) -> str:
            parts[condition] = None
            return condition

        def record(kind: Kind, column: str) -> str:
            return noted(self._record(kind, column, source)) if column in present else "false"

        def address(column: str) -> str:
            return noted(self.has_address(identifier(column))) if column in present else "false"

        def person(lead: str, contact: str) -> str:
            by_id = f"{record('lead', lead)} or {record('contact', contact)}"
            return f"({by_id} or {address(lead)} or {address(contact)})"

        free_text = address(FREE_TEXT)
        of_deal = record("opportunity", "opportunity_id")
        drop = "false"
        clear = {name: address(name) for name in _loose_text(table)} if table.name not in EMPLOYEES else {}
        if table.name == "leads":
            hashed = noted(self.is_hash_of_address("email_hash")) if "email_hash" in present else "false"
            by_id = f"{person('lead_id', 'contact_id')} or {record('lead', 'duplicate_of')}"
            drop = f"{by_id} or {hashed} or {free_text}"
        elif table.name == "activities":
            lead, contact = person("lead_id", "-"), person("-", "contact_id")
            both = person("lead_id", "contact_id")
            no_deal, no_lead = _is_missing("opportunity_id", present), _is_missing("lead_id", present)
            drop = f"{no_deal} and ({lead} or ({contact} and {no_lead}))"
            clear |= {"lead_id": lead, "contact_id": both, FREE_TEXT: f"{both} or {of_deal} or {free_text}"}
        elif table.name == "opportunities":
            lead = person("lead_id", "-")
            clear |= {"lead_id": lead, FREE_TEXT: f"{lead} or {of_deal} or {free_text}"}
        elif table.name == "accounts":
            account = record("account", "account_id")
            named = clear["account_name"]
            clear |= {"account_name": f"{account} or {named}", FREE_TEXT: f"{account} or {free_text}"}
        elif table.name not in EMPLOYEES:
            clear[FREE_TEXT] = f"{of_deal} or {free_text}"
        return Treatment(
            definite(drop),
            {
                name: f"{identifier(name)} is not null and {definite(condition)}"
                for name, condition in clear.items()
                if name in present
            },
            " or ".join(part for part in parts if part != "false") or "false",
        )

    def quarantined(self, source: str, record: str) -> str:
        """The condition under which an unreadable record (its text) is about somebody forgotten."""
        hashes = {found for kind, some in self._hashes.items() if kind != "email" for found in some}
        found = [self.has_address(record)]
        if hashes:
            words = f"regexp_extract_all({record}, {literal(_WORD)})"
            hashed = f"list_transform({words}, lambda x: {_hash(source, _TRIMMED)})"
            found.append(f"coalesce(list_has_any({hashed}, {_list(hashes)}), false)")
        return " or ".join(found)

    def has_address(self, text: str) -> str:
        """The condition under which an e-mail address of somebody forgotten stands in a text."""
        hashes = self._hashes.get("email")
        if not hashes:
            return "false"
        found = f"coalesce(list_has_any({address_hashes(text)}, {_list(hashes)}), false)"
        return f"case when contains(cast({text} as varchar), '@') then {found} else false end"

    def is_record(self, kind: Kind, value: str, source: str) -> str:
        """The condition under which a value names a record of somebody forgotten; never null."""
        hashes = self._hashes.get(kind)
        if not hashes:
            return "false"
        wanted = ", ".join(literal(found) for found in sorted(hashes))
        return f"coalesce({_hash(source, value)} in ({wanted}), false)"

    def is_hash_of_address(self, column: str) -> str:
        """The condition under which a column is the hash of the address of somebody forgotten; never null."""
        hashes = self._hashes.get("email")
        return (
            f"coalesce({column} in ({', '.join(map(literal, sorted(hashes)))}), false)" if hashes else "false"
        )

    def _record(self, kind: Kind, column: str, source: str) -> str:
        return self.is_record(kind, identifier(column), source)


class Forgotten:
    """Everybody who was forgotten, as one load of one source meets them."""

    def __init__(self, tombstones: list[Tombstone], source: str, folder: Path) -> None:
        self._tombstones, self._source, self._folder = tombstones, source, folder
        self._rules = Rules(tombstones)
        self._deals: list[str] = []

    @classmethod
    def read(cls, con: duckdb.DuckDBPyConnection, folder: Path, source: str) -> Forgotten:
        return cls(read(con, folder), source, folder)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def leave_out(self, con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> int:
        """Apply to typed rows that are not yet in raw; how many of the loadable ones are gone."""
        columns = [name for name, *_ in con.execute(f"describe {relation}").fetchall()]
        treatment = self._rules.of(table, columns, literal(self._source))
        if table.name == "opportunities" and "lead_id" in treatment.clear:
            query = f"select distinct opportunity_id from {relation} where {treatment.clear['lead_id']}"
            self._deals = [deal for (deal,) in con.execute(query).fetchall() if deal is not None]
        with touched_by(con, relation, treatment) as touched:
            query = f"select count(*) from {touched} join {relation} using (rowid) where goes and not is_bad"
            loadable = _count(con, query)
            withhold(con, relation, treatment, touched)
        return loadable

    def is_quarantined_record(self, record: str) -> str:
        return self._rules.quarantined(literal(self._source), record) if self else "false"

    def remember_deals(self, con: duckdb.DuckDBPyConnection) -> None:
        """A deal that came in later for a forgotten lead: its activities tell of the person too."""
        known = {tombstone.key for tombstone in self._tombstones}
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        deals = [
            Tombstone(
                "opportunity",
                self._source,
                hash_of_record(self._source, deal),
                now,
                "deal of a forgotten lead",
            )
            for deal in self._deals
        ]
        new = [tombstone for tombstone in deals if tombstone.key not in known]
        if new:
            write(con, new)
            write_file(self._folder, read(con, self._folder))


@contextmanager
def touched_by(con: duckdb.DuckDBPyConnection, relation: str, treatment: Treatment) -> Iterator[str]:
    """A temporary table of the rows that something happens to: their `rowid`, whether each `goes`, and per
    column, by its number, whether it loses its value."""
    clears = [f"{condition} as clears_{number}" for number, condition in enumerate(treatment.clear.values())]
    flags = ", ".join(["rowid", f"{treatment.drop} as goes", *clears])
    some = " or ".join(["goes", *(f"clears_{number}" for number in range(len(clears)))])
    con.execute(
        f"create or replace temp table zeven_touched as select * from"
        f" (select {flags} from {relation} where {treatment.touches}) where {some}"
    )
    try:
        yield "zeven_touched"
    finally:
        con.execute("drop table zeven_touched")


def withhold(con: duckdb.DuckDBPyConnection, relation: str, treatment: Treatment, touched: str) -> None:
    """Clear and remove what `touched` says."""
    cleared = ", ".join(
        f"{identifier(name)} = case when touched.clears_{number} then null else {identifier(name)} end"
        for number, name in enumerate(treatment.clear)
    )
    if cleared:
        con.execute(
            f"update {relation} set {cleared} from {touched} as touched"
            f" where {relation}.rowid = touched.rowid and not touched.goes"
        )
    con.execute(f"delete from {relation} where rowid in (select rowid from {touched} where goes)")


def remove_from_raw(con: duckdb.DuckDBPyConnection, rules: Rules) -> dict[str, tuple[int, int]]:
    """Apply to everything that was loaded (inside the caller's transaction): (removed, cleared) per table.

    The ledger goes on saying how many rows of each batch are in raw and in quarantine.
    """
    found: dict[str, tuple[int, int]] = {}
    for table in present_tables(con):
        name, treatment = raw_name(table.name), rules.of(table, _columns(con, table.name))
        with touched_by(con, name, treatment) as touched:
            concerned = _count(con, f"select count(*) from {touched}")
            gone = _count(con, f"select count(*) from {touched} where goes")
            if not concerned:
                continue
            batches = (
                f"select _source as source, {literal(table.name)} as table_name, _batch_id as batch_id"
                f" from {name} where rowid in (select rowid from {touched} where goes)"
            )
            rewrite_ledger(con, raw_name("load_ledger"), "rows_loaded", batches)
            withhold(con, name, treatment, touched)
        found[table.name] = gone, concerned - gone
    if _columns(con, "quarantine"):
        name, condition = raw_name("quarantine"), rules.quarantined("source", "cast(record as varchar)")
        batches = f"select source, table_name, batch_id from {name} where {condition}"
        rewrite_ledger(con, raw_name("load_ledger"), "rows_quarantined", batches)
        if gone := _count(con, f"delete from {name} where {condition}"):
            found["quarantine"] = gone, 0
    return found


def rewrite_ledger(
    con: duckdb.DuckDBPyConnection, ledger: str, column: str, batches: str, *, was_read: bool = True
) -> None:
    """`batches` gives source, table and batch of every row that goes; `column` counted it so far.

    `was_read`: it is one of the rows that came in, which `rows_withheld` goes on counting.
    """
    withheld = ", rows_withheld = coalesce(rows_withheld, 0) + gone.number" if was_read else ""
    con.execute(
        f"update {ledger} as ledger set {column} = {column} - gone.number{withheld}"
        f" from (select *, count(*) as number from ({batches}) group by all) as gone"
        " where ledger.source = gone.source and ledger.table_name = gone.table_name"
        " and ledger.batch_id = gone.batch_id"
    )


def present_tables(con: duckdb.DuckDBPyConnection) -> Iterator[Table]:
    """The tables of the format that were ever prepared in this database."""
    yield from (table for table in TABLES.values() if _columns(con, table.name))


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    found = con.execute(
        "select column_name from duckdb_columns() where database_name = current_database()"
        " and schema_name = ? and table_name = ? order by column_index",
        [RAW_SCHEMA, table],
    ).fetchall()
    return [name for (name,) in found]


def _loose_text(table: Table) -> list[str]:
    """Text columns that may be empty and are no id: where an address stands in one, the value goes."""
    optional = {column.name for column in table.columns if not column.required}
    text = [name for name, sql_type in raw_columns(table) if sql_type == "VARCHAR" and name in optional]
    return [name for name in text if not name.endswith("_id") and name != "duplicate_of"]


def _is_missing(column: str, present: set[str]) -> str:
    return f"{identifier(column)} is null" if column in present else "true"


def definite(condition: str) -> str:
    return f"coalesce({condition}, false)"


def _hash(source: str, record_id: str) -> str:
    return f"sha256({source} || ':' || {record_id})"


def _list(hashes: Iterable[str]) -> str:
    return "[" + ", ".join(literal(found) for found in sorted(hashes)) + "]"


def _count(con: duckdb.DuckDBPyConnection, statement: str) -> int:
    return int(con.execute(statement).fetchall()[0][0])


def files_about(con: duckdb.DuckDBPyConnection, rules: Rules) -> set[tuple[str, str]]:
    """(source, file) of every loaded or quarantined row that the rules concern."""
    found: set[tuple[str, str]] = set()
    for table in present_tables(con):
        treatment = rules.of(table, _columns(con, table.name))
        query = (
            f"select distinct _source, _source_file from {raw_name(table.name)} where {treatment.concerns}"
        )
        found |= {(source, file) for source, file in con.execute(query).fetchall()}
    if _columns(con, "quarantine"):
        condition = rules.quarantined("source", "cast(record as varchar)")
        query = f"select distinct source, source_file from {raw_name('quarantine')} where {condition}"
        found |= {(source, file) for source, file in con.execute(query).fetchall()}
    return found
