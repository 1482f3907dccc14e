"""What a model card says: languages, use, limits, training data, evaluation, and what is told for the EU AI Act."""

import re
from collections.abc import Mapping
from typing import Any, Final

from components.model.lock import Card

LONGEST: Final = 400
"""Characters that are kept of a section: a lock file names the card, it does not replace it."""
# Headings of cards as publishers word them, in the order of preference.
INTENDED: Final = (r"intended use", r"(direct )?use cases?", r"uses?")
LIMITS: Final = (r"limitations?", r"out-of-scope use", r"(bias|risks)")
DATA: Final = (r"training data", r"data overview", r"training datasets?")
ACT: Final = re.compile(
    r"[^\n]*(?:EU AI Act|general-purpose AI|GPAI|public summary of (?:the )?training content)[^\n]*", re.IGNORECASE
)
"""Regulation (EU) 2024/1689, Article 53(1): providers publish a summary of the training content."""


def card_of(header: Mapping[str, Any], text: str) -> Card:
    """The facts of a card.

    Args:
        header: its YAML header, as the Hub reads it.
        text: its Markdown; empty where it has none.
    """
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    return Card(
        languages=tuple(many(header.get("language"))),
        intended_use=_section(body, INTENDED),
        limitations=_section(body, LIMITS),
        training_data=", ".join(many(header.get("datasets"))) or _section(body, DATA),
        evaluation=_evaluation(header),
        ai_act=_plain(found.group(0)) if (found := ACT.search(body)) else "",
    )


def many(value: Any) -> list[str]:
    """A list of texts, whether the header has one or several."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []


def _section(body: str, headings: tuple[str, ...]) -> str:
    """The first paragraph under the first heading that is worded so."""
    for heading in headings:
        found = re.search(
            rf"^#+[ *]*{heading}\b[^\n]*\n+(.+?)(?=\n#|\Z)", body, re.MULTILINE | re.IGNORECASE | re.DOTALL
        )
        if found and (text := _plain(found[1].split("\n\n")[0])):
            return text
    return ""


def _evaluation(header: Mapping[str, Any]) -> str:
    """Published results as `dataset: metric value`, from the header's `model-index`."""
    index = header.get("model-index") or []
    told = [
        f"{result.get('dataset', {}).get('name', '?')}: {metric.get('type', '?')} {metric.get('value')}"
        for model in index
        if isinstance(model, Mapping)
        for result in model.get("results", [])
        for metric in result.get("metrics", [])
    ]
    return _plain("; ".join(told))


def _plain(text: str) -> str:
    """Without links, emphasis and line breaks, cut at a word."""
    text = re.sub(r"!?\[([^\]]*)\]\(([^)]*)\)", r"\1", text)
    text = " ".join(re.sub(r"[*_`|]+|<[^>]+>", " ", text).split())
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"
