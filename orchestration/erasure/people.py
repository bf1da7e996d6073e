"""Who is meant by an id or an e-mail address, and everything in raw that is the same person.

Belongs here: finding records, and the refusals of what is not one person. Does not belong here: what happens
to the records (`ingest/forgotten_rows.py`), or the order of the work (`forget.py`).

Ids are published ones here, `source:id`. A lead, its duplicates, the contact it became and the other leads of
that contact are one person. Records with the same e-mail address are not taken along when an id is given: the
address in a record may be that of its rep.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Self

import duckdb

from orchestration.erasure import crm_people
from orchestration.errors import SettingsError
from orchestration.ingest.addresses import addresses
from orchestration.ingest.export_format import RAW_SCHEMA
from orchestration.ingest.forgotten_rows import EMPLOYEES, Rules, present_tables
from orchestration.ingest.raw_tables import raw_name
from orchestration.ingest.tombstones import Kind, Tombstone, hash_of_record
from orchestration.settings import Settings
from orchestration.sql_text import identifier, literal

LEADS_OF_ONE_PERSON = 20
"""More leads are no one person's: the address of a rep, or a contact that stands for a whole company."""
WORD_LENGTH = 6
"""A value of fewer characters is not looked for in logs: it would be found everywhere."""


@dataclass
class Person:
    """What is known of one person, or of several who are forgotten together.

    `leads` to `accounts` are published ids, `emails` hashes. The others are what is looked for outside of
    the tables: `addresses` in plain text, `words` that stand in the person's records and in no other lead,
    `names` of accounts, `files` that hold a record.
    """

    leads: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    opportunities: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def add(self, other: Person) -> None:
        for part in fields(self):
            getattr(self, part.name).update(getattr(other, part.name))

    def tombstones(self, forgotten_at: str, reason: str) -> list[Tombstone]:
        kinds: dict[Kind, set[str]] = {
            "lead": self.leads,
            "contact": self.contacts,
            "opportunity": self.opportunities,
            "account": self.accounts,
        }
        found = [
            Tombstone(kind, source, hash_of_record(source, record), forgotten_at, reason)
            for kind, ids in kinds.items()
            for source, _, record in (published.partition(":") for published in sorted(ids))
        ]
        return found + [Tombstone("email", "", one, forgotten_at, reason) for one in sorted(self.emails)]

    def rules(self) -> Rules:
        return Rules(self.tombstones("", ""))

    def published_ids(self) -> set[str]:
        return self.leads | self.contacts

    def looked_for(self) -> set[str]:
        """Every text that must be nowhere afterwards."""
        own = {published.partition(":")[2] for published in self.published_ids()}
        # a number is no word: it stands everywhere, in JSON also where no text may take its place
        own = {text for text in own if not text.isdigit()}
        long = {text for text in own | self.words | self.names if len(text) >= WORD_LENGTH}
        return self.published_ids() | self.addresses | long

    def to_json(self) -> dict[str, list[str]]:
        return {part.name: sorted(getattr(self, part.name)) for part in fields(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(**{part.name: set(content.get(part.name, [])) for part in fields(cls)})


def candidates(settings: Settings, given: str) -> list[str]:
    """The published ids that a given id can mean: as it is, or the own id of any source."""
    source, colon, record = given.partition(":")
    as_published = [given] if colon and record and source in settings.sources else []
    return as_published + [f"{name}:{given}" for name in settings.sources]


def complete(con: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Add every record that is the same person, the deals, and what is to be looked for elsewhere."""
    before = -1
    while before != len(person.leads) + len(person.contacts):
        before = len(person.leads) + len(person.contacts)
        _add_leads(con, person)
        for kind, one in crm_people.same_person(con, _ids_of(person), person.emails):
            (person.leads if kind == "lead" else person.contacts).add(one)
        if max(len(person.leads), len(person.contacts)) > LEADS_OF_ONE_PERSON:
            raise SettingsError(
                f"That would be more than {LEADS_OF_ONE_PERSON} leads or contacts, which is no one person: "
                "the address of a rep, or a contact that stands for many. Nothing was removed; name the "
                "leads one by one, with --lead."
            )
    person.opportunities |= _ids(con, "opportunities", "opportunity_id", {"lead_id": person.leads})
    name = identifier("account_name")
    person.names |= _texts(con, "accounts", name, {"account_id": person.accounts})
    person.opportunities |= crm_people.deals_of(con, _ids_of(person))
    person.names |= crm_people.names_of(con, {**_ids_of(person), "account": person.accounts})
    _add_texts(con, person)


def accounts_of(con: duckdb.DuckDBPyConnection, person: Person) -> set[str]:
    """The accounts that the person's leads and deals are tied to."""
    tables = ("leads", "opportunities")
    found = {
        account for table in tables for account in _ids(con, table, "account_id", {"lead_id": person.leads})
    }
    return found | crm_people.accounts_of(con, _ids_of(person))


def _ids_of(person: Person) -> dict[Kind, set[str]]:
    return {"lead": person.leads, "contact": person.contacts}


def _add_leads(con: duckdb.DuckDBPyConnection, person: Person) -> None:
    person.leads |= _ids(
        con,
        "leads",
        "lead_id",
        {"lead_id": person.leads, "contact_id": person.contacts, "duplicate_of": person.leads},
    )
    person.leads |= _ids(con, "leads", "duplicate_of", {"lead_id": person.leads})
    person.contacts |= _ids(con, "leads", "contact_id", {"lead_id": person.leads})
    if not person.emails:
        return
    rules = Person(emails=person.emails).rules()
    texts = ("lead_id", "contact_id", "_other_columns")
    conditions = [rules.has_address(identifier(column)) for column in texts]
    has_address = " or ".join([*conditions, rules.is_hash_of_address("email_hash")])
    query = f"select distinct {_published('lead_id')} from {raw_name('leads')} where {has_address}"
    person.leads |= {lead for (lead,) in con.execute(query).fetchall()}
    query = (
        f"select distinct {_published('contact_id')} from {raw_name('activities')}"
        f" where {rules.has_address('contact_id')}"
    )
    person.contacts |= {contact for (contact,) in con.execute(query).fetchall()}


def _add_texts(con: duckdb.DuckDBPyConnection, person: Person) -> None:
    """The texts that a log, an event or an older release may hold of this person."""
    rules = person.rules()
    quarantine = f"select record from {raw_name('quarantine')}"
    records = con.execute(
        f"{quarantine} where {rules.quarantined('source', 'cast(record as varchar)')}"
    ).fetchall()
    own = _texts(con, "leads", "cast(_other_columns as varchar)", {"lead_id": person.leads})
    for text in {text for text in own | {record for (record,) in records} if text}:
        person.words |= {word for word in _values(text) if len(word) >= WORD_LENGTH}
    person.words = {word for word in person.words if not _stands_elsewhere(con, person, word)}
    for table in present_tables(con):
        if table.name not in EMPLOYEES:
            _add_addresses(con, person, raw_name(table.name), _text_columns(con, table.name))
    _add_addresses(con, person, raw_name("quarantine"), ["record"])


def _add_addresses(con: duckdb.DuckDBPyConnection, person: Person, relation: str, columns: list[str]) -> None:
    if not person.emails:
        return
    rules = Person(emails=person.emails).rules()
    for column in columns:
        text = identifier(column)
        query = (
            f"select distinct address from (select unnest({addresses(text)}) as address from {relation}"
            f" where {rules.has_address(text)}) where sha256(address) in (select unnest(?))"
        )
        person.addresses |= {one for (one,) in con.execute(query, [sorted(person.emails)]).fetchall()}


def _stands_elsewhere(con: duckdb.DuckDBPyConnection, person: Person, word: str) -> bool:
    """Whether another lead has that value too: then it is no trace of this person."""
    query = (
        f"select 1 from {raw_name('leads')} where {_published('lead_id')} not in (select unnest($leads))"
        " and contains(concat_ws(' ', source, campaign, industry, status, cast(_other_columns as varchar)),"
        " $word) limit 1"
    )
    return bool(con.execute(query, {"leads": sorted(person.leads), "word": word}).fetchall())


def _values(text: str) -> Iterator[str]:
    """The texts in a JSON value, and the values of a line where it is one."""
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            yield value.strip()


def _ids(con: duckdb.DuckDBPyConnection, table: str, wanted: str, given: dict[str, set[str]]) -> set[str]:
    """Published ids in column `wanted` of the rows that have one of the given ids in one of these columns."""
    return _texts(con, table, _published(wanted), given)


def _texts(con: duckdb.DuckDBPyConnection, table: str, wanted: str, given: dict[str, set[str]]) -> set[str]:
    where = " or ".join(f"{_published(column)} in (select unnest(${column}))" for column in given)
    query = f"select distinct {wanted} from {raw_name(table)} where ({where}) and {wanted} is not null"
    values = {column: sorted(ids) for column, ids in given.items()}
    return {text for (text,) in con.execute(query, values).fetchall()}


def _published(column: str) -> str:
    return f"(_source || ':' || {identifier(column)})"


def _text_columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    found = con.execute(
        "select column_name from duckdb_columns() where database_name = current_database() "
        f"and schema_name = {literal(RAW_SCHEMA)} and table_name = ? and data_type in ('VARCHAR', 'JSON') "
        "and (column_name not like '\\_%' escape '\\' or column_name = '_other_columns')",
        [table],
    ).fetchall()
    return [name for (name,) in found]
