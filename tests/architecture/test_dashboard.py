"""The rules that keep the dashboard simple: who imports what, where SQL stands, which tables it reads."""

from __future__ import annotations

import ast
import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orchestration.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "dashboard"
MODULES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
COMPONENTS = ("dash_mantine_components", "dash_ag_grid")
WORK = ("dagster", "dbt", "polars", "pandera", "orchestration.ingest", "orchestration.transform")
"""What makes the numbers. Pages only read them, and start without waiting for any of it."""
PUBLISHED = re.compile(r"\b(?:(?:kpi|dim|fct)_\w+|metric_catalog)\b")


CATALOG = (PROJECT_ROOT / "seeds" / "metric_catalog.csv").read_text(encoding="utf-8")
SLUGS = tuple(row["slug"] for row in csv.DictReader(CATALOG.splitlines()))
"""The dashboard shows whatever metrics the catalog has."""


def imports(name: str) -> set[str]:
    """Every module that a file of the package names, also as `from package import module`."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def uses(name: str, *modules: str) -> set[str]:
    return {found for found in imports(name) for module in modules if f"{found}.".startswith(f"{module}.")}


def calls(name: str, *methods: str) -> Iterator[ast.Call]:
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            yield node


def tables_read() -> set[str]:
    """The published tables that the queries name; `kpi_` before a slug stands for all seven."""
    texts = {node.value for node in ast.walk(TREES["data.py"]) if _is_text(node)}
    found = {table for text in texts for table in PUBLISHED.findall(text)}
    assert "kpi_" in texts, "data.py makes the seven names of a slug"
    return found | {f"kpi_{slug}" for slug in SLUGS}


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("name", MODULES)
def test_only_ui_knows_the_component_libraries(name: str) -> None:
    assert name.startswith("ui/") or not uses(name, *COMPONENTS)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_here_makes_numbers(name: str) -> None:
    assert not uses(name, *WORK)


def test_the_application_does_not_load_what_makes_the_numbers() -> None:
    """Nor does anything that it imports."""
    done = subprocess.run(
        [sys.executable, "-c", "import dashboard.app, sys; print(*sys.modules)"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = done.stdout.split()
    assert "dash" in loaded
    assert [module for module in WORK if module in loaded] == []


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("viewmodel/")])
def test_the_viewmodel_is_pure(name: str) -> None:
    outside = ("dash", "flask", "duckdb", "dashboard.data", "dashboard.releases", "dashboard.ui",
               "dashboard.pages", "dashboard.app", *COMPONENTS)  # fmt: skip
    assert not uses(name, *outside)


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("ui/")])
def test_looks_read_no_data(name: str) -> None:
    assert not uses(name, "duckdb", "dashboard.data", "dashboard.releases", "dashboard.pages")


@pytest.mark.parametrize("name", MODULES)
def test_sql_stands_in_data_alone(name: str) -> None:
    """`releases.py` runs what it is given, and chooses the database and its settings."""
    assert name == "data.py" or not list(calls(name, "rows"))
    assert name == "releases.py" or not uses(name, "duckdb")
    for call in calls(name, "execute", "executemany", "sql", "query"):
        assert name == "releases.py", f"{name}:{call.lineno} asks a database"
        text = call.args[0]
        if isinstance(text, ast.Constant):
            assert str(text.value).startswith(("use ", "set ")), f"{name}:{call.lineno}"
        else:
            assert isinstance(text, ast.Name), f"{name}:{call.lineno} writes SQL"


def test_queries_bind_what_comes_from_outside() -> None:
    """What is put into a text is made of the file's own names, not of a view, an address or a row."""
    own = {"member", "narrowed", "_table", "_columns", "cases", "edges"}
    for node in ast.walk(TREES["data.py"]):
        if isinstance(node, ast.JoinedStr) and any(
            _is_text(part) and re.search(r"\b(select|and|from|else)\b", part.value) for part in node.values
        ):
            named = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
            outside = named - {"len", "slug", "columns"} - own
            assert not outside, f"data.py:{node.lineno} puts {outside} into SQL"
    made = {
        ast.unparse(node.value)
        for node in ast.walk(TREES["data.py"])
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("member", "narrowed")
    }
    assert made == {"_is(view.member)", "_and(_records(view))"}  # which take the names of columns alone


def test_the_exposure_names_what_the_queries_read() -> None:
    """`dbt docs` and the lineage show who is hit by a change of a table; this list cannot fall behind."""
    text = (PROJECT_ROOT / "models" / "_exposures.yml").read_text(encoding="utf-8")
    [exposure] = [one for one in yaml.safe_load(text)["exposures"] if one["name"] == "dashboard"]
    named = [re.fullmatch(r"ref\('(\w+)'\)", entry) for entry in exposure["depends_on"]]
    assert all(named)
    tables = [match[1] for match in named if match]
    assert len(tables) == len(set(tables))
    assert set(tables) == tables_read()


def test_every_language_is_a_file_of_messages() -> None:
    from dashboard.view import LANGUAGES

    assert {path.stem for path in (PACKAGE / "messages").glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("name", [name for name in MODULES if MODULES[name].stat().st_size])
def test_a_module_opens_with_its_charter(name: str) -> None:
    text = ast.get_docstring(TREES[name]) or ""
    assert Path(name).name == "__init__.py" or ("Belongs here" in text and "not" in text)
