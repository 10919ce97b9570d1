"""Builders of compressed files that need no library: zstd and lz4 frames written by their documents.

gzip comes from the standard library. A zstd frame (RFC 8878) is made of raw and
run-length blocks, an lz4 frame (lz4_Frame_format.md) of stored blocks.
"""

import gzip
import struct
import zlib

MEBIBYTE = 1 << 20
ZSTD_BLOCK = 128 << 10
"""Largest block of a zstd frame (RFC 8878, section 3.1.1.2.4)."""


def gz(data: bytes, level: int = 6) -> bytes:
    """A gzip member without a time, so that the same input gives the same file."""
    return gzip.compress(data, level, mtime=0)


def gz_zeros(mebibytes: int) -> bytes:
    """A gzip member that holds so many mebibytes of zeros, 1,000 times smaller than they are."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MEBIBYTE)) for _ in range(mebibytes)) + packer.flush()


def zst(data: bytes) -> bytes:
    """A zstd frame of raw blocks."""
    pieces = [data[at : at + ZSTD_BLOCK] for at in range(0, len(data), ZSTD_BLOCK)] or [b""]
    blocks = (
        _zstd_block_header(len(piece), 0, is_last=number == len(pieces) - 1) + piece
        for number, piece in enumerate(pieces)
    )
    return _zstd_frame_header() + b"".join(blocks)


def zst_zeros(blocks: int) -> bytes:
    """A zstd frame of run-length blocks: 128 KiB of zeros in four bytes each."""
    run = _zstd_block_header(ZSTD_BLOCK, 1, is_last=False) + b"\0"
    last = _zstd_block_header(ZSTD_BLOCK, 1, is_last=True) + b"\0"
    return _zstd_frame_header() + run * (blocks - 1) + last


def lz4(data: bytes, *, has_checksum: bool = False, wrong_checksum: bool = False) -> bytes:
    """An lz4 frame of stored blocks of at most 64 KiB."""
    descriptor = bytes([0x60 | has_checksum << 2, 0x40])
    header = struct.pack("<I", 0x184D2204) + descriptor + bytes([xxh32(descriptor) >> 8 & 0xFF])
    pieces = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    blocks = b"".join(struct.pack("<I", len(piece) | 1 << 31) + piece for piece in pieces)
    check = struct.pack("<I", xxh32(data) ^ wrong_checksum) if has_checksum else b""
    return header + blocks + bytes(4) + check


def xxh32(data: bytes) -> int:
    """The 32-bit xxHash with seed 0 (xxhash_spec.md)."""
    p1, p2, p3, p4, p5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
    mask = 0xFFFFFFFF

    def rotated(value: int, bits: int) -> int:
        return (value << bits | value >> 32 - bits) & mask

    at, accumulator = 0, p5
    if len(data) >= 16:
        lanes = [p1 + p2 & mask, p2, 0, -p1 & mask]
        for at in range(0, len(data) - 15, 16):
            words = struct.unpack_from("<4I", data, at)
            lanes = [rotated(lane + word * p2 & mask, 13) * p1 & mask for lane, word in zip(lanes, words, strict=True)]
        at += 16
        accumulator = sum(map(rotated, lanes, (1, 7, 12, 18)))
    accumulator = accumulator + len(data) & mask
    while at + 4 <= len(data):
        accumulator = rotated(accumulator + struct.unpack_from("<I", data, at)[0] * p3 & mask, 17) * p4 & mask
        at += 4
    for byte in data[at:]:
        accumulator = rotated(accumulator + byte * p5 & mask, 11) * p1 & mask
    accumulator = (accumulator ^ accumulator >> 15) * p2 & mask
    accumulator = (accumulator ^ accumulator >> 13) * p3 & mask
    return accumulator ^ accumulator >> 16


def _zstd_frame_header() -> bytes:
    # Descriptor 0: no content size, no checksum, no dictionary; then a window of 8 MiB (exponent 13).
    return struct.pack("<IBB", 0xFD2FB528, 0, 13 << 3)


def _zstd_block_header(size: int, kind: int, is_last: bool) -> bytes:
    return struct.pack("<I", size << 3 | kind << 1 | is_last)[:3]
