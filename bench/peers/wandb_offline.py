"""wandb without a server: `log_artifact` and `finish`, as offline mode does them.

What that is: MD5 of each file, a copy of it in the staging folder (the default policy, "mutable"),
a manifest and a record in the run's log; the copies are not flushed. `Artifact.wait` raises in this
mode, so `finish` is where the work ends. Starting the run is not timed, finishing it is.
"""

import os
from collections.abc import Callable
from time import perf_counter

import wandb

from bench.peers import script


def small(job: script.Job) -> float:
    """Seconds a version: one run logs them all."""
    files = job.files()

    def log(run: wandb.Run) -> None:
        for path in files:
            artifact = wandb.Artifact("small", "dataset")
            artifact.add_file(str(path), name="data.bin")
            run.log_artifact(artifact)

    return _timed(job, log) / len(files)


def one_file(job: script.Job) -> float:
    [path] = job.files()

    def log(run: wandb.Run) -> None:
        artifact = wandb.Artifact("file", "dataset")
        artifact.add_file(str(path))
        run.log_artifact(artifact)

    return _timed(job, log)


def many_files(job: script.Job) -> float:
    def log(run: wandb.Run) -> None:
        artifact = wandb.Artifact("files", "dataset")
        artifact.add_dir(str(job.data))
        run.log_artifact(artifact)

    return _timed(job, log)


def _timed(job: script.Job, log: Callable[[wandb.Run], None]) -> float:
    for name in ("DIR", "CACHE_DIR", "DATA_DIR", "CONFIG_DIR", "ARTIFACT_DIR"):
        folder = job.scratch / name.lower()
        folder.mkdir(exist_ok=True)
        os.environ[f"WANDB_{name}"] = str(folder)
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    tiny = job.tiny_file()
    run = wandb.init(project="bench")
    artifact = wandb.Artifact("tiny", "dataset")
    artifact.add_file(str(tiny))
    run.log_artifact(artifact)
    began = perf_counter()
    log(run)
    run.finish()
    return perf_counter() - began


if __name__ == "__main__":
    script.store(
        "wandb_offline",
        wandb.__version__,
        {"small": small, "files10k": many_files, "file2g": one_file},
    )
