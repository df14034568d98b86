"""Work units to and from the plain arrays that point files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detector.simulate import ClusterModel
from selection.candidates import SelectionName
from selection.windows import Observable, Window
from study.config import Variant
from study.sums import ARRAYS, Separated, SignalPoint, Sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[Any]"]


def encode_sums(sums: Sums, prefix: str = "") -> Arrays:
    """Return the arrays of a work unit's sums."""
    arrays: Arrays = {f"{prefix}{name}": getattr(sums, name) for name in ARRAYS}
    arrays[f"{prefix}n_events"] = np.array(sums.n_events)
    return arrays


def decode_sums(arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> Sums:
    """Return the sums that `encode_sums` wrote."""
    n_events = int(arrays[f"{prefix}n_events"])
    return Sums(n_events, *(arrays[f"{prefix}{name}"] for name in ARRAYS))


def encode_windows(windows: Sequence[Window]) -> Arrays:
    """Return names and numbers of windows."""
    names = [[w.selection.value, w.observable.value] for w in windows]
    numbers = [[w.mass_GeV, w.sigma, w.low, w.high] for w in windows]
    return {
        "names": np.array(names, dtype="U8").reshape(-1, 2),
        "numbers": np.array(numbers, dtype=float).reshape(-1, 4),
    }


def decode_windows(
    names: NDArray[np.str_], numbers: NDArray[np.float64]
) -> tuple[Window, ...]:
    """Return the windows that `encode_windows` wrote."""
    return tuple(
        Window(mass, SelectionName(name[0]), Observable(name[1]), sigma, low, high)
        for name, (mass, sigma, low, high) in zip(names, numbers.tolist(), strict=True)
    )


def encode_signal(point: SignalPoint) -> Arrays:
    """Return the arrays of a signal point."""
    arrays: Arrays = {
        "mass_GeV": np.array(point.mass_GeV),
        "models": np.array([s.variant.model.value for s in point.separated]),
        "crystals": np.array([s.variant.crystals for s in point.separated]),
        "unmerged_detected": np.array(point.unmerged_detected),
        "lifetime_edges_cm": point.lifetime_edges_cm,
        "lifetime_passed": point.lifetime_passed,
        "lifetime_generated": point.lifetime_generated,
    }
    for k, item in enumerate(point.separated):
        arrays |= encode_sums(item.sums, f"s{k}_")
        windows = encode_windows(item.windows)
        arrays |= {f"s{k}_window_{key}": value for key, value in windows.items()}
    return arrays


def decode_signal(arrays: Mapping[str, NDArray[Any]]) -> SignalPoint:
    """Return the signal point that `encode_signal` wrote."""
    separated = tuple(
        Separated(
            Variant(ClusterModel(str(model)), int(crystals)),
            decode_windows(
                arrays[f"s{k}_window_names"], arrays[f"s{k}_window_numbers"]
            ),
            decode_sums(arrays, f"s{k}_"),
        )
        for k, (model, crystals) in enumerate(
            zip(arrays["models"], arrays["crystals"], strict=True)
        )
    )
    return SignalPoint(
        mass_GeV=float(arrays["mass_GeV"]),
        separated=separated,
        unmerged_detected=float(arrays["unmerged_detected"]),
        lifetime_edges_cm=arrays["lifetime_edges_cm"],
        lifetime_passed=arrays["lifetime_passed"],
        lifetime_generated=arrays["lifetime_generated"],
    )
