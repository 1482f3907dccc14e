"""What the rules are for: objectives, why they matter, and where laws and standards ask for them.

A rule belongs to the objective whose modules it is written in, so a new rule needs no line here.
"""

from dataclasses import dataclass
from typing import Final

from . import access, egress, estate, residency, supply_chain
from .rules import Finding, Rule

# Where the numbers in `asked_by` come from. C5 speaks to providers of cloud services, DORA to financial entities, NIS2
# to essential and important ones: a tag says where a text asks for the objective, not that the text binds the reader.
FRAMEWORKS: Final = {
    "GDPR": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
    "AI Act": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
    "NIS2": "https://eur-lex.europa.eu/eli/dir/2022/2555/oj",
    "DORA": "https://eur-lex.europa.eu/eli/reg/2022/2554/oj",
    "C5:2020": "https://www.bsi.bund.de/EN/Themen/Unternehmen-und-Organisationen/Informationen-und-Empfehlungen/"
    "Empfehlungen-nach-Angriffszielen/Cloud-Computing/Kriterienkatalog-C5/kriterienkatalog-c5_node.html",
    "ISO 27001:2022": "https://www.iso.org/standard/27001",
}


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Rules with one purpose.

    Args:
        name: one or two words, kebab-case.
        promise: what holds when every rule of it is obeyed.
        why: what happens otherwise, for the reader of a finding.
        asked_by: framework -> its articles, criteria or controls that ask for it.
    """

    name: str
    promise: str
    why: str
    asked_by: dict[str, str]
    rules: tuple[Rule, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """Framework and place, such as `GDPR Art. 44`."""
        return tuple(f"{framework} {place}" for framework, place in self.asked_by.items())


OBJECTIVES: Final[tuple[Objective, ...]] = (
    Objective(
        name="location",
        promise="Everything is made and called in EU regions and accounts that the estate lists.",
        why="In another region or account the data is under another law, or in other hands.",
        asked_by={
            "GDPR": "Art. 44",
            "DORA": "Art. 30(2)(b)",
            "C5:2020": "PSS-12",
            "ISO 27001:2022": "A.5.23",
        },
        rules=(*residency.providers.RULES, *residency.aws.RULES),
    ),
    Objective(
        name="copies",
        promise="No copy of data, logs, weights or keys is made outside the allowed regions and own accounts.",
        why="A copy leaves without a packet crossing the VPC's border.",
        asked_by={
            "GDPR": "Art. 44, 5(1)(f)",
            "C5:2020": "PSS-12",
            "ISO 27001:2022": "A.8.12",
        },
        rules=(*residency.data.RULES, *residency.kubernetes.RULES),
    ),
    Objective(
        name="no-internet",
        promise="A VPC has no address, gateway or route that leads to or from the internet.",
        why="One public address or default route opens every machine behind it.",
        asked_by={
            "GDPR": "Art. 32(1)(b)",
            "DORA": "Art. 9(4)(b)",
            "C5:2020": "COS-02",
            "ISO 27001:2022": "A.8.20",
        },
        rules=(*egress.vpc.RULES, *egress.ipv6.RULES, *egress.routes.RULES, *egress.fields.RULES),
    ),
    Objective(
        name="known-networks",
        promise="Only declared peers and sites are connected, by routes and ciphers that are declared as well.",
        why="Whoever is connected is inside: packets from there pass for own ones.",
        asked_by={
            "GDPR": "Art. 32(1)(b)",
            "DORA": "Art. 9(4)(b)",
            "C5:2020": "COS-02, COS-04",
            "ISO 27001:2022": "A.8.22",
        },
        rules=(*egress.peering.RULES, *egress.vpn.RULES),
    ),
    Objective(
        name="packet-filters",
        promise="Security groups and network ACLs let traffic flow inside the estate only, in every subnet.",
        why="They are the second lock when a route or a gateway appears.",
        asked_by={
            "DORA": "Art. 9(4)(b)",
            "C5:2020": "COS-01",
            "ISO 27001:2022": "A.8.20, A.8.22",
        },
        rules=(*egress.security_groups.RULES, *estate.security_groups.RULES, *estate.network.RULES),
    ),
    Objective(
        name="names",
        promise="Only own and AWS's regional names are answered, and they lead to private addresses.",
        why="Name queries leave a VPC that has no other way out, with data in them.",
        asked_by={
            "GDPR": "Art. 32(1)(b)",
            "C5:2020": "COS-01, COS-03",
            "ISO 27001:2022": "A.8.12, A.8.23",
        },
        rules=(*egress.dns.RULES, *estate.names.RULES, *estate.watch.RULES),
    ),
    Objective(
        name="private-endpoints",
        promise="AWS is reached by private endpoints that serve own callers and reach own data only.",
        why="Through an open endpoint stolen credentials write data to somebody else's account.",
        asked_by={
            "GDPR": "Art. 32(1)(b)",
            "C5:2020": "COS-04",
            "ISO 27001:2022": "A.8.12, A.8.21",
        },
        rules=(*egress.endpoints.RULES, *access.endpoints.RULES),
    ),
    Objective(
        name="private-front",
        promise="Clients come in through an internal load balancer, by TLS with an own certificate, and are logged.",
        why="A public or plain front gives prompts and tokens to whoever listens.",
        asked_by={
            "GDPR": "Art. 32(1)(a)",
            "NIS2": "Art. 21(2)(h)",
            "C5:2020": "CRY-02, COS-02",
            "ISO 27001:2022": "A.8.21, A.8.24",
        },
        rules=(*egress.load_balancers.RULES, *egress.services.RULES, *access.front.RULES, *estate.front.RULES),
    ),
    Objective(
        name="private-cluster",
        promise="The API server is private, its callers are declared and its nodes give nothing away.",
        why="Who reaches the API server or a node's role owns every pod, prompt and weight.",
        asked_by={
            "NIS2": "Art. 21(2)(i)",
            "DORA": "Art. 9(4)(c)",
            "C5:2020": "IDM-06, COS-05",
            "ISO 27001:2022": "A.8.2, A.8.9",
        },
        rules=(*egress.cluster.RULES, *access.cluster.RULES),
    ),
    Objective(
        name="pod-networks",
        promise="Pods reach and are reached by what a policy names, and every namespace denies the rest.",
        why="In Kubernetes every pod may call every other, and the world, until a policy says otherwise.",
        asked_by={
            "GDPR": "Art. 32(1)(b)",
            "DORA": "Art. 9(4)(b)",
            "C5:2020": "COS-06",
            "ISO 27001:2022": "A.8.22",
        },
        rules=(*egress.network_policies.RULES, *egress.pods.RULES, *estate.kubernetes.RULES),
    ),
    Objective(
        name="token-auth",
        promise="Every request shows a client's token to the gateway, which passes exact routes to the engines.",
        why="Engines ask nobody who they are, and serve far more than their API.",
        asked_by={
            "GDPR": "Art. 32(1)(b)",
            "DORA": "Art. 9(4)(d)",
            "C5:2020": "IDM-09, PSS-05",
            "ISO 27001:2022": "A.8.5",
        },
        rules=(*access.gateway.RULES, *access.haproxy.RULES),
    ),
    Objective(
        name="narrow-grants",
        promise="Every grant names its callers, actions and resources; nobody may take the guards away.",
        why="A wide grant is a way out that no firewall sees.",
        asked_by={
            "GDPR": "Art. 25(2), 32(1)(b)",
            "NIS2": "Art. 21(2)(i)",
            "DORA": "Art. 9(4)(c)",
            "C5:2020": "IDM-01, IDM-06",
            "ISO 27001:2022": "A.5.15, A.8.2, A.8.3",
        },
        rules=(
            *access.providers.RULES,
            *access.identity.RULES,
            *access.resource_policies.RULES,
            *access.organisation.RULES,
        ),
    ),
    Objective(
        name="encrypted-stores",
        promise="Every store is closed to the public and encrypted under an own key.",
        why="A bucket that is open or encrypted by somebody else's key gives everything in it away at once.",
        asked_by={
            "GDPR": "Art. 32(1)(a)",
            "NIS2": "Art. 21(2)(h)",
            "C5:2020": "CRY-03",
            "ISO 27001:2022": "A.8.24",
        },
        rules=(*access.storage.RULES, *estate.storage.RULES),
    ),
    Objective(
        name="keys",
        promise="Keys rotate, can be recovered, and are never in a program or its state.",
        why="A lost key loses the data; a key in the state is read by everybody who may deploy.",
        asked_by={
            "GDPR": "Art. 32(1)(a)",
            "NIS2": "Art. 21(2)(h)",
            "DORA": "Art. 9(4)(d)",
            "C5:2020": "CRY-04",
            "ISO 27001:2022": "A.5.17, A.8.24",
        },
        rules=(*access.keys.RULES, *access.vpn.RULES),
    ),
    Objective(
        name="evidence",
        promise="Who did what is written down completely, kept, and cannot be rewritten.",
        why="Without a trail nobody can show that nothing left, or find out what did.",
        asked_by={
            "GDPR": "Art. 5(2)",
            "AI Act": "Art. 12, 26(6)",
            "NIS2": "Art. 21(2)(b)",
            "DORA": "Art. 10(1)",
            "C5:2020": "OPS-10, OPS-14",
            "ISO 27001:2022": "A.8.15, A.8.16",
        },
        rules=access.audit.RULES,
    ),
    Objective(
        name="confined-workloads",
        promise="Pods run without privilege, without secrets in plain places and without back doors.",
        why="Engines parse what strangers send; whoever breaks one must find nothing else.",
        asked_by={
            "NIS2": "Art. 21(2)(g)",
            "DORA": "Art. 9(4)(c)",
            "C5:2020": "OPS-23, IDM-08",
            "ISO 27001:2022": "A.5.17, A.8.9",
        },
        rules=(*access.kubernetes.RULES, *access.pods.RULES),
    ),
    Objective(
        name="confined-host",
        promise="On an edge host only the gateway is published, on private addresses, and no container holds the host.",
        why="Docker publishes to every address and opens its firewall by itself.",
        asked_by={
            "NIS2": "Art. 21(2)(g)",
            "C5:2020": "OPS-23",
            "ISO 27001:2022": "A.8.9, A.8.20",
        },
        rules=(*egress.containers.RULES, *access.containers.RULES, *estate.edge.RULES),
    ),
    Objective(
        name="known-resources",
        promise="Only types that the pack can judge are declared, and what they refer to is managed here.",
        why="What no rule can read is a change that nobody reviewed.",
        asked_by={
            "DORA": "Art. 9(4)(e)",
            "C5:2020": "DEV-03",
            "ISO 27001:2022": "A.8.9, A.8.32",
        },
        rules=(*supply_chain.types.RULES, *estate.references.RULES),
    ),
    Objective(
        name="known-images",
        promise="Containers, nodes and add-ons run software by digest or version from own or AWS's registries.",
        why="A tag or a foreign registry lets somebody else change what runs beside the data.",
        asked_by={
            "NIS2": "Art. 21(2)(d)",
            "C5:2020": "PSS-11",
            "ISO 27001:2022": "A.5.21, A.8.19",
        },
        rules=(*supply_chain.images.RULES, *supply_chain.cluster.RULES),
    ),
    Objective(
        name="known-models",
        promise="Engines are recent and load pinned weights in a safe format, offline, without code from a repository.",
        why="A pickle or a repository's code runs with everything that the engine may reach.",
        asked_by={
            "AI Act": "Art. 15(5)",
            "NIS2": "Art. 21(2)(d), (e)",
            "ISO 27001:2022": "A.5.21, A.8.8",
        },
        rules=(*supply_chain.engines.RULES, *supply_chain.volumes.RULES),
    ),
    Objective(
        name="managed-endpoints",
        promise="Hugging Face runs a model only where the estate allows it: pinned, private, in the EU.",
        why="A managed endpoint is on the internet unless PrivateLink is asked for.",
        asked_by={
            "GDPR": "Art. 28, 44",
            "NIS2": "Art. 21(2)(d)",
            "DORA": "Art. 30(2)(b)",
            "ISO 27001:2022": "A.5.23",
        },
        rules=(*residency.managed.RULES, *access.managed.RULES, *supply_chain.managed.RULES),
    ),
)
_OBJECTIVE_OF: Final = {rule.id: objective for objective in OBJECTIVES for rule in objective.rules}


def objective_of(rule: Rule) -> Objective:
    """What a rule is for."""
    return _OBJECTIVE_OF[rule.id]


def message(finding: Finding) -> str:
    """What a reviewer reads: rule, place and value, the way out, why it matters, and who asks for it."""
    rule = finding.rule
    objective = objective_of(rule)
    return "\n".join(
        (
            str(finding),
            f"  why: {rule.promise} {objective.why}",
            f"  {rule.severity}; {', '.join(objective.tags)}; {rule.source}",
        )
    )
