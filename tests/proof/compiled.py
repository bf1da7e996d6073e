"""The models and data tests as plain SQL, compiled once for a set of rules.

Belongs here: turning rules into settings, and what dbt makes of the project under them. Does not belong here:
running any of it (`in_memory.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from orchestration import run_record
from orchestration.ingest.registry import KINDS
from orchestration.marts import MARTS
from orchestration.settings import Settings, load_settings
from orchestration.transform.dbt_command import DbtCommand
from orchestration.warehouse import Warehouse
from tests.reference.world import SOURCE, Rules

DATABASE = "work"
"""What dbt calls the warehouse, after its file."""

SIGHTINGS = "history.int_opportunity_sightings"
SIGHTING_COLUMNS = {
    "opportunity_id": "varchar",
    "observed_at": "timestamp",
    "run_id": "varchar",
    "stage": "varchar",
    "owner_id": "varchar",
    "currency": "varchar",
    "amount": "decimal(18,2)",
    "probability": "double",
    "expected_close_on": "date",
    "closed_on": "date",
    "is_won": "boolean",
    "is_deleted": "boolean",
    "updated_at": "timestamp",
}
"""The one model that keeps its rows from run to run. It is there before dbt compiles, so that dbt compiles
the model as it is in every run but the first."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


_OF_SIGNALS = (
    "minimum_records",
    "change_large",
    "change_small",
    "qualification_low",
    "slower_factor",
    "elapsed_from",
    "stale_ratio",
)


@dataclass(frozen=True)
class Node:
    """A model, data test or seed. `relation` is quoted with its database; a test has none."""

    name: str
    relation: str
    materialized: str
    sql: str
    columns: tuple[tuple[str, str], ...] = ()
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Compiled:
    """`models` in the order in which they can be run; `seeds` with their column types."""

    models: tuple[Node, ...]
    tests: tuple[Node, ...]
    seeds: tuple[Node, ...]

    def only(self, *tables: str) -> Compiled:
        """What it takes to build some tables; everything, where none is a model."""
        kept = set(tables)
        for model in reversed(self.models):
            if model.name in kept:
                kept |= model.needs
        found = tuple(model for model in self.models if model.name in kept)
        return replace(self, models=found, tests=()) if found else self


def prepare_history(con: duckdb.DuckDBPyConnection) -> None:
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in SIGHTING_COLUMNS.items())
    con.execute(f"create schema if not exists history; create table if not exists {SIGHTINGS} ({declared})")


def settings_for(
    rules: Rules,
    folder: Path,
    source: Mapping[str, Any] | None = None,
    besides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """The settings that say what the rules say; what seeds say is left out. `source` is where records come
    from, `besides` the sources beside it, by name."""
    hours = {
        name: "{:02}:{:02}-{:02}:{:02}".format(
            *divmod(rules.business_hours[day][0], 60), *divmod(rules.business_hours[day][1], 60)
        )
        if day in rules.business_hours
        else "closed"
        for day, name in enumerate(_WEEKDAYS, start=1)
    }
    sections: dict[str, Mapping[str, Any]] = {
        "company": {
            "name": "Made Up",
            "time_zone": rules.time_zone,
            "currency": rules.currency,
            "fiscal_year_start_month": rules.fiscal_year_start_month,
        },
        "business_hours": hours,
        "leads": _given(rules, "capacity_per_rep", "workload_low", "workload_high"),
        "matching": {"leads_by": rules.match_leads_by},
        "response": {
            "exclude_sources": list(rules.response_exclude_sources),
            "sla_minutes": rules.sla_minutes,
        },
        "follow_ups": _given(rules, "minimum_contact_moments", "abandoned_acceptable"),
        "targets": _given(rules, "at_risk_from"),
        "pipeline": _given(rules, "stale_after_days", "coverage_good", "coverage_low"),
        "signals": _given(rules, *_OF_SIGNALS),
        f"sources.{SOURCE}": source or {"kind": "files", "folder": "in"},
        **{f"sources.{name}": section for name, section in (besides or {}).items()},
    }
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    for reason, source in rules.lead_exclusions:
        condition = f"source = '{source}'"
        lines += [
            "[[leads.exclude]]",
            f"reason = {json.dumps(reason)}",
            f"condition = {json.dumps(condition)}",
        ]
    file = folder / "zeven.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_settings(file, environ={})


def compile_project(
    rules: Rules,
    folder: Path,
    source: Mapping[str, Any] | None = None,
    besides: Mapping[str, Mapping[str, Any]] | None = None,
    select: str = "",
) -> Compiled:
    """What dbt would run under these rules. Some five seconds, most of them for reading the project; models
    outside of `select` have no SQL."""
    settings = settings_for(rules, folder, source, besides)
    with Warehouse(settings).connect() as con:
        for kind in KINDS.values():
            kind.prepare(con)
        run_record.prepare(con)
        prepare_history(con)
    chosen = ("--select", select) if select else ()
    dbt = DbtCommand(settings, "compile", *chosen, target=folder / "target")
    dbt.run()
    assert dbt.succeeded, dbt.exception or [result.message for result in dbt.result or ()]
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    # dbt lists the tests of a model that is disabled, those of a CRM that the company has not
    nodes = {name: node for name, node in manifest["nodes"].items() if node["config"].get("enabled", True)}
    return Compiled(
        models=tuple(_node(nodes[name]) for name in _in_order(nodes)),
        tests=tuple(_node(node) for node in nodes.values() if node["resource_type"] == "test"),
        seeds=tuple(_node(node) for node in nodes.values() if node["resource_type"] == "seed"),
    )


def _given(rules: Rules, *names: str) -> dict[str, Any]:
    """The settings that have the same name in the rules."""
    return {name: getattr(rules, name) for name in names}


def _in_order(nodes: Mapping[str, Any]) -> Iterable[str]:
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    needs = {
        name: [on for on in node["depends_on"]["nodes"] if on in models] for name, node in models.items()
    }
    return TopologicalSorter(needs).static_order()


def _node(node: Mapping[str, Any]) -> Node:
    assert not node.get("extra_ctes"), f"{node['name']} is ephemeral or uses something that is"
    sql = node.get("compiled_code") or ""
    if node["resource_type"] == "model" and node["database"] == MARTS and node["columns"]:
        # as the project's materialization does: what is not described is there for sorting alone
        sql = f"select {', '.join(node['columns'])} from (\n{sql}\n)"
    return Node(
        node["name"],
        node["relation_name"] or "",
        node["config"]["materialized"],
        sql,
        tuple(node["config"].get("column_types", {}).items()),
        frozenset(name.rpartition(".")[2] for name in node["depends_on"].get("nodes", ())),
    )
