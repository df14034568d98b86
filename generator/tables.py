"""Small tables kept as CSV with a commented header that says where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from numpy.typing import NDArray


def read_table(path: Path | Traversable) -> NDArray[Any]:
    """Read a CSV file into a structured array, one field per column.

    Lines that start with ``#`` are provenance and are skipped.

    Raises
    ------
    ValueError
        If a row has not as many fields as the header, or a column mixes types.
    """
    lines = [
        line
        for line in path.read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    try:
        table = np.genfromtxt(
            lines, delimiter=",", names=True, dtype=None, encoding="utf-8"
        )
    except TypeError:  # numpy's own answer to numbers and words in one column
        msg = f"{path}: a column holds both numbers and words"
        raise ValueError(msg) from None
    return np.atleast_1d(table)
