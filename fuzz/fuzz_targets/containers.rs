//! Any bytes as a capture: pcap, pcapng, and what gzip, Zstandard and LZ4 hold.
//!
//! The first byte decides how many packets are asked for at a time and whether broken records are
//! skipped; how a capture is asked for must not show in what it gives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wiretropy_core::packet::Chunk;
use wiretropy_core::source::Source;
use wiretropy_fuzz::source_of;

/// Times and frames of all packets, and identifiers of all faults.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    packets: Vec<(i64, u64, u32, Vec<u8>)>,
    faults: Vec<(&'static str, u64, u64)>,
}

fn drain(mut source: Box<dyn Source>, max: usize) -> Reading {
    let mut chunk = Chunk::default();
    let mut reading = Reading { packets: vec![], faults: vec![] };
    loop {
        let has_more = source.fill(&mut chunk, max);
        assert!(chunk.packets.len() <= max);
        for packet in &chunk.packets {
            let frame = chunk.bytes(packet);
            assert_eq!(frame.len(), packet.caplen as usize);
            // A broken packet block takes a number too, as it does in Wireshark.
            assert!(packet.number > reading.packets.last().map_or(0, |last| last.1));
            reading.packets.push((packet.ts_ns, packet.number, packet.origlen, frame.to_vec()));
        }
        let faults = source.take_faults().into_iter();
        reading.faults.extend(faults.map(|fault| (fault.id, fault.offset, fault.packets)));
        if !has_more {
            // Warnings that are counted first come when they are asked for.
            reading.faults.sort_by_key(|fault| (fault.1, fault.0));
            return reading;
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, capture)) = data.split_first() else {
        return;
    };
    let is_resync = first & 1 != 0;
    let whole = drain(source_of(capture, is_resync), 8192);
    if capture.len() < 1 << 16 {
        let parts = drain(source_of(capture, is_resync), 1 + usize::from(first >> 1));
        assert_eq!(whole, parts);
    }
});
