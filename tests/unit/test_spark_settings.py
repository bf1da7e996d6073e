"""What a company that names Spark is told before anything is asked of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from published_company import settings_in

from orchestration.commands.doctor import examine
from orchestration.errors import SettingsError, ZevenError
from orchestration.ports import free_port
from orchestration.settings import Settings, load_settings
from orchestration.spark import connection
from orchestration.spark.connection import PASSWORD_VARIABLE, connect, environment, without_codes
from orchestration.spark.folders import landed_folder, remove_files, tables_folder
from orchestration.transform.manifest import parsed_project

needs_driver = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("pyhive", "thrift"))), reason="pip install 'zeven[spark]'"
)


def on_spark(folder: Path, spark: str = "") -> Settings:
    file = settings_in(folder).file
    file.write_text(f'target = "spark"\n{file.read_text()}[spark]\n{spark}\n', encoding="utf-8")
    return load_settings(file, environ={})


def test_a_folder_that_spark_reads_as_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"spark\.folder: as a pattern, Spark reads \*"):
        on_spark(tmp_path, 'folder = "shared*"')


def test_what_is_not_installed_is_told_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = on_spark(tmp_path)
    monkeypatch.setattr(connection, "_MODULES", ("pyhive_of_nobody",))
    for asked in (lambda: parsed_project(settings), lambda: connect(settings).__enter__()):
        with pytest.raises(SettingsError, match=r"no module pyhive_of_nobody\); install Zeven"):
            asked()


@needs_driver
def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    settings = on_spark(tmp_path, f"port = {free_port()}")
    with pytest.raises(ZevenError, match=r"no Thrift server answers at 127\.0\.0\.1:\d+ as user zeven"):
        connect(settings).__enter__()
    [finding] = [one for one in examine(lambda: settings) if one.subject == "Spark"]
    assert finding.verdict == "wrong"


@needs_driver
def test_a_password_comes_from_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    settings = on_spark(tmp_path, 'auth = "ldap"')
    with pytest.raises(SettingsError, match=rf"set {PASSWORD_VARIABLE}\."):
        connect(settings).__enter__()


def test_dbt_is_told_the_same_address(tmp_path: Path) -> None:
    settings = on_spark(tmp_path, 'host = "spark.example"\nport = 10011\nuser = "sales"\nauth = "nosasl"')
    assert environment(settings) == {
        "ZEVEN_SPARK_HOST": "spark.example",
        "ZEVEN_SPARK_PORT": "10011",
        "ZEVEN_SPARK_USER": "sales",
        "ZEVEN_SPARK_AUTH": "NOSASL",
        "ZEVEN_SPARK_FOLDER": str(tmp_path / "spark" / "tables"),
    }


def test_an_error_is_told_without_codes() -> None:
    said = (
        "Error running query: [UNRESOLVED_COLUMN] org.apache.spark.sql.AnalysisException: "
        "[UNRESOLVED_COLUMN] A column `x` cannot be resolved. SQLSTATE: 42703; line 1 pos 7"
    )
    assert without_codes(said) == "A column `x` cannot be resolved."


def test_the_shared_folder_is_emptied_whole(tmp_path: Path) -> None:
    settings = on_spark(tmp_path)
    for folder in (landed_folder(settings), tables_folder(settings)):
        (folder / "raw_files" / "leads").mkdir(parents=True)
        (folder / "raw_files" / "leads" / "a.parquet").touch()
    remove_files(settings)
    assert list(settings.spark.folder.iterdir()) == []
    remove_files(settings)
