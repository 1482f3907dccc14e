"""Values to and from the engine's wire format, and the server that the engine starts."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.providers import serve
from sandbox.providers.serve import UNKNOWN, ProviderError, engine_address, from_struct, has_unknown, to_struct

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def test_plain_values_survive_the_round_trip() -> None:
    values = {"a": 1, "b": 1.5, "c": [True, None, "x"], "d": {"e": {}}, "f": 2**40}
    assert from_struct(to_struct(values)) == values


def test_whole_numbers_arrive_as_integers() -> None:
    assert type(from_struct(to_struct({"a": 80.0}))["a"]) is int


def test_every_kind_of_unknown_arrives_as_one() -> None:
    number = struct_pb2.Struct()
    number["count"] = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"
    assert from_struct(number) == {"count": UNKNOWN}
    assert from_struct(to_struct({"id": UNKNOWN})) == {"id": UNKNOWN}


def test_an_unknown_is_found_however_deep() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}], UNKNOWN: 1})


def test_secrets_and_outputs_are_unwrapped() -> None:
    wrapped = {
        "password": {SIGNATURE: SECRET, "value": "hidden"},
        "nested": [{SIGNATURE: SECRET, "value": {"a": {SIGNATURE: OUTPUT, "value": 3, "secret": True}}}],
        "later": {SIGNATURE: OUTPUT},
    }
    assert from_struct(to_struct(wrapped)) == {"password": "hidden", "nested": [{"a": 3}], "later": UNKNOWN}


def test_what_has_no_place_in_properties_is_refused() -> None:
    with pytest.raises(TypeError, match="of type set has no place"):
        to_struct({"a": {1, 2}})


def test_the_engines_address_is_the_last_argument() -> None:
    assert engine_address(["--logtostderr", "127.0.0.1:4711"]) == "127.0.0.1:4711"
    assert engine_address(["--port=4"]) is None
    assert engine_address([]) is None


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="1.2.3")

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise ProviderError("no room left")


def test_a_refusal_arrives_as_its_message_and_a_missing_method_as_unimplemented() -> None:
    server, port = serve.start(Provider())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"
            with pytest.raises(grpc.RpcError) as refused:
                stub.Create(provider_pb2.CreateRequest())
            assert refused.value.details() == "no room left"
            with pytest.raises(grpc.RpcError) as missing:
                stub.Cancel(empty_pb2.Empty())
            assert missing.value.code() == grpc.StatusCode.UNIMPLEMENTED
    finally:
        server.stop(None).wait()


def test_a_plugin_does_not_outlive_an_engine_that_was_killed() -> None:
    plugin = f"'{sys.executable}' -m sandbox.providers.docker 127.0.0.1:1"
    engine = subprocess.Popen(["sh", "-c", f"{plugin} & wait"], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    with engine.stdout as output:
        assert output.readline().strip().isdigit()
        engine.kill()
        engine.wait()
        assert output.read() == "", "the plugin holds the pipe until it ends"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_plugin_prints_its_port_and_ends_quietly(number: signal.Signals) -> None:
    plugin = subprocess.Popen(
        [sys.executable, "-m", "sandbox.providers.docker", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert plugin.stdout is not None
    port = int(plugin.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty()).version
    plugin.send_signal(number)
    out, err = plugin.communicate(timeout=10)
    assert (plugin.returncode, out, err) == (0, "", "")
