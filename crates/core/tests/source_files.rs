//! What can be opened, followed and merged.
#![allow(clippy::unwrap_used)]

mod source_kit;

use proptest::prelude::*;
use source_kit::captures::{five_frames, gzip, pcap, pcapng, Frame, Order};
use source_kit::{drain, read, Folder, Reading};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use wiretropy_core::error::Severity;
use wiretropy_core::packet::Chunk;
use wiretropy_core::source::{open, Input, SourceSettings};

fn frames_at(seconds: &[u64], byte: u8) -> Vec<Frame> {
    let at = |&second| Frame::new(second * 1_000_000_000, &[byte, second as u8]);
    seconds.iter().map(at).collect()
}

fn write_at(folder: &Folder, name: &str, seconds: &[u64]) -> PathBuf {
    let frames = frames_at(seconds, name.as_bytes()[0]);
    folder.write(name, &pcap(Order::Little, false, &frames))
}

fn read_all(paths: &[&Path], max: usize) -> Reading {
    let inputs = paths.iter().map(|&p| Input::File(p.into())).collect();
    drain(open(inputs, SourceSettings::default()), max)
}

/// Names and seconds of the packets: `a1` is what file `a` has at second 1.
fn places(reading: &Reading) -> Vec<String> {
    let place = |bytes: Vec<u8>| format!("{}{}", bytes[0] as char, bytes[1]);
    reading.bytes().into_iter().map(place).collect()
}

fn mkfifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status();
    assert!(status.unwrap().success());
}

#[test]
fn what_is_no_file_or_cannot_be_opened_is_refused() {
    let folder = Folder::new();
    std::os::unix::fs::symlink(folder.path("loop"), folder.path("loop")).unwrap();
    let long = "x".repeat(300);
    for (path, id, words) in [
        (folder.path(""), "not-a-file", "a directory"),
        ("/dev/zero".into(), "not-a-file", "a character device"),
        (folder.path("missing"), "cannot-open", "No such file"),
        (folder.path("loop"), "cannot-open", "symbolic links"),
        (folder.path(&long), "cannot-open", "too long"),
        ("/proc/self/status".into(), "unknown-format", "no capture"),
    ] {
        let reading = read(&path);
        let fault = reading.fault();
        assert_eq!((fault.id, fault.severity), (id, Severity::Refused));
        assert!(fault.message.contains(words), "{}", fault.message);
        assert_eq!(fault.path, path.to_string_lossy());
    }
}

#[test]
fn a_name_may_hold_any_bytes() {
    let folder = Folder::new();
    for name in [&b"caf\xe9.pcap"[..], b"new\nline", b"\x1b[31mred", b"-"] {
        let path = folder.path("").join(OsString::from_vec(name.to_vec()));
        let mut bytes = pcap(Order::Little, false, &five_frames());
        bytes.pop();
        std::fs::write(&path, bytes).unwrap();
        let reading = read(&path);
        assert_eq!((reading.packets.len(), reading.fault().id), (4, "truncated-record"));
    }
}

#[test]
fn a_named_pipe_is_read_to_its_end() {
    let folder = Folder::new();
    let path = folder.path("pipe");
    mkfifo(&path);
    let writer = thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = OpenOptions::new().write(true).open(path).unwrap();
            for byte in gzip(&pcap(Order::Little, false, &five_frames())) {
                pipe.write_all(&[byte]).unwrap();
            }
        }
    });
    let reading = read(&path);
    assert_eq!((reading.packets.len(), reading.faults.len()), (5, 0));
    writer.join().unwrap();
}

#[test]
fn a_pipe_gives_packets_before_it_ends() {
    let folder = Folder::new();
    let path = folder.path("pipe");
    mkfifo(&path);
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let writer = thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = OpenOptions::new().write(true).open(path).unwrap();
            let bytes = pcap(Order::Little, false, &five_frames());
            pipe.write_all(&bytes[..bytes.len() - 3]).unwrap();
            // The rest is written only once the packets before it have come out.
            receive.recv().unwrap();
            pipe.write_all(&bytes[bytes.len() - 3..]).unwrap();
        }
    });
    let mut source = open(vec![Input::File(path)], SourceSettings::default());
    let mut chunk = Chunk::default();
    assert!(source.fill(&mut chunk, 8192));
    assert_eq!(chunk.packets.len(), 4);
    send.send(()).unwrap();
    let rest = drain(source, 8192);
    assert_eq!((rest.packets.len(), rest.faults.len()), (1, 0));
    writer.join().unwrap();
}

#[test]
fn a_growing_file_is_followed_until_told_to_stop() {
    let folder = Folder::new();
    let bytes = pcap(Order::Little, false, &five_frames());
    let path = folder.write("growing", b"");
    let settings = SourceSettings { follow: true, ..SourceSettings::default() };
    let stop = settings.stop.clone();
    let writer = thread::spawn({
        let path = path.clone();
        move || {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            for part in bytes.chunks(60) {
                file.write_all(part).unwrap();
                thread::sleep(Duration::from_millis(30));
            }
        }
    });
    let mut source = open(vec![Input::File(path)], settings);
    let mut chunk = Chunk::default();
    let mut count = 0;
    while source.fill(&mut chunk, 2) {
        count += chunk.packets.len();
        if count == 5 {
            stop.store(true, Ordering::Relaxed);
        }
    }
    assert_eq!(count, 5);
    let faults = source.take_faults();
    assert_eq!((faults[0].id, faults[0].severity), ("stopped", Severity::Warning));
    writer.join().unwrap();
}

#[test]
fn a_compressed_file_is_not_followed_but_read() {
    let folder = Folder::new();
    let path = folder.write("packed", &gzip(&pcap(Order::Little, false, &five_frames())));
    let settings = SourceSettings { follow: true, ..SourceSettings::default() };
    let reading = source_kit::read_with(&path, settings);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "cannot-follow"));
    assert_eq!(reading.fault().severity, Severity::Warning);
}

#[test]
fn a_followed_file_that_shrinks_is_over() {
    let folder = Folder::new();
    let path = folder.write("shrinking", &pcap(Order::Little, false, &five_frames()));
    let settings = SourceSettings { follow: true, ..SourceSettings::default() };
    let mut source = open(vec![Input::File(path.clone())], settings);
    let mut chunk = Chunk::default();
    assert!(source.fill(&mut chunk, 8192));
    std::fs::write(&path, b"x").unwrap();
    assert_eq!(drain(source, 8192).fault().id, "file-shrank");
}

#[test]
fn reading_ends_when_told_to_and_says_so() {
    let folder = Folder::new();
    let path = folder.write("whole", &pcap(Order::Little, false, &five_frames()));
    let settings = SourceSettings::default();
    let stop = settings.stop.clone();
    let mut source = open(vec![Input::File(path)], settings);
    let mut chunk = Chunk::default();
    assert!(source.fill(&mut chunk, 2));
    stop.store(true, Ordering::Relaxed);
    assert!(!source.fill(&mut chunk, 2));
    let faults = source.take_faults();
    assert_eq!((faults[0].id, faults[0].severity), ("stopped", Severity::Partial));
    assert_eq!(faults[0].packets, 2);
}

#[test]
fn progress_ends_at_the_total() {
    let folder = Folder::new();
    let capture = pcap(Order::Little, false, &five_frames());
    let a = folder.write("a", &capture);
    let b = folder.write("b", &gzip(&capture));
    let missing = folder.path("missing");
    let total = (capture.len() + std::fs::metadata(&b).unwrap().len() as usize) as u64;
    let inputs = [&a, &b].map(|p| Input::File(p.clone())).to_vec();
    let mut source = open(inputs, SourceSettings::default());
    assert_eq!(source.progress(), (0, Some(total)));
    let mut chunk = Chunk::default();
    while source.fill(&mut chunk, 2) {}
    assert_eq!(source.progress(), (total, Some(total)));
    let source = open(vec![Input::File(missing)], SourceSettings::default());
    assert_eq!(source.progress().1, None);
}

#[test]
#[ignore = "run by the test after it, in a process of its own"]
fn child_that_reads_standard_input() {
    let reading = drain(open(vec![Input::Stdin], SourceSettings::default()), 8192);
    let paths: Vec<&str> = reading.faults.iter().map(|fault| fault.path.as_str()).collect();
    println!("{} packets, {:?} {paths:?}.", reading.packets.len(), reading.ids());
}

#[test]
fn standard_input_is_read_and_called_a_dash() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child_that_reads_standard_input", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bytes = gzip(&pcapng(Order::Big, false, &five_frames()));
    bytes.push(7);
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("5 packets, [\"trailing-garbage\"] [\"-\"]."), "{text}");
}

#[test]
fn no_input_is_no_packets() {
    let reading = drain(open(Vec::new(), SourceSettings::default()), 8192);
    assert!(reading.packets.is_empty() && reading.faults.is_empty());
}

#[test]
fn files_come_in_the_order_of_their_first_packets() {
    let folder = Folder::new();
    let late = write_at(&folder, "l", &[7, 8, 9]);
    let early = write_at(&folder, "e", &[1, 2, 3]);
    let middle = write_at(&folder, "m", &[4, 6, 5]);
    let reading = read_all(&[&late, &early, &middle], 8192);
    let expected = ["e1", "e2", "e3", "m4", "m6", "m5", "l7", "l8", "l9"];
    assert_eq!(places(&reading), expected);
    let files: Vec<u32> = reading.packets.iter().map(|p| p.file).collect();
    assert_eq!(files, [1, 1, 1, 2, 2, 2, 0, 0, 0]);
    let numbers: Vec<u64> = reading.packets.iter().map(|p| p.number).collect();
    assert_eq!(numbers, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn files_that_overlap_are_merged_and_keep_their_own_order() {
    let folder = Folder::new();
    let a = write_at(&folder, "a", &[1, 4, 3, 6, 9]);
    let b = write_at(&folder, "b", &[2, 4, 5, 7]);
    let c = write_at(&folder, "c", &[8, 10]);
    for max in [1, 2, 3, 8192] {
        let reading = read_all(&[&c, &b, &a], max);
        let expected = ["a1", "b2", "a4", "a3", "b4", "b5", "a6", "b7", "c8", "a9", "c10"];
        assert_eq!(places(&reading), expected);
    }
}

#[test]
fn files_that_begin_together_keep_the_order_in_which_they_were_given() {
    let folder = Folder::new();
    let x = write_at(&folder, "x", &[5, 5]);
    let y = write_at(&folder, "y", &[5, 5]);
    assert_eq!(places(&read_all(&[&y, &x], 8192)), ["y5", "y5", "x5", "x5"]);
    assert_eq!(places(&read_all(&[&x, &y], 8192)), ["x5", "x5", "y5", "y5"]);
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_read() {
    let folder = Folder::new();
    let a = write_at(&folder, "a", &[1, 3]);
    let b = write_at(&folder, "b", &[2, 4]);
    let missing = folder.path("missing");
    let text = folder.write("text", b"hello, this is no capture");
    let header = write_at(&folder, "h", &[]);
    let mut cut = pcap(Order::Little, false, &frames_at(&[3, 5], b'c'));
    cut.pop();
    let cut = folder.write("c", &cut);
    let reading = read_all(&[&missing, &b, &text, &cut, &header, &a], 8192);
    assert_eq!(places(&reading), ["a1", "b2", "a3", "c3", "b4"]);
    let mut faults: Vec<_> = reading.faults.iter().map(|f| (f.file, f.id)).collect();
    faults.sort_unstable();
    let expected = [(0, "cannot-open"), (2, "unknown-format"), (3, "truncated-record")];
    assert_eq!(faults, expected);
}

#[test]
fn pipes_are_merged_with_files() {
    let folder = Folder::new();
    let path = folder.path("pipe");
    mkfifo(&path);
    let file = write_at(&folder, "f", &[2, 4, 6]);
    let writer = thread::spawn({
        let path = path.clone();
        let bytes = pcapng(Order::Little, false, &frames_at(&[1, 3, 5, 7, 8], b'p'));
        move || std::fs::write(path, bytes).unwrap()
    });
    let reading = read_all(&[&file, &path], 8192);
    assert_eq!(places(&reading), ["p1", "f2", "p3", "f4", "p5", "f6", "p7", "p8"]);
    writer.join().unwrap();
}

#[test]
fn more_files_than_may_be_open_are_read_all_the_same() {
    let folder = Folder::new();
    let paths: Vec<PathBuf> =
        (1..=150).map(|i| write_at(&folder, &format!("f{i}"), &[i, 1_000])).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let reading = read_all(&paths, 8192);
    assert_eq!(reading.packets.len(), 300);
    assert_eq!(reading.ids(), ["too-many-overlaps"]);
    let apart: Vec<PathBuf> =
        (1..=150).map(|i| write_at(&folder, &format!("g{i}"), &[2 * i, 2 * i + 1])).collect();
    let apart: Vec<&Path> = apart.iter().map(PathBuf::as_path).collect();
    assert_eq!(read_all(&apart, 8192).faults, []);
}

#[test]
fn the_last_of_several_files_is_followed() {
    let folder = Folder::new();
    let growing = write_at(&folder, "g", &[5, 6]);
    let done = write_at(&folder, "d", &[1, 2]);
    let settings = SourceSettings { follow: true, ..SourceSettings::default() };
    let stop = settings.stop.clone();
    let inputs = [&growing, &done].map(|p| Input::File(p.clone())).to_vec();
    let mut source = open(inputs, settings);
    let mut chunk = Chunk::default();
    let mut count = 0;
    while source.fill(&mut chunk, 8192) {
        count += chunk.packets.len();
        if count == 4 && chunk.packets.is_empty() {
            let more = pcap(Order::Little, false, &frames_at(&[7, 8], b'g'));
            let mut file = OpenOptions::new().append(true).open(&growing).unwrap();
            file.write_all(&more[24..]).unwrap();
        }
        if count == 6 {
            stop.store(true, Ordering::Relaxed);
        }
    }
    assert_eq!(count, 6);
}

/// What merging must give: repeatedly the smallest running maximum, ties to the earlier file.
fn merged_slowly(files: &[Vec<u64>]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..files.len()).filter(|&f| !files[f].is_empty()).collect();
    order.sort_by_key(|&file| files[file][0]);
    let mut keyed = Vec::new();
    for (rank, &file) in order.iter().enumerate() {
        let mut latest = 0;
        for (number, &second) in files[file].iter().enumerate() {
            latest = latest.max(second);
            keyed.push((latest, rank, number, file));
        }
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, number, file)| (file, number + 1)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn merging_gives_what_sorting_gives(
        files in prop::collection::vec(prop::collection::vec(1u64..40, 0..12), 0..6),
        max in 1usize..9,
    ) {
        let folder = Folder::new();
        let paths: Vec<PathBuf> = files
            .iter()
            .enumerate()
            .map(|(i, seconds)| write_at(&folder, &format!("{i}"), seconds))
            .collect();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let reading = read_all(&paths, max);
        let got: Vec<(usize, usize)> = reading
            .packets
            .iter()
            .map(|p| (p.file as usize, p.number as usize))
            .collect();
        prop_assert_eq!(got, merged_slowly(&files));
        for packet in &reading.packets {
            let second = files[packet.file as usize][packet.number as usize - 1];
            prop_assert_eq!(packet.bytes[1], second as u8);
        }
    }
}
