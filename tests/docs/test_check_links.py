from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "docs" / "check_links.py", root], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "architecture.md").write_text("# The house\n\n## Money & time\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "# Title\n[house](docs/architecture.md) [time](docs/architecture.md#money--time) [top](#title) [web](https://example.org/x)\n"
        "`docs/architecture.md`\n```\n[not](a/link)\n```\n",
        encoding="utf-8",
    )
    return tmp_path


def test_the_documentation_of_this_project_has_no_broken_link() -> None:
    result = check(ROOT)
    assert result.returncode == 0, result.stdout


def test_good_links_pass(tree: Path) -> None:
    result = check(tree)
    assert result.returncode == 0, result.stdout
    assert "2 documents" in result.stdout


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[gone](docs/gone.md)", "the link docs/gone.md leads nowhere"),
        ("[gone](docs/architecture.md#windows)", "names no heading of architecture.md"),
        ("see `sigma/domain/gone.py`", "`sigma/domain/gone.py` does not exist"),
    ],
)
def test_a_wrong_reference_is_named_and_fails(tree: Path, line: str, complaint: str) -> None:
    with (tree / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(line + "\n")
    result = check(tree)
    assert result.returncode == 1
    assert complaint in result.stdout
