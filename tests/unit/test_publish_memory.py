"""While a release is audited, the warehouse beside it keeps next to nothing in memory."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.publish.release import _little_memory


def limit(con: duckdb.DuckDBPyConnection) -> str:
    [(found,)] = con.execute("select current_setting('memory_limit')").fetchall()
    return str(found)


def held(con: duckdb.DuckDBPyConnection) -> int:
    [(bytes_held,)] = con.execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchall()
    return int(bytes_held)


def test_what_a_build_left_in_memory_is_let_go(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb"), config={"memory_limit": "1GiB"}) as con:
        con.execute("create table numbers as select hash(range) as n from range(25_000_000)")
        con.execute("checkpoint")
        con.execute("select sum(n::hugeint) from numbers").fetchall()
        before = held(con)
        assert before > 120e6
        with _little_memory(con):
            assert held(con) < 101e6
        assert limit(con) == "1.0 GiB"


def test_the_limit_comes_back_after_a_failure() -> None:
    with duckdb.connect(config={"memory_limit": "1GiB"}) as con:
        with pytest.raises(ZeroDivisionError), _little_memory(con):
            _ = 1 / 0
        assert limit(con) == "1.0 GiB"
