"""wiretropy: entropy trajectories of network conversations.

Three lines in a notebook::

    import wiretropy
    flows = wiretropy.read_flows("office.pcap")
    flows.to_polars()

Everything here loads on first use, so that importing the package costs little.
`wiretropy.carve`, `wiretropy.entropy` and `wiretropy.plot` are modules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wiretropy.errors import MissingDependencyError as MissingDependencyError
    from wiretropy.errors import RefusedError as RefusedError
    from wiretropy.errors import WiretropyError as WiretropyError
    from wiretropy.flows import Flows as Flows
    from wiretropy.flows import iter_flows as iter_flows
    from wiretropy.flows import read_flows as read_flows
    from wiretropy.flows import trace_flows as trace_flows
    from wiretropy.verdict import Verdict as Verdict
    from wiretropy.verdict import judge as judge
    from wiretropy.verdict import judge_payloads as judge_payloads

_HOMES = {
    "Flows": "wiretropy.flows",
    "Verdict": "wiretropy.verdict",
    "iter_flows": "wiretropy.flows",
    "judge": "wiretropy.verdict",
    "judge_payloads": "wiretropy.verdict",
    "read_flows": "wiretropy.flows",
    "trace_flows": "wiretropy.flows",
    "MissingDependencyError": "wiretropy.errors",
    "RefusedError": "wiretropy.errors",
    "WiretropyError": "wiretropy.errors",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("wiretropy")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'wiretropy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
