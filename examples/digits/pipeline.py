"""The pipeline itself: what a person would write who tracks a training with `lineage`.

    images -> split -> a sweep over two architectures -> the best model -> evaluation

Every step is a run; what a step reads it uses, what it makes it logs. Nothing here knows of the
demo around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import lineage

mpl.use("Agg")

CLASSES: Final = np.arange(10)
CHECKPOINTS: Final = 3
EPOCHS_A_CHECKPOINT: Final = 10
SWEEP_NAME: Final = "digits-sweep"
SWEEP: Final = {
    "name": SWEEP_NAME,
    "method": "grid",
    "metric": {"name": "val_acc", "goal": "maximize"},
    "parameters": {
        "architecture": {"values": ["mlp", "linear"]},
        "learning_rate": {"values": [0.0003, 0.001, 0.01]},
    },
}


def import_images(folder: Path) -> None:
    """The 1,797 images of 8 x 8 pixels that come with scikit-learn, one file a digit."""
    with lineage.init(job_type="import", name="import-images"):
        digits = load_digits()
        artifact = lineage.Artifact("digits", "dataset", metadata={"n_images": len(digits.target)})
        for digit in CLASSES:
            path = folder / f"{digit}.npy"
            np.save(path, digits.images[digits.target == digit])
            artifact.add_file(str(path), name=f"images/{digit}.npy")
        lineage.log_artifact(artifact)


def split(folder: Path) -> None:
    """Training, validation and test images."""
    with lineage.init(job_type="split", name="split", config={"seed": 7}) as run:
        images = Path(run.use_artifact("digits:latest").download()) / "images"
        by_digit = [np.load(images / f"{digit}.npy") for digit in CLASSES]
        x = np.concatenate(by_digit).reshape(-1, 64) / 16.0
        y = np.repeat(CLASSES, [len(part) for part in by_digit])
        seed = run.config["seed"]
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
        x, x_val, y, y_val = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
        artifact = lineage.Artifact("digits-split", "dataset")
        for name, data in {
            "train": (x, y),
            "val": (x_val, y_val),
            "test": (x_test, y_test),
        }.items():
            np.savez(folder / f"{name}.npz", x=data[0], y=data[1])
            artifact.add_file(str(folder / f"{name}.npz"))
        run.log_artifact(artifact)


def train(folder: Path) -> None:
    """One point of the sweep: log checkpoints to the architecture, the final model to the sweep."""
    with lineage.init(job_type="train") as run:
        config = run.config
        run.name = f"{config['architecture']}-{config['learning_rate']}"
        data = Path(run.use_artifact("digits-split:latest").download())
        train, val = np.load(data / "train.npz"), np.load(data / "val.npz")
        model = _model(config["architecture"], config["learning_rate"])
        place = folder / run.id
        place.mkdir()
        for step in range(CHECKPOINTS):
            for _ in range(EPOCHS_A_CHECKPOINT):
                model.partial_fit(train["x"], train["y"], classes=CLASSES)
            guess = model.predict_proba(val["x"])
            run.log(
                {
                    "step": step,
                    "val_acc": float(accuracy_score(val["y"], guess.argmax(axis=1))),
                    "val_loss": float(log_loss(val["y"], guess, labels=CLASSES)),
                }
            )
            _save(model, config["architecture"], place)
            _log_model(run, place, config["architecture"], {"step": step})
        _log_model(run, place, SWEEP_NAME, dict(run.summary))


def _model(architecture: str, learning_rate: float) -> Any:
    if architecture == "mlp":
        return MLPClassifier((256,), learning_rate_init=learning_rate, random_state=7)
    return SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=learning_rate, random_state=7
    )


def _weights(model: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(model, MLPClassifier):
        for layer, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
            yield f"weights{layer}", weights
            yield f"bias{layer}", bias
    else:
        yield "weights0", model.coef_.T
        yield "bias0", model.intercept_


def _save(model: Any, architecture: str, folder: Path) -> None:
    np.savez(folder / "weights.npz", **dict(_weights(model)))
    layers = [64, 256, 10] if architecture == "mlp" else [64, 10]
    described = {"architecture": architecture, "layers": layers}
    (folder / "architecture.json").write_text(json.dumps(described), encoding="utf-8")


def _log_model(run: lineage.Run, folder: Path, name: str, metadata: dict[str, Any]) -> None:
    artifact = lineage.Artifact(name, "model", metadata=metadata)
    artifact.add_dir(str(folder))
    run.log_artifact(artifact)


def evaluate(folder: Path, model: lineage.Artifact) -> float:
    """Accuracy of a model on the test images, with a plot of what it confuses."""
    with lineage.init(job_type="evaluate", name="evaluation") as run:
        weights = np.load(Path(run.use_artifact(model).download()) / "weights.npz")
        data = Path(run.use_artifact("digits-split:latest").download())
        test = np.load(data / "test.npz")
        guess = _predict(weights, test["x"])
        accuracy = float(accuracy_score(test["y"], guess))
        run.log({"test_acc": accuracy})
        display = ConfusionMatrixDisplay.from_predictions(test["y"], guess, colorbar=False)
        display.ax_.set_title(f"{model.name}: {accuracy:.1%} of {len(guess)} test images")
        display.figure_.savefig(folder / "confusion.png", dpi=120)
        artifact = lineage.Artifact("evaluation", "report", metadata={"test_acc": accuracy})
        artifact.add_file(str(folder / "confusion.png"))
        run.log_artifact(artifact, aliases=["best"])
        return accuracy


def _predict(weights: Any, x: Any) -> Any:
    """The forward pass, from the weights alone: the model is what was downloaded."""
    n_layers = sum(name.startswith("weights") for name in weights)
    for layer in range(n_layers):
        x = x @ weights[f"weights{layer}"] + weights[f"bias{layer}"]
        if layer < n_layers - 1:
            x = np.maximum(x, 0)
    return x.argmax(axis=1)
