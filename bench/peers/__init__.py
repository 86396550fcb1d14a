"""Other people's tools doing the same work, each in a process and a Python of its own."""

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_THEIR_SETTINGS = ("WANDB_", "DVC_", "MLFLOW_")


def run_peer(script: str, *args: str, python: Path, timeout_s: float) -> dict[str, Any]:
    """Run bench/peers/`script` (with or without .py) and give back the line that it prints.

    Args:
        args: relative paths among them would be taken from an empty folder: give absolute ones.
        python: the interpreter of the environment made from bench/peers.txt.
    Returns:
        `peer`, `workload`, `seconds`, `version`, and what else the script tells. `seconds` is None
        when there is no figure; then `unfinished_after_s` or `error` says why. A failing peer does
        not stop the others: nothing is raised.
    """
    name = script.removesuffix(".py")
    nothing: dict[str, Any] = {"peer": name, "workload": args[0] if args else "", "seconds": None}
    # What the user has set for these tools must not change what is measured.
    environ = {k: v for k, v in os.environ.items() if not k.startswith(_THEIR_SETTINGS)}
    environ["PYTHONPATH"] = str(_ROOT)
    with tempfile.TemporaryDirectory() as empty:
        try:
            process = subprocess.Popen(
                [python, "-m", f"bench.peers.{name}", *args],
                cwd=empty,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # so that what it has started can be stopped with it
            )
        except OSError as exc:
            return {**nothing, "error": str(exc)}
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return {**nothing, "unfinished_after_s": timeout_s}
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
    if process.returncode != 0:
        return {**nothing, "error": (err.strip().splitlines() or ["no message"])[-1]}
    result = json.loads(out.strip().splitlines()[-1])  # the lines before it are the tool's own
    return {**nothing, **result}
