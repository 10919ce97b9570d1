//! Shows what decoding costs per packet. Run it on a capture of your own:
//! `WIRETROPY_SPEED_PCAP=x.pcap cargo test --release --test decode_speed -- --ignored --nocapture`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;
use wiretropy_core::decode::{Decoder, Outcome};
use wiretropy_core::packet::LinkType;

/// Places of the packets in a little-endian Ethernet capture.
fn packets(capture: &[u8]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut at = 24;
    while let Some(header) = capture.get(at..at + 16) {
        let caplen = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        places.push((at + 16, caplen));
        at += 16 + caplen;
    }
    places
}

#[test]
#[ignore = "a measurement, not a check"]
fn nanoseconds_per_packet() {
    let path = std::env::var("WIRETROPY_SPEED_PCAP").expect("WIRETROPY_SPEED_PCAP names a capture");
    let capture = std::fs::read(path).unwrap();
    let places = packets(&capture);
    let decoder = Decoder::default();
    for (name, places) in [("whole file", &places[..]), ("in cache", &places[..1000])] {
        let rounds = (20_000_000 / places.len()).max(1);
        let mut best = f64::INFINITY;
        let (mut payload, mut flows) = (0u64, 0u64);
        for _ in 0..rounds {
            let started = Instant::now();
            for &(start, caplen) in places {
                let frame = &capture[start..start + caplen];
                let outcome = decoder.decode(LinkType::ETHERNET, 0, frame, caplen as u32);
                if let Outcome::Transport(packet) = &outcome {
                    payload += u64::from(packet.payload_captured);
                    flows += u64::from(packet.endpoints.sport) + u64::from(packet.endpoints.src[3]);
                }
            }
            best = best.min(started.elapsed().as_secs_f64());
        }
        // The quickest round: what disturbs a measurement only ever makes it slower.
        let per_packet = best * 1e9 / places.len() as f64;
        println!("{name}: {per_packet:.2} ns a packet, check {payload} {flows}");
    }
}
