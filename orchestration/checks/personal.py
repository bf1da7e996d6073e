"""Personal data in what is about to be published: columns marked so, e-mail addresses, phone numbers.

Belongs here: which columns are marked personal, and looking at the values of all others. Does not belong
here: the contracts' own checks (`contracts.py`), and what follows from a finding (`publish/`).

Personal data of prospects and contacts stays in raw and staging; reps are employees, and their names are
what a sales table is about. Staging marks its columns with `config: meta: {personal: true}`: a published
column of that name is refused, wherever it comes from. Values are looked at because a column's name says
nothing of what a source puts in it. Names of people cannot be told from names of companies, so nothing looks
for them. What is said names table, column and count; never a value, and never a key, which may be the address
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.checks.contracts import Contract
from orchestration.checks.located_yaml import Mapping as Located
from orchestration.checks.located_yaml import read_yaml
from orchestration.checks.verdicts import Verdict
from orchestration.errors import SettingsError
from orchestration.sql_text import identifier
from orchestration.tables import column_types

if TYPE_CHECKING:
    import duckdb

RULE = "personal"
ADDRESS = r"[^\s@<>\"',;:()\[\]]+@[^\s@<>\"',;:()\[\]]+\.[^\s@<>\"',;:()\[\].0-9]{2,}"
"""One value is enough to stop: nothing but an address looks like that, also inside a longer text."""
_NUMBERS = (
    r"\+[1-9][0-9]{0,2}(?:[ ()/-]{0,2}[0-9]){6,12}",  # +31 6 12345678, +31(0)20-1234567
    r"00[1-9][0-9]{0,2}[ -][0-9]{1,4}(?:[ -][0-9]{2,8})+",  # 0031 6 12345678
    r"0[1-9][0-9]{0,3}-[0-9]{6,8}",  # 06-12345678, 0172-123456
    r"0[1-9][0-9]{0,3}[ -][0-9]{2,4}(?: [0-9]{2,4})+",  # 06 12 34 56 78, 020-123 45 67
    r"0[1-9] [0-9]{8}",  # 06 12345678
    r"\(0[1-9][0-9]{0,3}\) ?[0-9]{2,4}(?:[ -]?[0-9]{2,4})+",  # (020) 123 45 67
    r"\([2-9][0-9]{2}\) ?[2-9][0-9]{2}-[0-9]{4}",  # (555) 234-5678
    r"[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",  # 555-234-5678
)
PHONE = rf"(?:^|[\s;,(]|[Tt]el[.:]? ?)({'|'.join(_NUMBERS)})[.,;!?)]*(?:\s|$)"
"""A number that stands alone and is written as phone numbers are: with a plus, brackets, groups after a zero.

Ten digits in a row may be an order number, and are let through. Ids have their source in front, as in
`crm:0123-456789`, and so never stand alone.
"""
_THOUSANDS = r"^\+[0-9]{1,3}(?: [0-9]{3})+$"
"""+12 500 000 is an amount."""
FEWEST_DIGITS, MOST_DIGITS = 9, 15
"""A date has eight, a phone number with its country at most fifteen (E.164)."""


def marked_personal(models_dir: Path) -> dict[str, str]:
    """The staging columns that are marked personal, each with a model that marks it."""
    found: dict[str, str] = {}
    for path in sorted((models_dir / "staging").rglob("*.yml")):
        document = read_yaml(path)
        models = document.get("models", []) if isinstance(document, dict) else []
        for model in models:
            for column in model.get("columns") or []:
                if _is_marked(path, column):
                    found.setdefault(str(column.get("name")), str(model.get("name")))
    return found


def audit_personal(
    con: duckdb.DuckDBPyConnection, contract: Contract, marked: Mapping[str, str], *, schema: str
) -> list[Verdict]:
    """One verdict for the table where all is well, else one per column and kind of finding."""
    columns = column_types(con, schema, contract.table)
    texts = [name for name, data_type in columns.items() if data_type == "VARCHAR"]
    source = f"{identifier(schema)}.{identifier(contract.table)}"
    counts = ", ".join(["count(*)", *(count for name in texts for count in _counts(identifier(name)))])
    [row] = con.execute(f"select {counts} from {source}").fetchall()  # noqa: S608 (quoted)
    total, found = int(row[0]), [int(count) for count in row[1:]]
    in_contract = {column.name for column in contract.columns if column.personal}
    verdicts = [
        _verdict(contract, "marked", name, total, total, _why_marked(contract, name, marked))
        for name in columns
        if name in in_contract or name in marked
    ]
    for name, addresses, numbers in zip(texts, found[::2], found[1::2], strict=True):
        if addresses:
            verdicts.append(_verdict(contract, "addresses", name, addresses, total, "e-mail addresses"))
        if numbers:
            verdicts.append(_verdict(contract, "phone_numbers", name, numbers, total, "phone numbers"))
    message = f"{contract.table}: no personal data in {total:,} rows."
    return verdicts or [Verdict(contract.table, RULE, None, "error", True, 0, total, (), message)]


def _counts(column: str) -> Iterator[str]:
    """SQL: in how many rows an address stands, and a phone number.

    An aggregate's filter computes all sides of an `and` for every row, `case` does not: a million rows with
    ten texts each took 1.6 seconds instead of 4.5.
    """
    yield _count(f"contains({column}, '@')", f"regexp_matches({column}, {_text(ADDRESS)})")
    digits = "length(regexp_replace(x, '[^0-9]', '', 'g'))"
    is_number = (
        f"{digits} between {FEWEST_DIGITS} and {MOST_DIGITS} and not regexp_matches(x, {_text(_THOUSANDS)})"
    )
    numbers = f"regexp_extract_all({column}, {_text(PHONE)}, 1)"
    may_be = f"length({column}) >= {FEWEST_DIGITS} and regexp_matches({column}, '[-+ (]')"
    yield _count(
        may_be,
        f"case when regexp_matches({column}, {_text(PHONE)})"
        f" then len(list_filter({numbers}, lambda x: {is_number})) > 0 else false end",
    )


def _count(may_be: str, is_so: str) -> str:
    return f"count(*) filter (case when {may_be} then {is_so} else false end)"


def _verdict(contract: Contract, kind: str, column: str, failing: int, total: int, what: str) -> Verdict:
    subject = f"{contract.table}.{column}"
    if kind == "marked":
        message = f"{subject}: {what}, and would be published with {total:,} rows. Take it out of the model."
    else:
        message = (
            f"{subject}: {failing:,} of {total:,} values hold {what}, which are personal and stay in "
            "staging. Mend the source or its mapping in the settings, or take the column out of the model."
        )
    return Verdict(contract.table, f"{column}.{kind}", column, "error", False, failing, total, (), message)


def _why_marked(contract: Contract, column: str, marked: Mapping[str, str]) -> str:
    return f"is marked personal in {marked.get(column, contract.file or contract.table)}"


def _is_marked(path: Path, column: Located) -> bool:
    config = column.get("config")
    meta = config.get("meta") if isinstance(config, dict) else None
    personal = meta.get("personal", False) if isinstance(meta, dict) else False
    if not isinstance(personal, bool):
        name = column.get("name")
        raise SettingsError(
            f"{path}:{column.line}: column '{name}': personal is {personal!r}; write true or false."
        )
    return personal


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
