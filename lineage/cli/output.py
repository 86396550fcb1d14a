"""What the commands say. The only file that prints.

One value, three readers: on a terminal a table, colours, sizes and times for people; in a pipe
plain text, one tab-separated line an item, without a header, raw numbers; with `--json` one JSON
document, or one a line for a list. What is beside the answer (notes, errors, questions) goes to
stderr, so that the answer can always be piped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TextIO

from lineage.errors import Blocked, Invalid, LineageError, PlanChanged
from lineage.values import dumps

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "TERMINAL_LIMIT",
    "Column",
    "Kind",
    "Part",
    "ask",
    "at_path",
    "busy",
    "clean",
    "confirm",
    "details",
    "document",
    "error",
    "exact",
    "flush",
    "is_interactive",
    "is_terminal",
    "line",
    "listing",
    "note",
    "size_text",
    "stop_printing",
]

Kind = Literal["text", "name", "size", "time", "digest"]
Part = tuple[str, str]  # text and its rich style, as one piece of a line
TERMINAL_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a listing: its title, and where in the item its value lies.

    Of kind `name` it is shown whole, however narrow the terminal; digests go first, then times.
    """

    title: str
    path: str
    kind: Kind = "text"


def is_terminal() -> bool:
    """Whether a person reads the answer."""
    return sys.stdout.isatty()


def is_interactive() -> bool:
    """Whether a person is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def document(value: Any) -> None:
    """One JSON document; NaN as `{"$float": "NaN"}`."""
    _write(dumps(value).decode())


def exact(lines: Iterable[str]) -> None:
    """Lines of a format that is not ours, such as CSV: in a pipe just as they are."""
    for text in lines:
        _write(clean(text.rstrip("\r")) if is_terminal() else text)


def listing(
    items: Iterable[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    json: bool,
    limit: int | None = None,
    noun: str,
) -> int:
    """The items, and how many were shown.

    Args:
        limit: at most that many; 0 for all; None for all, except on a terminal, where a note
            says that there are more.
    """
    if limit is None:
        limit = TERMINAL_LIMIT if is_terminal() and not json else 0
    left = iter(items)
    chosen = islice(left, limit) if limit else left
    n_shown = 0
    if json:
        n_shown = _each(chosen, lambda item: _write(dumps(item).decode()))
    elif is_terminal():
        n_shown = _table(list(chosen), columns)
    else:
        n_shown = _each(chosen, lambda item: _write("\t".join(_raw(item, c) for c in columns)))
    if n_shown == 0 and not json:
        note(f"no {noun}")
    elif next(left, None) is not None:
        note(f"there are more {noun}: --limit 0 shows all")
    return n_shown


def _each(items: Iterable[Mapping[str, Any]], show: Any) -> int:
    n_shown = 0
    for item in items:
        show(item)
        n_shown += 1
    return n_shown


def _table(items: list[Mapping[str, Any]], columns: Sequence[Column]) -> int:
    from rich.cells import cell_len
    from rich.table import Table

    if not items:
        return 0
    console = _console()
    rows = {c: [_pretty(at_path(item, c.path), c.kind) for item in items] for c in columns}
    widths = {c: max(len(c.title), *(cell_len(text) for text in rows[c])) for c in columns}
    table = Table(box=None, header_style="bold", pad_edge=False)
    shown = _fitting(widths, console.width)
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.kind == "size" else "left"
        table.add_column(
            column.title,
            justify=justify,
            no_wrap=column.kind == "name",
            overflow="fold",
        )
    for row in zip(*(rows[column] for column in shown), strict=True):
        table.add_row(*map(_text, row))
    console.print(table)
    return len(items)


def _fitting(widths: Mapping[Column, int], width: int) -> list[Column]:
    """The columns for which there is room beside each other."""
    shown = list(widths)
    for kind in ("digest", "time"):
        if sum(widths[column] + 1 for column in shown) - 1 > width:
            shown = [column for column in shown if column.kind != kind]
    return shown


def details(pairs: Iterable[tuple[str, Any] | tuple[str, Any, Kind]]) -> None:
    """Names and values, one a line; what is empty is left out."""
    shown = [(pair[0], pair[1], pair[2] if len(pair) == 3 else "text") for pair in pairs]
    shown = [pair for pair in shown if pair[1] not in (None, "", [], {}, ())]
    width = max((len(name) for name, _, _ in shown), default=0)
    for name, value, kind in shown:
        if is_terminal():
            line((f"{name:<{width}}  ", "bold"), (_pretty(value, kind), ""))
        else:
            _write(f"{name}\t{_plain(value)}")


def line(*parts: str | Part) -> None:
    """One line; styles show on a terminal alone."""
    pieces = [(part, "") if isinstance(part, str) else part for part in parts]
    if not is_terminal():
        _write("".join(clean(text) for text, _ in pieces))
        return
    from rich.text import Text

    text = Text.assemble(*((clean(piece), style) for piece, style in pieces))
    _console().print(text, soft_wrap=True)


def note(text: str) -> None:
    """Something beside the answer."""
    _write(clean(text), sys.stderr)


@contextmanager
def busy(*, json: bool) -> Iterator[Callable[[str], None]]:
    """Show, on a terminal alone, how far something is; the line goes when the block ends.

    Nothing else is printed meanwhile, so with `json`, whose lines come one by one, all is silent.
    """
    if not sys.stderr.isatty() or (is_terminal() and json):
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False, markup=False).status("") as status:
        yield lambda text: status.update(_text(clean(text)))


def error(exc: LineageError | OSError) -> None:
    """What went wrong and what to do about it."""
    message = exc.message if isinstance(exc, LineageError) else _os_message(exc)
    _write(f"error: {clean(message)}", sys.stderr)
    if isinstance(exc, Blocked):
        for blocker in exc.facts.get("blockers", ()):
            text = "  {kind} {name}: {how_to_clear}".format_map(blocker)
            _write(clean(text), sys.stderr)
    if isinstance(exc, PlanChanged):
        for field, change in sorted(exc.facts.get("difference", {}).items()):
            text = f"  {field}: {_plain(change.get('planned'))} -> {_plain(change.get('now'))}"
            _write(clean(text), sys.stderr)
    request_id = exc.facts.get("request_id") if isinstance(exc, LineageError) else None
    if request_id and exc.__class__ is LineageError:
        _write(f"  request {clean(str(request_id))}: the server's log says more", sys.stderr)


def _os_message(exc: OSError) -> str:
    where = f"{exc.filename}: " if exc.filename else ""
    return f"{where}{exc.strerror or exc}"


def confirm(question: str) -> bool:
    """Yes or no, from a person; no is the default."""
    import typer

    return typer.confirm(clean(question), err=True)


def ask(question: str, *, default: str | None = None, hidden: bool = False) -> str:
    """A line from a person; Invalid if nobody is there."""
    import typer

    if not is_interactive():
        raise Invalid(question.lower(), "nobody is there to be asked: give it as an option")
    return str(typer.prompt(question, default=default, hide_input=hidden, err=True))


def flush() -> None:
    """Push out what is buffered, so that a closed pipe shows here and not at exit."""
    sys.stdout.flush()


def stop_printing() -> None:
    """After a closed pipe: what is still buffered goes nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # not a real file: nothing flushes it at exit


def at_path(item: Mapping[str, Any], path: str) -> Any:
    """The value that a dotted path names, or None; a key may itself contain dots."""
    if path in item:
        return item[path]
    head, _, rest = path.partition(".")
    inner = item.get(head)
    return at_path(inner, rest) if rest and isinstance(inner, Mapping) else None


def clean(text: str) -> str:
    """Without what could drive a terminal: other people chose these names."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def size_text(n_bytes: int) -> str:
    """`14 bytes`, `1.5 MiB`."""
    from lineage.client.words import format_bytes

    return format_bytes(n_bytes)


def _raw(item: Mapping[str, Any], column: Column) -> str:
    return clean(_plain(at_path(item, column.path)))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return clean(",".join(value))
    return dumps(value).decode()


def _pretty(value: Any, kind: Kind) -> str:
    if isinstance(value, int) and kind == "size":
        return size_text(value)
    text = _plain(value)
    if kind == "time" and text:
        return text[:16].replace("T", " ") + "Z"
    if kind == "digest":
        return text.partition(":")[2][:12]
    if isinstance(value, float):
        return f"{value:.6g}"
    return text


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def _write(text: str, file: TextIO | None = None) -> None:
    stream = file or sys.stdout
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
