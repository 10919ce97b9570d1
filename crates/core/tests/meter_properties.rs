//! Meters against sums that are carried with their rounding errors, on any bytes in any pieces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use wiretropy_core::limits::MAX_CROSSINGS;
use wiretropy_core::meter::{grid, Crossing, Meter, MeterSettings, Meters, PacketRef};

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

/// The bytes of one packet after the other.
fn cut<'a>(bytes: &'a [u8], pieces: &'a [usize]) -> impl Iterator<Item = (&'a [u8], PacketRef)> {
    let mut rest = bytes;
    (0..).zip(pieces.iter().cycle()).map_while(move |(number, &piece)| {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        (!now.is_empty()).then_some((now, PacketRef { file: 0, number: number + 1 }))
    })
}

fn measure_with(settings: MeterSettings, bytes: &[u8], pieces: &[usize]) -> Meter {
    let mut meter = Meter::new(settings);
    for (piece, packet) in cut(bytes, pieces) {
        meter.update(piece, packet);
    }
    meter.finish();
    meter
}

fn measure(bytes: &[u8], pieces: &[usize], depth: Option<u64>) -> Meter {
    measure_with(MeterSettings { depth, threshold: 7.0 }, bytes, pieces)
}

/// Every change of side of the threshold, from the entropy after each byte. Entropy that lies up to
/// 1e-10 below the threshold counts as on it.
fn crossings(bytes: &[u8], pieces: &[usize], threshold: f64) -> Vec<Crossing> {
    let g = |count: u64| if count == 0 { 0.0 } else { count as f64 * (count as f64).log2() };
    let (mut counts, mut sum, mut lost) = ([0_u64; 256], 0.0_f64, 0.0_f64);
    let (mut offset, mut is_above, mut found) = (0_u64, false, vec![]);
    for (piece, packet) in cut(bytes, pieces) {
        for &byte in piece {
            let count = &mut counts[usize::from(byte)];
            // Kahan's sum.
            let term = g(*count + 1) - g(*count) - lost;
            let next = sum + term;
            (lost, sum) = ((next - sum) - term, next);
            *count += 1;
            offset += 1;
            let entropy = (offset as f64).log2() - sum / offset as f64;
            if (entropy >= threshold - 1e-10) != is_above {
                is_above = !is_above;
                found.push(Crossing { offset, packet });
            }
        }
    }
    found
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
    fn every_crossing_is_found_and_no_other(
        bytes in bytes(), pieces in pieces(), place in any::<prop::sample::Index>(),
        above in prop_oneof![Just(0.0), Just(5e-11), Just(9e-11), Just(1e-6)],
    ) {
        // A threshold that the entropy does reach, and most likely hovers around.
        let threshold = oracle(&bytes[..=place.index(bytes.len())]) + above;
        let settings = MeterSettings { depth: None, threshold };
        let meter = measure_with(settings, &bytes, &pieces);
        let expected = crossings(&bytes, &pieces, threshold);
        let kept = expected.len().min(MAX_CROSSINGS);
        prop_assert_eq!(meter.crossings(), &expected[..kept]);
    }

    #[test]
    fn meters_of_both_sides_are_three_independent_meters(
        bytes in bytes(), pieces in pieces(), sides in prop::collection::vec(any::<bool>(), 1..8),
        depth in prop_oneof![Just(None), (1..30_000_u64).prop_map(Some)],
        threshold in prop_oneof![Just(7.9), Just(7.0), Just(4.0)],
    ) {
        let settings = MeterSettings { depth, threshold };
        let mut meters = Meters::new(settings);
        let mut each = [settings, settings, MeterSettings { depth: None, threshold }].map(Meter::new);
        for (at, (piece, packet)) in cut(&bytes, &pieces).enumerate() {
            let is_orig = sides[at % sides.len()];
            let taken = meters.update(is_orig, piece, packet);
            prop_assert_eq!(each[usize::from(!is_orig)].update(piece, packet), taken);
            each[2].update(&piece[..taken], packet);
            prop_assert_eq!(meters.entropies(), each.each_ref().map(Meter::entropy));
        }
        meters.finish();
        for (meter, alone) in meters.each().into_iter().zip(&mut each) {
            alone.finish();
            prop_assert_eq!(meter.crossings(), alone.crossings());
            prop_assert_eq!(report(meter), report(alone));
        }
    }
}
