"""Radiation: cross sections against quadrature, and the two scans side by side."""

from __future__ import annotations

import shutil
from math import exp, gamma, log, pi
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.integrate import quad

from generator.alp import production_cross_section_pb
from generator.beams import Beams
from generator.initial_state import InitialState
from generator.processes import stream
from generator.running import alpha_ratio
from generator.sampling import cross_section
from generator.signal import Signal
from generator.tables import read_table
from study import scan
from study.codec import decode_signal
from study.limits_table import lifetime_efficiency
from study.names import RADIATION_COLUMNS
from study.points import signal_point
from study.radiation import comparison_rows, run_radiation, with_radiation
from study.scan import run_scan, stamp
from study.store import ResultsFolder
from tests.compare import N_SIGMA
from tests.study.small import N_LIFETIME, contents, small_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from study.config import Config
    from tests.study.small import Run

S_GEV2 = Beams().s_GeV2
SMALL = (
    "scan.masses_GeV=[0.5, 8.0]",
    "separation.crystals=[2]",
    "events.background=600000",
)
ALL_KINDS = ("processes=['aaa', 'etagamma']", "events.other_backgrounds=30000")


# the cross section


def hard_radiation(z: float, beta: float) -> float:
    """Return D(z) without its soft peak, norm × β/2 (1 − z)^{β/2 − 1}.

    Skrzypek and Jadach, Z. Phys. C 49 (1991) 577 (remembered), in their notation.
    """
    second = (1.0 + z) * (3.0 * log(z) - 4.0 * log(1.0 - z))
    second += -4.0 * log(z) / (1.0 - z) - 5.0 - z
    return -0.25 * beta * (1.0 + z) + beta**2 / 32.0 * second


def radiative_factor(mass_GeV: float, *, hard: bool = True) -> float:
    """Return σ with radiation over σ without, by quadrature over both beams.

    With t = (1 − z)^{β/2} the soft peak is flat: D dz = [norm + D_hard dz/dt] dt.
    """
    beta = 2.0 / 137.036 / pi * (log(S_GEV2 / 0.51099895e-3**2) - 1.0)
    half, threshold = 0.5 * beta, mass_GeV**2 / S_GEV2
    norm = exp(half * (0.75 - np.euler_gamma)) / gamma(1.0 + half)

    def density(t: float) -> tuple[float, float]:
        soft = t ** (1.0 / half)
        if soft < 1e-15 or not hard:
            return 1.0 - soft, norm
        jacobian = soft / (half * t)
        return 1.0 - soft, norm + hard_radiation(1.0 - soft, beta) * jacobian

    def other_beam(z: float) -> float:
        def integrand(t: float) -> float:
            other, value = density(t)
            return value * (1.0 - threshold / (z * other)) ** 3

        most = (1.0 - threshold / z) ** half
        return float(quad(integrand, 0.0, most, epsabs=1e-9, limit=200)[0])

    def integrand(t: float) -> float:
        z, value = density(t)
        return value * other_beam(z)

    most = (1.0 - threshold) ** half * (1.0 - 1e-12)
    both = quad(integrand, 0.0, most, epsabs=1e-7, limit=200)[0]
    return float(both) / (1.0 - threshold) ** 3


@pytest.mark.parametrize("mass", [0.2, 3.0, 6.0, 9.0])
def test_the_cross_section_is_the_convolution(mass: float) -> None:
    """Four masses at N_SIGMA: false alarm of 4 in 10⁴ seeds."""
    sampler = Signal(mass, initial=InitialState(radiation=True))
    found = cross_section(sampler, stream("signal", 5, mass), 1_500_000)
    expected = radiative_factor(mass)
    assert abs(found.sum_pb - expected) < N_SIGMA * found.error_pb
    soft_only = radiative_factor(mass, hard=False)  # negative control
    assert abs(found.sum_pb - soft_only) > 2.0 * N_SIGMA * found.error_pb


@pytest.fixture(scope="module")
def config() -> Config:
    return small_config(*SMALL, *ALL_KINDS)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    folder = tmp_path_factory.mktemp("radiation") / "results"
    run_radiation(config, folder)
    return folder


@pytest.mark.parametrize("alpha", ["zero", "running"])
def test_a_signal_point_carries_its_radiative_factor(alpha: str) -> None:
    config = small_config(
        *SMALL, "generator.radiation=true", f"generator.alpha={alpha}"
    )
    item = signal_point(8.0, config, config.variants())
    expected = radiative_factor(8.0)
    if alpha == "running":
        assert alpha_ratio(S_GEV2) > 1.03
        expected *= alpha_ratio(S_GEV2) ** 2
    error = item.radiative_factor_error
    assert 0.0 < error < 0.02
    assert abs(item.radiative_factor - expected) < N_SIGMA * error
    assert abs(1.0 - expected) > N_SIGMA * error  # negative control
    unmerged = item.unmerged_detected
    assert 0.5 < unmerged < 1.0  # a share of the events, not of the cross section


def test_lifetime_bins_are_weighted(config: Config) -> None:
    """Generated weights are even in log and add up to R; errors follow from Σw²."""
    radiated = with_radiation(config, True)
    item = signal_point(8.0, radiated, radiated.variants())
    generated = item.lifetime_generated
    total, error = item.radiative_factor, item.radiative_factor_error
    spread = error * (20_000 / N_LIFETIME) ** 0.5
    assert abs(generated[0, 1:].sum() - total) < N_SIGMA * np.hypot(error, spread)
    efficiency = lifetime_efficiency(item, 0)
    passed = item.lifetime_passed[:, 0]
    value = efficiency.efficiency
    np.testing.assert_allclose(value, passed[0] / generated[0])
    missed = generated - passed
    variance = (1.0 - value) ** 2 * passed[1] + value**2 * missed[1]
    seen = passed[0] > 0.0
    np.testing.assert_allclose(
        efficiency.efficiency_error[seen], np.sqrt(variance[seen]) / generated[0][seen]
    )
    assert value[0] == pytest.approx(item.separated[0].sums.in_windows[0, 0, 0] / total)
    binomial = np.sqrt(value[0] * (1.0 - value[0]) / 20_000)
    assert efficiency.efficiency_error[0] > 1.01 * binomial  # weights cost events


# the two scans


def table_of(folder: Path, name: str) -> NDArray[np.void]:
    return read_table(folder / name)


def test_a_folder_holds_two_studies_and_their_comparison(results: Path) -> None:
    assert {path.name for path in results.iterdir()} == {
        "config.toml",
        "points",
        "radiation.csv",
        "born",
        "radiated",
    }
    table = table_of(results, "radiation.csv")
    assert table.dtype.names == RADIATION_COLUMNS
    for study in ("born", "radiated"):
        limits = table_of(results / study, "limits.csv")
        assert limits.size == table.size
        for name in ("mass_GeV", "selection", "luminosity_invfb", "cl", "method"):
            assert limits[name].tolist() == table[name].tolist()
        np.testing.assert_allclose(
            table[f"g_per_GeV_{study}"], limits["g_per_GeV_median"]
        )
        exposure = limits["luminosity_invfb"] * 1000.0
        np.testing.assert_allclose(
            table[f"background_pb_{study}"], limits["background_events"] / exposure
        )


def test_windows_do_not_depend_on_radiation(results: Path) -> None:
    """Else an ALP of radiated events would be looked for in wider windows."""
    born, radiated = (
        table_of(results / study, "windows.csv") for study in ("born", "radiated")
    )
    for name in ("mass_GeV", "selection", "sigma", "low", "high"):
        assert born[name].tolist() == radiated[name].tolist()
    assert born["kept"].tolist() != radiated["kept"].tolist()


def test_ratios_and_their_errors(results: Path) -> None:
    table = table_of(results, "radiation.csv")
    seen = table[np.isfinite(table["g_ratio"])]
    assert 0 < seen.size < table.size
    ratio = seen["g_per_GeV_radiated"] / seen["g_per_GeV_born"]
    np.testing.assert_allclose(seen["g_ratio"], ratio, rtol=1e-8)
    assert np.all(seen["g_ratio_mc_error"] > 0.0)
    assert np.all(seen["g_ratio_mc_error"] < 0.1)
    blind = table[~np.isfinite(table["g_ratio"])]
    assert np.all(np.isinf(blind["g_per_GeV_born"]))
    heavy = seen[seen["mass_GeV"] == 8.0]
    expected = radiative_factor(8.0)
    pulls = (heavy["sigma_ratio"] - expected) / heavy["sigma_ratio_error"]
    assert np.abs(pulls).max() < N_SIGMA


def test_heavy_alps_lose_to_radiation(results: Path) -> None:
    """Less cross section, and recoil energies that leave the window."""
    table = table_of(results, "radiation.csv")
    heavy = table[(table["mass_GeV"] == 8.0) & (table["selection"] == "high")]
    lost = heavy["efficiency_born"] - heavy["efficiency_radiated"]
    error = np.hypot(heavy["efficiency_born_error"], heavy["efficiency_radiated_error"])
    assert np.all(lost > N_SIGMA * error)
    assert np.all(heavy["g_ratio"] > 1.0 + N_SIGMA * heavy["g_ratio_mc_error"])


@pytest.mark.parametrize("study", ["born", "radiated"])
def test_limits_follow_from_the_radiated_cross_section(
    results: Path, study: str
) -> None:
    """A prompt ALP: events = L ε σ, and σ = R σ(Born, g)."""
    rows = table_of(results / study, "limits.csv")
    rows = rows[(rows["mass_GeV"] == 8.0) & np.isfinite(rows["g_per_GeV_median"])]
    exposure = rows["luminosity_invfb"] * 1000.0
    sigma = rows["events_median"] / (exposure * rows["signal_efficiency"])
    np.testing.assert_allclose(rows["sigma_pb_median"], sigma, rtol=1e-6)
    unit = float(production_cross_section_pb(8.0, 1.0, S_GEV2))
    g = np.sqrt(sigma / (rows["radiative_factor"] * unit))
    np.testing.assert_allclose(rows["g_per_GeV_median"], g, rtol=1e-6)
    forgotten = np.sqrt(sigma / unit)  # negative control
    assert np.allclose(rows["g_per_GeV_median"], forgotten, rtol=1e-3) == (
        study == "born"
    )


def test_several_backgrounds_are_counted(results: Path, config: Config) -> None:
    """Limits use their sum; every one has its cut flow. The η is in its window."""
    flow = table_of(results / "born", "cutflow.csv")
    assert set(flow["process"]) == {"signal", *config.processes}
    last = flow[(flow["stage"] == "window") & (flow["process"] != "signal")]
    limits = table_of(results / "born", "limits.csv")
    found = limits[np.isfinite(limits["background_events"])]
    for row in found:
        same = last["mass_GeV"] == row["mass_GeV"]
        same &= last["selection"] == row["selection"]
        assert np.count_nonzero(same) == 2
        total = last[same]["sigma_pb"].sum() * row["luminosity_invfb"] * 1000.0
        assert row["background_events"] == pytest.approx(total, rel=1e-6)
    generated = flow[(flow["process"] == "etagamma") & (flow["stage"] == "generated")]
    assert np.all(generated["effective_events"] <= 30_000 * (1.0 + 1e-6))


def test_a_finished_comparison_is_not_computed_again(
    results: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tasks: Mapping[object, object], **_: object) -> Iterator[object]:
        assert not tasks
        yield from ()

    monkeypatch.setattr(scan, "run", refuse)
    before = {
        name: content
        for name, content in contents(results).items()
        if name.endswith((".csv", ".npz", ".toml"))
    }
    run_radiation(with_radiation(config, True), results)
    after = contents(results)
    assert {name: after[name] for name in before} == before


def test_the_born_scan_is_an_ordinary_one(
    results: Path, config: Config, tmp_path: Path
) -> None:
    copy = tmp_path / "born"
    shutil.copytree(results / "born" / "points", copy / "points")
    shutil.copy(results / "born" / "config.toml", copy)
    run_scan(config, copy)
    first, second = (folder / "limits.csv" for folder in (results / "born", copy))
    assert first.read_bytes() == second.read_bytes()
    folder = ResultsFolder(results / "radiated", with_radiation(config, True), "scan")
    arrays = folder.load_point("signal_m8.000000", stamp(with_radiation(config, True)))
    assert arrays is not None
    assert decode_signal(arrays).radiative_factor < 0.95


def test_rows_need_the_same_choices(results: Path, tmp_path: Path) -> None:
    """Negative control of the comparison: a study without some limits is refused."""
    other = tmp_path / "radiated"
    shutil.copytree(results / "radiated", other)
    lines = (other / "limits.csv").read_text("utf-8").splitlines()
    (other / "limits.csv").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="zip"):
        list(comparison_rows(results / "born", other, 2))


def test_ratios_of_limits_are_those_of_events_and_signal(results: Path) -> None:
    """A prompt ALP: g² ∝ excluded events over signal in the window."""
    born, radiated = (
        table_of(results / study, "limits.csv") for study in ("born", "radiated")
    )
    table = table_of(results, "radiation.csv")
    heavy = (table["mass_GeV"] == 8.0) & np.isfinite(table["g_ratio"])
    rows = table[heavy]
    signal = rows["efficiency_radiated"] / rows["efficiency_born"] * rows["sigma_ratio"]
    events = radiated["events_median"][heavy] / born["events_median"][heavy]
    np.testing.assert_allclose(rows["g_ratio"], np.sqrt(events / signal), rtol=1e-4)


# the command line


def test_the_command_writes_table_and_figures(run: Run, tmp_path: Path) -> None:
    sizes = ("events.signal=20000", "events.lifetime=3000", "events.background=200000")
    options = [word for text in sizes for word in ("--set", text)]
    options += ["--masses", "1", "--set", "separation.crystals=[2]"]
    out = tmp_path / "results"
    code, text, err = run("radiation", *options, "--out", out)
    assert (code, err) == (0, "")
    lines = text.splitlines()
    assert lines[0] == f"wrote {out / 'radiation.csv'}"
    assert {line.split("/")[-1] for line in lines[1:]} >= {
        "radiation_efficiency.png",
        "radiation_limits_clsb-exact_90cl.pdf",
        "three_photon_mass.png",
    }
    before = (out / "radiation.csv").read_bytes()
    code, _, err = run("radiation", *options, "--seed", "4", "--out", out)
    assert code == 2
    assert "holds another study (radiation:" in err
    assert (out / "radiation.csv").read_bytes() == before
