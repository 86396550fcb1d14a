"""The limit for one large file: SHA-256 over it, then a copy flushed to disk, nothing at once.

The fastest of three: single ones differed by a factor of two on the same machine.
"""

import hashlib
import os
import platform
import shutil

from bench.peers import script


def one_file(job: script.Job) -> float:
    [source] = job.files()
    target = job.scratch / "copy"

    def hash_and_copy() -> None:
        with source.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        shutil.copyfile(source, target)
        with target.open("rb") as copy:
            os.fsync(copy.fileno())

    return script.fastest(hash_and_copy)[0]


if __name__ == "__main__":
    script.store("hash_and_copy", platform.python_version(), {"file2g": one_file})
