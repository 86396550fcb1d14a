"""The wheel holds `lineage` alone, and works where its user has modules named like our rooms."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("api", "bench", "cypher", "examples", "sql", "storage", "tests")

IMPORT_EVERY_MODULE = """
import importlib, pkgutil, lineage
names = [m.name for m in pkgutil.walk_packages(lineage.__path__, "lineage.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
for name in lineage.__all__:
    getattr(lineage, name)
print(lineage.__file__, *names)
"""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist)
    run(*build, REPOSITORY, cwd=dist)
    (built,) = dist.glob("*.whl")
    return built


def base_distributions() -> list[metadata.Distribution]:
    """What a user gets beside the wheel: its dependencies without any extra, and all theirs."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    found: dict[str, metadata.Distribution] = {}
    wanted = [(Requirement(line), "") for line in project["dependencies"]]
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement, extra = wanted.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found[name] = metadata.distribution(name)
        for chosen in {"", *requirement.extras}:
            if (name, chosen) not in seen:
                seen.add((name, chosen))
                wanted += [(Requirement(line), chosen) for line in found[name].requires or ()]
    return list(found.values())


@pytest.fixture(scope="module")
def users_machine(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and its base dependencies, and nothing of the server.

    The dependencies are linked from the environment the tests run in: no network is needed.
    """
    home = tmp_path_factory.mktemp("user")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=home)
    python = home / "venv/bin/python"
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = Path(run(python, "-c", purelib, cwd=home).strip())
    here = Path(sysconfig.get_path("purelib"))
    for distribution in base_distributions():
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            if not (site_packages / top).exists():
                (site_packages / top).symlink_to(here / top)
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--no-index", "--no-deps", wheel, cwd=home)
    return home


@pytest.fixture(scope="module")
def users_folder(users_machine: Path) -> Path:
    """Where the user works: their own modules have our rooms' names, and must be left alone."""
    work = users_machine / "work"
    (work / "api").mkdir(parents=True)
    decoy = "raise ImportError(f'{__name__} belongs to the user')\n"
    (work / "api/__init__.py").write_text(decoy)
    for room in ROOMS[1:]:
        (work / f"{room}.py").write_text(decoy)
    return work


def test_the_wheel_holds_lineage_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"lineage", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}


def test_every_module_of_the_wheel_imports_beside_a_users_own_api_and_storage(
    users_machine: Path, users_folder: Path
) -> None:
    python = users_machine / "venv/bin/python"
    told = run(python, "-W", "error", "-c", IMPORT_EVERY_MODULE, cwd=users_folder)
    location, *modules = told.split()
    assert Path(location).is_relative_to(users_machine)
    files = (file.relative_to(REPOSITORY) for file in (REPOSITORY / "lineage").rglob("*.py"))
    names = {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files}
    assert set(modules) == names - {"lineage"}


def test_the_command_explains_itself_beside_a_users_own_api_and_storage(
    users_machine: Path, users_folder: Path
) -> None:
    command = users_machine / "venv/bin/lineage"
    told = run(command, "--help", cwd=users_folder, env={"PYTHONPATH": str(users_folder)})
    assert "Usage" in told
    assert "artifact" in told
