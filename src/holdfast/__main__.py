"""Starts the command line."""

from __future__ import annotations

import sys

from holdfast.startup import prepare


def main() -> None:
    """Run `holdfast`."""
    prepare()
    from holdfast.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
