"""``alpenglow sample``: the generator alone, to a ROOT file."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import tomli_w

from generator.files import EventWriter
from generator.phase_space import PhaseSpace
from generator.processes import sampler, stream
from generator.sampling import CrossSection, blocks
from generator.simd import LANES
from study.errors import InputError
from study.progress import progress_bar
from study.provenance import version
from study.store import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from generator.sampling import Sampler, Stream
    from study.config import Config


def phase_space(config: Config) -> PhaseSpace:
    """Return the region of the selection's photon cuts, without any margin."""
    cuts = config.selection
    return PhaseSpace(
        theta_lab_deg=(cuts.theta_lab_min_deg, cuts.theta_lab_max_deg),
        energy_cms_min_GeV=cuts.energy_cms_min_GeV,
    )


def write_sample(
    process: str,
    n_events: int,
    out: Path,
    config: Config,
    *,
    mass_GeV: float | None = None,
    coupling_per_GeV: float | None = None,
) -> str:
    """Write events of a process and return a report of the sample.

    Parameters
    ----------
    process : str
        ``signal`` or ``aaa``.
    n_events : int
        Events to generate.
    out : Path
        ROOT file; appears only when complete.
    config : Config
        Beams, photon cuts (the region of the background) and seed.
    mass_GeV, coupling_per_GeV : float, optional
        Of the ALP.

    Returns
    -------
    str
        Cross section ± error, effective events, events per second.

    Raises
    ------
    InputError
        If the process, the number of events or the mass is not possible.
    """
    if n_events < 1:
        msg = f"-n {n_events}: need at least one event"
        raise InputError(msg)
    if process != "signal" and mass_GeV is not None:
        msg = f"--mass {mass_GeV:g}: process {process} has no ALP mass"
        raise InputError(msg)
    beams = config.beams.build()
    try:
        source = sampler(
            process,
            beams=beams,
            phase_space=phase_space(config),
            mass_GeV=mass_GeV,
            coupling_per_GeV=coupling_per_GeV,
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    header = {
        "config": tomli_w.dumps(config.as_dict()),
        "sample": _describe(process, n_events, config.seed, mass_GeV, coupling_per_GeV),
    }
    started = time.perf_counter()
    with atomic_path(out) as temporary:
        writer = EventWriter(temporary, beams, header)
        with closing(writer):
            seed = stream(f"sample-{process}", config.seed, mass_GeV or 0.0)
            total = _fill(writer, source, seed, n_events)
    rate = n_events / (time.perf_counter() - started)
    where = "" if process == "signal" else f"{_region(config)}\n"
    return (
        f"{process}: {total.sum_pb:.6g} +- {total.error_pb:.2g} pb, "
        f"{total.effective_events:.6g} effective of {n_events} events, "
        f"{rate:.3g} events/s (with writing)\n{where}wrote {out}"
    )


def _region(config: Config) -> str:
    cuts = config.selection
    return (
        f"all photons at {cuts.theta_lab_min_deg:g}-{cuts.theta_lab_max_deg:g} deg in "
        f"the lab, E* > {cuts.energy_cms_min_GeV:g} GeV"
    )


def _fill(
    writer: EventWriter, source: Sampler, seed: Stream, n_events: int
) -> CrossSection:
    total = CrossSection()
    with progress_bar("events", -(-n_events // LANES)) as advance:
        for photons, _ in blocks(source, seed, n_events):
            writer.add(photons)
            total.add(photons)
            advance()
    return total


def _describe(
    process: str, n_events: int, seed: int, mass: float | None, coupling: float | None
) -> str:
    record = {"process": process, "n_events": n_events, "seed": seed}
    record["version"] = version("alpenglow")
    if process == "signal":
        record |= {"mass_GeV": mass, "coupling_per_GeV": coupling}
    return tomli_w.dumps(record)
