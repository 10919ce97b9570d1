"""The classes of traffic the lab can make: one module each, under `lab/classes/`.

A class module says in its docstring what it makes, and defines

    LABEL : str                        class path, from the general to the special: `ssh/ssh-1`
    record(stage: Stage) -> None       starts the servers, captures the sessions and tells their truth

and, where the usual addresses do not suit it, CLIENT or SERVER. Adding a class is adding a file; nothing lists them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lab import classes
from lab.errors import LabError

CLIENT = "10.0.0.5"  # a desk in a private network (RFC 1918)
SERVER = "203.0.113.9"  # a server of the documentation network TEST-NET-3 (RFC 5737)


@dataclass(frozen=True)
class TrafficClass:
    """One class of traffic: its name (the module's, with hyphens), label, one-line description, addresses and play."""

    name: str
    label: str
    summary: str
    client: str
    server: str
    record: Callable[[Any], None]


def discover() -> dict[str, TrafficClass]:
    """Load every class module, by name. Raises LabError if a module lacks LABEL, record or a docstring."""
    names = sorted(module.name for module in pkgutil.iter_modules(classes.__path__))
    found = (_load(name) for name in names)
    return {one.name: one for one in found}


def choose(names: Iterable[str] | None) -> list[TrafficClass]:
    """The classes called `names`, or all of them. Raises LabError for a name no class has."""
    known = discover()
    wanted = list(known) if names is None else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise LabError(f"no class is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted]


def _load(name: str) -> TrafficClass:
    module = importlib.import_module(f"{classes.__name__}.{name}")
    missing = [word for word in ("__doc__", "LABEL", "record") if not getattr(module, word, None)]
    if missing:
        raise LabError(f"lab/classes/{name}.py lacks {', '.join(missing)}")
    return TrafficClass(
        name=name.replace("_", "-"),
        label=module.LABEL,
        summary=str(module.__doc__).strip().splitlines()[0],
        client=getattr(module, "CLIENT", CLIENT),
        server=getattr(module, "SERVER", SERVER),
        record=module.record,
    )
