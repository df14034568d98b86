"""How kernels are compiled, and where the compiled code is kept.

numba's on-disk cache looks only at the file that holds a kernel: editing a function in
another file would leave old machine code in use. This is a study that people edit, so
the cache folder carries a hash of every source file of the compiled packages.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba
from numba.core import config

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

# No "nnan"/"ninf": infinities are ordinary values here (an absent photon is at infinity).
_FASTMATH: Final = {"contract", "reassoc", "arcp", "nsz", "afn"}
_COMPILED_PACKAGES: Final = ("generator", "detector", "selection")


@cache
def sources_hash(names: tuple[str, ...] = _COMPILED_PACKAGES) -> str:
    """Return a hash of code and tables: of whole packages, or of single files."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for name in names:
        inside = sorted((root / name).rglob("*.*"))
        for source in inside or [root / name]:
            if source.suffix in {".py", ".csv"}:
                digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "alpenglow" / f"kernels-{sources_hash(_COMPILED_PACKAGES)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # e.g. a batch node without a writable home
        user = f"{os.getuid()}" if hasattr(os, "getuid") else "user"
        folder = Path(tempfile.gettempdir()) / f"alpenglow-{user}" / folder.name
        folder.mkdir(parents=True, exist_ok=True)
    return folder


if "NUMBA_CACHE_DIR" not in os.environ:
    config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]


def kernel(function: F) -> F:
    """Compile a loop over the lanes of a block; cached on disk."""
    compiled = numba.njit(
        cache=True, error_model="numpy", fastmath=_FASTMATH, nogil=True
    )(function)
    return cast("F", compiled)


def device(function: F) -> F:
    """Compile a scalar function that is always inlined into kernels."""
    compiled = numba.njit(
        error_model="numpy", fastmath=_FASTMATH, forceinline=True, nogil=True
    )(function)
    return cast("F", compiled)
