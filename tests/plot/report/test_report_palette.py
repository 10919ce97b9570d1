"""Colours of the report can be told from what they stand on, by day and by night."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from wiretropy.plot.report.palette import DAY, NIGHT, style


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colors", [DAY, NIGHT], ids=["day", "night"])
def test_text_reaches_four_and_a_half_to_one(colors: Mapping[str, str]) -> None:
    for ground in ("page", "card", "field"):
        for ink in ("text", "soft", "link", "orig", "resp"):
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    for severity in ("low", "medium", "high", "critical"):
        assert contrast(colors["badge"], colors[severity]) >= 4.5, severity
    for kind in (name for name in colors if name.startswith("kind-")):
        assert contrast(colors["label"], colors[kind]) >= 4.5, kind


@pytest.mark.parametrize("colors", [DAY, NIGHT], ids=["day", "night"])
def test_lines_and_edges_of_fields_reach_three_to_one(colors: Mapping[str, str]) -> None:
    for ink in ("edge", "mean", "threshold", "focus", "orig", "resp"):
        for ground in ("page", "card"):
            assert contrast(colors[ink], colors[ground]) >= 3, (ink, ground)


def test_both_times_of_day_have_the_same_colors_by_name() -> None:
    assert DAY.keys() == NIGHT.keys()
    assert style().count("--page:") == 3
