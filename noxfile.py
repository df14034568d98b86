#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5.1"]
# ///
"""One session per job: `nox -l` lists them, `nox -s lint` runs one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def install_pinned(session: nox.Session) -> None:
    """Install what requirements.txt pins, then this project."""
    session.install("--require-hashes", "-r", "requirements.txt")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Lint, check the format and the layers."""
    install_pinned(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types."""
    install_pinned(session)
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every supported Python."""
    install_pinned(session)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS[0], venv_backend="uv", default=False)
def minimum(session: nox.Session) -> None:
    """Run the tests with the oldest versions that pyproject.toml allows."""
    test_group = nox.project.dependency_groups(PROJECT, "test", "build")
    session.install("--resolution=lowest-direct", "-e", ".", *test_group)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(default=False)
def notebooks(session: nox.Session) -> None:
    """Execute the notebooks."""
    install_pinned(session)
    session.run("python", "-m", "pytest", "-m", "notebook", *session.posargs)


@nox.session(default=False)
def figures(session: nox.Session) -> None:
    """Redraw the figures of a results folder (default: results)."""
    install_pinned(session)
    session.run("alpenglow", "figures", *(session.posargs or ["results"]))


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel and check that the wheel is complete."""
    session.install("build")
    session.run("python", "-m", "build", "--outdir", "dist")
    wheel = max(Path("dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    packed = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        if f"{package}/py.typed" not in packed:
            session.error(f"{wheel.name}: {package}/py.typed is missing")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin requirements.txt again; `nox -s lock -- --upgrade` takes newer versions."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "--universal", "--python-version=3.11"),
        # One version of everything on every Python: results compare bit for bit.
        "--fork-strategy=fewest",
        *("--generate-hashes", "--no-emit-index-url", "--quiet"),
        *("--custom-compile-command=nox -s lock", "--group=dev", "--group=platforms"),
        *("--output-file=requirements.txt", "pyproject.toml", *session.posargs),
    )


if __name__ == "__main__":
    nox.main()
