"""Classes 48 to 55: compressed files, archives, and names that are no ordinary files.

Not here: an lz4 bomb. lz4 shrinks zeros 255 times at most, so passing the limit of
8 GiB and 200 bytes for each compressed byte would take a file of 150 MB that
unpacks to 40 GB.
"""

import io
import lzma
import os
import random
import struct
import tarfile
import threading
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .case import PARTIAL, REFUSED, WHOLE, Case, content
from .compressed_formats import MEBIBYTE, ZSTD_BLOCK, gz, gz_zeros, lz4, zst, zst_zeros
from .containers import CUSTOM, PACKETS, pcap, pcap_header, start, write
from .containers_pcap import PLAIN_FLOW
from .frames import udp_frame

WHOLE_FILE = pcap(PACKETS)
ZEROS_MEBIBYTES = 64
ZEROS_IN_BLOCK = 63
"""Runs of 64 MiB that fill one pcapng block to just below 4 GiB."""


def bomb(pack: Callable[[bytes], bytes], zeros: bytes) -> bytes:
    """Pack three packets and then four skippable blocks of 4 GiB of zeros each: 17 GB in all."""
    length = 12 + ZEROS_IN_BLOCK * ZEROS_MEBIBYTES * MEBIBYTE
    begin = pack(struct.pack("<II", CUSTOM, length))
    end = pack(struct.pack("<I", length))
    return pack(start()) + (begin + zeros * ZEROS_IN_BLOCK + end) * 4


def zst_bomb() -> bytes:
    """17 GB in half a megabyte."""
    return bomb(zst, zst_zeros(ZEROS_MEBIBYTES * MEBIBYTE // ZSTD_BLOCK))


def gz_bomb() -> bytes:
    """17 GB in 16 MB."""
    return bomb(gz, gz_zeros(ZEROS_MEBIBYTES))


def large_capture() -> bytes:
    """Two thousand packets of bytes that do not compress."""
    generator = random.Random(55)
    return pcap(udp_frame(generator.randbytes(500)) for _ in range(2000))


def cut_in_half(pack: Callable[[bytes], bytes]) -> bytes:
    """The first half of a packed capture."""
    packed = pack(large_capture())
    return packed[: len(packed) // 2]


def gz_with_wrong_checksum() -> bytes:
    """A gzip file whose stored CRC is not that of its contents."""
    packed = bytearray(gz(WHOLE_FILE))
    packed[-8] ^= 1
    return bytes(packed)


def gz_damaged() -> bytes:
    """A gzip file with a run of ones in the middle of its deflated data."""
    packed = bytearray(gz(large_capture(), 1))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    return bytes(packed)


def tar(*entries: tarfile.TarInfo) -> bytes:
    """A tar archive of these entries; files hold a capture."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for entry in entries:
            if entry.isreg():
                entry.size = len(WHOLE_FILE)
            archive.addfile(entry, io.BytesIO(WHOLE_FILE) if entry.isreg() else None)
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """One entry of a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_archive(*names: str) -> bytes:
    """A zip archive whose entries have these names."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        # A name that occurs twice is what is wanted here.
        warnings.simplefilter("ignore")
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"x")
    return buffer.getvalue()


HOSTILE_TAR = tar(
    entry("../../evil.pcap"),
    entry("/tmp/evil.pcap"),
    entry("link", tarfile.SYMTYPE, "/etc/passwd"),
    entry("device", tarfile.CHRTYPE),
    entry("twice.pcap"),
    entry("twice.pcap"),
)

PACKED = [
    Case(
        48,
        "zst-bomb",
        content(zst_bomb, "capture.pcapng.zst"),
        PARTIAL,
        3,
        3,
        fault_id="decompression-bomb",
        records=(PLAIN_FLOW,),
        seconds=60,
        notes="It is stopped at 8 GiB, whatever its ratio.",
    ),
    Case(
        48,
        "gz-bomb",
        content(gz_bomb, "capture.pcapng.gz"),
        PARTIAL,
        3,
        3,
        fault_id="decompression-bomb",
        records=(PLAIN_FLOW,),
        seconds=120,
    ),
    Case(
        48,
        "gz-of-a-gigabyte-of-zeros",
        content(lambda: gz_zeros(64) * 16, "zeros.gz"),
        REFUSED,
        fault_id="unknown-format",
        notes="Its first bytes are those of no capture; the rest is not unpacked.",
    ),
    Case(
        48,
        "pcap-header-and-a-gigabyte-of-zeros",
        content(lambda: gz(pcap_header()) + gz_zeros(64) * 16, "zeros.pcap.gz"),
        PARTIAL,
        0,
        fault_id="zero-padding",
        notes="Padding is looked through to 64 MiB.",
    ),
    *(
        Case(
            49,
            f"{name}-cut-in-half",
            content(partial(cut_in_half, pack), f"capture.pcap.{name}"),
            PARTIAL,
            fault_id="truncated-compression",
            flows=1,
        )
        for name, pack in [("gz", gz), ("zst", zst), ("lz4", lz4)]
    ),
    Case(49, "gz-cut-in-its-header", content(gz(WHOLE_FILE)[:6], "capture.pcap.gz"), REFUSED),
    Case(
        50,
        "gz-wrong-checksum",
        content(gz_with_wrong_checksum(), "capture.pcap.gz"),
        PARTIAL,
        3,
        3,
        fault_id="checksum-mismatch",
        records=(PLAIN_FLOW,),
    ),
    Case(
        50,
        "lz4-wrong-checksum",
        content(lz4(WHOLE_FILE, has_checksum=True, wrong_checksum=True), "capture.pcap.lz4"),
        PARTIAL,
        3,
        3,
        fault_id="checksum-mismatch",
        records=(PLAIN_FLOW,),
    ),
    Case(50, "gz-damaged", content(gz_damaged, "capture.pcap.gz"), PARTIAL, flows=1),
    Case(
        51,
        "gz-garbage-tail",
        content(gz(WHOLE_FILE) + b"garbage" * 9, "capture.pcap.gz"),
        WHOLE,
        3,
        3,
        fault_id="trailing-garbage",
        records=(PLAIN_FLOW,),
    ),
    *(
        Case(
            52,
            f"{name}-members-joined",
            content(pack(WHOLE_FILE[:50]) + pack(WHOLE_FILE[50:]), f"capture.pcap.{name}"),
            WHOLE,
            3,
            3,
            is_clean=True,
            records=(PLAIN_FLOW,),
            notes="Members are one stream, wherever it was cut.",
        )
        for name, pack in [("gz", gz), ("zst", zst), ("lz4", lz4)]
    ),
    *(
        Case(
            53,
            f"{outer}-in-{inner}",
            content(packed, f"capture.pcap.{outer}.{inner}"),
            REFUSED,
            fault_id="nested-compression",
        )
        for outer, inner, packed in [
            ("gz", "gz", gz(gz(WHOLE_FILE))),
            ("zst", "gz", gz(zst(WHOLE_FILE))),
            ("gz", "lz4", lz4(gz(WHOLE_FILE))),
        ]
    ),
]

ARCHIVES = [
    Case(54, "tar-with-hostile-names", content(HOSTILE_TAR, "captures.tar"), REFUSED, fault_id="unsupported-format"),
    Case(
        54,
        "tar-gz-with-hostile-names",
        content(gz(HOSTILE_TAR), "captures.tar.gz"),
        REFUSED,
        fault_id="unsupported-format",
    ),
    Case(
        54,
        "zip-with-hostile-names",
        content(zip_archive("../../evil", "/tmp/evil", "twice", "twice"), "captures.zip"),
        REFUSED,
        fault_id="unsupported-format",
    ),
    Case(
        54,
        "zip-of-twenty-thousand-entries",
        content(lambda: zip_archive(*(f"{i}.pcap" for i in range(20_000))), "captures.zip"),
        REFUSED,
        fault_id="unsupported-format",
        notes="Archives are not opened, so a million entries cost no more.",
    ),
    Case(48, "xz", content(lzma.compress(WHOLE_FILE), "capture.pcap.xz"), REFUSED, fault_id="unsupported-format"),
]


def fed_fifo(directory: Path) -> Path:
    """A named pipe that somebody writes a capture to."""
    path = directory / "pipe"
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(WHOLE_FILE), daemon=True).start()
    return path


def sparse_terabyte(first: bytes) -> Callable[[Path], Path]:
    """A file of 1 TB that takes no room on disk."""

    def build(directory: Path) -> Path:
        path = write(directory, "capture.pcap", first)
        os.truncate(path, 10**12)
        return path

    return build


def looping_link(directory: Path) -> Path:
    """Two symbolic links that point to each other."""
    (directory / "a.pcap").symlink_to(directory / "b.pcap")
    (directory / "b.pcap").symlink_to(directory / "a.pcap")
    return directory / "a.pcap"


def folder_with_loop(directory: Path) -> Path:
    """A directory of one capture and a link back to the directory."""
    write(directory, "capture.pcap", WHOLE_FILE)
    (directory / "again").symlink_to(directory)
    return directory


def named(name: bytes) -> Callable[[Path], Path]:
    """A good capture under a hostile name."""

    def build(directory: Path) -> Path:
        return write(directory, os.fsdecode(name), WHOLE_FILE)

    return build


NAMES = [
    Case(55, "fifo", fed_fifo, WHOLE, 3, 3, records=(PLAIN_FLOW,)),
    Case(55, "directory-empty", lambda directory: directory, REFUSED),
    Case(55, "directory-with-a-link-to-itself", folder_with_loop, WHOLE, 3, 3, records=(PLAIN_FLOW,)),
    Case(55, "absent", lambda directory: directory / "absent.pcap", REFUSED, fault_id="cannot-open"),
    Case(55, "dev-zero", lambda _: Path("/dev/zero"), REFUSED, fault_id="not-a-file"),
    Case(55, "proc-file", lambda _: Path("/proc/self/status"), REFUSED, fault_id="unknown-format"),
    Case(55, "sparse-terabyte", sparse_terabyte(b""), REFUSED, fault_id="unknown-format"),
    Case(
        55,
        "sparse-terabyte-after-packets",
        sparse_terabyte(WHOLE_FILE),
        PARTIAL,
        3,
        3,
        fault_id="zero-padding",
        records=(PLAIN_FLOW,),
    ),
    Case(55, "link-loop", looping_link, REFUSED, fault_id="cannot-open"),
    Case(55, "name-not-utf8", named(b"capture\xff\xfe.pcap"), WHOLE, 3, 3, records=(PLAIN_FLOW,)),
    Case(55, "name-of-255-bytes", named(b"n" * 250 + b".pcap"), WHOLE, 3, 3, records=(PLAIN_FLOW,)),
    Case(
        55, "name-with-line-feed", named(b"two\nlines.pcap"), WHOLE, 3, 3, hidden=("two\nlines",), records=(PLAIN_FLOW,)
    ),
    Case(
        55,
        "name-that-acts",
        named(b"\x1b[31m\xe2\x80\xae\xc2\x9b2J<script>.pcap"),
        WHOLE,
        3,
        3,
        hidden=("\x1b", "\u202e", "\x9b"),
        records=(PLAIN_FLOW,),
    ),
    Case(
        55,
        "refused-name-that-acts",
        lambda directory: write(directory, "\x1b[2J\u202e.pcap", b"nonsense"),
        REFUSED,
        hidden=("\x1b", "\u202e"),
    ),
]

CASES = [*PACKED, *ARCHIVES, *NAMES]
