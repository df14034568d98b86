"""The detector on a file of true photons: `alpenglow simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import tomli_w

from detector.files import ClusterWriter, refuse_clusters
from generator.files import Names
from generator.ingest import padded, photons, read_root
from generator.random import lanes
from generator.simd import LANES
from study.errors import InputError
from study.progress import progress_bar
from study.provenance import version
from study.store import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from study.config import Config

_STREAM: Final = 200
"""First number of the spawn key, apart from those of the processes."""


def simulate_file(source: Path, out: Path, config: Config, *, names: str) -> str:
    """Simulate the events of a file and return a report.

    Parameters
    ----------
    source : Path
        ROOT file with a tree or RNTuple ``events`` of true photons, with our names or
        basf2's; see `generator.ingest`.
    out : Path
        ROOT file to write; appears only when complete.
    config : Config
        The detector and the seed.
    names : str
        ``ours`` or ``basf2``: names of the columns to write.

    Raises
    ------
    InputError
        If a file cannot be read or written, or names are unknown.
    """
    if names not in list(Names):
        msg = f"--names {names}: allowed: {', '.join(Names)}"
        raise InputError(msg)
    if out.suffix != ".root":
        msg = f"--out {out}: allowed suffix: .root"
        raise InputError(msg)
    if out.resolve() == source.resolve():
        msg = f"--out {out}: is the file to read"
        raise InputError(msg)
    try:
        refuse_clusters(source)
        events = read_root(source)
        padded(events[:0])  # complains about columns
    except (OSError, ValueError) as error:
        raise _cannot_read(source, error) from None
    header = {
        "config": tomli_w.dumps(config.as_dict()),
        "simulate": tomli_w.dumps(
            {
                "source": source.name,
                "seed": config.seed,
                "version": version("alpenglow"),
            }
        ),
    }
    detector = config.build_detector()
    seed = np.random.SeedSequence(config.seed, spawn_key=(_STREAM,))
    state, n_clusters, n_triggered = lanes(seed), 0, 0
    steps = -(-len(events) // LANES)
    with progress_bar("events", steps) as advance, atomic_path(out) as temporary:
        try:
            with ClusterWriter(temporary, header, Names(names)) as writer:
                for block in photons(events):
                    clusters = detector.simulate(block, state, record=True)
                    writer.add(clusters)
                    n_clusters += int((clusters.energy[:, : block.n_events] > 0).sum())
                    n_triggered += int(clusters.triggered[: block.n_events].sum())
                    advance()
        except ValueError as error:
            raise _cannot_read(source, error) from None
    n = max(len(events), 1)
    return (
        f"wrote {out}: {len(events)} events, {n_clusters / n:.3f} clusters per event, "
        f"{n_triggered / n:.1%} triggered ({detector.model} model)"
    )


def _cannot_read(path: Path, error: Exception) -> InputError:
    """Return one line, which names the file once."""
    text = " ".join(str(error).split()).removeprefix(f"{path}: ")
    return InputError(f"{path}: {text}")
