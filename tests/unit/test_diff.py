"""`zeven diff`, what a release says of the one before it, and what happens where releases cannot be compared.

On small releases made by plain SQL. That the parts are right is in `tests/integration/test_restatements.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from published_company import AS_OF, just_now, settings_in

from orchestration import marts
from orchestration.checks.contracts import Column, Contract, load_contracts
from orchestration.cli import cli
from orchestration.commands import restated
from orchestration.ingest import tombstones
from orchestration.ingest.tombstones import Tombstone, hash_of_record
from orchestration.publish import catalogue
from orchestration.publish.manifest import ReleaseInfo
from orchestration.publish.release import publish
from orchestration.publish.store import remove
from orchestration.restatements.definitions import changed_definitions
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse import Warehouse, make_private_folder

OPPORTUNITY = (
    "opportunity_id varchar, rep_id varchar, team_id varchar, lead_rep_id varchar, source varchar, "
    "industry varchar, closed_on date, outcome varchar, is_closed boolean, currency varchar, "
    "source_amount decimal(18,2), amount decimal(18,2)"
)
KPI = (
    "period_type varchar, period_start date, period_end date, level varchar, team_id varchar, "
    "rep_id varchar, breakdown varchar, breakdown_value varchar, won_opportunities bigint, "
    "closed_amount decimal(18,2), "
    "lost_opportunities bigint, lost_amount decimal(18,2)"
)
DATES = "date_day date, week_start date, month_start date, quarter_start date, year_start date"
KEYS = {
    "fct_opportunities": ("opportunity_id",),
    "kpi_closed_sales": ("period_type", "period_start", "level", "team_id", "rep_id", "breakdown_value"),
    "dim_dates": ("date_day",),
}


def contract(table: str, columns: str) -> Contract:
    pairs = [pair.split() for pair in columns.replace("18,2", "18;2").split(", ")]
    made = tuple(Column(name, kind.replace(";", ","), "-") for name, kind in pairs)
    return Contract(table, "Small.", made, KEYS[table])


CONTRACTS = {
    name: contract(name, columns)
    for name, columns in (("fct_opportunities", OPPORTUNITY), ("kpi_closed_sales", KPI), ("dim_dates", DATES))
}


def release(
    settings: Settings,
    deals: Mapping[str, tuple[str, str, str]],
    *,
    minutes_ago: int,
    code_version: str = "0.1.0",
    only: tuple[str, ...] = tuple(CONTRACTS),
    beside: str = "0",
) -> ReleaseInfo:
    """Deals by id: rep, day of the win, amount. The metric holds the company's and the reps' months.

    `beside` is what every amount of the metric is off what the records say.
    """
    made = just_now(minutes_ago)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; create schema zeven")
        make_private_folder(settings.paths.warehouse)
        marts.start_afresh(file := Warehouse(settings).marts_file)
        marts.attach(con, file)
        con.execute(f"create table marts.fct_opportunities ({OPPORTUNITY})")
        for name, (rep, day, amount) in deals.items():
            con.execute(
                "insert into marts.fct_opportunities values "
                "($1, $2, 'crm:T1', 'unknown', 'web', 'unknown', $3, 'won', true, 'EUR', $4, $4)",
                [name, rep, day, amount],
            )
        con.execute(
            f"create table marts.dim_dates ({DATES}); insert into marts.dim_dates "
            "select d, date_trunc('week', d), date_trunc('month', d), date_trunc('quarter', d), "
            "date_trunc('year', d) from range(date '2026-01-01', date '2026-05-01', interval 1 day) as t(d)"
        )
        con.execute(
            f"create table marts.kpi_closed_sales ({KPI}); insert into marts.kpi_closed_sales "
            "select 'month', date_trunc('month', closed_on), last_day(closed_on), "
            "case when grouping(rep_id) = 0 then 'rep' else 'company' end, "
            "case when grouping(rep_id) = 0 then 'crm:T1' end, rep_id, 'total', 'total', "
            f"count(*), sum(amount) + {beside}, 0, 0 from marts.fct_opportunities "
            "group by grouping sets ((2, 3), (2, 3, rep_id))"
        )
        con.execute(
            "create table zeven.build_result as select 'run-1' as run_id, $1::timestamptz as as_of, "
            "$2::timestamptz as finished_at, true as passed, true as is_whole, '[]'::json as checks",
            [AS_OF, made],
        )
        for table in CONTRACTS.keys() - set(only):
            con.execute(f"drop table if exists marts.{table}")
        return publish(
            con,
            settings,
            run_id="run-1",
            as_of=AS_OF,
            code_version=code_version,
            contracts={name: CONTRACTS[name] for name in only},
            reconciliations=(),  # the tables are a few that a comparison reads, and no whole company
            created_at=made,
        )


MARCH = {"crm:O1": ("crm:R1", "2026-03-05", "100.10"), "crm:O2": ("crm:R2", "2026-02-06", "50.00")}
LATER = {**MARCH, "crm:O3": ("crm:R1", "2026-03-31", "7.05"), "crm:O4": ("crm:R1", "2026-04-02", "900.00")}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def two(settings: Settings) -> list[ReleaseInfo]:
    """The later one has a late entry in March, and one in April, which still runs."""
    return [release(settings, MARCH, minutes_ago=20), release(settings, LATER, minutes_ago=10)]


def zeven(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--settings", str(settings.file)])


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_person_sees_the_parts_of_the_companys_months(settings: Settings, two: list[ReleaseInfo]) -> None:
    shown = zeven(settings, "diff", "previous", "current")
    assert shown.exit_code == 0, shown.output
    text = flat(shown.stdout)
    assert (
        f"From release {two[0].release_id} to {two[1].release_id}, periods that ended before 2026-04-15:"
        in text
    )
    assert "month 2026-03 closed_sales.closed_amount: EUR 100.10 -> EUR 107.15 (EUR +7.05)" in text
    assert "EUR +7.05 late entry crm:O3" in text
    assert "closed_sales.won_opportunities: 1 -> 2 (+1)" in text
    assert "2 more numbers differ" in text  # those of the rep
    assert "2026-04" not in text.replace("before 2026-04-15", "")


def test_a_machine_gets_every_number(settings: Settings, two: list[ReleaseInfo]) -> None:
    shown = zeven(settings, "diff", two[0].release_id, two[1].release_id, "--json")
    found = json.loads(shown.stdout, parse_float=Decimal)
    assert found["found"]["numbers"] == len(found["numbers"]) == 4
    for number in found["numbers"]:
        assert sum(part["part"] for part in number["parts"]) == number["difference"]
        assert [part["record_ids"] for part in number["parts"]] == [["crm:O3"]]
    reps = json.loads(zeven(settings, "diff", "previous", "current", "--level", "rep", "--json").stdout)
    assert {number["rep_id"] for number in reps["numbers"]} == {"crm:R1"}


def test_the_other_way_round_is_the_opposite(settings: Settings, two: list[ReleaseInfo]) -> None:
    text = flat(zeven(settings, "diff", "current", "previous").stdout)
    assert "EUR 107.15 -> EUR 100.10 (EUR -7.05) EUR -7.05 deleted crm:O3" in text


def test_a_release_and_itself(settings: Settings, two: list[ReleaseInfo]) -> None:
    assert "No number of a closed period differs." in zeven(settings, "diff", "current", "current").stdout


def test_each_release_holds_what_it_restated(settings: Settings, two: list[ReleaseInfo]) -> None:
    first, second = two
    assert first.restated is not None
    assert (first.restated["against"], first.restated["numbers"]) == (None, 0)
    assert second.restated is not None
    assert second.restated["against"] == first.release_id
    assert (second.restated["closed_periods"], second.restated["numbers"]) == (1, 4)
    assert second.restated["reasons"] == {"late_entry": 4}
    with catalogue.open_release(settings) as con:
        rows = con.execute(
            "select level, measure, reason, value_before, value_after, part, records, record_ids, "
            "previous_release_id from restatements order by all"
        ).fetchall()
        assert rows[0] == (
            "company", "closed_amount", "late_entry", Decimal("100.10"), Decimal("107.15"),
            Decimal("7.05"), 1, "crm:O3", first.release_id,
        )  # fmt: skip
        assert len(rows) == 4
        # what was compared leaves nothing behind
        assert [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()
                if name.startswith("zeven_")] == []  # fmt: skip
    with catalogue.open_release(settings, first.release_id) as con:
        assert con.execute("select count(*) from restatements").fetchall() == [(0,)]
    assert second.tables["restatements"] == 4


def test_a_forgotten_record_counts_and_is_not_named(settings: Settings) -> None:
    release(settings, LATER, minutes_ago=20)
    stone = Tombstone("lead", "crm", hash_of_record("crm", "O3"), "2026-04-15T10:00:00Z", "asked")
    settings.paths.warehouse.mkdir(exist_ok=True)
    tombstones.write_file(settings.paths.warehouse, [stone])
    release(settings, MARCH, minutes_ago=10)
    with catalogue.open_release(settings) as con:
        found = con.execute(
            "select distinct record_ids, part::double, records from restatements "
            "where measure = 'closed_amount' and level = 'company'"
        ).fetchall()
    assert found == [("forgotten", -7.05, 1)]


def test_one_line_says_what_was_restated(settings: Settings, two: list[ReleaseInfo]) -> None:
    assert restated.line(two[0].restated) == ""
    line = restated.line(two[1].restated)
    assert line.startswith("1 closed period changed: closed amount of 2026-03 EUR +7.05 (late entry); ")
    assert line.endswith("`zeven diff previous current` says why.")
    assert "restated 1 closed period changed" in flat(zeven(settings, "status").stdout)
    listed = zeven(settings, "releases").stdout.splitlines()
    assert listed[0].split()[-1] == "restated"
    assert [row.split()[-1] for row in listed[1:]] == ["4", "0"]


@pytest.mark.parametrize(("code", "reason"), [("0.2.0", "definition_change"), ("0.1.0", "unexplained")])
def test_what_the_records_do_not_say(
    settings: Settings, two: list[ReleaseInfo], code: str, reason: str
) -> None:
    third = release(settings, LATER, minutes_ago=5, code_version=code, beside="0.40")
    assert third.restated is not None
    assert third.restated["reasons"] == {reason: 4}  # the company's and a rep's amount, in two months
    text = flat(zeven(settings, "diff", "previous", "current").stdout)
    assert f"EUR 107.15 -> EUR 107.55 (EUR +0.40) EUR +0.40 {reason.replace('_', ' ')}" in text


def test_a_release_without_the_records_is_compared_all_the_same(settings: Settings) -> None:
    release(settings, MARCH, minutes_ago=20, only=("kpi_closed_sales",))
    release(settings, LATER, minutes_ago=10)
    found = json.loads(zeven(settings, "diff", "previous", "current", "--json").stdout)
    assert {part["reason"] for number in found["numbers"] for part in number["parts"]} == {"unexplained"}
    assert any("has no table fct_opportunities" in note for note in found["not_compared"])
    assert "Not compared:" in zeven(settings, "diff", "previous", "current").stdout


@pytest.mark.parametrize("name", ["20200101T000000Z-000000", "../current", ""])
def test_a_release_that_is_not_there(settings: Settings, two: list[ReleaseInfo], name: str) -> None:
    shown = zeven(settings, "diff", name, "current")
    assert shown.exit_code == 2
    assert f"There is no release '{name}' (or it was cleared away)" in flat(shown.stderr)


def test_nothing_was_published_yet(settings: Settings) -> None:
    shown = zeven(settings, "diff", "previous", "current")
    assert shown.exit_code == 2
    assert "nothing was published yet" in flat(shown.stderr)


def damage_database(release: ReleaseInfo) -> None:
    release.folder.chmod(0o755)
    release.database.chmod(0o644)
    release.database.write_bytes(release.database.read_bytes()[:5000])


def test_a_damaged_release_is_one_sentence(settings: Settings, two: list[ReleaseInfo]) -> None:
    damage_database(two[0])
    shown = zeven(settings, "diff", "previous", "current")
    assert shown.exit_code == 1
    assert "is damaged, this is not the file that was published. Nothing was compared" in flat(shown.stderr)
    (two[0].folder / "manifest.json").chmod(0o644)
    (two[0].folder / "manifest.json").write_text("{}")
    shown = zeven(settings, "diff", "previous", "current")
    assert shown.exit_code == 1
    assert "manifest of another format" in flat(shown.stderr)


def test_a_damaged_release_stops_no_publication(settings: Settings, two: list[ReleaseInfo]) -> None:
    damage_database(two[1])
    third = release(settings, MARCH, minutes_ago=5)
    assert third.restated is not None
    [note] = third.restated["not_compared"]
    assert note.startswith(f"Nothing was compared with release {two[1].release_id}: ")
    assert restated.line(third.restated) == note
    assert third.tables["restatements"] == 0
    # gone altogether, with the link still there
    remove(third.folder)
    fourth = release(settings, MARCH, minutes_ago=4)
    assert fourth.restated is not None
    assert "its manifest cannot be read" in fourth.restated["not_compared"][0]
    assert catalogue.current(settings) == fourth


def test_another_currency_is_compared_by_numbers_of_records(settings: Settings) -> None:
    release(settings, MARCH, minutes_ago=20)
    text = settings.file.read_text().replace('name = "Small"', 'name = "Small"\ncurrency = "USD"')
    settings.file.write_text(text)
    from orchestration.settings import load_settings

    dollars = load_settings(settings.file, environ={})
    release(dollars, LATER, minutes_ago=10)
    found = json.loads(zeven(dollars, "diff", "previous", "current", "--json").stdout)
    assert {number["measure"] for number in found["numbers"]} == {"won_opportunities"}
    assert "The amounts are in EUR and USD, so only numbers of records are compared." in found["not_compared"]


def test_the_table_of_changed_definitions_is_read(tmp_path: Path) -> None:
    known = changed_definitions()
    assert known is not None
    assert known[0].startswith("0.2.0: kpi_number_of_leads.active_reps: ")
    assert changed_definitions(tmp_path / "none.md") is None
    assert "restatements" not in load_contracts(PROJECT_ROOT / "models")


def test_a_definition_that_came_in_between_is_named(settings: Settings, two: list[ReleaseInfo]) -> None:
    file = two[0].folder / "manifest.json"
    manifest = json.loads(file.read_text())
    taken = manifest["definitions"].pop()
    file.chmod(0o644)
    file.write_text(json.dumps(manifest))
    found = json.loads(zeven(settings, "diff", "previous", "current", "--json").stdout)
    assert found["new_definitions"] == [taken]
    assert found["code_differs"] is True
    assert taken.split(":")[0] in zeven(settings, "diff", "previous", "current").stdout
