"""From presets, TOML files and overrides to a configuration.

Whatever is wrong is an `InputError` of one line: what, where, what is allowed.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from study.config import Config, EventsConfig
from study.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

QUICK_SHARE: Final = 10
"""--quick divides every sample size by this."""


def parse(data: Mapping[str, Any], source: str) -> Config:
    """Validate a configuration.

    Raises
    ------
    InputError
        One line: the first problem, the key it is in, and ``source``.
    """
    try:
        return Config.model_validate(dict(data))
    except ValidationError as error:
        raise InputError(_one_line(error, source)) from None


def _one_line(error: ValidationError, source: str) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    more = error.error_count() - 1
    tail = f" (and {more} more)" if more else ""
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(_allowed(first["loc"]))
        return f"{source}: unknown key {where}; allowed: {allowed}{tail}"
    message = first["msg"].removeprefix("Value error, ")
    given = "" if isinstance(first["input"], dict) else f", not {first['input']!r}"
    return ": ".join(
        part for part in (source, where, f"{message}{given}{tail}") if part
    )


def _allowed(location: tuple[int | str, ...]) -> Iterable[str]:
    model: type[BaseModel] = Config
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return model.model_fields


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package."""
    folder = files("study") / "presets"
    found = (item.name for item in folder.iterdir())
    return sorted(n.removesuffix(".toml") for n in found if n.endswith(".toml"))


def preset_text(name: str) -> str:
    """Return a preset as TOML text, which is a valid configuration file.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    if name not in preset_names():
        msg = f"unknown preset {name!r}; allowed: {', '.join(preset_names())}"
        raise InputError(msg)
    return (files("study") / "presets" / f"{name}.toml").read_text("utf-8")


def read_toml(text: str, source: str) -> dict[str, Any]:
    """Parse TOML.

    Raises
    ------
    InputError
        If it is not TOML; names the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{source}: not valid TOML: {error}"
        raise InputError(msg) from None


def read_file(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        If it cannot be read or is not TOML.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read config {path}: {getattr(error, 'strerror', None) or error}"
        raise InputError(msg) from None
    return read_toml(text, str(path))


def override(data: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Apply ``section.key=value`` assignments, values in TOML notation.

    A value that is not TOML is taken as text, so ``merge_rule=cross`` needs no quotes.

    Raises
    ------
    InputError
        If an assignment has no ``=`` or runs through a value that is not a table.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            msg = f"--set {assignment}: expected section.key=value"
            raise InputError(msg)
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *tables, last = key.strip().split(".")
        table = data
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                msg = f"--set {assignment}: {name} is a value, not a table"
                raise InputError(msg)
        table[last] = value
    return data


def quickened(config: Config) -> Config:
    """Return the configuration with every sample ten times smaller."""
    events = {
        name: min(size, max(1, size // QUICK_SHARE))
        for name, size in config.events.model_dump().items()
    }
    return config.model_copy(update={"events": EventsConfig(**events)})
