"""Words that commands and alerts use."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "flow"), counted(1_200, "flow")
    ('1 flow', '1,200 flows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
