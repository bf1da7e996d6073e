"""What a run shows to others: no connection, no secret, no file that others may change or should not read."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import dagster as dg
import pytest
from small_company import open_warehouse, publish_small, settings_in
from watched import Watch, ended_after, listening

from orchestration.console import keep_traceback
from orchestration.errors import GateError
from orchestration.instance import dagster_home, open_instance
from orchestration.ports import free_port
from orchestration.publish.release import record_failure
from orchestration.resources import user_errors
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.warehouse import NOTHING_FETCHED, Warehouse, writer_lock

SECRETS = {
    "ZEVEN_CRM_PASSWORD": "swordfish-4711-crm",
    "ZEVEN_API_TOKEN": "tok+en/with=signs-4712",
    "AWS_SECRET_ACCESS_KEY": "aws-4713-secret",
}
pytestmark = pytest.mark.xdist_group("surface")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def holding(folder: Path, texts: Iterator[str] | tuple[str, ...]) -> list[str]:
    """Files under the folder in which one of the texts stands, by name or content."""
    wanted = [text.encode() for text in texts]
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(text in path.read_bytes() or text in bytes(path) for text in wanted)
    ]


# --- a whole run, watched


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return Watch(tmp_path_factory.mktemp("watch"))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, watch: Watch) -> Settings:
    """A company made and run by the commands themselves, with no umask and with secrets about."""
    folder = tmp_path_factory.mktemp("company")
    folder.chmod(0o755)
    (folder / "zeven.toml").write_text((PROJECT_ROOT / "zeven.toml").read_text(encoding="utf-8"))
    settings = load_settings(folder / "zeven.toml")
    for arguments in (("demo", "--scale", "0.05", "--until", "2026-03-10"), ("run", "--as-of", "2026-03-10")):
        process = watch.start(
            "-m", "orchestration.cli", "--settings", str(settings.file), *arguments, umask=0, **SECRETS
        )
        output, _ = process.communicate(timeout=400)
        assert process.returncode == 0, output
        (folder / f"output-{arguments[0]}").write_text(output)
    return settings


@pytest.mark.slow
def test_a_run_reaches_for_no_other_machine(company: Settings, watch: Watch) -> None:
    assert company.paths.published.exists()
    assert watch.was_on
    assert watch.attempts == ""


@pytest.mark.slow
def test_a_run_writes_no_secret_anywhere(company: Settings) -> None:
    assert holding(company.file.parent, tuple(SECRETS.values())) == []


@pytest.mark.slow
def test_a_run_without_umask_leaves_nothing_open(company: Settings) -> None:
    """Nobody else enters the warehouse, and nobody changes what is published."""
    assert mode(company.paths.warehouse) == 0o700
    assert mode(company.paths.warehouse / "work.duckdb") == 0o600
    assert mode(company.paths.warehouse / "dagster") == 0o700
    check_published(company.paths.published)


@pytest.mark.slow
def test_the_pages_of_dagster_are_for_this_machine(company: Settings, watch: Watch) -> None:
    port = free_port()
    process = watch.start(
        "-m",
        "orchestration.cli",
        "dev",
        "--settings",
        str(company.file),
        "--port",
        str(port),
        umask=0,
        **SECRETS,
    )
    with ended_after(process):
        assert answers(f"http://127.0.0.1:{port}/server_info", process)
        answers(f"http://127.0.0.1:{port}/", process)
        addresses = listening(process.pid)
    assert addresses == {"0100007F"}
    assert watch.attempts == ""
    assert holding(company.file.parent, tuple(SECRETS.values())) == []


@pytest.mark.slow
def test_the_dashboard_is_for_this_machine(company: Settings, watch: Watch) -> None:
    port = free_port()
    arguments = ("dashboard", "--settings", str(company.file), "--port", str(port))
    process = watch.start("-m", "orchestration.cli", *arguments, **SECRETS)
    with ended_after(process):
        assert answers(f"http://127.0.0.1:{port}/", process)
        addresses = listening(process.pid)
    assert addresses == {"0100007F"}
    assert watch.attempts == ""


def test_the_watch_sees_what_it_is_for(tmp_path: Path) -> None:
    """Otherwise the tests above could not fail."""
    watch = Watch(tmp_path)
    code = (
        "import socket, urllib.request\n"
        "for act in (lambda: socket.create_connection(('192.0.2.1', 80)),"
        " lambda: socket.getaddrinfo('example.org', 80), lambda: urllib.request.urlopen('http://example.org')):\n"
        "    try: act()\n    except OSError: pass\n"
    )
    watch.start("-c", code).communicate(timeout=60)
    assert watch.attempts.count("192.0.2.1") == 1
    assert watch.attempts.count("example.org") == 2


def answers(address: str, process: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=30) as answer:  # noqa: S310 (a loopback address of ours)
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.5)
    return False


def test_duckdb_fetches_nothing_by_itself(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Warehouse(settings).connect() as con:
        for name in NOTHING_FETCHED:
            assert con.execute("SELECT current_setting(?)", [name]).fetchall() == [(False,)]
    profiles = (PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text(encoding="utf-8")
    assert all(f"{name}: false" in profiles for name in NOTHING_FETCHED)


# --- modes


@pytest.fixture(params=[0, 0o077], ids=["umask 000", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def check_published(root: Path) -> None:
    assert mode(root) == 0o755
    assert mode(root / "releases") == 0o755
    assert mode(root / "gateway.duckdb") == 0o444
    [release] = (root / "releases").iterdir()
    assert mode(release) == 0o555
    for path in release.rglob("*"):
        if not path.is_symlink():
            assert mode(path) == (0o555 if path.is_dir() else 0o444), path
    for path in root.rglob("*"):
        if not path.is_symlink():
            assert mode(path) & 0o022 == 0, f"{path} may be changed by others"


def test_a_release_is_for_everybody_to_read(tmp_path: Path, umask: int) -> None:
    settings = settings_in(tmp_path)
    with open_warehouse(settings) as con:
        publish_small(con, settings)
    check_published(settings.paths.published)
    assert os.umask(umask) == umask


def test_a_failure_note_is_for_everybody_to_read(tmp_path: Path, umask: int) -> None:
    settings = settings_in(tmp_path)
    record_failure(settings, run_id="r", error=GateError("Nothing was published."))
    assert mode(settings.paths.published) == 0o755
    assert mode(settings.paths.published / "last_failure.json") == 0o644
    assert os.umask(umask) == umask


def test_the_warehouse_and_the_history_are_for_their_owner(tmp_path: Path, umask: int) -> None:
    settings = load_settings(settings_in(tmp_path).file, environ={})
    settings.paths.warehouse.rmdir()
    with writer_lock(settings, who="the test"), Warehouse(settings).connect():
        assert mode(settings.paths.warehouse) == 0o700
        assert mode(settings.paths.warehouse / "work.duckdb") == 0o600
        assert mode(settings.paths.warehouse / ".writer.lock") == 0o600
    assert mode(dagster_home(settings)) == 0o700
    kept = keep_traceback(RuntimeError("x"), settings.paths.warehouse / "logs")
    assert mode(kept) == 0o600
    assert mode(kept.parent) == 0o700


def test_a_history_elsewhere_is_for_its_owner(
    tmp_path: Path, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "history"))
    assert mode(dagster_home(settings_in(tmp_path))) == 0o700


# --- secrets in what goes wrong


def test_an_error_that_holds_a_secret_is_kept_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the event log, in the failure note, in the kept traceback, and on the terminal."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    secret = " and ".join(SECRETS.values())
    settings = settings_in(tmp_path)

    @dg.op
    def fails() -> None:
        with user_errors():
            try:
                raise ValueError(f"the inner one with {secret}")
            except ValueError as inner:
                raise RuntimeError(f"could not sign in with {secret}") from inner

    @dg.job
    def failing() -> None:
        fails()

    with open_instance(settings) as instance:
        result = failing.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    error = GateError(f"could not sign in with {secret}")
    record_failure(settings, run_id="r", error=error)
    keep_traceback(RuntimeError(secret), settings.paths.warehouse / "logs")

    assert holding(tmp_path, ("could not sign in with ***",)) != []
    assert holding(tmp_path, tuple(SECRETS.values())) == []
    assert [value for value in SECRETS.values() if value in str(error)] == []
    captured = capfd.readouterr()
    assert [value for value in SECRETS.values() if value in captured.out + captured.err] == []


def test_an_unexpected_error_of_a_command_shows_no_secret(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    code = (
        "from orchestration.commands import status; from orchestration import cli\n"
        f"def gather(_): raise RuntimeError('lost: {SECRETS['ZEVEN_CRM_PASSWORD']}')\n"
        "status.gather = gather\n"
        f"cli.cli.main(['--json', '--settings', {str(settings.file)!r}, 'status'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **SECRETS},
    )
    assert done.returncode == 1
    assert "lost: ***" in done.stderr
    assert SECRETS["ZEVEN_CRM_PASSWORD"] not in done.stdout + done.stderr
    # the traceback shows the line of code in which the value stands: there too it is taken out
    assert holding(tmp_path, ("RuntimeError: lost: ***",)) != []
    assert holding(tmp_path, tuple(SECRETS.values())) == []
