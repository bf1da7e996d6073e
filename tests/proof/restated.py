"""Two releases of one made-up company, with edits of its records in between, as the comparison meets them.

Belongs here: editing a world as people edit a CRM, and its tables by the real models in a database of their
own. Does not belong here: what must hold of the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from orchestration.restatements import compare
from orchestration.restatements.numbers import COMPARED, FLOWS, RATES, SHARES
from orchestration.restatements.sides import Comparison, Side
from tests.proof.asked import needed
from tests.proof.in_memory import built
from tests.reference.world import Record, World

TABLES = (
    *(f"kpi_{metric}" for metric in COMPARED),
    *(flow.table for flow in FLOWS),
    *("fct_opportunity_history", "fct_targets", "dim_dates", "dim_reps", RATES, SHARES),
)


def side(world: World, alias: str, **changed: Any) -> Side:
    """What the manifest of a release of this world says."""
    of = Side(
        alias=alias,
        release_id=alias,
        as_of=world.as_of.replace(tzinfo=UTC),
        time_zone=world.rules.time_zone,
        currency=world.rules.currency,
        code_version="1",
        contract_hash="1",
        hashes={},
    )
    return replace(of, **changed)


def save(world: World, file: Path) -> None:
    """The published tables of a world, as a release's database holds them."""
    tables = sorted(set(TABLES))
    with built(needed(*tables), world) as con:
        con.execute(f"attach '{file}' as release")
        for table in tables:
            con.execute(f"create table release.main.{table} as from marts.{table}")
        con.execute("detach release")


@contextmanager
def comparison(
    before: World, after: World, folder: Path, **changed: Any
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Comparison]]:
    """The comparison of two worlds, whose result stands in the table `compare.RESULT`.

    Their databases stay in the folder, and the earlier one is made once for all comparisons there.
    """
    folder.mkdir(exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as con:
        for name, world in (("earlier", before), ("later", after)):
            file = folder / f"{name}.duckdb"
            if name == "later" or not file.exists():
                file.unlink(missing_ok=True)
                save(world, file)
            con.execute(f"attach '{file}' as {name} (read_only)")
        found = Comparison(con, side(before, "earlier"), side(after, "later", **changed))
        with compare.compared(found):
            yield con, found


def edited(world: World, rng: Random, *, edits: int) -> World:
    """The world after some edits of all kinds, as a later export tells it."""
    tables = {name: [dict(record) for record in records] for name, records in world.tables.items()}
    for number in range(edits):
        rng.choice(_EDITS)(tables, rng, number)
    return replace(world, tables=tables)


Tables = dict[str, list[Record]]


def _some(tables: Tables, name: str, rng: Random) -> Record:
    """One record; an empty one, that is in no table, where there is none."""
    return rng.choice(tables[name]) if tables.get(name) else {}


def _late(tables: Tables, rng: Random, number: int) -> None:
    name, key = rng.choice(
        [("leads", "lead_id"), ("opportunities", "opportunity_id"), ("activities", "activity_id")]
    )
    if record := _some(tables, name, rng):
        tables[name].append(record | {key: f"late{number}"})


def _gone(tables: Tables, rng: Random, number: int) -> None:
    name = rng.choice(["leads", "opportunities", "activities", "targets"])
    if record := _some(tables, name, rng):
        tables[name].remove(record)


def _flagged(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, rng.choice(["leads", "opportunities"]), rng)["is_deleted"] = rng.random() < 0.8


def _amount(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, "opportunities", rng)["amount"] = Decimal(rng.randint(0, 10**7)) / 100


def _currency(tables: Tables, rng: Random, number: int) -> None:
    other = _some(tables, "opportunities", rng).get("currency")
    _some(tables, "opportunities", rng)["currency"] = other


def _moved(value: Any, days: int) -> Any:
    return value + timedelta(days=days) if isinstance(value, date | datetime) else value


def _date(tables: Tables, rng: Random, number: int) -> None:
    name, column = rng.choice(
        [("opportunities", "closed_on"), ("leads", "created_at"), ("opportunities", "created_at")]
    )
    record = _some(tables, name, rng)
    record[column] = _moved(record.get(column), rng.choice([-40, -8, -1, 1, 9, 35]))
    if record.get(column) is None:
        del record[column]


def _outcome(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, "opportunities", rng)["is_won"] = rng.choice([True, False, None])


def _owner(tables: Tables, rng: Random, number: int) -> None:
    owner = _some(tables, "reps", rng).get("rep_id")
    _some(tables, rng.choice(["leads", "opportunities", "activities"]), rng)["owner_id"] = owner


def _team(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, "reps", rng)["team_id"] = _some(tables, "teams", rng).get("team_id")


def _source(tables: Tables, rng: Random, number: int) -> None:
    name = rng.choice(["leads", "opportunities"])
    _some(tables, name, rng)["source"] = rng.choice(["fair", "web", None])


def _product(tables: Tables, rng: Random, number: int) -> None:
    line = _some(tables, "opportunity_products", rng)
    line["amount"] = Decimal(rng.randint(0, 10**6)) / 100
    _some(tables, "opportunities", rng)["product_id"] = line.get("product_id")


def _rate(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, "exchange_rates", rng)["rate"] = Decimal(rng.randint(1, 30_000)) / 10_000


def _history(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, "opportunity_history", rng)["amount"] = Decimal(rng.randint(0, 10**7)) / 100


def _target(tables: Tables, rng: Random, number: int) -> None:
    _some(tables, "targets", rng)["target_amount"] = Decimal(rng.randint(0, 10**7)) / 100


_EDITS = (
    _late, _gone, _flagged, _amount, _currency, _date, _outcome, _owner,
    _team, _source, _product, _rate, _history, _target,
)  # fmt: skip


def results(con: duckdb.DuckDBPyConnection) -> list[Mapping[str, Any]]:
    found = con.execute(f"select * from {compare.RESULT}")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
