//! Real and malicious captures: every one is read without a panic, and gives as many packets as
//! `capinfos` counts.
#![allow(clippy::unwrap_used)]

mod source_kit;

use source_kit::{read, read_with, resync, Reading};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The captures beside the checkout, or where `WIRETROPY_CORPUS` says.
fn corpus() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("WIRETROPY_CORPUS").map_or(beside, PathBuf::from);
    let mut captures = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let extension = path.extension().unwrap_or_default().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if extension != "csv" && extension != "md" {
                captures.push(path);
            }
        }
    }
    captures.sort();
    if captures.is_empty() {
        println!("skipped: no captures in {}", folder.display());
    }
    captures
}

/// Packets that `capinfos` counts in each of `captures`; `None` if it is not installed. Files
/// that it refuses are absent.
fn counted_by_capinfos(captures: &[PathBuf]) -> Option<HashMap<PathBuf, u64>> {
    let mut counts = HashMap::new();
    for some in captures.chunks(100) {
        let mut command = Command::new("capinfos");
        command.args(["-c", "-T", "-M", "-r"]).args(some);
        let output = command.output().ok()?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((path, count)) = line.rsplit_once('\t') {
                counts.insert(PathBuf::from(path), count.parse().unwrap());
            }
        }
    }
    Some(counts)
}

/// Records of zeros at the end of a file: packets to `capinfos`, padding to us.
fn padding_records(path: &Path, reading: &Reading) -> u64 {
    let padding = reading.faults.iter().find(|fault| fault.id == "zero-padding");
    let size = std::fs::metadata(path).unwrap().len();
    padding.map_or(0, |fault| (size - fault.offset) / 16)
}

#[test]
fn every_capture_gives_as_many_packets_as_capinfos_counts() {
    let captures = corpus();
    let expected = counted_by_capinfos(&captures);
    if expected.is_none() {
        println!("skipped: capinfos is not installed, so counts are not compared");
    }
    let mut different = Vec::new();
    for path in &captures {
        let start = Instant::now();
        let reading = read(path);
        assert!(start.elapsed() < Duration::from_secs(2), "{}", path.display());
        let count = reading.packets.len() as u64 + padding_records(path, &reading);
        if let Some(&expected) = expected.as_ref().and_then(|counts| counts.get(path)) {
            if count != expected {
                different.push(format!(
                    "{}: {count}, not {expected}: {:?}",
                    path.display(),
                    reading.faults
                ));
            }
        }
    }
    println!("{} captures, {} differ", captures.len(), different.len());
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn looking_for_records_changes_nothing_in_captures_without_faults() {
    for path in corpus() {
        let plain = read(&path);
        if plain.faults.is_empty() {
            assert_eq!(read_with(&path, resync()), plain, "{}", path.display());
        }
    }
}
