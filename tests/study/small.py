"""A scan small enough for tests, in this process and on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from study.load import override, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from study.config import Config

    Run = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).resolve().parents[2]
MASSES_GEV = (0.2, 0.5, 8.0)
"""One with merged photons, an ordinary one, one in the recoil energy."""
N_SIGNAL, N_LIFETIME, N_BACKGROUND = 20_000, 10_000, 300_000
N_LIGHT_PAIRS = 50_000
N_SEPARATION = 8_000
ASSIGNMENTS = (
    f"scan.masses_GeV={list(MASSES_GEV)}",
    f"events.signal={N_SIGNAL}",
    f"events.lifetime={N_LIFETIME}",
    f"events.background={N_BACKGROUND}",
    f"events.light_pairs={N_LIGHT_PAIRS}",
    f"events.separation={N_SEPARATION}",
)
SET_OPTIONS = tuple(word for text in ASSIGNMENTS for word in ("--set", text))


def small_config(*assignments: str) -> Config:
    """Return the small study with further ``section.key=value`` assignments."""
    return parse(override({}, [*ASSIGNMENTS, *assignments]), "test")


_WARNINGS = "error,ignore::ResourceWarning"


def start_alpenglow(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command line in its own process group, warnings as errors.

    Ctrl-C may fall between opening a file and holding it: CPython then reports the file
    as unclosed, so a ResourceWarning keeps its default, which is silence.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "study", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": _WARNINGS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def alpenglow(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    with start_alpenglow(*arguments) as process:
        stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every path below a folder with its bytes, None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def same_tables(first: Path, second: Path) -> Mapping[str, bool]:
    """Return for every CSV table whether two folders hold the same bytes."""
    names = ("limits.csv", "efficiency.csv", "cutflow.csv", "windows.csv")
    return {
        name: (first / name).read_bytes() == (second / name).read_bytes()
        for name in names
    }


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("waited in vain")
