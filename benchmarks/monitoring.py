"""The bars of the monitor by one command: those parts of `run.py` that `monitoring_*.py` measure, with its options."""

from __future__ import annotations

from run import PARTS, main

if __name__ == "__main__":
    main([part for part, (homes, _) in PARTS.items() if any(home.startswith("monitoring_") for home in homes)])
