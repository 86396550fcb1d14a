"""What a person sees who opens Neo4j Browser, signs in and loads what our server offers.

Chromium draws the real page; nothing of it comes from the internet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2
import pytest

from cypher import browser
from tests.browser.chromium import Chromium
from tests.services.neo4j import Database
from tests.services.server import Server

RUN, VERSION = "#F2B134", "#0072B2"
TITLES = {favorite.name: favorite.title for favorite in browser.favorites()}

# Its spaces are not common ones: let one word be enough to tell what it holds.
EDITOR = "document.querySelector('[data-testid=activeEditor] .view-lines').innerText"


class NeoBrowser:
    """Neo4j Browser, signed in."""

    def __init__(self, chromium: Chromium, database: Database) -> None:
        self.chromium = chromium
        parts = urlsplit(database.url)
        chromium.open(_address(database))
        chromium.fill("[data-testid=boltaddress]", f"{parts.hostname}:{parts.port}")
        chromium.fill("[data-testid=username]", unquote(parts.username or ""))
        chromium.fill("[data-testid=password]", unquote(parts.password or ""))
        chromium.choose("[data-testid=bolt-scheme-select]", "bolt://")
        chromium.click("[data-testid=connect]")
        self.wait_text("You are connected as user")

    def wait_text(self, text: str) -> None:
        self.chromium.wait(f"document.body.innerText.includes({text!r})")

    def command(self, text: str) -> None:
        self.chromium.click("[data-testid=activeEditor]")
        self.chromium.type(text)
        self.run(text.split()[0])

    def run(self, beginning: str) -> None:
        """Run what the editor holds, once it begins like this; again if the page, still busy with
        something else, did not take it."""
        self.chromium.wait(f"{EDITOR}.startsWith({beginning!r})")
        for _ in range(10):
            self.chromium.click("[data-testid=editor-Run]")
            with suppress(AssertionError):
                self.chromium.wait(f"!{EDITOR}.startsWith({beginning!r})", timeout_s=3)
                return
        raise AssertionError(f"{beginning} does not run:\n{self.chromium.text()}")

    def clear(self) -> None:
        self.command(":clear")
        self.chromium.wait("document.querySelectorAll('[data-testid=frame]').length === 0")

    def open_favorites(self) -> None:
        """Show the drawer and open the folder, unless they are."""
        folder, inside = "[data-testid=expandFolder-lineage]", "[data-testid^=scriptTitle-]"
        if not self.chromium.run(f"document.querySelector('{folder}') !== null"):
            self.chromium.click("button[name=Favorites]")
            self.chromium.wait(f"document.querySelector('{folder}') !== null")
        if not self.chromium.run(f"document.querySelector('{inside}') !== null"):
            self.chromium.click(folder)
            self.chromium.wait(f"document.querySelector('{inside}') !== null")

    def favorite(self, name: str) -> None:
        """Click it in its folder, and run it."""
        self.open_favorites()
        self.chromium.click(f"[data-testid='scriptTitle-{TITLES[name]}']")
        self.run("//")

    def circles(self) -> dict[str, str]:
        """Caption and colour of each node in the picture."""
        found = self.chromium.wait(
            "(() => { const nodes = [...document.querySelectorAll('svg g.node')];"
            " return nodes.length ? nodes.map((node) => [[...node.querySelectorAll('text')]"
            ".map((line) => line.textContent.trim()).join(' '),"
            " node.querySelector('.b-outline').getAttribute('fill')]) : null; })()"
        )
        return dict(found)


def _address(database: Database) -> str:
    """Where this server has its Browser, once it answers: HTTP comes up after Bolt."""
    question = "SHOW SETTINGS 'server.http.advertised_address' YIELD value"
    [place] = database.driver.execute_query(question, database_="neo4j").records[0]
    address = f"http://{place}/browser/"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            if httpx2.get(address).status_code == 200:
                return address
        time.sleep(0.1)
    raise AssertionError(f"there is no Neo4j Browser at {address}")


@pytest.fixture(scope="module")
def place(api: Server) -> str:
    """Our server as the Browser may name it: it loads from localhost."""
    return f"http://localhost:{api.port}/browser"


@pytest.fixture(scope="module")
def opened(
    recorded: Database, place: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NeoBrowser]:
    """Signed in, with style and favorites, as the page at /browser/ says."""
    folder = tmp_path_factory.mktemp("chromium")
    file = folder / "favorites.zip"
    file.write_bytes(httpx2.get(f"{place}/favorites.zip").content)
    with Chromium(folder) as chromium:
        opened = NeoBrowser(chromium, recorded)
        opened.command(f":style {place}/style.grass")
        opened.wait_text('caption: "{collection}:v{index}"')
        chromium.drop(file)
        yield opened


@pytest.fixture(autouse=True)
def _clear(opened: NeoBrowser) -> None:
    opened.clear()


def test_all_favorites_lie_in_a_folder_under_their_titles(opened: NeoBrowser) -> None:
    opened.open_favorites()
    found = opened.chromium.run(
        "[...document.querySelectorAll('[data-testid^=scriptTitle-]')].map((e) => e.textContent)"
    )
    assert set(TITLES.values()) <= {title.strip() for title in found}


def test_upstream_is_a_picture_that_tells_runs_from_versions(
    opened: NeoBrowser, tmp_path: Path
) -> None:
    opened.favorite("upstream")  # of the newest version
    assert opened.circles() == {
        "student:v1": VERSION,
        "#2": RUN,
        "distill #1": RUN,
        "models:v0": VERSION,
        "train-0 #1": RUN,
        "digits:v0": VERSION,
        "import #1": RUN,
    }
    edges = opened.chromium.run(
        "[...document.querySelectorAll('svg g.relationship')].map((e) => e.textContent.trim())"
    )
    # FEEDS is there, and faint: without words.
    assert sorted(edges) == ["", "", "", "CONTINUES", *["LOGGED"] * 3, *["USED"] * 3]
    opened.chromium.screenshot(tmp_path / "upstream.png")


def test_the_best_run_is_a_table(opened: NeoBrowser) -> None:
    opened.favorite("best_run")
    opened.wait_text("Started streaming 2 records")
    rows = opened.chromium.run(
        "[...document.querySelectorAll('[data-testid=frame] [role=row], [data-testid=frame] tr')]"
        ".map((row) => row.innerText)"
    )
    [first] = [row for row in rows if "train-0" in row]
    assert "0.9" in first
    assert "models:v0" in first


@pytest.mark.parametrize("command", [":guide", ":play"])
def test_a_query_of_the_guide_runs_when_it_is_clicked(
    opened: NeoBrowser, place: str, command: str
) -> None:
    opened.command(f"{command} {place}/guide")
    opened.wait_text("1 · What lies here")
    opened.chromium.click("pre.runnable")
    opened.run("//")
    opened.wait_text("Started streaming 8 records")
    opened.wait_text("stored bytes, each once")
