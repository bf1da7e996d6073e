"""What may not be published: columns marked personal, e-mail addresses, phone numbers; and what may."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from orchestration.checks.contracts import Column, Contract, load_contracts
from orchestration.checks.personal import audit_personal, marked_personal
from orchestration.checks.verdicts import Verdict
from orchestration.errors import SettingsError
from orchestration.settings import PROJECT_ROOT

CONTRACT = Contract(
    table="fct_leads",
    description="One row per lead.",
    columns=(Column("lead_id", "varchar", "Lead."), Column("campaign", "varchar", "Campaign.")),
    key=("lead_id",),
)
ADDRESSES = [
    "jan@example.com",
    "Jan.de-Vries+crm@mail.example.co.uk",
    "o'brien@example.ie",
    "Ask info@example.com for the fair",  # the name of a campaign, and an address
    "<jan@example.com>",
    "jan@exämple.de",
    "demo:jan@example.com",  # as an id
]
PHONES = [
    "+31612345678",
    "+31 6 12345678",
    "+31 (0)20-123 4567",
    "+1 555 234 5678",
    "0031 6 12345678",
    "06-12345678",
    "06 12345678",
    "06 12 34 56 78",
    "020-123 45 67",
    "0172-123456",
    "(020) 123 45 67",
    "(555) 234-5678",
    "555-234-5678",
    "Call 06-12345678.",
    "back office (tel: 020-1234567)",
]
HARMLESS = [
    None,
    "",
    " ",
    "demo:O0001234",
    "demo:0123-456789",
    "L000123",
    "0612345678",  # an order number looks the same
    "0012345678",
    "2026-000123",
    "SO-0123-456789",
    "2026-03-10",
    "10-03-2026",
    "01-02-2026 12:00",
    "2026-03-10 09:15:00",
    "2026-03-10T09:15:00+01:00",
    "10-03-2026 - 31-03-2026",
    "1234567.89",
    "1.234.567,89",
    "12 345 678 901",
    "+12 500 000",
    "+12.500.000,00",
    "-1234567890",
    "978-3-16-148410-0",
    "b4f1c1de-0b1a-4c52-9f37-0612345678ab",
    "192.168.100.200",
    "Fair Utrecht spring 2025",
    "R&D @ 3.50",
    "@example",
    "Meet us @ example.com",
    "3@2.50",
    "Q1 2026 - Q4 2026",
    "Campaign 06-07",
]


def found(values: list[str | None], contract: Contract = CONTRACT, **marked: str) -> list[Verdict]:
    con = duckdb.connect()
    con.execute("create table fct_leads (lead_id varchar, campaign varchar)")
    if values:
        con.executemany("insert into fct_leads values ('demo:L1', ?)", [[value] for value in values])
    return audit_personal(con, contract, marked, schema="main")


@pytest.mark.parametrize("value", ADDRESSES)
def test_one_address_among_many_values_is_enough(value: str) -> None:
    [verdict] = found([*HARMLESS, value])
    assert verdict.blocks
    assert (verdict.rule, verdict.failing_rows, verdict.keys) == ("campaign.addresses", 1, ())
    assert verdict.message.startswith(
        f"fct_leads.campaign: 1 of {len(HARMLESS) + 1} values hold e-mail addresses"
    )
    assert value not in json.dumps(verdict.to_json())


@pytest.mark.parametrize("value", PHONES)
def test_a_phone_number_is_found(value: str) -> None:
    [verdict] = found([*HARMLESS, value, value])
    assert verdict.blocks
    assert (verdict.rule, verdict.failing_rows) == ("campaign.phone_numbers", 2)
    assert value not in json.dumps(verdict.to_json())


@pytest.mark.parametrize("value", HARMLESS)
def test_what_only_resembles_one_is_let_through(value: str | None) -> None:
    [verdict] = found([value])
    assert verdict.passed, verdict.message


def test_an_address_in_an_id_is_found_too() -> None:
    con = duckdb.connect()
    con.execute("create table fct_leads as select 'crm:jan@example.com' as lead_id, 'x' as campaign")
    [verdict] = audit_personal(con, CONTRACT, {}, schema="main")
    assert verdict.rule == "lead_id.addresses"
    assert "jan" not in json.dumps(verdict.to_json())


def test_an_empty_table_has_nothing_personal() -> None:
    [verdict] = found([])
    assert (verdict.passed, verdict.rule, verdict.total_rows) == (True, "personal", 0)


def test_a_column_marked_in_staging_or_in_the_contract_is_refused_even_when_empty() -> None:
    [verdict] = found([], campaign="stg_files__leads")
    assert verdict.blocks
    assert verdict.message.startswith("fct_leads.campaign: is marked personal in stg_files__leads")
    columns = (CONTRACT.columns[0], Column("campaign", "varchar", "Campaign.", personal=True))
    contract = Contract("fct_leads", "d", columns, ("lead_id",), file="marts/x.yml")
    [verdict] = found(["fair"], contract)
    assert verdict.message.startswith("fct_leads.campaign: is marked personal in marts/x.yml")


def test_staging_marks_who_was_spoken_to_and_no_contract_publishes_it() -> None:
    marked = marked_personal(PROJECT_ROOT / "models")
    assert set(marked) == {"contact_id", "email_hash"}
    for contract in load_contracts(PROJECT_ROOT / "models").values():
        assert not [column.name for column in contract.columns if column.personal or column.name in marked]


def test_a_mark_that_is_no_yes_or_no_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "staging" / "crm"
    folder.mkdir(parents=True)
    (folder / "_crm__models.yml").write_text(
        "models:\n  - name: stg_crm__leads\n    columns:\n"
        "      - {name: email, config: {meta: {personal: true}}}\n"
        "      - {name: phone, config: {meta: {personal: maybe}}}\n"
    )
    with pytest.raises(SettingsError, match=r"_crm__models\.yml:5: column 'phone': personal is 'maybe'"):
        marked_personal(tmp_path)
