"""What tables there are: their columns as the catalog names them, whatever the type."""

from __future__ import annotations

import duckdb

from orchestration.tables import column_types


def test_columns_are_told_in_order_with_the_names_of_the_catalog() -> None:
    with duckdb.connect() as con:
        con.execute(
            "create table odd as select '{}'::json as told, 1::decimal(18, 2) as \"a b\", "
            "[date '2026-01-01'] as days, 'x'::enum('x', 'it''s') as kind, "
            "{'a': 1, 'b': now()} as both, 1::hugeint as big"
        )
        con.execute("create view seen as select * from odd")
        catalog = con.execute(
            "select column_name, data_type from duckdb_columns() "
            "where table_name = 'odd' order by column_index"
        ).fetchall()
        assert list(column_types(con, "main", "odd").items()) == catalog
        assert column_types(con, "main", "seen") == dict(catalog)


def test_a_table_that_is_missing_has_no_columns() -> None:
    with duckdb.connect() as con:
        assert column_types(con, "main", "nobody") == column_types(con, "nowhere", "nobody") == {}
