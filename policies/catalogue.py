"""Writes the rule catalogue into the README: `python -m policies.catalogue`, or `--check` to compare only."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from policies.guardrails import POLICIES
from policies.guardrails.rules import Rule

README = Path(__file__).parent / "README.md"
BEGIN = "<!-- catalogue: written by `python -m policies.catalogue` -->"
END = "<!-- end of catalogue -->"
SHOWN_TYPES = 3


def catalogue() -> str:
    """Every rule by theme: id, severity, types, promise and fix."""
    parts = []
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
