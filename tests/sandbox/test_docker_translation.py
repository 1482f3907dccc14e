"""What a container is told, translated into the host's world."""

import pytest

from sandbox.providers.docker.translation import View, loopback_address

VIEW = View(
    address="127.77.1.2",
    hosts={"smollm2.engine.cloister.internal": "127.77.9.9", "gateway.cloister.internal": "127.77.1.2"},
    paths={
        "/models": "/host/volumes/models",
        "/etc/envoy/envoy.yaml": "/host/files/etc/envoy/envoy.yaml",
        "/etc/envoy": "/host/files/etc/envoy",
        "/tmp": "/host/tmpfs/tmp",
    },
)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("0.0.0.0", "127.77.1.2"),
        ("--host=0.0.0.0", "--host=127.77.1.2"),
        ('{"address": "127.0.0.1", "port_value": 9901}', '{"address": "127.77.1.2", "port_value": 9901}'),
        ("10.0.0.0", "10.0.0.0"),
        ("127.0.0.10", "127.0.0.10"),
        ("http://smollm2.engine.cloister.internal:8000/v1", "http://127.77.9.9:8000/v1"),
        ("my-gateway.cloister.internal", "my-gateway.cloister.internal"),
        ("https://tokens.cloister.internal/x", "https://tokens.cloister.internal/x"),
        ("/models", "/host/volumes/models"),
        ("/models/a/b.gguf", "/host/volumes/models/a/b.gguf"),
        ("--path=/models:ro", "--path=/host/volumes/models:ro"),
        ("/var/models", "/var/models"),
        ("/models2", "/models2"),
        ("/v1/models", "/v1/models"),
        ("/etc/envoy/envoy.yaml", "/host/files/etc/envoy/envoy.yaml"),
        ("/etc/envoy/lds.yaml", "/host/files/etc/envoy/lds.yaml"),
        ("/tmp/x /tmp", "/host/tmpfs/tmp/x /host/tmpfs/tmp"),
    ],
)
def test_addresses_names_and_paths_are_replaced_where_they_stand_for_themselves(inside: str, outside: str) -> None:
    assert VIEW.translate(inside) == outside


def test_what_was_put_in_is_not_translated_again() -> None:
    view = View(address="127.77.1.2", paths={"/a": "/b/a", "/b": "/c"})
    assert view.translate("/a /b") == "/b/a /c"


def test_localhost_is_the_container_in_a_health_check_only() -> None:
    assert VIEW.translate_check("http://localhost:8000/health") == "http://127.77.1.2:8000/health"
    assert VIEW.translate("localhost") == "localhost"


def test_a_container_keeps_its_own_loopback_address() -> None:
    assert loopback_address("gateway") == loopback_address("gateway")
    assert len({loopback_address(f"container-{number}") for number in range(40)}) == 40
    assert loopback_address("gateway").startswith("127.77.")
