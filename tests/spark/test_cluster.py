"""A Spark of one's own: it answers on the loopback address alone, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from orchestration.errors import SettingsError, ZevenError
from orchestration.ports import HOST
from orchestration.processes import group_is_alive, listening, name_of
from orchestration.spark import cluster

pytestmark = pytest.mark.spark


def asked(at: cluster.Cluster, query: str) -> list[tuple[object, ...]]:
    from pyhive import hive

    with hive.connect(host=at.host, port=at.port) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.mark.slow
def test_a_cluster_works_and_ends_as_a_whole(tmp_path: Path) -> None:
    with cluster.running(tmp_path, workers=2, memory="600m") as at:
        assert at.processes.keys() == {"master", "worker_1", "worker_2", "thrift"}
        assert asked(at, "select sum(id) from range(10)") == [(45,)]
        loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
        for name in at.processes.values():
            assert {address for address, _ in listening(name) or ()} <= loopback
        assert at.port in {port for _, port in listening(at.processes["thrift"]) or ()}
        # one has died before it was told to go
        os.kill(int(at.processes["worker_1"].partition(":")[0]), signal.SIGKILL)
    assert not [role for role, name in at.processes.items() if group_is_alive(name)]
    assert cluster.Cluster.of(tmp_path) is None


def test_one_folder_has_one_spark(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        cluster.Cluster(tmp_path, port=1, processes={"master": name_of(process.pid)}).save()
        with pytest.raises(SettingsError, match="running in this folder"):
            cluster.start(tmp_path)
        cluster.stop(tmp_path)
    assert process.returncode == -signal.SIGTERM


def test_a_port_on_which_another_listens_is_refused(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} .*listens there already"):
            cluster.start(tmp_path, workers=0, port=port)
    assert list(tmp_path.iterdir()) == []


def test_who_takes_the_port_during_the_start_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "is_free", lambda port: True)
    ended = pytest.raises(ZevenError, match="Spark's thrift has ended: ")
    with socket.create_server((HOST, 0)) as other, ended:
        cluster.start(tmp_path, workers=0, port=other.getsockname()[1])
    assert cluster.Cluster.of(tmp_path) is None


def test_what_does_not_start_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(ZevenError, match="memory"):
        cluster.start(tmp_path, workers=0, memory="64m")
    assert cluster.Cluster.of(tmp_path) is None


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    cluster.stop(tmp_path)
    assert list(tmp_path.iterdir()) == []
