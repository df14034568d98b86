"""``python -m study``: the command line without an installed console script."""

from __future__ import annotations

from study.cli import main

if __name__ == "__main__":  # workers import this module again
    main()
