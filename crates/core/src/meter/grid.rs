//! The trajectory grid: the stream offsets at which a trajectory is sampled.
//!
//! Every [`DENSE_STEP`] bytes up to [`DENSE_END`], where a key exchange shows; after that
//! [`POINTS_PER_OCTAVE`] points per doubling, so that a stream of any length has a curve of
//! bounded size. `schema.py` states the same grid and a test compares the two.

/// Distance of grid points in the dense part, in bytes.
pub const DENSE_STEP: u64 = 32;
/// End of the dense part, in bytes.
pub const DENSE_END: u64 = 2048;
/// Grid points in each doubling beyond the dense part.
pub const POINTS_PER_OCTAVE: u64 = 8;
/// Longest run of bytes between two looks at the threshold; grid intervals grow beyond it.
pub const CHECK_BYTES: u64 = 2048;

/// First grid point after `offset`.
#[must_use]
pub fn next_point(offset: u64) -> u64 {
    next_multiple(offset, interval(offset))
}

/// First grid point or check after `offset`: at most [`CHECK_BYTES`] away.
#[must_use]
pub fn next_check(offset: u64) -> u64 {
    next_multiple(offset, interval(offset).min(CHECK_BYTES))
}

/// Distance between the grid points around `offset`; a power of two.
fn interval(offset: u64) -> u64 {
    if offset < DENSE_END {
        return DENSE_STEP;
    }
    (1 << offset.ilog2()) / POINTS_PER_OCTAVE
}

/// First multiple of `step`, a power of two, after `offset`.
fn next_multiple(offset: u64, step: u64) -> u64 {
    (offset | (step - 1)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_is_dense_to_2048_and_has_8_points_per_doubling() {
        let mut points = vec![];
        let mut at = 0;
        while at < 65_536 {
            at = next_point(at);
            points.push(at);
        }
        assert_eq!(points.len(), 64 + 5 * 8);
        assert_eq!(points[..3], [32, 64, 96]);
        assert_eq!(points[63..66], [2048, 2304, 2560]);
        assert_eq!(points[71..73], [4096, 4608]);
        assert_eq!(points.last(), Some(&65_536));
    }

    #[test]
    fn checks_are_never_farther_apart_than_the_cap_and_hit_every_point() {
        let (mut at, mut point) = (0, next_point(0));
        while at < 1 << 20 {
            let check = next_check(at);
            assert!(check > at && check - at <= CHECK_BYTES);
            assert!(check <= point);
            at = check;
            if at == point {
                point = next_point(at);
            }
        }
    }
}
