"""Signal efficiency as a function of the lifetime, folded from measured bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LifetimeEfficiency:
    """Signal efficiency in bins of the proper decay length of each ALP.

    One simulated sample serves all lifetimes: the decay lengths of a lifetime cτ are
    exponential, so its efficiency is the average of the bins with that weight. Decays
    beyond the last edge count as not selected.

    Raises
    ------
    ValueError
        If the edges do not rise from 0, the lengths disagree, or an efficiency or error
        is negative or not finite. The last edge may be infinite.
    """

    edges_cm: NDArray[np.float64]
    """Bin edges of the proper decay length [cm], shape (n + 1,), from 0 upwards."""

    efficiency: NDArray[np.float64]
    """Efficiency of the ALPs that decay in each bin, shape (n,)."""

    efficiency_error: NDArray[np.float64]
    """Independent Monte Carlo standard error of each efficiency, shape (n,)."""

    def __post_init__(self) -> None:
        """Store float64 arrays and check them."""
        for name in ("edges_cm", "efficiency", "efficiency_error"):
            values = np.array(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, values)
        self._check_edges()
        for name in ("efficiency", "efficiency_error"):
            self._check_bins(name)

    @classmethod
    def prompt(cls, efficiency: float, efficiency_error: float = 0.0) -> Self:
        """Efficiency that does not depend on the lifetime."""
        return cls(
            np.array([0.0, np.inf]),
            np.array([efficiency]),
            np.array([efficiency_error]),
        )

    def at(
        self, decay_length_cm: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Efficiency and its standard error for proper decay lengths cτ.

        Parameters
        ----------
        decay_length_cm : array_like
            Mean proper decay length cτ [cm], any shape, from 0 (prompt) to infinity.

        Returns
        -------
        efficiency, error : ndarray
            Σ ε_i [exp(−low_i/cτ) − exp(−high_i/cτ)] and the same sum in quadrature of
            the errors; shape of `decay_length_cm`.
        """
        weights = self._weights(decay_length_cm)
        efficiency = weights @ self.efficiency
        error = np.sqrt(weights**2 @ self.efficiency_error**2)
        return np.asarray(efficiency), np.asarray(error)

    def _weights(self, decay_length_cm: ArrayLike) -> NDArray[np.float64]:
        """Probability to decay in each bin, shape (..., n)."""
        length = np.asarray(decay_length_cm, dtype=np.float64)[..., np.newaxis]
        length = np.clip(length, np.finfo(np.float64).tiny, np.finfo(np.float64).max)
        with np.errstate(over="ignore"):  # an edge of infinite decay lengths is fine
            before = np.exp(-self.edges_cm[:-1] / length)
            inside = -np.expm1(-np.diff(self.edges_cm) / length)
        return np.asarray(before * inside)

    def _check_edges(self) -> None:
        edges = self.edges_cm
        rising = edges.ndim == 1 and edges.size > 1 and np.all(edges[1:] > edges[:-1])
        if not rising or edges[0] != 0.0:
            msg = f"edges_cm: must rise from 0, got {edges.tolist()}"
            raise ValueError(msg)

    def _check_bins(self, name: str) -> None:
        values: NDArray[np.float64] = getattr(self, name)
        if values.shape != (self.edges_cm.size - 1,):
            msg = (
                f"{name}: needs {self.edges_cm.size - 1} bins, got shape {values.shape}"
            )
            raise ValueError(msg)
        if not np.all(np.isfinite(values) & (values >= 0.0)):
            msg = f"{name}: must be finite and >= 0, got {values.tolist()}"
            raise ValueError(msg)
