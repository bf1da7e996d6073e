"""How a dbt node looks in Dagster, one method per concern.

Belongs here: groups, owners, descriptions, code links, and which asset a test belongs to. Does not belong
here: what a node does when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from orchestration.settings import DBT_PROJECT_DIR
from orchestration.transform.wording import check_names, demand_of

OWNER = "team:data-engineering"
TEST_OF = "zeven/dbt_test"
"""Metadata of an asset check: the unique id of the dbt test that it shows."""

_DEPTH = ("staging", "intermediate", "core", "judgement", "kpis")


def layer_of(node: Mapping[str, Any]) -> str:
    """The folder that a model stands in (`staging`, ..., `kpis`, `judgement`), or `seeds`."""
    if node["resource_type"] != "model":
        return "seeds" if node["resource_type"] == "seed" else "ingest"
    folders = node["fqn"][1:-1]
    return str(folders[1] if folders[0] == "marts" and len(folders) > 1 else folders[0])


class ZevenTranslator(DagsterDbtTranslator):
    """Reads the manifest; everything it says of an asset stands in the models' SQL and YAML."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._check_names = check_names(manifest)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return layer_of(dbt_resource_props)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return [OWNER]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The YAML's text. The SQL is a click away (code link); here it would hide the text."""
        return " ".join(str(dbt_resource_props.get("description") or "").split())

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**super().get_metadata(dbt_resource_props), **code_link(dbt_resource_props)}

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """A test belongs to the one asset that `tested_node` names; dbt asks for each asset that it reads."""
        test = manifest["nodes"][unique_id]
        owner = tested_node(test, manifest)
        if owner is None or self.get_asset_key(manifest["nodes"][owner]) != asset_spec.key:
            return None
        others = [name for name in test["depends_on"]["nodes"] if name != owner]
        keys = {
            self.get_asset_key(manifest["nodes"].get(name) or manifest["sources"][name]) for name in others
        }
        return dg.AssetCheckSpec(
            name=self._check_names[unique_id],
            asset=asset_spec.key,
            description=demand_of(test) or None,
            additional_deps=sorted(keys - {asset_spec.key}),
            blocking=test["config"]["severity"].lower() == "error",
            metadata={TEST_OF: unique_id, **code_link(test)},
        )


def tested_node(test: Mapping[str, Any], manifest: Mapping[str, Any]) -> str | None:
    """The unique id of the model or seed that a test is shown at.

    A generic test names it. Of the several that a singular test reads, it is the furthest down the flow,
    which is what the test is about; `meta.dagster.ref.name` says otherwise. None for a test of sources
    alone.
    """
    nodes: Mapping[str, Any] = manifest["nodes"]
    if test.get("attached_node"):
        return str(test["attached_node"])
    read = [name for name in test["depends_on"]["nodes"] if name in nodes]
    wanted = test["config"].get("meta", {}).get("dagster", {}).get("ref", {}).get("name")
    if wanted:
        read = [name for name in read if nodes[name]["name"] == wanted]
    return max(read, key=lambda name: (_depth(nodes[name]), name), default=None)


def _depth(node: Mapping[str, Any]) -> int:
    layer = layer_of(node)
    return _DEPTH.index(layer) if layer in _DEPTH else -1


def code_link(node: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata that links an asset or check to its file."""
    file = Path(DBT_PROJECT_DIR / node["original_file_path"]).resolve()
    reference = dg.LocalFileCodeReference(file_path=str(file), line_number=1, label=file.name)
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
