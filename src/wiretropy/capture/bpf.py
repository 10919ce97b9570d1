"""Capture filters in tcpdump's language, compiled by libpcap.

libpcap is opened when the first filter is compiled and not before: everything
else works without it. What it compiles is run by the measuring core.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache

from wiretropy.errors import MissingDependencyError, RefusedError

_SNAPLEN = 262_144
"""Accepted bytes of a packet; libpcap's own maximum for Ethernet."""

_DLT_OF_LINKTYPE = {101: 12}
"""Link types whose number in a file differs from libpcap's DLT number on Linux: raw IP."""

_NETMASK_UNKNOWN = 0xFFFFFFFF

Instructions = list[tuple[int, int, int, int]]


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def compile_filter(expression: str, link_types: list[int]) -> dict[int, Instructions]:
    """Compile a capture filter for each link type.

    Parameters
    ----------
    expression : str
        As tcpdump takes it (pcap-filter(7)).
    link_types : list of int
        LINKTYPE_ numbers.

    Returns
    -------
    dict of int to list of (code, jt, jf, k)
        Classic BPF programs. Link types that the expression makes no sense for
        (``ether host`` on raw IP) are absent.

    Raises
    ------
    RefusedError
        If no link type can be filtered this way; says what libpcap said.
    MissingDependencyError
        If libpcap is not installed.
    """
    if "\0" in expression:
        raise RefusedError("the filter contains a null character; remove it")
    library = _libpcap()
    programs: dict[int, Instructions] = {}
    complaint = ""
    for link_type in link_types:
        try:
            programs[link_type] = _compile(library, expression, link_type)
        except RefusedError as error:
            complaint = complaint or str(error)
    if not programs:
        raise RefusedError(complaint)
    return programs


def _compile(library: ctypes.CDLL, expression: str, link_type: int) -> Instructions:
    handle = library.pcap_open_dead(_DLT_OF_LINKTYPE.get(link_type, link_type), _SNAPLEN)
    if not handle:
        raise RefusedError(f"libpcap cannot filter link type {link_type}")
    program = _Program()
    try:
        text = expression.encode("utf-8", "surrogateescape")
        if library.pcap_compile(handle, ctypes.byref(program), text, 1, _NETMASK_UNKNOWN) != 0:
            message = library.pcap_geterr(handle).decode("utf-8", "replace")
            raise RefusedError(f"filter {expression!r}: {message}; see pcap-filter(7)")
        kept = [program.instructions[at] for at in range(program.length)]
        instructions = [(each.code, each.jt, each.jf, each.k) for each in kept]
        library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
    return instructions


@cache
def _libpcap() -> ctypes.CDLL:
    for name in (ctypes.util.find_library("pcap"), "libpcap.so.1", "libpcap.so.0.8"):
        if name is None:
            continue
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.pcap_open_dead.restype = ctypes.c_void_p
        library.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
        library.pcap_compile.argtypes = (
            ctypes.c_void_p,
            ctypes.POINTER(_Program),
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_uint,
        )
        library.pcap_geterr.restype = ctypes.c_char_p
        library.pcap_geterr.argtypes = (ctypes.c_void_p,)
        library.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
        library.pcap_close.argtypes = (ctypes.c_void_p,)
        return library
    raise MissingDependencyError(
        "capture filters need libpcap, which is not installed; install the package libpcap0.8 (Debian, Ubuntu)"
        " or libpcap (Fedora, Arch, Alpine)"
    )
