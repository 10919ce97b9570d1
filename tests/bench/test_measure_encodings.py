"""How likely an encoding is that was found: the figures behind the probabilities of encoded payloads."""

from __future__ import annotations

import pytest

from bench.verdict.measure_encodings import precision


def test_an_encoding_that_is_found_nowhere_else_lacks_one_alarm_of_certainty() -> None:
    measured = {("encoded", "hex"): ["hex"] * 10, ("text", "prose"): [""] * 60, ("binary", "font"): [""] * 40}
    assert precision(measured) == {"hex": pytest.approx(1 / (1 + 1 / 100))}


def test_classes_and_kinds_count_alike_whatever_their_numbers() -> None:
    measured = {
        ("encoded", "base64"): ["base64"] * 9 + [""],
        ("encoded", "hex"): ["hex"] * 1_000,
        ("text", "prose"): ["base64"] + [""] * 9,
        ("text", "log"): [""] * 500,
        ("binary", "font"): ["base64"] * 5 + [""] * 485,
    }
    right, in_text, in_binary = 0.9 / 2, 0.1 / 2, 5 / 490
    assert precision(measured)["base64"] == pytest.approx(right / (right + in_text + in_binary + 1 / 1_000))


def test_yenc_is_not_meant() -> None:
    clear = {("text", "prose"): [""] * 99, ("binary", "font"): [""] * 9}
    measured = {("encoded", "hex"): ["hex"], ("encoded", "yenc+text"): [""] * 9, **clear}
    assert precision(measured) == precision({**measured, ("encoded", "yenc+text"): ["hex"]})
