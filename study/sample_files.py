"""Samples on their way into files, and the report of what was written."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.bhabha import RadiativeBhabha
from generator.equivalent_photons import fusion_cross_section_pb
from generator.files import TREE, EventWriter, Names
from generator.fusion import Fusion
from generator.mesons import MESONS
from generator.omega import OmegaPhoton
from generator.sampling import CrossSection, blocks
from generator.simd import LANES
from generator.two_photon import TwoPhoton
from generator.unweight import Unweighted, unweight
from study.errors import InputError
from study.progress import progress_bar
from study.store import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.beams import Beams
    from generator.columns import Photons
    from generator.phase_space import PhaseSpace
    from generator.sampling import Sampler, Stream

SUFFIXES: Final = (".root", ".lhe", ".lhe.gz")


@dataclass(frozen=True, slots=True)
class Job:
    """What to generate, and how to write it."""

    process: str
    n_events: int
    source: Sampler
    beams: Beams
    seed: Stream
    region: PhaseSpace | None
    """Where events are generated; None: everywhere."""
    suffix: str
    """One of ``SUFFIXES``."""
    names: Names
    rntuple: bool
    unweighted: bool
    header: dict[str, str]
    """Text to write beside the events."""


def write(job: Job, out: Path) -> str:
    """Write a sample and return the report.

    Parameters
    ----------
    job : Job
        The sample.
    out : Path
        File; appears only when complete.

    Raises
    ------
    InputError
        If the events cannot have unit weights, the format cannot hold them, or the
        file cannot be written.
    """
    started = time.perf_counter()
    steps = -(-job.n_events // LANES) * (2 if job.unweighted else 1)
    with progress_bar("events", steps) as advance, atomic_path(out) as temporary:
        sample = _unweighted(job, advance)
        total = _write(job, temporary, sample, advance)
    rate = job.n_events / (time.perf_counter() - started)
    lines = [_cross_section(job, total, sample, rate), _region(job), *_included(job)]
    if sample is not None:
        lines.append(_efficiency(sample))
    return "\n".join([*lines, _written(job, total, out)])


def _unweighted(job: Job, advance: Callable[[], None]) -> Unweighted | None:
    if not job.unweighted:
        return None
    try:
        return unweight(job.source, job.seed, job.n_events, advance)
    except ValueError as error:
        msg = f"--unweighted: {error}"
        raise InputError(msg) from None


def _events(job: Job, sample: Unweighted | None) -> Iterator[Photons]:
    if sample is not None:
        yield from sample.blocks()
        return
    for photons, _ in blocks(job.source, job.seed, job.n_events):
        yield photons


def _write(
    job: Job, path: Path, sample: Unweighted | None, advance: Callable[[], None]
) -> CrossSection:
    """Write the events; return the cross section of what was written."""
    if job.suffix == ".root":
        return _write_root(job, path, _events(job, sample), advance)
    return _write_lhe(job, path, sample, advance)


def _write_root(
    job: Job, path: Path, events: Iterator[Photons], advance: Callable[[], None]
) -> CrossSection:
    total = CrossSection()
    writer = EventWriter(
        path,
        job.beams,
        job.header,
        source=job.source,
        names=job.names,
        rntuple=job.rntuple,
    )
    with closing(writer):
        for photons in events:
            writer.add(photons)
            total.add(photons)
            advance()
    return total


def _write_lhe(
    job: Job, path: Path, sample: Unweighted | None, advance: Callable[[], None]
) -> CrossSection:
    """Write the cross section first: weighted events are made once more for it."""
    from generator.lhe import refuse_background, write_lhe  # noqa: PLC0415  # slow

    try:
        refuse_background(job.source)
    except ValueError as error:
        raise InputError(str(error)) from None

    def watched() -> Iterator[Photons]:
        for photons in _events(job, sample):
            yield photons
            advance()

    total = CrossSection()
    if sample is not None:
        total = sample.kept
    else:
        for photons in _events(job, sample):
            total.add(photons)
    write_lhe(
        path,
        watched(),
        source=job.source,
        beams=job.beams,
        total=total,
        error_pb=(total if sample is None else sample.tried).error_pb,
        header=job.header,
        compress=job.suffix == ".lhe.gz",
    )
    return total


def _cross_section(
    job: Job, total: CrossSection, sample: Unweighted | None, rate: float
) -> str:
    n = job.n_events
    if total.upper_pb == 0.0:
        return f"{job.process}: 0 pb, none of {n} events has any weight"
    if total.n_inside == 0:
        return (
            f"{job.process}: 0 pb, below {total.upper_pb:.2g} pb at 95 % CL: "
            f"none of {n} events is inside the region"
        )
    error = (total if sample is None else sample.tried).error_pb
    effective = total.effective_events
    return (
        f"{job.process}: {total.sum_pb:.6g} +- {error:.2g} pb, "
        f"{effective:.6g} effective of {n} events ({effective / n:.1%}), "
        f"{rate:.3g} events/s (with writing)"
    )


def _region(job: Job) -> str:
    space = job.region
    if space is None:
        return "region: everywhere"
    low, high = space.theta_lab_deg
    parts = [f"all particles at {low:g}-{high:g} deg in the lab"]
    low, high = space.theta_cms_deg
    if (low, high) != (0.0, 180.0):
        parts.append(f"{low:g}-{high:g} deg in the CM frame")
    if space.energy_cms_min_GeV > 0.0:
        parts.append(f"E* > {space.energy_cms_min_GeV:g} GeV")
    if space.energy_lab_min_GeV > 0.0:
        parts.append(f"E_lab > {space.energy_lab_min_GeV:g} GeV")
    if space.extra_energy_cms_min_GeV is not None:
        extra = f"{space.extra_energy_cms_min_GeV:g}"
        parts.append(f"of the softest one only E* > {extra} GeV")
    return f"region: {', '.join(parts)}"


def _included(job: Job) -> list[str]:
    """Return what the cross section contains beside the process itself."""
    source = job.source
    if isinstance(source, Fusion):
        s, q2 = job.beams.s_GeV2, source.q2_max_GeV2
        formula = fusion_cross_section_pb(
            source.mass_GeV, source.coupling_per_GeV, s, q2
        )
        low, high = source.tracks_deg
        return [
            (
                f"an electron at {low:g}-{high:g} deg loses its track with chance "
                f"{source.track_loss:g}; the formula of equivalent photons, with neither "
                f"that nor the energy their virtualities take: {float(formula):.4g} pb"
            )
        ]
    if isinstance(source, RadiativeBhabha):
        return [f"both tracks are lost, with chance {source.track_loss:g} each"]
    if isinstance(source, TwoPhoton) and source.slots == 3:
        law = source.background
        assert law is not None  # it has a third slot
        return [
            (
                f"with one beam-background photon, of {law.mean:g} on average above "
                f"{law.energy_min_GeV:g} GeV"
            )
        ]
    if job.process in MESONS or job.process == OmegaPhoton.name:
        return ["branching fractions to photons included"]
    return []


def _efficiency(sample: Unweighted) -> str:
    return (
        f"unweighted: {sample.unit_pb:.4g} pb per event, "
        f"{sample.efficiency:.1%} of the tried events accepted, "
        f"{sample.above:.2%} of the cross section in events of larger weight"
    )


def _written(job: Job, total: CrossSection, out: Path) -> str:
    if job.suffix != ".root":
        return f"wrote {out}: {total.n_inside} Les Houches events of non-zero weight"
    kind = "RNTuple" if job.rntuple else "TTree"
    return f"wrote {out}: {kind} {TREE}, {total.n_events} events, names {job.names}"
