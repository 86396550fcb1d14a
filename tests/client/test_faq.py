"""Each snippet of the artifacts FAQ, with nothing changed but the names of what it works on."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

import lineage as wandb
from tests.client.conftest import settle_in
from tests.services.s3 import S3
from tests.services.server import REPOSITORY, Server


@pytest.fixture(params=["sqlite", "neo4j"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """As everywhere, over each graph store: the FAQ works on both."""
    name = "shared_server" if request.param == "sqlite" else "shared_server_on_neo4j"
    server: Server = request.getfixturevalue(name)
    yield settle_in(monkeypatch, tmp_path, server.url, server.key)
    wandb.finish()


def test_an_artifact_is_logged_to_an_existing_run(project: str) -> None:
    with wandb.init(id="existing_run_id"):
        pass
    Path("my_data").mkdir()
    Path("my_data/file.txt").write_text("one")

    with wandb.init(id="existing_run_id", resume="allow") as run:
        artifact = wandb.Artifact("artifact_name", "artifact_type")
        artifact.add_file("my_data/file.txt")
        run.log_artifact(artifact)

    recorded = wandb.Api().run("existing_run_id")
    assert [a.name for a in recorded.logged_artifacts()] == ["artifact_name:v0"]
    assert recorded.state == "finished"


@pytest.fixture
def pipeline(project: str) -> str:
    """prepare -> data -> train -> model -> evaluate; returns the id of train."""
    Path("data.csv").write_text("1,2")
    Path("model.pt").write_text("weights")
    with wandb.init(job_type="prepare") as run:
        run.log_artifact("data.csv", name="data", type="dataset", aliases=["alias"])
    with wandb.init(job_type="train") as run:
        run.use_artifact("data:latest")
        run.log_artifact("model.pt", name="model", type="model")
        train = run.id
    with wandb.init(job_type="evaluate") as run:
        run.use_artifact("model:v0")
    return train


def test_the_graph_is_walked_from_an_artifact(project: str, pipeline: str) -> None:
    api = wandb.Api()

    artifact = api.artifact(f"{project}/data:alias")

    # Walk up the graph from an artifact:
    producer_run = artifact.logged_by()
    # Walk down the graph from an artifact:
    consumer_runs = artifact.used_by()

    # Walk down the graph from a run:
    next_artifacts = consumer_runs[0].logged_artifacts()
    # Walk up the graph from a run:
    previous_artifacts = producer_run.used_artifacts()

    assert producer_run.job_type == "prepare"
    assert [run.id for run in consumer_runs] == [pipeline]
    assert [a.name for a in next_artifacts] == ["model:v0"]
    assert previous_artifacts == []


def test_the_graph_is_walked_from_a_run(project: str, pipeline: str) -> None:
    api = wandb.Api()

    run = api.run(f"local/{project}/{pipeline}")

    # Walk down the graph from a run:
    produced_artifacts = run.logged_artifacts()
    # Walk up the graph from a run:
    consumed_artifacts = run.used_artifacts()

    # Walk up the graph from an artifact:
    earlier_run = consumed_artifacts[0].logged_by()
    # Walk down the graph from an artifact:
    consumer_runs = produced_artifacts[0].used_by()

    assert [a.name for a in produced_artifacts] == ["model:v0"]
    assert [a.name for a in consumed_artifacts] == ["data:v0"]
    assert earlier_run.job_type == "prepare"
    assert [run.job_type for run in consumer_runs] == ["evaluate"]


def test_the_best_run_of_a_sweep_gives_its_artifacts(
    project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters = {"lr": {"values": [0.1, 0.2, 0.3]}}
    metric = {"name": "val_acc", "goal": "maximize"}
    sweep_id = wandb.sweep({"method": "grid", "metric": metric, "parameters": parameters})

    def train() -> None:
        with wandb.init() as run:
            run.log({"val_acc": 1 - abs(run.config.lr - 0.2)})
            artifact = wandb.Artifact(name="sweep_name", type="model")
            with artifact.new_file("weights.txt") as file:
                file.write(str(run.config.lr))
            run.log_artifact(artifact)

    assert wandb.agent(sweep_id, train) == 3

    api = wandb.Api()
    sweep = api.sweep(f"local/{project}/{sweep_id}")
    runs = sorted(sweep.runs, key=lambda run: run.summary.get("val_acc", 0), reverse=True)
    best_run = runs[0]
    for artifact in best_run.logged_artifacts():
        artifact_path = artifact.download()
        print(artifact_path)  # noqa: T201 - as the FAQ has it

    folder = Path(capsys.readouterr().out.strip())
    assert (folder / "weights.txt").read_text() == "0.2"
    found = sweep.best_run()
    assert found is not None
    assert found.id == best_run.id
    assert len(list(api.artifacts("model", "sweep_name"))) == 3


def test_code_is_saved_as_an_artifact(project: str) -> None:
    Path("train.py").write_text("print('hello')\n")
    wandb.init()

    code_artifact = wandb.Artifact(type="code")
    code_artifact.add_file("./train.py")
    wandb.log_artifact(code_artifact)

    assert code_artifact.name.startswith(f"source-{project}-")
    assert code_artifact.name.endswith(":v0")


def test_save_code_saves_the_script_that_launches_the_run(project: str) -> None:
    script = Path("my script.py")
    script.write_text("import lineage as wandb\nwandb.init(id='launched', save_code=True)\n")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, script], check=True, env=environment, timeout=30)
    (artifact,) = wandb.Api().run("launched").logged_artifacts()
    assert artifact.name == f"source-{project}-my_script.py:v0"
    assert artifact.type == "code"
    downloaded = Path(artifact.download()) / "my script.py"
    assert downloaded.read_text() == script.read_text()


class _Bucket(SimpleHTTPRequestHandler):
    """Files over HTTP, with the ETags that a bucket gives."""

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_file():
            self.send_header("ETag", f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"')
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "bucket").mkdir()
    handler = partial(_Bucket, directory=str(tmp_path / "bucket"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_etags_of_references_are_read_from_the_manifest(
    project: str, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "bucket/table.csv").write_text("a,b")
    with wandb.init() as run:
        table = wandb.Artifact("my_table", "table")
        table.add_reference(f"{bucket}/table.csv")
        run.log_artifact(table)

    with wandb.init() as run:
        artifact = run.use_artifact("my_table:latest")
        for entry in artifact.manifest.entries.values():
            version_id = entry.extra.get("versionID")
            etag = entry.extra.get("etag")

    assert version_id is None
    assert etag == f'"{hashlib.sha256(b"a,b").hexdigest()[:8]}"'
    assert entry.size == 3
    assert (Path(artifact.download()) / "table.csv").read_text() == "a,b"

    (tmp_path / "bucket/table.csv").write_text("a,b,c")
    with pytest.raises(wandb.LineageError, match="is not what it was"):
        artifact.download("elsewhere")
    assert not Path("elsewhere/table.csv").exists()


def test_versions_and_etags_of_s3_are_read_from_the_manifest(
    project: str, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("s3")
    name = s3.new_bucket(versioned=True)
    made = client.put_object(Bucket=name, Key="table.csv", Body=b"a,b")
    with wandb.init() as run:
        table = wandb.Artifact("my_table", "table")
        table.add_reference(f"s3://{name}/table.csv")
        run.log_artifact(table)
    client.put_object(Bucket=name, Key="table.csv", Body=b"a,b,c")
    client.close()

    with wandb.init() as run:
        artifact = run.use_artifact("my_table:latest")
        for entry in artifact.manifest.entries.values():
            version_id = entry.extra.get("versionID")
            etag = entry.extra.get("etag")

    assert version_id == made["VersionId"]
    assert etag == made["ETag"].strip('"')
    assert (Path(artifact.download()) / "table.csv").read_text() == "a,b"


NOTEBOOK = """
import builtins, types
cells = ["", "x = 1", "print(x)"]
shell = types.SimpleNamespace(user_ns={"In": cells})
builtins.get_ipython = lambda: shell  # as IPython does
import lineage as wandb
wandb.init(id="cells", save_code=True)
shell.user_ns["__vsc_ipynb_file__"] = "work.ipynb"
wandb.init(id="file", save_code=True)
"""


def test_save_code_saves_the_notebook_or_else_its_cells(project: str) -> None:
    Path("work.ipynb").write_text("{}")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", NOTEBOOK], check=True, env=environment, timeout=30)
    (cells,) = wandb.Api().run("cells").logged_artifacts()
    assert cells.name == f"source-{project}-session.py:v0"
    text = Path(cells.get_entry("session.py").download()).read_text()
    assert text == "x = 1\n\nprint(x)\n"
    (notebook,) = wandb.Api().run("file").logged_artifacts()
    assert notebook.name == f"source-{project}-work.ipynb:v0"
