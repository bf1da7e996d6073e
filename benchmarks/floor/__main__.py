"""`python -m benchmarks.floor SCRIPT DATABASE MEMORY`: run the floor's statements into a new database.

Belongs here: as little as can be, since this is what is measured. Does not belong here: writing the script.
With `--times` it prints what each statement took, for whoever looks where the work is.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import duckdb


def main(script: str, database: str, memory: str, *options: str) -> None:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "memory_limit": memory,
        "preserve_insertion_order": False,
    }
    with duckdb.connect(database, config=config) as con:
        con.execute("set TimeZone = 'UTC'")
        for statement in Path(script).read_text(encoding="utf-8").split(";\n\n"):
            before = _cpu_seconds()
            try:
                con.execute(statement)
            except duckdb.Error as error:
                raise SystemExit(f"{statement}\n{error}") from None
            if options:
                name = next(line for line in statement.splitlines() if line and not line.startswith("--"))
                print(f"{_cpu_seconds() - before:7.2f} {name[:90]}")


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
