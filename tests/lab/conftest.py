"""Makes the lab importable from a checkout: it is a tool of the repository, not part of the installed package."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
