"""Forgetting in the raw tables of a CRM: who is the same person, what goes, what stays, and never back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import run_record
from orchestration.erasure import people
from orchestration.erasure.people import Person
from orchestration.erasure.traces import Texts
from orchestration.erasure.warehouse_file import remove
from orchestration.errors import SettingsError
from orchestration.ingest import files, tombstones
from orchestration.ingest.crm import forgotten_records, raw_schema
from orchestration.ingest.crm.kind import CrmKind, Reader
from orchestration.ingest.crm.landing import Landed, Landing
from orchestration.ingest.crm.objects import Object, declare
from orchestration.ingest.forgotten_rows import Rules
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings

LEAD = declare(
    "Lead",
    "Id!",
    "Email email",
    "ContactId",
    "MergedIds",
    "AccountId",
    "DealId",
    "Campaign",
    "CreatedAt instant",
    goes_with={"Id": "lead", "ContactId": "contact"},
    same_person={"Id": "lead", "ContactId": "contact", "MergedIds": "lead"},
    account="AccountId",
    deal="DealId",
)
DEAL = declare(
    "Deal",
    "Id! integer",
    "ContactId",
    "LostReason",
    "Amount amount",
    loses={"ContactId": "contact"},
    clears={"LostReason": (("ContactId", "contact"), ("Id", "opportunity"))},
)
ACTIVITY = declare(
    "Activity",
    "Id!",
    "WhoId",
    "DealId",
    "Email email",
    goes_with={"WhoId": ("lead", "contact")},
    kept_by=["DealId"],
)
LINK = declare("DealContact", "DealId!", "ContactId!", goes_with={"ContactId": "contact"})
ACCOUNT = declare(
    "Account",
    "Id!",
    "Name",
    "PersonId",
    loses={"PersonId": "contact"},
    clears={"Name": (("Id", "account"), ("PersonId", "contact"))},
)
OWNER = declare("Owner", "Id!", "Email email", of_employees=True)
TOY = {one.name: one for one in (LEAD, DEAL, ACTIVITY, LINK, ACCOUNT, OWNER)}
EMAIL = "Jan@Example.com"
HASH = hashlib.sha256(b"jan@example.com").hexdigest()
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

# L1 became contact 7 and took L2 in; L3 is a later lead of contact 7; L4 and contact 8 are somebody else
ROWS: dict[str, list[dict[str, Any]]] = {
    "Lead": [
        {"Id": "L1", "Email": EMAIL, "ContactId": "7", "MergedIds": "L2; L9", "AccountId": "A1"},
        {"Id": "L2", "AccountId": "A1", "DealId": "9"},
        {"Id": "L3", "ContactId": "7", "Campaign": "Fair"},
        {"Id": "L4", "Email": "other@example.com", "ContactId": "8", "Campaign": f"from {EMAIL}"},
        {"Id": "L1", "Email": EMAIL, "CreatedAt": "never"},
        {"Id": "L5", "CreatedAt": "never"},
    ],
    "Deal": [
        {"Id": 7, "ContactId": "8", "LostReason": "price", "Amount": 10},
        {"Id": 8, "ContactId": "7", "LostReason": "Jan was ill", "Amount": 20},
        {"Id": 9, "LostReason": "Jan moved", "Amount": 30},
    ],
    "Activity": [
        {"Id": "a1", "WhoId": "L1", "Email": EMAIL},
        {"Id": "a2", "WhoId": "7", "DealId": "8", "Email": "jan.private@example.com"},
        {"Id": "a3", "WhoId": "L4"},
        {"Id": "a4", "DealId": "8"},
    ],
    "DealContact": [{"DealId": "8", "ContactId": "7"}, {"DealId": "7", "ContactId": "8"}],
    "Account": [{"Id": "A1", "Name": "Jan the Baker"}, {"Id": "7", "Name": "Seven Ltd"}],
    "Owner": [{"Id": "7", "Email": EMAIL}],
}


def no_reader(settings: Settings, source: str) -> Reader:
    raise NotImplementedError


@pytest.fixture
def con(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    kind = CrmKind("toy", TOY.values(), no_reader)
    monkeypatch.setitem(KINDS, "toy", kind)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'Asia/Tokyo'")
        files.prepare(con)
        kind.prepare(con)
        run_record.prepare(con)
        for name in TOY:
            land(con, tmp_path, name, ROWS[name])
        yield con


def land(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    name: str,
    rows: list[dict[str, Any]],
    source: str = "crm",
    **options: Any,
) -> Landed:
    return Landing(con, "raw_toy", source, AT, folder).land(TOY[name], rows, **options)


def erase(con: duckdb.DuckDBPyConnection, person: Person) -> dict[str, tuple[int, int]]:
    people.complete(con, person)
    return remove(con, person.tombstones("2026-03-02T00:00:00Z", "asked"))


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def balanced(con: duckdb.DuckDBPyConnection) -> bool:
    """The ledger counts what is there."""
    counted = {
        name: rows(con, f"select count(*) from raw_toy.{name} where not _is_deleted")[0][0] for name in TOY
    }
    told = dict(rows(con, "select table_name, sum(rows_loaded)::int from raw_toy.load_ledger group by all"))
    quarantined = rows(con, "select count(*) from raw_toy.quarantine")
    return (
        counted == told
        and quarantined == rows(con, "select sum(rows_quarantined) from raw_toy.load_ledger")
        and not rows(
            con,
            "select * from raw_toy.load_ledger where rows_in <>"
            " rows_loaded + rows_unchanged + rows_repeated + rows_quarantined + rows_withheld",
        )
    )


def assert_gone(con: duckdb.DuckDBPyConnection, *, is_address_known: bool) -> None:
    campaign = None if is_address_known else f"from {EMAIL}"
    assert rows(con, "select Id, Campaign from raw_toy.Lead order by all") == [("L4", campaign)]
    assert rows(con, "select Id, ContactId, LostReason, Amount::int from raw_toy.Deal order by all") == [
        (7, "8", "price", 10),
        (8, None, None, 20),
        (9, None, None, 30),
    ]
    assert rows(con, "select Id, WhoId, DealId, Email from raw_toy.Activity order by all") == [
        ("a2", None, "8", None),
        ("a3", "L4", None, None),
        ("a4", None, "8", None),
    ]
    assert rows(con, "select DealId, ContactId from raw_toy.DealContact") == [("7", "8")]
    assert rows(con, "select distinct record ->> 'Id' from raw_toy.quarantine") == [("L5",)]
    assert rows(con, "select Id, Email from raw_toy.Owner") == [("7", HASH)]
    assert rows(con, "select Name from raw_toy.Account order by all") == [("Jan the Baker",), ("Seven Ltd",)]


@pytest.mark.parametrize(
    "asked",
    [
        Person(leads={"crm:L1"}),
        Person(leads={"crm:L2"}),
        Person(leads={"crm:L3"}),
        Person(leads={"crm:L9"}),
        Person(emails={HASH}),
    ],
    ids=["lead", "merged", "of the contact", "merged and never seen", "address"],
)
def test_one_person_is_all_its_records_however_it_is_named(
    con: duckdb.DuckDBPyConnection, asked: Person
) -> None:
    is_address_known = bool(asked.emails)
    assert balanced(con)
    done = erase(con, asked)
    assert asked.leads == {"crm:L1", "crm:L2", "crm:L3", "crm:L9"}
    assert asked.contacts == {"crm:7"}
    assert_gone(con, is_address_known=is_address_known)
    assert done == {
        "toy.Lead": (3, int(is_address_known)),
        "toy.Deal": (0, 2),
        "toy.Activity": (1, 1),
        "toy.DealContact": (1, 0),
        "toy.quarantine": (1, 0),
    }
    assert balanced(con)
    assert people.accounts_of(con, asked) == set()


def test_the_accounts_of_a_person_are_found_before_it_is_gone(con: duckdb.DuckDBPyConnection) -> None:
    person = Person(leads={"crm:L1"})
    people.complete(con, person)
    assert people.accounts_of(con, person) == {"crm:A1"}


def test_an_account_that_is_a_person_loses_its_name(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    person = Person(accounts={"crm:A1"})
    assert erase(con, person) == {"toy.Account": (0, 1)}
    assert person.names == {"Jan the Baker"}
    assert rows(con, "select Id, Name from raw_toy.Account order by all") == [
        ("7", "Seven Ltd"),
        ("A1", None),
    ]
    assert tombstones.read(con, tmp_path)[0].kind == "account"
    again = land(con, tmp_path, "Account", ROWS["Account"])
    assert (again.rows_loaded, again.rows_unchanged) == (0, 2)


def test_the_account_of_a_person_that_is_one_loses_its_name_with_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    accounts = [
        {"Id": "P1", "Name": "Jan Jansen", "PersonId": "7"},
        {"Id": "P2", "Name": "J. Jansen", "PersonId": "7"},
        {"Id": "P3", "Name": "J. Jansen", "PersonId": "8"},
    ]
    land(con, tmp_path, "Account", accounts)
    person = Person(leads={"crm:L1"})
    erase(con, person)
    assert person.names == {"Jan Jansen"}, "the other name is also somebody else's"
    names = "select Id, Name, PersonId from raw_toy.Account where Id like 'P%' order by all"
    kept = [("P1", None, None), ("P2", None, None), ("P3", "J. Jansen", "8")]
    assert rows(con, names) == kept
    assert not land(con, tmp_path, "Account", accounts).changed
    assert rows(con, names) == kept


def test_every_version_and_what_is_left_of_a_deleted_record_goes(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(con, tmp_path, "Lead", [{"Id": "L1", "Campaign": "no address any more"}])
    deleted = land(con, tmp_path, "Lead", [{"Id": "L4"}], is_complete=True)
    assert deleted.rows_deleted == 3
    versions = rows(con, "select count(*) from raw_toy.Lead where Id = 'L1'")
    assert versions == [(3,)]
    assert erase(con, Person(emails={HASH}))["toy.Lead"] == (7, 1)
    assert rows(con, "select distinct Id from raw_toy.Lead") == [("L4",)]
    assert rows(con, "select sum(rows_deleted) from raw_toy.load_ledger") == [(0,)]
    assert balanced(con)


@pytest.mark.parametrize("way", ["table", "file"])
def test_no_extraction_brings_a_person_back(con: duckdb.DuckDBPyConnection, tmp_path: Path, way: str) -> None:
    erase(con, Person(emails={HASH}))
    if way == "file":  # a warehouse that was moved away and is read anew
        tombstones.write_file(tmp_path, tombstones.read(con, tmp_path))
        con.execute("drop schema raw_toy cascade; drop schema zeven cascade")
        raw_schema.prepare(con, "raw_toy", TOY)
    again = {name: land(con, tmp_path, name, ROWS[name]) for name in TOY}
    assert_gone(con, is_address_known=True)
    lead = again["Lead"]
    unreadable = 0 if way == "table" else 1  # where it is in quarantine still, not once more
    assert (lead.rows_in, lead.rows_withheld, lead.rows_quarantined) == (6, 4, unreadable)
    assert (again["Activity"].rows_withheld, again["DealContact"].rows_withheld) == (1, 1)
    assert not again["Deal"].rows_withheld
    if way == "table":
        assert not again["Deal"].changed, "what was emptied is known as unchanged"
        assert not again["Activity"].changed
    else:
        assert balanced(con)


def test_somebody_who_comes_in_later_under_a_known_address_or_contact_is_remembered(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    erase(con, Person(emails={HASH}))
    new = [
        {"Id": "L20", "Email": EMAIL.upper(), "DealId": "77"},
        {"Id": "L21", "ContactId": "7"},
        {"Id": "L22"},
    ]
    assert land(con, tmp_path, "Lead", new).rows_withheld == 2
    talks = [{"Id": f"b{lead}", "WhoId": lead} for lead in ("L20", "L21", "L22")]
    assert land(con, tmp_path, "Activity", talks).rows_withheld == 2
    assert rows(con, "select WhoId from raw_toy.Activity where Id like 'b%'") == [("L22",)]
    deals = [{"Id": 77, "LostReason": "Jan again"}, {"Id": 78, "LostReason": "price"}]
    land(con, tmp_path, "Deal", deals)
    assert rows(con, "select Id, LostReason from raw_toy.Deal where Id >= 77 order by all") == [
        (77, None),
        (78, "price"),
    ]
    kept = {stone.key for stone in tombstones.read(duckdb.connect(), tmp_path)}
    assert ("lead", tombstones.hash_of_record("crm", "L20")) in kept
    before = (tmp_path / tombstones.FILE).stat().st_mtime_ns
    land(con, tmp_path, "Lead", new)
    assert (tmp_path / tombstones.FILE).stat().st_mtime_ns == before


def test_an_unreadable_record_with_an_address_anywhere_is_not_kept(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    erase(con, Person(emails={HASH}))
    landed = land(con, tmp_path, "Deal", [{"Id": 99, "Amount": f"ask {EMAIL}"}, {"Id": 98, "Amount": "?"}])
    assert (landed.rows_withheld, landed.rows_quarantined) == (1, 1)
    assert EMAIL not in str(rows(con, "select record from raw_toy.quarantine"))


def test_ids_of_another_source_or_kind_are_somebody_else(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(con, tmp_path, "Lead", ROWS["Lead"][:3], source="second")
    erase(con, Person(leads={"second:L1"}))
    assert rows(con, "select count(*) from raw_toy.Lead where _source = 'crm'") == [(4,)]
    assert rows(con, "select count(*) from raw_toy.Lead where _source = 'second'") == [(0,)]
    # deal 7 and account 7 are not contact 7
    erase(con, Person(contacts={"crm:7"}))
    assert rows(con, "select Id from raw_toy.Deal where Id = 7") == [(7,)]
    assert rows(con, "select Name from raw_toy.Account where Id = '7'") == [("Seven Ltd",)]


def test_a_contact_of_many_is_no_person(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(con, tmp_path, "Lead", [{"Id": f"m{n}", "ContactId": "info"} for n in range(30)])
    with pytest.raises(SettingsError, match="more than 20 leads"):
        people.complete(con, Person(leads={"crm:m3"}))


def test_the_plan_touches_nobody_where_nobody_was_forgotten(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for one in TOY.values():
        assert forgotten_records.treatment(one, Rules([])).touches == "false"
    assert not land(con, tmp_path, "Lead", ROWS["Lead"]).rows_withheld


def test_a_number_is_looked_for_with_its_source_only() -> None:
    texts = Texts(Person(leads={"crm:1234567"}, contacts={"crm:contact-9"}).looked_for())
    assert texts.stand_in("first at lead_id=crm:1234567")
    assert not texts.stand_in('{"rows": 1234567}')
    assert texts.stand_in("contact-9")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"goes_with": {"Who": "lead"}}, "Who is named, but no field"),
        ({"kept_by": ["Deal"]}, "Deal is named, but no field"),
        ({"clears": {"Name": ("Account", "account")}}, "Account is named, but no field"),
        ({"loses": {"Id": "lead"}}, "Id is of the key and cannot be emptied"),
        ({"goes_with": {"Id": "lead"}, "kept_by": ["Name"]}, "Id is of the key and cannot be emptied"),
    ],
)
def test_a_declaration_that_could_not_be_kept_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        declare("made", "Id!", "Name", **options)


def test_a_field_may_hold_an_id_of_either_kind() -> None:
    made: Object = declare("made", "Id!", "WhoId", goes_with={"WhoId": ("lead", "contact")})
    assert made.goes_with == (("WhoId", "lead"), ("WhoId", "contact"))


@pytest.mark.parametrize("crm", sorted({kind.CRM for kind in KINDS.values() if isinstance(kind, CrmKind)}))
def test_the_rules_of_every_crm_can_be_run(crm: str) -> None:
    """Of each declared record, one that is the person by every field that can say so."""
    [kind, *_] = [kind for kind in KINDS.values() if isinstance(kind, CrmKind) and crm == kind.CRM]
    with duckdb.connect() as con:
        files.prepare(con)
        kind.prepare(con)
        run_record.prepare(con)
        for one in kind.TABLES.values():
            ids = {field for field, _ in (*one.goes_with, *one.same_person)}
            row = dict.fromkeys(ids | set(one.key), "77")
            row |= {field.name: HASH for field in one.fields if field.kind == "email"}
            columns = ", ".join(f'"{name}"' for name in (*row, "_source", "_batch_id", "_is_deleted"))
            dated = {field.name for field in one.fields if field.kind in ("instant", "calendar_date")}
            values = ", ".join(
                "'2026-01-01'" if name in dated else f"'{value}'" for name, value in row.items()
            )
            con.execute(
                f"insert into raw_{crm}.\"{one.name}\" ({columns}) values ({values}, 'crm', 'b', false)"
            )
        person = Person(emails={HASH})
        people.complete(con, person)
        assert "crm:77" in person.leads | person.contacts
        remove(con, person.tombstones("2026-03-02T00:00:00Z", "asked"))
        for one in kind.TABLES.values():
            if not one.of_employees and {kind for _, kind in one.goes_with} and not one.kept_by:
                assert con.execute(f'select * from raw_{crm}."{one.name}"').fetchall() == [], one.name
