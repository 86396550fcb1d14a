"""The command line. It speaks to a server through `lineage.client`, and says what came of it."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The `lineage` command; exits with a code of `lineage.cli.exits`."""
    from lineage.cli.app import app

    app(prog_name="lineage")
