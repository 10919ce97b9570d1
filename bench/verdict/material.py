"""Text, binary and encoded material: streams that no verdict may call encrypted or compressed.

    python -m bench.verdict.material

Contents and streams of `bench.coding` enter; files `clear/SOURCE/VERDICT~KIND~ITEM` of the cache leave, at most
`MOST_BYTES` each. Sources keep their side of the split. What the verdict should be is decided by how a file was made or
by the end of its name, and by what its bytes are: a text that is not UTF-8 is left out, and so is a packed binary.
"""

from __future__ import annotations

import base64
import binascii
import json
import quopri
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.coding import fetch

MOST_BYTES = 262_144
"""Four times the longest fragment."""

LEAST_BYTES = 2048

PER_KIND = 6
"""Streams of one kind of one source at most."""

PACKED = 0.8
"""Binary files of which deflate leaves more than this share are packed, and left out."""

TEXT_ENDS: Mapping[str, str] = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".xml": "xml", ".svg": "xml", ".ui": "xml", ".xsl": "xml",
    ".json": "json", ".map": "json", ".csv": "table", ".tsv": "table", ".dat": "table", ".sql": "sql", ".txt": "prose",
    ".md": "prose", ".rst": "prose", ".pod": "prose", ".tex": "prose", ".po": "translation", ".properties": "settings",
    ".ini": "settings", ".conf": "settings", ".css": "code", ".js": "code", ".py": "code", ".pyi": "code",
    ".go": "code", ".c": "code", ".h": "code", ".hpp": "code", ".ipp": "code", ".cpp": "code", ".s": "code",
    ".vim": "code", ".lua": "code", ".el": "code", ".rb": "code", ".f90": "code", ".tcl": "code", ".pl": "code",
    ".ri": "prose", ".dic": "words", ".aff": "words",
}  # fmt: skip
"""Kind of a text by the end of its name."""

BINARY_ENDS: Mapping[str, str] = {
    ".so": "program", ".a": "program", ".o": "program", ".elc": "bytecode", ".pyc": "bytecode", ".bc": "bytecode",
    ".mo": "catalogue", ".ttf": "font", ".otf": "font", ".wav": "sound", ".bmp": "picture", ".tga": "picture",
    ".db": "database", ".sqlite": "database", ".dat": "table", ".mat": "numbers", ".npy": "numbers",
    ".class": "bytecode",
    ".ico": "picture", ".stl": "numbers", ".mid": "music",
}  # fmt: skip
"""Kind of a binary by the end of its name; programs without one are known by their first bytes."""


def _lines(text: bytes, width: int, end: bytes = b"\n") -> bytes:
    return end.join(text[start : start + width] for start in range(0, len(text), width)) + end


def _yenc(octets: bytes) -> bytes:
    """The yEnc draft of 2002: add 42, escape NUL, LF, CR and =."""
    moved = bytes((octet + 42) & 255 for octet in octets)
    escaped = re.sub(rb"[\0\n\r=]", lambda found: b"=" + bytes([(found[0][0] + 64) & 255]), moved)
    return _lines(escaped, 128, b"\r\n")


def _uuencode(octets: bytes) -> bytes:
    return b"".join(binascii.b2a_uu(octets[start : start + 45]) for start in range(0, len(octets), 45))


def _spaced_hex(octets: bytes) -> bytes:
    return octets.hex(" ").encode()


ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64-lines": lambda octets: _lines(base64.b64encode(octets), 76, b"\r\n"),
    "base64-url": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "ascii85": base64.a85encode,
    "hex": binascii.hexlify,
    "hex-upper": lambda octets: binascii.hexlify(octets).upper(),
    "hex-spaced": _spaced_hex,
    "hex-lines": lambda octets: _lines(binascii.hexlify(octets), 64),
    "percent": lambda octets: "".join(f"%{octet:02X}" for octet in octets).encode(),
    "percent-url": lambda octets: urllib.parse.quote_from_bytes(octets).encode(),
    "uuencode": _uuencode,
    "quoted-printable": quopri.encodestring,
}
"""Encodings of any octets into text; yEnc, which is none, is made apart."""

FOREIGN_ONLY = ("percent-url", "quoted-printable")
"""Encodings that leave plain text nearly as it is; made of coded and encrypted bytes only."""


def make(source: str) -> int:
    """Make the clear streams of one source; how many there are."""
    target = fetch.folder(f"clear/{source}")
    draw = random.Random(f"clear {source}")
    files = sorted(path for path in (fetch.folder("contents") / source).rglob("*") if _is_plain(path))
    draw.shuffle(files)
    texts: list[bytes] = []
    for kind, octets in _texts(files):
        _keep(target, "text", kind, octets)
        texts.append(octets)
    for kind, octets in _binaries(files):
        _keep(target, "binary", kind, octets)
    for kind, octets in _decoded(source):
        _keep(target, "binary", kind, octets)
    if texts:
        _keep(target, "text", "log", _log(texts[0], draw))
        _keep(target, "text", "json-records", _records(texts[0], draw))
        _keep(target, "binary", "sqlite", _database(texts[0], draw))
    for kind, octets in _encoded(source, texts, draw):
        _keep(target, "encoded", kind, octets)
    return len(list(target.iterdir()))


def _keep(target: Path, verdict: str, kind: str, octets: bytes) -> None:
    for item in range(PER_KIND):
        path = target / f"{verdict}~{kind}~{item}"
        if not path.exists():
            if len(octets) >= LEAST_BYTES:
                path.write_bytes(octets[:MOST_BYTES])
            return


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size >= LEAST_BYTES


def _texts(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """UTF-8 texts of each kind, small files joined."""
    waiting: dict[str, bytearray] = {}
    made: dict[str, int] = {}
    for path in files:
        kind = TEXT_ENDS.get(path.suffix.lower())
        if kind is None or made.get(kind, 0) >= PER_KIND:
            continue
        octets = path.read_bytes()[:MOST_BYTES]
        if not _is_text(octets):
            continue
        if not octets.isascii() and kind == "prose":
            kind = "prose-utf8"
        pile = waiting.setdefault(kind, bytearray())
        pile += octets
        if len(pile) >= MOST_BYTES // 4:
            made[kind] = made.get(kind, 0) + 1
            yield kind, bytes(pile)
            pile.clear()
    for kind, pile in waiting.items():
        if len(pile) >= LEAST_BYTES and made.get(kind, 0) < PER_KIND:
            yield kind, bytes(pile)


def _is_text(octets: bytes) -> bool:
    try:
        # The cut may fall into a character of at most four bytes.
        text = octets[: len(octets) - 4].decode("utf-8", "strict") if octets.isascii() else octets[:-4].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(octets) - 8:
            return False
        text = octets[: error.start].decode("utf-8")
    return sum(not (character.isprintable() or character in "\t\r\n\f") for character in text[:4096]) < 4


def _binaries(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Binaries that are not packed, from the middle of large ones."""
    made: dict[str, int] = {}
    for path in files:
        with path.open("rb") as file:
            is_program = file.read(4) == b"\x7fELF"
            kind = "program" if is_program else BINARY_ENDS.get(path.suffix.lower())
            if kind is None or made.get(kind, 0) >= PER_KIND:
                continue
            file.seek(path.stat().st_size // 3 if path.stat().st_size > 3 * MOST_BYTES else 0)
            octets = file.read(MOST_BYTES)
        if _is_packed(octets) or _is_text(octets):
            continue
        made[kind] = made.get(kind, 0) + 1
        yield kind, octets


def _is_packed(octets: bytes) -> bool:
    return len(zlib.compress(octets, 1)) > PACKED * len(octets)


def _decoded(source: str) -> Iterator[tuple[str, bytes]]:
    """Sounds and pictures of a source without their compression."""
    streams = fetch.folder(f"streams/{source}")
    sound = ("-f", "s16le", "-ac", "2")
    picture = ("-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24")
    for pattern, form, kind in (("flac~flac5~*", sound, "pcm"), ("jpeg~*~*", picture, "pixels")):
        for path in sorted(streams.glob(pattern))[:4]:
            command = ["ffmpeg", "-loglevel", "error", "-i", str(path), *form, "-"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            octets = done.stdout[len(done.stdout) // 3 :][:MOST_BYTES]
            if not _is_packed(octets):
                yield kind, octets


def _words(text: bytes) -> list[str]:
    return re.findall(r"[A-Za-z]{2,12}", text.decode("utf-8", "replace")) or ["word"]


def _log(text: bytes, draw: random.Random) -> bytes:
    """An access log with drawn addresses, times and numbers, and words of a text."""
    words, lines, moment = _words(text), [], 1_600_000_000
    for _ in range(2000):
        moment += draw.randrange(40)
        address = ".".join(str(draw.randrange(256)) for _ in range(4))
        path = "/".join(draw.choices(words, k=draw.randrange(1, 5)))
        status, size = draw.choice((200, 200, 304, 404)), draw.randrange(90_000)
        lines.append(f'{address} - - [{moment}] "GET /{path} HTTP/1.1" {status} {size} "-" "{draw.choice(words)}/1.0"')
    return "\n".join(lines).encode()


def _records(text: bytes, draw: random.Random) -> bytes:
    """JSON lines with numbers and words of a text."""
    words = _words(text)
    records = (
        {"id": number, draw.choice(words): " ".join(draw.choices(words, k=4)), "value": draw.random()}
        for number in range(2000)
    )
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def _database(text: bytes, draw: random.Random) -> bytes:
    """A SQLite file with an index, of words of a text."""
    words = _words(text)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "made.db"
        base = sqlite3.connect(path)
        base.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, size INTEGER, share REAL)")
        base.execute("CREATE INDEX by_name ON things (name)")
        base.executemany(
            "INSERT INTO things (name, size, share) VALUES (?, ?, ?)",
            [(" ".join(draw.choices(words, k=3)), draw.randrange(1 << 20), draw.random()) for _ in range(3000)],
        )
        base.commit()
        base.close()
        return path.read_bytes()


def _encoded(source: str, texts: Sequence[bytes], draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """Each encoding of a text, of a compressed stream and of ciphertext; UTF-16 of texts."""
    insides: dict[str, list[bytes]] = {"encrypted": [draw.randbytes(MOST_BYTES // 3) for _ in range(2)]}
    insides["text"] = [text[: MOST_BYTES // 3] for text in draw.sample(texts, min(2, len(texts)))]
    coded = sorted(
        path for pattern in ("gzip~gzip6~*", "zstd~zstd3~*", "jpeg~cjpeg~*", "bzip2~bzip2-9~*")
        for path in fetch.folder(f"streams/{source}").glob(pattern)
    )  # fmt: skip
    insides["compressed"] = [_middle(path) for path in draw.sample(coded, min(2, len(coded)))]
    for name, encode in ENCODINGS.items():
        for inside, octets in insides.items():
            if inside == "text" and name in FOREIGN_ONLY:
                continue
            for part in octets:
                yield f"{name}+{inside}", encode(part)
    for inside, octets in insides.items():
        for part in octets:
            yield f"yenc+{inside}", _yenc(part)
    for text in insides["text"]:
        decoded = text.decode("utf-8", "ignore")
        yield "utf-16le+text", decoded.encode("utf-16-le")
        yield "utf-16be+text", decoded.encode("utf-16-be")


def _middle(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(path.stat().st_size // 4)
        return file.read(MOST_BYTES // 3)


def main() -> int:
    """Make all of it, two sources at a time."""
    sources = sorted(path.name for path in fetch.folder("contents").iterdir() if path.name in fetch.TRAIN | fetch.TEST)
    with ProcessPoolExecutor(2) as pool:
        for source, count in zip(sources, pool.map(make, sources), strict=True):
            print(f"{source}: {count} clear streams", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
