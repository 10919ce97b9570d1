//! What the tests of sources share: captures, temporary files, and reading to the end.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../src/source/test_captures.rs"]
pub mod captures;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use wiretropy_core::error::{Fault, Severity};
use wiretropy_core::packet::Chunk;
use wiretropy_core::source::{open, Input, Source, SourceSettings};

/// What a test looks at of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub ts_ns: i64,
    pub number: u64,
    pub file: u32,
    pub origlen: u32,
    pub link: u16,
    pub fcs_len: u8,
    pub bytes: Vec<u8>,
}

/// What a source came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub packets: Vec<Packet>,
    pub faults: Vec<Fault>,
}

impl Reading {
    /// Identifiers of the faults, in their order.
    pub fn ids(&self) -> Vec<&'static str> {
        self.faults.iter().map(|fault| fault.id).collect()
    }

    /// The only fault.
    pub fn fault(&self) -> &Fault {
        assert_eq!(self.faults.len(), 1, "{:?}", self.faults);
        &self.faults[0]
    }

    pub fn bytes(&self) -> Vec<Vec<u8>> {
        self.packets.iter().map(|p| p.bytes.clone()).collect()
    }

    pub fn severity(&self) -> Option<Severity> {
        self.faults.iter().map(|fault| fault.severity).max()
    }
}

/// Read `source` to its end, `max` packets at a time.
pub fn drain(mut source: Box<dyn Source>, max: usize) -> Reading {
    let mut chunk = Chunk::default();
    let (mut packets, mut faults) = (Vec::new(), Vec::new());
    loop {
        let more = source.fill(&mut chunk, max);
        assert!(chunk.packets.len() <= max);
        packets.extend(chunk.packets.iter().map(|packet| {
            let bytes = chunk.bytes(packet).to_vec();
            assert_eq!(bytes.len(), packet.caplen as usize);
            Packet {
                ts_ns: packet.ts_ns,
                number: packet.number,
                file: packet.file,
                origlen: packet.origlen,
                link: packet.link.0,
                fcs_len: packet.fcs_len,
                bytes,
            }
        }));
        faults.extend(source.take_faults());
        if !more {
            assert!(!source.fill(&mut chunk, max) && chunk.packets.is_empty());
            return Reading { packets, faults };
        }
    }
}

/// Read the file at `path` to its end.
pub fn read(path: &Path) -> Reading {
    read_with(path, SourceSettings::default())
}

pub fn read_with(path: &Path, settings: SourceSettings) -> Reading {
    drain(open(vec![Input::File(path.into())], settings), 8192)
}

/// Write `bytes` to a file and read that.
pub fn read_bytes(bytes: &[u8]) -> Reading {
    read_bytes_with(bytes, SourceSettings::default())
}

pub fn read_bytes_with(bytes: &[u8], settings: SourceSettings) -> Reading {
    let folder = Folder::new();
    let path = folder.write("capture", bytes);
    let mut reading = read_with(&path, settings);
    for fault in &mut reading.faults {
        fault.path = "capture".into();
    }
    reading
}

pub fn resync() -> SourceSettings {
    SourceSettings { resync: true, ..SourceSettings::default() }
}

/// A folder that is removed in the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wiretropy-source-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
