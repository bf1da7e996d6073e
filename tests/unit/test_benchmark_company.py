"""The company of the benchmarks: as large as it says, the same every time, and with what makes exports hard.

Belongs here: what stands in its files. Does not belong here: that Zeven publishes a release of it
(`tests/integration/test_benchmark_floor_release.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import company
from benchmarks.company import Size, daily_batch, make_company, size_of
from orchestration.ingest.export_format import TABLES

SIZE = Size(leads=2_000, reps=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("benchmark") / "export"
    make_company(made, SIZE)
    return made


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def one(con: duckdb.DuckDBPyConnection, text: str) -> Any:
    [(value,)] = con.execute(text).fetchall()
    return value


def table(folder: Path, name: str) -> str:
    return f"read_parquet('{folder}/{name}[._]*parquet')"


def test_a_scale_has_its_records_and_reps() -> None:
    assert (size_of(1).leads, size_of(1).activities, size_of(1).opportunities) == (
        1_000_000,
        10_000_000,
        250_000,
    )
    assert size_of(10).leads == 10_000_000
    assert [size_of(scale).reps for scale in (0.001, 0.01, 0.1, 1, 10)] == [10, 10, 100, 1_000, 1_000]


def test_every_table_and_column_is_one_of_the_format(folder: Path, con: duckdb.DuckDBPyConnection) -> None:
    for name, declared in TABLES.items():
        file = folder / f"{name}.parquet"
        found = [column for (column, *_) in con.execute(f"describe from '{file}'").fetchall()]
        assert found, name
        assert set(found) <= {column.name for column in declared.columns}, name


def test_as_many_records_as_the_size_says(folder: Path, con: duckdb.DuckDBPyConnection) -> None:
    for name, key, expected in (
        ("leads", "lead_id", SIZE.leads),
        ("activities", "activity_id", SIZE.activities),
    ):
        assert one(con, f"select count(distinct {key}) from {table(folder, name)}") == expected
    opportunities = f"from '{folder}/opportunities.parquet'"
    assert one(con, f"select count(distinct opportunity_id) {opportunities}") == SIZE.opportunities


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("leads", "is_deleted"),
        ("leads", "duplicate_of is not null"),
        ("leads", "owner_id is null"),
        ("activities", "is_automated"),
        ("activities", "contact_id is not null and lead_id is null"),
        ("opportunities", "currency in ('USD', 'gbp', 'CHF')"),
        ("opportunities", "closed_on is not null and is_won is null"),
        ("opportunities", "closed_on is null"),
        ("opportunities", "amount is null"),
        ("targets", "period_type = 'quarter'"),
    ],
)
def test_what_makes_exports_hard_is_in_it(
    folder: Path, con: duckdb.DuckDBPyConnection, name: str, condition: str
) -> None:
    share = one(con, f"select avg(coalesce({condition}, false)::int) from '{folder}/{name}.parquet'")
    assert 0 < share < 0.6


def test_late_leads_have_older_versions(folder: Path, con: duckdb.DuckDBPyConnection) -> None:
    early, late = (f"'{folder}/leads_{when}.parquet'" for when in ("early", "late"))
    pairs = f"from {early} as early join {late} as late using (lead_id)"
    assert one(con, f"select count(*) {pairs}") == one(con, f"select count(*) from {early}") > 0
    assert one(con, f"select count(*) {pairs} where early.created_at <> late.created_at") == 0
    assert one(con, f"select count(*) {pairs} where early.updated_at > late.updated_at") == 0


def test_every_opportunity_of_a_lead_comes_after_it(folder: Path, con: duckdb.DuckDBPyConnection) -> None:
    deals, leads = table(folder, "opportunities"), table(folder, "leads")
    both = f"from {deals} as deals join {leads} as leads using (lead_id)"
    assert one(con, f"select count(*) {both}") > SIZE.opportunities / 2
    assert one(con, f"select count(*) {both} where deals.created_at < leads.created_at") == 0


def test_the_same_size_is_the_same_company_and_another_seed_another(
    folder: Path, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def content(where: Path) -> Any:
        files = sorted(where.glob("*.parquet"))
        return [one(con, f"select sum(hash(records)::hugeint) from '{file}' as records") for file in files]

    make_company(tmp_path / "again", SIZE)
    make_company(tmp_path / "other", replace(SIZE, seed=8))
    assert content(folder) == content(tmp_path / "again")
    assert content(folder) != content(tmp_path / "other")


def test_a_day_brings_new_records_and_newer_versions(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    make_company(tmp_path, SIZE)
    day = daily_batch(tmp_path, SIZE, 0.05)
    for name, key, count in (
        ("leads", "lead_id", SIZE.leads),
        ("opportunities", "opportunity_id", SIZE.opportunities),
        ("activities", "activity_id", SIZE.activities),
    ):
        new = f"read_parquet('{tmp_path}/{name}-{day}.parquet')"
        edited = f"read_parquet('{tmp_path}/{name}-{day}-edited.parquet')"
        old = table(tmp_path, name)
        assert one(con, f"select count(*) from {new}") == round(count * 0.025)
        assert one(con, f"select count(*) from {new} semi join {old} as old using ({key})") == 0
        assert one(con, f"select count(*) from {edited}") == pytest.approx(count * 0.025, rel=0.6)
        joined = f"from {edited} as edited join {old} as old using ({key})"
        assert one(con, f"select count(distinct {key}) {joined}") == one(
            con, f"select count(*) from {edited}"
        )
        assert one(con, f"select count(*) {joined} where edited.updated_at <= old.updated_at") == 0
        moment = "occurred_at" if name == "activities" else "created_at"
        assert one(con, f"select count(*) {joined} where edited.{moment} <> old.{moment}") == 0
    activities = f"read_parquet('{tmp_path}/activities-{day}-edited.parquet')"
    assert one(con, f"select count(*) from {activities} where is_deleted") > 0


def test_the_days_after_bring_numbers_of_their_own(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    make_company(tmp_path, SIZE)
    days = [daily_batch(tmp_path, SIZE, 0.1, number) for number in (1, 2)]
    for name, key in (
        ("leads", "lead_id"),
        ("opportunities", "opportunity_id"),
        ("activities", "activity_id"),
    ):
        first, second = (f"read_parquet('{tmp_path}/{name}-{day}.parquet')" for day in days)
        assert one(con, f"select count(*) from {first} semi join {second} as other using ({key})") == 0
        moment = "occurred_at" if name == "activities" else "created_at"
        assert one(con, f"select count(*) from {second} where {moment}::date <> date '{days[1]}'") == 0
    deals, leads = (
        f"read_parquet('{tmp_path}/{name}-{days[1]}.parquet')" for name in ("opportunities", "leads")
    )
    known = f"from {deals} as deals join {leads} as leads using (lead_id)"
    assert one(con, f"select count(*) {known}") > 0.5 * one(con, f"select count(*) from {deals}")
    assert one(con, f"select count(*) {known} where deals.created_at < leads.created_at") == 0


def test_the_targets_of_the_largest_company_can_be_written(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    size = size_of(10)
    with company._writer(size, size.until) as writer:
        queries = dict(zip(company.FEW, writer.text("few.sql").split(";\n"), strict=True))
        writer.write(queries["targets"], tmp_path / "targets.parquet")
    largest = one(con, f"select max(target_amount) from '{tmp_path}/targets.parquet'")
    assert largest > 12 * size.monthly_target()
