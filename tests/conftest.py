"""What holds for every test."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors; pulumi-aws warns about its own retired names as soon as a module of it is imported."""
    config.addinivalue_line("filterwarnings", r"ignore:.*has been deprecated:DeprecationWarning:pulumi_aws\.")
