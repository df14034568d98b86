"""The validation tables: pulls mean what they say, wrong arguments are refused.

The cross sections themselves are tested with their samplers; the tables take minutes.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.bench.memory import ROOT
from tests.validation import oracles
from tests.validation.cross_sections import CHECKS, Check


@pytest.mark.parametrize(
    ("ours", "other", "pull", "error"),
    [
        ((10.0, 0.3), (9.0, 0.4), 2.0, 0.5 / 9.0),
        ((1.0, 0.0), (1.0 + 1e-6, 0.0), 0.0, 0.0),
        ((1.0, 0.0), (1.001, 0.0), np.inf, 0.0),
    ],
)
def test_pulls(
    ours: oracles.Result, other: oracles.Result, pull: float, error: float
) -> None:
    check = Check("", ours, other, "")
    assert check.pull == pytest.approx(pull)
    assert check.relative_error == pytest.approx(error)


def test_mesons_agree() -> None:
    checks = list(CHECKS["mesons"]())
    assert len(checks) == 5
    assert all(abs(check.pull) < 3.0 for check in checks)


def test_radiation_of_a_constant_is_the_norm() -> None:
    """Without a threshold both structure functions integrate to 1, to third order."""
    value, _ = oracles.radiated(lambda _: 1.0, 1e-3)
    assert value == pytest.approx(1.0, abs=5e-4)
    hard, _ = oracles.radiated(lambda _: 1.0, 0.9)
    assert 0.7 < hard < 0.95


def test_two_photon_sums_agree() -> None:
    """Lab angles that both cones of the CM frame cover, against the closed form."""
    lab, _ = oracles.two_photon_lab(17.0, 150.0, 400)
    wide, _ = oracles.two_photon_cms(float(np.cos(np.radians(10.0))))
    assert 0.4 * wide < lab < wide


def test_a_wrong_name_is_one_line() -> None:
    command = [sys.executable, "-m", "tests.validation", "tea"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("tea: neither a results folder nor one of signal,")
    assert done.stderr.count("\n") == 1
