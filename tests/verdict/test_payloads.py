"""Verdicts on bytes in memory."""

# ruff: noqa: RUF001 - letters of other alphabets are what is tested.
from __future__ import annotations

import base64
import binascii
import json
import os
import quopri
import re
import string
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from cleartext import HTTP, JSON, PROSE, REQUESTS, SQL, random
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.verdict import Verdict, judge_payloads
from wiretropy.verdict.encoding import decoded, probability
from wiretropy.verdict.flows import VERDICTS
from wiretropy.verdict.payloads import BATCH, LONGEST


def judged(payload: bytes) -> Verdict:
    [verdict] = judge_payloads([payload])
    return verdict


def test_no_payloads_have_no_verdicts() -> None:
    assert judge_payloads([]) == []


@pytest.mark.parametrize(
    ("length", "reason"),
    [(0, "only 0 bytes"), (1, "only 1 byte"), (2, "only 2 bytes"), (7, "only 7 bytes")],
)
@pytest.mark.parametrize("payload", [PROSE, random(7), bytes(7)], ids=["text", "random", "zeros"])
def test_fewer_than_8_bytes_are_undecided(length: int, reason: str, payload: bytes) -> None:
    assert judged(payload[:length]) == Verdict("undecided", None, 0, f"{reason}; at least 8 are needed")


def test_8_bytes_have_a_verdict() -> None:
    assert [judged(each[:8]).verdict for each in (PROSE, HTTP, bytes(8))] == ["text", "text", "binary"]
    assert judged(PROSE[:8]).verdict_bytes == 8


@given(st.binary(max_size=300))
def test_any_payload_has_a_verdict_with_a_reason(payload: bytes) -> None:
    verdict = judged(payload)
    assert verdict.verdict in VERDICTS
    assert (verdict.verdict == "undecided") == (verdict.verdict_probability is None) == (len(payload) < 8)
    assert verdict.verdict_bytes == (len(payload) if len(payload) >= 8 else 0)
    assert verdict.verdict_probability is None or 0 <= verdict.verdict_probability <= 1
    assert verdict.reason.isprintable()
    assert re.search("[0-9]", verdict.reason)


SOME = [
    b"",
    PROSE,
    random(5_000, 1),
    REQUESTS,
    b"x",
    zlib.compress(os.fsencode(__file__) * 50),
    random(20).hex().encode(),
]


def test_verdicts_come_in_the_order_of_the_payloads() -> None:
    alone = [judged(payload) for payload in SOME]
    assert len({verdict.verdict for verdict in alone}) >= 4
    assert judge_payloads(SOME) == alone
    assert judge_payloads(SOME[::-1]) == alone[::-1]


@pytest.mark.parametrize("count", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
def test_many_payloads_are_judged_as_one_by_one(count: int) -> None:
    payloads = [SOME[at % len(SOME)] for at in range(count)]
    alone = [judged(payload) for payload in SOME]
    assert judge_payloads(payloads) == [alone[at % len(SOME)] for at in range(count)]


def test_the_same_payload_has_the_same_verdict() -> None:
    assert judge_payloads(SOME) == judge_payloads(SOME)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_holders_of_bytes_are_taken(kind: Callable[[bytes], Any]) -> None:
    payloads = [kind(payload) for payload in SOME]
    assert judge_payloads(payloads) == judge_payloads(SOME)
    assert [bytes(payload) for payload in payloads] == SOME


def test_of_more_than_65536_bytes_the_first_are_looked_at() -> None:
    start = random(LONGEST, 4)
    expected = judged(start)
    assert (expected.verdict, expected.verdict_bytes) == ("encrypted", 65_536)
    assert judged(start + bytes(100_000)) == expected
    assert judged(start[:-1] + bytes(100_000)) != expected


# Encodings.

INSIDES = {"encrypted": random(3_000, 6), "text": PROSE * 10, "binary": REQUESTS * 3}

ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "base64": ("base64", base64.b64encode),
    "URL": ("base64", base64.urlsafe_b64encode),
    "lines": ("base64", base64.encodebytes),
    "hex": ("hex", lambda inside: inside.hex().encode()),
    "base32": ("base32", base64.b32encode),
    "hex with blanks": ("hex", lambda inside: inside.hex(" ").encode()),
    "ascii85": ("ascii85", base64.a85encode),
    "ascii85 of Adobe": ("ascii85", lambda inside: base64.a85encode(inside, adobe=True, wrapcol=76)),
    "base85": ("base85", base64.b85encode),
    "uuencode": ("uuencode", lambda inside: b"".join(map(binascii.b2a_uu, parts(inside, 45)))),
}


def parts(inside: bytes, length: int) -> list[bytes]:
    return [inside[at : at + length] for at in range(0, len(inside), length)]


@pytest.mark.parametrize("inside", INSIDES)
@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_is_told_with_what_is_inside(name: str, inside: str) -> None:
    encoding, encode = ENCODINGS[name]
    verdict = judged(encode(INSIDES[inside]))
    assert verdict.verdict == "encoded"
    assert verdict.reason.startswith(f"{encoding} of ")
    assert verdict.reason.endswith(f" bytes that look {inside}")
    assert verdict.verdict_probability is not None
    assert verdict.verdict_probability > 0.9


def test_percent_is_told_with_what_is_inside() -> None:
    assert judged(quote(random(400, 7), safe="").encode()).reason.endswith("that look encrypted")
    verdict = judged(quote("äöü ß, é! ".encode() * 20, safe="").encode())
    assert (verdict.verdict, verdict.reason[:8]) == ("encoded", "percent ")


def test_quoted_printable_is_told_with_what_is_inside() -> None:
    verdict = judged(quopri.encodestring(random(2_000, 9)))
    assert (verdict.verdict, verdict.reason[:20], verdict.reason[-9:]) == (
        "encoded",
        "quoted-printable of ",
        "encrypted",
    )


@pytest.mark.parametrize(
    ("encode", "length"), [(base64.b64encode, 20), (base64.b64encode, 400), (base64.a85encode, 90)]
)
def test_an_encoding_is_as_probable_as_it_was_measured(encode: Callable[[bytes], bytes], length: int) -> None:
    payload = encode(random(length, 10))
    encoded = decoded(payload)
    assert encoded is not None
    assert judged(payload).verdict_probability == probability(encoded.encoding, len(payload))


def test_an_encoding_gets_more_probable_with_its_length() -> None:
    measured = [probability("base64", length) for length in (16, 31, 32, 63, 64, 511, 512, 65_536)]
    assert measured == sorted(measured)
    assert measured[::2] == measured[1::2]
    assert len(set(measured)) == 4
    assert 0.9 < measured[0] < measured[-1] < probability("ascii85", 64) < 1


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_token_in_an_encoding_within_text_is_text(name: str) -> None:
    token = ENCODINGS[name][1](random(36, 11)).replace(b"\n", b"")
    for text in (
        HTTP.replace(b"\r\n\r\n", b"\r\nCookie: id=" + token + b"\r\n\r\n"),
        token + b"\r\n" + PROSE,
        PROSE + token,
    ):
        assert judged(text).verdict == "text"


@pytest.mark.parametrize("start", [1, 2, 3, 50, 77])
@pytest.mark.parametrize("name", ["base64", "URL", "lines"])
def test_base64_that_was_cut_anywhere_is_encoded(name: str, start: int) -> None:
    whole = ENCODINGS[name][1](PROSE * 20)
    verdict = judged(whole[start : start + 900])
    assert (verdict.verdict, verdict.reason[-9:]) == ("encoded", "look text")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_encoded_text(codec: str) -> None:
    verdict = judged(PROSE.decode().encode(codec))
    assert (verdict.verdict, verdict.reason[:10], verdict.reason[-9:]) == ("encoded", "UTF-16 of ", "look text")


def test_an_encoding_within_an_encoding_is_told() -> None:
    verdict = judged(base64.b64encode(random(300, 8).hex().encode()))
    assert verdict.reason == "base64 of 600 bytes that look encoded"


# Ordinary bytes.

TEXTS: dict[str, bytes] = {
    "words": b"nothing but ordinary words without any mark between them at all",
    "prose": PROSE,
    "HTTP": HTTP,
    "JSON": JSON,
    "SQL": SQL,
    "a URL": b"https://www.example.org/catalogue/spring/2024/index.html?page=2&sort=price",
    "source code": b"def mean(values):\n    total = sum(values)\n    return total / len(values)\n",
    "CSV": b"name,age,city\nalice,31,Paris\nbob,42,Berlin\ncarol,27,Madrid\n" * 8,
    "a long identifier": b"AbstractSingletonProxyFactoryBeanDefinitionParserDelegateTest",
    "DNA": bytes(np.random.default_rng(1).choice(np.frombuffer(b"ACGT", np.uint8), 3_000)),
    "digits": bytes(np.random.default_rng(2).choice(np.frombuffer(string.digits.encode(), np.uint8), 3_000)),
    "a log": b"".join(b"May 17 12:%02d:07 mail sshd[%d]: session opened\n" % (n, 900 + n) for n in range(30)),
    "XML": b'<?xml version="1.0"?><list>' + b'<item id="7"><name>cellar</name></item>' * 20 + b"</list>",
    "German": "Über den Wolken muß die Freiheit wohl grenzenlos sein, hörte man früher häufig. ".encode() * 4,
    "Russian": "Поезд на Москву сегодня отправляется с двенадцатого пути, а не с пятого. ".encode() * 4,
    "Greek": "Η ταχεία αλεπού πηδά πάνω από το νωθρό σκυλί, και κανείς δεν ενοχλείται. ".encode() * 4,
    "Japanese": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。".encode() * 6,
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है। ".encode() * 4,
    "Latin-1": "Über den Wolken muß die Freiheit wohl grenzenlos sein. ".encode("latin-1") * 6,
    "one letter": b"a" * 200,
    "spaces": b" " * 200,
}

BINARIES: dict[str, bytes] = {
    "requests": REQUESTS,
    "zeros": bytes(2_000),
    "all ones": b"\xff" * 2_000,
    "32-bit numbers": np.arange(1_000, 2_000, dtype="<u4").tobytes(),
    "doubles": np.linspace(0, 1, 500).tobytes(),
    "samples of sound": (8_000 * np.sin(np.arange(4_000) / 9)).astype("<i2").tobytes(),
    "pixels": (2 * np.add.outer(np.arange(60), np.arange(60))).astype(np.uint8).tobytes(),
    "DNS": bytes.fromhex("1a2b01000001000000000000") + b"\x03www\x07example\x03org\x00\x00\x01\x00\x01",
    "small numbers": bytes(np.random.default_rng(3).integers(0, 16, 2_000, np.uint8)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_text(name: str) -> None:
    assert judged(TEXTS[name]).verdict == "text"


@pytest.mark.parametrize("name", BINARIES)
def test_cleartext_that_is_not_text_is_binary(name: str) -> None:
    assert judged(BINARIES[name]).verdict == "binary"


@pytest.mark.parametrize("length", [64, 256, 1_024, 8_192, 65_536])
def test_random_bytes_are_encrypted(length: int) -> None:
    verdicts = [each.verdict for each in judge_payloads([random(length, seed) for seed in range(100)])]
    # At 64 bytes hardly anything tells, and what it tells must still be opaque.
    assert set(verdicts) <= {"encrypted", "compressed"}
    assert verdicts.count("encrypted") >= {64: 50, 256: 65, 1_024: 85}.get(length, 97)


def test_deflated_text_is_compressed() -> None:
    draw = np.random.default_rng(9)
    words = [bytes(draw.integers(97, 123, draw.integers(2, 9), np.uint8)) for _ in range(3_000)]
    stream = zlib.compress(b" ".join(words[at] for at in draw.zipf(1.3, 60_000) % len(words)), 6)
    verdicts = judge_payloads([stream[at : at + 8_192] for at in range(0, 8_192 * 5, 8_192)] + [stream[:65_536]])
    # Pieces of 8 KB whose codes are nearly even are taken for ciphertext now and then.
    assert [each.verdict for each in verdicts].count("compressed") >= 5
    assert verdicts[-1].verdict == "compressed"


def test_the_reason_of_opaque_bytes_names_entropy_and_random_band() -> None:
    reason = judged(random(4_096, 10)).reason
    assert re.fullmatch(
        r"7\.9[0-9]{3} bits per byte over 4,096 bytes, where random bytes average 7\.9546 ± 0\.0040; "
        "bit by bit as even as random bytes",
        reason,
    )


def test_the_reason_of_few_opaque_bytes_says_that_they_are_few() -> None:
    assert judged(random(63, 10)).reason.endswith("; too few to tell encrypted from compressed, which takes 64 or more")
    assert "too few" not in judged(random(64, 10)).reason


def test_what_decodes_to_next_to_nothing_is_encoded() -> None:
    assert judged(b"0badc0de0badbeef"[:14] + b"\n\n").verdict != "encoded"
    verdict = judged(base64.b32encode(b"\0\1\2\3\4\5\6\7\x08\x09").replace(b"=", b""))
    assert verdict.verdict_bytes == 16


def test_the_reason_of_cleartext_names_the_printable_share() -> None:
    assert judged(b"GET /index.html HTTP/1.1").reason == "24 bytes of UTF-8 without control characters"
    assert judged(b"\0" * 6 + b"abcd" + b"\0" * 6).reason == "25% of 16 bytes are printable"


def test_text_from_payloads_is_never_in_a_reason() -> None:
    hostile = b"\x1b[31m<script>alert(1)</script>"
    for payload in (hostile * 3, base64.b64encode(hostile * 9), hostile.decode().encode("utf-16")):
        assert not {"\x1b", "<", "alert"} & set(re.split(r"\b", judged(payload).reason))
        assert "script" not in json.dumps(judged(payload).reason)
