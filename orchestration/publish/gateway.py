"""The gateway database: one view per table over the files of whichever release is current.

Belongs here: building that small file, and only when its views would differ. Does not belong here: data.

A BI tool keeps connections open for days, and a database file replaced under them leaves them on the old one.
A view over `current/` is looked up at every query, so the same connection sees the new release at once.
The file is replaced only when tables, columns, types or comments change.

DuckDB looks at a file twice: when it plans a query and when it runs it. Under one name for every release, a
switch in between would make it read one file by the outline of another. So each release has a way to its
files with its own id in it (`gateway/<release_id>/`), and the views ask for whatever id is there: such a
query is refused with "Cannot open file", and answered when asked again. A query over several views can meet a
switch between two of them; who needs one release for sure opens that one (`catalogue.open_release`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.marts import STORAGE_VERSION
from orchestration.publish.store import TEMPORARY_PREFIX, Store, remove, sync
from orchestration.sql_text import identifier, literal

BY_RELEASE = "gateway"
"""The folder inside a release that holds a link to its Parquet files, named by the release."""


def link_for_gateway(folder: Path, release_id: str) -> None:
    """Give the release in `folder` its way to the Parquet files."""
    (folder / BY_RELEASE).mkdir()
    (folder / BY_RELEASE / release_id).symlink_to("../parquet")


def refresh_gateway(store: Store, manifest: Mapping[str, Any]) -> bool:
    """Make the gateway fit the release of `manifest`, which is current; says whether it was rebuilt."""
    tables = manifest["tables"]
    described = {
        name: [table["description"], table["columns"], *(["parts"] if table.get("parts") else [])]
        for name, table in tables.items()
    }
    content = json.dumps([str(store.root), STORAGE_VERSION, described], sort_keys=True)
    signature = hashlib.sha256(content.encode()).hexdigest()
    noted = store.root / ".gateway.sha256"
    if store.gateway.exists() and noted.exists() and noted.read_text() == signature:
        return False
    temporary = store.root / f"{TEMPORARY_PREFIX}gateway-{os.getpid()}.duckdb"
    remove(temporary)
    # connected, not attached: a view remembers the name under which its database was attached
    with duckdb.connect(str(temporary), config={"storage_compatibility_version": STORAGE_VERSION}) as con:
        con.execute("begin")  # 400 statements that each commit by themselves cost three times as much
        for name, table in tables.items():
            files = f"{name}/*.parquet" if table.get("parts") else f"{name}.parquet"
            where = literal(store.current / BY_RELEASE / "*" / files)
            source = f"read_parquet({where}, hive_partitioning = false)"
            con.execute(f"create view {identifier(name)} as select * from {source}")  # noqa: S608 (quoted)
            con.execute(f"comment on view {identifier(name)} is {literal(table['description'])}")
            for column in table["columns"]:
                target = f"{identifier(name)}.{identifier(column['name'])}"
                con.execute(f"comment on column {target} is {literal(column['description'])}")
        con.execute("commit")
    temporary.chmod(0o444)
    sync(temporary)
    # the note goes first and comes back last: a gateway without a note is built again
    noted.unlink(missing_ok=True)
    temporary.replace(store.gateway)
    noted.write_text(signature)
    sync(store.root)
    return True
