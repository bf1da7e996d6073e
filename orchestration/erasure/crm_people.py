"""Who is the same person in the raw tables of CRMs, and what stands there of an account.

Belongs here: following what the CRMs' objects declare (`same_person`, `account`, `clears`), and which CRMs
there are. Does not belong here: the raw tables of export files (`people.py`), or what happens to the rows
(`ingest/crm/forgotten_records.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import duckdb

from orchestration.ingest.crm import forgotten_records
from orchestration.ingest.crm.forgotten_records import ids_in, present
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.forgotten_rows import Rules
from orchestration.ingest.registry import KINDS
from orchestration.ingest.tombstones import Kind
from orchestration.sql_text import identifier

Ids = Mapping[Kind, set[str]]
"""Published ids (`source:id`) by kind."""


def crms() -> Iterator[CrmKind]:
    """The kinds whose raw tables follow from declared objects, each raw schema once."""
    yield from {kind.CRM: kind for kind in KINDS.values() if isinstance(kind, CrmKind)}.values()


def is_known(con: duckdb.DuckDBPyConnection, rules: Rules) -> bool:
    """Whether any row of a CRM is about who the rules are of."""
    return any(forgotten_records.is_known(con, rules, crm.CRM, crm.TABLES) for crm in crms())


def remove_from_raw(con: duckdb.DuckDBPyConnection, rules: Rules) -> forgotten_records.Rows:
    """Apply the rules to the rows of every CRM (inside the caller's transaction)."""
    found: forgotten_records.Rows = {}
    for crm in crms():
        found |= forgotten_records.remove_from_raw(con, rules, crm.CRM, crm.TABLES)
    return found


def same_person(con: duckdb.DuckDBPyConnection, ids: Ids, emails: set[str]) -> list[tuple[Kind, str]]:
    """(kind, published id) of every record that one more step leads to, those that were given among them."""
    found: list[tuple[Kind, str]] = []
    for name, object_ in _objects(con):
        if not object_.same_person:
            continue
        rules = Rules.of_emails(emails)
        hits = [
            f"list_has_any({_published_ids(field)}, ${kind})"
            for field, kind in object_.same_person
            if kind in ids
        ]
        hits += [
            rules.is_hash_of_address(identifier(field.name))
            for field in object_.fields
            if field.kind == "email"
        ]
        hits += [rules.has_address(identifier(field)) for field, _ in object_.same_person]
        condition = " or ".join(f"coalesce({hit}, false)" for hit in hits if hit != "false")
        if not condition:
            continue
        for field, kind in object_.same_person:
            query = f"select distinct unnest({_published_ids(field)}) from {name} where {condition}"
            given = {key: sorted(some) for key, some in ids.items() if f"${key})" in condition}
            found += [(kind, one) for (one,) in con.execute(query, given).fetchall()]
    return found


def accounts_of(con: duckdb.DuckDBPyConnection, ids: Ids) -> set[str]:
    """The accounts that the records of these people are tied to."""
    return _tied(con, ids, lambda one: one.account)


def deals_of(con: duckdb.DuckDBPyConnection, ids: Ids) -> set[str]:
    """The deals that came of these people."""
    return _tied(con, ids, lambda one: one.deal)


def _tied(con: duckdb.DuckDBPyConnection, ids: Ids, wanted: Callable[[Object], str]) -> set[str]:
    found: set[str] = set()
    for name, object_ in _objects(con):
        tied = [pair for pair in (*object_.goes_with, *object_.loses) if pair[1] in ids]
        field = wanted(object_)
        if not field or not tied:
            continue
        hits = [f"{_published(id_field)} in (select unnest(${kind}))" for id_field, kind in tied]
        query = (
            f"select distinct {_published(field)} from {name}"
            f" where ({' or '.join(hits)}) and {identifier(field)} is not null"
        )
        given = {kind: sorted(ids[kind]) for _, kind in tied}
        found |= {one for (one,) in con.execute(query, given).fetchall()}
    return found


def names_of(con: duckdb.DuckDBPyConnection, ids: Ids) -> set[str]:
    """The names that accounts lose, unless another account has the same."""
    found: set[str] = set()
    for name, object_ in _objects(con):
        for text in {text for text, (_, kind) in object_.clears if kind == "account"}:
            pairs = [pair for one, pair in object_.clears if one == text and pair[1] in ids]
            hits = " or ".join(f"{_published(field)} in (select unnest(${kind}))" for field, kind in pairs)
            query = (
                f"select {identifier(text)} from {name} where {identifier(text)} is not null"
                f" group by all having bool_and(coalesce({hits}, false))"
            )
            given = {kind: sorted(ids[kind]) for _, kind in pairs}
            found |= {one for (one,) in con.execute(query, given).fetchall()}
    return found


def _objects(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Object]]:
    """(table, object) of everything that may be about prospects."""
    for crm in crms():
        for object_ in present(con, crm.schema, crm.TABLES):
            if not object_.of_employees:
                yield f"{identifier(crm.schema)}.{identifier(object_.name)}", object_


def _published(field: str) -> str:
    return f"(_source || ':' || {identifier(field)})"


def _published_ids(field: str) -> str:
    return f"list_transform({ids_in(field)}, lambda x: _source || ':' || x)"
