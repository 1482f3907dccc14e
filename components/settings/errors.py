"""The one exception that is written for people."""

from collections.abc import Iterable


class SettingsError(Exception):
    """All problems of one settings source at once, each `<path>: <what is wrong>; <what is accepted>`."""

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n".join([f"{source}: {count}", *(f"  {problem}" for problem in self.problems)]))
