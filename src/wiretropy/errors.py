"""The exceptions that wiretropy raises.

Reading never raises for a broken capture: what could be read is returned, and
the fault is in the summary. These are raised where there is nothing to return.
"""

from __future__ import annotations


class WiretropyError(Exception):
    """Base of all exceptions of this package; the message is one line for a person."""


class RefusedError(WiretropyError):
    """Nothing could be read: no such file, not a capture, a filter that does not parse."""


class MissingDependencyError(WiretropyError):
    """A library that this needs is not installed; the message names the package."""
