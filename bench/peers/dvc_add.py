"""`dvc add` in a fresh repository, through its Python API: no start of a command in the figures.

What that is: MD5 of each file, a copy of it in the cache, a small file that names it. Its SQLite
state is flushed, the copies are not. DVC wants the data inside its repository: they are copied
there first, not timed.
"""

import os
import shutil
from pathlib import Path
from time import perf_counter

import dvc
from dvc.repo import Repo

from bench.data import settle
from bench.peers import script


def small(job: script.Job) -> float:
    """Seconds a version: one file, overwritten and added again."""
    repository = _repository(job)
    target = repository / "data.bin"
    seconds = 0.0
    for path in job.files():
        shutil.copyfile(path, target)
        seconds += _add(repository, target)
    return seconds / len(job.files())


def folder_or_file(job: script.Job) -> float:
    """Of a folder with one file, the file is added; else the folder."""
    repository = _repository(job)
    files = job.files()
    data = repository / "data"
    if not job.is_again:
        shutil.copytree(job.data, data)
        settle(data)
    return _add(repository, data / files[0].name if len(files) == 1 else data)


def _repository(job: script.Job) -> Path:
    for name in ("SITE_CACHE_DIR", "GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR"):
        os.environ[f"DVC_{name}"] = str(job.scratch / name.lower())
    os.environ["DVC_NO_ANALYTICS"] = "1"
    repository = job.scratch / "repository"
    if not job.is_again:
        repository.mkdir()
        Repo.init(str(repository), no_scm=True).close()
    tiny = job.tiny_file().rename(repository / "tiny.bin")
    _add(repository, tiny)
    return repository


def _add(repository: Path, target: Path) -> float:
    with Repo(str(repository)) as repo:
        began = perf_counter()
        repo.add(str(target))
        return perf_counter() - began


if __name__ == "__main__":
    script.store(
        "dvc_add",
        dvc.__version__,
        {"small": small, "files10k": folder_or_file, "file2g": folder_or_file},
    )
