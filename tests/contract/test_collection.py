"""No test is left out by its name, and no test is switched off."""

import ast
import re
from pathlib import Path

import pytest

from components.settings.load import ROOT

FILES = sorted(path for path in (ROOT / "tests").rglob("*.py") if "__pycache__" not in path.parts)


def test_there_are_test_files() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / "tests").as_posix())
def test_a_file_with_tests_is_collected(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert bool(tests) == path.name.startswith("test_")
    assert len(set(tests)) == len(tests), "two tests of one name: the first never runs"


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    switched_off = re.compile(r"pytest\.(skip|xfail)|mark\.(skip|skipif|xfail)")
    own = Path(__file__).resolve()
    assert [path.name for path in FILES if path != own and switched_off.search(path.read_text(encoding="utf-8"))] == []
