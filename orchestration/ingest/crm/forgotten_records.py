"""What a tombstone means for a record of a CRM: taken away, or kept without what is about the person.

Belongs here: the decision per object, as it is declared, and applying it to rows that stand in raw and to
rows that are about to be loaded. Does not belong here: the declarations (the CRMs' modules), or who is to be
forgotten (`orchestration/erasure`).

Raw keeps every version of a record, and the last values of a deleted one: all of them are about the person.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.ingest import tombstones
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.forgotten_rows import (
    Rules,
    Treatment,
    definite,
    rewrite_ledger,
    touched_by,
    withhold,
)
from orchestration.ingest.tombstones import Kind, Tombstone, hash_of_record
from orchestration.sql_text import identifier, literal

Rows = dict[str, tuple[int, int]]
"""(removed, cleared) by table."""


def treatment(object_: Object, rules: Rules, source: str = "_source") -> Treatment:
    """For rows of an object; `source` is the SQL of their source's name."""
    if object_.of_employees:
        return Treatment("false", {}, "false")
    parts: dict[str, None] = {}

    def noted(condition: str) -> str:
        parts[condition] = None
        return condition

    def either(conditions: Iterable[str]) -> str:
        told = list(dict.fromkeys(one for one in conditions if one != "false"))
        return f"({' or '.join(told)})" if told else "false"

    texts = {field.name for field in object_.fields if field.kind == "text"}
    # an address may stand in any text, also in one that is an id
    of_address = {name: noted(rules.has_address(identifier(name))) for name in sorted(texts)}
    records: dict[str, list[str]] = {}
    for name, kind in object_.goes_with:
        records.setdefault(name, []).append(noted(rules.is_record(kind, identifier(name), source)))
    names_person = {
        name: either([*conditions, of_address.get(name, "false")]) for name, conditions in records.items()
    }
    hashes = [field.name for field in object_.fields if field.kind == "email"]
    addressed = either(noted(rules.is_hash_of_address(identifier(name))) for name in hashes)
    # a key cannot be emptied: a record with an address for its id goes as a whole
    by_key = either(of_address[name] for name in object_.key if name in of_address)
    goes = either([*names_person.values(), addressed])
    others = [
        f"({identifier(name)} is not null and not {names_person.get(name, 'false')})"
        for name in object_.kept_by
    ]
    drop = either([by_key, f"({goes} and not {either(others)})" if others else goes])

    emptied: dict[str, list[str]] = {name: [found] for name, found in of_address.items()}
    for name, kind in object_.loses:
        emptied.setdefault(name, []).append(noted(rules.is_record(kind, identifier(name), source)))
    for name, (id_field, kind) in object_.clears:
        emptied.setdefault(name, []).append(noted(rules.is_record(kind, identifier(id_field), source)))
    if object_.kept_by:
        for name, condition in names_person.items():
            emptied.setdefault(name, []).append(condition)
        for name in hashes:
            emptied.setdefault(name, []).append(goes)
    clear = {name: either(found) for name, found in emptied.items() if name not in object_.key}
    return Treatment(
        definite(drop),
        {
            name: f"{identifier(name)} is not null and {definite(condition)}"
            for name, condition in clear.items()
            if condition != "false"
        },
        either(parts),
    )


def leave_out(
    con: duckdb.DuckDBPyConnection, object_: Object, folder: Path, source: str, relation: str
) -> int:
    """Apply to typed rows that are not yet in raw (inside the caller's transaction); how many are gone.

    A row with `_reasons` would be kept as it came, in quarantine: where anything of it is about somebody
    forgotten, it goes as a whole. `_record` is the row as it came.
    """
    buried = tombstones.read(con, folder)
    if not buried:
        return 0
    rules = Rules(buried)
    found = treatment(object_, rules, literal(source))
    touches = found.touches
    gone = found.drop
    if not object_.of_employees:
        touches = f"({touches} or {rules.has_address('_record')})"
        gone = f"({found.drop} or (len(_reasons) > 0 and {touches}))"
    whole = Treatment(gone, found.clear, touches)
    with touched_by(con, relation, whole) as touched:
        going = f"{relation} where rowid in (select rowid from {touched} where goes)"
        [(number,)] = con.execute(f"select count(*) from {going}").fetchall()
        if number:
            _remember(con, object_, folder, source, going, buried)
        withhold(con, relation, whole, touched)
    return int(number)


def _remember(
    con: duckdb.DuckDBPyConnection,
    object_: Object,
    folder: Path,
    source: str,
    going: str,
    buried: Iterable[Tombstone],
) -> None:
    """A lead that came in later under a known address or contact: what tells of it is the person's too."""
    known = {tombstone.key for tombstone in buried}
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    new = {}
    deal: list[tuple[str, Kind]] = [(object_.deal, "opportunity")] if object_.deal else []
    for name, kind in (*object_.same_person, *deal):
        query = f"select distinct unnest({ids_in(name)}) from (select * from {going})"
        for (record,) in con.execute(query).fetchall():
            made = Tombstone(kind, source, hash_of_record(source, record), now, "same as a forgotten person")
            if made.key not in known:
                new[made.key] = made
    if new:
        tombstones.write(con, new.values())
        tombstones.write_file(folder, tombstones.read(con, folder))


def ids_in(name: str) -> str:
    """SQL: the ids in a field that may hold several, as a list."""
    parts = f"string_split_regex(cast({identifier(name)} as varchar), '[;,]')"
    trimmed = f"list_transform({parts}, lambda x: trim(x))"
    return f"list_filter({trimmed}, lambda x: x <> '')"


def remove_from_raw(
    con: duckdb.DuckDBPyConnection, rules: Rules, crm: str, objects: Mapping[str, Object]
) -> Rows:
    """Apply to everything that was loaded (inside the caller's transaction), by `<crm>.<object>`.

    The ledger goes on saying how many rows of each batch are in raw and in quarantine.
    """
    schema, found = f"raw_{crm}", {}
    ledger = f"{identifier(schema)}.load_ledger"
    for object_ in present(con, schema, objects):
        name, rule = f"{identifier(schema)}.{identifier(object_.name)}", treatment(object_, rules)
        with touched_by(con, name, rule) as touched:
            [(concerned, gone)] = con.execute(
                f"select count(*), count(*) filter (goes) from {touched}"
            ).fetchall()
            if concerned:
                going = (
                    f"select _source as source, {literal(object_.name)} as table_name, _batch_id as batch_id"
                    f" from {name} where rowid in (select rowid from {touched} where goes)"
                )
                rewrite_ledger(con, ledger, "rows_loaded", f"{going} and not _is_deleted")
                rewrite_ledger(con, ledger, "rows_deleted", f"{going} and _is_deleted", was_read=False)
                withhold(con, name, rule, touched)
                found[f"{crm}.{object_.name}"] = int(gone), int(concerned - gone)
    quarantine = f"{identifier(schema)}.quarantine"
    bad = [row for one in present(con, schema, objects) for row in _quarantined(con, schema, one, rules)]
    if bad:
        going = f"select source, table_name, batch_id from {quarantine} where rowid in ({_listed(bad)})"
        rewrite_ledger(con, ledger, "rows_quarantined", going)
        con.execute(f"delete from {quarantine} where rowid in ({_listed(bad)})")
        found[f"{crm}.quarantine"] = len(bad), 0
    if present(con, schema, objects):
        # a cursor may stand on a record of the person; without one, the object is read from its start
        named = rules.quarantined("source", "cast(position as varchar)")
        con.execute(f"delete from {identifier(schema)}.cursors where {named}")
    return found


def is_known(con: duckdb.DuckDBPyConnection, rules: Rules, crm: str, objects: Mapping[str, Object]) -> bool:
    """Whether any row, also of quarantine, is about who the rules are of."""
    schema = f"raw_{crm}"
    return any(
        con.execute(
            f"select 1 from {identifier(schema)}.{identifier(one.name)}"
            f" where {treatment(one, rules).concerns} limit 1"
        ).fetchall()
        or _quarantined(con, schema, one, rules)
        for one in present(con, schema, objects)
    )


def present(con: duckdb.DuckDBPyConnection, schema: str, objects: Mapping[str, Object]) -> list[Object]:
    """The objects whose tables were ever prepared in this database."""
    found = con.execute(
        "select table_name from duckdb_tables() where database_name = current_database() and schema_name = ?",
        [schema],
    ).fetchall()
    names = {name.casefold() for (name,) in found}
    return [one for one in objects.values() if one.name.casefold() in names]


def _quarantined(con: duckdb.DuckDBPyConnection, schema: str, object_: Object, rules: Rules) -> list[int]:
    """The rows of quarantine that are about somebody forgotten; a record is kept there as it came."""
    if object_.of_employees:
        return []
    fields = ", ".join(
        f"json_extract_string(record, {literal(_path(field.name))}) as {identifier(field.name)}"
        for field in object_.fields
    )
    query = (
        f"select _rowid from (select rowid as _rowid, source as _source, cast(record as varchar) as _record,"
        f" {fields} from {identifier(schema)}.quarantine where table_name = {literal(object_.name)})"
        f" where {treatment(object_, rules).touches} or {rules.has_address('_record')}"
    )
    return [row for (row,) in con.execute(query).fetchall()]


def _path(field: str) -> str:
    return '$."' + field.replace('"', '\\"') + '"'


def _listed(rows: Iterable[int]) -> str:
    return ", ".join(map(str, rows))
