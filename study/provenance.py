"""``run.json``: what ran, with which versions, how long and how large."""

from __future__ import annotations

import importlib.metadata
import platform
import resource
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from generator.compiled import sources_hash

if TYPE_CHECKING:
    from study.config import Config

_LIBRARIES: Final = (
    "alpenglow",
    "numpy",
    "scipy",
    "numba",
    "awkward",
    "uproot",
    "hist",
)


def version(name: str) -> str:
    """Return the installed version of a distribution."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # run from a plain checkout
        return "not installed"


def peak_memory_MB() -> float:
    """Return the largest resident memory of this process or of one worker [MB]."""
    peaks = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    bytes_per_unit = 1 if sys.platform == "darwin" else 1024
    return max(peaks) * bytes_per_unit / 1e6


def cpu_seconds() -> float:
    """Return the CPU time of this process and its finished workers [s]."""
    usages = (
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Stopwatch:
    """Measures a run from its construction on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def record(
        self,
        config: Config,
        background_events: int,
        jobs: int,
        reused: int,
        *,
        shower: bool = False,
    ) -> dict[str, Any]:
        """Return the content of ``run.json``.

        Parameters
        ----------
        config : Config
            The study.
        background_events : int
            Background events behind the results.
        jobs : int
            Worker processes.
        reused : int
            Work units of an earlier session, which the times do not include.
        shower : bool
            Whether the crystal-level model ran beside the others.
        """
        masses, variants = config.scan.masses(), config.variants(shower=shower)
        events = config.events
        signal = len(masses) * (len(variants) * events.signal + events.lifetime)
        return {
            "title": config.title,
            "config_digest": config.digest(),
            "sources_hash": sources_hash(),
            "seed": config.seed,
            "n_masses": len(masses),
            "signal_events": signal,
            "background_events": background_events,
            "jobs": jobs,
            "reused_points": reused,
            "wall_s": round(time.perf_counter() - self._wall, 3),
            "cpu_s": round(cpu_seconds() - self._cpu, 3),
            "peak_memory_MB": round(peak_memory_MB(), 1),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "versions": {name: version(name) for name in _LIBRARIES},
        }
