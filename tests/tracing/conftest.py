"""What the tests of tracing share."""

from __future__ import annotations

import pytest

from tests.tracing.kept import Kept


@pytest.fixture
def sink() -> Kept:
    return Kept()
