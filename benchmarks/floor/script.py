"""The floor's SQL for one company: the files of this folder with the company's settings filled in.

Belongs here: which files and models make it, in which order. Does not belong here: running it.

Models in which a fast hand would change nothing, as they are over a few thousand rows, are taken as dbt
compiled them; so a rule of a signal stands once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from orchestration.checks.contracts import load_contracts
from orchestration.ingest.export_format import TABLES
from orchestration.publish.release import MODELS_DIR
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.dbt_vars import dbt_vars

FOLDER = Path(__file__).parent
ORDER: tuple[str | tuple[str, ...], ...] = (
    "1_read.sql",
    ("dim_teams", "dim_reps", "int_exchange_rates", "dim_exchange_rates"),
    "2_records.sql",
    ("dim_dates", "int_periods", "int_members", "int_working_days", "dim_products"),
    ("fct_targets", "int_targets_rolled_up"),
    "3_deals.sql",
    "4_contacts.sql",
    "5_numbers.sql",
    "6_leads.sql",
    ("int_active_reps", "int_lead_seasonality"),
    "7_leads.sql",
    "8_follow_ups.sql",
    "9_sales.sql",
    ("kpi_target_attainment", "int_metric_norms", "int_judged_months", "int_signal_members"),
    ("int_lead_signals", "int_response_signals", "int_follow_up_signals", "int_conversion_signals"),
    ("int_target_signals", "kpi_signals", "kpi_scorecard"),
    "10_warnings.sql",
)
"""Files of this folder, and between them models as dbt compiled them."""
_MADE = re.compile(r"create (?P<kind>temp table|(?:temp )?view|macro) (?P<name>\w+)")
_QUALIFIED = re.compile(r'(?:"\w+"\.)*"(\w+)"')


def write_script(settings: Settings, source: str, compiled: Path) -> str:
    """The statements for the company of `settings`, whose source `source` is a folder of Parquet files.

    `compiled` is the folder into which dbt compiled the models, with the same settings.
    """
    statements = list(_statements(settings, source, compiled))
    return ";\n\n".join(without_idle_tables(statements)) + ";\n"


def without_idle_tables(statements: list[str]) -> Iterator[str]:
    """The statements, each followed by the dropping of temporary tables that no later one names.

    Ten million leads spilled more than 38 GB of them, which nobody was to read again.
    """
    lazy, kept = {}, []
    for number, statement in enumerate(statements):
        if match := _MADE.match(_without_comments(statement).strip()):
            if match["kind"] == "temp table":
                kept.append(match["name"])
            else:
                lazy[number] = match["name"]

    @cache
    def last_use(name: str) -> int:
        """A view or macro is read where it is named, and so is what it names."""
        users = [number for number, text in enumerate(statements) if re.search(rf"\b{name}\b", text)]
        return max([*users, *(last_use(lazy[number]) for number in users if lazy.get(number, name) != name)])

    for number, statement in enumerate(statements):
        yield statement
        yield from (f"drop table {name}" for name in kept if last_use(name) == number)


def _statements(settings: Settings, source: str, compiled: Path) -> Iterator[str]:
    environment = jinja2.Environment(  # noqa: S701 (SQL, no page)
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    text = "\n".join(
        (FOLDER / part).read_text(encoding="utf-8") if isinstance(part, str) else _models(part, compiled)
        for part in ORDER
    )
    filled = environment.from_string(text).render(_values(settings, source))
    for statement in filled.split(";\n"):
        if _without_comments(statement).strip():
            yield statement.strip()


def _models(names: tuple[str, ...], compiled: Path) -> str:
    """As tables: of the release where they are marts, else for the time of the connection."""
    contracts, found = load_contracts(MODELS_DIR), []
    for name in names:
        # a test has a folder named after the YAML that it stands in
        [file] = [file for file in compiled.rglob(f"{name}.sql") if file.parent.suffix != ".yml"]
        kind = "table" if "marts" in file.relative_to(compiled).parts else "temp table"
        code = _QUALIFIED.sub(r"\1", file.read_text(encoding="utf-8")).strip()
        if name in contracts:  # what a model has besides is there for sorting
            columns = ", ".join(column.name for column in contracts[name].columns)
            code = f"select {columns} from (\n{code}\n)"  # noqa: S608 (of this project)
        found.append(f"{{% raw %}}create {kind} {name} as\n{code};\n{{% endraw %}}")
    return "\n".join(found)


def _values(settings: Settings, source: str) -> dict[str, Any]:
    folder = settings.sources[source].folder  # type: ignore[union-attr]
    return {
        **dbt_vars(settings),
        "tables": list(TABLES),
        "folder": folder,
        "seeds": PROJECT_ROOT / "seeds",
        "source": source,
        "as_of": settings.as_of().astimezone(UTC).replace(tzinfo=None).isoformat(sep=" "),
    }


def _without_comments(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.lstrip().startswith("--"))
