"""What the documents say exists: linked files, make targets, commands, modules, exit codes, versions."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from orchestration.cli import cli
from orchestration.settings import PROJECT_ROOT

OTHERS = {".venv", ".creme", "node_modules", ".pytest_cache", "target"}
DOCUMENTS = sorted(
    file for file in PROJECT_ROOT.rglob("*.md") if not OTHERS & set(file.relative_to(PROJECT_ROOT).parts)
)
MAKEFILE = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
NAMES = [str(file.relative_to(PROJECT_ROOT)) for file in DOCUMENTS]


def read(name: str) -> str:
    return (PROJECT_ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    folder = (PROJECT_ROOT / name).parent
    for link in re.findall(r"\]\(([^)#]+)\)", read(name)):
        if "://" not in link:
            assert (folder / link).exists(), f"{name} links to {link}"


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_exist(name: str) -> None:
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", read(name), re.MULTILINE):
        assert target in TARGETS, f"{name} says make {target}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    for command in re.findall(r"`zeven ([a-z]+)", read(name)):
        assert command in cli.commands, f"{name} says zeven {command}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "DECISIONS.md"])
def test_named_files_exist(name: str) -> None:
    """Paths in backticks; those with a placeholder, a wildcard or in a folder that a run makes aside."""
    made_by_a_run = {"warehouse", "published", "demo_data"}
    folders = {entry.name for entry in PROJECT_ROOT.iterdir() if entry.is_dir()} - made_by_a_run
    tops = "|".join(re.escape(folder) for folder in sorted(folders))
    for path in re.findall(rf"`((?:{tops})/[\w./-]+)`", read(name)):
        assert (PROJECT_ROOT / path).exists(), f"{name} names {path}"


def test_the_readme_is_one_screen() -> None:
    assert len(read("README.md").splitlines()) <= 50


def test_every_target_is_explained_by_make_help() -> None:
    shown = subprocess.run(["make", "help"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    explained = {line.split()[1] for line in shown.stdout.splitlines() if line.startswith("  make ")}
    assert explained == TARGETS


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f"## [{version}]" in read("CHANGELOG.md")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-spark.lock", ".ci/uv.lock"])
def test_locks_name_no_host_and_hash_everything(lock: str) -> None:
    text = read(lock)
    assert "://" not in text, "a lock must not say where packages come from"
    assert not re.search(r"^-", text, re.MULTILINE), "nor carry options"
    pinned = re.findall(r"^[A-Za-z0-9][^\n]*", text, re.MULTILINE)
    assert pinned
    for line in pinned:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", line), f"{line} is not pinned"
        assert line.endswith("\\"), f"{line} has no hash"


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locked = set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", read("requirements.lock"), re.MULTILINE))
    for requirement in wanted:
        name = re.match(r"[\w.-]+", requirement)
        assert name is not None
        assert name.group().lower().replace("_", "-") in locked


@pytest.mark.parametrize("name", [".ci/setup", ".ci/run"])
def test_scripts_can_be_run(name: str) -> None:
    assert (PROJECT_ROOT / name).stat().st_mode & 0o111


def test_nothing_written_here_names_a_place_it_was_written_in() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    for name in listed.stdout.splitlines():
        file = PROJECT_ROOT / name
        if (
            file.suffix in {".md", ".py", ".toml", ".sql", ".yml", ".yaml"}
            and Path(__file__) != file
            and file.exists()
        ):
            assert str(PROJECT_ROOT) not in file.read_text(encoding="utf-8"), (
                f"{name} names a folder of one machine"
            )
