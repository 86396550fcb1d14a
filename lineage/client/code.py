"""The script or notebook that is running, as an artifact of type `code`."""

from __future__ import annotations

import builtins
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lineage.client.artifact import Artifact
from lineage.errors import Conflict, Invalid, NotFound

__all__ = ["code_name", "find_script", "save_script"]

_log = logging.getLogger(__name__)


def save_script(log: Callable[[Artifact], Artifact]) -> Artifact | None:
    """Log the running script or notebook as `source-<project>-<script>`; None if there is none.

    Args:
        log: `Run.log_artifact` of the run.
    """
    artifact = Artifact(type="code")
    try:
        script = find_script()
        if script is not None:
            artifact.add_file(script)
        else:
            cells = _notebook_cells()
            if not cells:
                _log.warning("there is no script to save")
                return None
            with artifact.new_file("session.py") as file:
                file.write("\n\n".join(cells) + "\n")
        return log(artifact)
    except (Conflict, Invalid, NotFound) as exc:
        _log.warning("the code could not be saved: %s", exc)
        return None


def code_name(project: str, artifact: Artifact) -> str:
    """`source-<project>-<script>`: the running script's name, or of what the artifact holds."""
    script = find_script()
    name = script.name if script is not None else next(iter(artifact.manifest.entries), "session")
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"source-{project}-{name}")[:128]


def find_script() -> Path | None:
    """The file of the running script or notebook; None in a session that has none."""
    shell = _shell()
    if shell is not None:
        return _find_notebook(shell)
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(file).absolute() if file and Path(file).is_file() else None


def _shell() -> Any:
    """IPython's, in a notebook or its console; None in a plain Python."""
    get_ipython = getattr(builtins, "get_ipython", None)
    return get_ipython() if callable(get_ipython) else None


def _find_notebook(shell: Any) -> Path | None:
    told = [
        shell.user_ns.get("__vsc_ipynb_file__"),  # VS Code says it so
        os.environ.get("JPY_SESSION_NAME"),  # and Jupyter so
    ]
    for text in told:
        if text:
            # Jupyter names it from where its server began, which may be above this folder.
            for path in (Path(text), Path.cwd() / Path(text).name):
                if path.is_file():
                    return path.absolute()
    return None


def _notebook_cells() -> list[str]:
    shell = _shell()
    return [] if shell is None else [cell for cell in shell.user_ns.get("In", ()) if cell.strip()]
