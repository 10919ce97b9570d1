//! Builders of frames for the tests of decoding: each puts one header before its contents.

#![allow(dead_code)]

use wiretropy_core::decode::{Decoded, Decoder, Outcome, Reason};
use wiretropy_core::packet::LinkType;

pub const SRC4: [u8; 4] = [10, 0, 0, 1];
pub const DST4: [u8; 4] = [203, 0, 113, 9];
pub const SRC6: [u8; 16] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const DST6: [u8; 16] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// All parts one behind the other.
pub fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet header with the EtherType `kind` before `inside`.
pub fn ethernet(kind: u16, inside: &[u8]) -> Vec<u8> {
    cat(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &kind.to_be_bytes(), inside])
}

/// A VLAN tag: the outer EtherType must announce it.
pub fn tag(id: u16, kind: u16, inside: &[u8]) -> Vec<u8> {
    cat(&[&id.to_be_bytes(), &kind.to_be_bytes(), inside])
}

/// An IPv4 header without options.
pub fn ipv4(proto: u8, inside: &[u8]) -> Vec<u8> {
    ipv4_piece(proto, 0x1234, 0, inside)
}

/// An IPv4 header with the 16 bits of flags and fragment offset given.
pub fn ipv4_piece(proto: u8, id: u16, flags_and_offset: u16, inside: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + inside.len()).unwrap_or(0);
    let mut header = vec![0x45, 0];
    header.extend(total.to_be_bytes());
    header.extend(id.to_be_bytes());
    header.extend(flags_and_offset.to_be_bytes());
    header.extend([64, proto, 0, 0]);
    header.extend(SRC4);
    header.extend(DST4);
    header.extend(inside);
    header
}

/// An IPv6 header; `next` names what `inside` begins with.
pub fn ipv6(next: u8, inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inside.len()).unwrap_or(0);
    cat(&[&[0x60, 0, 0, 0], &length.to_be_bytes(), &[next, 64], &SRC6, &DST6, inside])
}

/// An IPv6 fragment header.
pub fn ipv6_fragment(next: u8, id: u32, offset: u16, has_more: bool, inside: &[u8]) -> Vec<u8> {
    let place = offset | u16::from(has_more);
    cat(&[&[next, 0], &place.to_be_bytes(), &id.to_be_bytes(), inside])
}

/// TCP from port 49152 to 80, sequence 1000, acknowledgement 2000, window 512.
pub fn tcp(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    assert!(options.len() % 4 == 0);
    let words = u8::try_from(5 + options.len() / 4).unwrap_or(15);
    let mut header = vec![0xC0, 0, 0, 80];
    header.extend(1000u32.to_be_bytes());
    header.extend(2000u32.to_be_bytes());
    header.extend([words << 4, flags, 2, 0, 0, 0, 0, 0]);
    cat(&[&header, options, payload])
}

/// UDP with its length right and no checksum.
pub fn udp(sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap_or(0);
    let words = [sport, dport, length, 0].map(u16::to_be_bytes).concat();
    cat(&[&words, payload])
}

/// The innermost packet of most tests: TCP with the payload `hello`.
pub fn hello() -> Vec<u8> {
    ipv4(TCP, &tcp(0x18, &[], b"hello"))
}

/// Decode with tunnels open, nothing cut off.
pub fn decode(link: u16, frame: &[u8]) -> Outcome {
    Decoder::default().decode(LinkType(link), 0, frame, u32::try_from(frame.len()).unwrap_or(0))
}

/// The decoded packet; fails the test when there is none.
pub fn decoded(link: u16, frame: &[u8]) -> Decoded {
    match decode(link, frame) {
        Outcome::Transport(decoded) => decoded,
        other => panic!("not decoded: {other:?}"),
    }
}

/// Fails the test unless `frame` holds the packet of `hello`.
pub fn assert_hello(link: u16, frame: &[u8]) -> Decoded {
    let packet = decoded(link, frame);
    assert_eq!(packet.payload(frame), b"hello");
    assert_eq!(packet.payload_claimed, 5);
    assert_eq!((packet.endpoints.sport, packet.endpoints.dport), (49152, 80));
    assert_eq!(packet.endpoints.src[..4], SRC4);
    assert_eq!(packet.endpoints.dst[..4], DST4);
    packet
}

/// Fails the test unless `frame` is refused for `reason`.
pub fn assert_refused(link: u16, frame: &[u8], reason: Reason) {
    assert_eq!(decode(link, frame), Outcome::Undecoded(reason));
}
