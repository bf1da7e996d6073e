"""The `files` source: which files are read, once each, in one transaction, and what the ledger says of it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import duckdb
import pytest
from export_folder import LOADED_AT, ExportFolder

from orchestration import run_record
from orchestration.ingest import files
from orchestration.ingest.batch import Batch
from orchestration.ingest.export_format import RAW_SCHEMA, TABLES
from orchestration.ingest.file_discovery import table_of
from orchestration.ingest.raw_tables import raw_columns
from orchestration.ingest.registry import KINDS
from orchestration.progress import Event, reporting_to
from orchestration.setting_sources import SOURCE_KINDS

LEADS = "lead_id,created_at,owner_id\nL1,2026-03-01,R1\nL2,2026-03-02,R2\n"


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    folder = ExportFolder(tmp_path, duckdb.connect())
    folder.folder.mkdir()
    return folder


def test_all_raw_tables_are_there_before_anything_is_loaded(export: ExportFolder) -> None:
    files.prepare(export.con)
    files.prepare(export.con)
    for name, table in TABLES.items():
        described = export.rows(f"DESCRIBE {RAW_SCHEMA}.{name}")
        assert [(row[0], row[1]) for row in described] == list(raw_columns(table))


def test_a_raw_table_of_an_older_shape_gets_its_missing_columns(export: ExportFolder) -> None:
    export.con.execute("CREATE SCHEMA raw_files")
    export.con.execute("CREATE TABLE raw_files.teams (team_id VARCHAR, _source VARCHAR)")
    export.con.execute("INSERT INTO raw_files.teams VALUES ('T1', 'crm')")
    export.write("leads.csv", LEADS)
    export.write("teams.csv", "team_id,region\nT2,North\n")
    export.load("teams")
    assert export.rows("SELECT team_id, region FROM raw_files.teams ORDER BY 1") == [
        ("T1", None),
        ("T2", "North"),
    ]


def test_a_load_tells_what_it_did_in_rows_ledger_and_events(export: ExportFolder) -> None:
    export.write("leads.csv", LEADS)
    events: list[Event] = []
    with reporting_to(events.append):
        load = export.load()
    assert (load.batches_seen, load.batches_new, load.rows_in, load.rows_loaded, load.rows_quarantined) == (
        1,
        1,
        2,
        2,
        0,
    )
    assert [(event.name, event.status, event.rows) for event in events] == [
        ("crm.leads", "started", None),
        ("crm.leads", "done", 2),
    ]
    assert export.rows(
        "SELECT source, table_name, source_file, batch_number, rows_in, rows_loaded, rows_quarantined,"
        " columns_found, loaded_at, size_bytes FROM raw_files.load_ledger"
    ) == [
        (
            "crm",
            "leads",
            "leads.csv",
            1,
            2,
            2,
            0,
            ["lead_id", "created_at", "owner_id"],
            LOADED_AT.replace(tzinfo=None),
            62,
        )
    ]
    stamps = export.rows(
        "SELECT DISTINCT _source, _batch_number, _loaded_at, _source_file FROM raw_files.leads"
    )
    assert stamps == [("crm", 1, LOADED_AT.replace(tzinfo=None), "leads.csv")]
    assert export.values("_source_row") == [1, 2]
    assert export.values("_other_columns") == [None, None]


def test_the_same_content_is_loaded_once_whatever_its_name_or_date(export: ExportFolder) -> None:
    first = export.write("leads.csv", LEADS)
    export.load()
    os.utime(first, (1, 1))
    export.write("leads-copy.csv", LEADS)
    events: list[Event] = []
    with reporting_to(events.append):
        again = export.load()
    assert (again.batches_seen, again.batches_new, again.rows_in) == (2, 0, 0)
    assert [event.status for event in events] == ["nothing_new"]
    assert export.values("lead_id") == ["L1", "L2"]
    assert export.scan() == []


def test_new_content_under_an_old_name_is_added_even_with_the_old_size_and_date(export: ExportFolder) -> None:
    path = export.write("leads.csv", LEADS)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    export.load()
    stat = path.stat()
    export.con.execute(  # as if the file had long settled when it was loaded
        "UPDATE raw_files.load_ledger SET file_identity = ?",
        [f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns - 5_000_000_000}"],
    )
    path.write_text(LEADS.replace("R2", "R9"), encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert [(pending.what, pending.reason) for pending in export.scan()] == [("leads.csv", "new")]
    assert export.load().rows_loaded == 2
    assert export.values("owner_id") == ["R1", "R2", "R1", "R9"]
    assert export.values("_batch_number") == [1, 1, 2, 2]


@pytest.mark.parametrize("settled_seconds", [0, 2])
def test_an_export_that_is_put_back_counts_as_the_last_loaded(
    export: ExportFolder, monkeypatch: pytest.MonkeyPatch, settled_seconds: int
) -> None:
    monkeypatch.setattr("orchestration.ingest.plain_file.SETTLED_SECONDS", settled_seconds)
    earlier, later = LEADS, LEADS.replace("R2", "R9")
    for content in (earlier, later):
        export.write("leads.csv", content)
        assert export.load().rows_loaded == 2
    export.write("leads.csv", earlier)
    assert [(pending.what, pending.reason) for pending in export.scan()] == [("leads.csv", "back")]
    back = export.load()
    assert (back.batches_new, back.rows_in, back.rows_loaded) == (1, 0, 0)
    assert "is back in a content that it had before" in back.findings[0]
    newest = "select owner_id from raw_files.leads order by _batch_number desc, _source_row desc limit 1"
    assert export.con.execute(newest).fetchall() == [("R2",)]
    assert sorted(export.values("owner_id")) == ["R1", "R1", "R2", "R9"]
    # and it stays at that
    assert export.scan() == []
    assert export.load().batches_new == 0
    # a copy of the old content under another name is no restoration
    export.write("leads-copy.csv", later)
    assert export.scan() == []


def test_an_untouched_file_is_not_even_opened(export: ExportFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    export.write("leads.csv", LEADS)
    monkeypatch.setattr("orchestration.ingest.plain_file.SETTLED_SECONDS", 0)
    export.load()

    def opened(*_: object) -> None:
        raise AssertionError("the file was hashed")

    monkeypatch.setattr("orchestration.ingest.files.fingerprint", opened)
    assert export.load().batches_new == 0
    assert export.scan() == []


def test_a_changed_reading_replaces_the_batch_of_the_same_content(export: ExportFolder) -> None:
    export.write("leads-1.csv", "lead_id,created_at\nL1,2026-03-01 10:00:00\nL1,nonsense\n")
    export.write("leads-2.csv", "lead_id,created_at\nL2,2026-03-02 10:00:00\n")
    export.load()
    export.keys = 'time_zone = "Europe/Amsterdam"\n'
    assert [(pending.what, pending.reason) for pending in export.scan()] == [
        ("leads-1.csv", "reading"),
        ("leads-2.csv", "reading"),
    ]
    export.load()
    assert [value.hour for value in export.values("created_at")] == [9, 9]
    assert export.values("_batch_number") == [1, 2]
    assert len(export.quarantine()) == 1
    assert export.rows("SELECT count(*) FROM raw_files.load_ledger") == [(2,)]
    assert export.load().batches_new == 0


def test_a_batch_that_goes_leaves_nothing_to_tell_what_is_new_by(export: ExportFolder) -> None:
    export.write("leads-1.csv", LEADS)
    export.load()
    run_record.prepare(export.con)
    run_record.take_build_base(export.con, 1)
    export.write("leads-2.csv", LEADS.replace("L2", "L3"))
    export.load()
    assert run_record.take_build_base(export.con, 2) == 1
    export.keys = 'time_zone = "Europe/Amsterdam"\n'
    export.load()
    assert run_record.take_build_base(export.con, 2) is None


def test_rows_of_a_vanished_file_stay_as_they_were_read_and_that_is_said(export: ExportFolder) -> None:
    path = export.write("leads.csv", LEADS)
    export.load()
    path.write_text(LEADS.replace("L2", "L3"), encoding="utf-8")
    export.keys = 'time_zone = "Europe/Amsterdam"\n'
    load = export.load()
    assert export.values("lead_id") == ["L1", "L2", "L1", "L3"]
    assert any(
        "2 rows that were loaded under an earlier mapping or format stay" in text for text in load.findings
    )


def test_a_load_that_dies_in_its_transaction_leaves_nothing(
    export: ExportFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.write("leads.csv", LEADS + "L3,never,R1\n")
    write = Batch.write

    def die(self: Batch, *arguments: object) -> None:
        write(self, *arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "write", die)
    with pytest.raises(KeyboardInterrupt):
        export.load()
    assert export.state("leads") == [[], [], []]
    monkeypatch.undo()
    assert export.load().rows_loaded == 2


def test_a_file_is_refused_alone_and_those_before_it_stay_loaded(export: ExportFolder) -> None:
    export.write("leads-1.csv", LEADS)
    export.write("leads-2.csv", "lead_id,owner_id\nL9,R1\n")
    assert "leads-2.csv" in (sentence := _refused(export))
    assert "lacks the required column 'created_at'" in sentence
    assert export.values("lead_id") == ["L1", "L2"]


def _refused(export: ExportFolder) -> str:
    with pytest.raises(Exception, match="lacks") as caught:
        export.load()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("leads.csv", "leads"),
        ("LEADS.CSV", "leads"),
        ("leads-2026-01.csv.gz", "leads"),
        ("leads_archive.parquet", "leads"),
        ("leads2026.csv", None),
        ("leads.txt", None),
        ("~$leads.csv", None),
        ("opportunities.jsonl", "opportunities"),
        ("opportunity_products.csv", "opportunity_products"),
        ("opportunity_history-1.csv", "opportunity_history"),
        ("opportunities_lost.csv", "opportunities"),
    ],
)
def test_a_file_belongs_to_the_table_it_is_named_after(name: str, table: str | None) -> None:
    assert table_of(name) == table


def test_every_format_gives_the_same_rows(export: ExportFolder) -> None:
    export.write("leads-1.csv", "lead_id,created_at,is_deleted\nL1,2026-03-01T10:00:00Z,true\n")
    export.write(
        "leads-2.csv.gz", gzip.compress(b"lead_id,created_at,is_deleted\nL2,2026-03-01T10:00:00Z,true\n")
    )
    export.write(
        "leads-3.jsonl", '{"lead_id": "L3", "created_at": "2026-03-01T10:00:00Z", "is_deleted": true}\n'
    )
    export.con.execute(
        "COPY (SELECT 'L4' AS lead_id, TIMESTAMP '2026-03-01 10:00:00' AS created_at, true AS is_deleted) TO"
        f" '{export.folder / 'leads-4.parquet'}'"
    )
    load = export.load()
    assert (load.batches_new, load.rows_loaded) == (4, 4)
    assert export.rows(
        "SELECT count(DISTINCT (created_at, created_on, is_deleted)) FROM raw_files.leads"
    ) == [(1,)]
    assert export.values("lead_id") == ["L1", "L2", "L3", "L4"]


@pytest.mark.parametrize("content", ["", "\n \n", "lead_id,created_at\n", "lead_id,created_at"])
def test_an_empty_file_is_fine(export: ExportFolder, content: str) -> None:
    export.write("leads.csv", content)
    load = export.load()
    assert (load.batches_new, load.rows_in, load.findings) == (1, 0, ())
    assert export.load().batches_new == 0


def test_empty_jsonl_and_parquet_files_are_fine(export: ExportFolder) -> None:
    export.write("leads.jsonl", "")
    export.con.execute(
        "COPY (SELECT 'x' AS lead_id, DATE '2026-01-01' AS created_at WHERE false)"
        f" TO '{export.folder / 'leads-2.parquet'}'"
    )
    assert (export.load().batches_new, export.values("lead_id")) == (2, [])


def test_scan_works_read_only_and_before_anything_is_prepared(export: ExportFolder, tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "work.duckdb")).close()
    export.con = duckdb.connect(str(tmp_path / "work.duckdb"), read_only=True)
    export.write("leads.csv", LEADS)
    export.write("leads-copy.csv", LEADS)
    export.write("teams.csv", "team_id\nT1\n")
    assert [(pending.table, pending.what) for pending in export.scan()] == [
        ("teams", "teams.csv"),
        ("leads", "leads-copy.csv"),
    ]


def test_a_folder_that_is_not_there_is_refused(export: ExportFolder) -> None:
    export.folder.rmdir()
    assert "sources.crm.folder" in (sentence := export.refusal())
    assert "is no folder that can be read" in sentence


def test_a_folder_with_neither_leads_nor_opportunities_is_refused_at_first(export: ExportFolder) -> None:
    export.write("teams.csv", "team_id\nT1\n")
    assert "holds neither leads nor opportunities" in export.refusal("teams")
    lead_file = export.write("leads.csv", LEADS)
    export.load()
    lead_file.unlink()
    assert export.load("teams").rows_loaded == 1


def test_a_source_that_adds_to_another_holds_what_a_crm_cannot_tell(export: ExportFolder) -> None:
    export.keys = 'adds_to = "hubspot"\n[sources.hubspot]\nkind = "hubspot"\n'
    assert "holds neither targets nor exchange_rates (such as targets.csv)" in export.refusal("targets")
    export.write("exchange_rates.csv", "currency,valid_from,rate\nUSD,2026-01-01,0.92\n")
    assert export.load("exchange_rates").rows_loaded == 1
    assert export.load("targets").rows_loaded == 0
    export.write("reps.csv", "rep_id\nR1\n")
    sentence = export.refusal("targets")
    assert "a source that adds to hubspot holds targets and exchange_rates only" in sentence
    assert "has reps too" in sentence


def test_a_glob_that_matches_nothing_is_refused_at_first_and_told_later(export: ExportFolder) -> None:
    export.keys = '[sources.crm.tables.leads]\nfiles = "in/*.csv"\n'
    export.write("opportunities.csv", "opportunity_id,created_at,stage\nO1,2026-01-01,new\n")
    assert "sources.crm.tables.leads.files: 'in/*.csv' matches no file" in export.refusal()
    path = export.write("in/a.csv", LEADS)
    assert export.load().rows_loaded == 2
    path.unlink()
    assert "matches no file" in export.load().findings[0]
    assert export.values("lead_id") == ["L1", "L2"]


@pytest.mark.parametrize("glob", ["../*.csv", "/etc/*.csv", "in/../../x.csv"])
def test_a_glob_out_of_the_folder_is_refused(export: ExportFolder, glob: str) -> None:
    export.keys = f'[sources.crm.tables.leads]\nfiles = "{glob}"\n'
    export.write("opportunities.csv", "opportunity_id,created_at,stage\nO1,2026-01-01,new\n")
    assert "leads out of the source's folder" in export.refusal()


def test_a_link_out_of_the_folder_is_refused(export: ExportFolder, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text(LEADS, encoding="utf-8")
    (export.folder / "leads.csv").symlink_to(outside)
    assert "outside the source's folder" in export.refusal()


def test_a_link_within_the_folder_and_a_name_with_glob_characters_are_read(export: ExportFolder) -> None:
    export.write("leads-[1].csv", LEADS)
    export.write("leads-[2]*.jsonl", '{"lead_id": "L3", "created_at": "2026-03-01"}')
    export.con.execute(
        "COPY (SELECT 'L4' AS lead_id, DATE '2026-03-01' AS created_at) TO '/dev/null' (FORMAT parquet)"
    )
    target = export.folder / "x.parquet"
    export.con.execute(f"COPY (SELECT 'L4' AS lead_id, DATE '2026-03-01' AS created_at) TO '{target}'")
    target.rename(export.folder / "leads-[3]?.parquet")
    (export.folder / "leads-link.csv").symlink_to(export.folder / "leads-[1].csv")
    assert export.load().batches_seen == 4
    assert sorted(export.values("lead_id")) == ["L1", "L2", "L3", "L4"]


def test_an_unknown_table_in_the_settings_is_refused(export: ExportFolder) -> None:
    export.write("leads.csv", LEADS)
    export.keys = '[sources.crm.tables.deals]\nfiles = "*.csv"\n'
    assert "the format has no table 'deals'" in export.refusal()


def test_a_file_changed_while_it_is_read_is_not_loaded(
    export: ExportFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export.write("leads.csv", LEADS)
    read = Batch.read

    def append(self: Batch) -> object:
        outcome = read(self)
        with path.open("a", encoding="utf-8") as file:
            file.write("L3,2026-03-03,R1\n")
        return outcome

    monkeypatch.setattr(Batch, "read", append)
    assert "was changed while it was read" in export.refusal()


def test_nothing_is_left_of_the_working_tables(export: ExportFolder) -> None:
    export.write(
        "leads.csv", 'lead_id,created_at,owner_id\nL1,2026-03-01,"a\nb"\nL2,2026-03-01\nL3,never,x\n'
    )
    export.load()
    left = export.rows("SELECT table_name FROM information_schema.tables WHERE table_schema <> 'raw_files'")
    assert left == []
    assert not (export.root / "warehouse" / "incoming").exists()


def test_every_kind_of_source_has_a_module() -> None:
    assert set(KINDS) <= set(SOURCE_KINDS)
    assert KINDS["files"].TABLES is TABLES
