"""Who may import whom: the table of the README, read out of the syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.settings.load import ROOT

PURE_ROOMS = {"settings", "catalog", "model"}
PURE_FILES = {"iam.py", "gateway/configuration.py", "serving/engines", "network/layout.py", "network/reachability"}
PURE_IMPORTS = {
    "settings",
    "catalog",
    "model",
    "iam",
    "gateway.configuration",
    "serving.engines",
    "network.layout",
    "network.reachability",
}
CLOUD = {
    "pulumi",
    "pulumi_aws",
    "pulumi_docker",
    "pulumi_kubernetes",
    "boto3",
    "botocore",
    "huggingface_hub",
    "kubernetes",
}
CLIENTS = {"boto3", "botocore", "huggingface_hub"}
HUGGING_FACE_ROOM = "components/managed/"
"""The one resource for which no provider exists."""
PLANNER = "operations/planned.py"
"""Runs a layer as the stacks' program does, but without an engine: what is explained is what would be deployed."""
SKIPPED = {".venv", ".cloister", ".git", "node_modules"}


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if not SKIPPED & set(path.relative_to(ROOT).parts)]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, with its whole name, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(module: str) -> str:
    return module.partition(".")[0]


def component(module: str) -> str:
    """`components.network.vpc.Vpc` -> `network.vpc.Vpc`."""
    return module.removeprefix("components").lstrip(".")


def is_pure(path: Path) -> bool:
    inside = path.relative_to(ROOT / "components").as_posix()
    return top(inside.replace("/", ".")) in PURE_ROOMS or any(inside.startswith(name) for name in PURE_FILES)


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def working_rooms() -> list[str]:
    """Every folder of components that is neither pure nor a composition root."""
    rooms = {path.relative_to(ROOT / "components").parts[0] for path in files("components")}
    return sorted(room for room in rooms if not room.endswith(".py") and room not in {*PURE_ROOMS, "layers"})


@pytest.mark.parametrize("path", [path for path in files("components") if is_pure(path)], ids=label)
def test_pure_rooms_know_neither_pulumi_nor_a_cloud(path: Path) -> None:
    for module in imports(path):
        assert top(module) not in CLOUD | {"operations", "sandbox", "policies", "images"}, module
        if top(module) == "components":
            assert any(component(module).startswith(allowed) for allowed in PURE_IMPORTS), module


@pytest.mark.parametrize("room", working_rooms())
def test_working_rooms_never_import_each_other(room: str) -> None:
    for path in files(f"components/{room}"):
        for module in imports(path):
            assert top(module) not in {"operations", "sandbox", "policies", "images"}, f"{label(path)}: {module}"
            if top(module) == "components":
                allowed = {*PURE_IMPORTS, room}
                assert any(component(module).startswith(name) for name in allowed), f"{label(path)}: {module}"


def test_layers_are_imported_by_the_stacks_program_the_planner_and_tests_only() -> None:
    for path in files("components", "operations", "images", "sandbox", "policies"):
        if "layers" in path.parts or label(path) == PLANNER:
            continue
        for module in imports(path):
            assert not module.startswith("components.layers"), f"{label(path)}: {module}"


def test_the_policy_pack_is_an_independent_witness() -> None:
    for path in files("policies"):
        for module in imports(path):
            assert top(module) not in {"components", "operations", "sandbox", "images", "boto3"}, (
                f"{label(path)}: {module}"
            )


def test_cloud_clients_appear_in_operations_images_and_the_sandbox_only() -> None:
    for path in files("components", "stacks", "policies"):
        used = {top(module) for module in imports(path)} & CLIENTS
        if label(path).startswith(HUGGING_FACE_ROOM):
            used.discard("huggingface_hub")
        assert not used, f"{label(path)}: {used}"


def test_only_operations_know_of_the_sandbox() -> None:
    for path in files("components", "stacks", "policies", "images"):
        assert not [module for module in imports(path) if top(module) == "sandbox"], label(path)
    for path in files("operations"):
        if "rehearse" in path.relative_to(ROOT).as_posix():
            continue
        assert not [module for module in imports(path) if top(module) == "sandbox"], label(path)


def test_the_stacks_program_imports_layers_and_settings_only() -> None:
    [program] = files("stacks")
    used = {module for module in imports(program) if top(module) == "components"}
    assert all(component(module).startswith(("layers", "settings")) for module in used)
    assert len(program.read_text(encoding="utf-8").splitlines()) < 30


def test_no_component_writes_a_partition_itself() -> None:
    """ARNs and host names differ in the Sovereign Cloud: `catalog/regions.py` and `iam.py` know how.

    The loader's image imports no component; `tests/images/test_access.py` compares its addresses with boto3's.
    """
    for path in files("components", "images", "operations"):
        if label(path) in {"components/catalog/regions.py", "operations/planned.py", "images/weights/access.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                written = re.search(r"arn:aws:|[a-z.]\.amazonaws\.com|(?<![a-z.])amazonaws\.com", node.value)
                assert not written or "eks.amazonaws.com/" in node.value, f"{label(path)}:{node.lineno}: {node.value}"
