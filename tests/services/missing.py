"""What a test does when its service is not there."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test on a developer's machine; fail it in CI, where nobody reads the skips."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} (CI runs nothing without it)")
    pytest.skip(f"{what}; `make test` brings it")
