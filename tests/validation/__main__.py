"""Command line: ``python -m tests.validation [PROCESS... | RESULTS...]``.

Names of processes print their cross sections against independent calculations (all of
them without an argument); folders are compared with the published limits.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.validation import cross_sections, study_results


def main() -> None:
    """Print what the arguments ask for."""
    names = [name for name in sys.argv[1:] if name in cross_sections.CHECKS]
    folders = [Path(name) for name in sys.argv[1:] if name not in names]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        allowed = ", ".join(cross_sections.CHECKS)
        sys.exit(f"{missing[0]}: neither a results folder nor one of {allowed}")
    if names or not folders:
        cross_sections.print_checks(names or list(cross_sections.CHECKS))
    for folder in folders:
        study_results.geometry()
        study_results.published(folder)
        study_results.efficiencies(folder)


if __name__ == "__main__":
    main()
