"""What a failed build says to people: a sentence per failing test or model, not dbt's log.

Belongs here: choosing the words. Does not belong here: running dbt, or deciding what a failure stops.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.spark.connection import without_codes
from orchestration.transform.wording import demand_of

_SHOWN = 10


@dataclass(frozen=True)
class NodeFailure:
    """A test that found rows (`failures` of them), or a node that could not run (`failures` is null)."""

    unique_id: str
    failures: int | None
    message: str


def sentences(failures: Iterable[NodeFailure], manifest: Mapping[str, Any], compiled: Path) -> list[str]:
    """One sentence per failure: what, how many rows, what it means, where to look.

    `compiled` is the folder of dbt's target with the SQL as it ran.
    """
    return [_sentence(failure, manifest, compiled) for failure in failures]


def summary(lines: list[str]) -> str:
    """The message of the error that stops the run; the first line says what follows from it."""
    many = len(lines) > 1
    head = f"{len(lines)} checks or models failed" if many else "a check or model failed"
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    shown = "".join(f"\n  - {line}" for line in lines[:_SHOWN] + more)
    return f"Nothing was published, the previous release still serves: {head}.{shown}"


def why_dbt_could_not_start(exception: BaseException | None) -> str:
    """The sentence for a project that dbt cannot read."""
    return f"dbt cannot read the project: {_essence(str(exception))}."


def _sentence(failure: NodeFailure, manifest: Mapping[str, Any], compiled: Path) -> str:
    node = manifest["nodes"][failure.unique_id]
    file = str(node["original_file_path"]).removeprefix("../")
    if failure.failures is None:
        what = f"{node['resource_type']} {node['name']}"
        return f"{what} could not be built: {_essence(failure.message)}; see {file}."
    rows = "1 row fails" if failure.failures == 1 else f"{failure.failures:,} rows fail"
    demand = demand_of(node).rstrip(".")
    demanded = f" ({demand})" if demand else ""
    return (
        f"test {_test_name(node)}: {rows}{demanded}; see {file}, and for the rows run {_sql(node, compiled)}."
    )


def _sql(node: Mapping[str, Any], compiled: Path) -> Path:
    """The SQL of a test as it ran; a generic test's stands in a folder named after its YAML file."""
    path = compiled / "compiled" / str(node["package_name"]) / str(node["original_file_path"])
    path = path / str(node["path"]) if node.get("test_metadata") else path
    return Path(os.path.normpath(path))  # dbt's paths go up from its own folder to ours


def _test_name(node: Mapping[str, Any]) -> str:
    """`not_null of stg_files__leads.lead_id` for a generic test, else the name of its file."""
    metadata = node.get("test_metadata")
    attached = node.get("attached_node")
    if not metadata or not attached:
        return str(node["name"])
    column = f".{node['column_name']}" if node.get("column_name") else ""
    return f"{metadata['name']} of {attached.rpartition('.')[2]}{column}"


def _essence(message: str) -> str:
    """The line of an error that says what is wrong; dbt puts a heading before it and the SQL behind it."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for line in lines:
        if not line.startswith(("Runtime Error", "Compilation Error", "Database Error", "Parsing Error")):
            return without_codes(line).rstrip(".")
    return lines[0].rstrip(".") if lines else "it gives no reason"
