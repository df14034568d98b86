"""e⁺e⁻ → γω, ω → π⁰γ: cross section, angles and decay against the Feynman diagrams."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from generator.beams import Beams
from generator.initial_state import InitialState
from generator.mesons import MESONS
from generator.omega import (
    ELECTRON_WIDTH_GEV,
    MASS_GEV,
    PI0_PHOTON_FRACTION,
    ROOT_MIN,
    OmegaPhoton,
    omega_cross_section_pb,
)
from generator.pdg import OMEGA, PI0
from generator.sampling import Stream, cross_section
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    N_SIGMA,
    Floats,
    as_reference,
    join,
    sample,
    start,
    weighted_chi2,
)
from tests.reference.beams import (
    ALPHA,
    LAB_TO_CMS,
    PB_GEV2,
    SQRT_S,
    S,
    four_momenta,
    transform,
)
from tests.reference.radiative_return import (
    beam_pair,
    decay_correlation,
    random_decays,
    spin_one,
    squared,
    to_rest,
    traced_correlation,
)

ELECTRON_MASS = 0.51099895e-3
PION = MESONS["pigamma"]
DECAYS = PI0_PHOTON_FRACTION * PION.two_photon_fraction
PEAK_PB = 12 * np.pi**2 * ELECTRON_WIDTH_GEV / (MASS_GEV * S) * PB_GEV2
X = 1 - MASS_GEV**2 / S
HEAD_ON = Beams(SQRT_S / 2, SQRT_S / 2, 0.0)
RADIATING = InitialState(radiation=True)


def emission(cos: Floats, x: float, eps: float) -> Floats:
    """dW/dcosθ; ``eps`` = 4mₑ²/s."""
    sin2, cos2 = 1 - cos**2, cos**2
    top = (2 - 2 * x + x**2) * sin2 - x**2 * sin2**2 / 2
    top = top - eps * ((1 - 2 * x) * sin2 - x**2 * cos2**2)
    value: Floats = ALPHA / (np.pi * x) * top / (sin2 + eps * cos2) ** 2
    return value


def emitted(low: float, high: float, x: float = X, s: float = S) -> float:
    """W between two angles [rad], by quadrature in ln tan(θ/2)."""
    eps = 4 * ELECTRON_MASS**2 / s

    def integrand(eta: float) -> float:
        sin = 1 / np.cosh(eta)
        # 1 − cos² would lose the digits of the collinear peak
        sin2, cos2 = sin**2, np.tanh(eta) ** 2
        top = (2 - 2 * x + x**2) * sin2 - x**2 * sin2**2 / 2
        top -= eps * ((1 - 2 * x) * sin2 - x**2 * cos2**2)
        return float(sin2 * top / (sin2 + eps * cos2) ** 2)

    edges = [-np.log(np.tan(angle / 2)) for angle in (high, low)]
    grid = np.linspace(edges[0], edges[1], 30)
    parts = [
        integrate.quad(integrand, a, b, epsrel=1e-10)[0] for a, b in pairwise(grid)
    ]
    return float(ALPHA / (np.pi * x) * np.sum(parts))


@pytest.mark.parametrize("mass", [0.8, 4.0])
def test_emission_from_the_amplitude(mass: float) -> None:
    """Massive electrons, normalisation included: V couples with g² = 12πΓ/m.

    The formula holds up to mₑ²/E²; angles of 0.2 mₑ/E to a right angle.
    """
    m = 1e-3 * SQRT_S / 2
    theta = np.geomspace(0.2e-3, np.pi / 2, 40)
    electron, positron = beam_pair(theta.size, SQRT_S, m)
    x = 1 - mass**2 / S
    zero = np.zeros_like(theta)
    photon = x * SQRT_S / 2 * np.stack([zero + 1, np.sin(theta), zero, np.cos(theta)])
    currents = spin_one(electron + positron - photon, mass)
    matrix = squared((electron, positron), photon, currents, m)
    width = 1e-6
    couplings = 4 * np.pi * ALPHA * 12 * np.pi * width / mass
    found = couplings * matrix / (2 * S) * x / (16 * np.pi)  # |M|²/2s · dΦ₂/dcosθ
    peak = 12 * np.pi**2 * width / (mass * S)
    expected = peak * emission(np.cos(theta), x, 4 * m**2 / S)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    # negative control: no mass term
    sin2 = np.sin(theta) ** 2
    bare = (2 - 2 * x + x**2) * sin2 - x**2 * sin2**2 / 2
    bare *= peak * ALPHA / (np.pi * x) / (sin2 + 4 * m**2 / S) ** 2
    assert np.abs(bare / expected - 1).max() > 0.1


def test_total_emission_is_the_closed_form() -> None:
    """W = (2α/πx)(L − 1)(1 − x + x²/2), and σ of about 14 pb."""
    total = PEAK_PB * emitted(1e-9, np.pi - 1e-9)
    assert omega_cross_section_pb(S) == pytest.approx(total, rel=1e-6)
    assert omega_cross_section_pb(S) == pytest.approx(13.93, abs=0.01)


def test_emission_at_wide_angles_is_the_closed_form() -> None:
    """(α/πx)[(2 − 2x + x²) ln((1 + c)/(1 − c)) − x²c]."""
    c = np.cos(0.5)
    wide = (2 - 2 * X + X**2) * np.log((1 + c) / (1 - c)) - X**2 * c
    expected = ALPHA / (np.pi * X) * wide
    assert emitted(0.5, np.pi - 0.5) == pytest.approx(expected, rel=1e-6)


def test_cross_section() -> None:
    total = cross_section(OmegaPhoton(), Stream(1, 1), 200 * LANES)
    expected = omega_cross_section_pb(S) * DECAYS
    assert abs(total.sum_pb - expected) < N_SIGMA * total.error_pb
    assert abs(0.98 * total.sum_pb - expected) > N_SIGMA * total.error_pb
    assert total.effective_events > 0.33 * total.n_events


@pytest.mark.parametrize(
    ("angles", "noted", "ess"), [((37, 124), 0.054, 0.3), ((17, 150), 0.12, 0.55)]
)
def test_share_at_wide_angles(
    angles: tuple[float, float], noted: float, ess: float
) -> None:
    """5.4 and 12 % of σ, and many effective events there."""
    blocks = sample(OmegaPhoton(), 100, 2)
    theta, weight = (
        join([b.theta for b in blocks])[0],
        join([b.weight_pb for b in blocks]),
    )
    inside = weight[(theta > np.radians(angles[0])) & (theta < np.radians(angles[1]))]
    share = inside.sum() / (omega_cross_section_pb(S) * DECAYS)
    assert share == pytest.approx(noted, rel=0.04)
    assert inside.sum() ** 2 / (inside**2).sum() > ess * weight.size


def angle_pvalue(stretch: float) -> float:
    """χ² of photon 0 in 25 ranges of angle, collinear peaks included, to quadrature."""
    blocks = sample(OmegaPhoton(HEAD_ON), 100, 3)
    theta, weight = (
        join([b.theta for b in blocks])[0],
        join([b.weight_pb for b in blocks]),
    )
    peak = np.array([3e-5, 1e-4, 2e-4, 4e-4, 1e-3, 1e-2, 0.05, 0.1, 0.2, 0.3, 0.6, 1.0])
    edges = np.concatenate([[1e-9], peak, np.pi - peak[::-1], [np.pi - 1e-9]])
    parts = [emitted(a, b) for a, b in pairwise(edges)]
    expected = np.array(parts) * PEAK_PB * DECAYS
    index = np.searchsorted(edges[1:-1], theta * stretch)
    sums = np.bincount(index, weight, 25)
    # a bin's sum is an average over all events: Σw² − (Σw)²/n
    variances = np.bincount(index, weight**2, 25) - sums**2 / weight.size
    return float(stats.chi2.sf(((sums - expected) ** 2 / variances).sum(), 25))


def test_angle_of_the_radiated_photon() -> None:
    assert angle_pvalue(1.0) > FALSE_ALARM
    assert angle_pvalue(1.02) < FALSE_ALARM


@cache
def hard_frame() -> tuple[Floats, Floats]:
    """CM four-momenta (4, 4, n) and weights."""
    blocks = sample(OmegaPhoton(), 100, 4)
    momenta = transform(LAB_TO_CMS, four_momenta(as_reference(blocks)))
    return momenta, join([b.weight_pb for b in blocks])


def test_decay_correlation_from_the_amplitude() -> None:
    momenta = random_decays(500, 1)
    traced = traced_correlation(momenta)
    beams = beam_pair(500, SQRT_S, 0.0)
    np.testing.assert_allclose(decay_correlation(*beams, momenta), traced, rtol=1e-6)
    assert traced.std() > 0.1  # it is not isotropic


def test_average_of_the_correlation_is_one() -> None:
    momenta = random_decays(200_000, 2)
    found = decay_correlation(*beam_pair(200_000, SQRT_S, 0.0), momenta)
    error = found.std() / np.sqrt(found.size)
    assert abs(found.mean() - 1) < N_SIGMA * error


def decay_variables(momenta: Floats) -> dict[str, Floats]:
    """Angles of photon 1 in the ω frame: to photon 0, to the electron, and a mixed one.

    The mixed one is odd both in the angle to photon 0 and in the azimuth about it: it
    sees the beams lean away from photon 0.
    """
    electron, _ = beam_pair(momenta.shape[2], SQRT_S, 0.0)
    omega = momenta[:, 1:].sum(axis=1)
    photon, seen, recoil = (
        to_rest(omega, p)[1:] for p in (momenta[:, 1], electron, momenta[:, 0])
    )
    photon, seen, recoil = (
        v / np.linalg.norm(v, axis=0) for v in (photon, seen, recoil)
    )
    helicity, lean = (photon * recoil).sum(axis=0), (seen * recoil).sum(axis=0)
    across = seen - lean * recoil
    across /= np.linalg.norm(across, axis=0)
    return {
        "to photon 0": helicity,
        "to the electron": (photon * seen).sum(axis=0),
        "mixed": helicity * (photon * across).sum(axis=0) * np.sign(momenta[3, 0]),
    }


def test_decay_of_the_omega() -> None:
    """Photon 0 wide: three variables of the decay against a weighted isotropic one.

    Three χ² tests at 1e-4, normalisation included; without the correlation all fail.
    """
    momenta, weight = hard_frame()
    wide = np.abs(momenta[3, 0] / momenta[0, 0]) < 0.94
    mine, n = decay_variables(momenta[:, :, wide]), 200_000
    isotropic = random_decays(n, 5)
    cos = isotropic[3, 0] / isotropic[0, 0]
    inside = np.abs(cos) < 0.94  # of 0.95
    flat = emission(cos, X, 4 * ELECTRON_MASS**2 / S) * PEAK_PB * DECAYS * 1.9 / n
    correlated = flat * decay_correlation(*beam_pair(n, SQRT_S, 0.0), isotropic)
    theirs = decay_variables(isotropic)
    for key, values in mine.items():
        first = (values, weight[wide])
        second = (theirs[key][inside], correlated[inside])
        assert weighted_chi2(first, second) > FALSE_ALARM, key
        second = (theirs[key][inside], flat[inside])
        assert weighted_chi2(first, second) < FALSE_ALARM, key


def test_pion_decays_isotropically() -> None:
    """Helicity cosine and azimuth of photon 2 about the π⁰: two χ² tests at 1e-4."""
    momenta, weight = hard_frame()
    pion, size = momenta[:, 2:].sum(axis=1), weight.size
    cos = (momenta[0, 2] - momenta[0, 3]) / np.linalg.norm(pion[1:], axis=0)
    axis = np.cross(pion[1:].T, momenta[1:, 0].T).T
    side = np.cross(axis.T, pion[1:].T).T
    turn = np.arctan2(
        (momenta[1:, 2] * axis).sum(axis=0) * np.linalg.norm(pion[1:], axis=0),
        (momenta[1:, 2] * side).sum(axis=0),
    )
    rng = np.random.default_rng(6)
    even = np.full(size, weight.mean())
    for values, reach in ((cos, 1.0), (turn, np.pi)):
        flat = (rng.uniform(-reach, reach, size), even)
        assert weighted_chi2((values, weight), flat) > FALSE_ALARM
        bent = reach * np.sign(values) * np.abs(values / reach) ** 1.05
        assert weighted_chi2((bent, weight), flat) < FALSE_ALARM


def pair_mass(*slots: int, initial: InitialState | None = None) -> Floats:
    """Invariant mass of photons, from opening angles to keep its digits."""
    source = OmegaPhoton(initial=initial or InitialState())
    photons = as_reference(sample(source, 20, 7))
    unit = four_momenta(photons)[1:] / photons.energy
    mass2 = np.zeros(photons.energy.shape[1])
    for place, i in enumerate(slots):
        for j in slots[:place]:
            chord2 = ((unit[:, i] - unit[:, j]) ** 2).sum(axis=0)
            mass2 += photons.energy[i] * photons.energy[j] * chord2
    return np.sqrt(mass2)


@pytest.mark.parametrize("initial", [InitialState(), RADIATING])
def test_masses(initial: InitialState) -> None:
    """To 3e-4 and 5e-5: float32 energies and directions."""
    pion = pair_mass(2, 3, initial=initial)
    np.testing.assert_allclose(pion, PION.mass_GeV, rtol=5e-4)
    np.testing.assert_allclose(pair_mass(1, 2, 3, initial=initial), MASS_GEV, rtol=5e-5)
    assert pair_mass(1, 2).std() > 0.01


def test_energy_and_momentum_are_conserved() -> None:
    momenta, _ = hard_frame()
    total = momenta.sum(axis=1)
    np.testing.assert_allclose(total[0], SQRT_S, rtol=2e-6)
    assert np.abs(total[1:]).max() < 2e-5


def test_radiation() -> None:
    """σ(ŝ) folded with a sample of collisions; below √s/2 the weight is 0."""
    n_blocks = 150
    total = cross_section(
        OmegaPhoton(initial=RADIATING), Stream(3, 1), n_blocks * LANES
    )
    state, values = start(8), []
    for _ in range(n_blocks):
        collisions = RADIATING.collide(state, Beams(), ROOT_MIN**2)
        hat = collisions.root.astype(float) ** 2 * S
        x, logarithm = 1 - MASS_GEV**2 / hat, np.log(hat / ELECTRON_MASS**2)
        emission_hat = 2 * ALPHA / (np.pi * x) * (logarithm - 1) * (1 - x + x**2 / 2)
        sigma = PEAK_PB * S / hat * emission_hat * DECAYS
        values.append(sigma * collisions.weight * (collisions.root > ROOT_MIN))
    folded = np.concatenate(values)
    error = np.hypot(total.error_pb, folded.std() / np.sqrt(folded.size))
    assert abs(total.sum_pb - folded.mean()) < N_SIGMA * error
    assert abs(total.sum_pb - omega_cross_section_pb(S) * DECAYS) > N_SIGMA * error


def test_sampler_contract() -> None:
    source = OmegaPhoton()
    block = source.block(start(9), 100, 1.0)
    assert source.name == "omegagamma"
    assert source.slots == len(source.pdg) == 4
    assert source.parents == (0, OMEGA, PI0, PI0)
    assert block.n_prompt == 4
    assert block.energy.shape == (4, LANES)
    assert (block.weight_pb[:100] > 0).all()
    assert not block.weight_pb[100:].any()
    assert (block.energy > 0).all()


def test_soft_beams_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"sqrt\(s\) = 1\.4 GeV: .* more than 1\.565 GeV"
    ):
        OmegaPhoton(Beams(0.7, 0.7, 0.0))
