"""Private servers of PostgreSQL and MariaDB on loopback, for as long as a proof takes.

Belongs here: starting and stopping them, as whom, on which port. Does not belong here: what is kept in them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa


class NoServer(Exception):  # noqa: N818 -- read as a word where it is caught
    """The server is not installed; says which package has it."""


@dataclass
class Server:
    kind: str
    admin: str
    """Address of who may do all."""
    reader: str
    """Address of a user who may read `crm_lead`."""

    def run(self, *statements: str) -> None:
        engine = sa.create_engine(self.admin, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def as_user(user: str, folder: Path) -> dict[str, Any]:
    """Servers refuse to run as root; whoever is not root is the user already."""
    if os.getuid() != 0:
        return {}
    shutil.chown(folder, user)
    return {"user": user}


def postgresql(folder: Path) -> Iterator[Server]:
    """`folder` is empty, has a short path and may be entered by all. Raises `NoServer`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise NoServer("no PostgreSQL server here: apt-get install postgresql")
    user, port, bin_ = as_user("postgres", folder), free_port(), found[-1].parent
    data = folder / "data"
    subprocess.run(
        [bin_ / "initdb", "-D", data, "-U", "admin", "-A", "trust"], check=True, capture_output=True, **user
    )
    (data / "pg_hba.conf").write_text(
        "host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    start: list[str | Path] = [
        bin_ / "pg_ctl",
        "-D",
        data,
        "-o",
        options,
        "-l",
        folder / "log",
        "-w",
        "start",
    ]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, **user)
    try:
        server = Server(
            "postgresql",
            f"postgresql+psycopg://admin@127.0.0.1:{port}/postgres",
            f"postgresql://reader:s3cret-word@127.0.0.1:{port}/postgres",
        )
        server.run("create role reader login password 's3cret-word'", "create schema secret")
        yield server
    finally:
        subprocess.run(
            [bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True, **user
        )


def mysql(folder: Path) -> Iterator[Server]:
    """As `postgresql`; the database is `crm`."""
    program, install = shutil.which("mariadbd", path="/usr/sbin:/usr/bin"), shutil.which("mariadb-install-db")
    if program is None or install is None:
        raise NoServer("no MariaDB server here: apt-get install mariadb-server")
    user, port, data = as_user("mysql", folder), free_port(), folder / "data"
    common = ["--no-defaults", f"--datadir={data}"]
    made = [install, *common, "--auth-root-authentication-method=normal"]
    subprocess.run(made, check=True, capture_output=True, **user)
    options = [
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder / 's'}",
        f"--pid-file={folder / 'p'}",
    ]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([program, *common, *options], stdout=log, stderr=log, **user)
    try:
        server = Server(
            "mysql",
            f"mysql+pymysql://root@127.0.0.1:{port}/crm",
            f"mysql://reader:s3cret-word@127.0.0.1:{port}/crm",
        )
        engine = sa.create_engine(server.admin.removesuffix("crm"), poolclass=sa.NullPool)
        for _ in range(100):
            try:
                with engine.begin() as connection:
                    connection.exec_driver_sql("create database crm character set utf8mb4")
                break
            except sa.exc.OperationalError:
                time.sleep(0.2)
        server.run("create user reader@'127.0.0.1' identified by 's3cret-word'")
        yield server
    finally:
        running.kill()
        running.wait()
