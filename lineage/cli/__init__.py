"""The command line. It speaks to a server through `lineage.client`, and says what came of it."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The `lineage` command; exits with a code of `lineage.cli.exits`."""
    try:
        from lineage.cli.app import app

        app(prog_name="lineage")
    except KeyboardInterrupt:  # before or after the command itself, which ends in good order
        sys.exit(130)
