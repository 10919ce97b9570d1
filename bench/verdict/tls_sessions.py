"""TLS sessions made in memory: what each side sends, handshake, certificates and records.

Nothing enters but a generator of random numbers; pairs of byte strings leave. Certificates are drawn: kinds and sizes
of keys, chains, names, and the extensions that public ones carry. So are versions, ciphers, tickets, certificates of
clients, and how much is sent in what pieces. What is sent plays no part: all of it is encrypted.
"""

from __future__ import annotations

import datetime
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

IDENTITIES = 40
"""Servers with a chain of their own, which sessions share: keys are dear to make."""

PER_CONTEXT = 8
"""Sessions with one pair of settings."""

WORDS = (
    "alpha mail cloud static assets north west api cdn edge media login portal data img shop news video sync update "
    "telemetry store beacon search maps files backup stage proxy gate node core web app live"
).split()
ENDS = ("com", "net", "org", "io", "de", "co.uk", "fr", "jp", "info", "dev")
COUNTRIES = ("US", "DE", "GB", "JP", "FR", "NL", "CN", "BE")

CIPHERS = (
    "ECDHE+AESGCM", "ECDHE+CHACHA20", "AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA",
    "DHE+AESGCM:ECDHE+AESGCM",
)  # fmt: skip
"""Of TLS 1.2, one of which a session may use: with random nonces, counted ones, and blocks that are chained."""

ROUNDS = (1, 1, 1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate chain in a file, with its key, and a name that it is for."""

    path: Path
    name: str
    is_rsa: bool


def _key(draw: np.random.Generator) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if draw.random() < 0.6:
        return rsa.generate_private_key(65_537, int(draw.choice([2048, 2048, 2048, 3072, 4096])))
    return ec.generate_private_key(ec.SECP256R1() if draw.random() < 0.8 else ec.SECP384R1())


def _host(draw: np.random.Generator) -> str:
    words = [str(word) for word in draw.choice(WORDS, int(draw.integers(1, 4)))]
    return ".".join(["-".join(words), str(draw.choice(WORDS)) + str(draw.integers(1000)), str(draw.choice(ENDS))])


def _subject(draw: np.random.Generator, name: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
    if draw.random() < 0.6:
        organisation = " ".join(map(str, draw.choice(WORDS, 3))).title()
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
        parts.insert(0, x509.NameAttribute(NameOID.COUNTRY_NAME, str(draw.choice(COUNTRIES))))
    return x509.Name(parts)


def _extensions(draw: np.random.Generator, name: str, *, is_authority: bool) -> Iterator[x509.ExtensionType]:
    """What public certificates carry; signed timestamps are random bytes, as their signatures nearly are."""
    yield x509.BasicConstraints(ca=is_authority, path_length=None)
    place = f"http://{_host(draw)}"
    if draw.random() < 0.7:
        yield x509.CRLDistributionPoints(
            [x509.DistributionPoint([x509.UniformResourceIdentifier(f"{place}/list.crl")], None, None, None)]
        )
    if draw.random() < 0.8:
        uri = x509.UniformResourceIdentifier
        yield x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri(place)),
                x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, uri(f"{place}/issuer.crt")),
            ]
        )
    if is_authority:
        return
    names = [name, *(_host(draw) for _ in range(int(draw.choice([0, 1, 4, 20]))))]
    yield x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
    yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    if draw.random() < 0.7:
        stamps = b"".join(
            b"\x00\x76\x00"
            + draw.bytes(32)
            + b"\x00\x00\x01"
            + draw.bytes(5)
            + b"\x00\x00\x04\x03\x00\x47"
            + draw.bytes(71)
            for _ in range(int(draw.integers(2, 4)))
        )
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
        yield x509.UnrecognizedExtension(oid, b"\x04\x81\xf2\x00\xf0" + stamps)


def identity(folder: Path, number: int, draw: np.random.Generator) -> Identity:
    """Make a chain of one to three certificates."""
    name = _host(draw)
    names = [name, *(f"{_host(draw)} CA" for _ in range(int(draw.integers(0, 3))))]
    keys = [_key(draw) for _ in names]
    chain = []
    for at, (own, key) in enumerate(zip(names, keys, strict=True)):
        issuer = min(at + 1, len(names) - 1)
        builder = x509.CertificateBuilder(
            issuer_name=_subject(draw, names[issuer]), subject_name=_subject(draw, own), public_key=key.public_key(),
            serial_number=int.from_bytes(draw.bytes(16)) >> 1,
            not_valid_before=datetime.datetime(2024, 1, 1), not_valid_after=datetime.datetime(2034, 1, 1),
        )  # fmt: skip
        for extension in _extensions(draw, own, is_authority=at > 0):
            builder = builder.add_extension(extension, critical=False)
        if draw.random() < 0.8:
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        chain.append(builder.sign(keys[issuer], hashes.SHA256()))
    written = [one.public_bytes(serialization.Encoding.PEM) for one in chain]
    private = keys[0].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{number}.pem"
    path.write_bytes(b"".join([private, *written]))
    return Identity(path, name, isinstance(keys[0], rsa.RSAPrivateKey))


def _contexts(
    server: Identity, client: Identity | None, draw: np.random.Generator
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Settings of client and server."""
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.check_hostname, ours.verify_mode = False, ssl.CERT_NONE
    theirs.load_cert_chain(server.path)
    if client:
        ours.load_cert_chain(client.path)
        theirs.verify_mode = ssl.CERT_OPTIONAL
        theirs.load_verify_locations(client.path)
    if draw.random() < 0.6:
        theirs.maximum_version = ssl.TLSVersion.TLSv1_2
        cipher = str(draw.choice(CIPHERS if server.is_rsa else CIPHERS[:2]))
        theirs.set_ciphers(f"{cipher}:ECDHE+AESGCM:@SECLEVEL=1")
        ours.set_ciphers("ALL:@SECLEVEL=1")
    if draw.random() < 0.3:
        theirs.options |= ssl.OP_NO_TICKET
    if draw.random() < 0.6:
        ours.set_alpn_protocols(["h2", "http/1.1"])
        theirs.set_alpn_protocols(["h2"] if draw.random() < 0.5 else ["http/1.1"])
    return ours, theirs


def _pieces(draw: np.random.Generator) -> list[bytes]:
    """What one side writes in its turn: one size for bulk, or many."""
    size = int(np.exp(draw.uniform(np.log(20), np.log(16_384))))
    count = int(draw.integers(1, 6))
    return [draw.bytes(size if draw.random() < 0.5 else int(draw.integers(1, size + 1))) for _ in range(count)]


class _Pair:
    """Client and server of one session, and what each has sent."""

    def __init__(self, ours: ssl.SSLContext, theirs: ssl.SSLContext, name: str | None) -> None:
        self.bios = [ssl.MemoryBIO() for _ in range(4)]
        self.ends = (
            ours.wrap_bio(self.bios[0], self.bios[1], server_hostname=name),
            theirs.wrap_bio(self.bios[2], self.bios[3], server_side=True),
        )
        self.sent = (bytearray(), bytearray())

    def carry(self) -> None:
        """Take what either side has written to the other."""
        for sent, source, target in zip(self.sent, self.bios[1::2], (self.bios[2], self.bios[0]), strict=True):
            piece = source.read()
            sent.extend(piece)
            target.write(piece)

    def greet(self) -> None:
        """Hold the handshake; `ssl.SSLError` if they do not agree."""
        waiting = list(self.ends)
        for _ in range(8):
            for end in list(waiting):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                    waiting.remove(end)
                self.carry()

    def talk(self, pieces: Sequence[Sequence[bytes]]) -> None:
        """Let the client, then the server write."""
        for end, other, written in zip(self.ends, self.ends[::-1], pieces, strict=True):
            for piece in written:
                end.write(piece)
                self.carry()
            with suppress(ssl.SSLWantReadError):
                while other.read(1 << 16):
                    pass

    def close(self) -> None:
        """Say that nothing follows."""
        for end in self.ends:
            with suppress(ssl.SSLWantReadError):
                end.unwrap()
            self.carry()


def session(
    ours: ssl.SSLContext, theirs: ssl.SSLContext, name: str | None, draw: np.random.Generator
) -> tuple[bytes, bytes]:
    """What the client and the server send in one session, closed or not; nothing if they do not agree."""
    pair = _Pair(ours, theirs, name)
    try:
        pair.greet()
    except ssl.SSLError:
        return b"", b""
    for number in range(int(draw.choice(ROUNDS))):
        pair.talk([_pieces(draw) if number or draw.random() < 0.9 else [] for _ in pair.ends])
    if draw.random() < 0.5:
        pair.close()
    return bytes(pair.sent[0]), bytes(pair.sent[1])


def sessions(count: int, draw: np.random.Generator) -> Iterator[tuple[bytes, bytes]]:
    """Many sessions: what the client and what the server sends in each."""
    with tempfile.TemporaryDirectory() as folder:
        known = [identity(Path(folder), number, draw) for number in range(IDENTITIES)]
        for number in range(count):
            if number % PER_CONTEXT == 0:
                server = known[draw.integers(len(known))]
                client = known[draw.integers(len(known))] if draw.random() < 0.1 else None
                ours, theirs = _contexts(server, client, draw)
            sides = session(ours, theirs, server.name if draw.random() < 0.8 else None, draw)
            if all(sides):
                yield sides
