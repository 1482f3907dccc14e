"""Which host a text leads to, and whether it is inside."""

import pytest

from policies.guardrails.addresses import is_private_host, url_host

from .support import estate


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example.com/x", "a.example.com"),
        ("a.example.com:443", "a.example.com"),
        ("http://user:word@10.42.0.5:80/x", "10.42.0.5"),
        ("http://example.com?@10.42.0.5", "example.com"),
        ("http://example.com#@10.42.0.5", "example.com"),
        ("http://example.com\\@10.42.0.5", "example.com"),
        ("http://[2001:db8::1]:4317/x", "2001:db8::1"),
        ("http://example.com/@10.42.0.5", "example.com"),
    ],
)
def test_the_host_of_a_url_is_what_a_client_would_call(url: str, host: str) -> None:
    assert url_host(url) == host


@pytest.mark.parametrize(
    "host",
    [
        *(
            "10.42.0.5",
            "localhost",
            "vllm",
            "model.inference.svc.cluster.local",
            "gateway.cloister.internal",
            "LOCALHOST.",
        ),
        *("sts.eu-west-1.amazonaws.com", "a_b"),
    ],
)
def test_a_host_inside_is_known(host: str) -> None:
    assert is_private_host(host, estate())


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "8.8.8.8",
            "example.com",
            "134744072",
            "0x08080808",
            "0X8080808",
            "2001:db8::1",
            "sts.us-east-1.amazonaws.com",
        ),
        *("eu-west-1.amazonaws.com.example.com", "cluster.local.example.com", None, 5),
    ],
)
def test_a_host_outside_is_known_in_every_disguise(host: object) -> None:
    assert not is_private_host(host, estate())
