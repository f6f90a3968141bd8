"""Starts the command line."""

from __future__ import annotations

import sys

from holdfast.startup import prepare


def main() -> None:
    """Run `holdfast`."""
    try:
        prepare()
        from holdfast.cli import run

        code = run()
    except KeyboardInterrupt:
        code = 130  # before `run` could say so
    sys.exit(code)


if __name__ == "__main__":
    main()
