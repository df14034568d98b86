"""Options that several commands share, and what they make of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.errors import InputError

if TYPE_CHECKING:
    from study.config import Config

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


def configuration(
    preset: str | None,
    config: Path | None,
    masses: str | None,
    n_masses: int | None,
    assignments: list[str] | None,
    seed: int | None,
    *,
    quick: bool,
) -> Config:
    """Return the study that the options of a command ask for.

    Raises
    ------
    InputError
        If options exclude each other, or the configuration is not valid.
    """
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
        extra["scan.masses_GeV"] = numbers(masses, "--masses")
    if n_masses is not None:
        extra["scan.n_masses"] = n_masses
        if isinstance(table := data.get("scan"), dict):
            table.pop("masses_GeV", None)
    if seed is not None:
        extra["seed"] = seed
    data = load.override(data, [f"{key}={value}" for key, value in extra.items()])
    result = load.parse(load.override(data, assignments or []), source)
    return load.quickened(result) if quick else result


def numbers(text: str, option: str) -> list[float]:
    """Return comma-separated numbers.

    Raises
    ------
    InputError
        If a part is no number; names ``option``.
    """
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        msg = f"{option} {text}: expected numbers separated by commas"
        raise InputError(msg) from None


def results_folder(out: str) -> Path:
    """Return the folder to write.

    Raises
    ------
    InputError
        If the name is empty.
    """
    if not out.strip():
        msg = "--out is empty: name a folder for the results"
        raise InputError(msg)
    return Path(out)
