//! Pieces of a series of bytes, and what follows from bytes that stand side by side.

use super::PacketRef;

/// Bytes over which sums are kept at a time, so that 32 bits hold them.
const SUM_BYTES: usize = 32_768;

/// A piece of a series, with the sum of the products of its successive bytes.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub bytes: &'a [u8],
    pub packet: PacketRef,
    products: u32,
}

impl<'a> Piece<'a> {
    /// Cut the payload of a packet into pieces.
    pub fn cut(bytes: &'a [u8], packet: PacketRef) -> impl Iterator<Item = Self> {
        bytes.chunks(SUM_BYTES).map(move |bytes| {
            // At most 32,768 products of at most 65,025: the sum fits 32 bits and cannot wrap.
            let pairs = bytes.iter().zip(&bytes[1..]);
            let products = pairs.map(|(&a, &b)| u32::from(a) * u32::from(b));
            Self { bytes, packet, products: products.fold(0_u32, u32::wrapping_add) }
        })
    }
}

/// Sum of products of successive bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Neighbours {
    sum: u128,
    first: u8,
    last: u8,
}

impl Neighbours {
    pub fn add(&mut self, piece: &Piece<'_>, is_first: bool) {
        let (Some(&first), Some(&last)) = (piece.bytes.first(), piece.bytes.last()) else {
            return;
        };
        if is_first {
            self.first = first;
        } else {
            self.sum += u128::from(self.last) * u128::from(first);
        }
        self.sum += u128::from(piece.products);
        self.last = last;
    }

    /// The sum with the product of the last and the first byte.
    pub fn circular(&self) -> u128 {
        self.sum + u128::from(self.last) * u128::from(self.first)
    }
}
