"""A results folder: atomic files, finished points that survive, tables and provenance.

``points/`` holds one file per finished work unit, stamped with a hash of everything it
depends on. A unit whose file exists is not computed again; a file that cannot be read or
belongs to another study stops the run before anything is overwritten.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

from study.errors import InputError
from study.load import parse, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from study.config import Config


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and move it there if all went well.

    The file is made inside the ``with``: Ctrl-C at any moment leaves nothing behind.

    Raises
    ------
    InputError
        If the file cannot be written: a read-only folder, a full disk.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.stat()  # some writers would make the folder
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot write {path}: {error.strerror or error}")


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file so that it is either absent, old, or complete."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


class ResultsFolder:
    """The folder of one study.

    Parameters
    ----------
    path : Path
        Folder; made if it does not exist.
    config : Config
        The study. A folder that holds another one is refused.
    kind : str
        ``scan`` or ``separation``: also part of what the folder holds.

    Raises
    ------
    InputError
        If the folder holds another study or cannot be written.
    """

    def __init__(self, path: Path, config: Config, kind: str) -> None:
        self.path = path
        self.config = config
        self.kind = kind
        self.reused = 0
        """Finished work units that were read instead of computed."""
        stored = path / "config.toml"
        try:
            if stored.exists():
                self._check(stored)
            else:
                path.mkdir(parents=True, exist_ok=True)
                self._claim()
            (path / "points").mkdir(exist_ok=True)
        except OSError as error:
            raise _cannot_write(path, error) from None

    def _claim(self) -> None:
        """Make an empty folder the folder of this study."""
        if any(not item.name.startswith(".") for item in self.path.iterdir()):
            msg = f"{self.path} holds other files and no config.toml: choose another --out"
            raise InputError(msg)
        content = {"kind": self.kind, **self.config.as_dict()}
        self.write("config.toml", tomli_w.dumps(content).encode())

    def _check(self, stored: Path) -> None:
        """Refuse a folder whose configuration is another one."""
        data = read_file(stored)
        kind = data.pop("kind", None)
        other = parse(data, str(stored))
        if kind != self.kind or other.digest() != self.config.digest():
            msg = (
                f"{self.path} holds another study ({kind}: {other.title}): "
                "choose another --out, or the options it was made with"
            )
            raise InputError(msg)

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder atomically."""
        atomic_write(self.path / name, content)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file of the folder."""
        self.write(name, (json.dumps(content, indent=2) + "\n").encode())

    def write_table(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Write a CSV file; floats keep 10 significant digits."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(value) for value in row])
        self.write(name, text.getvalue().encode())

    def save_point(
        self, name: str, stamp: str, arrays: Mapping[str, NDArray[Any]]
    ) -> None:
        """Write a finished work unit."""
        with atomic_path(self._point(name)) as temporary, temporary.open("wb") as file:
            content: dict[str, Any] = {"stamp": np.array(stamp), **arrays}
            np.savez_compressed(file, **content)

    def load_point(self, name: str, stamp: str) -> dict[str, NDArray[Any]] | None:
        """Return a finished work unit, or None if it has to be computed.

        Raises
        ------
        InputError
            If the file is corrupt or was made with another configuration.
        """
        path = self._point(name)
        if not path.exists():
            return None
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = dict(file)
            found = str(arrays.pop("stamp"))
        except Exception:  # noqa: BLE001  # zip, zlib and numpy raise a dozen kinds
            msg = f"{path} is corrupt: delete this file to compute it again"
            raise InputError(msg) from None
        if found != stamp:
            msg = (
                f"{path} was made with another configuration, by other code or with "
                "other libraries: choose another --out"
            )
            raise InputError(msg)
        self.reused += 1
        return arrays

    def check_name(self, name: str, written: str) -> None:
        """Refuse a point that was written under another name.

        Raises
        ------
        InputError
            If the names differ: somebody renamed the file.
        """
        if name != written:
            msg = f"{self._point(name)} holds {written}: delete or rename this file"
            raise InputError(msg)

    def _point(self, name: str) -> Path:
        return self.path / "points" / f"{name}.npz"


def _cell(value: object) -> object:
    return f"{value:.10g}" if isinstance(value, (float, np.floating)) else value
