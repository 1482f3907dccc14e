"""`cloister network explain`: tables, verdicts, the picture, and one clear error for each wrong word."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.settings.load import ROOT
from operations.main import app, main

RUNNER = CliRunner()
PLATFORM = "platform-rehearsal"
EXPLAIN = ("network", "explain", "--stack", PLATFORM)
SERVING = ("--serving", "serving-rehearsal")


def run(*arguments: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, [*EXPLAIN, *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def asked(source: str, destination: str, port: int, *more: str) -> tuple[int, str]:
    return run("--from", source, "--to", destination, "--port", str(port), *more)


def test_the_tables_hold_address_plan_endpoints_and_the_matrix() -> None:
    code, out = run(*SERVING)
    assert code == 0
    assert "10.42.32.0/19" in out
    assert "remain while the largest zone is lost" in out
    assert "EKS Pod Identity gives pods their roles" in out
    [line] = [line for line in out.splitlines() if line.strip().startswith("engine") and "tcp 8000" in line]
    assert line.split().count("yes") == 1, "the gateway alone"
    assert "One address does not stand for all" not in out
    assert "No serving stack is given" not in out


def test_the_matrix_says_that_pods_count_as_open_without_their_policies() -> None:
    code, out = run()
    assert code == 0
    assert "No serving stack is given, so pods count as open; --serving S brings its NetworkPolicies in" in out
    assert json.loads(run("--json")[1])["pods_filtered"] is False


def test_the_matrix_is_json_for_scripts() -> None:
    code, out = run(*SERVING, "--json")
    found = json.loads(out)
    assert code == 0
    rows = {(row["destination"], row["port"]): row["cells"] for row in found["rows"]}
    assert rows["engine", 8000]["gateway"]["answer"] == "yes"
    assert rows["engine", 8000]["node"]["answer"] == "no"
    assert rows["internet", 443]["node"]["verdict"]["by"][0].startswith("group nodes-group egress")
    assert {endpoint["kind"] for endpoint in found["endpoints"]} == {"Interface", "Gateway"}
    assert found["splits"] == []
    assert found["pods_filtered"] is True


def test_a_refusal_is_explained_and_exits_with_1() -> None:
    code, out = asked("engine", "1.1.1.1", 443)
    assert code == 1
    assert out.startswith(
        "engine-eu-central-1a -> 1.1.1.1 tcp 443: refused; each of these alone suffices\n  group nodes"
    )


def test_an_open_way_is_explained_and_exits_with_0() -> None:
    code, out = asked("gateway", "engine", 8000, *SERVING)
    assert code == 0
    assert "reaches it" in out
    assert "NetworkPolicy workload-traffic-smollm2 ingress: tcp 8000 from gateway-eu-central-1a" in out


def test_a_verdict_is_json_for_scripts() -> None:
    code, out = asked("node", "resolver", 53, "--protocol", "udp", "--name", "example.com", "--json")
    assert code == 1
    assert json.loads(out) == {
        "source": "node-eu-central-1a",
        "destination": "resolver",
        "verdict": {
            "allowed": False,
            "by": ["name-firewall-block-rest (priority 200): BLOCK * of name-firewall-everything"],
        },
    }


def test_the_picture_of_the_readme_shows_what_is_planned_today(tmp_path: Path) -> None:
    drawn = tmp_path / "network.svg"
    assert run(*SERVING, "--svg", str(drawn))[0] == 0
    shown = ROOT / "components" / "network" / "sealed-network.svg"
    assert drawn.read_text(encoding="utf-8") == shown.read_text(encoding="utf-8"), (
        "components/network/README.md says how to draw it anew"
    )


def test_the_picture_is_written(tmp_path: Path) -> None:
    picture = tmp_path / "network.svg"
    assert asked("node", "s3", 443, "--svg", str(picture))[0] == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stack", "edge-rehearsal"), "stack 'edge-rehearsal' is of layer edge; name a platform stack"),
        (("--stack", "nowhere"), "stacks/Pulumi.nowhere.yaml: 1 problem"),
        (("--serving", "edge-rehearsal"), "stack 'edge-rehearsal' is of layer edge; name a serving stack"),
        (("--serving", "serving-dev"), "stack 'serving-dev' runs on platform-dev, not on platform-rehearsal; name"),
        (("--stack", "platform-dev", "--serving", "serving-dev"), "`cloister images lock` pins it"),
        (("--from", "enigne", "--to", "node", "--port", "1"), "'enigne' is no place of this network; there are node,"),
        (("--from", "node", "--to", "node", "--port", "1", "--protocol", "icmp"), "--protocol 'icmp' is not known"),
        (("--from", "s3", "--to", "s3", "--port", "1"), "'s3' and 's3' are the same single place"),
        (("--svg", "/nowhere/network.svg"), "--svg '/nowhere/network.svg': No such file or directory; name a file"),
    ],
)
def test_a_wrong_word_is_one_clear_error(
    arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cloister", *EXPLAIN, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert words in capsys.readouterr().err


def test_a_question_without_its_end_is_wrong_usage() -> None:
    result = RUNNER.invoke(app, [*EXPLAIN, "--from", "node"])
    assert result.exit_code == 2
    assert "--from, --to and --port" in result.output
