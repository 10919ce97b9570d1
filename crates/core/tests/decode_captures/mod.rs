//! A small reader of capture files for tests, apart from the product's own: it stops at the first
//! thing that it does not understand.

use std::path::{Path, PathBuf};

/// One packet of a file.
pub struct Packet {
    pub link: u16,
    pub fcs_len: u8,
    pub origlen: u32,
    pub bytes: Vec<u8>,
}

/// The captures below the folder that `WIRETROPY_CORPUS` names, or beside the checkout; none, with
/// the reason printed, if there is no such folder.
pub fn corpus() -> Vec<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let folder = std::env::var("WIRETROPY_CORPUS").unwrap_or_else(|_| beside.to_owned());
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    if files.is_empty() {
        println!("skipped: no captures in {folder}; WIRETROPY_CORPUS names another folder");
    }
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The packets of a pcap or pcapng file, up to its first fault.
pub fn packets(file: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    match file.first_chunk() {
        Some([0x0A, 0x0D, 0x0D, 0x0A]) => blocks(file, &mut packets),
        Some([0xD4, 0xC3, 0xB2, 0xA1] | [0x4D, 0x3C, 0xB2, 0xA1]) => {
            records(file, false, &mut packets)
        }
        Some([0xA1, 0xB2, 0xC3, 0xD4] | [0xA1, 0xB2, 0x3C, 0x4D]) => {
            records(file, true, &mut packets)
        }
        _ => None,
    };
    packets
}

fn word(bytes: &[u8], at: usize, is_big: bool) -> Option<u32> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

fn records(file: &[u8], is_big: bool, packets: &mut Vec<Packet>) -> Option<()> {
    let network = word(file, 20, is_big)?;
    // Bit 26 says that the check sequence's length, in 16-bit words, is in the bits above.
    let fcs_len = if network & (1 << 26) != 0 { (network >> 28) * 2 } else { 0 };
    let mut at = 24;
    loop {
        let caplen = word(file, at + 8, is_big)? as usize;
        let origlen = word(file, at + 12, is_big)?;
        let bytes = file.get(at + 16..(at + 16).checked_add(caplen)?)?.to_vec();
        packets.push(Packet { link: network as u16, fcs_len: fcs_len as u8, origlen, bytes });
        at += 16 + caplen;
    }
}

fn blocks(file: &[u8], packets: &mut Vec<Packet>) -> Option<()> {
    let (mut at, mut is_big, mut links) = (0, false, Vec::new());
    loop {
        if word(file, at, false)? == 0x0A0D_0D0A {
            is_big = word(file, at + 8, true)? == 0x1A2B_3C4D;
            links.clear();
        }
        let length = word(file, at + 4, is_big)? as usize;
        let block = file.get(at..at.checked_add(length)?)?;
        match word(block, 0, is_big)? {
            1 => links.push(word(block, 8, is_big)? as u16),
            3 => {
                let origlen = word(block, 8, is_big)?;
                let caplen = (origlen as usize).min(block.len().checked_sub(16)?);
                let bytes = block.get(12..12 + caplen)?.to_vec();
                packets.push(Packet { link: *links.first()?, fcs_len: 0, origlen, bytes });
            }
            6 => {
                let interface = word(block, 8, is_big)? as usize;
                let caplen = word(block, 20, is_big)? as usize;
                let origlen = word(block, 24, is_big)?;
                let bytes = block.get(28..28usize.checked_add(caplen)?)?.to_vec();
                packets.push(Packet { link: *links.get(interface)?, fcs_len: 0, origlen, bytes });
            }
            _ => {}
        }
        at += length.max(12);
    }
}
