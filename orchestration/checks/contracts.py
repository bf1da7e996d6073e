"""The contract of every published table, read from the dbt YAML that stands beside its model.

Belongs here: the shape of a contract, reading it from `models/marts/**/*.yml` and refusing what is wrong in
it, and the list of checks that follows from it. Does not belong here: running one (`schema.py`, `audit.py`).

The YAML is the one description of a table: dbt documents from it, the release takes its comments from it, and
the checks are generated from it. Nothing heavy is imported here, so that definitions load fast.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections import abc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal, cast

from orchestration.checks.located_yaml import Mapping, read_yaml
from orchestration.errors import SettingsError

Severity = Literal["error", "warn"]
Kind = Literal["model", "seed"]
Scalar = str | int | float | bool | date | datetime

KINDS = ("varchar", "bigint", "integer", "double", "boolean", "date", "timestamp", "decimal")
"""What a column can be; `decimal` carries its precision and scale, as in `decimal(18,2)`."""

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_DECIMAL = re.compile(r"^decimal\((\d+),(\d+)\)$")
_TABLE_META = ("key", "minimum_rows", "rules", "example")
_COLUMN_META = ("required", "minimum", "maximum", "allowed", "personal")
_RULE_KEYS = ("name", "expression", "severity", "violated_by")
_BOUNDS: dict[str, tuple[type, ...]] = {
    "bigint": (int,),
    "integer": (int,),
    "double": (int, float),
    "decimal": (int, float),
    "date": (date,),
    "timestamp": (date, datetime),
}
"""What a minimum or maximum in YAML has to be."""
_KINDS: dict[str, Kind] = {"models": "model", "seeds": "seed"}
"""Keys of a YAML file, and what makes the tables that are described under them."""
_FOR_OTHERS = ("dagster", "owner", "by", "touched_by")
"""Keys of `config.meta` that other tools read; they say nothing about the data."""


@dataclass(frozen=True)
class Check:
    """One thing that is checked of a table. `name` is stable and unique within the table.

    `column` is null where the check looks at several columns; `phrase` says the demand in a few words.
    """

    name: str
    column: str | None
    severity: Severity
    phrase: str


@dataclass(frozen=True)
class Column:
    """One column in its place. `minimum` and `maximum` are inclusive; null fulfils all but `required`.

    A `personal` column stops the release (`personal.py`).
    """

    name: str
    data_type: str
    description: str
    required: bool = False
    minimum: Scalar | None = None
    maximum: Scalar | None = None
    allowed: tuple[str | int, ...] | None = None
    personal: bool = False

    @property
    def kind(self) -> str:
        """The type without its parameters, one of `KINDS`."""
        return self.data_type.partition("(")[0]

    @property
    def precision_and_scale(self) -> tuple[int, int]:
        """Of a `decimal(p,s)` column."""
        match = _DECIMAL.match(self.data_type)
        assert match is not None, f"{self.name} is no decimal"
        return int(match.group(1)), int(match.group(2))

    def checks(self) -> Iterator[Check]:
        yield Check(f"{self.name}.type", self.name, "error", f"type {self.data_type}")
        if self.required:
            yield Check(f"{self.name}.required", self.name, "error", "required")
        if self.kind == "double":
            yield Check(f"{self.name}.finite", self.name, "error", "neither NaN nor infinite")
        if self.minimum is not None:
            yield Check(f"{self.name}.minimum", self.name, "error", f"minimum {self.minimum}")
        if self.maximum is not None:
            yield Check(f"{self.name}.maximum", self.name, "error", f"maximum {self.maximum}")
        if self.allowed is not None:
            phrase = "one of " + ", ".join(str(value) for value in self.allowed)
            yield Check(f"{self.name}.allowed", self.name, "error", phrase)


@dataclass(frozen=True)
class Rule:
    """A condition that every row fulfils, as SQL over its columns; null counts as fulfilled.

    `violated_by` gives values of a row that breaks it, for the gate tests where they cannot find one.
    """

    name: str
    expression: str
    severity: Severity = "error"
    violated_by: tuple[tuple[str, Scalar | None], ...] = ()

    def check(self) -> Check:
        return Check(f"rule.{self.name}", None, self.severity, f"{self.name}: {self.expression}")


@dataclass(frozen=True)
class Contract:
    """What a published table promises.

    `example` gives values of a valid row, for the gate tests where they cannot find one; `file` is the YAML
    it was read from, relative to the models' folder.
    """

    table: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    minimum_rows: int = 0
    rules: tuple[Rule, ...] = ()
    example: tuple[tuple[str, Scalar | None], ...] = ()
    file: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """The columns of the key in the order in which a published table lies: what readers narrow by first.

        As `in_order_of_key` of the macros, which a test holds against it.
        """
        first = [name for name in ("breakdown", "level", "team_id", "rep_id") if name in self.key]
        return (*first, *(name for name in self.key if name not in first))

    def checks(self) -> tuple[Check, ...]:
        """Every check of this table, in the order in which it is reported."""
        found = [Check("columns", None, "error", "exactly the columns of the contract, in order")]
        for column in self.columns:
            found.extend(column.checks())
        found.append(Check("key", None, "error", f"unique key ({', '.join(self.key)})"))
        if self.minimum_rows:
            found.append(Check("minimum_rows", None, "error", f"at least {self.minimum_rows:,} rows"))
        found.extend(rule.check() for rule in self.rules)
        return tuple(found)


def load_contracts(models_dir: Path) -> dict[str, Contract]:
    """The contract of every model under `models_dir/marts`, and of every seed described there, by table name.

    Raises `SettingsError` with file and line for a model without YAML, YAML without a model or seed, a table
    that stands twice, a column without type or description, and anything unknown in `config.meta`.
    """
    marts = models_dir / "marts"
    if not marts.is_dir():
        raise SettingsError(f"{marts}: no such folder; the published tables are the models in it.")
    folders: dict[Kind, tuple[Path, str]] = {
        "model": (marts, ".sql"),
        "seed": (models_dir.parent / "seeds", ".csv"),
    }
    files = {
        kind: {path.stem: path for path in sorted(folder.rglob(f"*{ending}"))}
        for kind, (folder, ending) in folders.items()
    }
    contracts: dict[str, Contract] = {}
    for path in sorted([*marts.rglob("*.yml"), *marts.rglob("*.yaml")]):
        for kind, contract in _read_file(path, models_dir):
            if contract.table in contracts:
                other = contracts[contract.table].file
                raise SettingsError(
                    f"{path}: {kind} '{contract.table}' is described in {other} already; keep one."
                )
            if contract.table not in files[kind]:
                folder, ending = folders[kind]
                raise SettingsError(
                    f"{path}: {kind} '{contract.table}' is described here, "
                    f"and no {contract.table}{ending} stands under {folder}."
                )
            contracts[contract.table] = contract
    for name, path in files["model"].items():
        if name not in contracts:
            raise SettingsError(
                f"{path}: model '{name}' is published and has no contract; describe it in a .yml beside it."
            )
    return dict(sorted(contracts.items()))


def contract_hash(contracts: abc.Mapping[str, Contract]) -> str:
    """SHA-256 over everything that the contracts demand; the same wherever the project stands."""
    plain = {name: dataclasses.asdict(contract) | {"file": ""} for name, contract in contracts.items()}
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_file(path: Path, models_dir: Path) -> Iterator[tuple[Kind, Contract]]:
    document = read_yaml(path)
    if document is None:
        return
    for key, kind in _KINDS.items():
        entries = document.get(key, []) if isinstance(document, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise SettingsError(f"{path}: expected a list of {key} under the key '{key}'.")
        for entry in entries:
            yield kind, _Reader(path, kind, entry).contract(str(path.relative_to(models_dir)))


class _Reader:
    """Reads one table's entry; knows where it is, so that every refusal says file and line."""

    def __init__(self, path: Path, kind: Kind, entry: Mapping) -> None:
        self.path = path
        self.kind = kind
        self.entry = entry
        self.table = str(entry.get("name", "?"))

    def refuse(self, where: Mapping, what: str) -> SettingsError:
        return SettingsError(f"{self.path}:{where.line}: {self.kind} '{self.table}': {what}")

    def contract(self, file: str) -> Contract:
        name = self.name(self.entry, f"the {self.kind}")
        if self.kind == "seed" and self.schema() != "marts":
            raise self.refuse(
                self.entry, "is described beside the marts and stands elsewhere; write config: schema: marts."
            )
        entries = self.entry.get("columns")
        if not isinstance(entries, list) or not entries:
            raise self.refuse(
                self.entry, "has no columns; list every one with its data_type and description."
            )
        columns = tuple(self.column(entry) for entry in entries)
        names = [column.name for column in columns]
        for column in names:
            if names.count(column) > 1:
                raise self.refuse(
                    self.entry, f"column '{column}' is listed {names.count(column)} times; once is right."
                )
        meta = self.meta(self.entry, _TABLE_META)
        contract = Contract(
            table=name,
            description=self.description(self.entry, f"the {self.kind}"),
            columns=columns,
            key=self.key(meta, names),
            minimum_rows=self.whole_number(meta, "minimum_rows"),
            rules=tuple(self.rule(entry, columns) for entry in self.entries(meta, "rules")),
            example=self.values(meta, "example", columns),
            file=file,
        )
        checks = [check.name for check in contract.checks()]
        for check in checks:
            if checks.count(check) > 1:
                raise self.refuse(meta, f"two checks are named '{check}'; rename the rule.")
        return contract

    def schema(self) -> object:
        config = self.entry.get("config")
        return config.get("schema") if isinstance(config, Mapping) else None

    def column(self, entry: object) -> Column:
        if not isinstance(entry, Mapping):
            raise self.refuse(self.entry, f"a column is described as {entry!r}; write '- name: ...'.")
        name = self.name(entry, "a column")
        data_type = str(entry.get("data_type", "")).lower().replace(" ", "")
        kind = data_type.partition("(")[0]
        if (
            kind not in KINDS
            or (kind == "decimal") != bool(_DECIMAL.match(data_type))
            or ("(" in data_type and kind != "decimal")
        ):
            said = f"data_type '{data_type}' is not known" if data_type else "has no data_type"
            known = ", ".join((*KINDS[:-1], "decimal(18,2)"))
            raise self.refuse(entry, f"column '{name}': {said}; write one of {known}.")
        meta = self.meta(entry, _COLUMN_META, f"column '{name}': ")
        required, personal = self.flag(meta, "required", name), self.flag(meta, "personal", name)
        minimum, maximum = (self.bound(meta, side, name, kind) for side in ("minimum", "maximum"))
        if minimum is not None and maximum is not None and minimum > maximum:
            raise self.refuse(meta, f"column '{name}': minimum {minimum} is above maximum {maximum}.")
        return Column(
            name=name,
            data_type=data_type,
            description=self.description(entry, f"column '{name}'"),
            required=required,
            minimum=minimum,
            maximum=maximum,
            allowed=self.allowed(meta, name, kind),
            personal=personal,
        )

    def flag(self, meta: Mapping, key: str, column: str) -> bool:
        value = meta.get(key, False)
        if not isinstance(value, bool):
            raise self.refuse(meta, f"column '{column}': {key} is {value!r}; write true or false.")
        return value

    def name(self, entry: Mapping, what: str) -> str:
        name = entry.get("name")
        if not isinstance(name, str) or not _NAME.match(name):
            raise self.refuse(
                entry, f"the name of {what} is {name!r}; write small letters, digits and underscores."
            )
        return name

    def description(self, entry: Mapping, what: str) -> str:
        text = " ".join(str(entry.get("description") or "").split())
        if not text:
            raise self.refuse(entry, f"{what} has no description; it is what a database client shows.")
        if "{{" in text:
            raise self.refuse(entry, f"the description of {what} holds Jinja; write the text itself.")
        return text

    def meta(self, entry: Mapping, known: tuple[str, ...], what: str = "") -> Mapping:
        if "meta" in entry:
            raise self.refuse(entry, f"{what}meta stands directly under it; dbt wants it as config: meta.")
        config = entry.get("config")
        meta = config.get("meta") if isinstance(config, Mapping) else None
        if meta is None:
            return Mapping({}, entry.line)
        if not isinstance(meta, Mapping):
            raise self.refuse(entry, f"{what}config.meta is no mapping.")
        for key in meta:
            if key not in known and key not in _FOR_OTHERS:
                raise self.refuse(
                    meta, f"{what}config.meta.{key} is not known; known are {', '.join(known)}."
                )
        return meta

    def key(self, meta: Mapping, names: list[str]) -> tuple[str, ...]:
        key = meta.get("key")
        if not isinstance(key, list) or not key:
            raise self.refuse(meta, "config.meta.key is missing; list the columns that make a row unique.")
        for column in key:
            if column not in names or key.count(column) > 1:
                raise self.refuse(
                    meta, f"config.meta.key names '{column}', which is no column or stands there twice."
                )
        return tuple(key)

    def whole_number(self, meta: Mapping, key: str) -> int:
        value = meta.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.refuse(meta, f"config.meta.{key} is {value!r}; write a whole number, 0 or more.")
        return value

    def entries(self, meta: Mapping, key: str) -> list[Mapping]:
        value = meta.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
            raise self.refuse(meta, f"config.meta.{key} is no list of mappings.")
        return value

    def rule(self, entry: Mapping, columns: tuple[Column, ...]) -> Rule:
        for key in entry:
            if key not in _RULE_KEYS:
                raise self.refuse(entry, f"a rule has the key '{key}'; known are {', '.join(_RULE_KEYS)}.")
        name = self.name(entry, "a rule")
        expression = entry.get("expression")
        if not isinstance(expression, str) or not expression.strip():
            raise self.refuse(entry, f"rule '{name}' has no expression; write a condition in SQL.")
        severity = entry.get("severity", "error")
        if severity not in ("error", "warn"):
            raise self.refuse(entry, f"rule '{name}': severity is {severity!r}; write error or warn.")
        return Rule(name, " ".join(expression.split()), severity, self.values(entry, "violated_by", columns))

    def values(
        self, entry: Mapping, key: str, columns: tuple[Column, ...]
    ) -> tuple[tuple[str, Scalar | None], ...]:
        values = entry.get(key, {})
        names = [column.name for column in columns]
        if not isinstance(values, dict) or any(name not in names for name in values):
            raise self.refuse(entry, f"{key} is no mapping from columns of this {self.kind} to values.")
        return tuple(values.items())

    def bound(self, meta: Mapping, side: str, name: str, kind: str) -> Any:
        value = meta.get(side)
        if value is None:
            return None
        if not isinstance(value, _BOUNDS.get(kind, ())) or isinstance(value, bool):
            raise self.refuse(meta, f"column '{name}': {side} {value!r} does not fit a {kind} column.")
        if kind == "timestamp" and not isinstance(value, datetime):
            return datetime.combine(cast(date, value), time())
        return value

    def allowed(self, meta: Mapping, name: str, kind: str) -> tuple[str | int, ...] | None:
        values = meta.get("allowed")
        if values is None:
            return None
        wanted = {"varchar": str, "bigint": int, "integer": int}.get(kind)
        if wanted is None or not isinstance(values, list) or not values:
            raise self.refuse(
                meta, f"column '{name}': allowed is a list of values of a varchar, integer or bigint column."
            )
        for value in values:
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise self.refuse(
                    meta, f"column '{name}': allowed value {value!r} does not fit a {kind} column; quote it?"
                )
        return tuple(values)
