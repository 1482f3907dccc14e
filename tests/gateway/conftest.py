from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.gateway.harness import RunningGateway, free_ports, plan_of, running, upstream
from tests.gateway.stub_engine import StubEngine
from tests.operations.local_key import LocalKey


@dataclass(frozen=True)
class Estate:
    """Two engines that record, a model whose engine has not started, and the gateway in front."""

    gateway: RunningGateway
    llama: StubEngine
    qwen: StubEngine

    def reached(self) -> int:
        return len(self.llama.seen) + len(self.qwen.seen)


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    folder = tmp_path_factory.mktemp("gateway")
    key = LocalKey()
    with StubEngine() as llama, StubEngine() as qwen:
        upstreams = {
            "llama": upstream(llama.port),
            "qwen": upstream(qwen.port, resolution="dns"),
            "loading": upstream(*free_ports(1)),
        }
        with running(plan_of(key, upstreams, folder), folder, key) as gateway:
            yield Estate(gateway, llama, qwen)
