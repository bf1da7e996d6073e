"""The dbt project as Dagster assets: one step that builds what is selected and tells what came of it.

Belongs here: turning dbt's events into materializations and check results, and noting whether the marts are
whole. Does not belong here: how a node looks (`translator.py`), or how dbt is called (`dbt_command.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration import marts, patches, run_record
from orchestration.checks.contracts import Contract
from orchestration.errors import GateError
from orchestration.progress import Event, report
from orchestration.publish.release import record_failure
from orchestration.resources import user_errors
from orchestration.settings import Settings
from orchestration.spark.build import hand_over, take_back
from orchestration.transform.dbt_command import DbtCommand, NodeEvent, dbt_folder
from orchestration.transform.failures import NodeFailure, sentences, summary, why_dbt_could_not_start
from orchestration.transform.manifest import ParsedProject
from orchestration.transform.translator import TEST_OF, ZevenTranslator
from orchestration.warehouse import Warehouse

Result = dg.MaterializeResult[Any] | dg.AssetCheckResult

ASKED_BY_PUBLISHING = "asked_by_publishing"
"""The tag of the tests whose question publishing asks of what it publishes; once in a run is enough."""
_BUILT = ("model", "seed")


class BuildChoice(dg.Config):
    """`full_refresh`: make every table anew, also where a few rows of it have changed."""

    full_refresh: bool = False


def build_dbt_assets(
    settings: Settings, project: ParsedProject, contracts: Mapping[str, Contract]
) -> dg.AssetsDefinition:
    """All models and seeds of the project and the data tests of a run, as one step."""
    translator = ZevenTranslator(project.manifest)

    @dbt_assets(
        manifest=project.manifest,
        exclude=f"tag:{ASKED_BY_PUBLISHING}",
        dagster_dbt_translator=translator,
        name="dbt_models",
    )
    def dbt_models(
        context: dg.AssetExecutionContext, config: BuildChoice, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[Result]:
        build = _Build(context, settings, project, translator, contracts)
        with user_errors():
            build.begin(warehouse, full_refresh=config.full_refresh)
            yield from build.results()
            build.end(warehouse)

    return dbt_models


@dataclass
class _Build:
    """One build: what is selected, what has happened so far."""

    context: dg.AssetExecutionContext
    settings: Settings
    project: ParsedProject
    translator: ZevenTranslator
    contracts: Mapping[str, Contract]
    passed: int = 0
    failures: list[NodeFailure] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    checks: list[dict[str, Any]] = field(default_factory=list)
    patches: bool = False
    nodes_at_once: int = 1

    def __post_init__(self) -> None:
        self.nodes: Mapping[str, Any] = self.project.manifest["nodes"]
        specs = self.context.assets_def.check_specs
        self.check_of = {spec.metadata[TEST_OF]: spec.key for spec in specs}
        self.selected = self._selected()
        self.changes_tables = any(self.nodes[name]["resource_type"] in _BUILT for name in self.selected)

    def _selected(self) -> set[str]:
        if not self.context.is_subset:
            return {name for name, node in self.nodes.items() if _is_of_a_run(node)}
        keys, checks = self.context.selected_asset_keys, self.context.selected_asset_check_keys
        built = {
            name
            for name, node in self.nodes.items()
            if node["resource_type"] in _BUILT and self.translator.get_asset_key(node) in keys
        }
        return built | {name for name, check in self.check_of.items() if check in checks}

    def begin(self, warehouse: Warehouse, *, full_refresh: bool) -> None:
        is_whole, on_spark = not self.context.is_subset, self.settings.target == "spark"
        with warehouse.connect() as con:
            run_record.prepare(con)
            # where they stood before they had a file of their own
            con.execute("drop schema if exists work.marts cascade")
            if run_record.as_of_now(con) is None:
                raise GateError(
                    "No instant to describe: materialize the asset zeven/run first, or the whole job."
                )
            if self.changes_tables:
                run_record.forget_build(con)
                anew = full_refresh or not is_whole or on_spark
                self.patches = patches.begin(con, self.settings, self.contracts, anew=anew)
            self.nodes_at_once = warehouse.nodes_at_once(con)
            if on_spark:
                self.nodes_at_once = self.settings.spark.nodes_at_once
                hand_over(con, self.settings, self.project.manifest, anew=self.changes_tables and is_whole)
        if is_whole and not self.patches:
            marts.start_afresh(warehouse.marts_file)

    def results(self) -> Iterator[Result]:
        """Run dbt; one result per asset and check, as it happens."""
        target = dbt_folder(self.settings) / "build"
        command = DbtCommand(
            self.settings,
            "build",
            "--no-write-json",  # nobody reads it, and it took a second
            *("--exclude-resource-type", "unit_test"),
            *("--threads", str(self.nodes_at_once)),
            *self._selection(),
            target=target,
            parsed=self.project.file,
            patched_up_to=patches.UP_TO if self.patches else 0.0,
        )
        for event in command.events():
            yield from self._results_of(event)
        if command.result is None:
            raise GateError(why_dbt_could_not_start(command.exception))
        for outcome in command.result.results:
            self.seen.add(outcome.node.unique_id)
            if outcome.status in ("error", "fail", "runtime error"):
                found = outcome.failures if outcome.status == "fail" else None
                self.failures.append(NodeFailure(outcome.node.unique_id, found, outcome.message or ""))

    def _selection(self) -> list[str]:
        if not self.context.is_subset:
            return ["--exclude", f"tag:{ASKED_BY_PUBLISHING}"]
        names = sorted("fqn:" + ".".join(self.nodes[name]["fqn"]) for name in self.selected)
        return ["--indirect-selection", "empty", "--select", *names]

    def _results_of(self, event: NodeEvent) -> Iterator[Result]:
        node = self.nodes.get(event.unique_id)
        if node is None:  # an exposure: dbt walks past it, nothing is built
            return
        if node["resource_type"] == "test":
            if event.finished and event.status != "skipped":
                yield from self._checked(event, node)
            return
        name = node["name"]
        if not event.finished:
            report(Event("transform", name, "started"))
        elif event.status == "success":
            report(Event("transform", name, "done", rows=event.rows, seconds=event.seconds))
            metadata: dict[str, Any] = {"seconds": round(event.seconds, 3)}
            if event.rows is not None:
                metadata["dagster/row_count"] = event.rows
            yield dg.MaterializeResult(asset_key=self.translator.get_asset_key(node), metadata=metadata)
        elif event.status != "skipped":
            report(Event("transform", name, "failed", seconds=event.seconds))

    def _checked(self, event: NodeEvent, node: Mapping[str, Any]) -> Iterator[dg.AssetCheckResult]:
        passed = event.status == "pass"
        self.passed += passed
        self.checks.append({"name": node["name"], "status": event.status, "failures": event.failures or 0})
        if not passed:
            status = "warning" if event.status == "warn" else "failed"
            report(Event("check", node["name"], status, rows=event.failures))  # type: ignore[arg-type]
        key = self.check_of.get(event.unique_id)
        if key is not None:
            warns = event.status == "warn"
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=passed,
                severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
                metadata={"failing rows": event.failures or 0, "seconds": round(event.seconds, 3)},
            )

    def end(self, warehouse: Warehouse) -> None:
        """Note the outcome, and stop the run where something failed."""
        missing = self.selected - self.seen
        if self.changes_tables:
            with warehouse.connect() as con:
                if self.settings.target == "spark" and not self.failures and not missing:
                    take_back(con, self.settings, self.project.manifest, self.contracts, self.selected)
                run_record.record_build(
                    con,
                    run_id=self.context.run_id,
                    passed=not self.failures,
                    is_whole=not self.context.is_subset and not missing,
                    checks=self.checks,
                )
        if self.failures:
            lines = sentences(self.failures, self.project.manifest, dbt_folder(self.settings) / "build")
            error = GateError(summary(lines))
            record_failure(self.settings, run_id=self.context.run_id, error=error)
            raise error
        if missing:
            raise GateError(f"dbt left out {len(missing)} selected nodes, among them {min(missing)}.")
        report(Event("check", "data tests", "done", detail=f"{self.passed} passed"))


def _is_of_a_run(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] in _BUILT or (
        node["resource_type"] == "test" and ASKED_BY_PUBLISHING not in node["tags"]
    )
