"""Counts of payloads: known answers, and that payloads do not see each other."""

from __future__ import annotations

import random

import numpy as np
import pytest

from wiretropy.verdict import payload_statistics as module
from wiretropy.verdict.payload_statistics import STATISTICS, payload_statistics


def _named(payload: bytes) -> dict[str, float]:
    return dict(zip(STATISTICS, payload_statistics([payload])[0].tolist(), strict=True))


def test_text_is_printable_letters_and_spaces():
    found = _named(b"to be or not to be")
    assert found["share_printable"] == found["string_share"] == 1
    assert found["share_letters"] == pytest.approx(13 / 18)
    assert found["share_spaces"] == pytest.approx(5 / 18)
    assert found["share_high"] == found["utf8_proper"] == 0


@pytest.mark.parametrize(
    ("payload", "share"),
    [
        ("пример".encode(), 1),
        ("日本語😀".encode(), 1),
        (b"\xe9t\xe9 \xe0", 0),
        ("é".encode() + b"\xff", 2 / 3),
        (b"\xc3", 0),
    ],
    ids=["Cyrillic", "three and four bytes", "Latin-1", "one wrong", "cut"],
)
def test_high_bytes_are_proper_in_whole_utf8_sequences(payload, share):
    assert _named(payload)["utf8_proper"] == pytest.approx(share)


def test_sequences_and_runs_end_with_their_payload():
    whole = payload_statistics([b"\xc3", b"\xa9", b"abc", b"def"])
    at = [STATISTICS.index(name) for name in ("utf8_proper", "string_share", "equal_to_last")]
    assert not whole[:, at].any()


def test_a_row_does_not_depend_on_the_other_payloads():
    draw = random.Random(1)
    payloads = [draw.randbytes(draw.randrange(0, 400)) for _ in range(60)]
    together = payload_statistics(payloads)
    alone = np.concatenate([payload_statistics([payload]) for payload in payloads])
    np.testing.assert_array_equal(together, alone)


def test_pieces_change_nothing(monkeypatch):
    draw = random.Random(2)
    payloads = [draw.randbytes(300) for _ in range(20)]
    whole = payload_statistics(payloads)
    monkeypatch.setattr(module, "PIECE_BYTES", 500)
    np.testing.assert_array_equal(payload_statistics(payloads), whole)


def test_steps_of_random_bytes_are_one():
    found = _named(random.Random(3).randbytes(60_000))
    assert [found[f"step_{lag}"] for lag in module.LAGS] == pytest.approx([1] * 4, abs=0.02)
    assert abs(found["entropy_z"]) < 4


def test_a_ramp_takes_small_steps():
    found = _named(bytes(range(128)))
    assert found["step_1"] == pytest.approx(1 / module.RANDOM_STEP)
    assert found["step_4"] == pytest.approx(4 / module.RANDOM_STEP)


def test_zeros_of_wide_characters_stand_at_every_second_place():
    found = _named("ab".encode("utf-16-le") * 10)
    assert (found["zero_at_odd"], found["zero_at_even"]) == (1, 0)


@pytest.mark.parametrize("payload", [b"", b"a", b"ab"])
def test_few_bytes_give_finite_numbers(payload):
    assert np.isfinite(payload_statistics([payload])).all()


def test_no_payloads_give_no_rows():
    assert payload_statistics([]).shape == (0, len(STATISTICS))


def test_only_the_first_64_kib_count():
    head = random.Random(4).randbytes(module.LONGEST)
    np.testing.assert_array_equal(payload_statistics([head + b"a" * 1000]), payload_statistics([head]))
