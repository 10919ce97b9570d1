"""Looking beneath encodings: what is found, what is inside, and what is left alone."""

# ruff: noqa: RUF001 - letters of other alphabets are what is tested.
from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import numpy as np
import pytest
from cleartext import HTTP, JSON, PROSE, REQUESTS, SQL, random
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.verdict.encoding import SHORTEST, Encoded, decoded, may_be_encoded

INSIDES = {"ciphertext": random(900, 1), "text": PROSE * 4, "requests": REQUESTS, "json": JSON}

Encode = Callable[[bytes], bytes]


def broken(encode: Encode, width: int, end: bytes) -> Encode:
    """The same encoding in lines."""

    def lines(inside: bytes) -> bytes:
        text = encode(inside)
        return end.join(text[at : at + width] for at in range(0, len(text), width)) + end

    return lines


ENCODINGS: dict[str, tuple[str, Encode]] = {
    "base64": ("base64", base64.b64encode),
    "base64 for URLs": ("base64", base64.urlsafe_b64encode),
    "base64 without filling": ("base64", lambda inside: base64.b64encode(inside).rstrip(b"=")),
    "base64 of mail": ("base64", broken(base64.b64encode, 76, b"\r\n")),
    "base64 of PEM": ("base64", broken(base64.b64encode, 64, b"\n")),
    "hex": ("hex", lambda inside: inside.hex().encode()),
    "HEX": ("hex", lambda inside: inside.hex().upper().encode()),
    "hex in lines": ("hex", broken(lambda inside: inside.hex().encode(), 60, b"\n")),
    "base32": ("base32", base64.b32encode),
}


@pytest.mark.parametrize("content", INSIDES)
@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_is_named_and_its_bytes_are_found(name: str, content: str) -> None:
    encoding, encode = ENCODINGS[name]
    inside = INSIDES[content]
    found = decoded(encode(inside))
    assert found is not None
    assert found.encoding == encoding
    # Of the last group of base32, eight characters for five bytes, up to four bytes may be left out.
    assert inside.startswith(found.inside)
    assert len(inside) - len(found.inside) <= 4


@pytest.mark.parametrize("start", range(1, 9))
@pytest.mark.parametrize("name", ["base64", "base64 for URLs", "base64 of mail"])
def test_text_in_base64_that_was_cut_anywhere_is_read_but_for_the_ends(name: str, start: int) -> None:
    inside = PROSE * 4
    found = decoded(ENCODINGS[name][1](inside)[start : start + 600])
    assert found is not None
    assert found.encoding == "base64"
    assert found.inside in inside
    assert len(found.inside) >= 430


def test_both_alphabets_of_base64_are_read() -> None:
    """Text whose base64 has all four characters that differ between them."""
    inside = b"why? how? ~~~ >>> ??? ~ " * 8
    plain, for_urls = base64.b64encode(inside), base64.urlsafe_b64encode(inside)
    assert (b"+" in plain, b"/" in plain, b"-" in for_urls, b"_" in for_urls) == (True,) * 4
    assert decoded(plain) == decoded(for_urls) == Encoded("base64", inside)


@pytest.mark.parametrize("start", range(4))
def test_hexadecimal_digits_of_which_the_last_is_cut_off_are_read(start: int) -> None:
    inside = random(64, 2)
    found = decoded(inside.hex().encode()[2 * start : 101])
    assert found == Encoded("hex", inside[start:50])


@pytest.mark.parametrize("encode", [lambda text: quote(text, safe=""), quote_plus], ids=["%20", "+"])
def test_percent_is_read(encode: Callable[[bytes], str]) -> None:
    inside = "Überraschung: 50 % günstiger; für alle & überall / jeden Tag?".encode()
    assert decoded(encode(inside).encode()) == Encoded("percent", inside)


def test_percent_of_random_bytes_is_read() -> None:
    inside = random(200, 3)
    assert decoded(quote(inside, safe="").encode()) == Encoded("percent", inside)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("mark", [b"", "\ufeff".encode()], ids=["bare", "marked"])
@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog, and nobody minds.",
        "Der Zug nach Köln fährt heute außerplanmäßig von Gleis zwölf.",
        "Поезд на Москву сегодня отправляется с двенадцатого пути.",
    ],
    ids=["English", "German", "Russian"],
)
def test_utf_16_is_read_in_both_orders_with_and_without_a_mark(text: str, mark: bytes, order: str, first: int) -> None:
    whole = mark.decode() + text
    found = decoded(whole.encode(f"utf-16-{order}")[2 * first :])
    assert found is not None
    assert (found.encoding, found.inside.decode()) == ("UTF-16", whole[first:])


ORDINARY = {
    "a word": b"internationalisation",
    "words": b"nothing but ordinary words without any mark between them at all",
    "one long word": b"Donaudampfschifffahrtsgesellschaftskapitaen",
    "capitals": b"DEPARTMENTOFADMINISTRATIVEAFFAIRS",
    "a constant": b"MAXIMUM_NUMBER_OF_RETRANSMISSIONS",
    "a camel": b"AbstractSingletonProxyFactoryBeanDefinitionParser",
    "an identifier": b"getElementsByTagNameAndAttributeValue2",
    "a path": b"/usr/share/doc/packages/README/manual/index/page",
    "a URL": b"https://www.example.org/catalogue/spring/2024/index.html?page=2&sort=price",
    "a URL with escapes": b"https://www.example.org/search?q=red%20shoes&size=42&colour=dark%20red&page=3",
    "a form": b"user=alice&password=correct+horse+battery+staple&remember=on&next=%2Fhome",
    "source code": b"def mean(values):\n    total = sum(values)\n    return total / len(values)\n",
    "C": b"for(i=0;i<n;i++){total+=values[i];}return(total/n);",
    "CSV": b"name,age,city\nalice,31,Paris\nbob,42,Berlin\ncarol,27,Madrid\n",
    "numbers": b"3141592653589793238462643383279502884197169399375105820974944592",
    "numbers in lines": b"10000001\n10000002\n10000003\n10000004\n10000005\n",
    "long numbers in lines": b"1000000110000002\n1000000310000004\n1000000510000006\n",
    "telephone numbers": b"+493012345678\n+493012345679\n+493012345680\n",
    "DNA": b"GATTACAGATTACACATTAGGACCATAGACCATTAGACATTAGACCA",
    "DNA in lines": b"GATTACAGATTACACATTAGGACC\nATAGACCATTAGACATTAGACCAA\nGATTACAGATTACACATTAGGACC\n",
    "small DNA": b"gattacagattacacattaggaccatagaccattagacattagacca",
    "protein": b"MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ",
    "a word of digits in spaces": b"      deadbeef12      ",
    "one letter": b"a" * 64,
    "two letters": b"ab" * 40,
    "dashes": b"-" * 70,
    "a ruler": b"=" * 70,
    "zeros": bytes(64),
    "spaces": b" " * 64,
    "date": b"2024-05-17T12:34:56Z2024-05-17T12:34:57Z",
    "HTTP": HTTP,
    "JSON": JSON,
    "SQL": SQL,
    "prose": PROSE,
    "requests": REQUESTS,
    "small big-endian numbers": b"".join(n.to_bytes(2, "big") for n in range(64)),
    "big-endian samples": np.cumsum(np.random.default_rng(1).integers(-3, 4, 200)).astype(">i2").tobytes(),
    "a reverse name": bytes(6)
    + b"".join(b"\x01%x" % (n * 7 % 16) for n in range(32))
    + b"\x03ip6\x04arpa\0\0\x0c\0\x01",
    "small numbers that hardly change": (300 + np.arange(200) // 9 % 5).astype("<i2").tobytes(),
    "quiet samples": (40 + 9 * np.sin(np.arange(400) / 30)).astype("<i2").tobytes(),
    "blank lines": b"GET /\n" + b" \n" * 40,
    "letters in lines": b"r\nr\nr\nr\ne\nr\nt\ne\ns\ng\n",
    "coordinates": b"0 0 1 0 0 0 " * 12,
    "32-bit numbers": np.arange(100, 200, dtype="<u4").tobytes(),
    "user agent": b"Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0",
    "a header": b"X-Forwarded-For: 203.0.113.7\r\nX-Request-Start: 1700000000\r\n",
    "markdown": textwrap.dedent("""
        # Title
        - [one](https://example.org/one)
        - [two](https://example.org/two)
        """).encode(),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_bytes_are_not_encoded(name: str) -> None:
    assert decoded(ORDINARY[name]) is None


def test_random_bytes_are_not_encoded() -> None:
    assert not any(decoded(random(size, seed)) for size in (16, 17, 64, 1_000) for seed in range(50))


def test_fewer_than_16_characters_are_not_looked_at() -> None:
    assert SHORTEST == 16
    assert decoded(random(100).hex().encode()[:15]) is None
    assert decoded(random(100).hex().encode()[:16]) == Encoded("hex", random(100)[:8])


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_beneath(payload: bytes) -> None:
    found = decoded(payload)
    assert found is None or len(found.inside) <= 2 * len(payload)


@given(st.integers(0, 2**32), st.integers(12, 200))
def test_random_bytes_in_hexadecimal_digits_are_read(seed: int, length: int) -> None:
    inside = random(length, seed)
    text = inside.hex().encode()
    assert decoded(text) == (None if text.isdigit() else Encoded("hex", inside))


@pytest.mark.parametrize(("length", "most_missed"), [(16, 60), (24, 20), (32, 8), (64, 1), (200, 0)])
def test_few_tokens_in_base64_are_missed(length: int, most_missed: int) -> None:
    """Of 1,000 tokens of random bytes; those without a digit, or with the letters of a word, cannot be told."""
    tokens = [base64.urlsafe_b64encode(random(length, seed)).rstrip(b"=") for seed in range(1_000)]
    assert sum(decoded(token) is None for token in tokens) <= most_missed


PERCENT = {
    "percent": quote(random(300, 4), safe="").encode(),
    "Russian in percent": quote("Поезд отправляется. " * 9, safe="").encode(),
    "some percent": b"name%3DJohn%20Smith%26city%3DNew%20York%26to%3Dme%40example%2Eorg%26",
}


@pytest.mark.parametrize("name", [*ENCODINGS, *ORDINARY, *PERCENT])
@pytest.mark.parametrize("width", [64, 200])
def test_what_is_passed_over_by_columns_would_not_be_found_encoded(name: str, width: int) -> None:
    payload = ENCODINGS[name][1](INSIDES["ciphertext"]) if name in ENCODINGS else (ORDINARY | PERCENT)[name]
    head = payload[:width]
    row = np.zeros((1, width), np.uint8)
    row[0, : len(head)] = np.frombuffer(head, np.uint8)
    if decoded(head) is not None:
        assert may_be_encoded(row).tolist() == [True]
    elif name in ("HTTP", "prose", "requests", "source code", "user agent"):
        assert may_be_encoded(row).tolist() == [False]


@given(
    st.text(alphabet="abcdefghijklmnop eéüß?", min_size=32, max_size=32), st.sampled_from(["utf-16-le", "utf-16-be"])
)
def test_utf_16_that_is_found_is_not_passed_over(text: str, order: str) -> None:
    head = text.encode(order)
    if decoded(head) is not None:
        assert may_be_encoded(np.frombuffer(head, np.uint8)[None]).tolist() == [True]
