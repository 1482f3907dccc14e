"""An account of its own with the stand-in's provider before it, asked as the engine asks it but without an engine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.aws.provider import Provider
from sandbox.providers.serve import from_struct, to_struct

KEY = "rehearsal"


class Refused(Exception):  # noqa: N818 - an answer, as the provider's own
    """What Check says against the inputs, one line for each problem."""


@dataclass(frozen=True)
class Thing:
    """One resource that the provider made."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Lab:
    """The account's process and a configured provider.

    Args:
        folder: of the kept resources and the account's state.
        region: the provider's and the account's.
        account_environment: further variables of the account's process alone.
    """

    folder: Path
    region: str
    account_environment: Mapping[str, str]
    environment: Mapping[str, str]
    port: int
    provider: Provider = field(default_factory=Provider)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = [sys.executable, "-m", "sandbox.aws_account", "--port", str(self.port), "--region", self.region]
        argv += ["--state", str(self.folder / "aws")]
        environment = {**self.environment, **self.account_environment}
        self.process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cloister/instance", timeout=2):
                    break
            except OSError:
                time.sleep(0.1)
        self.configure()

    def configure(self) -> None:
        """A new provider, as every run of the engine starts one."""
        self.provider = Provider()
        settings = {"region": self.region, "defaultTags": '{"tags": {"owner": "tests"}}'}
        self.provider.Configure(provider_pb2.ConfigureRequest(args=to_struct(settings)), None)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def restart(self) -> None:
        """Moto loses its memory; the provider makes again what it keeps, or raises."""
        self.stop()
        self.start()

    def outlives_a_restart(self, *things: Thing) -> None:
        """Every thing reads the same, identifiers included, after moto lost its memory."""
        before = [self.read(thing) for thing in things]
        assert None not in before
        self.restart()
        assert [self.read(thing) for thing in things] == before

    def client(self, service: str, key: str = KEY, token: str | None = None) -> Any:
        return botocore.session.get_session().create_client(
            service,
            region_name=self.region,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=key,
            aws_secret_access_key=KEY,
            aws_session_token=token,
        )

    def of_another_account(self, service: str, number: str) -> Any:
        """The same for people of another account, which moto keeps as well."""
        role = f"arn:aws:iam::{number}:role/somebody"
        keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return self.client(service, keys["AccessKeyId"], keys["SessionToken"])

    def check(self, type_token: str, name: str, inputs: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
        urn = f"urn:pulumi:test::lab::{type_token}::{name}"
        request = provider_pb2.CheckRequest(urn=urn, news=to_struct(inputs), olds=to_struct(old), randomSeed=b"seed")
        answer = self.provider.Check(request, None)
        if answer.failures:
            raise Refused("\n".join(f"{failure.property}: {failure.reason}" for failure in answer.failures))
        return dict(from_struct(answer.inputs))

    def create(self, type_token: str, name: str, inputs: Mapping[str, Any]) -> Thing:
        urn = f"urn:pulumi:test::lab::{type_token}::{name}"
        checked = self.check(type_token, name, inputs, {})
        answer = self.provider.Create(provider_pb2.CreateRequest(urn=urn, properties=to_struct(checked)), None)
        return Thing(urn, answer.id, checked, dict(from_struct(answer.properties)))

    def replaces(self, thing: Thing, change: Mapping[str, Any]) -> list[str]:
        """The properties for whose sake the engine would replace the resource."""
        type_token, name = thing.urn.split("::")[2:]
        news = self.check(type_token, name, {**_own(thing), **change}, thing.inputs)
        olds = to_struct(thing.inputs)
        return sorted(self.provider.Diff(_diff(thing.urn, olds, to_struct(news)), None).replaces)

    def update(self, thing: Thing, change: Mapping[str, Any]) -> Thing:
        """The resource after a change in place."""
        assert self.replaces(thing, change) == []
        type_token, name = thing.urn.split("::")[2:]
        news = self.check(type_token, name, {**_own(thing), **change}, thing.inputs)
        request = provider_pb2.UpdateRequest(
            urn=thing.urn, id=thing.id, old_inputs=to_struct(thing.inputs), news=to_struct(news)
        )
        outputs = dict(from_struct(self.provider.Update(request, None).properties))
        return replace(thing, inputs=news, outputs=outputs)

    def read(self, thing: Thing) -> dict[str, Any] | None:
        """The outputs as the account has them now; None when the resource is gone."""
        answer = self.provider.Read(provider_pb2.ReadRequest(urn=thing.urn, id=thing.id), None)
        return dict(from_struct(answer.properties)) if answer.id else None

    def vpc(self, name: str, cidr: str = "10.42.0.0/16", zones: str = "ab") -> tuple[Thing, list[Thing]]:
        """A VPC with a /24 subnet in each zone."""
        vpc = self.create("aws:ec2/vpc:Vpc", name, {"cidrBlock": cidr})
        subnets = [
            self.create(
                "aws:ec2/subnet:Subnet",
                f"{name}-{zone}",
                {
                    "vpcId": vpc.id,
                    "cidrBlock": cidr.replace(".0.0/16", f".{position}.0/24"),
                    "availabilityZone": f"{self.region}{zone}",
                },
            )
            for position, zone in enumerate(zones)
        ]
        return vpc, subnets

    def delete(self, thing: Thing) -> None:
        outputs = to_struct(thing.outputs)
        self.provider.Delete(provider_pb2.DeleteRequest(urn=thing.urn, id=thing.id, properties=outputs), None)


def _own(thing: Thing) -> dict[str, Any]:
    return {key: value for key, value in thing.inputs.items() if key not in ("tagsAll", "__defaults")}


def _diff(urn: str, olds: Any, news: Any) -> Any:
    return provider_pb2.DiffRequest(urn=urn, old_inputs=olds, news=news)


@contextmanager
def lab(folder: Path, region: str, account_environment: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """A lab that runs; the provider sees its address in this process's environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        "CLOISTER_FOLDER": str(folder),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        made = Lab(folder, region, account_environment or {}, dict(os.environ), port)
        try:
            made.start()
            yield made
        finally:
            made.stop()
