"""What a command says when it cannot do what it was asked."""


class CommandError(Exception):
    """One line for people: the place, the value and the way out. The command exits with 1."""
