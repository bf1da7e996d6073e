"""What came of the checks on a table, in one sentence each, whatever looked at its rows.

Belongs here: the shape of a verdict, how it is told, and the checks that need no rows: columns and types.
Does not belong here: what a contract demands (`contracts.py`), and finding the rows that break it, in this
process (`audit.py`) or where the table stands (`on_engine.py`).

Keys of failing rows are shown, other values never: they may be personal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.checks.contracts import Check, Contract, Severity

SHOWN_KEYS = 20


@dataclass(frozen=True)
class Verdict:
    """What came of one check on one table.

    `keys` holds the keys of the first failing rows (at most 20), as plain JSON values; `message` is what a
    person reads. `failing_rows` is 0 where a check looks at the table as a whole.
    """

    table: str
    rule: str
    column: str | None
    severity: Severity
    passed: bool
    failing_rows: int
    total_rows: int
    keys: tuple[Mapping[str, Any], ...]
    message: str

    @property
    def blocks(self) -> bool:
        """Whether nothing may be published because of it."""
        return not self.passed and self.severity == "error"

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "keys": [dict(key) for key in self.keys]}


@dataclass(frozen=True)
class Finding:
    """A failed check: in how many rows (0 for the table as a whole), and the keys of the first of them."""

    rows: int = 0
    keys: tuple[Mapping[str, Any], ...] = ()


def table_is_missing(contract: Contract) -> list[Verdict]:
    """What is said of a table that is not there."""
    message = f"{contract.table}: the table is missing."
    return [Verdict(contract.table, "columns", None, "error", False, 0, 0, (), message)]


def shape_findings(contract: Contract, types: Mapping[str, str]) -> dict[str, Finding]:
    """The failed checks on columns and types, where `types` are the table's, in the order of its columns."""
    wanted = {column.name: column.data_type for column in contract.columns}
    found = {} if list(types) == list(wanted) else {"columns": Finding()}
    for name, data_type in wanted.items():
        if types.get(name, data_type).lower() != data_type:
            found[f"{name}.type"] = Finding()
    return found


def verdicts_on(
    contract: Contract,
    findings: Mapping[str, Finding],
    total: int,
    types: Mapping[str, str],
    looked_at: int | None = None,
) -> list[Verdict]:
    """One of each check, in the order of `Contract.checks()`, of which `findings` has those that failed.

    On a table of the wrong shape there are those on its shape only: the other checks are written for the
    right one. `looked_at` is how many of the `total` rows were read, all of them unless given.
    """
    shape_is_right = not any(is_of_shape(name) for name in findings)
    of_all = f"{total:,} rows"
    of_read = of_all if looked_at in (None, total) else f"{looked_at:,} changed of {of_all}"
    return [
        _verdict(
            contract,
            check,
            findings.get(check.name),
            total,
            types,
            of_read if is_of_rows(check.name) else of_all,
        )
        for check in contract.checks()
        if is_of_shape(check.name) or shape_is_right
    ]


def is_of_shape(name: str) -> bool:
    return name == "columns" or name.endswith(".type")


def is_of_rows(name: str) -> bool:
    return not is_of_shape(name) and name != "minimum_rows"


def _verdict(
    contract: Contract,
    check: Check,
    finding: Finding | None,
    total: int,
    types: Mapping[str, str],
    read: str,
) -> Verdict:
    subject = contract.table if check.column is None else f"{contract.table}.{check.column}"
    rule = f"rule '{check.phrase}'"
    if finding is None:
        outcome = f"{rule} holds in {read}"
    elif check.name == "columns":
        outcome = _difference(contract, types)
    elif is_of_shape(check.name):
        outcome = f"is {types.get(str(check.column), 'missing')}; expected {check.phrase}"
    elif check.name == "minimum_rows":
        outcome = f"{rule} fails: the table has {total:,}"
    elif finding.rows:
        first = ", ".join(f"{k}={'null' if value is None else value}" for k, value in finding.keys[0].items())
        outcome = f"{rule} fails in {finding.rows:,} of {read}, first at {first}"
    else:
        outcome = f"{rule} could not be computed; mend the rule"
    return Verdict(
        table=contract.table,
        rule=check.name,
        column=check.column,
        severity=check.severity,
        passed=finding is None,
        failing_rows=finding.rows if finding else 0,
        total_rows=total,
        keys=finding.keys if finding else (),
        message=f"{subject}: {outcome}.",
    )


def _difference(contract: Contract, types: Mapping[str, str]) -> str:
    """What is wrong with the columns of a table, in a clause."""
    wanted = [column.name for column in contract.columns]
    missing = [name for name in wanted if name not in types]
    added = [name for name in types if name not in wanted]
    parts = []
    if missing:
        parts.append(f"lacks {_named(missing)}")
    if added:
        parts.append(f"has {_named(added)} that the contract does not know")
    if not parts:
        at = next(i for i, (is_, should) in enumerate(zip(types, wanted, strict=True)) if is_ != should)
        parts.append(f"has '{list(types)[at]}' where the column '{wanted[at]}' belongs")
    return " and ".join(parts)


def _named(columns: Iterable[str]) -> str:
    names = [f"'{name}'" for name in columns]
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"


def plain_key(key: Mapping[str, Any]) -> dict[str, Any]:
    """A key as JSON values."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else str(value)
        for name, value in key.items()
    }
