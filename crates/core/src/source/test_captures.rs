//! Captures for tests, written field by field: known answers that no reader had a part in.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

/// A packet to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub ts_ns: u64,
    pub origlen: u32,
    pub bytes: Vec<u8>,
}

impl Frame {
    pub fn new(ts_ns: u64, bytes: &[u8]) -> Self {
        Self { ts_ns, origlen: bytes.len() as u32, bytes: bytes.to_vec() }
    }
}

/// Byte order of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    pub fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// Five packets of several sizes, at whole microseconds, in order.
pub fn five_frames() -> Vec<Frame> {
    let second = 1_000_000_000;
    (0..5u64)
        .map(|i| {
            let bytes: Vec<u8> = (0..(i * 13 + 1)).map(|b| (b * 7 + i) as u8 | 1).collect();
            Frame {
                ts_ns: 1_700_000_000 * second + i * 250_000_000 + i * 1_000,
                origlen: bytes.len() as u32 + (i as u32 % 2) * 100,
                bytes,
            }
        })
        .collect()
}

/// A pcap file header.
pub fn pcap_header(order: Order, nanoseconds: bool, snaplen: u32, network: u32) -> Vec<u8> {
    let magic: u32 = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let mut out = order.u32(magic).to_vec();
    out.extend(order.u16(2));
    out.extend(order.u16(4));
    out.extend([0; 8]);
    out.extend(order.u32(snaplen));
    out.extend(order.u32(network));
    out
}

/// A pcap record with fields as given, whatever they are.
pub fn record(order: Order, fields: [u32; 4], bytes: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = fields.iter().flat_map(|&field| order.u32(field)).collect();
    out.extend(bytes);
    out
}

/// A pcap record of `frame`.
pub fn frame_record(order: Order, nanoseconds: bool, frame: &Frame) -> Vec<u8> {
    let fraction = frame.ts_ns % 1_000_000_000;
    let fields = [
        (frame.ts_ns / 1_000_000_000) as u32,
        if nanoseconds { fraction } else { fraction / 1_000 } as u32,
        frame.bytes.len() as u32,
        frame.origlen,
    ];
    record(order, fields, &frame.bytes)
}

/// A whole pcap file of Ethernet frames.
pub fn pcap(order: Order, nanoseconds: bool, frames: &[Frame]) -> Vec<u8> {
    let mut out = pcap_header(order, nanoseconds, 65_535, 1);
    for frame in frames {
        out.extend(frame_record(order, nanoseconds, frame));
    }
    out
}

/// A pcapng block with a body that is padded to 32 bits.
pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = order.u32(padded as u32 + 12);
    let mut out = order.u32(kind).to_vec();
    out.extend(length);
    out.extend(body);
    out.resize(8 + padded, 0);
    out.extend(length);
    out
}

/// A section header block that states no length.
pub fn section(order: Order, major: u16) -> Vec<u8> {
    let mut body = order.u32(0x1a2b_3c4d).to_vec();
    body.extend(order.u16(major));
    body.extend(order.u16(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

/// One option of a block.
pub fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = order.u16(code).to_vec();
    out.extend(order.u16(value.len() as u16));
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An interface description block.
pub fn interface(order: Order, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
    let mut body = order.u16(link).to_vec();
    body.extend([0; 2]);
    body.extend(order.u32(snaplen));
    body.extend(options);
    block(order, 1, &body)
}

/// An enhanced packet block with `ticks` as its time.
pub fn enhanced(order: Order, interface: u32, ticks: u64, frame: &Frame) -> Vec<u8> {
    enhanced_with(order, interface, ticks, frame, &[])
}

/// The same, with options.
pub fn enhanced_with(
    order: Order,
    interface: u32,
    ticks: u64,
    frame: &Frame,
    options: &[u8],
) -> Vec<u8> {
    let mut body = order.u32(interface).to_vec();
    body.extend(order.u32((ticks >> 32) as u32));
    body.extend(order.u32(ticks as u32));
    body.extend(order.u32(frame.bytes.len() as u32));
    body.extend(order.u32(frame.origlen));
    body.extend(&frame.bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options);
    block(order, 6, &body)
}

/// A simple packet block.
pub fn simple(order: Order, origlen: u32, bytes: &[u8]) -> Vec<u8> {
    let mut body = order.u32(origlen).to_vec();
    body.extend(bytes);
    block(order, 3, &body)
}

/// A whole pcapng file of Ethernet frames, with times in nanoseconds or microseconds.
pub fn pcapng(order: Order, nanoseconds: bool, frames: &[Frame]) -> Vec<u8> {
    let mut out = section(order, 1);
    let resolution = if nanoseconds { 9 } else { 6 };
    out.extend(interface(order, 1, 65_535, &option(order, 9, &[resolution])));
    for frame in frames {
        let ticks = if nanoseconds { frame.ts_ns } else { frame.ts_ns / 1_000 };
        out.extend(enhanced(order, 0, ticks, frame));
    }
    out
}

/// `bytes` as one gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// `bytes` as one Zstandard frame with a checksum.
pub fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    writer.include_checksum(true).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// `bytes` as one LZ4 frame with checksums.
pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .content_checksum(true)
        .block_checksums(true);
    let mut writer = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}
