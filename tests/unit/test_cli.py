"""The command line: what each command says to a person and to a machine, and every exit code."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from published_company import AS_OF, just_now, publish_release, settings_in

from orchestration import errors
from orchestration.cli import cli
from orchestration.commands import run as run_command
from orchestration.commands import status as status_command
from orchestration.progress import Event, report
from orchestration.publish import catalogue
from orchestration.run import RunResult
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse import COMMAND_LINE, Warehouse, writer_lock

COMMANDS = (
    "run", "demo", "status", "releases", "rollback", "diff", "forget", "doctor", "dev", "dashboard",
)  # fmt: skip


@dataclass
class Zeven:
    """`zeven`, called with the settings of one test."""

    settings: Settings

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--settings", str(self.settings.file)])

    def json(self, *arguments: str) -> dict[str, Any]:
        """The one document on stdout; anything beside it fails here."""
        found = json.loads(self(*arguments, "--json").stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def zeven(tmp_path: Path) -> Zeven:
    return Zeven(settings_in(tmp_path))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let `zeven status` end with an exception."""

    def let_fail(error: BaseException) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(status_command, "gather", fail)

    return let_fail


def flat(text: str) -> str:
    """Text without the columns and line ends that a terminal's width decides."""
    return " ".join(text.split())


# --- what holds for every command -------------------------------------------------------------------------


def test_help_lists_commands_and_exit_codes() -> None:
    shown = CliRunner().invoke(cli, ["--help"])
    assert shown.exit_code == 0
    assert set(cli.commands) == set(COMMANDS)
    for command in COMMANDS:
        assert f"\n  {command} " in shown.stdout
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert f"\n    {code:<5}" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_settings_and_json(command: str) -> None:
    shown = CliRunner().invoke(cli, [command, "--help"]).stdout
    assert "--settings FILE" in shown
    assert "--json" in shown


def test_options_stand_before_the_command_or_after_it(zeven: Zeven) -> None:
    before = CliRunner().invoke(cli, ["--json", "--settings", str(zeven.settings.file), "releases"])
    after = CliRunner().invoke(cli, ["releases", "--settings", str(zeven.settings.file), "--json"])
    assert before.exit_code == after.exit_code == 0
    assert json.loads(before.stdout) == json.loads(after.stdout)


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).stdout.startswith("zeven 0.")


def test_no_command_shows_the_help_and_fails() -> None:
    called = CliRunner().invoke(cli, [])
    assert called.exit_code == 2
    assert "Commands:" in called.stderr
    assert "error: no command is given" in called.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nope"], "No such command 'nope'"),
        (["run", "--fast"], "No such option '--fast'"),
        (["demo", "--scale", "big"], "'big' is not a valid float"),
        (["dev", "--port", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_call_is_exit_code_2(arguments: list[str], reason: str) -> None:
    called = CliRunner().invoke(cli, arguments)
    assert called.exit_code == 2
    assert reason in called.stderr
    assert called.stdout == ""


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (errors.ZevenError("Broken."), 1, "zeven"),
        (errors.SettingsError("Broken."), 2, "settings"),
        (errors.SourceError("Broken."), 3, "source"),
        (errors.GateError("Broken."), 4, "gate"),
        (errors.BusyError("Broken."), 5, "busy"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(
    zeven: Zeven, failing: Callable[[BaseException], None], error: Exception, code: int, kind: str
) -> None:
    failing(error)
    called = zeven("status")
    assert (called.exit_code, called.stdout, called.stderr) == (code, "", "error: Broken.\n")
    as_json = zeven("status", "--json")
    assert as_json.exit_code == code
    assert json.loads(as_json.stdout) == {"error": {"kind": kind, "message": "Broken.", "exit_code": code}}


def test_what_nobody_expected_is_one_sentence_and_a_file(
    zeven: Zeven, failing: Callable[[BaseException], None]
) -> None:
    failing(RuntimeError("boom\nand more"))
    called = zeven("status")
    assert called.exit_code == 1
    assert "Traceback" not in called.stderr
    assert called.stderr.startswith("error: an unexpected RuntimeError: boom. The details are in ")
    (log,) = (zeven.settings.paths.warehouse / "logs").iterdir()
    assert str(log) in called.stderr.replace("\n", "")
    assert "and more" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert zeven.settings.paths.warehouse.stat().st_mode & 0o777 == 0o700


def test_the_unexpected_is_kept_elsewhere_where_the_warehouse_cannot_be_written(
    zeven: Zeven, failing: Callable[[BaseException], None]
) -> None:
    zeven.settings.paths.warehouse.write_text("a file in the way")
    failing(RuntimeError("boom"))
    called = zeven("status")
    assert called.exit_code == 1
    log = Path(called.stderr.partition("The details are in ")[2].partition(";")[0])
    assert "boom" in log.read_text()
    log.unlink()


class DagsterExecutionInterruptedError(BaseException):
    """As Dagster names what it makes of Ctrl-C; not an Exception there either."""


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), click.exceptions.Abort(), DagsterExecutionInterruptedError()]
)
def test_an_interruption_is_a_sentence_too(
    zeven: Zeven, failing: Callable[[BaseException], None], error: BaseException
) -> None:
    failing(error)
    called = zeven("status")
    assert called.exit_code == 130
    assert called.stderr.lstrip().startswith("error: interrupted. Readers keep the last whole release")


def test_settings_that_are_not_there() -> None:
    called = CliRunner().invoke(cli, ["status", "--settings", "/nowhere/zeven.toml", "--json"])
    assert called.exit_code == 2
    assert "no such settings file" in json.loads(called.stdout)["error"]["message"]


def test_a_reader_of_a_pipe_may_leave_early(tmp_path: Path) -> None:
    settings_in(tmp_path)
    command = f"'{sys.executable}' -m orchestration.cli doctor --settings zeven.toml | head -c 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S602 (a pipe is the point)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_what_is_quick_imports_nothing_heavy(tmp_path: Path) -> None:
    settings_in(tmp_path)
    program = (
        "import sys\n"
        "from orchestration.cli import cli\n"
        "for arguments in (['--help'], ['status'], ['releases']):\n"
        "    try: cli.main(arguments)\n"
        "    except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'dagster', 'dagster_dbt', 'dbt', 'pandera', 'polars', 'ibis'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_json_is_alone_on_stdout_whatever_a_library_prints(tmp_path: Path) -> None:
    """Down to the file descriptor, which child processes write to."""
    settings_in(tmp_path)
    program = (
        "import os, sys\n"
        "import orchestration.run\n"
        "from orchestration.errors import GateError\n"
        "def run_pipeline(*_, **__):\n"
        "    print('chatter'); os.write(1, b'noise'); os.system('echo child')\n"
        "    raise GateError('No.')\n"
        "orchestration.run.run_pipeline = run_pipeline\n"
        "from orchestration.cli import cli\n"
        "cli.main(['run', '--json'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["kind"] == "gate"
    for word in ("chatter", "noise", "child", "error: No."):
        assert word in done.stderr


# --- run --------------------------------------------------------------------------------------------------


@dataclass
class Pipeline:
    """Stands in for the real one: publishes a scorecard and remembers how it was called."""

    settings: Settings
    nothing_new: bool = False
    warnings: int = 0
    called_with: dict[str, Any] | None = None

    def __call__(self, settings: Settings, **arguments: Any) -> RunResult:
        self.called_with = arguments
        report(Event("ingest", "demo.leads", "done", rows=12, seconds=0.25))
        release = publish_release(settings, made=just_now(), warnings=self.warnings)
        return RunResult("run-1", AS_OF, release, self.nothing_new, (), release.warnings, 12.34)


@pytest.fixture
def pipeline(zeven: Zeven, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    stand_in = Pipeline(zeven.settings)
    monkeypatch.setattr("orchestration.run.run_pipeline", stand_in)
    return stand_in


def test_run_shows_the_numbers_and_where_to_look(zeven: Zeven, pipeline: Pipeline) -> None:
    called = zeven("run")
    assert called.exit_code == 0
    assert pipeline.called_with == {
        "as_of": None,
        "force": False,
        "wait_seconds": None,
        "accept": None,
        "full_refresh": False,
    }
    text = flat(called.stdout)
    assert "is published" in text
    assert "as of 2026-04-15 23:59:59 (Europe/Amsterdam)" in text, "the end of a day is still that day"
    assert "Mar 2026 target month before change Apr 2026 so far" in text
    assert "Number of leads 1,204 1,300 -7 % bad 611" in text
    assert "Lead response time 2 h 05 min 59 min too early good –" in text
    assert "Share of customers – 8.7 % 31.4 %" in text, "the name that the catalog of the release gives"
    assert "Closed sales € 123,457 € 150,000 € 100,000 +23 % watch –" in text
    assert "make dev" in text
    assert str(zeven.settings.paths.published / "gateway.duckdb") in text
    assert "reading demo.leads 12 rows 0.2 s" in flat(called.stderr), "progress goes to stderr"
    assert "reading" not in called.stdout


def test_run_passes_its_options_on(zeven: Zeven, pipeline: Pipeline) -> None:
    options = ("--as-of", "2026-04-15", "--force", "--full-refresh", "--no-wait")
    options += ("--accept", "  the old  team left ")
    assert zeven("run", *options).exit_code == 0
    assert pipeline.called_with == {
        "as_of": "2026-04-15",
        "force": True,
        "wait_seconds": 0,
        "accept": "the old team left",
        "full_refresh": True,
    }


@pytest.mark.parametrize(("reason", "told"), [(" ", "is empty"), ("x" * 501, "has 501 characters")])
def test_run_refuses_a_reason_that_is_none_before_it_starts(
    zeven: Zeven, pipeline: Pipeline, reason: str, told: str
) -> None:
    called = zeven("run", "--accept", reason)
    assert called.exit_code == 2
    assert called.stderr.startswith(f"error: --accept: the reason {told}; say in a sentence")
    assert pipeline.called_with is None


def test_run_says_when_nothing_is_new(zeven: Zeven, pipeline: Pipeline) -> None:
    pipeline.nothing_new = True
    called = zeven("run")
    assert called.stdout.startswith("Nothing new since release ")
    assert "is published" not in called.stdout


def test_run_shows_some_warnings_and_counts_the_rest(zeven: Zeven, pipeline: Pipeline) -> None:
    pipeline.warnings = 8
    text = zeven("run").stdout
    assert [f"Finding {number}." in text for number in range(8)] == [True] * 5 + [False] * 3
    assert "and 3 more" in text
    assert "The keys of the rows" not in text
    assert len(zeven.json("run")["warnings"]) == 8


def test_run_shows_first_what_checks_and_the_last_release_speak_against(
    zeven: Zeven, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.warnings = 8

    def with_more(settings: Settings, **arguments: Any) -> RunResult:
        more = (
            {"kind": "contract", "message": "A rule fails.", "rejects": "rejects/run-1.csv"},
            {"kind": "sanity", "message": "Sales jumped."},
        )
        result = pipeline(settings, **arguments)
        return dataclasses.replace(result, warnings=(*result.warnings, *more))

    monkeypatch.setattr("orchestration.run.run_pipeline", with_more)
    file = zeven.settings.paths.published / "rejects" / "run-1.csv"
    assert str(file) not in zeven("run").stdout, "it is no longer kept"
    file.parent.mkdir()
    file.touch()
    lines = [line.strip() for line in zeven("run").stdout.splitlines()]
    first = lines.index("Worth knowing:") + 1
    assert lines[first : first + 3] == ["A rule fails.", "Sales jumped.", "Finding 0."]
    assert f"The keys of the rows that failed a check: {file}" in lines
    assert zeven.json("run")["rejects"] == str(file)


def test_run_for_a_machine(zeven: Zeven, pipeline: Pipeline) -> None:
    told = zeven.json("run")
    assert told["run_id"] == "run-1"
    assert told["nothing_new"] is False
    assert told["seconds"] == 12.3
    assert told["release"]["as_of"] == "2026-04-15T21:59:59+00:00"
    assert told["release"]["is_current"] is True
    assert told["numbers"]["complete_month"] == "2026-03-01"
    leads = told["numbers"]["rows"][0]
    assert (leads["kpi"], leads["complete_value"], leads["running_value"]) == ("number_of_leads", 1204, 611)
    conversion = next(row for row in told["numbers"]["rows"] if row["kpi"] == "conversion_ratio")
    assert conversion["complete_value"] is None


def test_run_refuses_an_unreadable_as_of_before_it_starts(zeven: Zeven, pipeline: Pipeline) -> None:
    called = zeven("run", "--as-of", "yesterday")
    assert called.exit_code == 2
    assert called.stderr.startswith("error: as_of: 'yesterday' is neither 'now', a date such as")
    assert pipeline.called_with is None


def test_a_refused_run_has_its_code(zeven: Zeven, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise errors.GateError("kpi_closed_sales.win_ratio: rule 'maximum 1' fails in 3 of 5,120 rows.")

    monkeypatch.setattr("orchestration.run.run_pipeline", refuse)
    called = zeven("run")
    assert called.exit_code == 4
    assert (
        flat(called.stderr) == "error: kpi_closed_sales.win_ratio: rule 'maximum 1' fails in 3 of 5,120 rows."
    )


def test_a_release_without_a_scorecard_is_no_failure(
    zeven: Zeven, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_command, "_numbers", lambda *_: None)
    assert zeven("run").exit_code == 0
    assert zeven.json("run")["numbers"] is None


# --- status, releases, rollback ---------------------------------------------------------------------------


def test_status_before_anything(zeven: Zeven) -> None:
    text = flat(zeven("status").stdout)
    assert "release none yet; `zeven run` makes the first" in text
    assert "pending 1 new file (demo.leads 1)" in text
    assert "at work nobody" in text
    told = zeven.json("status")
    assert told["release"] is None
    assert told["pending"] == {"files": 1, "tables": {"demo.leads": 1}, "unknown": None}
    assert not zeven.settings.paths.warehouse.exists(), "looking makes nothing"


def test_status_of_a_release(zeven: Zeven) -> None:
    release = publish_release(zeven.settings, made=just_now(), warnings=2)
    text = flat(zeven("status").stdout)
    assert f"release {release.release_id}" in text
    assert "age 0.0 hours, fresh" in text
    assert "warnings 2" in text
    assert zeven.json("status")["release"]["rows"] == sum(release.tables.values())


def test_status_of_a_stale_release(zeven: Zeven) -> None:
    publish_release(zeven.settings, made=just_now(minutes_ago=27 * 60))
    assert "age 27.0 hours, STALE, older than 26 hours" in flat(zeven("status").stdout)
    assert zeven.json("status")["release"]["is_stale"] is True


def test_status_tells_why_the_newest_run_published_nothing(zeven: Zeven) -> None:
    publish_release(zeven.settings, made=just_now())
    note: dict[str, Any] = {"when": "2026-04-01T05:00:00Z", "run_id": "run-2", "message": "A rule fails."}
    (zeven.settings.paths.published / "last_failure.json").write_text(json.dumps(note))
    text = flat(zeven("status").stdout)
    assert "refused the newest run at 2026-04-01 07:00:00 published nothing: A rule fails." in text
    assert "rejects" not in text, "a note of an older version does not know of them"
    note["rejects"] = "rejects/run-2.csv"
    (zeven.settings.paths.published / "last_failure.json").write_text(json.dumps(note))
    file = zeven.settings.paths.published / "rejects" / "run-2.csv"
    text = "".join(zeven("status").stdout.split())
    assert f"rejects{file}(thekeysofthefailingrows)" in text
    assert zeven.json("status")["last_failure"]["rejects"] == str(file)
    assert zeven.json("status")["last_failure"]["message"] == "A rule fails."


def test_status_while_a_run_is_at_work(zeven: Zeven) -> None:
    with writer_lock(zeven.settings, who=COMMAND_LINE, run_id="0123456789"):
        text = flat(zeven("status").stdout)
        told = zeven.json("status")
    assert "at work run 01234567, started by the command line (process" in text
    assert told["writer"]["run_id"] == "0123456789"


def test_status_while_the_warehouse_is_open_elsewhere(zeven: Zeven) -> None:
    with Warehouse(zeven.settings).connect():
        pass
    file = Warehouse(zeven.settings).file
    opening = f"con = duckdb.connect({str(file)!r}); print('open', flush=True)"
    program = f"import duckdb, sys; {opening}; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        told = zeven.json("status")
        other.kill()
    assert told["pending"] == {"files": None, "tables": {}, "unknown": "a run is at work"}


def test_status_of_a_source_that_is_wrong(zeven: Zeven) -> None:
    (zeven.settings.sources["demo"].folder / "leads.csv").unlink()
    zeven.settings.sources["demo"].folder.rmdir()
    called = zeven("status")
    assert called.exit_code == 0, "the rest is worth knowing"
    assert "pending not known: sources.demo.folder" in flat(called.stdout)


def test_releases(zeven: Zeven) -> None:
    assert zeven("releases").stdout == "No release yet; `zeven run` makes the first.\n"
    older = publish_release(zeven.settings, made=just_now(minutes_ago=5))
    newer = publish_release(zeven.settings, made=just_now())
    lines = zeven("releases").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [newer.release_id, older.release_id]
    assert "serves" in lines[1]
    assert "serves" not in lines[2]
    assert [release["is_current"] for release in zeven.json("releases")["releases"]] == [True, False]


def test_rollback_to_the_one_before_and_to_a_named_one(zeven: Zeven) -> None:
    older = publish_release(zeven.settings, made=just_now(minutes_ago=5))
    newer = publish_release(zeven.settings, made=just_now())
    back = zeven("rollback")
    assert back.exit_code == 0
    assert flat(back.stdout).startswith(
        f"Release {older.release_id} serves again, instead of {newer.release_id}."
    )
    again = zeven.json("rollback", newer.release_id)
    assert (again["before"], again["release"]["release_id"]) == (older.release_id, newer.release_id)
    serving = catalogue.current(zeven.settings)
    assert serving is not None
    assert serving.release_id == newer.release_id
    assert "serves already" in zeven("rollback", newer.release_id).stdout


def test_rollback_to_what_is_not_there(zeven: Zeven) -> None:
    publish_release(zeven.settings, made=just_now())
    called = zeven("rollback", "20200101T000000Z-abcdef")
    assert called.exit_code == 2
    assert "There is no release '20200101T000000Z-abcdef'" in called.stderr


# --- demo, dev --------------------------------------------------------------------------------------------


def test_demo_makes_a_company_once(tmp_path: Path, zeven: Zeven) -> None:
    folder = tmp_path / "company"
    options = ("--folder", str(folder), "--scale", "0.02", "--until", "2026-03-31")
    made = zeven.json("demo", *options)
    assert made["made"] is True
    assert made["rows"]["leads"] > 0
    assert len(list(folder.glob("*.csv"))) == 11
    before = (folder / "leads.csv").stat().st_mtime_ns
    again = zeven.json("demo", "--folder", str(folder))
    assert again["made"] is False, "without options, the company that is there stays"
    assert (again["scale"], again["until"], again["seed"]) == (0.02, "2026-03-31", 7)
    assert (folder / "leads.csv").stat().st_mtime_ns == before
    other = zeven("demo", "--folder", str(folder), "--seed", "8")
    assert "is made" in other.stdout
    assert "(seed 8, scale 0.02, until 2026-03-31)" in flat(other.stdout)


def test_demo_never_overwrites_somebodys_export(zeven: Zeven) -> None:
    called = zeven("demo", "--scale", "0.02", "--until", "2026-03-31")
    assert called.exit_code == 3
    assert "the demo company did not write" in flat(called.stderr)
    assert (zeven.settings.sources["demo"].folder / "leads.csv").read_text() == "lead_id,created_at\n"


def test_demo_without_a_source_for_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.file.write_text(settings.file.read_text().replace("sources.demo", "sources.crm"))
    called = Zeven(settings)("demo")
    assert called.exit_code == 0
    assert "has no source named 'demo'" in flat(called.stdout)
    assert len(list((tmp_path / "in").iterdir())) == 1


def test_dev_refuses_a_taken_port(zeven: Zeven) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        called = zeven("dev", "--port", str(port))
    assert called.exit_code == 2
    assert f"Port {port} is taken on 127.0.0.1" in flat(called.stderr)


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What `zeven dev` becomes: program, arguments, environment, and what a SIGINT does to it."""
    found: list[Any] = []
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(
        "os.execve", lambda *arguments: found.extend([*arguments, signal.getsignal(signal.SIGINT)])
    )
    monkeypatch.setattr("orchestration.transform.manifest.parsed_project", lambda _: None)
    monkeypatch.setattr(
        "orchestration.instance.dagster_home", lambda settings: settings.paths.warehouse / "home"
    )
    monkeypatch.chdir(PROJECT_ROOT)
    yield found
    signal.signal(signal.SIGINT, before)


def test_dev_becomes_dagster_for_these_settings(zeven: Zeven, became: list[Any]) -> None:
    assert zeven("dev", "--port", "3987").exit_code == 0
    program, arguments, environment, _ = became
    assert program == Path(sys.executable).with_name("dagster")
    assert arguments[1:] == ["dev", "--host", "127.0.0.1", "--port", "3987", "--workspace", "workspace.yaml"]
    assert environment["ZEVEN_SETTINGS"] == str(zeven.settings.file)
    assert environment["DAGSTER_HOME"] == str(zeven.settings.paths.warehouse / "home")


def test_dev_can_be_stopped_where_a_script_has_started_it_in_the_background(
    zeven: Zeven, became: list[Any]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell without job control does it
    assert zeven("dev", "--port", "3987").exit_code == 0
    assert became[-1] is signal.SIG_DFL
