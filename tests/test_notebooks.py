"""The notebooks run from top to bottom, and both files of a pair say the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import jupytext
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
PER_NOTEBOOK = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def _paired(script: Path) -> NotebookNode:
    text = script.with_suffix(".ipynb").read_text("utf-8")
    notebook: NotebookNode = jupytext.reads(text, fmt="ipynb")
    return notebook


def _cells(notebook: NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


@PER_NOTEBOOK
def test_script_and_notebook_are_in_sync(script: Path) -> None:
    source, notebook = jupytext.read(script), _paired(script)
    assert _cells(source) == _cells(notebook), "run jupytext --sync notebooks/*.py"
    for half in (source, notebook):
        assert half.metadata.jupytext.formats == "ipynb,py:percent"
        assert half.metadata.kernelspec.name == "python3"
    changed = jupytext.read(script)
    changed.cells[-1].source += "\n1 + 1"
    assert _cells(changed) != _cells(notebook)  # negative control


@PER_NOTEBOOK
def test_no_results_are_committed(script: Path) -> None:
    for cell in _paired(script).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_every_notebook_has_its_script() -> None:
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    assert sorted(path.stem for path in notebooks) == [path.stem for path in SCRIPTS]
    assert SCRIPTS


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """Return kernel settings that leave out those of the user.

    The kernel is reached through sockets in a folder with a short name, as paths of
    sockets must be: no ports, and so no warning that those are not encrypted.
    """
    with tempfile.TemporaryDirectory(prefix="nb") as folder:
        for variable in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            monkeypatch.setenv(variable, f"{folder}/{variable.lower()}")
        yield Config({"KernelManager": {"transport": "ipc"}})


@pytest.mark.notebook
@pytest.mark.slow
@PER_NOTEBOOK
def test_notebook_runs_without_a_warning(script: Path, settings: Config) -> None:
    notebook = jupytext.read(script)
    client = NotebookClient(
        notebook,
        config=settings,
        timeout=300,  # seconds per cell: a guard against a hanging kernel
        resources={"metadata": {"path": str(ROOT)}},
    )
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    errors = [out.text for out in outputs if out.get("name") == "stderr"]
    assert errors == []
    assert any("image/png" in out.get("data", {}) for out in outputs)
