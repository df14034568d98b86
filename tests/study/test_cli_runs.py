"""Whole scans as processes: several jobs, kill -9 and resume, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from study.scan import run_scan
from tests.study.small import (
    alpenglow,
    same_tables,
    small_config,
    start_alpenglow,
    wait_until,
)

if TYPE_CHECKING:
    from pathlib import Path


def points_in(folder: Path) -> list[Path]:
    """Return the finished points of a folder; temporary files start with a dot."""
    return [p for p in (folder / "points").glob("[!.]*.npz") if p.is_file()]


@pytest.mark.slow
def test_a_scan_in_two_processes_gives_the_same_files(
    scanned: Path, tmp_path: Path
) -> None:
    """Byte for byte what one job in this process wrote; nothing on a pipe but results."""
    out = tmp_path / "results"
    options = ("--config", scanned / "config.toml", "--jobs", "2", "--out", out)
    result = alpenglow("scan", *options)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(f"results in {out}\n")
    assert all(same_tables(scanned, out).values())
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["jobs"] == 2


INTERRUPTED = (130, -signal.SIGINT)
"""Both are 130 in a shell; CPython dies by the signal if it met exec(), in an import."""
LONG_MASSES = "0.2,0.3,0.5,1,2,3,5,8"


def _start_long_scan(folder: Path, scanned: Path) -> subprocess.Popen[str]:
    """Start a scan with masses enough to be stopped in its middle."""
    config = ("--config", scanned / "config.toml", "--masses", LONG_MASSES)
    return start_alpenglow("scan", *config, "--jobs", "2", "--out", folder)


def _press_ctrl_c(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Press again as a person would: CPython loses a signal that meets a destructor."""
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)
        try:
            return process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail("three times Ctrl-C did not end the process")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the same scan, by one job in this process."""
    folder = tmp_path_factory.mktemp("long") / "results"
    run_scan(small_config(f"scan.masses_GeV=[{LONG_MASSES}]"), folder)
    return folder


@pytest.mark.slow
def test_a_killed_scan_resumes(
    scanned: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    """kill -9 the leader only: its workers end too, since they hold its output open."""
    folder = tmp_path / "results"
    with _start_long_scan(folder, scanned) as process:
        wait_until(lambda: len(points_in(folder)) >= 1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in points_in(folder)}
    assert 1 <= len(done) < 10
    assert not (folder / "limits.csv").exists()
    with _start_long_scan(folder, scanned) as process:
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert all(same_tables(uninterrupted, folder).values())
    assert {path: path.stat().st_mtime_ns for path in done} == done


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(scanned: Path, tmp_path: Path) -> None:
    """A terminal sends SIGINT to workers as well: they must not answer."""
    folder = tmp_path / "results"
    with _start_long_scan(folder, scanned) as process:
        wait_until(lambda: len(points_in(folder)) >= 1)
        out, err = _press_ctrl_c(process)
    assert process.returncode in INTERRUPTED
    assert out == ""
    assert err == "alpenglow: interrupted; what is finished is kept\n"
    assert points_in(folder)
    assert not [p for p in folder.rglob(".*") if p.is_file()]


@pytest.mark.slow
def test_ctrl_c_while_workers_start(scanned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with _start_long_scan(folder, scanned) as process:
        wait_until((folder / "config.toml").exists)
        out, err = _press_ctrl_c(process)
    assert process.returncode in INTERRUPTED
    assert (out, err) == ("", "alpenglow: interrupted; what is finished is kept\n")
