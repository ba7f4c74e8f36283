"""The import contracts of pyproject.toml hold, and each of them catches what it forbids."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sigma", "scheduler", "pages")
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
}
# (contract that must break, file that gets one more import, the import)
VIOLATIONS = [
    ("layers", "sigma/domain/intruder.py", "from sigma import engines"),
    ("layers", "sigma/engines/intruder.py", "import sigma.ports"),
    ("layers", "sigma/ports/intruder.py", "import sigma.services"),
    ("layers", "sigma/services/intruder.py", "from sigma.store import intruded"),
    ("layers", "sigma/services/orders/intruder.py", "from sigma.adapters.zerodha import intruded"),
    ("layers", "sigma/infra/intruder.py", "import sigma.store"),
    ("layers", "sigma/adapters/intruder.py", "def late() -> None:\n    import sigma.infra"),
    ("layers", "sigma/store/intruder.py", "import sigma.bootstrap"),
    ("layers", "sigma/services/intruder.py", "import sigma.desk"),
    ("layers", "sigma/desk/intruder.py", "import sigma.gateway"),
    ("layers", "sigma/gateway/intruder.py", "import scheduler"),
    ("layers", "scheduler/intruder.py", "import sigma.cli"),
    ("layers", "sigma/cli/intruder.py", "import sigma.gateway"),
    ("layers", "pages/intruder.py", "import scheduler"),
    ("layers", "pages/web/intruder.py", "from sigma.gateway import app"),
    ("layers", "sigma/desk/intruder.py", "import pages"),
    ("doors", "pages/intruder.py", "import sigma.store"),
    ("doors", "scheduler/intruder.py", "import sigma.store"),
    ("doors", "sigma/gateway/intruder.py", "import sigma.engines"),
    ("doors", "sigma/cli/intruder.py", "import sigma.adapters"),
    ("cli-services", "sigma/cli/intruder.py", "from sigma.services import orders"),
    ("pages", "pages/intruder.py", "from sigma.services import orders"),
    ("pages", "pages/web/intruder.py", "import sigma.bootstrap"),
    ("pages", "pages/web/intruder.py", "import sigma.infra.serving"),
    ("brokers", "sigma/adapters/zerodha/intruder.py", "import sigma.adapters.angelone"),
    ("brokers", "sigma/adapters/angelone/intruder.py", "from sigma.adapters import zerodha"),
    ("simulator-users", "sigma/adapters/intruder.py", "import sigma.simulator"),
    ("simulator-users", "scheduler/intruder.py", "import sigma.simulator"),
    ("simulator-users", "sigma/__init__.py", "import sigma.simulator"),
    ("simulator-apart", "sigma/simulator/intruder.py", "import sigma.adapters.zerodha"),
    ("simulator-apart", "sigma/simulator/intruder.py", "import sigma.ports"),
    ("simulator-apart", "sigma/simulator/intruder.py", "import sigma.bootstrap"),
    ("simulator-apart", "sigma/simulator/intruder.py", "import pages"),
    ("sdk", "pages/intruder.py", "import kiteconnect"),
    ("sdk", "sigma/services/intruder.py", "from kiteconnect import KiteConnect"),
    ("sdk", "sigma/simulator/intruder.py", "import kiteconnect"),
    ("sdk", "sigma/adapters/zerodha/intruder.py", "import SmartApi"),
    ("sdk", "sigma/adapters/angelone/intruder.py", "import kiteconnect.exceptions"),
    ("database", "pages/intruder.py", "import sqlalchemy"),
    ("database", "sigma/services/intruder.py", "import sqlalchemy.orm"),
    ("database", "sigma/infra/intruder.py", "import sqlite3"),
    ("database", "sigma/cli/intruder.py", "from alembic import command"),
    ("streamlit", "sigma/desk/intruder.py", "import streamlit as st"),
    ("streamlit", "scheduler/intruder.py", "import streamlit"),
    ("pure", "sigma/domain/intruder.py", "import os.path"),
    ("pure", "sigma/domain/intruder.py", "from pathlib import Path"),
    ("pure", "sigma/engines/intruder.py", "import time"),
    ("pure", "sigma/engines/intruder.py", "import random"),
    ("pure", "sigma/engines/intruder.py", "import requests"),
]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on `tree`, which the environment must not override with the installed packages."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our packages and the contracts in a folder of their own; a bootstrap is added while there is none."""
    tree = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "sigma" / "bootstrap.py").touch()
    return tree


def test_every_contract_is_kept(copied: Path) -> None:
    result = lint(copied)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout


def test_every_contract_has_a_violation_that_tries_it() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(CONTRACTS)


def test_every_broker_folder_is_kept_apart_from_the_others() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    listed = next(set(contract["modules"]) for contract in contracts if contract["id"] == "brokers")
    folders = {f"sigma.adapters.{found.parent.name}" for found in (ROOT / "sigma" / "adapters").glob("*/adapter.py")}
    assert folders <= listed


@pytest.mark.parametrize(("contract", "file", "statement"), VIOLATIONS, ids=[f"{c}-{f}-{s[:40]}" for c, f, s in VIOLATIONS])
def test_a_forbidden_import_breaks_its_contract(copied: Path, contract: str, file: str, statement: str) -> None:
    target = copied / file
    before = target.read_text(encoding="utf-8") if target.exists() else None
    target.write_text(f"{before or ''}\n{statement}\n", encoding="utf-8")
    try:
        result = lint(copied)
    finally:
        if before is None:
            target.unlink()
        else:
            target.write_text(before, encoding="utf-8")
    assert result.returncode != 0
    assert f"{CONTRACTS[contract]} BROKEN" in result.stdout, result.stdout + result.stderr
