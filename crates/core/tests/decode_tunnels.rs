//! Shows that every tunnel that we read is opened, and that what only looks like one is not.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode_frames;

use decode_frames::*;
use wiretropy_core::decode::{Decoded, Decoder, Outcome, Reason, Tunnel};
use wiretropy_core::packet::LinkType;

const GRE: u8 = 47;

fn gre(flags: u16, kind: u16, fields: &[u8], inside: &[u8]) -> Vec<u8> {
    ipv4(GRE, &cat(&[&flags.to_be_bytes(), &kind.to_be_bytes(), fields, inside]))
}

fn over_udp(port: u16, inside: &[u8]) -> Vec<u8> {
    ipv4(UDP, &udp(3000, port, inside))
}

/// Fails the test unless the packet of `hello` came through these tunnels.
fn assert_through(tunnels: &[Tunnel], packet: Decoded) {
    assert_eq!(Tunnel::in_bits(packet.tunnels).collect::<Vec<_>>(), tunnels);
}

fn closed(frame: &[u8]) -> Outcome {
    let decoder = Decoder { decap: false, ..Decoder::default() };
    decoder.decode(LinkType(101), 0, frame, 0)
}

/// Fails the test unless the frame is the flow of its outer UDP header.
fn assert_outer(frame: &[u8], port: u16) {
    let packet = decoded(101, frame);
    assert_eq!((packet.endpoints.sport, packet.endpoints.dport), (3000, port));
    assert_eq!((packet.endpoints.proto, packet.tunnels), (UDP, 0));
    assert_eq!(packet.payload(frame).len(), frame.len() - 28);
}

#[test]
fn gre_is_opened_with_every_optional_field() {
    for (flags, fields) in
        [(0, 0), (0x8000, 4), (0x2000, 4), (0x1000, 4), (0x3000, 8), (0xB000, 12)]
    {
        let frame = gre(flags, 0x0800, &vec![0; fields], &hello());
        assert_through(&[Tunnel::Gre], assert_hello(101, &frame));
    }
    let source_routed = gre(0x4000, 0x0800, &[0; 4], &hello());
    assert_refused(101, &source_routed, Reason::BadTunnel);
    assert_refused(101, &gre(2, 0x0800, &[], &hello()), Reason::BadTunnel);
    assert_refused(101, &gre(0, 0, &[], &[]), Reason::NoPayload);
}

#[test]
fn gre_carries_ethernet_mpls_ipv6_and_redirected_web_traffic() {
    let bridged = ethernet(0x8100, &tag(5, 0x0800, &hello()));
    assert_eq!(assert_hello(101, &gre(0, 0x6558, &[], &bridged)).endpoints.vlan, [6, 0]);
    assert_hello(101, &gre(0, 0x8847, &[0, 1, 1, 9], &hello()));
    let v6 = gre(0, 0x86DD, &[], &ipv6(TCP, &tcp(0x18, &[], b"hello")));
    assert_eq!(decoded(101, &v6).payload(&v6), b"hello");
    assert_hello(101, &gre(0, 0x883E, &[], &hello()));
    assert_hello(101, &gre(0, 0x883E, &[0, 0, 1, 2], &hello()));
}

#[test]
fn pptp_is_opened_and_its_acknowledgements_carry_nothing() {
    let ppp = cat(&[&[0xFF, 3, 0, 0x21], &hello()]);
    let length = u16::try_from(ppp.len()).unwrap().to_be_bytes();
    let head = cat(&[&length, &[0, 9]]);
    let plain = gre(0x3001, 0x880B, &cat(&[&head, &[0; 4]]), &ppp);
    let with_ack = gre(0x3081, 0x880B, &cat(&[&head, &[0; 8]]), &ppp);
    for frame in [plain, with_ack] {
        assert_through(&[Tunnel::Gre, Tunnel::Pptp], assert_hello(101, &frame));
    }
    let acknowledgement = gre(0x2081, 0x880B, &[0, 0, 0, 9, 0, 0, 0, 1], &[]);
    assert_refused(101, &acknowledgement, Reason::NoPayload);
    assert_refused(101, &gre(0x1001, 0x880B, &[0; 8], &ppp), Reason::BadTunnel);
}

#[test]
fn erspan_of_every_type_is_opened() {
    let frame = ethernet(0x0800, &hello());
    let second = cat(&[&[0x10, 0, 0, 0, 0, 0, 0, 0], &frame]);
    let third = cat(&[&[0x20], &[0; 11], &frame]);
    let mut platform = cat(&[&[0x20], &[0; 19], &frame]);
    platform[11] = 1;
    let mut ip_only = cat(&[&[0x20], &[0; 11], &hello()]);
    ip_only[10] = 2 << 2;
    for mirrored in [
        gre(0, 0x88BE, &[], &frame),
        gre(0x1000, 0x88BE, &[0; 4], &second),
        gre(0x1000, 0x22EB, &[0; 4], &third),
        gre(0x1000, 0x22EB, &[0; 4], &platform),
        gre(0x1000, 0x22EB, &[0; 4], &ip_only),
    ] {
        assert_through(&[Tunnel::Gre, Tunnel::Erspan], assert_hello(101, &mirrored));
    }
    let unknown = gre(0x1000, 0x88BE, &[0; 4], &cat(&[&[0x30], &[0; 7], &frame]));
    assert_refused(101, &unknown, Reason::BadTunnel);
}

#[test]
fn ip_in_ip_is_opened_for_all_four_pairs() {
    let v6 = ipv6(TCP, &tcp(0x18, &[], b"hello"));
    assert_through(&[Tunnel::IpInIp], assert_hello(101, &ipv4(4, &hello())));
    assert_through(&[Tunnel::IpInIp], assert_hello(101, &ipv6(4, &hello())));
    for outer in [ipv4(41, &v6), ipv6(41, &v6)] {
        let packet = decoded(101, &outer);
        assert_eq!(packet.payload(&outer), b"hello");
        assert!(packet.endpoints.is_v6);
        assert_through(&[Tunnel::Ip6InIp], packet);
    }
}

#[test]
fn vlan_tags_outside_a_tunnel_are_forgotten() {
    let frame = ethernet(0x8100, &tag(5, 0x0800, &ipv4(4, &hello())));
    assert_eq!(assert_hello(1, &frame).endpoints.vlan, [0, 0]);
}

#[test]
fn vxlan_is_opened_on_both_ports_with_and_without_group() {
    let frame = ethernet(0x0800, &hello());
    for header in [[8, 0, 0, 0, 0, 0, 1, 0], [0x88, 0, 0, 9, 0, 0, 1, 0]] {
        for port in [4789, 8472] {
            let outer = over_udp(port, &cat(&[&header, &frame]));
            assert_through(&[Tunnel::Vxlan], assert_hello(101, &outer));
        }
    }
    for header in [[0, 0, 0, 0, 0, 0, 1, 0], [8, 0, 0, 1, 0, 0, 1, 0], [8, 0, 0, 0, 0, 0, 1, 1]] {
        assert_outer(&over_udp(4789, &cat(&[&header, &frame])), 4789);
    }
}

#[test]
fn geneve_is_opened_behind_its_options() {
    let frame = ethernet(0x0800, &hello());
    let with_options = cat(&[&[2, 0, 0x65, 0x58, 0, 0, 1, 0], &[0; 8], &frame]);
    assert_through(&[Tunnel::Geneve], assert_hello(101, &over_udp(6081, &with_options)));
    let ip = cat(&[&[0, 0x40, 8, 0, 0, 0, 1, 0], &hello()]);
    assert_hello(101, &over_udp(6081, &ip));
    let other_version = cat(&[&[0x40, 0, 8, 0, 0, 0, 1, 0], &hello()]);
    assert_outer(&over_udp(6081, &other_version), 6081);
}

fn gtp(flags: u8, kind: u8, options: &[u8], inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(options.len() + inside.len()).unwrap().to_be_bytes();
    cat(&[&[flags, kind], &length, &[0, 0, 0, 1], options, inside])
}

#[test]
fn gtp_user_packets_are_opened_behind_their_extensions() {
    let sequence = [0, 1, 0, 0];
    let extensions = [0, 0, 0, 0x85, 1, 0x10, 9, 0x40, 2, 0, 0, 0, 0, 0, 0, 0];
    for message in [
        gtp(0x30, 255, &[], &hello()),
        gtp(0x32, 255, &sequence, &hello()),
        gtp(0x34, 255, &extensions, &hello()),
    ] {
        assert_through(&[Tunnel::Gtp], assert_hello(101, &over_udp(2152, &message)));
        let reply = ipv4(UDP, &udp(2152, 3000, &message));
        assert_through(&[Tunnel::Gtp], assert_hello(101, &reply));
    }
}

#[test]
fn gtp_that_is_not_a_user_packet_stays_a_udp_flow() {
    let mut long = gtp(0x30, 255, &[], &hello());
    long[3] += 1;
    for message in [
        gtp(0x32, 1, &[0, 1, 0, 0], &[]),
        gtp(0x20, 255, &[], &hello()),
        gtp(0x34, 255, &[0, 0, 0, 0x85, 0, 0, 0, 0], &hello()),
        gtp(0x34, 255, &[0, 0, 0, 0x85], &hello()),
        gtp(0x30, 255, &[], b"no packet at all in here"),
        long,
    ] {
        assert_outer(&over_udp(2152, &message), 2152);
    }
}

#[test]
fn teredo_is_opened_behind_its_indications() {
    let inner = ipv6(TCP, &tcp(0x18, &[], b"hello"));
    let origin = [0, 0, 1, 2, 3, 4, 5, 6];
    let auth = [0, 1, 2, 3, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for indications in [vec![], origin.to_vec(), auth.to_vec(), cat(&[&auth, &origin])] {
        let frame = over_udp(3544, &cat(&[&indications, &inner]));
        let packet = decoded(101, &frame);
        assert_eq!(packet.payload(&frame), b"hello");
        assert_through(&[Tunnel::Teredo], packet);
    }
    let bubble = ipv6(59, &[]);
    assert_outer(&over_udp(3544, &bubble), 3544);
    assert_outer(&over_udp(3544, &cat(&[&inner, b"tail"])), 3544);
}

#[test]
fn tunnels_stay_closed_when_asked() {
    assert_eq!(closed(&ipv4(4, &hello())), Outcome::Undecoded(Reason::TransportOther));
    assert_eq!(closed(&ipv4(41, &hello())), Outcome::Undecoded(Reason::TransportOther));
    assert_eq!(closed(&gre(0, 0x0800, &[], &hello())), Outcome::Undecoded(Reason::TransportOther));
    let vxlan = over_udp(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, &hello())]));
    let Outcome::Transport(packet) = closed(&vxlan) else { panic!() };
    assert_eq!((packet.endpoints.dport, packet.tunnels), (4789, 0));
}

#[test]
fn udp_tunnel_whose_inside_does_not_decode_is_the_outer_flow() {
    let arp = ethernet(0x0806, &[0; 28]);
    assert_outer(&over_udp(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], &arp])), 4789);
    let ospf = ethernet(0x0800, &ipv4(89, &[0; 24]));
    assert_outer(&over_udp(6081, &cat(&[&[0, 0, 0x65, 0x58, 0, 0, 1, 0], &ospf])), 6081);
}

#[test]
fn tunnels_are_opened_up_to_the_limit_and_no_further() {
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let layers: [Wrap; 5] = [
        |inside| ipv4(4, inside),
        |inside| gre(0, 0x0800, &[], inside),
        |inside| over_udp(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, inside)])),
        |inside| over_udp(2152, &gtp(0x30, 255, &[], inside)),
        |inside| over_udp(6081, &cat(&[&[0, 0, 8, 0, 0, 0, 1, 0], inside])),
    ];
    for layer in layers {
        let nest = |depth| (0..depth).fold(hello(), |inside, _| layer(&inside));
        assert_hello(101, &nest(16));
        assert_refused(101, &nest(17), Reason::TooDeep);
        assert_refused(101, &nest(100), Reason::TooDeep);
    }
    let teredo = |inside: &[u8]| ipv6(UDP, &udp(3544, 3544, inside));
    let inner = ipv6(TCP, &tcp(0x18, &[], b"hello"));
    let nested = (0..100).fold(inner, |inside, _| teredo(&inside));
    assert_refused(101, &nested, Reason::TooDeep);
}
