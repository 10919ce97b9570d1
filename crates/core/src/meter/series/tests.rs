use super::*;

fn measure(bytes: &[u8], piece: usize) -> Meter {
    let settings = MeterSettings { depth: None, threshold: 7.9 };
    let mut meter = Meter::new(settings);
    for (number, part) in bytes.chunks(piece).enumerate() {
        let packet = PacketRef { file: 0, number: number as u64 + 1 };
        assert_eq!(meter.update(part, packet), part.len());
    }
    meter.finish();
    meter
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn oracle(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let total = bytes.len() as f64;
    let terms = counts.iter().filter(|&&count| count > 0);
    terms.map(|&count| -f64::from(count) / total * (f64::from(count) / total).log2()).sum()
}

#[test]
fn constant_bytes_have_no_entropy_and_all_values_once_have_eight_bits() {
    assert_eq!(measure(&[7; 5000], 100).entropy(), Some(0.0));
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(measure(&all, 256).entropy(), Some(8.0));
    assert_eq!(measure(&[], 1).entropy(), None);
}

#[test]
fn every_point_agrees_with_the_definition() {
    let mut bytes = noise(140_000);
    bytes[3000..9000].fill(b'a');
    let meter = measure(&bytes, 1460);
    let (mut at, mut last) = (0, 0);
    for (&cumulative, &block) in meter.trajectory().iter().zip(meter.block_entropy()) {
        at = next_point(at);
        let end = at as usize;
        assert!((cumulative - oracle(&bytes[..end])).abs() < 1e-11, "at {at}");
        assert!((block - oracle(&bytes[last..end])).abs() < 1e-11, "block to {at}");
        last = end;
    }
    assert_eq!(meter.trajectory().len(), meter.block_entropy().len());
    assert!(last > 130_000);
    assert!((meter.entropy().unwrap_or(0.0) - oracle(&bytes)).abs() < 1e-11);
}

#[test]
fn pieces_do_not_matter() {
    let bytes = noise(70_000);
    let whole = measure(&bytes, bytes.len());
    for piece in [1, 7, 32, 1000, 2049] {
        let meter = measure(&bytes, piece);
        assert_eq!(meter.trajectory(), whole.trajectory());
        assert_eq!(meter.block_entropy(), whole.block_entropy());
        assert_eq!(meter.scalars(), whole.scalars());
        let offsets = |m: &Meter| m.crossings().iter().map(|c| c.offset).collect::<Vec<_>>();
        assert_eq!(offsets(&meter), offsets(&whole));
    }
}

#[test]
fn crossing_names_the_byte_and_its_packet() {
    let bytes = noise(8000);
    let meter = measure(&bytes, 100);
    let crossing = meter.crossings()[0];
    let at = crossing.offset as usize;
    assert!(oracle(&bytes[..at]) >= 7.9 && oracle(&bytes[..at - 1]) < 7.9);
    assert_eq!(crossing.packet.number, (at as u64 - 1) / 100 + 1);
}

#[test]
fn a_fall_below_the_threshold_is_a_second_crossing() {
    let mut bytes = noise(4000);
    bytes.extend([0; 4000]);
    let meter = measure(&bytes, 500);
    assert!(meter.crossings().len() >= 2 && meter.crossings().len().is_multiple_of(2));
    let fall = meter.crossings()[meter.crossings().len() - 1].offset as usize;
    assert!(fall > 4000 && oracle(&bytes[..fall]) < 7.9 && oracle(&bytes[..fall - 1]) >= 7.9);
}

#[test]
fn depth_bounds_what_is_measured() {
    let mut meter = Meter::new(MeterSettings { depth: Some(100), threshold: 7.9 });
    assert_eq!(meter.update(&noise(70), PacketRef::default()), 70);
    assert_eq!(meter.update(&noise(70), PacketRef::default()), 30);
    assert_eq!(meter.update(&noise(70), PacketRef::default()), 0);
    meter.finish();
    assert_eq!(meter.len(), 100);
}

#[test]
fn serial_correlation_follows_knuth() {
    // 1, 2, 3, 4: n*sum(xy) - (sum x)^2 over n*sum(x^2) - (sum x)^2 = (4*24 - 100) / (4*30 - 100).
    let scalars = measure(&[1, 2, 3, 4], 2).scalars();
    assert_eq!(scalars.and_then(|s| s.serial_correlation), Some(-0.2));
    assert_eq!(measure(&[5; 10], 3).scalars().and_then(|s| s.serial_correlation), None);
}

#[test]
fn sums_over_bytes_equal_sums_over_their_counts() {
    let mixed: Vec<u8> = (0..511_u32).map(|i| (i * i / 7) as u8).collect();
    for bytes in [&mixed[..1], &mixed[..32], &mixed[..100], &mixed[..], &[255; 511], &[b'~'; 511]] {
        let meter = measure(bytes, 50);
        let sums = Sums::of(&meter.counts());
        let expected = Some(sums.scalars(meter.neighbours.circular()));
        assert_eq!(meter.scalars(), expected, "{} bytes", bytes.len());
    }
}

#[test]
fn chi_square_of_uniform_counts_is_zero() {
    let all: Vec<u8> = (0..=255).cycle().take(1024).collect();
    let scalars = measure(&all, 100).scalars();
    assert_eq!(
        scalars.map(|s| (s.chi_square, s.distinct_bytes, s.set_bits_per_byte)),
        Some((0.0, 256, 4.0))
    );
}
