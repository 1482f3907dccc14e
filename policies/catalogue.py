"""Writes the rule catalogue into the README: `python -m policies.catalogue`, or `--check` to compare only."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from policies.guardrails import POLICIES, RULES
from policies.guardrails.objectives import OBJECTIVES, Objective, objective_of
from policies.guardrails.rules import Rule

PACK = Path(__file__).parent
README = PACK / "README.md"
BEGIN = "<!-- catalogue: written by `python -m policies.catalogue` -->"
END = "<!-- end of catalogue -->"
SHOWN_TYPES = 3
HOLDS = "cloister.eu/rules"
"""Annotation of an admission policy: the rules whose promise it holds too."""


def catalogue() -> str:
    """What each objective promises and which layers hold it, then every rule by theme."""
    parts = ["### Promises by layer", "", *_layers(), ""]
    for theme, (promise, rules) in POLICIES.items():
        parts += [f"### {theme}: {len(rules)} rules", "", promise, "", *_table(rules), ""]
    return "\n".join(parts).rstrip()


def with_catalogue(text: str) -> str:
    """A README with its catalogue replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{catalogue()}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the catalogue, or tell by the exit code whether it is current."""
    text = README.read_text(encoding="utf-8")
    wanted = with_catalogue(text)
    if "--check" in arguments:
        return 0 if text == wanted else 1
    README.write_text(wanted, encoding="utf-8")
    return 0


def admission() -> dict[str, set[str]]:
    """Admission policy -> the objectives that it holds."""
    found = {}
    for path in sorted((PACK / "admission").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            held = [rule.strip() for rule in document["metadata"]["annotations"][HOLDS].split(",") if rule.strip()]
            found[document["metadata"]["name"].removeprefix("cloister-")] = objectives_of(held)
    return found


def organisation() -> dict[str, set[str]]:
    """Statement of the organisation's policies -> the objectives that it holds."""
    table = yaml.safe_load((PACK / "organisation" / "statements.yaml").read_text(encoding="utf-8"))
    return {statement: objectives_of(entry["rules"]) for statement, entry in table.items()}


def objectives_of(ids: Iterable[str]) -> set[str]:
    """The objectives of rules, by their ids.

    Raises:
        KeyError: there is no such rule.
    """
    known = {rule.id: objective_of(rule).name for rule in RULES}
    return {known[name] for name in ids}


def _layers() -> Iterator[str]:
    at_admission, at_organisation = admission(), organisation()
    yield "| objective | promise | pack: rules | admission: policies | organisation: statements | asked for by |"
    yield "|---|---|---|---|---|---|"
    for objective in OBJECTIVES:
        cells = (
            objective.name,
            objective.promise,
            str(len(objective.rules)),
            _holders(at_admission, objective),
            _holders(at_organisation, objective),
            "; ".join(objective.tags),
        )
        yield f"| {' | '.join(cells)} |"


def _holders(held: dict[str, set[str]], objective: Objective) -> str:
    return ", ".join(f"`{name}`" for name, objectives in held.items() if objective.name in objectives) or "-"


def _table(rules: Iterable[Rule]) -> Iterator[str]:
    yield "| rule | severity | types | promise | fix |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        yield f"| [`{rule.id}`]({rule.source}) | {rule.severity} | {_types(rule)} | {rule.promise} | {rule.fix} |"


def _types(rule: Rule) -> str:
    shown = [f"`{_short(token)}`" for token in rule.types[:SHOWN_TYPES]]
    hidden = len(rule.types) - len(shown)
    return ", ".join(shown) + (f" and {hidden} more" if hidden else "")


def _short(token: str) -> str:
    """A token without the class name that repeats its last part."""
    package, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    if package == "kubernetes" and name != "*":
        return f"kubernetes {name}"
    return f"{package}:{module}" if module.lower().endswith(f"/{name.lower()}") else token


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
