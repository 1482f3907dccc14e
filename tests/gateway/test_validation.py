"""Envoy is asked before anything is deployed."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from components.gateway import validation
from components.gateway.configuration import Tls
from components.gateway.validation import ConfigurationError, validated
from components.layers import LAYERS
from components.settings.load import load_stack
from tests.gateway.harness import plan_of, upstream
from tests.layers.test_serving_layers import PLATFORM, REFERENCE
from tests.operations.local_key import LocalKey
from tests.plan import plan

GOOD = plan_of(LocalKey(), {"llama": upstream(8000)})


@pytest.mark.parametrize("tls", [None, Tls(folder="/etc/envoy/tls")])
def test_a_plan_that_envoy_takes_is_given_back(tls: Tls | None) -> None:
    good = replace(GOOD, tls=tls)
    assert validated(good) is good


def test_a_plan_that_envoy_refuses_ends_with_its_reason() -> None:
    broken = replace(GOOD, upstreams={"llama": replace(upstream(8000), addresses=(("no address", 8000),))})
    with pytest.raises(ConfigurationError, match=r"none is deployed: malformed IP address: no address"):
        validated(broken)


def test_a_reason_that_holds_the_whole_document_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.gateway.configuration.listener.MANAGER", "envoy.no.such.Manager")
    with pytest.raises(ConfigurationError, match=r"none is deployed: \S") as refusal:
        validated(GOOD)
    assert len(str(refusal.value)) < 600


def test_configurations_of_any_size_are_read() -> None:
    """An argument of the command line would end at 128 KiB."""
    assert validated(replace(GOOD, upstreams={f"model-{number}": upstream(8000) for number in range(500)}))


def test_no_envoy_is_no_approval(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigurationError, match=r"envoy is missing, .* install requirements\.lock"):
        validated(GOOD)


def test_an_envoy_that_hangs_is_no_approval(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "envoy").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "envoy").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(validation, "SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match="gave no answer within"):
        validated(GOOD)


@pytest.mark.parametrize("stack", ["serving-rehearsal", "edge-rehearsal"])
def test_a_stack_whose_gateway_envoy_refuses_is_not_planned(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_stack(stack)

    def build() -> object:
        return LAYERS[settings.layer](settings)

    computed = {REFERENCE: {"outputs": PLATFORM}}
    monkeypatch.setattr("components.gateway.configuration.listener.MANAGER", "envoy.no.such.Manager")
    with pytest.raises(ConfigurationError, match=r"could not find @type .*envoy\.no\.such\.Manager"):
        plan(build, computed=computed, stack=stack)
