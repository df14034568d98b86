"""PDG particle numbers (Monte Carlo numbering scheme)."""

from __future__ import annotations

from typing import Final

PHOTON: Final = 22
ELECTRON: Final = 11
POSITRON: Final = -11
PI0: Final = 111
ETA: Final = 221
ETA_PRIME: Final = 331
OMEGA: Final = 223
ALP: Final = 9000006
"""No number of the scheme: one of the range left to generators."""
