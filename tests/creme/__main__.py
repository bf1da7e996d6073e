"""`make creme`: a real CRM is filled, read, edited and read again, and Zeven is compared with it.

Belongs here: the order of it all. Does not belong here: Creme (`company.py`), comparisons (`compared.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from orchestration.settings import PROJECT_ROOT
from tests.creme import compared
from tests.creme.company import CREME, Creme, creme, install
from tests.creme.compared import Line
from tests.proof.database_servers import NoServer

EXAMPLE = PROJECT_ROOT / "docs" / "examples" / "creme.toml"


class Zeven:
    """Runs with the example settings, in a folder of the proof."""

    def __init__(self, made: Creme) -> None:
        self.creme, self.folder = made, made.folder / "zeven"
        self.folder.mkdir()
        self.file = self.folder / "zeven.toml"
        text = EXAMPLE.read_text(encoding="utf-8").replace("../../warehouse/examples/creme", "warehouse")
        self.file.write_text(text.replace("../../published/examples/creme", "published"), encoding="utf-8")
        self.work = self.folder / "warehouse" / "work.duckdb"

    @property
    def release(self) -> Path:
        return self.folder / "published" / "current" / "zeven.duckdb"

    def read_whole_again(self) -> None:
        """A blank in an expression, as docs/sources/sql.md has it."""
        text = self.file.read_text(encoding="utf-8")
        self.file.write_text(text.replace("chance_to_win / 100", "chance_to_win  / 100"), encoding="utf-8")

    def run(self) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "orchestration.cli", "run", "--settings", self.file],
            capture_output=True,
            text=True,
            cwd=PROJECT_ROOT,
            env=os.environ | {"ZEVEN_CREME_URL": self.creme.reader, "PYTHONPATH": str(PROJECT_ROOT)},
        )
        if done.returncode:
            raise RuntimeError(
                f"zeven run ended with {done.returncode}: {(done.stdout + done.stderr)[-3_000:]}"
            )


def prove(made: Creme) -> list[Line]:
    """Every comparison, told as it is made."""
    lines: list[Line] = []

    def look(title: str, found: list[Line]) -> None:
        if title:
            print(f"\n{title:<66} {'Creme':>8} {'Zeven':>8}", flush=True)
        for line in found:
            print(line.written(), flush=True)
        lines.extend(found)

    def compare(title: str, *, purged_is_known: bool) -> None:
        told, changes = made.told(), made.changes()
        there = {str(row["opportunity_id"]) for row in told["opportunities"]}
        purged = {str(row["opportunity_id"]) for row in changes} - there
        look(title, compared.of_raw(zeven.work, told, purged, purged_is_known=purged_is_known))
        look("", compared.of_history(zeven.work, told, changes))
        ignored = set() if purged_is_known else purged
        look("", compared.of_release(zeven.release, told, changes, ignored))

    zeven = Zeven(made)
    _timed("Creme is filled", lambda: made.inside("fill"))
    _timed("zeven run", zeven.run)
    compare("first run", purged_is_known=True)
    _timed("Creme is edited", lambda: made.inside("edit"))
    _timed("zeven run", zeven.run)
    compare("after the edits; nobody looked yet for what was deleted for good", purged_is_known=False)
    zeven.read_whole_again()
    _timed("zeven run", zeven.run)
    compare("after all was read again", purged_is_known=True)
    return lines


def _timed(what: str, act: Callable[[], None]) -> None:
    started = time.monotonic()
    act()
    print(f"{what}: {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    """0 where everything is equal, 1 where something is not, 2 where there is no PostgreSQL."""
    _timed(f"Creme {CREME} is installed", install)
    started = time.monotonic()
    try:
        with creme() as made:
            print(f"Creme is set up: {time.monotonic() - started:.0f} s", flush=True)
            lines = prove(made)
    except NoServer as missing:
        print(missing)
        return 2
    wrong = [line for line in lines if line.wrong]
    print(f"\n{len(lines) - len(wrong)} of {len(lines)} comparisons are equal.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
