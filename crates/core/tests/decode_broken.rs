//! Shows that each broken or hostile packet is refused for its stated reason, and only once.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode_frames;

use decode_frames::*;
use proptest::prelude::*;
use wiretropy_core::decode::{link_types, Decoder, Outcome, Reason};
use wiretropy_core::packet::LinkType;

/// Link types that we read, and one that we do not.
const LINKS: [u16; 21] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 119, 127, 163, 228, 229, 239, 276, 147, 65535,
];

#[test]
fn unknown_link_type_is_named() {
    assert_refused(147, &ethernet(0x0800, &hello()), Reason::LinkType);
}

#[test]
fn listed_link_types_are_those_that_decode() {
    for link in 0..=u16::MAX {
        let is_listed = link_types().contains(&LinkType(link));
        let is_refused = decode(link, &hello()) == Outcome::Undecoded(Reason::LinkType);
        assert_ne!(is_listed, is_refused, "link type {link}");
    }
}

#[test]
fn short_ethernet_is_named() {
    for length in 0..14 {
        assert_refused(1, &vec![0; length], Reason::ShortEthernet);
    }
}

#[test]
fn frames_without_ip_are_named() {
    for kind in [0x0806, 0x0842, 0x88CC, 0x8863, 1501, 1535, 0xFFFF] {
        assert_refused(1, &ethernet(kind, &[0; 46]), Reason::NotIp);
    }
    assert_refused(1, &ethernet(0x88E5, &[0; 46]), Reason::LinkEncrypted);
}

#[test]
fn tags_and_labels_are_followed_up_to_the_limit() {
    let vlans = |count: usize| {
        let inner = (1..count).fold(tag(1, 0x0800, &hello()), |inside, _| tag(1, 0x8100, &inside));
        ethernet(0x8100, &inner)
    };
    assert_hello(1, &vlans(16));
    assert_refused(1, &vlans(17), Reason::TooDeep);
    assert_refused(1, &vlans(100), Reason::TooDeep);
    let labels = |count: usize| {
        let mut stack = [0, 0, 0, 9].repeat(count - 1);
        stack.extend([0, 0, 1, 9]);
        ethernet(0x8847, &cat(&[&stack, &hello()]))
    };
    assert_hello(1, &labels(16));
    assert_refused(1, &labels(17), Reason::TooDeep);
    assert_refused(1, &labels(100), Reason::TooDeep);
    let mixed = (0..100)
        .fold(ethernet(0x0800, &hello()), |inside, _| ethernet(0x88E7, &cat(&[&[0; 4], &inside])));
    assert_refused(1, &mixed, Reason::TooDeep);
}

#[test]
fn ipv4_headers_that_cannot_be_are_named() {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut packet = hello();
        change(&mut packet);
        ethernet(0x0800, &packet)
    };
    for words in 0..5 {
        let mut packet = hello();
        packet[0] = 0x40 | words;
        assert_refused(1, &ethernet(0x0800, &packet), Reason::BadIhl);
    }
    assert_refused(1, &with(|p| p[0] = 0x65), Reason::BadIpVersion);
    assert_refused(1, &with(|p| p[2..4].copy_from_slice(&[0, 19])), Reason::BadIpLength);
    assert_refused(1, &with(|p| p.truncate(19)), Reason::ShortIp);
    // The options reach beyond what was captured.
    assert_refused(1, &with(|p| (p[0], p[3]) = (0x4F, 60)), Reason::ShortIp);
    assert_refused(1, &with(|p| p[3] = 20), Reason::ShortTcp);
    assert_refused(1, &ethernet(0x86DD, &hello()), Reason::BadIpVersion);
    assert_refused(1, &ethernet(0x86DD, &[0x45; 60]), Reason::BadIpVersion);
}

#[test]
fn total_length_beyond_the_frame_shows_as_missing_payload() {
    let mut packet = hello();
    packet[2..4].copy_from_slice(&1500u16.to_be_bytes());
    let frame = ethernet(0x0800, &packet);
    let packet = decoded(1, &frame);
    assert_eq!((packet.payload_captured, packet.payload_claimed), (5, 1460));
}

#[test]
fn ipv6_extension_headers_are_followed_up_to_the_limit() {
    let chain = |count: usize| {
        let mut headers = [60, 0, 1, 4, 0, 0, 0, 0].repeat(count - 1);
        headers.extend([TCP, 0, 1, 4, 0, 0, 0, 0]);
        ethernet(0x86DD, &ipv6(60, &cat(&[&headers, &tcp(0x18, &[], b"hello")])))
    };
    assert!(matches!(decode(1, &chain(16)), Outcome::Transport(_)));
    assert_refused(1, &chain(17), Reason::TooManyExtensions);
    assert_refused(1, &chain(200), Reason::TooManyExtensions);
}

#[test]
fn ipv6_extension_headers_that_are_cut_or_misplaced_are_named() {
    assert_refused(
        1,
        &ethernet(0x86DD, &ipv6(60, &[TCP, 9, 0, 0, 0, 0, 0, 0])),
        Reason::BadExtension,
    );
    assert_refused(1, &ethernet(0x86DD, &ipv6(44, &[TCP, 0, 0])), Reason::BadExtension);
    assert_refused(1, &ethernet(0x86DD, &ipv6(51, &[TCP])), Reason::BadExtension);
    assert_refused(1, &ethernet(0x86DD, &ipv6(59, &[])), Reason::NoPayload);
    // Hop-by-hop options belong first; where they come later they are passed over all the same.
    let late =
        cat(&[&[0, 0, 1, 4, 0, 0, 0, 0], &[TCP, 0, 1, 4, 0, 0, 0, 0], &tcp(0x10, &[], b"x")]);
    assert!(matches!(decode(1, &ethernet(0x86DD, &ipv6(60, &late))), Outcome::Transport(_)));
    // IPv4 knows none of them.
    assert_refused(1, &ethernet(0x0800, &ipv4(60, &late)), Reason::TransportOther);
}

#[test]
fn fragment_of_a_fragment_waits_for_its_own_and_then_is_refused() {
    let inner = ipv6_fragment(UDP, 2, 0, true, &[0; 16]);
    let frame = ethernet(0x86DD, &ipv6(44, &ipv6_fragment(44, 1, 0, true, &inner)));
    let Outcome::Fragment(fragment) = decode(1, &frame) else { panic!() };
    let bytes = fragment.payload(&frame);
    let outcome = Decoder::default().resume(&fragment.context, bytes);
    assert_eq!(outcome, Outcome::Undecoded(Reason::NestedFragment));
}

#[test]
fn other_transports_are_named() {
    for proto in [2, 50, 89, 103, 255] {
        assert_refused(101, &ipv4(proto, &[0; 24]), Reason::TransportOther);
    }
}

#[test]
fn transport_headers_that_are_cut_or_cannot_be_are_named() {
    for (proto, header, reason) in [
        (TCP, 20, Reason::ShortTcp),
        (UDP, 8, Reason::ShortUdp),
        (1, 4, Reason::ShortIcmp),
        (58, 4, Reason::ShortIcmp),
        (132, 12, Reason::ShortSctp),
    ] {
        for length in 0..header {
            assert_refused(101, &ipv4(proto, &vec![0; length]), reason);
        }
    }
    for words in (0..5).chain(7..16) {
        let mut segment = tcp(0x18, &[], b"hello");
        segment[12] = words << 4;
        assert_refused(101, &ipv4(TCP, &segment), Reason::BadTcpOffset);
    }
}

#[test]
fn odd_tcp_flags_are_passed_on() {
    for flags in [0, 0x29, 0x03, 0xFF] {
        assert_eq!(decoded(101, &ipv4(TCP, &tcp(flags, &[], b"x"))).tcp.flags, flags);
    }
}

#[test]
fn same_endpoints_on_both_sides_are_decoded() {
    let mut packet = hello();
    packet[16..20].copy_from_slice(&SRC4);
    packet[22..24].copy_from_slice(&[0xC0, 0]);
    let land = decoded(101, &packet);
    assert_eq!(land.endpoints.src, land.endpoints.dst);
    assert_eq!(land.endpoints.sport, land.endpoints.dport);
}

/// Put the Internet checksum of `bytes` and `pseudo` at `at`.
fn sum_up(bytes: &mut [u8], at: usize, pseudo: &[u8]) {
    bytes[at..at + 2].fill(0);
    let mut padded = cat(&[pseudo, bytes]);
    padded.resize(padded.len().next_multiple_of(2), 0);
    let mut total: u32 = padded.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
    while total > 0xFFFF {
        total = (total & 0xFFFF) + (total >> 16);
    }
    bytes[at..at + 2].copy_from_slice(&(!(total as u16)).to_be_bytes());
}

fn pseudo4(proto: u8, length: usize) -> Vec<u8> {
    cat(&[&SRC4, &DST4, &[0, proto], &(length as u16).to_be_bytes()])
}

fn with_header_sum(mut packet: Vec<u8>) -> Vec<u8> {
    let mut header = packet[..20].to_vec();
    sum_up(&mut header, 10, &[]);
    packet[..20].copy_from_slice(&header);
    packet
}

#[test]
fn decoys_with_a_wrong_checksum_are_refused_when_asked() {
    let strict = Decoder { verify_checksums: true, ..Decoder::default() };
    let check = |frame: &[u8]| strict.decode(LinkType(101), 0, frame, 0);
    let mut segment = tcp(0x18, &[], b"hello");
    let length = segment.len();
    sum_up(&mut segment, 16, &pseudo4(TCP, length));
    let mut datagram = udp(1, 2, b"hello");
    sum_up(&mut datagram, 6, &pseudo4(UDP, 13));
    let mut echo = vec![8, 0, 0, 0, 1, 2, 3, 4, 5];
    sum_up(&mut echo, 2, &[]);
    let mut echo6 = vec![128, 0, 0, 0, 1, 2, 3, 4, 5];
    sum_up(&mut echo6, 2, &cat(&[&SRC6, &DST6, &[0, 0, 0, 9, 0, 0, 0, 58]]));
    for good in [
        with_header_sum(ipv4(TCP, &segment)),
        with_header_sum(ipv4(UDP, &datagram)),
        with_header_sum(ipv4(1, &echo)),
        ipv6(58, &echo6),
        with_header_sum(ipv4(UDP, &udp(1, 2, b"no checksum"))),
    ] {
        assert!(matches!(check(&good), Outcome::Transport(_)));
        // Cut by the snap length: cannot be told.
        assert!(matches!(check(&good[..good.len() - 1]), Outcome::Transport(_)));
    }
    for (good, at) in [
        (with_header_sum(ipv4(TCP, &segment)), 42),
        (with_header_sum(ipv4(TCP, &segment)), 8),
        (with_header_sum(ipv4(UDP, &datagram)), 30),
        (with_header_sum(ipv4(1, &echo)), 28),
        (ipv6(58, &echo6), 48),
    ] {
        let mut bad = good;
        bad[at] ^= 1;
        assert_eq!(check(&bad), Outcome::Undecoded(Reason::BadChecksum));
    }
}

/// What holds of every outcome: nothing beyond the bytes, nothing captured that was not claimed.
fn assert_within(outcome: Outcome, bytes: &[u8]) {
    match outcome {
        Outcome::Transport(packet) => {
            assert!(packet.payload_claimed >= packet.payload_captured);
            assert_eq!(packet.payload(bytes).len(), packet.payload_captured as usize);
        }
        Outcome::Fragment(fragment) => {
            let payload = fragment.payload(bytes);
            assert!(!payload.is_empty() && payload.len() == fragment.payload_len as usize);
            assert_within(Decoder::default().resume(&fragment.context, payload), payload);
        }
        Outcome::Undecoded(_) => {}
    }
}

/// One frame of each kind that leads deep, with the link type it begins with.
fn deep_frames() -> Vec<(u16, Vec<u8>)> {
    let vxlan = cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, &hello())]);
    let gtp = cat(&[&[0x34, 255, 0, 53, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], &hello()]);
    let teredo = ipv6(TCP, &tcp(2, &[3, 3, 7, 0], b"hello"));
    let extended = ipv6(
        0,
        &cat(&[
            &[44, 0, 1, 4, 0, 0, 0, 0],
            &ipv6_fragment(TCP, 1, 0, false, &tcp(2, &[2, 4, 5, 0xB4], b"x")),
        ]),
    );
    let wifi = cat(&[&[0x88, 3], &[0; 30], &[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &hello()]);
    let erspan =
        cat(&[&[0x10, 0, 0x22, 0xEB, 0, 0, 0, 0, 0x20], &[0; 11], &ethernet(0x0800, &hello())]);
    vec![
        (1, ethernet(0x8100, &tag(5, 0x8847, &cat(&[&[0, 0, 1, 9], &hello()])))),
        (1, ethernet(0x8864, &cat(&[&[0x11, 0, 0, 1, 0, 47, 0, 0x21], &hello()]))),
        (1, ethernet(0x0800, &ipv4(UDP, &udp(1, 4789, &vxlan)))),
        (1, ethernet(0x0800, &ipv4(UDP, &udp(1, 2152, &gtp)))),
        (1, ethernet(0x0800, &ipv4(UDP, &udp(1, 3544, &teredo)))),
        (1, ethernet(0x0800, &ipv4(47, &erspan))),
        (1, ethernet(0x86DD, &extended)),
        (105, wifi.clone()),
        (127, cat(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x30], &wifi])),
        (276, cat(&[&[8, 0], &[0; 18], &hello()])),
    ]
}

#[test]
fn frames_cut_at_any_byte_stay_within_their_bytes() {
    for (link, frame) in deep_frames() {
        for cut in 0..=frame.len() {
            for origlen in [0, cut as u32, frame.len() as u32, u32::MAX] {
                for fcs_len in [0, 4] {
                    let bytes = &frame[..cut];
                    assert_within(
                        Decoder::default().decode(LinkType(link), fcs_len, bytes, origlen),
                        bytes,
                    );
                }
            }
        }
    }
}

#[test]
fn frames_with_any_one_byte_changed_stay_within_their_bytes() {
    for (link, frame) in deep_frames() {
        for at in 0..frame.len() {
            for value in [0, 1, 0x0F, 0x45, 0x7F, 0x80, 0xFE, 0xFF] {
                let mut bytes = frame.clone();
                bytes[at] = value;
                assert_within(decode(link, &bytes), &bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_of_any_link_type_stay_within_their_bytes(
        link in prop::sample::select(LINKS.to_vec()),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        origlen in any::<u32>(),
        fcs_len in any::<u8>(),
        decap in any::<bool>(),
        verify_checksums in any::<bool>(),
    ) {
        let decoder = Decoder { decap, verify_checksums };
        assert_within(decoder.decode(LinkType(link), fcs_len, &bytes, origlen), &bytes);
    }

    #[test]
    fn random_bytes_behind_any_header_stay_within_their_bytes(
        proto in any::<u8>(),
        port in prop::sample::select(vec![2152u16, 3544, 4789, 6081, 8472]),
        kind in prop::sample::select(vec![0x0800u16, 0x86DD, 0x8100, 0x8847, 0x8864, 0x88E7, 40]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for frame in [
            ethernet(kind, &bytes),
            ethernet(0x0800, &ipv4(proto, &bytes)),
            ethernet(0x86DD, &ipv6(proto, &bytes)),
            ethernet(0x0800, &ipv4(UDP, &udp(port, port, &bytes))),
        ] {
            assert_within(decode(1, &frame), &frame);
        }
    }
}
