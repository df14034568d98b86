"""One small scan, run once, that most tests look at."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from study import cli
from study.codec import decode_signal
from study.scan import run_scan, stamp
from study.store import ResultsFolder
from tests.study.small import MASSES_GEV, small_config

if TYPE_CHECKING:
    from pathlib import Path

    from study.config import Config
    from study.sums import SignalPoint
    from tests.study.small import Run


@pytest.fixture(scope="session")
def config() -> Config:
    """Return the small study."""
    return small_config()


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    """Return the results folder of the small study; treat it as read-only."""
    folder = tmp_path_factory.mktemp("scan") / "results"
    run_scan(config, folder)
    return folder


@pytest.fixture(scope="session")
def points(scanned: Path, config: Config) -> dict[float, SignalPoint]:
    """Return the signal points of the small study by mass."""
    folder = ResultsFolder(scanned, config, "scan")
    found = {}
    for mass in MASSES_GEV:
        arrays = folder.load_point(f"signal_m{mass:.6f}", stamp(config))
        assert arrays is not None
        found[mass] = decode_signal(arrays)
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command here: (exit code, stdout, stderr)."""

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["alpenglow", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, out, err

    return command
