"""`zeven doctor`: each thing that can be wrong is found, named, and comes with what to do."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from published_company import just_now, publish_release, settings_in

from orchestration.cli import cli
from orchestration.commands import doctor
from orchestration.commands.doctor import Finding, examine, locked_versions, payload
from orchestration.errors import SettingsError
from orchestration.publish.store import CANDIDATE_PREFIX, Store
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import COMMAND_LINE, Warehouse, writer_lock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def look(settings: Settings, subject: str) -> Finding:
    """The one finding about a subject."""
    found = [finding for finding in examine(lambda: settings) if finding.subject == subject]
    assert len(found) == 1, found
    return found[0]


def test_nothing_is_wrong_with_a_new_company(settings: Settings) -> None:
    findings = examine(lambda: settings)
    assert [finding for finding in findings if finding.verdict == "wrong"] == []
    assert not settings.paths.warehouse.exists(), "looking makes nothing"
    assert not settings.paths.published.exists()
    assert look(settings, "release").advice == "Run: zeven run."


def test_the_command_says_all_and_fails_where_something_is_wrong(settings: Settings) -> None:
    arguments = ["doctor", "--settings", str(settings.file)]
    well = CliRunner().invoke(cli, arguments)
    assert well.exit_code == 0
    assert "Nothing is wrong." in well.stdout
    shutil.rmtree(settings.sources["demo"].folder)
    ill = CliRunner().invoke(cli, arguments)
    assert ill.exit_code == 1
    assert "1 wrong: see above." in ill.stdout
    as_json = CliRunner().invoke(cli, [*arguments, "--json"])
    assert as_json.exit_code == 1
    told = json.loads(as_json.stdout)
    assert told["wrong"] == 1
    (wrong,) = [finding for finding in told["findings"] if finding["verdict"] == "wrong"]
    assert wrong["subject"] == "source demo"
    assert str(settings.sources["demo"].folder) in wrong["message"]


def test_settings_that_cannot_be_read_end_the_rest_but_not_the_look() -> None:
    def refuse() -> Settings:
        raise SettingsError("zeven.toml:3: wrong.")

    findings = examine(refuse)
    assert [finding.subject for finding in findings] == ["Python", "packages", "settings"]
    assert findings[-1].verdict == "wrong"
    assert findings[-1].message == "zeven.toml:3: wrong."


def test_a_look_that_breaks_down_is_a_finding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_: Settings) -> list[Finding]:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "writer", break_down)
    found = look(settings, "writer")
    assert (found.verdict, found.advice) == ("wrong", "Please report it.")
    assert "RuntimeError: boom" in found.message
    assert look(settings, "disk"), "the others go on"


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 1), "wrong"), ((3, 13, 0), "ok"), ((3, 14, 0), "wrong")]
)
def test_python(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], verdict: str) -> None:
    info = namedtuple("info", "major minor micro")
    monkeypatch.setattr(sys, "version_info", info(*version))
    (found,) = doctor.python()
    assert found.verdict == verdict


def test_lock_lines_of_other_machines_do_not_count() -> None:
    text = (
        "# comment\n"
        "click==8.1.0 \\\n    --hash=sha256:00\n    # via dagster==1\n"
        "pywin32==311 ; sys_platform == 'no such system' \\\n    --hash=sha256:00\n"
        "ruamel.yaml==0.18 ; python_full_version >= '3.0' \\\n"
        "pandera[polars]==0.35 \\\n"
        "plain==1"
    )
    assert list(locked_versions(text)) == [
        ("click", "8.1.0"),
        ("ruamel.yaml", "0.18"),
        ("pandera", "0.35"),
        ("plain", "1"),
    ]


def test_packages_of_other_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("click==0.0.1 \\\n    --hash=x\nno-such-package==1 \\\n")
    monkeypatch.setattr(doctor, "LOCK_FILE", lock)
    (found,) = doctor.packages()
    assert found.verdict == "wrong"
    assert "instead of 0.0.1" in found.message
    assert "no-such-package none instead of 1" in found.message
    assert found.advice == "Run: make setup."
    lock.unlink()
    (without,) = doctor.packages()
    assert without.verdict == "warning"


def test_a_warehouse_that_others_may_enter(settings: Settings) -> None:
    settings.paths.warehouse.mkdir(mode=0o755)
    settings.paths.warehouse.chmod(0o755)
    found = look(settings, "paths.warehouse")
    assert (found.verdict, found.advice) == ("warning", f"Run: chmod 700 '{settings.paths.warehouse}'.")
    settings.paths.warehouse.chmod(0o700)
    assert look(settings, "paths.warehouse").verdict == "ok"


def test_a_file_in_the_way_of_a_folder(settings: Settings) -> None:
    settings.paths.published.write_text("")
    (found, *_) = [finding for finding in examine(lambda: settings) if finding.subject == "paths.published"]
    assert found.verdict == "wrong"
    assert "is a file" in found.message


def test_a_folder_that_may_not_be_written(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def access(_: object, wanted: int) -> bool:
        return not wanted & os.W_OK

    monkeypatch.setattr(os, "access", access)
    found = look(settings, "paths.published")
    assert (found.verdict, found.message) == ("wrong", f"{settings.file.parent} may not be written.")


@pytest.mark.parametrize(("free", "verdict"), [(50 << 20, "wrong"), (500 << 20, "warning"), (5 << 30, "ok")])
def test_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free))
    assert look(settings, "disk").verdict == verdict


def test_sources_and_what_waits(settings: Settings) -> None:
    assert look(settings, "source demo").message == "files per table: leads 1"
    assert look(settings, "pending files").message == "1"


def test_a_folder_with_nothing_to_begin_with(settings: Settings) -> None:
    folder = settings.sources["demo"].folder
    (folder / "leads.csv").rename(folder / "teams.csv")
    found = look(settings, "source demo")
    assert found.verdict == "wrong"
    assert "has a file of neither leads nor opportunities" in found.message


def test_a_mapping_that_matches_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    text = settings.file.read_text() + '[sources.demo.tables.teams]\nfiles = "offices*.csv"\n'
    settings.file.write_text(text)
    found = look(load_settings(settings.file), "source demo")
    assert found.verdict == "wrong"
    assert found.message.startswith("No file matches the mapping of teams")
    assert found.advice == "Correct sources.demo.tables.teams.files."


def test_a_file_that_may_not_be_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).suffix != ".csv")
    found = look(settings, "source demo")
    assert found.verdict == "wrong"
    assert found.message.endswith("leads.csv may not be read.")


def test_who_writes(settings: Settings) -> None:
    assert look(settings, "writer").message == "nobody is at work"
    with writer_lock(settings, who=COMMAND_LINE, run_id="0123456789"):
        assert "run 01234567, started by the command line" in look(settings, "writer").message


def test_the_working_database(settings: Settings) -> None:
    with Warehouse(settings).connect() as con:
        con.execute("create table one (n int); create table two (n int)")
    found = look(settings, "warehouse")
    assert found.verdict == "ok"
    assert found.message.startswith("2 tables, ")


def test_a_damaged_working_database(settings: Settings) -> None:
    with Warehouse(settings).connect() as con:
        con.execute("create table one as select range as n from range(100000)")
    with Warehouse(settings).file.open("r+b") as file:
        file.write(b"\0" * 4096 * 3)
    found = look(settings, "warehouse")
    assert found.verdict == "wrong"
    assert "Move it away" in found.message


def test_a_working_database_that_others_may_read(settings: Settings) -> None:
    with Warehouse(settings).connect():
        pass
    Warehouse(settings).file.chmod(0o644)
    verdicts = {
        finding.verdict: finding.advice
        for finding in examine(lambda: settings)
        if finding.subject == "warehouse"
    }
    assert verdicts == {"warning": f"Run: chmod 600 '{Warehouse(settings).file}'.", "ok": ""}


def test_a_release_that_serves(settings: Settings) -> None:
    publish_release(settings, made=just_now())
    assert look(settings, "release").verdict == "ok"


def test_a_stale_release(settings: Settings) -> None:
    publish_release(settings, made=just_now(minutes_ago=60 * 30))
    found = look(settings, "release")
    assert found.verdict == "warning"
    assert "30 hours old, more than release.max_age_hours allows" in found.message


def spoil(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b"!")


def lose(file: Path) -> None:
    file.parent.chmod(0o755)
    file.unlink()


@pytest.mark.parametrize("name", ["zeven.duckdb", "parquet/kpi_scorecard.parquet"])
@pytest.mark.parametrize("damage", [spoil, lose])
def test_a_damaged_release(settings: Settings, name: str, damage: Callable[[Path], None]) -> None:
    release = publish_release(settings, made=just_now())
    damage(release.folder / name)
    found = look(settings, "release")
    assert found.verdict == "wrong"
    assert name in found.message
    assert found.advice == "Run: zeven rollback, then zeven run --force."


def test_a_damaged_old_release_is_only_a_warning(settings: Settings) -> None:
    older = publish_release(settings, made=just_now(minutes_ago=5))
    publish_release(settings, made=just_now())
    spoil(older.database)
    assert look(settings, "release").verdict == "ok"
    assert look(settings, "old release").verdict == "warning"


def test_a_manifest_that_is_gone(settings: Settings) -> None:
    release = publish_release(settings, made=just_now())
    lose(release.folder / "manifest.json")
    found = [finding for finding in examine(lambda: settings) if finding.verdict == "wrong"]
    assert len(found) == 1
    assert "manifest.json" in found[0].message


def test_what_a_killed_run_left(settings: Settings) -> None:
    publish_release(settings, made=just_now())
    (Store.of(settings).root / f"{CANDIDATE_PREFIX}1").mkdir()
    assert look(settings, "left over").advice == "The next run clears it away."
    with writer_lock(settings, who=COMMAND_LINE):
        subjects = {finding.subject for finding in examine(lambda: settings)}
    assert "left over" not in subjects, "it may be that of the run at work"


def test_a_run_that_published_nothing(settings: Settings) -> None:
    publish_release(settings, made=just_now())
    note = {"when": "2026-04-01T05:00:00Z", "run_id": "run-2", "message": "A rule fails.", "verdicts": []}
    Store.of(settings).last_failure.write_text(json.dumps(note))
    found = look(settings, "newest run")
    assert (found.verdict, found.message) == ("warning", "The newest run published nothing: A rule fails.")


def test_the_count_is_of_what_is_wrong() -> None:
    findings = [Finding("a", "ok", ""), Finding("b", "warning", ""), Finding("c", "wrong", "", "Mend it.")]
    assert payload(findings)["wrong"] == 1
