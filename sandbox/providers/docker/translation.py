"""Translates what a container is told, from the container's view of the world into the host's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.places import rehearsal_folder

_NAME = r"A-Za-z0-9_.-"


@dataclass(frozen=True, kw_only=True)
class View:
    """What differs between inside and outside of one container.

    Args:
        address: the container's own; inside it is every address and the loopback.
        hosts: name -> address of the containers that share a network with it.
        paths: absolute path inside -> path on the host, for mounts, uploads and temporary folders.
    """

    address: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)

    def translate(self, text: str) -> str:
        """The text with every address, name and path of the container's replaced by the host's."""
        words = {"0.0.0.0": self.address, "127.0.0.1": self.address, **self.hosts}
        return re.sub(self._pattern(words), lambda found: {**words, **self.paths}[found[0]], text)

    def translate_check(self, text: str) -> str:
        """As `translate`, for a health check, where `localhost` is the container as well."""
        return self.translate(re.sub(r"\blocalhost\b", "127.0.0.1", text))

    def _pattern(self, words: Mapping[str, str]) -> str:
        longest_first = sorted(self.paths, key=len, reverse=True)
        # One pass over the text, so that what was put in is not translated again. A name or path counts only when it
        # stands for itself: neither /models in /var/models, nor engine.internal in my-engine.internal.
        names = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
        paths = "|".join(map(re.escape, longest_first)) or r"(?!)"
        return rf"(?<![{_NAME}])(?:{names})(?![{_NAME}])|(?<![{_NAME}/])(?:{paths})(?![{_NAME}])"


def loopback_address(name: str) -> str:
    """The container's own address in 127.77.0.0/16, always the same for a name in one rehearsal.

    Two rehearsals on one machine would otherwise share addresses, and Envoy its port with the other's.
    """
    digest = hashlib.sha256(f"{rehearsal_folder()} {name}".encode()).digest()
    return f"127.77.{1 + digest[0] % 254}.{1 + digest[1] % 254}"
