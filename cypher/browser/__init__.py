"""What people load into Neo4j Browser: a style, favorites, and a guide through their own data.

All of it is text without data. The style is JSON, which the Browser reads as well as its own
notation: that one loses a caption with a colon, such as `digits:v3`. Several favorites are taken
as a zip file, whose folder becomes theirs.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["Favorite", "favorites", "favorites_zip", "guide", "style"]

_FOLDER: Final = Path(__file__).parent
_PLACE: Final = re.compile(r"<favorite>(\w+)</favorite>")
_QUERY: Final = re.compile(r"<query>\n(.*?)</query>", re.DOTALL)
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same bytes at every start: zip has no earlier


@dataclass(frozen=True, slots=True)
class Favorite:
    """A query that only reads. The Browser shows its first comment as its title."""

    name: str
    text: str

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0].removeprefix("// ")


@cache
def favorites() -> tuple[Favorite, ...]:
    """In the order in which a person meets them."""
    paths = sorted((_FOLDER / "favorites").glob("*.cypher"))
    return tuple(
        Favorite(path.stem.partition("_")[2], path.read_text(encoding="utf-8")) for path in paths
    )


@cache
def favorites_zip() -> bytes:
    """All favorites in a folder `lineage`, as the Browser imports them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, favorite in enumerate(favorites(), start=1):
            name = f"lineage/{number}_{favorite.name}.cypher"
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), favorite.text)
    return content.getvalue()


@cache
def style() -> str:
    return (_FOLDER / "style.grass").read_text(encoding="utf-8")


@cache
def guide() -> str:
    """HTML slides. Every query in them can be clicked into the editor."""
    texts = {favorite.name: favorite.text for favorite in favorites()}
    text = (_FOLDER / "guide.html").read_text(encoding="utf-8")
    text = _PLACE.sub(lambda found: f"<query>\n{texts[found[1]]}</query>", text)
    return _QUERY.sub(lambda found: _runnable(found[1]), text)


def _runnable(query: str) -> str:
    inside = html.escape(query.strip(), quote=False)
    return f'<pre class="pre-scrollable code runnable">{inside}</pre>'
