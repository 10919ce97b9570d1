//! How fast a source reads, for comparison with a lower bound:
//! `WIRETROPY_BENCH=FILE cargo test --release --test source_speed -- --ignored --nocapture`.

use std::time::Instant;
use wiretropy_core::limits::EPOCH_PACKETS;
use wiretropy_core::packet::Chunk;
use wiretropy_core::source::{open, Input, SourceSettings};

#[test]
#[ignore = "a measurement, not a check"]
fn speed_of_reading_alone() {
    let Some(paths) = std::env::var_os("WIRETROPY_BENCH") else {
        println!("skipped: WIRETROPY_BENCH names no capture");
        return;
    };
    for path in std::env::split_paths(&paths) {
        for _ in 0..5 {
            let mut source = open(vec![Input::File(path.clone())], SourceSettings::default());
            let mut chunks = [Chunk::default(), Chunk::default()];
            let (mut packets, mut bytes, mut more) = (0u64, 0u64, true);
            let start = Instant::now();
            while more {
                chunks.swap(0, 1);
                more = source.fill(&mut chunks[0], EPOCH_PACKETS);
                packets += chunks[0].packets.len() as u64;
                bytes += chunks[0].packets.iter().map(|p| u64::from(p.caplen)).sum::<u64>();
            }
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{}: {packets} packets, {bytes} bytes in {seconds:.4} s, {:.2} GB/s; {:?}",
                path.display(),
                bytes as f64 / seconds / 1e9,
                source.take_faults(),
            );
        }
    }
}
