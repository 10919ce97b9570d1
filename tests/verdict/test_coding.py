"""How opaque bytes are coded: the numbers of the core against plain ones, and the models that read them."""

from __future__ import annotations

import bz2
import copy
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cleartext import JSON, PROSE, REQUESTS, random

from bench.coding import statistics
from wiretropy.verdict import coding
from wiretropy.verdict.coding import SHORTEST, CodingModel, Network, PayloadModel, coding_names, coding_statistics

Stored = dict[str, Any]
LONGEST = 65_536
UNEVEN = ("byte_chi2", "zero_pair", "msb_chi_8", "lsb_chi_8")


SCORES = np.array(
    [
        [int(number) for number in row]
        for row in re.findall(
            r"\[(-?\d+), (-?\d+), (-?\d+)\]",
            (Path(__file__).parents[2] / "crates/core/src/meter/segment_scores.rs").read_text(encoding="utf-8"),
        )
    ]
)
"""What each byte value says for three kinds of cleartext, in sixteenths of a bit."""


def without_cleartext(payload: bytes) -> bytes:
    """Without windows of 16 bytes, at every fourth, that some kind of cleartext explains better by over 2 bits."""
    is_left_out = np.zeros(len(payload), bool)
    scores = SCORES[np.frombuffer(payload, np.uint8)]
    for end in range(4, len(payload) + 1, 4):
        window = slice(max(0, end - 16), end)
        is_left_out[window] |= (scores[window].sum(axis=0) > 2 * 16).any()
    return np.frombuffer(payload, np.uint8)[~is_left_out].tobytes()


def without_framing(payload: bytes) -> bytes:
    """Without strings of three bytes that stood before and two bytes behind each, and without runs of zeros and one."""
    last_of_slot: dict[int, bytes] = {}
    rest, at = bytearray(), 0
    while at + 3 <= len(payload):
        if payload[at : at + 2] == b"\0\0":
            at += len(payload) - at - len(payload[at:].lstrip(b"\0")) + 1
            continue
        string = payload[at : at + 3]
        slot = int.from_bytes(string, "big") * 2_654_435_761 % 2**32 >> 18
        if last_of_slot.get(slot) == string:
            at += 5
        else:
            last_of_slot[slot] = string
            rest.append(payload[at])
            at += 1
    return bytes(rest) + payload[at:]


def plain(payload: bytes) -> dict[str, float]:
    """All numbers of a payload as the reference measures them, framing taken out where bytes are uneven."""
    payload = payload[:LONGEST]
    numbers = statistics.measure(payload)
    if max(np.float32(numbers[name]) for name in UNEVEN) > 4:
        rest = without_framing(payload)
        if max(SHORTEST, len(payload) // 2) <= len(rest) < len(payload):
            return statistics.measure(rest)
    return numbers


def records(count: int, length: int) -> bytes:
    """Ciphertext in messages, each behind five bytes that tell kind, version and length."""
    return b"".join(b"\x17\x03\x03" + length.to_bytes(2, "big") + random(length, seed) for seed in range(count))


WORDS = b" ".join(random(3, seed).hex().encode() + PROSE[seed : seed + 30] for seed in range(400))

PAYLOADS: dict[str, bytes] = {
    **{f"{length} random bytes": random(length, 1) for length in (64, 65, 127, 128, 1_000, 4_096, 20_000, 20_001)},
    "as many random bytes as are measured": random(LONGEST, 2),
    "more": random(LONGEST + 5_000, 3),
    "deflate": zlib.compress(WORDS, 9)[:8_192],
    "bzip2": bz2.compress(WORDS)[:8_192],
    "short records": records(60, 40),
    "records": records(12, 600),
    "few records": records(2, 100),
    "ciphertext behind requests": REQUESTS[:300] + random(2_000, 7) + REQUESTS[:100] + random(1_001, 8),
    "hardly more ciphertext than requests": REQUESTS[:300] + random(310, 9),
    "too little ciphertext behind text": PROSE[:40] + random(60, 11),
    "text": PROSE * 3,
    "JSON": JSON,
    "requests": REQUESTS,
    "zeros": bytes(700),
    "all bytes": bytes(range(256)) * 3,
    "all ones": b"\xff" * 100,
    "FF and what may follow": b"".join(b"\xff" + bytes([n]) + random(9, n) for n in range(256)),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_numbers_are_those_of_the_reference_to_the_last_bit(name: str) -> None:
    measured = dict(zip(coding_names(), coding_statistics([PAYLOADS[name]])[0], strict=True))
    expected = plain(PAYLOADS[name])
    assert set(measured) <= set(expected)
    assert measured == {name: np.float32(expected[name]) for name in measured}


@pytest.mark.parametrize("name", PAYLOADS)
def test_narrow_numbers_are_the_first_of_the_wide_ones_and_unusual_ones_the_same_without_cleartext(name: str) -> None:
    names = coding_names("narrow")
    measured = coding_statistics([PAYLOADS[name]], "narrow")[0].tolist()
    first, second = coding_names("wide")[: len(names) // 2], [f"cleared_{name}" for name in names[: len(names) // 2]]
    assert names == first + second
    payload = PAYLOADS[name][:LONGEST]
    [whole] = coding_statistics([payload])[:, : len(first)].tolist()
    rest = without_cleartext(payload) if max(whole) > 3.5 else payload
    if len(rest) < max(SHORTEST, len(payload) // 2):
        rest = payload
    [cleared] = coding_statistics([rest])[:, : len(first)].tolist()
    assert measured == whole + cleared


def test_framing_is_taken_out_of_records_only() -> None:
    """The payloads above meet both cases, and both ways in which framing is left in."""
    assert plain(PAYLOADS["short records"]) == statistics.measure(without_framing(PAYLOADS["short records"]))
    assert plain(PAYLOADS["short records"]) != statistics.measure(PAYLOADS["short records"])
    assert len(without_framing(PAYLOADS["zeros"])) < len(PAYLOADS["zeros"]) // 2
    assert without_framing(PAYLOADS["64 random bytes"]) == PAYLOADS["64 random bytes"]


def test_cleartext_is_taken_out_unless_it_is_most() -> None:
    payload = PAYLOADS["ciphertext behind requests"]
    rest = without_cleartext(payload)
    assert REQUESTS[:32] in payload
    assert REQUESTS[:32] not in rest
    assert 2_850 < len(rest) < 3_001
    assert 310 - 32 < len(without_cleartext(PAYLOADS["hardly more ciphertext than requests"])) < 310
    assert len(without_cleartext(PAYLOADS["text"])) < len(PAYLOADS["text"]) // 2
    assert without_cleartext(PAYLOADS["64 random bytes"]) == PAYLOADS["64 random bytes"]


def test_all_but_the_lags_that_are_equal_in_both_orders_are_measured() -> None:
    unmeasured = set(statistics.NAMES) - set(coding_names())
    assert unmeasured == {f"msb_bit_lag_{lag}" for lag in (8, 16, 24, 32)}


def test_payloads_are_measured_one_by_one() -> None:
    payloads = list(PAYLOADS.values())
    together = coding_statistics(payloads)
    assert (together.shape, together.dtype) == ((len(payloads), len(coding_names())), np.dtype(np.float32))
    np.testing.assert_array_equal(together, np.concatenate([coding_statistics([payload]) for payload in payloads]))


def test_no_payload_gives_no_row() -> None:
    assert coding_statistics([]).shape == (0, len(coding_names()))


def test_a_payload_below_64_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="64"):
        coding_statistics([random(64), random(63)])


# Models.


@pytest.fixture
def stored() -> Stored:
    path = Path(coding.__file__).with_name("coding.json")
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("extent", ["narrow", "wide"])
def test_the_shipped_models_read_what_the_core_measures(extent: Any, stored: Stored) -> None:
    found = coding.model(extent)
    assert found.network.columns.tolist() == [
        coding_names(extent).index(name) for name in stored["models"][extent]["statistics"]
    ]
    payloads = [random(4_096, 5), PAYLOADS["deflate"][:4_096]]
    has_clear = np.zeros(2, bool) if extent == "narrow" else None
    log_odds = found.log_odds(coding_statistics(payloads, extent), np.array([4_096, 4_096]), has_clear)
    assert log_odds[0] < 0 < log_odds[1]


@pytest.mark.parametrize("format_", [0, 1, 3, None, "2"])
def test_a_model_of_another_format_is_refused(format_: Any, stored: Stored) -> None:
    stored["format"] = format_
    with pytest.raises(ValueError, match=f"models of format {format_}, but this wiretropy knows 2"):
        coding.parse(stored, "wide")


@pytest.mark.parametrize(
    ("extent", "name"),
    [
        ("wide", "entropy_of_mars"),
        ("payload", "entropy_of_mars"),
        ("narrow", "msb_repeats_22"),
        ("narrow", "msb_bit_lag_8"),
    ],
)
def test_a_model_of_numbers_that_are_not_measured_is_refused(extent: Any, name: str, stored: Stored) -> None:
    changed = copy.deepcopy(stored)
    changed["models"][extent]["statistics"][3] = name
    with pytest.raises(ValueError, match=f"no numbers of these names are measured: {name}"):
        coding.parse(changed, extent)


def test_columns_follow_their_names(stored: Stored) -> None:
    """A model whose statistics and first weights are stored in another order says the same."""
    entry = stored["models"]["wide"]
    before = coding.parse(stored, "wide")
    order = np.random.default_rng(1).permutation(len(entry["statistics"]))
    entry["statistics"] = [entry["statistics"][at] for at in order]
    weights = entry["layers"][0]["weights"]
    entry["layers"][0]["weights"] = [*(weights[at] for at in order), weights[-1]]
    numbers, lengths = coding_statistics([random(900)]), np.array([900])
    assert coding.parse(stored, "wide").outputs(numbers, lengths) == pytest.approx(
        before.outputs(numbers, lengths), rel=1e-4
    )


@pytest.fixture
def small() -> Callable[..., CodingModel]:
    """A model of two numbers whose output can be computed by hand."""

    def made(scale: tuple[float, ...] = (1, 1), shift: tuple[float, ...] = (0, 0), lower: float = 10) -> CodingModel:
        network = Network(
            columns=np.array([2, 0]),
            weights=(np.array([[1, -1], [2, 0], [0, 1]], np.float32), np.array([[3], [-1]], np.float32)),
            biases=(np.array([0.5, -lower], np.float32), np.array([0.25], np.float32)),
            log2_length=np.array([8.0, 12.0]),
            scale=np.array(scale, np.float64),
            shift=np.array(shift, np.float64)[:, None],
        )
        return CodingModel(network)

    return made


NUMBERS = np.sinh(np.array([[1.0, 9.0, 0.5]], np.float32))


def test_asinh_is_that_of_numpy() -> None:
    numbers = np.array([0, 1e-7, 0.01, 0.5, 1, 3, 100, 1e5, 1e9], np.float32)
    for signed in (numbers, -numbers):
        assert coding.asinh(signed) == pytest.approx(np.arcsinh(signed.astype(float)), rel=1e-6, abs=1e-6)


def test_log_odds_are_those_of_a_network_with_asinh_and_the_length(small: Callable[..., CodingModel]) -> None:
    # Hidden: 0.5 + 2 * 1 + 0.5 = 3 and max(0, -0.5 + 10 - 10) = 0, at 1,024 bytes; output 3 * 3 + 0.25.
    assert small().log_odds(NUMBERS, np.array([1_024]))[0] == pytest.approx(9.25, rel=1e-6)
    # At 4,096 bytes the second is 1.5, and takes itself away once.
    assert small().log_odds(NUMBERS, np.array([4_096]))[0] == pytest.approx(7.75, rel=1e-6)


def test_calibration_is_interpolated_at_the_logarithm_of_the_length(small: Callable[..., CodingModel]) -> None:
    found = small(scale=(1, 3), shift=(-1, 1)).log_odds(np.repeat(NUMBERS, 3, axis=0), np.array([256, 1_024, 65_536]))
    # 2^8, 2^10 and beyond 2^12; at 2^16 the second hidden number is 5.5.
    assert found == pytest.approx([9.25 - 1, 2 * 9.25, 3 * (9.25 - 5.5) + 1], rel=1e-6)


def test_fewer_bytes_than_are_measured_count_as_64(small: Callable[..., CodingModel]) -> None:
    # The second hidden number is -0.5 + log2 of the length, and taken away.
    found = small(lower=0).log_odds(np.repeat(NUMBERS, 4, axis=0), np.array([0, 1, 64, 128]))
    assert found == pytest.approx([9.25 - 5.5, 9.25 - 5.5, 9.25 - 5.5, 9.25 - 6.5], rel=1e-6)


def test_probabilities_of_payloads_are_those_of_a_network_with_shares() -> None:
    network = Network(
        columns=np.array([0]),
        # One number, two shares as they are, and log2 of the length.
        weights=(np.array([[1, 0], [0, 1], [0, -1], [0.5, 0]], np.float32),),
        biases=(np.array([0, 1], np.float32),),
        log2_length=np.array([6.0, 16.0]),
        scale=np.array([1.0, 2.0]),
        shift=np.array([[0, 0], [0, 10]], np.float64),
    )
    model = PayloadModel(network, np.array([2, 0]), ("first", "second"))
    numbers = np.sinh(np.array([[1.0, 0.0]] * 2, np.float32))
    shares = np.array([[0.25, 99, 4.25], [0.5, 99, 0.5]], np.float32)
    found = model.probabilities(numbers, shares, np.array([64, 2_048]))
    # Outputs 1 + 3 and 1 + 4 at 64 bytes; halfway 1.5 (1 + 5.5) and 1.5 (1 + 0) + 5.
    expected = [[4, 5], [9.75, 6.5]]
    powers = np.exp(expected)
    assert found == pytest.approx(powers / powers.sum(axis=1, keepdims=True), rel=1e-5)


def test_probabilities_of_certain_payloads_do_not_overflow() -> None:
    network = Network(
        columns=np.array([0]),
        weights=(np.array([[1_000, -1_000], [0, 0]], np.float32),),
        biases=(np.zeros(2, np.float32),),
        log2_length=np.array([6.0]),
        scale=np.array([1.0]),
        shift=np.zeros((1, 2)),
    )
    model = PayloadModel(network, np.array([], np.int64), ("first", "second"))
    found = model.probabilities(np.full((1, 1), 1e9, np.float32), np.zeros((1, 0), np.float32), np.array([64]))
    assert found.tolist() == [[1, 0]]


@pytest.mark.parametrize("extent", ["narrow", "wide"])
def test_log_odds_of_a_row_do_not_depend_on_the_rows_beside_it(extent: Any) -> None:
    drawn = np.random.default_rng(4).normal(size=(1_400, len(coding_names(extent)))).astype(np.float32)
    half = drawn.shape[1] // 2
    drawn[::2, half : 2 * half] = drawn[::2, :half]
    lengths = np.arange(100, 1_500)
    has_clear = np.arange(1_400) % 3 == 0 if extent == "narrow" else None
    whole = coding.model(extent).log_odds(drawn, lengths, has_clear)
    for start, end in ((0, 1), (7, 9), (11, 50), (500, 1_100), (513, 1_400), (1_399, 1_400)):
        flags = None if has_clear is None else has_clear[start:end]
        part = coding.model(extent).log_odds(drawn[start:end], lengths[start:end], flags)
        assert part.tolist() == whole[start:end].tolist()


def test_rows_whose_halves_are_alike_get_what_the_whole_network_says() -> None:
    model = coding.model("narrow")
    assert model.halved is not None
    half = np.random.default_rng(4).normal(size=(60, len(coding_names("narrow")) // 2)).astype(np.float32)
    numbers = np.hstack([half, half])
    numbers[::3, -1] += 1
    lengths, has_clear = np.arange(300, 360), np.arange(60) % 2 == 0
    whole = CodingModel(model.network).log_odds(numbers, lengths, has_clear)
    assert model.log_odds(numbers, lengths, has_clear) == pytest.approx(whole, rel=1e-4, abs=1e-4)


# What the models say of bytes that they should know.


def right(payloads: list[bytes], *, is_compressed: bool) -> float:
    lengths = np.array([len(payload) for payload in payloads])
    log_odds = coding.model("wide").log_odds(coding_statistics(payloads), lengths)
    return float(((log_odds > 0) == is_compressed).mean())


@pytest.mark.parametrize(("length", "share"), [(512, 0.75), (2_048, 0.9), (8_192, 0.97)])
def test_most_random_bytes_are_encrypted(length: int, share: float) -> None:
    assert right([random(length, seed) for seed in range(300)], is_compressed=False) >= share


@pytest.mark.parametrize(("length", "share"), [(512, 0.75), (2_048, 0.9), (8_192, 0.97)])
def test_most_deflated_words_are_compressed(length: int, share: float) -> None:
    draw = np.random.default_rng(length)
    words = [bytes(draw.integers(97, 123, draw.integers(2, 9), np.uint8)) for _ in range(3_000)]
    payloads = []
    for seed in range(60):
        chosen = np.random.default_rng(seed).zipf(1.3, 40_000) % len(words)
        stream = zlib.compress(b" ".join(words[at] for at in chosen), 6)
        payloads.append(stream[1_000 : 1_000 + length])
    assert {len(payload) for payload in payloads} == {length}
    assert right(payloads, is_compressed=True) >= share
