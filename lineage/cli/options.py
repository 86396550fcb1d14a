"""Arguments and options that many commands share, and what all groups of commands have."""

from __future__ import annotations

from typing import Annotated, Final

import typer

__all__ = [
    "HELP_NAMES",
    "AliasesOption",
    "DryRunOption",
    "FilterOption",
    "JsonOption",
    "LimitOption",
    "OrderOption",
    "PlanOption",
    "ProjectOption",
    "PurgeOption",
    "RunArgument",
    "SweepArgument",
    "VersionArgument",
    "YesOption",
    "examples",
    "group",
]

HELP_NAMES: Final = {"help_option_names": ["-h", "--help"]}

ProjectOption = Annotated[
    str | None,
    typer.Option(
        "-p",
        "--project",
        metavar="ENTITY/PROJECT",
        help="What names without a project mean; by default LINEAGE_ENTITY/LINEAGE_PROJECT.",
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document; for a list, one a line.")
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--limit",
        min=0,
        help="At most that many; 0 for all. By default all, and 50 on a terminal.",
        show_default=False,
    ),
]
FilterOption = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--filter",
        metavar="EXPRESSION",
        help='Such as: state = "finished" and summary.acc >= 0.9',
        show_default=False,
    ),
]
OrderOption = Annotated[
    str, typer.Option("--order", metavar="FIELD", help="A field; with - in front, highest first.")
]
VersionArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="digits:v3, digits:prod, digits (its latest), acme/vision/digits:v3."
    ),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Its id: 3f2a9c, acme/vision/3f2a9c.")
]
SweepArgument = Annotated[
    str, typer.Argument(metavar="SWEEP", help="Its id: lr-search, acme/vision/lr-search.")
]
AliasesOption = Annotated[
    bool,
    typer.Option("--delete-aliases", help="Aliases go too; otherwise one that is set blocks."),
]
PurgeOption = Annotated[
    bool, typer.Option("--purge", help="Leave no trace in the graph either: lineage is cut.")
]
PlanOption = Annotated[
    str | None,
    typer.Option("--plan", metavar="DIGEST", help="Only if the plan is still this one."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the plan, delete nothing.")]
YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


def examples(*commands: str) -> str:
    """The end of a command's help."""
    return "\n".join(["Examples:", *(f"$ {command}" for command in commands)])


def group(about: str) -> typer.Typer:
    """A noun: a group of commands."""
    return typer.Typer(
        help=about,
        no_args_is_help=True,
        context_settings=HELP_NAMES,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
