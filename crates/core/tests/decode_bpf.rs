//! Shows that the BPF machine runs libpcap's programs as libpcap does, and refuses unsound ones.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode_frames;

use decode_frames::*;
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};
use wiretropy_core::bpf::{BpfError, Insn, Program};

fn insn(code: u16, jt: u8, jf: u8, k: u32) -> Insn {
    Insn { code, jt, jf, k }
}

/// The form of `tcpdump -ddd`: a count, then one instruction a line.
fn parse(listing: &str) -> Vec<Insn> {
    let numbers = listing.lines().skip(1).map(|line| {
        line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<u32>>()
    });
    numbers
        .map(|n| {
            insn(n[0].try_into().unwrap(), n[1].try_into().unwrap(), n[2].try_into().unwrap(), n[3])
        })
        .collect()
}

fn run(instructions: &[Insn], packet: &[u8]) -> u32 {
    let program = Program::new(instructions.to_vec()).unwrap();
    program.run(packet, u32::try_from(packet.len()).unwrap())
}

const RET_A: Insn = Insn { code: 0x16, jt: 0, jf: 0, k: 0 };

/// What register A holds after one instruction that found `a` and `x` there.
fn result(code: u16, a: u32, x: u32, k: u32) -> u32 {
    run(&[insn(0x00, 0, 0, a), insn(0x01, 0, 0, x), insn(code, 0, 0, k), RET_A], &[])
}

#[test]
fn arithmetic_is_that_of_32_bits() {
    // Code, A, X, constant, expected.
    let cases = [
        (0x04, 7, 0, 5, 12),
        (0x04, u32::MAX, 0, 2, 1),
        (0x0C, 7, 3, 0, 10),
        (0x14, 1, 0, 2, u32::MAX),
        (0x1C, 9, 4, 0, 5),
        (0x24, 0x1_0001, 0, 0x1_0000, 0x1_0000),
        (0x2C, 6, 7, 0, 42),
        (0x34, 7, 0, 2, 3),
        (0x3C, 7, 2, 0, 3),
        (0x3C, 7, 0, 0, 0),
        (0x94, 7, 0, 4, 3),
        (0x9C, 7, 4, 0, 3),
        (0x9C, 7, 0, 0, 0),
        (0x44, 5, 0, 2, 7),
        (0x4C, 5, 2, 0, 7),
        (0x54, 6, 0, 3, 2),
        (0x5C, 6, 3, 0, 2),
        (0xA4, 6, 0, 3, 5),
        (0xAC, 6, 3, 0, 5),
        (0x64, 1, 0, 31, 1 << 31),
        (0x64, 1, 0, 32, 0),
        (0x6C, 1, 4, 0, 16),
        (0x6C, 1, 99, 0, 0),
        (0x74, 16, 0, 4, 1),
        (0x74, 16, 0, 32, 0),
        (0x7C, 16, 4, 0, 1),
        (0x7C, 16, 32, 0, 0),
        (0x84, 1, 0, 0, u32::MAX),
        (0x87, 1, 9, 0, 9),
    ];
    for (code, a, x, k, expected) in cases {
        assert_eq!(result(code, a, x, k), expected, "code {code:#x} a {a} x {x} k {k}");
    }
}

#[test]
fn loads_read_big_endian_and_end_the_run_beyond_the_packet() {
    let packet = [0x45, 1, 2, 3, 4, 5];
    let load = |code, x, k| run(&[insn(0x01, 0, 0, x), insn(code, 0, 0, k), RET_A], &packet);
    assert_eq!(load(0x20, 0, 1), 0x0102_0304);
    assert_eq!(load(0x20, 0, 3), 0);
    assert_eq!(load(0x28, 0, 4), 0x0405);
    assert_eq!(load(0x28, 0, 5), 0);
    assert_eq!(load(0x30, 0, 5), 5);
    assert_eq!(load(0x30, 0, 6), 0);
    assert_eq!(load(0x40, 1, 1), 0x0203_0405);
    assert_eq!(load(0x48, 2, 2), 0x0405);
    assert_eq!(load(0x50, 5, u32::MAX), 0);
    assert_eq!(load(0x50, 2, 1), 3);
    assert_eq!(load(0x80, 0, 0), 6);
    // The kernel's ancillary data lie at negative offsets; a file has none.
    assert_eq!(load(0x28, 0, 0xFFFF_F000), 0);
    let header_length = [insn(0xB1, 0, 0, 0), insn(0x87, 0, 0, 0), RET_A];
    assert_eq!(run(&header_length, &packet), 20);
}

#[test]
fn memory_keeps_what_was_stored_and_begins_as_zero() {
    let program = [
        insn(0x00, 0, 0, 11),
        insn(0x02, 0, 0, 15),
        insn(0x01, 0, 0, 22),
        insn(0x03, 0, 0, 0),
        insn(0x60, 0, 0, 0),
        insn(0x61, 0, 0, 15),
        insn(0x0C, 0, 0, 0),
        RET_A,
    ];
    assert_eq!(run(&program, &[]), 33);
    assert_eq!(run(&[insn(0x60, 0, 0, 3), RET_A], &[]), 0);
}

#[test]
fn comparisons_are_unsigned_and_choose_their_branch() {
    let branch = |code, a, x, k| {
        let program = [
            insn(0x00, 0, 0, a),
            insn(0x01, 0, 0, x),
            insn(code, 0, 1, k),
            insn(0x06, 0, 0, 1),
            insn(0x06, 0, 0, 2),
        ];
        run(&program, &[]) == 1
    };
    assert!(branch(0x15, 5, 0, 5) && !branch(0x15, 5, 0, 6) && branch(0x1D, 5, 5, 0));
    assert!(branch(0x25, u32::MAX, 0, 1) && !branch(0x25, 5, 0, 5) && branch(0x2D, 6, 5, 0));
    assert!(branch(0x35, 5, 0, 5) && !branch(0x35, 4, 0, 5) && branch(0x3D, 5, 5, 9));
    assert!(branch(0x45, 6, 0, 2) && !branch(0x45, 5, 0, 2) && branch(0x4D, 6, 4, 0));
    let always = [insn(0x05, 0, 0, 1), insn(0x06, 0, 0, 1), insn(0x06, 0, 0, 2)];
    assert_eq!(run(&always, &[]), 2);
}

#[test]
fn unsound_programs_are_refused_by_name() {
    let refusal = |instructions: &[Insn]| Program::new(instructions.to_vec()).unwrap_err();
    let ret = insn(0x06, 0, 0, 0);
    assert_eq!(refusal(&[]), BpfError::Empty);
    assert_eq!(refusal(&[insn(0x00, 0, 0, 0)]), BpfError::NoReturn);
    assert_eq!(refusal(&vec![ret; 65_537]), BpfError::TooLong { length: 65_537 });
    for code in
        [0x08, 0x18, 0x38, 0xA0, 0x31, 0xB4, 0xFC, 0x55, 0x0D, 0x62, 0x6B, 0x0E, 0x17, 0x100]
    {
        assert_eq!(
            refusal(&[insn(code, 0, 0, 1), ret]),
            BpfError::UnknownInstruction { at: 0, code }
        );
    }
    let jumps =
        [insn(0x15, 1, 0, 0), insn(0x15, 0, 1, 0), insn(0x05, 0, 0, 1), insn(0x05, 0, 0, u32::MAX)];
    for jump in jumps {
        assert_eq!(refusal(&[jump, ret]), BpfError::JumpOutOfRange { at: 0 });
    }
    for code in [0x60, 0x61, 0x02, 0x03] {
        assert_eq!(
            refusal(&[insn(code, 0, 0, 16), ret]),
            BpfError::MemoryOutOfRange { at: 0, word: 16 }
        );
    }
    for code in [0x34, 0x94] {
        assert_eq!(refusal(&[insn(code, 0, 0, 0), ret]), BpfError::DivisionByZero { at: 0 });
    }
}

/// `tcpdump -y EN10MB -ddd "net 203.0.113.0/24 and tcp[20:4] = 0x68656c6c"`, libpcap 1.10.3.
const HELLO_TO_NET: &str = "17
40 0 0 12
21 0 14 2048
32 0 0 26
84 0 0 4294967040
21 3 0 3405803776
32 0 0 30
84 0 0 4294967040
21 0 8 3405803776
48 0 0 23
21 0 6 6
40 0 0 20
69 4 0 8191
177 0 0 14
64 0 0 34
21 0 1 1751477356
6 0 0 262144
6 0 0 0";

#[test]
fn compiled_filter_keeps_the_packet_that_it_describes() {
    let program = parse(HELLO_TO_NET);
    assert_eq!(run(&program, &ethernet(0x0800, &hello())), 262_144);
    assert_eq!(run(&program, &ethernet(0x0800, &ipv4(TCP, &tcp(0x18, &[], b"hallo")))), 0);
    assert_eq!(run(&program, &ethernet(0x0800, &ipv4(UDP, &udp(1, 2, b"hello")))), 0);
    assert_eq!(run(&program, &ethernet(0x86DD, &hello())), 0);
    let frame = ethernet(0x0800, &hello());
    assert_eq!(run(&program, &frame[..57]), 0);
}

/// Frames that differ in what filters look at.
fn frames() -> Vec<Vec<u8>> {
    let mut frames = vec![
        ethernet(0x0800, &hello()),
        ethernet(0x86DD, &ipv6(TCP, &tcp(0x02, &[2, 4, 5, 0xB4], b""))),
        ethernet(0x86DD, &ipv6(UDP, &udp(5353, 53, b"query"))),
        ethernet(0x0800, &ipv4(1, &[8, 0, 0, 0, 1, 2, 3, 4])),
        ethernet(0x0800, &ipv4_piece(UDP, 7, 0x2000, &udp(1, 53, &[3; 40]))),
        ethernet(0x0806, &[0; 28]),
        ethernet(0x8100, &tag(100, 0x0800, &hello())),
        ethernet(0x8847, &cat(&[&[0, 6, 0x41, 64], &hello()])),
    ];
    for size in 0..40 {
        frames.push(ethernet(0x0800, &ipv4(UDP, &udp(size, 53 + size % 3, &vec![1; size.into()]))));
        frames.push(ethernet(0x0800, &ipv4(TCP, &tcp(size as u8, &[1; 8], &vec![2; size.into()]))));
    }
    let whole = ethernet(0x0800, &hello());
    frames.extend((1..whole.len()).map(|cut| whole[..cut].to_vec()));
    frames
}

const FILTERS: [&str; 14] = [
    "tcp port 80",
    "udp and dst port 53",
    "ip6 and tcp",
    "vlan 100 and ip",
    "mpls 100",
    "host 10.0.0.1 and not icmp",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "len > 60 and less 70",
    "ip[0] & 0xf != 5",
    "ether[0] & 1 = 0 and ip[2:2] % 7 = 3",
    "ip[2:2] ^ 4 * 3 / 2 - 1 >= len << 1",
    "ip[2:2] - ip[3] * 2 > 4294967000 or ip[8] | 3 = 67",
    "udp[4:2] * (udp[0:2] - 3) = 96",
    "port 80 or port 54 or portrange 10-20",
];

/// What tcpdump answers, with `arguments` and `capture` on its standard input.
fn tcpdump(arguments: &[&str], capture: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut child = Command::new("tcpdump")
        .args(["-r", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    // tcpdump may leave before it has read everything.
    let _ = stdin.write_all(capture);
    drop(stdin);
    Ok(child.wait_with_output()?.stdout)
}

fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [0xA1B2_C3D4u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes).concat();
    for (second, frame) in (0u32..).zip(frames) {
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([second, 0, length, length].map(u32::to_le_bytes).concat());
        file.extend(frame);
    }
    file
}

/// The seconds of a capture's packets, which number them.
fn numbers(mut file: &[u8]) -> Vec<usize> {
    let word = |bytes: &[u8]| u32::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let mut numbers = Vec::new();
    file = &file[24..];
    while !file.is_empty() {
        numbers.push(word(file));
        file = &file[16 + word(&file[8..])..];
    }
    numbers
}

#[test]
fn every_filter_keeps_the_packets_that_tcpdump_keeps() {
    let frames = frames();
    let capture = capture(&frames);
    for filter in FILTERS {
        let Ok(listing) = tcpdump(&["-ddd", filter], &capture) else {
            println!("skipped: tcpdump is not installed");
            return;
        };
        let program = parse(std::str::from_utf8(&listing).unwrap());
        assert!(!program.is_empty(), "{filter} does not compile");
        let kept = numbers(&tcpdump(&["-U", "-w", "-", filter], &capture).unwrap());
        let ours: Vec<usize> =
            (0..frames.len()).filter(|n| run(&program, &frames[*n]) != 0).collect();
        assert_eq!(ours, kept, "{filter}");
    }
}

fn any_insn() -> impl Strategy<Value = Insn> {
    let code = prop_oneof![
        0u16..0x100,
        prop::sample::select(vec![0x05u16, 0x15, 0x28, 0x30, 0x40, 0x60, 0x02, 0x34])
    ];
    (code, 0u8..6, 0u8..6, prop_oneof![0u32..20, any::<u32>()])
        .prop_map(|(code, jt, jf, k)| insn(code, jt, jf, k))
}

proptest! {
    #[test]
    fn any_accepted_program_ends_without_panic(
        mut instructions in prop::collection::vec(any_insn(), 0..20),
        packet in prop::collection::vec(any::<u8>(), 0..40),
        wirelen in any::<u32>(),
    ) {
        // Most random codes are unknown: keep those that can be checked together.
        instructions.retain(|one| Program::new(vec![*one, RET_A, RET_A, RET_A, RET_A, RET_A, RET_A]).is_ok());
        instructions.push(RET_A);
        if let Ok(program) = Program::new(instructions) {
            let _ = program.run(&packet, wirelen);
        }
    }
}
