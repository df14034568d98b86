"""The page that shows the whole chain works and gives a sensible limit."""

from __future__ import annotations

import re

import pytest

from study import example

FULL_LIMIT_PER_GEV = 4.25e-5
"""Median at 90 % CL with the numbers of events of the page itself."""


def test_a_small_run_comes_close_to_the_full_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Within 5 %: g goes as the fourth root of the background.

    600 000 events put 640 effective ones into the window: 4 % on the background, 1 % on
    g; the efficiency, from 20 000 events, adds 0.5 %. So 5 % are 4.5 standard
    deviations, a false alarm in 10⁵ seeds. Control: half the background fails.
    """
    example.main(n_signal=20_000, n_background=600_000)
    printed = capsys.readouterr().out
    found = re.search(r"g < (\S+) /GeV, 68 % band (\S+) to (\S+)", printed)
    assert found is not None, printed
    median, low, high = (float(number) for number in found.groups())
    assert low < median < high
    assert median == pytest.approx(FULL_LIMIT_PER_GEV, rel=0.05)
    assert median * 0.5**0.25 != pytest.approx(FULL_LIMIT_PER_GEV, rel=0.05)
    efficiency = re.search(r"efficiency (\S+), background (\S+) pb", printed)
    assert efficiency is not None
    assert float(efficiency[1]) == pytest.approx(0.45, abs=0.05)
