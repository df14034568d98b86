"""Command line. Every command is a few lines: options in, one call, one line out.

Nothing heavy is imported before a command runs, so that ``--help`` is instant.
"""

from __future__ import annotations

import signal
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.errors import InputError

if TYPE_CHECKING:
    from study.config import Config

app = typer.Typer(
    name="alpenglow",
    help="Expected limits on ALPs from e+e- -> gamma a, a -> gamma gamma at Belle II.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Preset = Annotated[
    str | None, typer.Option(help="Preset to start from (see: alpenglow presets).")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file instead of a preset.")
]
Masses = Annotated[
    str | None, typer.Option(help="ALP masses [GeV], comma-separated: 0.2,0.5,1.")
]
NMasses = Annotated[
    int | None, typer.Option(help="Number of masses between the configured bounds.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override: section.key=value.")
]
Out = Annotated[str, typer.Option(help="Results folder.")]
Jobs = Annotated[int, typer.Option(min=1, help="Worker processes.")]
Quick = Annotated[bool, typer.Option("--quick", help="Samples ten times smaller.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Random seed.")]

DEFAULT_PRESET = "belle2-2017"
_INTERRUPTED = 130


def _config(
    preset: str | None,
    config: Path | None,
    masses: str | None,
    n_masses: int | None,
    assignments: list[str] | None,
    seed: int | None,
    *,
    quick: bool,
) -> Config:
    from study import load  # noqa: PLC0415

    if preset is not None and config is not None:
        msg = "--preset and --config exclude each other"
        raise InputError(msg)
    if masses is not None and n_masses is not None:
        msg = "--masses and --n-masses exclude each other"
        raise InputError(msg)
    if config is not None:
        source, data = str(config), load.read_file(config)
    else:
        source = preset or DEFAULT_PRESET
        data = load.read_toml(load.preset_text(source), source)
    data.pop("kind", None)  # a results folder's config.toml is a valid configuration
    extra: dict[str, Any] = {}
    if masses is not None:
        extra["scan.masses_GeV"] = _numbers(masses, "--masses")
    if n_masses is not None:
        extra["scan.n_masses"] = n_masses
        if isinstance(table := data.get("scan"), dict):
            table.pop("masses_GeV", None)
    if seed is not None:
        extra["seed"] = seed
    data = load.override(data, [f"{key}={value}" for key, value in extra.items()])
    result = load.parse(load.override(data, assignments or []), source)
    return load.quickened(result) if quick else result


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        msg = f"{option} {text}: expected numbers separated by commas"
        raise InputError(msg) from None


def _folder(out: str) -> Path:
    if not out.strip():
        msg = "--out is empty: name a folder for the results"
        raise InputError(msg)
    return Path(out)


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
    study = _config(preset, config, masses, n_masses, assignments, seed, quick=quick)
    from study.scan import run_scan  # noqa: PLC0415
    from study.summary import summary  # noqa: PLC0415

    folder = run_scan(study, _folder(out), jobs=jobs)
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
    """Signal efficiency against mass for several crystal separations."""
    chosen = list(assignments or [])
    if crystals is not None:
        chosen.append(f"separation.crystals={_numbers(crystals, '--crystals')}")
    study = _config(preset, config, masses, n_masses, chosen, seed, quick=quick)
    from study.scan import run_separation  # noqa: PLC0415

    folder = run_separation(study, _folder(out), jobs=jobs)
    typer.echo(f"wrote {folder.path / 'efficiency.csv'}")


@app.command()
def sample(
    process: Annotated[str, typer.Argument(help="signal or aaa.")],
    n_events: Annotated[int, typer.Option("-n", help="Number of events.")],
    out: Annotated[Path, typer.Option(help="ROOT file to write.")],
    seed: Seed = None,
    mass: Annotated[float | None, typer.Option(help="ALP mass [GeV].")] = None,
    coupling: Annotated[float, typer.Option(help="ALP coupling [1/GeV].")] = 1e-3,
    preset: Preset = None,
    config: ConfigFile = None,
    assignments: Set = None,
) -> None:
    """Write events of one process to a ROOT file (TTree "events")."""
    study = _config(preset, config, None, None, assignments, seed, quick=False)
    from study.sample import write_sample  # noqa: PLC0415

    report = write_sample(
        process, n_events, out, study, mass_GeV=mass, coupling_per_GeV=coupling
    )
    typer.echo(report)


@app.command()
def figures(
    folder: Annotated[Path, typer.Argument(help="Results folder.")],
) -> None:
    """Draw (again) every figure of a results folder."""
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
