"""What an earlier, killed run left behind is told from what belongs to others."""

from __future__ import annotations

import os

import pytest

from lab.network import is_abandoned

NO_PROCESS = 2**22 + 1  # above the largest process id Linux gives


@pytest.mark.parametrize(
    ("space", "abandoned"),
    [
        (f"wtlab-{NO_PROCESS}-client", True),
        (f"wtlab-{os.getpid()}-server", False),
        (f"other-{NO_PROCESS}-client", False),
        ("wtlab-x-client", False),
    ],
    ids=["dead", "alive", "other", "no-number"],
)
def test_only_namespaces_of_dead_lab_runs_are_abandoned(space: str, abandoned: bool) -> None:
    assert is_abandoned(space) is abandoned
