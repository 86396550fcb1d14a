"""MLflow with SQLite tracking and a local artifact folder: a run that logs files.

What that is: rows for the run and a copy of each file, no digest. SQLite flushes the rows, the
copies are not flushed. MLflow has no versions of artifacts, so the run stands for one, and its
start and end are timed.
"""

from collections.abc import Callable
from time import perf_counter

import mlflow

from bench.peers import script


def small(job: script.Job) -> float:
    """Seconds a version: one run each."""
    experiment = _experiment(job)
    files = job.files()
    began = perf_counter()
    for path in files:
        with mlflow.start_run(experiment_id=experiment):
            mlflow.log_artifact(str(path))
    return (perf_counter() - began) / len(files)


def one_file(job: script.Job) -> float:
    [path] = job.files()
    return _one_run(job, lambda: mlflow.log_artifact(str(path)))


def many_files(job: script.Job) -> float:
    return _one_run(job, lambda: mlflow.log_artifacts(str(job.data)))


def _one_run(job: script.Job, log: Callable[[], None]) -> float:
    experiment = _experiment(job)
    began = perf_counter()
    with mlflow.start_run(experiment_id=experiment):
        log()
    return perf_counter() - began


def _experiment(job: script.Job) -> str:
    """The id of an experiment with one run in it already; making them is not timed."""
    mlflow.set_tracking_uri(f"sqlite:///{job.scratch / 'mlflow.db'}")
    known = mlflow.get_experiment_by_name("bench")
    artifacts = (job.scratch / "artifacts").as_uri()
    id_ = (
        known.experiment_id
        if known
        else mlflow.create_experiment("bench", artifact_location=artifacts)
    )
    with mlflow.start_run(experiment_id=id_):
        mlflow.log_artifact(str(job.tiny_file()))
    return str(id_)


if __name__ == "__main__":
    script.store(
        "mlflow_log",
        mlflow.__version__,
        {"small": small, "files10k": many_files, "file2g": one_file},
    )
