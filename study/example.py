"""The whole chain in one page: the reach for a 0.5 GeV ALP with 50/ab.

Run it with ``python -m study.example``. Every stage is one call.
"""

from __future__ import annotations

from detector.simulate import Detector
from fit import LifetimeEfficiency, limit_at
from generator.beams import Beams
from generator.phase_space import PhaseSpace
from generator.processes import stream
from generator.sampling import blocks
from generator.signal import Signal
from generator.three_photon import ThreePhoton
from selection.candidates import Cuts, SelectionName, select
from selection.tally import Tally
from selection.windows import Observable, table, window

MASS_GEV, LUMINOSITY_INVFB, SEED = 0.5, 50_000.0, 1


def main(n_signal: int = 200_000, n_background: int = 4_000_000) -> None:
    """Generate, detect, select, count, and set a limit."""
    beams, detector, cuts = Beams(), Detector(merge_crystals=2), Cuts()
    mass_window = window(
        MASS_GEV,
        SelectionName.LOW,
        Observable.M2,
        sigma=0.0116,  # GeV², the resolution at this mass
        sigmas=(3.0, 1.5),
        s_GeV2=beams.s_GeV2,
    )
    in_window = {}
    for name, sampler, n_events in (
        ("signal", Signal(MASS_GEV, beams=beams), n_signal),
        ("aaa", ThreePhoton(PhaseSpace((15.0, 152.0), 0.21), beams), n_background),
    ):
        tally = Tally(table([mass_window]))
        for photons, random in blocks(sampler, stream(name, SEED, MASS_GEV), n_events):
            clusters = detector.simulate(photons, random)
            tally.add(select(clusters, beams, cuts))
        in_window[name] = tally.in_windows()[:, 0, 0]  # Σw and Σw² [pb]
    efficiency = in_window["signal"][0]
    background_pb, error_pb = in_window["aaa"][0], in_window["aaa"][1] ** 0.5
    limit = limit_at(
        MASS_GEV,
        background_events=background_pb * LUMINOSITY_INVFB * 1000.0,
        background_error=error_pb * LUMINOSITY_INVFB * 1000.0,
        efficiency=LifetimeEfficiency.prompt(efficiency),
        luminosity_invfb=LUMINOSITY_INVFB,
        s_GeV2=beams.s_GeV2,
        cl=0.90,
        method="cls-exact",
    )
    g = limit.g_per_GeV
    print(f"efficiency {efficiency:.3f}, background {background_pb:.3f} pb")  # noqa: T201
    print(f"90 % CL: g < {g[2]:.2e} /GeV, 68 % band {g[1]:.2e} to {g[3]:.2e}")  # noqa: T201


if __name__ == "__main__":
    main()
