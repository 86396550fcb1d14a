"""The commands put together, and what holds for all: how each ends."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lineage.cli import (
    account,
    artifacts,
    cache,
    contents,
    deletion,
    exits,
    fsck,
    impact,
    output,
    projects,
    receipts,
    runs,
    sweeps,
    trace,
    transfers,  # noqa: F401 - its commands join those of artifacts
)
from lineage.cli.options import HELP_NAMES, examples
from lineage.errors import LineageError

__all__ = ["app"]

_EPILOG = "\n".join(
    [
        examples(
            "lineage login --url https://lineage.example.org",
            "lineage artifacts put data/ --name digits --type dataset",
            "lineage trace upstream model:prod",
        ),
        "",
        "Exit codes:",
        *(f"  {code:<3} {meaning}" for code, meaning in exits.MEANINGS.items()),
        "",
        "Settings: LINEAGE_URL, LINEAGE_API_KEY, LINEAGE_ENTITY, LINEAGE_PROJECT, "
        "LINEAGE_CACHE_DIR.",
    ]
)


class _Commands(TyperGroup):
    """Turns how a command ended into an exit code, without a traceback for what is expected."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            output.flush()
        except LineageError as exc:
            output.error(exc)
            code = exits.code_of(exc)
        except BrokenPipeError:
            output.stop_printing()
            code = exits.BROKEN_PIPE
        except OSError as exc:
            output.error(exc)
            code = exits.USAGE
        except (KeyboardInterrupt, typer.Abort):
            output.note("")  # ends the line of a question or of the ^C
            output.note("interrupted")
            code = exits.INTERRUPTED
        else:
            return result
        raise typer.Exit(code)


app = typer.Typer(
    name="lineage",
    cls=_Commands,
    help="Lineage for machine learning: what an artifact came from, and what was made from it.",
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings=HELP_NAMES,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(*, wanted: bool) -> None:
    if not wanted:
        return
    try:
        number = version("lineage-engine")
    except PackageNotFoundError:
        number = "of a checkout"
    output.line(f"lineage {number} (Python {sys.version.split()[0]})")
    raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


app.add_typer(runs.app, name="runs")
app.add_typer(artifacts.app, name="artifacts")  # with those of transfers.py
app.add_typer(trace.app, name="trace")
app.add_typer(sweeps.app, name="sweep")
app.add_typer(projects.app, name="projects")
app.add_typer(receipts.app, name="receipts")
app.add_typer(cache.app, name="cache")
app.command(epilog=contents.EXAMPLES)(contents.contains)
app.command(epilog=impact.EXAMPLES)(impact.impact)
app.command(epilog=deletion.EXAMPLES)(deletion.plan)
app.command(epilog=deletion.EXECUTE_EXAMPLES)(deletion.execute)
app.command(epilog=fsck.EXAMPLES)(fsck.fsck)
app.command(epilog=account.LOGIN_EXAMPLES)(account.login)
app.command(epilog=account.STATUS_EXAMPLES)(account.status)
