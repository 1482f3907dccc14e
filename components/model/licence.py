"""What licences of models ask, in one word, with the reason."""

import fnmatch
from dataclasses import dataclass
from typing import Final, Literal

Terms = Literal["permissive", "conditions", "non-commercial", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """One licence.

    Attributes:
        names: patterns of the ids that cards give it, in lower case.
        terms: `permissive` asks for a notice at most, `conditions` for more, `non-commercial` forbids business.
        asks: what a person has to know before the model answers anybody.
        source: its text.
    """

    names: tuple[str, ...]
    terms: Terms
    asks: str
    source: str


_SPDX: Final = "https://spdx.org/licenses/"
# The first that matches counts.
KNOWN: Final = (
    Known(
        names=("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0", "cdla-permissive-2.0"),
        terms="permissive",
        asks="keep its notice",
        source=_SPDX,
    ),
    Known(
        names=("mrl", "mrl-*", "mistral-ai-research-licen[cs]e*"),
        terms="non-commercial",
        asks="research only; anything else needs a licence from Mistral AI",
        source="https://mistral.ai/licenses/MRL-0.1.md",
    ),
    Known(
        names=("*-nc-*", "*non-commercial*", "*noncommercial*", "*research*"),
        terms="non-commercial",
        asks="no business; its name says so",
        source=_SPDX,
    ),
    Known(
        names=("agpl-3.0*",),
        terms="conditions",
        asks="who lets others use a changed version over a network offers them its source (section 13)",
        source="https://www.gnu.org/licenses/agpl-3.0.html",
    ),
    Known(
        names=("gpl-3.0*", "gpl-2.0*", "lgpl-*"),
        terms="conditions",
        asks="who passes it on offers its source under the same licence",
        source="https://www.gnu.org/licenses/",
    ),
    Known(
        names=("modified-mit*",),
        terms="conditions",
        asks="above 100 million users or 20 million US dollars a month the model's name is shown in the product",
        source="https://huggingface.co/moonshotai/Kimi-K2-Instruct/blob/main/LICENSE",
    ),
    Known(
        names=("qwen", "qwen-license*", "tongyi-qianwen*"),
        terms="conditions",
        asks="above 100 million users a month business needs a licence from Alibaba Cloud",
        source="https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE",
    ),
    Known(
        names=("nvidia-open-model-licen[cs]e*", "nvidia-nemotron-open-model-licen[cs]e*"),
        terms="conditions",
        asks="business is allowed; keep its notice and guardrails, and who sues over the model loses the licence",
        source="https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/",
    ),
    Known(
        names=("llama3.2*", "llama4*"),
        terms="conditions",
        asks="as Llama's others, and models that see images are not licensed to anybody domiciled in the EU",
        source="https://www.llama.com/llama4/use-policy/",
    ),
    Known(
        names=("llama*",),
        terms="conditions",
        asks="acceptable-use policy, its name shown, and above 700 million users a month a licence from Meta",
        source="https://www.llama.com/llama3_1/license/",
    ),
    Known(
        names=("gemma*",),
        terms="conditions",
        asks="prohibited-use policy, passed on with the model",
        source="https://ai.google.dev/gemma/terms",
    ),
    Known(
        names=("openrail*", "*-openrail*", "bigscience-*"),
        terms="conditions",
        asks="restrictions of use, passed on with the model",
        source="https://www.licenses.ai/",
    ),
    Known(
        names=("health-ai-*",),
        terms="conditions",
        asks="prohibited-use policy and rules for clinical use",
        source="https://developers.google.com/health-ai-developer-foundations/terms",
    ),
    Known(
        names=("cc-by-sa-*",),
        terms="conditions",
        asks="who passes on a changed version does so under the same licence",
        source=_SPDX,
    ),
)
UNKNOWN: Final = Known(
    names=(), terms="unknown", asks="nobody here has read it; read it, and write its class", source=""
)


def licence_of(name: str) -> Known:
    """What is known of a licence; `UNKNOWN` makes a person look.

    Args:
        name: SPDX id, or what the publisher calls it.
    """
    return next(
        (known for known in KNOWN if any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in known.names)),
        UNKNOWN,
    )


def terms_of(name: str) -> Terms:
    """What a licence asks, in one word."""
    return licence_of(name).terms
