"""Published limits and projections as data, each with its provenance.

``names()`` lists the curves, ``load(id)`` gives one coupling curve with its record,
``load_cross_section(id)`` a limit in pb, ``bibliography(ids)`` what to cite.
"""

from __future__ import annotations

from study.overlays.reader import (
    CrossSectionOverlay,
    Overlay,
    bibliography,
    load,
    load_cross_section,
    names,
    record,
)
from study.overlays.records import Record

__all__ = [
    "CrossSectionOverlay",
    "Overlay",
    "Record",
    "bibliography",
    "load",
    "load_cross_section",
    "names",
    "record",
]
