"""A small Spark of one's own on this machine, for trying `target = "spark"` and for the tests.

Belongs here: starting and stopping a standalone cluster (a master, workers) with a Thrift server that dbt
speaks to, or the Thrift server alone. Does not belong here: what is asked of it, or the Spark of a company,
which its own people run.

It listens on the loopback address alone. Without a password it is for a machine whose users trust each other.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from orchestration.errors import SettingsError, ZevenError
from orchestration.ports import HOST, free_port, is_free
from orchestration.processes import group_is_alive, is_alive, listening, name_of

PORT = 10000
"""Where Thrift servers are looked for, unless one says otherwise."""
_STATE = "cluster.json"
_START_SECONDS = 600.0
"""Long, for a machine that is busy with other things; one that has ended is not waited for."""
_STOP_SECONDS = 20.0
_SMALL = "256m"
"""What suffices those who only keep account of others."""
_THRIFT_SERVER = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"


@dataclass
class Cluster:
    """A running cluster: where it listens, and its processes by the names that `processes` gives."""

    folder: Path
    port: int
    host: str = HOST
    processes: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        state = asdict(self) | {"folder": str(self.folder)}
        (self.folder / _STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def of(cls, folder: Path) -> Cluster | None:
        """The cluster that was started in this folder, if it has not been stopped."""
        try:
            state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(**state | {"folder": folder})


def why_not() -> str | None:
    """Why no Spark can be started on this machine; None where it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: pip install 'zeven[spark]'"
    if _java() is None:
        return "no Java is on the PATH or in JAVA_HOME: install openjdk-17-jre-headless, or a newer one"
    return None


def start(folder: Path, *, workers: int = 2, port: int = 0, memory: str = "1g", cores: int = 1) -> Cluster:
    """Start what is wanted in this folder, and wait until the Thrift server answers.

    `workers`, each with `memory` and `cores`, beside a master; with 0 the Thrift server does the work itself,
    with `cores` threads, and forgets its tables when it ends: that is faster for little data. `port` 0 takes
    a free one.
    """
    if reason := why_not():
        raise SettingsError(f"No Spark can be started: {reason}.")
    folder = folder.resolve()
    if (there := Cluster.of(folder)) and any(map(group_is_alive, there.processes.values())):
        raise SettingsError(f"{folder}: a Spark is running in this folder; stop it first.")
    if port and not is_free(port):
        raise SettingsError(
            f"No Spark can be started on port {port} of {HOST}: something listens there already. Name "
            "another port, or stop what listens."
        )
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, port or free_port())
    try:
        master = f"local[{cores}]"
        if workers:
            master_port = free_port()
            master = f"spark://{HOST}:{master_port}"
            _start_standalone(cluster, master, master_port, workers=workers, memory=memory, cores=cores)
        _start_thrift_server(cluster, master, memory, brief=not workers)
        _wait_for(cluster.port, cluster, "thrift")
    except BaseException:
        _end(cluster)
        raise
    return cluster


def stop(folder: Path) -> None:
    """End every process of the cluster, also where some have died, and forget it; its tables stay."""
    folder = folder.resolve()
    if cluster := Cluster.of(folder):
        _end(cluster)


def _end(cluster: Cluster) -> None:
    # the Thrift server first, which takes leave of the others
    groups = list(reversed(cluster.processes.values()))
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for leader in filter(group_is_alive, groups):
            with suppress(ProcessLookupError):
                os.killpg(int(leader.partition(":")[0]), sent)
        until = time.monotonic() + _STOP_SECONDS
        while any(map(group_is_alive, groups)) and time.monotonic() < until:
            _take_leave(groups)
            time.sleep(0.1)
    (cluster.folder / _STATE).unlink(missing_ok=True)


@contextmanager
def running(
    folder: Path, *, workers: int = 2, port: int = 0, memory: str = "1g", cores: int = 1
) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts."""
    cluster = start(folder, workers=workers, port=port, memory=memory, cores=cores)
    try:
        yield cluster
    finally:
        _end(cluster)  # also where its folder has gone


def _start_standalone(
    cluster: Cluster, master: str, master_port: int, *, workers: int, memory: str, cores: int
) -> None:
    package = "org.apache.spark.deploy"
    # their pages cannot be left out, but they listen on the loopback address and at no known port
    pages = ("--webui-port", "0")
    _launch(
        cluster,
        "master",
        [f"{package}.master.Master", "--host", HOST, "--port", str(master_port), *pages],
    )
    _wait_for(master_port, cluster, "master")
    for number in range(1, workers + 1):
        place = cluster.folder / "workers" / str(number)
        limits = ("--cores", str(cores), "--memory", memory, "--work-dir", str(place))
        _launch(
            cluster,
            f"worker_{number}",
            [f"{package}.worker.Worker", master, "--host", HOST, *pages, *limits],
        )


def _start_thrift_server(cluster: Cluster, master: str, memory: str, *, brief: bool) -> None:
    settings = {
        "spark.driver.bindAddress": HOST,
        "spark.driver.host": HOST,
        "spark.executor.memory": memory,
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(cluster.folder / "tables"),
        # the tables are small: many partitions, or a plan made over again, would cost more than they save
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.default.parallelism": "2",
        # no session brings classes of its own; looked for in each, they made up a third of compiling
        "spark.sql.artifact.isolation.enabled": "false",
        "spark.local.dir": str(cluster.folder / "scratch"),
        **(_for_a_brief_server() if brief else _for_a_lasting_server(cluster.folder)),
        "spark.executor.extraJavaOptions": "-XX:+UseSerialGC",
    }
    hive = {"hive.server2.thrift.bind.host": cluster.host, "hive.server2.thrift.port": str(cluster.port)}
    _launch(
        cluster,
        "thrift",
        [
            "org.apache.spark.deploy.SparkSubmit",
            *("--master", master, "--class", _THRIFT_SERVER, "--name", "zeven"),
            *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
            "spark-internal",
            *(part for key, value in hive.items() for part in ("--hiveconf", f"{key}={value}")),
        ],
        memory,
    )


def _for_a_brief_server() -> dict[str, str]:
    """For a server that does not live long: its tables' names end with it, and little is compiled."""
    return {
        "spark.sql.catalogImplementation": "in-memory",
        # a few rows are sooner walked through than a program for them is written
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        # Java compiles in a hurry; with the room for the result that it takes then, again and again
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
        "-XX:ReservedCodeCacheSize=256m -XX:MetaspaceSize=400m",
    }


def _for_a_lasting_server(folder: Path) -> dict[str, str]:
    database = f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
    return {
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": database,
        "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
        "spark.hadoop.hive.metastore.schema.verification": "false",
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -Dderby.system.home={folder}",
    }


def _launch(cluster: Cluster, role: str, command: Sequence[str], memory: str = _SMALL) -> None:
    """Start a process of its own group, so that it lives on without us and ends with all that it started."""
    home = _spark_home()
    conf = cluster.folder / "conf"  # an empty one, so that what this machine has set for its Spark stays out
    conf.mkdir(exist_ok=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK_", "PYSPARK_", "HADOOP_"))
    } | {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_MEMORY": memory,  # the Thrift server takes its memory from here, too
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -Dspark.master.rest.enabled=false",
        "SPARK_NO_DAEMONIZE": "1",
    }
    logs = cluster.folder / "logs"
    logs.mkdir(exist_ok=True)
    with (logs / f"{role}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cluster.folder,
            env=environment,
            start_new_session=True,
        )
    cluster.processes[role] = name_of(process.pid)
    cluster.save()


def _wait_for(port: int, cluster: Cluster, role: str) -> None:
    """Wait until this one listens, and none of those that it needs has ended."""
    logs = cluster.folder / "logs"
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        for name, process in cluster.processes.items():
            if not is_alive(process):
                log = logs / f"{name}.log"
                raise ZevenError(f"Spark's {name} has ended: {_last_words(log)} All of it: {log}")
        if _listens(cluster.processes[role], port):
            return
        time.sleep(0.2)
    log = logs / f"{role}.log"
    raise ZevenError(f"Spark's {role} does not answer after {_START_SECONDS:.0f} seconds. What it did: {log}")


def _listens(process: str, port: int) -> bool:
    """Whether this process does: another may have taken the port meanwhile, and would answer as well."""
    sockets = listening(process)
    if sockets is not None:
        return any(one == port for _, one in sockets)
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line or line.startswith(("Exception", "Caused by"))]
    return (errors or lines or ["it said nothing."])[-1]


def _take_leave(names: Sequence[str]) -> None:
    """Ask after those that are children of this process, so that they may go."""
    for name in names:
        with suppress(ChildProcessError):
            os.waitpid(int(name.partition(":")[0]), os.WNOHANG)


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")


def _spark_home() -> Path:
    spec = importlib.util.find_spec("pyspark")
    assert spec is not None, "`start` has looked"
    return Path(str(spec.origin)).parent


@click.group()
def main() -> None:
    """A small Spark on this machine."""


@main.command("start")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--workers", type=click.IntRange(min=0), default=2, show_default=True)
@click.option("--port", type=int, default=PORT, show_default=True)
@click.option("--memory", default="1g", show_default=True, help="Of each worker, and of the Thrift server.")
def start_command(folder: Path, workers: int, port: int, memory: str) -> None:
    """Start it, and say where it listens."""
    cluster = start(folder, workers=workers, port=port, memory=memory)
    click.echo(f"Spark's Thrift server listens on {cluster.host}:{cluster.port}, with {workers} workers.")


@main.command("stop")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def stop_command(folder: Path) -> None:
    """End all its processes."""
    stop(folder)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except ZevenError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
