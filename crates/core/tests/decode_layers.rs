//! Shows that every link layer, IP version and transport that we read leads to the payload.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode_frames;

use decode_frames::*;
use wiretropy_core::decode::{Decoder, Endpoints, Outcome, Reason, Tcp};
use wiretropy_core::packet::LinkType;

#[test]
fn ethernet_ipv4_tcp_gives_every_field() {
    let frame = ethernet(0x0800, &hello());
    let packet = assert_hello(1, &frame);
    let mut expected = Endpoints { sport: 49152, dport: 80, proto: TCP, ..Endpoints::default() };
    expected.src[..4].copy_from_slice(&SRC4);
    expected.dst[..4].copy_from_slice(&DST4);
    assert_eq!(packet.endpoints, expected);
    assert_eq!(packet.payload_start, 54);
    assert_eq!(packet.tunnels, 0);
    let tcp = Tcp { seq: 1000, ack: 2000, flags: 0x18, window: 512, window_scale: None };
    assert_eq!(packet.tcp, tcp);
}

#[test]
fn ethernet_ipv6_udp_keeps_whole_addresses() {
    let frame = ethernet(0x86DD, &ipv6(UDP, &udp(5353, 53, b"query")));
    let packet = decoded(1, &frame);
    assert_eq!((packet.endpoints.src, packet.endpoints.dst), (SRC6, DST6));
    assert!(packet.endpoints.is_v6);
    assert_eq!((packet.endpoints.sport, packet.endpoints.dport), (5353, 53));
    assert_eq!(packet.payload(&frame), b"query");
    assert_eq!(packet.tcp, Tcp::default());
}

#[test]
fn padding_of_short_ethernet_frames_is_not_payload() {
    let mut frame = ethernet(0x0800, &ipv4(TCP, &tcp(0x10, &[], b"")));
    frame.resize(60, 0xEE);
    let packet = decoded(1, &frame);
    assert_eq!((packet.payload_captured, packet.payload_claimed), (0, 0));
}

#[test]
fn frame_check_sequence_is_stripped_only_when_it_was_captured() {
    // Total length 0, so that only the frame tells where the payload ends.
    let mut ip = hello();
    ip[2..4].fill(0);
    let mut frame = ethernet(0x0800, &ip);
    frame.extend([1, 2, 3, 4]);
    let wire = u32::try_from(frame.len()).unwrap();
    for cut in 0..=4 {
        let captured = &frame[..frame.len() - cut];
        let outcome = Decoder::default().decode(LinkType::ETHERNET, 4, captured, wire);
        let Outcome::Transport(packet) = outcome else { panic!("{outcome:?}") };
        assert_eq!(packet.payload(captured), b"hello");
        assert_eq!(packet.payload_claimed, 5);
    }
}

#[test]
fn snap_length_cuts_show_as_missing_payload() {
    let frame = ethernet(0x0800, &ipv4(TCP, &tcp(0x18, &[], &[7; 1000])));
    let outcome = Decoder::default().decode(LinkType::ETHERNET, 0, &frame[..100], 1054);
    let Outcome::Transport(packet) = outcome else { panic!("{outcome:?}") };
    assert_eq!((packet.payload_captured, packet.payload_claimed), (46, 1000));
}

#[test]
fn tcp_options_cut_by_the_snap_length_cost_the_payload_only() {
    let frame = ethernet(0x0800, &ipv4(TCP, &tcp(0x18, &[1; 12], &[7; 100])));
    let packet = decoded(1, &frame[..58]);
    assert_eq!((packet.payload_captured, packet.payload_claimed), (0, 100));
}

#[test]
fn vlan_tags_are_kept_outer_first() {
    let one = ethernet(0x8100, &tag(0x6005, 0x0800, &hello()));
    assert_eq!(assert_hello(1, &one).endpoints.vlan, [6, 0]);
    let two = ethernet(0x88A8, &tag(100, 0x8100, &tag(200, 0x0800, &hello())));
    assert_eq!(assert_hello(1, &two).endpoints.vlan, [101, 201]);
    let three = ethernet(0x9100, &tag(1, 0x8100, &tag(2, 0x8100, &tag(3, 0x0800, &hello()))));
    assert_eq!(assert_hello(1, &three).endpoints.vlan, [2, 3]);
}

#[test]
fn priority_tag_names_no_vlan() {
    let frame = ethernet(0x8100, &tag(0xE000, 0x0800, &hello()));
    assert_eq!(assert_hello(1, &frame).endpoints.vlan, [0, 0]);
}

#[test]
fn every_raw_ip_link_type_is_read() {
    for link in [12, 14, 101, 228] {
        assert_hello(link, &hello());
    }
    let v6 = ipv6(TCP, &tcp(0x18, &[], b"hello"));
    for link in [12, 14, 101, 229] {
        assert_eq!(decoded(link, &v6).payload(&v6), b"hello");
    }
    assert_refused(101, &[0x50; 40], Reason::BadIpVersion);
}

#[test]
fn bsd_loopback_is_read_in_either_byte_order() {
    let v6 = ipv6(TCP, &tcp(0x18, &[], b"hello"));
    for order in [u32::to_be_bytes, u32::to_le_bytes] {
        assert_hello(0, &cat(&[&order(2), &hello()]));
        for family in [10, 23, 24, 28, 30] {
            let frame = cat(&[&order(family), &v6]);
            assert_eq!(decoded(0, &frame).payload(&frame), b"hello");
        }
    }
    assert_hello(108, &cat(&[&[0, 0, 0, 2], &hello()]));
    assert_refused(108, &cat(&[&[2, 0, 0, 0], &hello()]), Reason::NotIp);
    assert_refused(0, &cat(&[&[0, 0, 0, 7], &hello()]), Reason::NotIp);
}

#[test]
fn linux_cooked_frames_of_both_versions_are_read() {
    let mut first = vec![0; 14];
    first.extend([8, 0]);
    assert_hello(113, &cat(&[&first, &hello()]));
    let tagged = cat(&[&first[..14], &[0x81, 0], &tag(9, 0x0800, &hello())]);
    assert_eq!(assert_hello(113, &tagged).endpoints.vlan, [10, 0]);
    let mut second = vec![8, 0];
    second.resize(20, 0);
    assert_hello(276, &cat(&[&second, &hello()]));
}

#[test]
fn netfilter_log_packets_are_found_among_the_attributes() {
    let mut ip = hello();
    ip[2..4].fill(0);
    let length = u16::try_from(4 + ip.len()).unwrap().to_le_bytes();
    let prefix = [2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 1, 0, 5, 0, 10, 0, 0, 0xEE, 0xEE, 0xEE];
    let frame = cat(&[&prefix, &length, &[9, 0], &ip, &[0xEE; 3]]);
    assert_hello(239, &frame);
    assert_refused(239, &prefix, Reason::ShortLink);
    assert_refused(239, &[2, 0, 0, 5, 0, 0, 1, 0], Reason::ShortLink);
}

#[test]
fn llc_with_snap_is_read_and_its_padding_dropped() {
    let mut ip = hello();
    ip[2..4].fill(0);
    let inside = cat(&[&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &ip]);
    let mut frame = ethernet(u16::try_from(inside.len()).unwrap(), &inside);
    frame.extend([0xEE; 9]);
    assert_hello(1, &frame);
    let spanning_tree = ethernet(38, &[0x42, 0x42, 3, 0, 0, 0]);
    assert_refused(1, &spanning_tree, Reason::NotIp);
}

#[test]
fn mpls_carries_ip_or_an_ethernet_pseudowire() {
    let label = |bottom: u8| [0, 0x10, bottom, 64];
    let ip = ethernet(0x8847, &cat(&[&label(0), &label(1), &hello()]));
    assert_hello(1, &ip);
    let inner = ethernet(0x0800, &hello());
    assert_hello(1, &ethernet(0x8847, &cat(&[&label(1), &[0; 4], &inner])));
    assert_hello(1, &ethernet(0x8848, &cat(&[&label(1), &inner])));
    // A hardware address that begins as IPv4 does, but whose length cannot be.
    let mut lookalike = inner;
    lookalike[..4].copy_from_slice(&[0x45, 0, 0xFF, 0xFF]);
    assert_hello(1, &ethernet(0x8847, &cat(&[&label(1), &lookalike])));
}

#[test]
fn pppoe_sessions_and_ppp_framings_are_read() {
    let ppp = cat(&[&[0, 0x21], &hello()]);
    let length = u16::try_from(ppp.len()).unwrap().to_be_bytes();
    let session = cat(&[&[0x11, 0, 0, 1], &length, &ppp]);
    assert_hello(1, &ethernet(0x8864, &session));
    assert_hello(51, &session);
    assert_refused(1, &ethernet(0x8863, &session), Reason::NotIp);
    for link in [9, 50] {
        assert_hello(link, &ppp);
        assert_hello(link, &cat(&[&[0xFF, 3], &ppp]));
        assert_hello(link, &cat(&[&[0xFF, 3, 0x21], &hello()]));
    }
    for link in [50, 104] {
        assert_hello(link, &cat(&[&[0x0F, 0, 8, 0], &hello()]));
    }
    let control = cat(&[&[0xC0, 0x21], &hello()]);
    assert_refused(9, &control, Reason::NotIp);
}

#[test]
fn service_tags_of_bridges_are_passed() {
    let inner = ethernet(0x0800, &hello());
    assert_hello(1, &ethernet(0x88E7, &cat(&[&[0; 4], &inner])));
    assert_hello(1, &ethernet(0x8903, &cat(&[&[0; 2], &inner])));
    assert_hello(1, &ethernet(0x8926, &cat(&[&[0; 4], &[8, 0], &hello()])));
}

/// Frame control and flags, the rest of the header zero up to `length`.
fn wifi(control: u8, flags: u8, length: usize, inside: &[u8]) -> Vec<u8> {
    let mut header = vec![control, flags];
    header.resize(length, 0);
    cat(&[&header, &[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], inside])
}

#[test]
fn wifi_data_frames_of_every_shape_are_read() {
    assert_hello(105, &wifi(0x08, 1, 24, &hello()));
    assert_hello(105, &wifi(0x08, 3, 30, &hello()));
    assert_hello(105, &wifi(0x88, 2, 26, &hello()));
    assert_hello(105, &wifi(0x88, 3, 32, &hello()));
    assert_hello(105, &wifi(0x88, 0x82, 30, &hello()));
}

#[test]
fn wifi_frames_that_cannot_be_read_say_why() {
    assert_refused(105, &wifi(0x80, 0, 24, &hello()), Reason::NotIp);
    assert_refused(105, &wifi(0x48, 0, 24, &[]), Reason::NotIp);
    assert_refused(105, &[0xD4, 0, 0, 0, 1, 2, 3, 4, 5, 6], Reason::NotIp);
    assert_refused(105, &wifi(0x08, 0x41, 24, &hello()), Reason::LinkEncrypted);
    assert_refused(105, &wifi(0x08, 0x05, 24, &hello()), Reason::LinkFragment);
    let mut aggregate = wifi(0x88, 1, 26, &hello());
    aggregate[24] = 0x80;
    assert_refused(105, &aggregate, Reason::AMsdu);
}

#[test]
fn radiotap_flags_strip_the_checksum_and_the_padding() {
    let mut ip = hello();
    ip[2..4].fill(0);
    let plain = cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], &wifi(0x08, 1, 24, &ip)]);
    assert_hello(127, &plain);
    let with_fcs = cat(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x10], &wifi(0x08, 1, 24, &ip), &[9; 4]]);
    assert_hello(127, &with_fcs);
    // Timer, flags, and a second presence word before them.
    let mut header = vec![0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0];
    header.resize(25, 0);
    header[24] = 0x30;
    let padded = cat(&[&header, &wifi(0x88, 1, 28, &ip), &[9; 4]]);
    assert_hello(127, &padded);
}

#[test]
fn prism_and_avs_headers_are_passed() {
    let mut prism = vec![0, 0, 0, 0x44];
    prism.extend(144u32.to_le_bytes());
    prism.resize(144, 0);
    assert_hello(119, &cat(&[&prism, &wifi(0x08, 1, 24, &hello())]));
    let mut avs = vec![0x80, 0x21, 0x10, 1];
    avs.extend(64u32.to_be_bytes());
    avs.resize(64, 0);
    for link in [119, 163] {
        assert_hello(link, &cat(&[&avs, &wifi(0x08, 1, 24, &hello())]));
    }
}

#[test]
fn ipv4_options_are_passed() {
    let mut ip = hello();
    ip[0] = 0x47;
    ip[3] += 8;
    let ip = cat(&[&ip[..20], &[1; 8], &ip[20..]]);
    assert_hello(1, &ethernet(0x0800, &ip));
}

#[test]
fn ipv6_extension_headers_are_passed() {
    let inner = tcp(0x18, &[], b"hello");
    let hop = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let long = |next: u8| cat(&[&[next, 1], &[0; 14]]);
    let auth = |next: u8| cat(&[&[next, 4], &[0; 22]]);
    let atomic = |next: u8| ipv6_fragment(next, 7, 0, false, &[]);
    let chain = cat(&[&hop(60), &long(43), &long(51), &auth(44), &atomic(TCP), &inner]);
    let frame = ethernet(0x86DD, &ipv6(0, &chain));
    let packet = decoded(1, &frame);
    assert_eq!(packet.payload(&frame), b"hello");
    assert_eq!(packet.endpoints.proto, TCP);
}

#[test]
fn jumbograms_take_their_length_from_the_option() {
    let inner = udp(1, 2, b"hello");
    let jumbo = cat(&[&[UDP, 0, 0xC2, 4, 0, 0, 0, 8 + 8 + 5], &inner, b"padding"]);
    let mut ip = ipv6(0, &jumbo);
    ip[4..6].fill(0);
    let frame = ethernet(0x86DD, &ip);
    assert_eq!(decoded(1, &frame).payload(&frame), b"hello");
}

#[test]
fn lengths_left_to_offload_end_with_the_frame() {
    let mut v4 = ipv4(TCP, &tcp(0x18, &[], &[1; 70_000]));
    v4[2..4].fill(0);
    assert_eq!(decoded(1, &ethernet(0x0800, &v4)).payload_captured, 70_000);
    let mut v6 = ipv6(TCP, &tcp(0x18, &[], &[1; 70_000]));
    v6[4..6].fill(0);
    assert_eq!(decoded(1, &ethernet(0x86DD, &v6)).payload_captured, 70_000);
}

#[test]
fn a_lying_wire_length_does_not_make_a_huge_gap() {
    let mut v4 = hello();
    v4[2..4].fill(0);
    let frame = ethernet(0x0800, &v4);
    let outcome = Decoder::default().decode(LinkType::ETHERNET, 0, &frame, u32::MAX);
    let Outcome::Transport(packet) = outcome else { panic!("{outcome:?}") };
    assert_eq!(packet.payload_captured, 5);
    assert!(packet.payload_claimed < 1 << 20);
}

#[test]
fn window_scale_is_read_from_a_syn_only() {
    let options = [2, 4, 5, 0xB4, 1, 3, 3, 7];
    let scale = |flags: u8, options: &[u8]| {
        decoded(101, &ipv4(TCP, &tcp(flags, options, b""))).tcp.window_scale
    };
    assert_eq!(scale(0x02, &options), Some(7));
    assert_eq!(scale(0x12, &options), Some(7));
    assert_eq!(scale(0x10, &options), None);
    assert_eq!(scale(0x02, &[3, 3, 200, 0]), Some(14));
    assert_eq!(scale(0x02, &[0, 3, 3, 7]), None);
    assert_eq!(scale(0x02, &[8, 0, 3, 3, 3, 7, 0, 0]), None);
    assert_eq!(scale(0x02, &[8, 40, 3, 3]), None);
}

#[test]
fn udp_lengths_that_cannot_be_are_not_believed() {
    for (length, expected) in [(0u16, 5), (7, 5), (13, 5), (14, 5), (12, 4), (8, 0), (60_000, 5)] {
        let mut inner = udp(1, 2, b"hello");
        inner[4..6].copy_from_slice(&length.to_be_bytes());
        let packet = decoded(101, &ipv4(UDP, &inner));
        assert_eq!(packet.payload_claimed, expected, "length {length}");
    }
}

#[test]
fn sctp_payload_begins_behind_the_common_header() {
    let sctp = cat(&[&[0, 7, 0, 9, 1, 1, 1, 1, 2, 2, 2, 2], b"chunks"]);
    let frame = ipv4(132, &sctp);
    let packet = decoded(101, &frame);
    assert_eq!((packet.endpoints.sport, packet.endpoints.dport), (7, 9));
    assert_eq!(packet.payload(&frame), b"chunks");
}

#[test]
fn icmp_ports_are_those_of_community_id() {
    // Type and its answer, from the baselines of the Community ID specification.
    let v4 = [
        (8, 0),
        (0, 8),
        (13, 14),
        (14, 13),
        (15, 16),
        (16, 15),
        (10, 9),
        (9, 10),
        (17, 18),
        (18, 17),
    ];
    let v6 = [
        (128, 129),
        (129, 128),
        (133, 134),
        (134, 133),
        (135, 136),
        (136, 135),
        (130, 131),
        (131, 130),
        (144, 145),
        (145, 144),
        (139, 140),
        (140, 139),
    ];
    for kind in 0..=255u8 {
        let message = [kind, 3, 0, 0, 1, 2, 3, 4, 9, 9];
        for (frame, table) in [(ipv4(1, &message), &v4[..]), (ipv6(58, &message), &v6[..])] {
            let packet = decoded(101, &frame);
            let answer = table.iter().find(|(ours, _)| *ours == kind).map(|(_, answer)| *answer);
            assert_eq!(packet.endpoints.sport, u16::from(kind));
            assert_eq!(packet.endpoints.dport, answer.unwrap_or(3));
            assert_eq!(packet.endpoints.is_one_way, answer.is_none());
            assert_eq!(packet.payload(&frame), [9, 9]);
        }
    }
}
