//! Meters against sums that are carried with their rounding errors, on any bytes in any pieces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use wiretropy_core::meter::{grid, Meter, MeterSettings, PacketRef};

/// Largest difference from the true entropy that is accepted, in bits per byte.
const TOLERANCE: f64 = 1e-10;

/// Entropy by its definition; Neumaier's sum keeps the rounding errors of 256 terms.
fn oracle(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let total = bytes.len() as f64;
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for count in counts.into_iter().filter(|&count| count > 0) {
        let share = f64::from(count) / total;
        let term = -share * share.log2();
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + lost
}

fn measure(bytes: &[u8], pieces: &[usize], depth: Option<u64>) -> Meter {
    let mut meter = Meter::new(MeterSettings { depth, threshold: 7.0 });
    let (mut rest, mut number) = (bytes, 0);
    while !rest.is_empty() {
        let piece = pieces[number % pieces.len()].min(rest.len());
        let (now, later) = rest.split_at(piece);
        number += 1;
        meter.update(now, PacketRef { file: 0, number: number as u64 });
        rest = later;
    }
    meter.finish();
    meter
}

/// Everything that a meter says, floats by their bits.
fn report(meter: &Meter) -> impl PartialEq + std::fmt::Debug {
    let bits = |floats: &[f64]| floats.iter().map(|float| float.to_bits()).collect::<Vec<_>>();
    (
        meter.len(),
        meter.entropy().map(f64::to_bits),
        bits(meter.trajectory()),
        bits(meter.block_entropy()),
        meter.crossings().iter().map(|crossing| crossing.offset).collect::<Vec<_>>(),
        meter.scalars().map(|scalars| format!("{scalars:?}")),
        meter.counts(),
    )
}

/// Runs of bytes of different kinds: constant, few values, all values.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let run = (1..9000_usize, any::<u64>(), 0..9_u32).prop_map(|(length, seed, shift)| {
        let mut state = seed | 1;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as u8).checked_shr(shift).unwrap_or(0)
        };
        (0..length).map(|_| next()).collect::<Vec<u8>>()
    });
    prop::collection::vec(run, 1..6).prop_map(|runs| runs.concat())
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![Just(1_usize), 1..40_usize, 1..5000_usize], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..Default::default() })]

    #[test]
    fn pieces_never_show(bytes in bytes(), pieces in pieces()) {
        let whole = measure(&bytes, &[bytes.len()], None);
        prop_assert_eq!(report(&measure(&bytes, &pieces, None)), report(&whole));
    }

    #[test]
    fn entropies_are_true_and_in_range(bytes in bytes(), pieces in pieces()) {
        let meter = measure(&bytes, &pieces, None);
        let (mut last, mut at) = (0, 0);
        for (&cumulative, &block) in meter.trajectory().iter().zip(meter.block_entropy()) {
            at = grid::next_point(at);
            let end = at as usize;
            for (measured, part) in [(cumulative, &bytes[..end]), (block, &bytes[last..end])] {
                prop_assert!((measured - oracle(part)).abs() < TOLERANCE, "to {}", end);
                let most = (part.len() as f64).log2().min(8.0);
                prop_assert!((0.0..=most + TOLERANCE).contains(&measured) && measured <= 8.0);
            }
            last = end;
        }
        prop_assert!(grid::next_point(at) > bytes.len() as u64);
        let entropy = meter.entropy().unwrap();
        prop_assert!((entropy - oracle(&bytes)).abs() < TOLERANCE);
        prop_assert!((0.0..=8.0).contains(&entropy));
    }

    #[test]
    fn depth_measures_the_prefix_of_that_length(
        bytes in bytes(), pieces in pieces(), depth in 1..30_000_u64,
    ) {
        let prefix = &bytes[..bytes.len().min(depth as usize)];
        let whole = measure(prefix, &[prefix.len()], None);
        prop_assert_eq!(report(&measure(&bytes, &pieces, Some(depth))), report(&whole));
    }

    #[test]
    fn a_cleared_meter_has_seen_nothing(first in bytes(), second in bytes()) {
        let settings = MeterSettings { depth: None, threshold: 7.0 };
        let mut meter = Meter::new(settings);
        meter.update(&first, PacketRef::default());
        meter.finish();
        meter.clear();
        meter.update(&second, PacketRef::default());
        meter.finish();
        prop_assert_eq!(report(&meter), report(&measure(&second, &[second.len()], None)));
    }

    #[test]
    fn crossings_lie_where_the_threshold_is_passed(bytes in bytes(), pieces in pieces()) {
        let meter = measure(&bytes, &pieces, None);
        let mut is_above = false;
        for crossing in meter.crossings() {
            let at = crossing.offset as usize;
            let now = oracle(&bytes[..at]);
            is_above = !is_above;
            // At the threshold itself rounding decides.
            prop_assert!((now - 7.0).abs() < TOLERANCE || (now >= 7.0) == is_above, "at {}", at);
        }
    }
}
