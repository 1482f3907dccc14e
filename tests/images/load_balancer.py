"""A load balancer's API for tests: moto behind a door that fails on request, and the agent of Pod Identity."""

import contextlib
import datetime
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
ADDRESS = "10.42.3.7"
ROOT = Path(__file__).parents[2]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes, kind: str = "text/xml") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        # Who asked may be gone by now.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)


@dataclass
class Door:
    """What stands before moto. `fault` is how it answers: pass, slow, late, drop, or an error's status and code."""

    fault: str = "pass"
    health: str | None = None
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Action and access key of each call, in order of arrival."""

    def count(self, action: str) -> int:
        return sum(called == action for called, _ in self.calls)


def _door(door: Door, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            action = parse_qs(body.decode())["Action"][0]
            key = self.headers["authorization"].partition("Credential=")[2].partition("/")[0]
            door.calls.append((action, key))
            fault = door.fault
            if fault == "drop":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif fault == "slow":
                time.sleep(3)
                self.close_connection = True
            elif fault not in ("pass", "late"):
                status, _, code = fault.partition(" ")
                text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>"
                self.answer(int(status), text.encode())
            elif action == "DescribeTargetHealth" and door.health is not None:
                self.answer(200, _health(door.health))
            else:
                if fault == "late":
                    time.sleep(3)
                self.answer(*self.forward(body))

        def forward(self, body: bytes) -> tuple[int, bytes]:
            names = ("authorization", "content-type", "x-amz-date", "x-amz-security-token")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            try:
                with urllib.request.urlopen(urllib.request.Request(upstream, body, headers)) as response:
                    return response.status, response.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

    return Handler


def _health(state: str) -> bytes:
    target = f"<Target><Id>{ADDRESS}</Id><Port>8443</Port></Target>"
    member = f"<member>{target}<TargetHealth><State>{state}</State></TargetHealth></member>"
    found = f"<TargetHealthDescriptions>{member}</TargetHealthDescriptions>"
    result = f"<DescribeTargetHealthResult>{found}</DescribeTargetHealthResult>"
    return f"<DescribeTargetHealthResponse>{result}</DescribeTargetHealthResponse>".encode()


@dataclass
class Agent:
    """Stands for the EKS Pod Identity agent: fresh credentials for whoever shows the pod's token."""

    life: datetime.timedelta = datetime.timedelta(hours=6)
    given: int = 0
    refused: int = 0


def _agent(agent: Agent, token: str) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            if self.headers.get("authorization") != token:
                agent.refused += 1
                return self.answer(401, b"")
            agent.given += 1
            found = {
                "AccessKeyId": f"KEY{agent.given}",
                "SecretAccessKey": "rehearsal",
                "Token": "session",
                "Expiration": (datetime.datetime.now(datetime.UTC) + agent.life).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            self.answer(200, json.dumps(found).encode(), "application/json")

    return Handler


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """The API, one target group, and how a registrar is started against them."""

    endpoint: str
    door: Door
    agent: Agent
    group: str
    folder: Path
    client: Any
    environment: dict[str, str]

    def targets(self) -> list[tuple[str, int]]:
        found = self.client.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return [(entry["Target"]["Id"], entry["Target"]["Port"]) for entry in found]

    @property
    def serving_file(self) -> Path:
        return self.folder / "serving"

    def start(
        self,
        metrics_port: int,
        admin_socket: Path,
        *,
        settle: float = 0.2,
        repeat: float = 0.3,
        trust: float = 60,
        timeout: float = 1,
    ) -> subprocess.Popen[bytes]:
        arguments = {
            "target-group": self.group,
            "address": ADDRESS,
            "port": 8443,
            "region": REGION,
            "metrics-port": metrics_port,
            "admin-socket": admin_socket,
            "serving-file": self.serving_file,
            "repeat-seconds": repeat,
            "timeout-seconds": timeout,
            "trust-seconds": trust,
            "leave-seconds": 4,
            "settle-seconds": settle,
        }
        words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "images.registrar", "register", *words],
                cwd=ROOT,
                env=self.environment,
                stderr=log,
            )

    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def load_balancer(folder: Path) -> Iterator[LoadBalancer]:
    """Moto's elbv2 with one Network Load Balancer and its target group."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    upstream = f"http://{host}:{port}"
    token = "pod-identity-token"
    (folder / "token").write_text(token)
    door, agent = Door(), Agent()
    known = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    clients = [boto3.client(name, endpoint_url=upstream, **known) for name in ("ec2", "elbv2")]
    try:
        with serving(_door(door, upstream)) as door_port, serving(_agent(agent, token)) as agent_port:
            endpoint = f"http://127.0.0.1:{door_port}"
            yield LoadBalancer(
                endpoint=endpoint,
                door=door,
                agent=agent,
                group=_target_group(*clients),
                folder=folder,
                client=clients[1],
                environment={
                    "PATH": "/usr/bin:/bin",
                    "AWS_ENDPOINT_URL": endpoint,
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{agent_port}/v1/credentials",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "token"),
                    "AWS_EC2_METADATA_DISABLED": "true",
                },
            )
    finally:
        for client in clients:
            client.close()
        moto.stop()


def _target_group(ec2: Any, elbv2: Any) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    group = elbv2.create_target_group(
        Name=f"gateway-{uuid.uuid4().hex[:20]}", Protocol="TLS", Port=8443, VpcId=vpc, TargetType="ip"
    )
    return str(group["TargetGroups"][0]["TargetGroupArn"])
