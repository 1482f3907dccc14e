"""A clone of the repository in a temporary folder, with the tools that are built, and a rehearsal of its own."""

from collections.abc import Iterator

import pytest

from tests.engine.clone import Clone, make_clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """The clone; whatever its rehearsal started is ended."""
    made = make_clone(tmp_path_factory.mktemp("clone") / "cloister")
    yield made
    made.cloister("rehearse", "stop", timeout=120)
