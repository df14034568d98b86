"""The project hangs together: versions, pins, layers, and what the wheel needs."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("generator", "detector", "selection", "fit", "study")  # lowest layer first


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _sources() -> list[Path]:
    folders = [*PACKAGES, "tests", "notebooks"]
    nested = [path for name in folders for path in (ROOT / name).rglob("*.py")]
    return sorted([*ROOT.glob("*.py"), *nested])


def _postpones_annotations(path: Path) -> bool:
    module = ast.parse(path.read_text(encoding="utf-8"))
    body = module.body[ast.get_docstring(module) is not None :]
    if not body:
        return True  # empty, or a docstring alone
    first = body[0]
    return (
        isinstance(first, ast.ImportFrom)
        and first.module == "__future__"
        and [alias.name for alias in first.names] == ["annotations"]
    )


def _pins() -> dict[str, str]:
    """Return each requirement's block of requirements.txt, comments removed."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    blocks = re.split(r"\n(?=\S)", "\n".join(lines))
    return {re.split(r"\s*\\", block, maxsplit=1)[0]: block for block in blocks}


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    script = "import sys; from importlinter.cli import lint_imports; sys.exit("
    script += "lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_citation_has_the_version_of_the_package() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    versions = re.findall(r"^version: (\S+)$", citation, flags=re.MULTILINE)
    assert versions == [_pyproject()["project"]["version"]]


def test_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{_pyproject()['project']['version']}]" in changelog


def test_every_requirement_is_pinned_with_hashes() -> None:
    pins = _pins()
    assert len(pins) > 50
    for requirement, block in pins.items():
        assert re.match(r"[a-z0-9-]+==[^\s;]+( ; .+)?$", requirement)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), requirement


def test_every_declared_dependency_is_pinned() -> None:
    project, groups = _pyproject()["project"], _pyproject()["dependency-groups"]
    declared = list(project["dependencies"])
    for group in groups.values():
        declared += [entry for entry in group if isinstance(entry, str)]
    pinned = {_name(requirement) for requirement in _pins()}
    assert {_name(requirement) for requirement in declared} <= pinned


def test_requirements_name_no_address_and_no_path() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|index-url|find-links|trusted-host|file:|[ =@]/\w", text)


def test_the_wheel_takes_every_package() -> None:
    target = _pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert sorted(target["packages"]) == sorted(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_this_repository_s_and_typed(package: str) -> None:
    # Distributions named "fit" or "generator" exist: an import must not find those.
    origin = importlib.import_module(package).__file__
    assert origin is not None
    assert Path(origin).resolve() == ROOT / package / "__init__.py"
    assert (ROOT / package / "py.typed").is_file()


def test_annotations_are_never_evaluated() -> None:
    sources = _sources()
    assert Path(__file__).resolve() in sources
    assert [path for path in sources if not _postpones_annotations(path)] == []


def test_imports_point_down() -> None:
    result = _lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("upward", ["import study", "from detector import y"])
def test_an_upward_import_breaks_the_contract(tmp_path: Path, upward: str) -> None:
    """Negative control of the layer contract."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    assert _lint_imports(tmp_path).returncode == 0
    (tmp_path / "generator" / "culprit.py").write_text(f"{upward}\n")
    result = _lint_imports(tmp_path)
    assert result.returncode != 0
    assert "generator.culprit" in result.stdout
