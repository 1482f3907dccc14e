"""Namespaces that play a VPC: made without root, asked by real connections, gone with whoever made them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from components.network.reachability.model import Network
from sandbox.network import compare, tools
from sandbox.network.compare import Comparison
from sandbox.network.from_plan import world_of
from sandbox.network.pairs import callers, pairs_between
from sandbox.network.running import RunningWorld, WorldError, running
from sandbox.network.world import Knock, Question
from sandbox.places import REPOSITORY
from tests.sandbox.small_network import FRONT, INNER, allow, network
from tests.sandbox.tiny_world import RESOLVER, world

pytestmark = pytest.mark.servers

DROP_SHELL = """table ip filters {
  chain in {
    type filter hook input priority 0; policy accept;
    meta l4proto { tcp, udp } th dport 22 drop
  }
}
"""


@pytest.fixture(scope="module")
def tiny() -> Iterator[RunningWorld]:
    with running(world(DROP_SHELL), tools.ensure()) as found:
        yield found


def knock(found: RunningWorld, source: str, address: str, port: int = 443, from_port: int = 0) -> str:
    [said] = found.knock([Knock(source=source, address=address, port=port, from_port=from_port)])
    return said


def test_a_listener_says_where_it_is_and_whom_it_sees(tiny: RunningWorld) -> None:
    assert knock(tiny, "left", "10.0.1.10") == "right 10.0.0.10\n"
    assert knock(tiny, "left", "10.0.0.11") == "beside 10.0.0.10\n"


def test_silence_and_refusal_are_told_apart(tiny: RunningWorld) -> None:
    assert knock(tiny, "left", "10.0.1.10", 22) == "- Connection timed out"
    assert knock(tiny, "left", "10.0.1.10", 23) == "- Connection refused"


def test_a_source_port_can_be_chosen_for_several_connections_at_once(tiny: RunningWorld) -> None:
    knocks = [Knock(source="left", address=f"10.0.{where}", port=443, from_port=65535) for where in ("0.11", "1.10")]
    assert tiny.knock(knocks) == ["beside 10.0.0.10\n", "right 10.0.0.10\n"]


def test_a_datagram_is_answered_by_who_got_it(tiny: RunningWorld) -> None:
    knocks = [Knock(source="left", address="10.0.1.10", port=port, transport="udp") for port in (443, 22, 23)]
    assert tiny.knock(knocks) == ["right 10.0.0.10\n", "- Connection timed out", "- Connection refused"]


def test_a_balancer_ends_the_connection_and_opens_its_own(tiny: RunningWorld) -> None:
    assert knock(tiny, "left", "10.0.1.11") == "balancer 10.0.0.10\nright 10.0.1.11\n"


def test_a_balancer_without_a_healthy_target_still_answers_for_itself() -> None:
    with running(world(balanced=(("10.0.1.10", 9),)), tools.ensure()) as found:
        assert knock(found, "left", "10.0.1.11") == "balancer 10.0.0.10\n"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("server", [RESOLVER, "10.0.1.12"])
def test_names_are_answered_or_denied_as_the_firewall_says(tiny: RunningWorld, server: str, transport: str) -> None:
    names = ("www.good.test", "other.good.test", "good.test", "www.evil.test")
    asked = [Question(source="left", server=server, name=name, transport=transport) for name in names]
    assert tiny.resolve(asked) == [("10.0.1.11", "10.0.1.10"), ("1.1.1.1",), None, None]


def test_the_clusters_own_names_are_answered_by_its_name_server_only(tiny: RunningWorld) -> None:
    name = "engine.inference.svc.cluster.local"
    asked = [Question(source="left", server=server, name=name) for server in ("10.0.1.12", RESOLVER)]
    assert tiny.resolve(asked) == [("172.20.0.1",), None]


def test_nobody_answers_where_no_name_server_is(tiny: RunningWorld) -> None:
    assert tiny.resolve([Question(source="left", server="10.0.1.10", name="www.good.test")]) == ["- Connection refused"]


def test_thousands_of_doors_are_tried_in_seconds(tiny: RunningWorld) -> None:
    knocks = [Knock(source="left", address="10.0.1.10", port=(22, 443)[number % 2]) for number in range(6000)]
    began = time.monotonic()
    heard = tiny.knock(knocks)
    assert heard[::2] == ["- Connection timed out"] * 3000
    assert heard[1::2] == ["right 10.0.0.10\n"] * 3000
    assert time.monotonic() - began < 20


def compared(monkeypatch: pytest.MonkeyPatch, planned: Network, really: Network) -> Comparison:
    """The comparison of one network, while another one is built."""
    build = world_of
    monkeypatch.setattr(compare, "world_of", lambda _, **more: build(really, **more))
    pairs = pairs_between(callers(planned), list(planned.places.values()), (22, 443, 8443))
    return compare.compare(planned, pairs, ["www.example.com"], tools.ensure())


def test_a_network_that_is_built_as_planned_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, network(), network())
    assert list(map(str, found.disagreements)) == []
    assert {"peer -> front tcp 443", "node -> s3 tcp 443"} & found.reached == {"peer -> front tcp 443"}
    assert "node www.example.com" in found.resolved


def test_a_lock_that_is_not_built_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = network().groups
    open_front = replace(groups["front"], ingress=(*groups["front"].ingress, allow(443, cidr=INNER)))
    nodes = replace(groups["nodes"], egress=(*groups["nodes"].egress, allow(443, cidr=FRONT)))
    planned = network(groups={**groups, "nodes": nodes})
    found = compared(monkeypatch, planned, network(groups={**groups, "nodes": nodes, "front": open_front}))
    assert {each.what for each in found.disagreements} == {
        f"{name} -> front tcp 443" for name in ("node", "gateway", "engine", "dns")
    }
    assert all(each.kernel.startswith("front ") and not each.analysis.allowed for each in found.disagreements)


def test_a_lock_that_nobody_planned_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    acls = network().acls
    found = compared(monkeypatch, network(), network(acls={**acls, "front": replace(acls["front"], egress=())}))
    assert "peer -> front tcp 443" in {each.what for each in found.disagreements}
    assert all(each.analysis.allowed for each in found.disagreements)


def test_an_answer_from_the_wrong_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    places = network().places
    gateway, engine = places["gateway"], places["engine"]
    swapped = {"gateway": replace(gateway, address=engine.address), "engine": replace(engine, address=gateway.address)}
    found = compared(monkeypatch, network(), network(places={**places, **swapped}))
    strayed = {each.what: each.kernel for each in found.disagreements}
    assert strayed["node -> engine tcp 22"] == "gateway 10.42.0.10"


def test_rules_that_nftables_refuses_are_shown_with_its_answer() -> None:
    refused = running(world("table ip filters {\n  no such rule\n}\n"), tools.ensure())
    with pytest.raises(WorldError, match=r"nft -f - refused:\n +1 table ip filters \{(.|\n)*[Ee]rror"):
        refused.__enter__()


def test_the_machines_own_network_does_not_change(tiny: RunningWorld) -> None:
    devices = Path("/proc/net/dev").read_text()
    assert "s0" not in {line.partition(":")[0].strip() for line in devices.splitlines()}
    assert os.readlink("/proc/self/ns/net") != os.readlink(f"/proc/{tiny.pid}/ns/net")
    assert knock(tiny, "left", "127.0.0.1", 22) == "- Connection refused"


def test_the_world_ends_with_its_block() -> None:
    with ExitStack() as stack:
        pid = stack.enter_context(running(world(), tools.ensure())).pid
        assert _runs(pid)
    assert not _runs(pid)


def test_the_world_ends_when_its_block_fails() -> None:
    stack = ExitStack()
    pid = stack.enter_context(running(world(), tools.ensure())).pid
    stack.callback(_fail)
    with pytest.raises(KeyboardInterrupt):
        stack.close()
    assert not _runs(pid)


def test_the_world_ends_with_whoever_made_it_even_when_that_is_killed() -> None:
    program = (
        "import time; from sandbox.network import running, tools; from tests.sandbox.tiny_world import world\n"
        "with running.running(world(), tools.ensure()) as found:\n    print(found.pid, flush=True); time.sleep(60)"
    )
    maker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert maker.stdout is not None
    with maker.stdout:
        pid = int(maker.stdout.readline())
    os.kill(maker.pid, signal.SIGKILL)
    maker.wait()
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def test_a_machine_that_makes_no_namespaces_is_told_what_allows_them() -> None:
    program = (
        "import ctypes, pathlib\n"
        "from sandbox.network import kernel\n"
        "kernel.seal()\n"
        "for kind in ('user', 'net'): pathlib.Path(f'/proc/sys/user/max_{kind}_namespaces').write_text('0')\n"
        "try:\n    kernel.seal()\nexcept kernel.NamespacesError as problem:\n    print(problem)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert told.stdout.startswith("no network namespace can be made here: ")
    assert "user.max_user_namespaces" in told.stdout


def _fail() -> None:
    raise KeyboardInterrupt


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
