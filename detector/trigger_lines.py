"""Names of the trigger lines, in the order of their bits.

Lines are conditions, not rates: prescales are not public. There are no tracks here, so
lines that ask for none see all events.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class Lines(StrEnum):
    """Names of trigger lines with a description; the order gives the bits."""

    description: str

    def __new__(cls, name: str, description: str) -> Self:
        """Make a member from its name and what it asks for."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.description = description
        return member

    @property
    def bit(self) -> int:
        """Mask of the line alone."""
        return 1 << list(type(self)).index(self)

    @classmethod
    def mask(cls, lines: Iterable[str]) -> int:
        """Return the bits of several lines, for ``bits & mask``.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        bits, chosen = {str(line): line.bit for line in cls}, 0
        for name in lines:
            if name not in bits:
                msg = f"trigger line {name!r}: allowed are {', '.join(bits)}"
                raise ValueError(msg)
            chosen |= bits[name]
        return chosen


class L1Line(Lines):
    """First-level lines; E is in the lab, E* in the CM, "not bha" means not bha3d."""

    ELOW = "elow", "sum of TCs in rows 2-15 > 0.5 GeV"
    EHIGH = "ehigh", "sum of TCs in rows 2-15 > 1 GeV"
    ELUM = "elum", "sum of TCs in rows 2-15 > 3 GeV"
    HIE = "hie", "ehigh, not bha"
    LUME = "lume", "elum, no veto: the same condition as elum"
    HADE = "hade", "elum, not bha"
    BHIE = "bhie", "ehigh, no veto: the same condition as ehigh"
    C2 = "c2", "at least 2 isolated clusters in rows 2-15, not bha"
    C3 = "c3", "at least 3 isolated clusters in rows 2-15, not bha"
    C4 = "c4", "at least 4 isolated clusters in rows 2-15, not bha"
    C5 = "c5", "at least 5 isolated clusters in rows 2-15, not bha"
    LML0 = "lml0", "at least 3 clusters, one with E > 0.3 GeV, not bha"
    LML1 = "lml1", "a cluster with E* > 2 GeV in rows 4-14"
    LML2 = "lml2", "a cluster with E* > 2 GeV in rows 2, 3, 15, 16, not bha"
    LML3 = "lml3", "a cluster with E* > 2 GeV in rows 2, 3, 15, 16, and bha"
    LML4 = "lml4", "a cluster with E* > 2 GeV in rows 1, 17, not bha"
    LML5 = "lml5", "a cluster with E* > 2 GeV in rows 1, 17, and bha"
    LML6 = "lml6", "one cluster with E* > 1 GeV in rows 4-15, one in all with E > 0.3"
    LML7 = "lml7", "one with E* > 1 GeV in rows 2, 3, 16, one in all with E > 0.3 GeV"
    LML8 = "lml8", "a pair with Δφ* > 170°, both E > 0.25 GeV; none with E* > 2 GeV"
    LML9 = "lml9", "the same, one E > 0.25 GeV and the other below"
    LML10 = "lml10", "Δφ* > 160° and 160° < Σθ* < 200° for a pair; none with E* > 2"
    LML11 = "lml11", "no cluster with E* > 2 GeV"
    LML12 = "lml12", "at least 3 clusters in rows 2-16, one with E > 0.5 GeV, not bha"
    LML13 = "lml13", "one with E* > 0.5 GeV in rows 6-11, one in all with E > 0.3 GeV"
    BHA3D = "bha3d", "Δφ* > 160°, 165° < Σθ* < 190°, E* > 3 and 4.5 GeV for a pair"
    GG = "gg", "exactly 2 clusters (and no track)"
    C3HIE = "c3hie", "exactly 3 clusters, ehigh"


class HltLine(Lines):
    """High-level lines; clusters with E > 0.1 GeV, θ in the lab, E* and φ* in the CM."""

    GG2CLST = "gg2clst", "veto: Δφ* > 178°, |Σθ* − 180°| < 15°, E* > 3 and 4.5 GeV"
    EE2CLST = "ee2clst", "veto: the same with 160° < Δφ* < 178°"
    NEUTRAL_BARREL = "neutral_barrel", "E* > 2 GeV in 32-130°, not gg2clst"
    NEUTRAL_ENDCAP = (
        "neutral_endcap",
        "E* > 2 GeV in 22-32° or 130-145°, neither gg2clst nor ee2clst",
    )
    GG_BARREL_LOOSE = (
        "gg_barrel_loose",
        "the two highest E* > 2 and 4 GeV, Δφ* > 177°, one of them in 32-130°",
    )
    SINGLE_PHOTON = (
        "single_photon",
        "one cluster with E* > 1 GeV in 45-115°, no other with E* > 0.3 GeV",
    )
    SINGLE_PHOTON_WIDE = (
        "single_photon_wide",
        "one cluster with E* > 1 GeV in 30-130°, no other with E* > 0.3 GeV",
    )
    SINGLE_PHOTON_LOW = (
        "single_photon_low",
        "one cluster with E* > 0.5 GeV in 44-98°, no other with E* > 0.3 GeV",
    )
