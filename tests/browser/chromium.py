"""A real Chromium without a window, driven over a pipe: no port, and no package, is needed.

with Chromium(tmp_path) as chromium:
    chromium.open("http://127.0.0.1:7474/browser/")
    chromium.wait("document.title")

It speaks the Chrome DevTools Protocol: JSON documents, each ended by a zero byte, that go in on
file descriptor 3 and come out on 4.
Source: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["Chromium", "ChromiumMissingError"]

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
_SIZE: Final = (1400, 1000)

# Where to click: null until the element lies in the same place for two frames, on top.
_PLACE: Final = """async (selector, text) => {
  const found = [...document.querySelectorAll(selector)]
    .find((element) => !text || element.textContent.trim() === text);
  if (!found) return null;
  found.scrollIntoView({block: "center"});
  const before = found.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  await frame().then(frame);
  const {x, y, width, height} = found.getBoundingClientRect();
  if (before.x !== x || before.y !== y || !width || !height) return null;
  const middle = [x + width / 2, y + height / 2];
  return found.contains(document.elementFromPoint(...middle)) ? middle : null;
}"""


class ChromiumMissingError(AssertionError):
    """Says which command installs it."""


class Chromium:
    """One page in a fresh profile, which is gone when it ends.

    Args:
        folder: where the profile and the log lie.
    """

    def __init__(self, folder: Path, *, size: tuple[int, int] = _SIZE) -> None:
        self._profile = folder / "profile"
        self._log_path = folder / "chromium.log"
        self._size = size
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0
        self._received = bytearray()
        self._session: str | None = None

    def __enter__(self) -> Self:
        program = next(filter(None, map(shutil.which, _NAMES)), None)
        if program is None:
            raise ChromiumMissingError(
                "Chromium, in which this test opens Neo4j Browser, is missing: install it"
                " (Debian, Ubuntu: apt-get install chromium)"
            )
        size = f"--window-size={self._size[0]},{self._size[1]}"
        # The shell moves our pipes from 0 and 1 to where Chromium expects them.
        move = 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2'
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "sh",
                    "-c",
                    move,
                    "sh",
                    program,
                    *_FLAGS,
                    size,
                    f"--user-data-dir={self._profile}",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            target = self.send("Target.createTarget", url="about:blank")["targetId"]
            attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()  # it ends when nobody drives it any more
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a session of its own: it and its children
            process.wait()
        process.stdout.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    # --- the protocol ---

    def send(self, method: str, *, timeout_s: float = 30, **parameters: Any) -> Mapping[str, Any]:
        """Ask for one thing, and return what it answers."""
        assert self._process is not None, "Chromium does not run"
        assert self._process.stdin is not None
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        self._process.stdin.flush()
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: Mapping[str, Any] = answer["result"]
                return result

    def _receive(self, deadline: float) -> Mapping[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._process.stdout], [], [], deadline - time.monotonic())
            assert ready, "Chromium does not answer"
            part = os.read(self._process.stdout.fileno(), 1 << 20)
            assert part, f"Chromium ended:\n{self._log_path.read_text(errors='replace')[-3000:]}"
            self._received += part
        message, _, rest = self._received.partition(b"\0")
        self._received = rest
        document: Mapping[str, Any] = json.loads(message)
        return document

    # --- what a person does ---

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        fault = answer.get("exceptionDetails")
        assert fault is None, f"{script}\n{fault}"
        return answer["result"].get("value")

    def wait(self, script: str, *, timeout_s: float = 30) -> Any:
        """The value of an expression, as soon as it is true."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = self.run(script)
            if value:
                return value
            assert time.monotonic() < deadline, f"never true: {script}\n{self.text()}"
            time.sleep(0.1)

    def text(self) -> str:
        """All text of the page that can be seen."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def click(self, selector: str, *, text: str = "") -> None:
        """Press and let go in the middle of the first element that fits, once it stands still and
        nothing lies over it.

        Args:
            text: what the element says, all of it; "" for whatever it says.
        """
        x, y = self.wait(f"({_PLACE})({json.dumps(selector)}, {json.dumps(text)})")
        for type_ in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=type_, x=x, y=y, button="left", clickCount=1)

    def fill(self, selector: str, text: str) -> None:
        """Type into a field, again if the page took the focus away meanwhile."""
        place = json.dumps(selector)
        self.wait(f"document.querySelector({place}) !== null")
        deadline = time.monotonic() + 30
        while self.run(f"document.querySelector({place}).value") != text:
            assert time.monotonic() < deadline, f"{selector} does not take what is typed"
            self.run(f"document.querySelector({place}).focus()")
            self.run(f"document.querySelector({place}).select()")
            self.type(text)

    def choose(self, selector: str, value: str) -> None:
        """Choose from a list, so that the page hears of it."""
        place, wanted = json.dumps(selector), json.dumps(value)
        self.run(
            f"(({{list, set}}) => {{ set.call(list, {wanted});"
            f" list.dispatchEvent(new Event('change', {{bubbles: true}})); }})"
            f"({{list: document.querySelector({place}), set: Object.getOwnPropertyDescriptor("
            f"HTMLSelectElement.prototype, 'value').set}})"
        )

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def drop(self, path: Path) -> None:
        """Drag a file onto the middle of the page, and let it go once the page says it takes it."""
        self.run(
            "window.drag = {takes: false, dropped: false},"
            "window.addEventListener('dragover', (event) => setTimeout(() =>"
            " { window.drag.takes = event.defaultPrevented; }), {capture: true}),"
            "window.addEventListener('drop', () => { window.drag.dropped = true; },"
            " {capture: true}), true"
        )
        # A page that moves meanwhile has it over another element, and may not get it: then again.
        for _ in range(20):
            self._drag("dragEnter", path)
            for _ in range(20):
                self._drag("dragOver", path)
                if self.run("window.drag.takes"):
                    break
            self._drag("drop", path)
            with suppress(AssertionError):
                self.wait("window.drag.dropped", timeout_s=2)
                return
            self._drag("dragCancel", path)
        raise AssertionError(f"the page does not take {path.name}")

    def _drag(self, what: str, path: Path) -> None:
        x, y = self._size[0] // 2, self._size[1] // 2
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        self.send("Input.dispatchDragEvent", type=what, x=x, y=y, data=data)

    def screenshot(self, path: Path) -> None:
        answer = self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))
