"""The house rules a machine can check: what is public, and which word means what."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MODULES = sorted(
    file for file in (REPOSITORY / "lineage").rglob("*.py") if file.name != "__main__.py"
)


def names_of(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in names_of(element)]
    return []


def is_registered(function: ast.FunctionDef) -> bool:
    """Whether an app offers it, as a command or a route, and nobody calls it by its name."""
    return any(
        isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)
        for decorator in function.decorator_list
    )


def defined(tree: ast.Module) -> set[str]:
    """Public names that the module itself makes; a TypeVar is scaffolding, not an offer."""
    found: set[str] = set()
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name):
                if not is_registered(statement):
                    found.add(name)
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets, value=value):
                if "TypeVar" not in ast.unparse(value) and "getLogger" not in ast.unparse(value):
                    found.update(name for target in targets for name in names_of(target))
            case ast.AnnAssign(target=target):
                found.update(names_of(target))
    return {name for name in found if not name.startswith("_")}


def gathered(tree: ast.Module) -> set[str]:
    """What a package has from elsewhere: imported, or announced and loaded when it is used."""
    found: set[str] = set()
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.AnnAssign):
            found.update(names_of(statement.target))
    return found


def declared(tree: ast.Module) -> list[str] | None:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and names_of(statement.targets[0]) == ["__all__"]:
            value: list[str] = ast.literal_eval(statement.value)
            return value
    return None


@pytest.mark.parametrize(
    "file", MODULES, ids=[str(file.relative_to(REPOSITORY)) for file in MODULES]
)
def test_public_means_in_all(file: Path) -> None:
    tree = ast.parse(file.read_text())
    if not tree.body:
        return
    listed = declared(tree)
    if listed is None:
        # A module without __all__ offers nothing: at most it holds what is private.
        assert not defined(tree), f"{file} has public names and no __all__"
        return
    assert len(set(listed)) == len(listed)
    assert defined(tree) <= set(listed)
    # A package gathers what its modules make; a module lists its own and no other's.
    offered = defined(tree) | (gathered(tree) if file.name == "__init__.py" else set())
    assert set(listed) <= offered | {"T"}


WORDS = (
    "entity", "project", "run", "sweep", "artifact", "collection", "version", "alias", "manifest",
    "page", "entry", "reference", "blob", "object", "digest", "draft", "hold", "logged", "used",
    "reproduced", "segment", "upstream", "downstream", "trace", "reclaim",
)  # fmt: skip
# Words that a rule of the glossary forbids outright, wherever a name could use them. Most of its
# "never" words are good English elsewhere (task, path, process…) and need a person's eye.
FORBIDDEN = re.compile(
    r"\b(pending_artifact|blob_pointer|blob_key|checksum_hex|oid|prune|chunk_id)\w*\b"
)


def glossary() -> list[tuple[str, str]]:
    """Each word of the table of docs/glossary.md, with what it means."""
    text = (REPOSITORY / "docs/glossary.md").read_text()
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line[:1] == "|"]
    return [
        (word.strip(), row[1].strip())
        for row in rows[2:]  # below the head and its rule
        for word in row[0].split(",")
    ]


def test_the_glossary_explains_every_word_of_the_house() -> None:
    explained = {word for word, meaning in glossary() if meaning}
    assert set(WORDS) - explained == set()


def test_no_word_is_explained_twice() -> None:
    words = [word for word, _ in glossary()]
    assert len(set(words)) == len(words)


def test_no_code_uses_a_word_that_the_glossary_forbids() -> None:
    rooms = ("lineage", "sql", "storage", "api")
    files = [file for room in rooms for file in sorted((REPOSITORY / room).rglob("*.py"))]
    assert len(files) > 20
    found = [
        f"{file.relative_to(REPOSITORY)}: {match[0]}"
        for file in files
        for match in FORBIDDEN.finditer(file.read_text())
    ]
    assert found == []
