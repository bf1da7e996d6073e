"""What a build needs of a parsed project: its nodes, what they read, and the macros that they can come to.

Belongs here: which parts that is. Does not belong here: where a parse is kept (`manifest.py`).

dbt makes an object of everything in the file from which it builds, and two of every macro for every node. Of
its 500 macros and our 130 what stands in the project can come to some 250. Without the others, and without
the files, documents, unit tests and switched-off nodes that only a parse looks at, the smallest company's
run costs 0.7 of 15 CPU-seconds less. A macro that is called and not there stops its node with a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.contracts.graph.nodes import Macro


def needed(parsed: bytes) -> bytes:
    """The same parse, in the same form, with what a build needs alone."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    manifest = Manifest.from_msgpack(parsed, decoder=extended_mashumuro_decoder)
    manifest.nodes = {name: node for name, node in manifest.nodes.items() if node.config.enabled}
    read = {name for node in manifest.nodes.values() for name in node.depends_on_nodes}
    manifest.sources = {name: source for name, source in manifest.sources.items() if name in read}
    macros = called(manifest.macros, [*_called_by_name(manifest), *_called_by_nodes(manifest)])
    manifest.macros = {name: macro for name, macro in manifest.macros.items() if name in macros}
    for of_a_parse in ("files", "disabled", "docs", "exposures", "unit_tests"):
        setattr(manifest, of_a_parse, {})
    return bytes(manifest.to_msgpack())


def called(macros: Mapping[str, Macro], first: Iterable[str]) -> set[str]:
    """The unique ids of `first`, of all that these macros call, and so on: dbt knows it of each."""
    found: set[str] = set()
    waiting = [name for name in first if name in macros]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in macros[name].depends_on.macros if other in macros]
    return found


def _called_by_nodes(manifest: Manifest) -> Iterable[str]:
    return [name for node in manifest.nodes.values() for name in node.depends_on.macros]


def _called_by_name(manifest: Manifest) -> Iterable[str]:
    """The materializations of the nodes' kinds, and what the engine's adapter calls from Python.

    Among it is how rows are added to an incremental model that is there already.
    """
    from dbt.adapters.sql import impl

    of_engine = import_module(f"dbt.adapters.{manifest.metadata.adapter_type}.impl")
    kinds = {node.config.materialized for node in manifest.nodes.values()}
    of_nodes = tuple(f"materialization_{kind}_" for kind in kinds)
    constants = (*vars(impl).items(), *vars(of_engine).items())
    of_adapter = {name for constant, name in constants if constant.endswith("_MACRO_NAME")}
    of_adapter |= {
        f"get_incremental_{getattr(node.config, 'incremental_strategy', None) or 'default'}_sql"
        for node in manifest.nodes.values()
        if node.config.materialized == "incremental"
    }
    for unique_id, macro in manifest.macros.items():
        if macro.name in of_adapter or macro.name.startswith(of_nodes):
            yield unique_id
