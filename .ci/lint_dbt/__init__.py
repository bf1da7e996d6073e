"""What dbt would give to a model's Jinja, for sqlfluff, which renders the models without dbt.

Belongs here: stand-ins for those of dbt's names that the models and macros use and sqlfluff has none for. The
vars are the real ones, of a small company that uses every feature: a loop over none would render to no SQL.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import yaml
from jinja2 import pass_context
from jinja2.runtime import Context

from orchestration.settings import DBT_PROJECT_DIR, load_settings
from orchestration.transform.dbt_vars import dbt_vars

_SETTINGS = """
[company]
name = "Lint"
[sources.crm]
kind = "files"
folder = "crm"
[[leads.exclude]]
reason = "test"
condition = "source = 'internal test'"
[response]
exclude_sources = ["outbound list"]
"""


def _vars() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "zeven.toml"
        file.write_text(_SETTINGS, encoding="utf-8")
        project = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
        return {**project["vars"], **dbt_vars(load_settings(file))}


_VARS = _vars()


def var(name: str) -> Any:
    """The value of a dbt var."""
    return _VARS[name]


@pass_context
def _dispatch(context: Context, macro_name: str) -> Any:
    """The version of a macro for DuckDB."""
    return context.resolve(f"duckdb__{macro_name}")


adapter = SimpleNamespace(dispatch=_dispatch)
dbt = SimpleNamespace(type_string=lambda: "varchar")
