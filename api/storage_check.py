"""`python -m api storage-check`: whether a bucket keeps every promise that the server rests on."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from api.settings import SettingsError
from lineage.errors import LineageError
from storage.probe import Outcome, probe
from storage.s3 import S3BlobStore

__all__ = ["main"]

_SIGNS: Final = {Outcome.OK: "ok", Outcome.WARNING: "warning", Outcome.FAILED: "FAILED"}
_EPILOG: Final = """\
Some 70 small requests below the prefix; nothing stays behind. The key and the region are the usual
AWS settings (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, or a profile).

examples:
  python -m api storage-check s3://my-bucket/lineage
  python -m api storage-check s3://my-bucket --endpoint-url https://minio.example.com
  LINEAGE_BLOBS_URL=s3://my-bucket python -m api storage-check

exit codes:
  0  the bucket can be trusted
  1  it cannot: do not store anything there
  2  the command or a setting is wrong
"""


def main(arguments: Sequence[str]) -> int:
    """Tell each answer as it comes; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m api storage-check",
        description="Try everything that the server relies on against a bucket of yours.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "url", nargs="?", default=os.environ.get("LINEAGE_BLOBS_URL"), metavar="s3://BUCKET/PREFIX",
        help="by default LINEAGE_BLOBS_URL",
    )  # fmt: skip
    parser.add_argument(
        "--endpoint-url", default=os.environ.get("LINEAGE_S3_ENDPOINT_URL"), metavar="URL",
        help="of a store other than AWS; by default LINEAGE_S3_ENDPOINT_URL",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if not options.url:
        parser.error("name a bucket, such as s3://my-bucket/lineage, or set LINEAGE_BLOBS_URL")
    try:
        store = S3BlobStore.at(options.url, endpoint_url=options.endpoint_url)
    except ValueError as exc:
        raise SettingsError(f"the bucket {exc}") from None
    except LineageError as exc:
        raise SettingsError(exc.message) from None
    outcomes = []
    for check in probe(store):
        outcomes.append(check.outcome)
        sys.stdout.write(f"{_SIGNS[check.outcome]:8}{check.name}: {check.sentence}\n")
        sys.stdout.flush()
    if Outcome.FAILED in outcomes:
        n_failed = outcomes.count(Outcome.FAILED)
        sys.stdout.write(f"\nDo not store anything here: {n_failed} of its promises do not hold.\n")
        return 1
    sys.stdout.write("\nThis bucket can be trusted with what you store.\n")
    return 0
