"""Talking to Spark: one session of its Thrift server.

Belongs here: opening it, running a statement, and the sentence where it cannot be reached. Does not belong
here: what is asked (`landing.py`, `built_tables.py`), or how dbt connects (`dbt_project/profiles.yml`), which
takes the same settings from `environment`.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from orchestration.errors import SettingsError, ZevenError
from orchestration.settings import Settings
from orchestration.spark.folders import tables_folder

if TYPE_CHECKING:
    from pyhive.hive import Connection

PASSWORD_VARIABLE = "ZEVEN_SPARK_PASSWORD"  # noqa: S105 -- the name of the variable
_MODULES = ("pyhive", "thrift", "dbt.adapters.spark")
_AROUND = re.compile(r"^Error running query: |\[[A-Z_.]+\] |[\w.]+Exception: |;? SQLSTATE.*$")
"""What stands around the sentence of an error: codes, and the names of Java's classes."""
SESSION = {
    "set:hiveconf:spark.sql.session.timeZone": "UTC",
    "set:hiveconf:spark.sql.timestampType": "TIMESTAMP_NTZ",
    "set:hiveconf:spark.sql.ansi.enabled": "false",
}
"""What a statement means depends on these, so every session says them itself; `profiles.yml` tells why."""


class Spark:
    """An open session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; none of one that has no result. `ZevenError` where Spark refuses it."""
        from pyhive import exc

        with closing(self._connection.cursor()) as cursor:
            try:
                cursor.execute(statement)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            except exc.Error as error:
                raise ZevenError(f"Spark refused a statement: {essence(error)}") from error


@contextmanager
def connect(settings: Settings) -> Iterator[Spark]:
    """A session of the Thrift server that `[spark]` names, closed at the end of the block.

    `SettingsError` where its packages are not installed, `ZevenError` where nobody answers.
    """
    require_packages(settings)
    from pyhive import hive
    from thrift.transport.TTransport import TTransportException

    spark = settings.spark
    try:
        connection = hive.connect(
            host=spark.host,
            port=spark.port,
            username=spark.user,
            password=_password(settings),
            auth=spark.auth.upper(),
            configuration=SESSION,
        )
    except (TTransportException, OSError) as error:
        raise ZevenError(
            f"{settings.file}: spark: no Thrift server answers at {spark.host}:{spark.port} as user "
            f"{spark.user} ({type(error).__name__}). Start it (make spark starts one on this machine), or "
            "name the right one in [spark]."
        ) from None
    with closing(connection):
        yield Spark(connection)


def require_packages(settings: Settings) -> None:
    """Refuse in a sentence where what only `target = "spark"` needs is not installed."""
    if lacking := [name for name in _MODULES if not find_spec(name)]:
        raise SettingsError(
            f'{settings.file}: target = "spark" needs packages that are not installed (no module '
            f"{lacking[0]}); install Zeven with its extra: pip install 'zeven[spark]'."
        )


def hang_up(connection: Connection) -> None:
    """Interrupt what another thread asks on this connection, on both sides.

    Its session ends with it, and with the session what the server does for it. A cancellation over the same
    connection would mix with what the other thread sends and awaits, and both could wait for ever.
    """
    connection._transport._trans.handle.shutdown(socket.SHUT_RDWR)  # the drivers have no name for it


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which dbt's profile connects to the same server."""
    spark = settings.spark
    return {
        "ZEVEN_SPARK_HOST": spark.host,
        "ZEVEN_SPARK_PORT": str(spark.port),
        "ZEVEN_SPARK_USER": spark.user,
        "ZEVEN_SPARK_AUTH": spark.auth.upper(),
        "ZEVEN_SPARK_FOLDER": str(tables_folder(settings)),
    }


def essence(error: BaseException) -> str:
    """What Spark says is wrong, without the statement and the Java frames behind it."""
    status = getattr(error.args[0], "status", None) if error.args else None
    said = str(getattr(status, "errorMessage", None) or error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = lines[0] if lines else type(error).__name__
    return without_codes(told).rstrip(".") + "."


def without_codes(told: str) -> str:
    """A line of an error of Spark without what is for programmers."""
    return _AROUND.sub("", told)


def _password(settings: Settings) -> str | None:
    """Only where the server asks for one."""
    if settings.spark.auth != "ldap":
        return None
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    raise SettingsError(
        f'{settings.file}: spark.auth = "ldap" wants a password in the environment: set {PASSWORD_VARIABLE}.'
    )
