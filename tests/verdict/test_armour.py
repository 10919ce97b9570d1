"""Encodings in most of the characters of a keyboard, or in columns: what is beneath, and what is left alone."""

from __future__ import annotations

import base64
import binascii
import quopri
import string
import time
from collections.abc import Callable

import numpy as np
import pytest
from cleartext import HTTP, JSON, PROSE, REQUESTS, SQL, random
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.verdict import armour
from wiretropy.verdict.encoding import Encoded, decoded, may_be_encoded

Encode = Callable[[bytes], bytes]


def in_lines(text: bytes, width: int, indent: bytes = b"", end: bytes = b"\n") -> bytes:
    return b"".join(indent + text[at : at + width] + end for at in range(0, len(text), width))


def uuencoded(inside: bytes, *, backtick: bool = False) -> bytes:
    parts = (inside[at : at + 45] for at in range(0, len(inside), 45))
    return b"".join(binascii.b2a_uu(part, backtick=backtick) for part in parts)


def printed(part: bytes) -> bytes:
    return bytes(each if 32 <= each < 127 else 46 for each in part)


def dumped(inside: bytes, width: int = 16) -> bytes:
    """As xxd writes it: offsets, two bytes together, and what is printable."""
    lines = b""
    for at in range(0, len(inside), width):
        part = inside[at : at + width]
        columns = " ".join(part[two : two + 2].hex() for two in range(0, len(part), 2))
        lines += b"%08x: %-*s  %s\n" % (at, width // 2 * 5 - 1, columns.encode(), printed(part))
    return lines


def dumped_canonically(inside: bytes) -> bytes:
    """As `hexdump -C` writes it: eight bytes, eight bytes, and what is printable between bars; then the length."""
    lines = b""
    for at in range(0, len(inside), 16):
        part = inside[at : at + 16]
        columns = f"{part[:8].hex(' ')}  {part[8:].hex(' ')}"
        lines += b"%08x  %-48s  |%s|\n" % (at, columns.encode(), printed(part))
    return lines + b"%08x\n" % len(inside)


WHOLE: dict[str, tuple[str, Encode]] = {
    "pairs": ("hex", lambda inside: inside.hex(" ").encode()),
    "PAIRS": ("hex", lambda inside: inside.hex(" ").upper().encode()),
    "colons": ("hex", lambda inside: inside.hex(":").encode()),
    "hyphens": ("hex", lambda inside: inside.hex("-").upper().encode()),
    "pairs in lines": ("hex", lambda inside: in_lines(inside.hex(" ").encode() + b" ", 48)),
    "colons of certificates": ("hex", lambda inside: in_lines(inside.hex(":").encode(), 45, b"    ")),
    "uuencode": ("uuencode", uuencoded),
    "uuencode without blanks": ("uuencode", lambda inside: uuencoded(inside, backtick=True)),
    "uuencode with a name": ("uuencode", lambda inside: b"begin 644 a file.bin\n" + uuencoded(inside) + b"`\nend\n"),
    "uuencode of mail": ("uuencode", lambda inside: uuencoded(inside).replace(b"\n", b"\r\n") + b" \r\nend\r\n"),
    "ascii85": ("ascii85", base64.a85encode),
    "ascii85 of Adobe": ("ascii85", lambda inside: base64.a85encode(inside, adobe=True)),
    "ascii85 in lines": ("ascii85", lambda inside: base64.a85encode(inside, wrapcol=72)),
    "ascii85 of PDF": ("ascii85", lambda inside: base64.a85encode(inside, adobe=True, wrapcol=80)[2:]),
    "base85": ("base85", base64.b85encode),
}
"""Encodings of which every byte is found."""

INSIDES = {"ciphertext": random(1_000, 1), "text": PROSE * 4, "json": JSON, "zeros in it": random(300, 2) + bytes(40)}


@pytest.mark.parametrize("content", INSIDES)
@pytest.mark.parametrize("name", WHOLE)
def test_an_encoding_is_named_and_every_byte_beneath_is_found(name: str, content: str) -> None:
    encoding, encode = WHOLE[name]
    assert decoded(encode(INSIDES[content])) == Encoded(encoding, INSIDES[content])


KNOWN = {
    "pairs": (b"47 49 46 38 39 61 01 00 01 00 80 00 00 ff", "hex", b"GIF89a\1\0\1\0\x80\0\0\xff"),
    "ascii85": (
        b"<~9jqo^BlbD-BleB1DJ+*+F(f,q/0JhKF<GL>Cj@.4Gp$d7F!,L7@<6@)/0JDEF<G%<+EV:2F!,\nO<DJ+*.@<*K0@<6L(Df-\\0Ec5e;~>",
        "ascii85",
        b"Man is distinguished, not only by his reason, but by this singular passion from ",
    ),
    "uuencode": (
        b"begin 644 cat.txt\nM5&AE(&9E<G)Y(&QE9G0@=&AE(&AA<F)O=7(@<VAO<G1L>2!A9G1E<B!N:6YE\n`\nend\n",
        "uuencode",
        b"The ferry left the harbour shortly after nine",
    ),
    "quoted-printable": (
        b"=D0=9F=D0=BE=D0=B5=D0=B7=D0=B4 =D0=BD=D0=B0 =D0=9C=D0=BE=\r\n=D1=81=D0=BA=D0=B2=D1=83",
        "quoted-printable",
        "Поезд на Москву".encode(),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name: str) -> None:
    payload, encoding, inside = KNOWN[name]
    assert decoded(payload) == Encoded(encoding, inside)


@pytest.mark.parametrize("encode", [dumped, lambda inside: dumped(inside, 8), dumped_canonically])
def test_the_whole_lines_of_a_dump_are_read(encode: Encode) -> None:
    inside = random(1_000, 3) + PROSE
    found = decoded(encode(inside))
    assert found is not None
    assert (found.encoding, inside.startswith(found.inside)) == ("hex dump", True)
    assert len(inside) - len(found.inside) <= 16


def test_a_dump_whose_first_offset_is_cut_within_is_read_from_its_next_line() -> None:
    inside = random(640, 5)
    lines = dumped(inside).splitlines(keepends=True)
    moved = b"".join(b"%08x" % (0x12340 + 16 * number) + line[8:] for number, line in enumerate(lines))
    found = decoded(moved[4:])
    assert found is not None
    assert found.encoding == "hex dump"
    assert found.inside == inside[16 : 16 + len(found.inside)]
    assert len(found.inside) >= 600


@pytest.mark.parametrize("change", [lambda at: at + 16 * (at > 99), lambda at: 0, lambda at: -at % 4096])
def test_numbers_that_do_not_count_bytes_make_no_dump(change: Callable[[int], int]) -> None:
    lines = dumped(random(320, 4)).splitlines(keepends=True)
    changed = [b"%08x" % change(16 * number) + line[8:] for number, line in enumerate(lines)]
    assert decoded(b"".join(lines)) is not None
    assert decoded(b"".join(changed)) is None


SEEDS, SIZES = st.integers(0, 2**32), st.integers(256, 900)


@given(st.sampled_from(sorted(WHOLE)), SEEDS, SIZES)
def test_random_bytes_are_found_in_every_encoding(name: str, seed: int, size: int) -> None:
    encoding, encode = WHOLE[name]
    assert decoded(encode(random(size, seed))) == Encoded(encoding, random(size, seed))


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=64), SEEDS)
def test_any_bytes_between_random_ones_are_found(name: str, drawn: bytes, seed: int) -> None:
    """Of bytes that are mostly alike nobody can tell, for their characters can be words; most of these are random."""
    encoding, encode = WHOLE[name]
    inside = random(200, seed) + drawn + random(200, seed + 1)
    assert decoded(encode(inside)) == Encoded(encoding, inside)


@given(st.sampled_from(sorted(WHOLE)), SEEDS, st.integers(0, 90), st.integers(0, 90))
def test_text_that_was_cut_anywhere_is_found_but_for_the_ends(name: str, seed: int, first: int, last: int) -> None:
    encoding, encode = WHOLE[name]
    inside = PROSE * 2 + random(60, seed) + JSON[:300]
    whole = encode(inside)
    # Names of files, of which a part can be left, are no text in the encoding.
    first += whole.startswith(b"begin") * 30
    found = decoded(whole[first : len(whole) - last])
    assert found is not None
    assert found.encoding == encoding
    assert found.inside in inside
    assert len(inside) - len(found.inside) <= first + last + 8


@given(SEEDS, SIZES)
def test_random_bytes_in_quoted_printable_are_found(seed: int, size: int) -> None:
    # Line ends of text are not escaped, and encoders make them equal.
    inside = random(size, seed).replace(b"\r", b"\x81")
    assert decoded(quopri.encodestring(inside)) == Encoded("quoted-printable", inside)


@pytest.mark.parametrize("start", range(1, 12))
def test_quoted_printable_that_was_cut_is_found_but_for_the_ends(start: int) -> None:
    inside = random(900, 5)
    found = decoded(quopri.encodestring(inside)[start : start + 1_000])
    assert found is not None
    assert (found.encoding, found.inside[4:-4] in inside, len(found.inside) > 350) == ("quoted-printable", True, True)


def test_prose_with_a_few_escapes_is_text() -> None:
    german = "Am Abend gingen sie über den Markt, und niemand sah ihnen nach, denn es regnete stark. ".encode() * 6
    html = b'<p class="a"><a href="https://example.org/?a=1">one</a> and <b id="two">two</b></p>\n' * 6
    for text in (german, html):
        assert b"=" in quopri.encodestring(text)
        assert decoded(quopri.encodestring(text)) is None


CHARACTERS_85 = {"ascii85": base64.a85encode, "base85": base64.b85encode}


@pytest.mark.parametrize("name", CHARACTERS_85)
def test_the_85_characters_are_those_of_the_standard_library(name: str) -> None:
    written = set(CHARACTERS_85[name](random(9_000, 6)))
    assert len(written) == 85
    assert written <= set(string.printable.encode())
    assert decoded(CHARACTERS_85[name](random(9_000, 6))) == Encoded(name, random(9_000, 6))


@pytest.mark.parametrize("size", range(180, 200))
def test_the_last_mark_of_adobe_may_stand_in_a_line_of_its_own(size: int) -> None:
    written = base64.a85encode(random(size, 13), adobe=True, wrapcol=60)
    assert decoded(written) == decoded(written[:-1]) == Encoded("ascii85", random(size, 13))


def test_groups_beyond_32_bits_are_no_ascii85() -> None:
    """`s8W-!` is the greatest group; one more in each place of five, at any start, is too great."""
    good = base64.a85encode(random(400, 7))
    assert armour.ascii85(good) == random(400, 7)
    assert armour.ascii85(good[:200] + b"uuuuuuuuu" + good[209:]) is None


def test_zeros_within_a_group_are_no_ascii85() -> None:
    good = base64.a85encode(random(100, 8) + bytes(8) + random(100, 9))
    assert good.count(b"z") == 2
    assert armour.ascii85(good) == random(100, 8) + bytes(8) + random(100, 9)
    assert armour.ascii85(good[:127] + good[128:]) is None or armour.ascii85(good[:7] + b"z" + good[7:]) is None


LINES = {
    "hardware addresses": b"".join(b"00:1b:%02x:%02x:c4:%02x\n" % (n, 3 * n, 255 - n) for n in range(40)),
    "times": b"12:34:56 12:34:57 12:34:58 12:35:02 12:36:10 12:40:00 ",
    "numbers": b" ".join(b"%02d" % (n * 37 % 100) for n in range(80)),
    "small words": b"be ad de ca fe be ad fa de ed ab ba be ad de ca fe",
    "pairs and more": random(60, 10).hex(" ").encode() + b" and so on",
    "mixed separators": b"4a:4b 4c:4d 4e:4f 50:51 52:53 5a:5b 6c:6d 9e:9f aa:bb",
    "mixed cases": b"aA bB cC dD eE fF 1a 2B 3c 4D 5e 6F 7a 8B 9c 0D",
    "offsets alone": b"".join(b"%08x: nothing of the kind at all\n" % n for n in range(0, 320, 16)),
    "capitals": b"MOVE ACCUMULATOR, 12(BASE)    ; STORE THE RESULT IN MEMORY AND\n" * 9,
    "a table of capitals": b"".join(b"M%-60s\n" % (b"ITEM %d, PRICE %d.50, COUNT %d" % (n, n, n)) for n in range(9)),
    "settings": b"a=10\nb=12\nc=14\nd=18\ne=20\nf=22\ng=24\nh=26\ni=80\nj=99\n",
    "comparisons": b"if a==b and c!=d or e==f and g==h: x=AB\n" * 3,
    "countries": b"from=DE&to=FR&via=CH&by=TRAIN&class=2&seat=A1&back=DE",
    "links": b"https://www.example.org/Catalogue/Spring?Page=2&Sort=Price&Id=F3Ab#Top-Of-The-Page!",
    "minified": b'!function(e,t){"object"==typeof exports?t(exports):e.Chart=t()}(this,function(){return"A"+1});',
    "regular expression": rb"^(?:[A-Z]{2}\d{4}|[^\s@]+@(?:[A-Z0-9-]+\.)+[A-Z]{2,})$|^\+?[1-9][0-9]{7,14}$",
    "a row of punctuation": bytes(range(33, 118)) + bytes(range(33, 118)),
    "quiet sound": (64 + 20 * np.sin(np.arange(3_000) / 9)).astype(np.uint8).tobytes(),
    "identifiers": b"R_X86_64_GLOB_DAT,R_X86_64_JUMP_SLOT,_ZN4core3fmt9Formatter15debug_lower_hex17h5E",
    "base64 with its name": b"data:image/png;base64," + base64.b64encode(random(200, 11)),
    "HTTP": HTTP,
    "JSON": JSON,
    "JSON without blanks": JSON.replace(b" ", b""),
    "SQL": SQL,
    "prose": PROSE,
    "requests": REQUESTS,
    "prose without blanks": PROSE.replace(b" ", b""),
    "CSV": b"Id,Name,City,Price\n" + b"".join(b"%d,Alice-%d,Paris,%d.5\n" % (n, n, n) for n in range(40)),
    "log": b'203.0.113.7 - - [12/May/2024:10:11:12 +0000] "GET /a HTTP/1.1" 200 512 "-" "curl/7.88"\n' * 8,
}


@pytest.mark.parametrize("name", LINES)
def test_ordinary_text_is_none_of_them(name: str) -> None:
    assert decoded(LINES[name]) is None


@given(
    st.sampled_from([b" ", b":", b"-", b""]),
    st.integers(0, 3),
    st.integers(0, 30),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_pairs_that_begin_with_any_break_are_looked_at(separator: bytes, first: int, place: int, end: bytes) -> None:
    pairs = separator.join(b"%02x" % (7 * n % 256) for n in range(24))[first:]
    for text in (pairs[:place] + end + pairs[place:], b"a" + end + pairs):
        found = decoded(text)
        assert found is None or found.encoding in ("hex", "base32", "base64")


def test_two_hardware_addresses_are_no_encoding() -> None:
    assert decoded(b"00:1a:2b:3c:4d:5e\n00:1a:2b:9c:ad:5f\n") is None
    assert decoded(b"a\nb cd ef 01 23 45 67 89 ab cd ef 01 23 45 67") is None


@pytest.mark.parametrize("size", [64, 128, 512, 2_048])
def test_base64_in_text_is_no_other_encoding(size: int) -> None:
    """Whatever the cut, markup with a picture in it is base64 or nothing."""
    page = b'<img alt="a" src="data:image/png;base64,' + base64.b64encode(random(3_000, 12)) + b'"/>\n' + HTTP
    found = {decoded(page[at : at + size]) for at in range(0, len(page) - size, 7)}
    assert {one.encoding for one in found if one} == {"base64"}


# Two-letter words of hexadecimal letters, capitals, signs: texts that come near.
NEAR = st.text(alphabet="ABCDEFM abcdef0123456789:=-\n!#%'()*+,/;<?@[]_`~z", max_size=300)


@given(NEAR)
def test_what_is_passed_over_by_columns_would_not_be_found(text: str) -> None:
    head = text.encode()[:64]
    row = np.zeros((1, 64), np.uint8)
    row[0, : len(head)] = np.frombuffer(head, np.uint8)
    if decoded(head) is not None:
        assert may_be_encoded(row).tolist() == [True]


@given(st.sampled_from(sorted(WHOLE)), SEEDS, st.integers(0, 200))
def test_no_head_of_an_encoding_is_passed_over(name: str, seed: int, start: int) -> None:
    head = WHOLE[name][1](random(300, seed))[start : start + 64]
    if decoded(head) is not None:
        assert may_be_encoded(np.frombuffer(head, np.uint8)[None]).tolist() == [True]


@given(st.binary(max_size=300) | NEAR.map(str.encode))
def test_any_bytes_can_be_looked_beneath(payload: bytes) -> None:
    for look in (armour.hex_pairs, armour.hex_dump, armour.uuencode, armour.quoted_printable, armour.ascii85):
        inside = look(payload)
        assert inside is None or len(inside) <= 4 * len(payload)


HOSTILE = {
    "breaks": b"\n" * 65_536,
    "carriage returns": b"\r" * 65_536,
    "blanks": b"a" + b" " * 65_534 + b"b",
    "equals and blanks": (b"=" + b" " * 60) * 1_074,
    "equals": b"=" * 65_536,
    "pairs": b"ab " * 21_845,
    "separators": b" :-" * 21_845,
    "lines of uuencode": (b"M" + b"!" * 60 + b"\n") * 1_057,
    "many zeros": b"z" * 65_536,
    "greatest groups": b"s8W-!" * 13_107,
    "offsets": b"00000000: \n" * 5_957,
    "begins": b"begin 644 x\n" * 5_461,
    "escapes": b"=FF=\n" * 13_107,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payloads_cost_little(name: str) -> None:
    """Four times the length takes some four times as long, and never long; half a second is twenty times as much."""
    started = time.process_time()
    decoded(HOSTILE[name])
    assert time.process_time() - started < 0.5
