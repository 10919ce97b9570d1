"""Colours of the report, by day and by night, as one style sheet's variables.

Nothing goes in. Text reaches a contrast of 4.5 to 1 on every background that it stands on, lines and shapes one of
3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11). The colours of curves are those of Okabe and Ito, as in the other pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

DAY: Mapping[str, str] = {
    "page": "#ffffff",
    "card": "#f6f7f9",
    "field": "#ffffff",
    "text": "#1b1f24",
    "soft": "#555d68",
    "line": "#c9ced6",
    "edge": "#7a828d",
    "link": "#0b5cad",
    "focus": "#0b5cad",
    "orig": "#0072b2",
    "resp": "#b94a00",
    "band": "#c4c8ce",
    "mean": "#6f7680",
    "threshold": "#3d444d",
    "critical": "#8d1220",
    "high": "#b42318",
    "medium": "#8a5300",
    "low": "#46535f",
    "badge": "#ffffff",
    "kind-text": "#dcebd3",
    "kind-binary": "#e6e6ea",
    "kind-encoded": "#fbe9b7",
    "kind-key-material": "#d9cdf0",
    "kind-encrypted": "#a8cdea",
    "kind-compressed": "#f6cfae",
    "kind-opaque": "#cfd6de",
    "mark": "#5f6670",
    "label": "#1b1f24",
}
"""On white, and in print."""

NIGHT: Mapping[str, str] = {
    "page": "#14171b",
    "card": "#1d2127",
    "field": "#101317",
    "text": "#e6e9ed",
    "soft": "#a4adb8",
    "line": "#3a414b",
    "edge": "#79828d",
    "link": "#7ab8f5",
    "focus": "#7ab8f5",
    "orig": "#56b4e9",
    "resp": "#ff9d5c",
    "band": "#3f4650",
    "mean": "#8d96a1",
    "threshold": "#c3cad3",
    "critical": "#ff8f9a",
    "high": "#ff9c8f",
    "medium": "#f0b95a",
    "low": "#aab6c2",
    "badge": "#14171b",
    "kind-text": "#2f4a26",
    "kind-binary": "#3a3b42",
    "kind-encoded": "#5a4a12",
    "kind-key-material": "#4a3b6b",
    "kind-encrypted": "#1f4a69",
    "kind-compressed": "#6a3f1b",
    "kind-opaque": "#3d4650",
    "mark": "#9aa3ae",
    "label": "#f2f4f6",
}
"""On nearly black."""


def style() -> str:
    """CSS: the day's colours, and the night's where the reader's system or the page's switch asks for them.

    Only screens have nights, so that a dark page prints black on white.
    """
    day, night = (";".join(f"--{name}:{color}" for name, color in each.items()) for each in (DAY, NIGHT))
    night += ";color-scheme:dark"
    return (
        f":root{{{day};color-scheme:light}}\n"
        f'@media screen{{:root[data-theme="dark"]{{{night}}}}}\n'
        f'@media screen and (prefers-color-scheme:dark){{:root:not([data-theme="light"]){{{night}}}}}\n'
    )
