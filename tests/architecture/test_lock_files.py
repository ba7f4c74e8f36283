"""The lock files pin what pyproject.toml asks for, with hashes, and name no index and no machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-postgres.lock")


def pins(lock: str) -> dict[str, str]:
    """Map each package of a lock file to its version."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.MULTILINE)}


def requirements() -> list[tuple[str, str]]:
    """(lock file, requirement) for everything that is asked for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    postgres = [line for line in (ROOT / "requirements-postgres.in").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return [
        *(("requirements.lock", requirement) for requirement in project["dependencies"]),
        *(("requirements-dev.lock", requirement) for requirement in extras),
        *(("requirements-postgres.lock", requirement) for requirement in postgres),
    ]


@pytest.mark.parametrize(("lock", "text"), requirements())
def test_what_is_asked_for_is_pinned_within_its_bounds(lock: str, text: str) -> None:
    requirement = Requirement(text)
    assert requirement.specifier.contains(pins(lock)[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_line_names_an_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|^\s*(-i|-f|--index-url|--extra-index-url|--find-links)\b", text, re.MULTILINE)


def test_the_lock_files_agree_with_one_another() -> None:
    runtime, development, postgres = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= development.items()
    assert {name: development[name] for name in postgres.keys() & development.keys()}.items() <= postgres.items()
