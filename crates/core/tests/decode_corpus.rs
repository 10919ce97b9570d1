//! Shows that real and malformed captures decode as etherparse decodes them, packet by packet.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode_captures;

use decode_captures::{corpus, packets, Packet};
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use wiretropy_core::decode::{Decoder, Defragmenter, FragmentOutcome, Outcome, Reason};
use wiretropy_core::packet::LinkType;

/// Addresses, ports and payload as both programs give them.
#[derive(Debug, PartialEq)]
struct Summary {
    src: Vec<u8>,
    dst: Vec<u8>,
    ports: (u16, u16),
    payload: Vec<u8>,
}

fn ours(packet: &Packet) -> Outcome {
    let decoder = Decoder { decap: false, ..Decoder::default() };
    decoder.decode(LinkType(packet.link), packet.fcs_len, &packet.bytes, packet.origlen)
}

fn our_summary(packet: &Packet) -> Option<Summary> {
    let Outcome::Transport(decoded) = ours(packet) else {
        return None;
    };
    let endpoints = decoded.endpoints;
    let width = if endpoints.is_v6 { 16 } else { 4 };
    matches!(endpoints.proto, 6 | 17).then(|| Summary {
        src: endpoints.src[..width].to_vec(),
        dst: endpoints.dst[..width].to_vec(),
        ports: (endpoints.sport, endpoints.dport),
        payload: decoded.payload(&packet.bytes).to_vec(),
    })
}

/// What etherparse makes of an Ethernet frame with TCP or UDP, fragments left out.
fn their_summary(packet: &Packet) -> Option<Summary> {
    let sliced = LaxSlicedPacket::from_ethernet(&packet.bytes).ok()?;
    let (src, dst, payload) = match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            (header.source().to_vec(), header.destination().to_vec(), ip.payload())
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            (header.source().to_vec(), header.destination().to_vec(), ip.payload())
        }
        _ => return None,
    };
    if payload.fragmented {
        return None;
    }
    let (ports, payload) = match sliced.transport.as_ref()? {
        TransportSlice::Tcp(tcp) => ((tcp.source_port(), tcp.destination_port()), tcp.payload()),
        TransportSlice::Udp(udp) => ((udp.source_port(), udp.destination_port()), udp.payload()),
        _ => return None,
    };
    Some(Summary { src, dst, ports, payload: payload.to_vec() })
}

#[test]
fn ethernet_packets_agree_with_etherparse() {
    let (mut agreed, mut only_ours, mut differences) = (0u64, 0u64, Vec::new());
    for path in corpus() {
        let file = std::fs::read(&path).unwrap();
        let packets = packets(&file);
        for (number, packet) in (1..).zip(&packets) {
            if packet.link != 1 {
                continue;
            }
            match (our_summary(packet), their_summary(packet)) {
                (a, b) if a == b => agreed += 1,
                (Some(_), None) => only_ours += 1,
                // etherparse passes over a total length that is shorter than the header; we do not.
                (None, Some(_)) if ours(packet) == Outcome::Undecoded(Reason::BadIpLength) => {}
                (a, b) => differences.push(format!(
                    "{} {number}: {a:?} {:?} {b:?}",
                    path.display(),
                    ours(packet)
                )),
            }
        }
    }
    println!("{agreed} packets agree, {only_ours} are decoded by us alone");
    for difference in differences.iter().take(20) {
        println!("{difference:.600}");
    }
    assert!(differences.is_empty(), "{} packets differ", differences.len());
}

#[test]
fn every_packet_of_the_corpus_is_accounted_for_once() {
    let mut counts = [0u64; Reason::COUNT];
    let (mut total, mut direct, mut joined) = (0u64, 0u64, 0u64);
    for path in corpus() {
        let file = std::fs::read(&path).unwrap();
        let mut table = Defragmenter::default();
        let decoder = Decoder::default();
        for (number, packet) in (0u64..).zip(packets(&file)) {
            total += 1;
            let link = LinkType(packet.link);
            match decoder.decode(link, packet.fcs_len, &packet.bytes, packet.origlen) {
                Outcome::Transport(_) => direct += 1,
                Outcome::Undecoded(reason) => counts[reason as usize] += 1,
                Outcome::Fragment(fragment) => {
                    match table.insert(&fragment, fragment.payload(&packet.bytes), 0, number) {
                        FragmentOutcome::Held => {}
                        FragmentOutcome::Refused(reason) => counts[reason as usize] += 1,
                        FragmentOutcome::Complete { bytes, context, packets } => {
                            match decoder.resume(&context, &bytes) {
                                Outcome::Undecoded(reason) => {
                                    counts[reason as usize] += packets.len() as u64
                                }
                                _ => joined += packets.len() as u64,
                            }
                        }
                    }
                }
            }
        }
        table.flush();
        for (_, reason) in table.take_dropped() {
            counts[reason as usize] += 1;
        }
    }
    println!("{total} packets: {direct} decoded, {joined} in datagrams");
    for reason in Reason::all().filter(|reason| counts[*reason as usize] > 0) {
        println!("{:>8} {reason}", counts[reason as usize]);
    }
    assert_eq!(total, direct + joined + counts.iter().sum::<u64>());
}
