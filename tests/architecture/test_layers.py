"""The rules that keep the models simple, held by reading them: layers, names, style, lists kept twice."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from orchestration.erasure.people import LEADS_OF_ONE_PERSON
from orchestration.ingest.registry import KINDS
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT
from tests.reference import persons

MODELS = {path.stem: path for path in sorted((PROJECT_ROOT / "models").rglob("*.sql"))}
MACROS = sorted((DBT_PROJECT_DIR / "macros").glob("*.sql"))
CRMS = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())["vars"]["crms"]
MAY_USE = {
    "staging": {"seeds"},  # the spellings of a status that ends a lead
    "intermediate": {"staging", "intermediate", "core", "seeds"},
    "core": {"staging", "intermediate", "core", "seeds"},
    "kpis": {"staging", "intermediate", "core", "kpis", "seeds"},
    "judgement": {"staging", "intermediate", "core", "kpis", "judgement", "seeds"},
    "overview": {"staging", "intermediate", "core", "kpis", "judgement", "seeds"},
}
OVERVIEW = ("kpi_scorecard", "kpi_signals")
"""The two kpi tables that are no metric: they stand beside them, and are made from what is judged of them."""
OF_DBT = {"create_schema", "create_table_as"}
"""dbt's own macros, which it looks for here first."""
NOT_PORTABLE = {
    r"::\w": "write cast(x as type)",
    r"\bqualify\b": "number the rows in a CTE",
    r"\* (exclude|replace)\b": "name the columns",
    r"\b(strftime|epoch|epoch_us|date_diff|datediff|timezone)\s*\(": "use the macro",
    r"\b(isodow|generate_series|unnest)\s*\(": "use the macro",
    r"\bignore nulls\b": "not on both engines",
    r"\basof join\b": "not on both engines",
    r"\bover \(\w+ (order|rows|range)\b": "Spark lets no window build on a named one: write it out",
    r"\bround\([^()]*, *\d+\)": "ties of doubles differ: use the rounded macro",
    r"/ *\d+\.\d": "a decimal on Spark, of few digits: use the ratio macro",
    r"\bcount_if\s*\(": "HUGEINT on DuckDB: count(*) filter (where ...)",
    r"\bavg\s*\((?!cast|age_days|lead_capacity)": "depends on the order of rows: use the mean macro",
}


def text_of(name: str) -> str:
    """The model without its comments, in SQL and in Jinja."""
    text = MODELS[name].read_text(encoding="utf-8")
    return re.sub(r"--[^\n]*|\{#.*?#\}", "", text, flags=re.DOTALL)


def layer_of(name: str) -> str:
    if name not in MODELS:
        return "seeds"
    if name in OVERVIEW:
        return "overview"
    parts = MODELS[name].relative_to(PROJECT_ROOT / "models").parts
    return parts[1] if parts[0] == "marts" else parts[0]


def refs(name: str) -> set[str]:
    return set(re.findall(r"ref\('(\w+)'\)", text_of(name)))


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_model_uses_only_its_own_layer_and_those_above(model: str) -> None:
    used = {ref: layer_of(ref) for ref in refs(model)}
    wrong = {ref: layer for ref, layer in used.items() if layer not in MAY_USE[layer_of(model)]}
    assert not wrong


def test_only_staging_knows_a_crm(model: str) -> None:
    if layer_of(model) == "staging":
        assert re.search(r"\bsource\('", text_of(model))
        return
    assert not re.search(r"\bsource\('", text_of(model))
    assert {ref for ref in refs(model) if ref.startswith("stg_")} <= {"stg_zeven__run"}
    for crm in (*CRMS, "salesforce", "hubspot", "pipedrive"):
        assert not re.search(rf"\b{crm}\b", text_of(model))


def test_a_model_is_named_after_its_layer(model: str) -> None:
    if model == "data_warnings":
        return
    fronts: dict[str, str | tuple[str, ...]] = {
        "staging": "stg_",
        "intermediate": "int_",
        "core": ("dim_", "fct_"),
        "kpis": "kpi_",
        "judgement": "int_",
        "overview": "kpi_",
    }
    assert model.startswith(fronts[layer_of(model)])


def test_house_style(model: str) -> None:
    lines = MODELS[model].read_text(encoding="utf-8").splitlines()
    assert re.match(r"-- One row", lines[0]), "a model opens with its grain"
    assert re.fullmatch(r"select \* from \w+", lines[-1])
    assert len(lines) <= 95
    assert not [line for line in lines if line != line.rstrip()]


def test_no_model_reads_the_clock(model: str) -> None:
    assert not re.search(
        r"\b(current_\w+|now\s*\(|today\s*\(|get_current_time|run_started_at)", text_of(model)
    )


@pytest.mark.parametrize("construct", NOT_PORTABLE)
def test_models_keep_to_what_two_engines_understand_alike(construct: str) -> None:
    found = [name for name in MODELS if re.search(construct, text_of(name), re.IGNORECASE)]
    assert not found, NOT_PORTABLE[construct]


def test_every_macro_for_one_engine_has_one_for_the_other() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in MACROS)
    duckdb, spark = (set(re.findall(rf"macro {engine}__(\w+)", text)) for engine in ("duckdb", "spark"))
    assert duckdb == spark - OF_DBT != set()
    assert spark >= OF_DBT


def test_every_macro_is_used() -> None:
    macros = "\n".join(path.read_text(encoding="utf-8") for path in MACROS)
    sql = macros + "\n".join(path.read_text(encoding="utf-8") for path in MODELS.values())
    names = set(re.findall(r"macro (\w+)\(", macros))
    called_by_dbt = {"generate_schema_name"}
    dispatched = {name for name in names if name.startswith(("duckdb__", "spark__"))}
    unused = {
        name for name in names - called_by_dbt - dispatched if len(re.findall(rf"\b{name}\b\s*\(", sql)) < 2
    }
    assert not unused


def test_every_model_is_described() -> None:
    described: dict[str, str] = {}
    for path in (PROJECT_ROOT / "models").rglob("*.yml"):
        for entry in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            described[entry["name"]] = entry.get("description", "")
    assert set(described) == set(MODELS)
    assert all(text.startswith("One row") for text in described.values())


def test_the_catalog_is_the_list_of_metrics() -> None:
    """One slug per metric, in file, catalog and scorecard; the headline column exists."""
    with (PROJECT_ROOT / "seeds" / "metric_catalog.csv").open(encoding="utf-8") as file:
        catalog = {row["slug"]: row for row in csv.DictReader(file)}
    files = {name.removeprefix("kpi_") for name in MODELS if layer_of(name) == "kpis"}
    assert set(catalog) == files
    headlines = dict(re.findall(r"'(\w+)': '(\w+)'", text_of("kpi_scorecard").split("%}")[0]))
    assert headlines == {slug: row["headline_column"] for slug, row in catalog.items()}
    for slug, row in catalog.items():
        described = yaml.safe_load((MODELS[f"kpi_{slug}"].with_suffix(".yml")).read_text(encoding="utf-8"))
        assert row["headline_column"] in [column["name"] for column in described["models"][0]["columns"]]


def test_signals_are_the_same_in_rules_texts_and_contract() -> None:
    """A signal is one select with `finding('<signal>', ...)`, its texts, and a value of the contract."""
    rules: dict[str, set[str]] = {}
    macros = "\n".join(path.read_text(encoding="utf-8") for path in MACROS)
    for name in MODELS:
        for call in re.findall(r"\{\{ finding\((.*?)\n    \) \}\}", text_of(name), re.DOTALL):
            variant = re.search(r'variant=(?:"(.+?)"|(\w+)\()', call)
            assert "variant=" not in call or variant, call
            said = "'any'"
            if variant:
                body = re.search(rf"macro {variant[2]}\(.*?endmacro", macros, re.DOTALL)
                said = variant[1] or (body[0] if body else "")
            [signal] = re.findall(r"^\s*'(\w+)'", call)
            rules[signal] = set(re.findall(r"(?:then|else) '(\w+)'", said)) or {"any"}
    with (PROJECT_ROOT / "seeds" / "signal_texts.csv").open(encoding="utf-8") as file:
        texts = list(csv.DictReader(file))
    told: dict[str, set[str]] = {}
    for row in texts:
        told.setdefault(row["signal"], set()).add(row["variant"])
    assert told == rules
    described = yaml.safe_load(MODELS["kpi_signals"].with_suffix(".yml").read_text(encoding="utf-8"))
    [column] = [column for column in described["models"][0]["columns"] if column["name"] == "signal"]
    assert column["config"]["meta"]["allowed"] == list(told)
    definitions = (PROJECT_ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    assert [signal for signal in told if f"`{signal}`" not in definitions] == []


def test_texts_of_signals_say_the_same_in_both_languages() -> None:
    macros = (DBT_PROJECT_DIR / "macros" / "words.sql").read_text(encoding="utf-8")
    known = set(re.findall(r"^        '(\w+)': ", macros.split("macro worded")[1], re.MULTILINE))
    with (PROJECT_ROOT / "seeds" / "signal_texts.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            english, dutch = (
                sorted(re.findall(r"\{(\w+)\}", row[f"text_{language}"])) for language in ("en", "nl")
            )
            assert english == dutch, row["signal"]
            assert set(english) <= known, row["signal"]
            for language in ("en", "nl"):
                # "The company" starts with a capital, so it starts a sentence
                assert not re.search(r"[^.?!] +\{who\}", row[f"text_{language}"]), row["signal"]


def test_every_kpi_table_describes_the_shared_columns_alike() -> None:
    shared: dict[str, set[str]] = {}
    for name in MODELS:
        if layer_of(name) != "kpis":
            continue
        described = yaml.safe_load(MODELS[name].with_suffix(".yml").read_text(encoding="utf-8"))["models"][0]
        for column in described["columns"][:9]:
            if column["name"] not in ("breakdown", "period_type"):  # their values differ by metric
                shared.setdefault(column["name"], set()).add(yaml.safe_dump(column))
    assert len(shared) == 7
    assert {name: len(texts) for name, texts in shared.items() if len(texts) > 1} == {}


def test_every_crm_has_a_reader_and_a_staging_folder() -> None:
    folders = {path.name for path in (PROJECT_ROOT / "models" / "staging").iterdir() if path.is_dir()}
    assert folders - {"zeven"} == {kind.CRM for kind in KINDS.values()} >= set(CRMS)


def test_every_crm_delivers_every_entity() -> None:
    calls = "\n".join(text_of(name) for name in MODELS)
    entities = set(re.findall(r"union_crms\('(\w+)'\)", calls))
    for crm in {kind.CRM for kind in KINDS.values()}:
        delivered = {
            path.stem.split("__")[1] for path in (PROJECT_ROOT / "models" / "staging" / crm).glob("*.sql")
        }
        assert delivered == entities


def test_python_layers() -> None:
    """Ingest and checks know of nothing else; what hands them to Dagster stands in modules of its own."""
    package = Path(PROJECT_ROOT / "orchestration")
    for path in package.rglob("*.py"):
        if path.name in ("assets.py", "asset_checks.py"):
            continue
        text = path.read_text(encoding="utf-8")
        area = path.relative_to(package).parts[0]
        if area == "ingest":
            assert not re.search(r"orchestration\.(checks|publish|transform)\b", text), path
        if area == "checks":
            assert not re.search(r"orchestration\.(ingest|transform)\b", text), path


def test_how_many_leads_can_be_one_persons_is_one_number() -> None:
    declared = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())["vars"]
    assert declared["leads_of_one_person"] == LEADS_OF_ONE_PERSON == persons.LEADS_OF_ONE_PERSON
    for name in ("definitions.md", "privacy.md", "sources/several.md"):
        prose = (PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8").lower()
        assert f"more than {LEADS_OF_ONE_PERSON} leads" in prose, name
