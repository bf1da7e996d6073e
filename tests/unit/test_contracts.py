"""Reading contracts from the YAML beside the models: what is understood, and what is refused in which words."""

# ruff: noqa: E501 (the sentences are quoted whole)
from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from orchestration.checks.contracts import Column, Contract, Rule, contract_hash, load_contracts
from orchestration.errors import SettingsError

GOOD = """\
models:
  - name: kpi_a
    description: |
      One row
      per month.
    config:
      materialized: table
      meta:
        key: [month]
        minimum_rows: 3
        owner: sales
        dagster: {group: kpis}
        rules:
          - {name: won_within_all, expression: "won <=  leads", severity: warn, violated_by: {won: 2, leads: 1}}
        example: {leads: 4}
    columns:
      - name: month
        data_type: DATE
        description: First day.
        data_tests: [not_null]
        config: {meta: {required: true, minimum: 2000-01-01}}
      - {name: leads, data_type: bigint, description: Leads., config: {meta: {minimum: 0, maximum: 9}}}
      - {name: won, data_type: bigint, description: Won.}
      - {name: amount, data_type: "decimal(18, 2)", description: Amount.}
      - {name: level, data_type: varchar, description: Level., config: {meta: {allowed: [team, rep]}}}
      - {name: seen_at, data_type: timestamp, description: When., config: {meta: {minimum: 2020-01-01}}}
"""


def models(folder: Path, text: str, *, sql: tuple[str, ...] = ("kpi_a",)) -> Path:
    marts = folder / "models" / "marts" / "kpis"
    marts.mkdir(parents=True, exist_ok=True)
    for name in sql:
        (marts / f"{name}.sql").write_text("select 1")
    (marts / "kpi_a.yml").write_text(text, encoding="utf-8")
    return folder / "models"


def refusal(folder: Path, text: str, *, sql: tuple[str, ...] = ("kpi_a",)) -> str:
    with pytest.raises(SettingsError) as refused:
        load_contracts(models(folder, text, sql=sql))
    sentence = str(refused.value)
    assert sentence.count("\n") == 0, "a refusal is one sentence"
    return sentence.replace(f"{folder}/models/marts/kpis/", "")


def test_everything_in_a_contract_is_read(tmp_path: Path) -> None:
    contract = load_contracts(models(tmp_path, GOOD))["kpi_a"]
    assert contract == Contract(
        table="kpi_a",
        description="One row per month.",
        columns=(
            Column("month", "date", "First day.", required=True, minimum=date(2000, 1, 1)),
            Column("leads", "bigint", "Leads.", minimum=0, maximum=9),
            Column("won", "bigint", "Won."),
            Column("amount", "decimal(18,2)", "Amount."),
            Column("level", "varchar", "Level.", allowed=("team", "rep")),
            Column("seen_at", "timestamp", "When.", minimum=datetime(2020, 1, 1)),  # noqa: DTZ001
        ),
        key=("month",),
        minimum_rows=3,
        rules=(Rule("won_within_all", "won <= leads", "warn", (("won", 2), ("leads", 1))),),
        example=(("leads", 4),),
        file="marts/kpis/kpi_a.yml",
    )


def test_every_demand_is_a_check_with_a_stable_name(tmp_path: Path) -> None:
    contract = load_contracts(models(tmp_path, GOOD))["kpi_a"]
    assert [check.name for check in contract.checks()] == [
        "columns",
        "month.type",
        "month.required",
        "month.minimum",
        "leads.type",
        "leads.minimum",
        "leads.maximum",
        "won.type",
        "amount.type",
        "level.type",
        "level.allowed",
        "seen_at.type",
        "seen_at.minimum",
        "key",
        "minimum_rows",
        "rule.won_within_all",
    ]
    assert [check.name for check in contract.checks() if check.severity == "warn"] == ["rule.won_within_all"]


def test_a_double_is_always_checked_for_being_a_number() -> None:
    assert [check.name for check in Column("x", "double", "d").checks()] == ["x.type", "x.finite"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("data_type: bigint, description: Won.", "description: Won.", "kpi_a.yml:23: model 'kpi_a': column 'won': has no data_type; write one of varchar, bigint, integer, double, boolean, date, timestamp, decimal(18,2)."),
        ("bigint, description: Won.", "int128, description: Won.", "kpi_a.yml:23: model 'kpi_a': column 'won': data_type 'int128' is not known; write one of varchar, bigint, integer, double, boolean, date, timestamp, decimal(18,2)."),
        ("bigint, description: Won.", "decimal, description: Won.", "kpi_a.yml:23: model 'kpi_a': column 'won': data_type 'decimal' is not known; write one of varchar, bigint, integer, double, boolean, date, timestamp, decimal(18,2)."),
        ("bigint, description: Won.", "varchar(9), description: Won.", "kpi_a.yml:23: model 'kpi_a': column 'won': data_type 'varchar(9)' is not known; write one of varchar, bigint, integer, double, boolean, date, timestamp, decimal(18,2)."),
        (", description: Won.", "", "kpi_a.yml:23: model 'kpi_a': column 'won' has no description; it is what a database client shows."),
        ("description: Won.", "description: \"{{ doc('won') }}\"", "kpi_a.yml:23: model 'kpi_a': the description of column 'won' holds Jinja; write the text itself."),
        ("name: won,", "name: Won,", "kpi_a.yml:23: model 'kpi_a': the name of a column is 'Won'; write small letters, digits and underscores."),
        ("name: won,", "name: leads,", "kpi_a.yml:2: model 'kpi_a': column 'leads' is listed 2 times; once is right."),
        ("minimum: 0", "minimun: 0", "kpi_a.yml:22: model 'kpi_a': column 'leads': config.meta.minimun is not known; known are required, minimum, maximum, allowed, personal."),
        ("minimum: 0", "minimum: zero", "kpi_a.yml:22: model 'kpi_a': column 'leads': minimum 'zero' does not fit a bigint column."),
        ("minimum: 0", "minimum: 10", "kpi_a.yml:22: model 'kpi_a': column 'leads': minimum 10 is above maximum 9."),
        ("required: true", "required: 1", "kpi_a.yml:21: model 'kpi_a': column 'month': required is 1; write true or false."),
        ("[team, rep]", "[team, no]", "kpi_a.yml:25: model 'kpi_a': column 'level': allowed value False does not fit a varchar column; quote it?"),
        ("[team, rep]", "team", "kpi_a.yml:25: model 'kpi_a': column 'level': allowed is a list of values of a varchar, integer or bigint column."),
        ("key: [month]", "key: [maand]", "kpi_a.yml:9: model 'kpi_a': config.meta.key names 'maand', which is no column or stands there twice."),
        ("        key: [month]\n", "", "kpi_a.yml:9: model 'kpi_a': config.meta.key is missing; list the columns that make a row unique."),
        ("minimum_rows: 3", "minimum_rows: -1", "kpi_a.yml:9: model 'kpi_a': config.meta.minimum_rows is -1; write a whole number, 0 or more."),
        ("owner: sales", "freshness: 1", "kpi_a.yml:9: model 'kpi_a': config.meta.freshness is not known; known are key, minimum_rows, rules, example."),
        ("severity: warn", "severity: warning", "kpi_a.yml:14: model 'kpi_a': rule 'won_within_all': severity is 'warning'; write error or warn."),
        ("severity: warn", "level: warn", "kpi_a.yml:14: model 'kpi_a': a rule has the key 'level'; known are name, expression, severity, violated_by."),
        ("won: 2,", "sold: 2,", "kpi_a.yml:14: model 'kpi_a': violated_by is no mapping from columns of this model to values."),
        ("    config:\n      materialized: table\n      meta:", "    config: {}\n    meta:", "kpi_a.yml:2: model 'kpi_a': meta stands directly under it; dbt wants it as config: meta."),
        ("    columns:\n", "    columns: []\n    more:\n", "kpi_a.yml:2: model 'kpi_a': has no columns; list every one with its data_type and description."),
        ("minimum_rows: 3", "key: [won]", "kpi_a.yml:9: is no valid YAML: the key 'key' stands twice."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert GOOD.count(old) == 1
    assert refusal(tmp_path, GOOD.replace(old, new)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("models: [\n", "kpi_a.yml:2: is no valid YAML: "),
        ("- models\n", "kpi_a.yml: expected a list of models under the key 'models'."),
        ("models: {name: a}\n", "kpi_a.yml: expected a list of models under the key 'models'."),
    ],
)
def test_a_file_that_describes_no_models_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(tmp_path, text).startswith(sentence)


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    rule = '          - {name: won_within_all, expression: "won > 0"}\n'
    said = refusal(tmp_path, GOOD.replace("        example:", f"{rule}        example:"))
    assert said == "kpi_a.yml:9: model 'kpi_a': two checks are named 'rule.won_within_all'; rename the rule."


def test_a_model_without_yaml_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD, sql=("kpi_a", "kpi_b"))
    assert said == (
        "kpi_b.sql: model 'kpi_b' is published and has no contract; describe it in a .yml beside it."
    )


def test_yaml_without_a_model_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD, sql=("kpi_b",))
    assert said.startswith("kpi_a.yml: model 'kpi_a' is described here, and no kpi_a.sql stands under ")


SEED = """
seeds:
  - name: catalog
    description: One row per metric.
    config: {schema: marts, meta: {key: [slug]}}
    columns:
      - {name: slug, data_type: varchar, description: Slug.}
"""


def seeds(folder: Path, *names: str) -> None:
    (folder / "seeds").mkdir()
    for name in names:
        (folder / "seeds" / f"{name}.csv").write_text("slug\n")


def test_a_seed_described_beside_the_marts_is_published_and_no_other(tmp_path: Path) -> None:
    seeds(tmp_path, "catalog", "holidays")
    contracts = load_contracts(models(tmp_path, GOOD + SEED))
    assert list(contracts) == ["catalog", "kpi_a"]
    assert contracts["catalog"] == Contract(
        table="catalog",
        description="One row per metric.",
        columns=(Column("slug", "varchar", "Slug."),),
        key=("slug",),
        file="marts/kpis/kpi_a.yml",
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("schema: marts, ", "", "kpi_a.yml:29: seed 'catalog': is described beside the marts and stands elsewhere; write config: schema: marts."),
        ("schema: marts", "schema: seeds", "kpi_a.yml:29: seed 'catalog': is described beside the marts and stands elsewhere; write config: schema: marts."),
        ("[slug]", "[name]", "kpi_a.yml:31: seed 'catalog': config.meta.key names 'name', which is no column or stands there twice."),
        ("One row per metric.", "''", "kpi_a.yml:29: seed 'catalog': the seed has no description; it is what a database client shows."),
        ("data_type: varchar, ", "", "kpi_a.yml:33: seed 'catalog': column 'slug': has no data_type; write one of varchar, bigint, integer, double, boolean, date, timestamp, decimal(18,2)."),
        ("name: catalog", "name: kpi_a", "kpi_a.yml: seed 'kpi_a' is described in marts/kpis/kpi_a.yml already; keep one."),
    ],
)  # fmt: skip
def test_a_seed_is_refused_as_a_model_is(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    seeds(tmp_path, "catalog")
    assert SEED.count(old) == 1
    assert refusal(tmp_path, GOOD + SEED.replace(old, new)) == sentence


def test_a_seed_without_its_file_is_refused(tmp_path: Path) -> None:
    seeds(tmp_path, "other")
    said = refusal(tmp_path, GOOD + SEED)
    assert said.startswith("kpi_a.yml: seed 'catalog' is described here, and no catalog.csv stands under ")


def test_a_file_that_lists_no_seeds_is_refused(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path, "seeds: {name: a}\n")
        == "kpi_a.yml: expected a list of seeds under the key 'seeds'."
    )


def test_a_model_described_twice_is_refused(tmp_path: Path) -> None:
    folder = models(tmp_path, GOOD)
    (folder / "marts" / "other.yml").write_text(GOOD)
    with pytest.raises(SettingsError, match=r"is described in marts/kpis/kpi_a\.yml already; keep one"):
        load_contracts(folder)


def test_without_a_folder_of_marts_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such folder; the published tables are the models in it"):
        load_contracts(tmp_path)


def test_the_hash_changes_with_a_demand_and_not_with_the_place(tmp_path: Path) -> None:
    here = contract_hash(load_contracts(models(tmp_path / "here", GOOD)))
    assert here == contract_hash(load_contracts(models(tmp_path / "there", GOOD)))
    assert here != contract_hash(
        load_contracts(models(tmp_path / "changed", GOOD.replace("maximum: 9", "maximum: 8")))
    )


def test_reading_contracts_imports_nothing_heavy() -> None:
    code = (
        "import sys, orchestration.checks.contracts, orchestration.checks.audit\n"
        "heavy = {'pandera', 'polars', 'duckdb', 'dagster'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
