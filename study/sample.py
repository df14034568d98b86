"""``alpenglow sample``: the generator alone, to a ROOT or Les Houches file."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from generator.files import Names
from generator.kinematics import why_empty
from generator.phase_space import PhaseSpace
from generator.processes import PROCESSES, SIGNALS, sampler, stream
from study.errors import InputError
from study.provenance import version
from study.sample_files import SUFFIXES, Job, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from generator.sampling import Sampler
    from study.config import Config

    Bounds = Mapping[str, float | Sequence[float] | None]

IN_A_REGION: Final = ("aaa", "aaaa", "aa", "eea")
"""Generated in a region, as their cross sections diverge; other processes everywhere."""
REGION_OPTIONS: Final = {
    "theta_lab_deg": "--theta-lab",
    "theta_cms_deg": "--theta-cms",
    "energy_cms_min_GeV": "--e-cms",
    "energy_lab_min_GeV": "--e-lab",
    "extra_energy_cms_min_GeV": "--extra-e-cms",
}
COUPLING_PER_GEV: Final = 1e-3
"""Of signals that are given none."""


def write_sample(
    process: str,
    n_events: int,
    out: Path,
    config: Config,
    *,
    mass_GeV: float | None = None,
    coupling_per_GeV: float | None = None,
    bounds: Bounds | None = None,
    unweighted: bool = False,
    rntuple: bool = False,
    names: str = Names.OURS,
) -> str:
    """Write events of a process and return a report of the sample.

    Parameters
    ----------
    process : str
        One of `generator.processes.PROCESSES`.
    n_events : int
        Events to generate, or to accept.
    out : Path
        File of one of ``SUFFIXES``; appears only when complete.
    config : Config
        Beams, radiation, photon cuts (the region of the background) and seed.
    mass_GeV, coupling_per_GeV : float, optional
        Of the ALP.
    bounds : mapping, optional
        Bounds of the region, by the names of `PhaseSpace`, in place of the configured.
    unweighted : bool
        Whether all events shall have one weight.
    rntuple : bool
        Whether a ROOT file shall hold an RNTuple instead of a TTree.
    names : str
        ``ours`` or ``basf2``: names of the columns in a ROOT file.

    Returns
    -------
    str
        Cross section ± error, effective events, events per second, what was written.

    Raises
    ------
    InputError
        If what is asked for is not possible.
    """
    given = {k: v for k, v in (bounds or {}).items() if v is not None}
    check(process, n_events, mass_GeV, coupling_per_GeV, given)
    if process in SIGNALS and coupling_per_GeV is None:
        coupling_per_GeV = COUPLING_PER_GEV
    region = phase_space(config, process, given)
    source = sampler_of(process, region, config, mass_GeV, coupling_per_GeV)
    record = {
        "process": process,
        "n_events": n_events,
        "seed": config.seed,
        "version": version("alpenglow"),
        "unweighted": unweighted,
        "names": names,
        "mass_GeV": mass_GeV,
        "coupling_per_GeV": coupling_per_GeV,
        "region": asdict(region) if process in IN_A_REGION else None,
    }
    job = Job(
        process=process,
        n_events=n_events,
        source=source,
        beams=config.beams.build(),
        seed=stream(f"sample-{process}", config.seed, mass_GeV or 0.0),
        region=region if process in IN_A_REGION else None,
        suffix=_suffix(out, rntuple=rntuple, names=names),
        names=Names(names),
        rntuple=rntuple,
        unweighted=unweighted,
        header={"config": tomli_w.dumps(config.as_dict()), "sample": _toml(record)},
    )
    return write(job, out)


def sampler_of(
    process: str,
    region: PhaseSpace,
    config: Config,
    mass_GeV: float | None,
    coupling_per_GeV: float | None,
) -> Sampler:
    """Return the sampler; refuse masses and regions that are not possible."""
    try:
        source = sampler(
            process,
            beams=config.beams.build(),
            phase_space=region,
            mass_GeV=mass_GeV,
            coupling_per_GeV=coupling_per_GeV,
            options=config.options(),
        )
        if process in IN_A_REGION:
            _refuse_empty(process, region, config)
    except ValueError as error:
        raise InputError(str(error)) from None
    return source


def check(
    process: str,
    n_events: int,
    mass_GeV: float | None,
    coupling_per_GeV: float | None,
    given: Bounds,
) -> None:
    """Refuse options that are impossible, or that the process does not have."""
    if process not in PROCESSES:
        msg = f"unknown process {process!r}; allowed: {', '.join(PROCESSES)}"
        raise InputError(msg)
    if n_events < 1:
        msg = f"-n {n_events}: need at least one event"
        raise InputError(msg)
    for option, what, value in (
        ("--mass", "ALP mass", mass_GeV),
        ("--coupling", "ALP coupling", coupling_per_GeV),
    ):
        if value is not None and process not in SIGNALS:
            msg = f"{option} {value:g}: process {process} has no {what}"
            raise InputError(msg)
        if value is not None and not math.isfinite(value):
            msg = f"{option} {value:g}: need a finite number"
            raise InputError(msg)
    for name in given:
        option = REGION_OPTIONS[name]
        if process not in IN_A_REGION:
            msg = f"{option}: process {process} is generated everywhere, in no region"
            raise InputError(msg)
        if name == "extra_energy_cms_min_GeV" and process != "aaaa":
            msg = f"{option}: process {process} has no fourth photon; aaaa has"
            raise InputError(msg)


def phase_space(
    config: Config, process: str = "aaa", bounds: Bounds | None = None
) -> PhaseSpace:
    """Return the region of the selection's photon cuts, without any margin.

    Parameters
    ----------
    config : Config
        The study.
    process : str
        The fourth photon of ``aaaa`` may be softer than the cuts.
    bounds : mapping, optional
        Bounds by the names of `PhaseSpace`, in place of the configured ones.

    Raises
    ------
    InputError
        If a bound is not a finite number of at least 0, or they hold nothing.
    """
    cuts = config.selection
    chosen: dict[str, Any] = {
        "theta_lab_deg": (cuts.theta_lab_min_deg, cuts.theta_lab_max_deg),
        "energy_cms_min_GeV": cuts.energy_cms_min_GeV,
    }
    if process == "aaaa":
        extra = config.generator.extra_energy_cms_min_GeV
        chosen["extra_energy_cms_min_GeV"] = extra
    for name, value in (bounds or {}).items():
        chosen[name] = _bound(name, value)
    try:
        return PhaseSpace(**chosen)
    except ValueError as error:
        raise InputError(str(error)) from None


def _bound(name: str, value: Any) -> float | tuple[float, ...]:
    angles = name.startswith("theta")
    numbers = tuple(value) if angles else (value,)
    text = f"{REGION_OPTIONS[name]} {','.join(f'{number:g}' for number in numbers)}"
    if angles and len(numbers) != 2:
        msg = f"{text}: expected two angles, low,high [deg]"
        raise InputError(msg)
    if not all(math.isfinite(number) and number >= 0.0 for number in numbers):
        msg = f"{text}: need finite numbers of at least 0"
        raise InputError(msg)
    return numbers if angles else numbers[0]


def _refuse_empty(process: str, region: PhaseSpace, config: Config) -> None:
    initial = config.options().initial
    particles = {"aa": 2, "aaaa": 4}.get(process, 3)
    reason = why_empty(region, config.beams.build(), initial, particles)
    if reason is not None:
        msg = (
            f"{process}: the region holds no event, its cross section is 0 pb: {reason}"
        )
        raise InputError(msg)


def _suffix(out: Path, *, rntuple: bool, names: str) -> str:
    """Return the suffix that decides what is written."""
    if names not in list(Names):
        msg = f"--names {names}: allowed: {', '.join(Names)}"
        raise InputError(msg)
    found = [suffix for suffix in SUFFIXES if out.name.endswith(suffix)]
    if not found:
        msg = f"--out {out}: allowed suffixes: {', '.join(SUFFIXES)}"
        raise InputError(msg)
    if found[0] != ".root" and (rntuple or names != Names.OURS):
        option = "--rntuple" if rntuple else f"--names {names}"
        msg = f"{option}: only for .root files, not {out}"
        raise InputError(msg)
    return found[0]


def _toml(record: dict[str, Any]) -> str:
    tables = {
        key: {k: v for k, v in value.items() if v is not None}
        if isinstance(value, dict)
        else value
        for key, value in record.items()
        if value is not None
    }
    return tomli_w.dumps(tables)
