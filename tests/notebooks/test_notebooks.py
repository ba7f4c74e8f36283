"""Every notebook runs top to bottom on a fresh machine, leaves nothing running, and is committed without outputs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FOREIGN = (
    *("SIGMA_CLOCK_URL", "SIGMA_ZERODHA_URL", "SIGMA_ANGELONE_URL", "SIGMA_ANGELONE_MASTER_URL", "SIGMA_DATABASE_URL"),
    *("SIGMA_ZERODHA_WS_URL", "SIGMA_ANGELONE_WS_URL"),
)


def printed(notebook: nbformat.NotebookNode) -> str:
    """Everything that the cells showed."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


Run = Callable[[str], nbformat.NotebookNode]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a notebook in an empty home and give it back with what it showed."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIGMA_HOME", str(tmp_path / "real-home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))

    def run(name: str) -> nbformat.NotebookNode:
        notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
        NotebookClient(notebook, timeout=90, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
        return notebook

    return run


def nothing_is_left(folder: Path) -> None:
    """Assert that a notebook run in `folder` touched no real installation and left no process."""
    assert not (folder / "real-home").exists()
    mine = [process for process in psutil.process_iter(["environ"]) if str(folder) in str(process.info["environ"] or "")]
    assert not mine, f"still running: {mine}"


def test_quickstart_takes_orders_on_both_accounts_to_their_fills(run: Run, tmp_path: Path) -> None:
    shown = printed(run("01_quickstart.ipynb"))
    assert "5/5 NSE:INFY MARKET CNC: FILLED" in shown
    assert "10/10 NSE:SBIN MARKET MIS: FILLED" in shown
    assert "zerodha-main" in shown
    assert "angel" in shown
    nothing_is_left(tmp_path)


def test_both_brokers_give_the_same_bars_of_a_listing(run: Run, tmp_path: Path) -> None:
    notebook = run("02_market_data.ipynb")
    assert re.search(r"[1-9]\d* closed bars of 15 minutes at both brokers, 0 with another close", printed(notebook))
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "application/vnd.plotly.v1+json" in output.get("data", ())
    ]
    assert len(pictures) == 2
    nothing_is_left(tmp_path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert not [cell.id for cell in cells if cell.outputs or cell.execution_count is not None]
