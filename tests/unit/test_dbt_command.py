"""What a dbt command that was stopped leaves behind: nothing that keeps the database open."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.transform.dbt_command import let_go_of_frames


def failing_query(file: Path) -> None:
    cursor = duckdb.connect(str(file)).cursor()
    try:
        cursor.execute("select no_such_column")
    except duckdb.Error as error:
        raise RuntimeError("what dbt makes of it") from error


def test_an_exception_that_is_kept_keeps_no_database_open(tmp_path: Path) -> None:
    file = tmp_path / "a.duckdb"
    with pytest.raises(RuntimeError) as kept:
        failing_query(file)
    other_options = {"default_order": "desc"}
    with pytest.raises(duckdb.ConnectionException):  # the cursor in its frames is open
        duckdb.connect(str(file), config=other_options)
    let_go_of_frames(kept.value)
    duckdb.connect(str(file), config=other_options).close()
