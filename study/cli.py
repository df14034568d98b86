"""Command line. Every command is a few lines: options in, one call, one line out.

Nothing heavy is imported before a command runs, so that ``--help`` is instant.
"""

from __future__ import annotations

import signal
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from study.cli_options import (
    ConfigFile,
    Jobs,
    Masses,
    NMasses,
    Out,
    Preset,
    Quick,
    Seed,
    Set,
    configuration,
    numbers,
    results_folder,
)
from study.errors import InputError

app = typer.Typer(
    name="alpenglow",
    help="Expected limits on ALPs from e+e- -> gamma a, a -> gamma gamma at Belle II.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_INTERRUPTED = 130


@app.command()
def scan(
    out: Out,
    preset: Preset = None,
    config: ConfigFile = None,
    masses: Masses = None,
    n_masses: NMasses = None,
    assignments: Set = None,
    jobs: Jobs = 1,
    seed: Seed = None,
    *,
    quick: Quick = False,
) -> None:
    """Scan the ALP mass: efficiencies, backgrounds, expected limits."""
    study = configuration(
        preset, config, masses, n_masses, assignments, seed, quick=quick
    )
    from study.scan import run_scan  # noqa: PLC0415
    from study.summary import summary  # noqa: PLC0415

    folder = run_scan(study, results_folder(out), jobs=jobs)
    typer.echo(summary(folder.path))


@app.command()
def separation(
    out: Out,
    preset: Preset = None,
    config: ConfigFile = None,
    masses: Masses = None,
    n_masses: NMasses = None,
    crystals: Annotated[
        str | None, typer.Option(help="Crystal separations, comma-separated: 1,2,4.")
    ] = None,
    assignments: Set = None,
    jobs: Jobs = 1,
    seed: Seed = None,
    *,
    quick: Quick = False,
) -> None:
    """Follow a → γγ through the ECL: resolved, merged or lost, trigger, efficiency."""
    chosen = list(assignments or [])
    if crystals is not None:
        chosen.append(f"separation.crystals={numbers(crystals, '--crystals')}")
    study = configuration(preset, config, masses, n_masses, chosen, seed, quick=quick)
    from study.separation_run import run_separation  # noqa: PLC0415
    from study.separation_summary import separation_summary  # noqa: PLC0415

    folder = run_separation(study, results_folder(out), jobs=jobs)
    _print(separation_summary(folder.path))
    _draw(folder.path)


@app.command()
def radiation(
    out: Out,
    preset: Preset = None,
    config: ConfigFile = None,
    masses: Masses = None,
    n_masses: NMasses = None,
    assignments: Set = None,
    jobs: Jobs = 1,
    seed: Seed = None,
    *,
    quick: Quick = False,
) -> None:
    """Scan without and with radiation off the beams, and compare."""
    study = configuration(
        preset, config, masses, n_masses, assignments, seed, quick=quick
    )
    from study.radiation import run_radiation  # noqa: PLC0415

    folder = run_radiation(study, results_folder(out), jobs=jobs)
    typer.echo(f"wrote {folder.path / 'radiation.csv'}")
    _draw(folder.path)


@app.command()
def sample(
    process: Annotated[
        str,
        typer.Argument(
            help="signal, fusion, aaa, aaaa, aa, eea, pigamma, etagamma, etapgamma, "
            "omegagamma."
        ),
    ],
    n_events: Annotated[int, typer.Option("-n", help="Number of events.")],
    out: Annotated[Path, typer.Option(help="File to write: .root, .lhe or .lhe.gz.")],
    seed: Seed = None,
    mass: Annotated[float | None, typer.Option(help="ALP mass [GeV].")] = None,
    coupling: Annotated[
        float | None, typer.Option(help="ALP coupling [1/GeV]; 1e-3 if not given.")
    ] = None,
    theta_lab: Annotated[
        str | None, typer.Option(help="Region: polar angles in the lab [deg]: 17,150.")
    ] = None,
    theta_cms: Annotated[
        str | None, typer.Option(help="Region: angles in the CM frame [deg]: 26,154.")
    ] = None,
    e_cms: Annotated[
        float | None, typer.Option(help="Region: smallest CM energy [GeV].")
    ] = None,
    e_lab: Annotated[
        float | None, typer.Option(help="Region: smallest lab energy [GeV].")
    ] = None,
    extra_e_cms: Annotated[
        float | None, typer.Option(help="Region: of the fourth photon of aaaa [GeV].")
    ] = None,
    names: Annotated[
        str, typer.Option(help="Names of the columns in ROOT files: ours or basf2.")
    ] = "ours",
    preset: Preset = None,
    config: ConfigFile = None,
    assignments: Set = None,
    *,
    unweighted: Annotated[
        bool,
        typer.Option(
            "--unweighted", help="Events of one weight, but for a rare heavy one."
        ),
    ] = False,
    rntuple: Annotated[
        bool, typer.Option("--rntuple", help="An RNTuple instead of a TTree.")
    ] = False,
) -> None:
    """Write events of one process to a ROOT ("events") or Les Houches file."""
    study = configuration(preset, config, None, None, assignments, seed, quick=False)
    from study.sample import write_sample  # noqa: PLC0415

    bounds: dict[str, Any] = {
        "energy_cms_min_GeV": e_cms,
        "energy_lab_min_GeV": e_lab,
        "extra_energy_cms_min_GeV": extra_e_cms,
    }
    if theta_lab is not None:
        bounds["theta_lab_deg"] = numbers(theta_lab, "--theta-lab")
    if theta_cms is not None:
        bounds["theta_cms_deg"] = numbers(theta_cms, "--theta-cms")
    report = write_sample(
        process,
        n_events,
        out,
        study,
        mass_GeV=mass,
        coupling_per_GeV=coupling,
        bounds=bounds,
        unweighted=unweighted,
        rntuple=rntuple,
        names=names,
    )
    typer.echo(report)


@app.command()
def simulate(
    source: Annotated[
        Path, typer.Argument(help='ROOT file with true photons, a tree "events".')
    ],
    out: Annotated[Path, typer.Option(help="ROOT file to write.")],
    names: Annotated[
        str, typer.Option(help="Names of the columns: ours or basf2.")
    ] = "ours",
    seed: Seed = None,
    preset: Preset = None,
    config: ConfigFile = None,
    assignments: Set = None,
) -> None:
    """Run the detector alone: true photons of a file to clusters and trigger bits."""
    study = configuration(preset, config, None, None, assignments, seed, quick=False)
    from study.simulate_file import simulate_file  # noqa: PLC0415

    typer.echo(simulate_file(source, out, study, names=names))


@app.command()
def display(
    source: Annotated[
        str,
        typer.Argument(
            help="A process, as for sample, or a ROOT file of true photons."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .pdf or .svg.")],
    event: Annotated[int, typer.Option(min=0, help="Number of the event, from 0.")] = 0,
    mass: Annotated[float | None, typer.Option(help="ALP mass [GeV].")] = None,
    coupling: Annotated[
        float | None, typer.Option(help="ALP coupling [1/GeV]; 1e-3 if not given.")
    ] = None,
    seed: Seed = None,
    preset: Preset = None,
    config: ConfigFile = None,
    assignments: Set = None,
) -> None:
    """Draw one event on the unrolled ECL, with the crystal-level (shower) model."""
    study = configuration(preset, config, None, None, assignments, seed, quick=False)
    from study.display import draw_display  # noqa: PLC0415

    report = draw_display(
        source, event, out, study, mass_GeV=mass, coupling_per_GeV=coupling
    )
    typer.echo(report)


@app.command()
def figures(
    folder: Annotated[Path, typer.Argument(help="Results folder.")],
) -> None:
    """Draw (again) every figure of a results folder."""
    _draw(folder)


def _print(content: Any) -> None:
    from rich.console import Console  # noqa: PLC0415  # slow to import

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # for a file there is nothing to fit into
    console.print(content)


def _draw(folder: Path) -> None:
    from study.figures import draw_all  # noqa: PLC0415

    try:
        paths = draw_all(folder)
    except (OSError, ValueError) as error:
        raise InputError(str(error)) from None
    for path in paths:
        typer.echo(path)


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Preset to print.")] = None,
) -> None:
    """List the presets, or print one (it is a valid --config file)."""
    from study import load  # noqa: PLC0415

    text = "\n".join(load.preset_names()) if name is None else load.preset_text(name)
    typer.echo(text.rstrip("\n"))


_USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""ClickException, wherever this version of typer keeps its copy of click."""


def _fail(message: str) -> None:
    """Write one line, whatever file names and keys hold."""
    sys.stderr.write(f"alpenglow: {' '.join(message.splitlines())}\n")


class _Interrupts:
    """Remember Ctrl-C: a library may turn the KeyboardInterrupt into its own error."""

    def __init__(self) -> None:
        self.caught = False
        signal.signal(signal.SIGINT, self._answer)

    def _answer(self, *_: object) -> None:
        self.caught = True
        raise KeyboardInterrupt


def _run() -> int:
    interrupts = _Interrupts()
    try:
        code = app(prog_name="alpenglow", standalone_mode=False)
    except InputError as error:
        _fail(str(error))
        return 2
    except BrokenExecutor:
        _fail(
            "a worker died (out of memory?); run again to go on from what is finished"
        )
        return 1
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception:
        if not interrupts.caught:
            raise
        code = _INTERRUPTED
    except SystemExit:  # typer's answer to a closed pipe: alpenglow presets | head
        return 0
    if code == _INTERRUPTED:  # newer typer returns it
        _fail("interrupted; what is finished is kept")
    return int(code or 0)


def main() -> None:
    """Run the command line; exit codes 0 done, 2 bad input, 130 interrupted."""
    try:
        code = _run()
    except _USAGE_ERROR as error:
        message = error.format_message()
        if len(sys.argv) == 1:  # the help page
            sys.stderr.write(f"{message}\n")
        else:
            _fail(message)
        code = 2
    sys.exit(code)
