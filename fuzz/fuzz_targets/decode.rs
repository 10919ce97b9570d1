//! Frames of any link type through the decoder, and their fragments through the defragmenter.
#![no_main]

use std::collections::HashSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wiretropy_core::decode::{
    link_types, Decoded, Decoder, Defragmenter, FragmentOutcome, Outcome,
};
use wiretropy_core::packet::LinkType;

#[derive(Arbitrary, Debug)]
struct Frame<'a> {
    bytes: &'a [u8],
    beyond: u16,
    later_ns: u32,
    fcs_len: bool,
}

#[derive(Arbitrary, Debug)]
struct Capture<'a> {
    link: u8,
    decap: bool,
    verify_checksums: bool,
    has_small_limits: bool,
    frames: Vec<Frame<'a>>,
}

fn check(decoded: &Decoded, bytes: &[u8]) {
    let end = decoded.payload_start as usize + decoded.payload_captured as usize;
    assert!(end <= bytes.len());
    assert!(decoded.payload_captured <= decoded.payload_claimed);
    assert_eq!(decoded.payload(bytes).len(), decoded.payload_captured as usize);
}

fuzz_target!(|capture: Capture<'_>| {
    let links = link_types();
    // One past the end stands for a link type that is not decoded.
    let link = links.get(usize::from(capture.link) % (links.len() + 1)).copied();
    let link = link.unwrap_or(LinkType(200));
    let decoder = Decoder { decap: capture.decap, verify_checksums: capture.verify_checksums };
    let mut waiting = if capture.has_small_limits {
        Defragmenter::with_limits(2, 4096)
    } else {
        Defragmenter::default()
    };
    let mut held = HashSet::new();
    let mut now_ns = 0;
    for (number, frame) in (0..).zip(&capture.frames) {
        now_ns += i64::from(frame.later_ns);
        let origlen = frame.bytes.len() as u32 + u32::from(frame.beyond);
        let fcs_len = if frame.fcs_len { 4 } else { 0 };
        match decoder.decode(link, fcs_len, frame.bytes, origlen) {
            Outcome::Transport(decoded) => check(&decoded, frame.bytes),
            Outcome::Undecoded(_) => {}
            Outcome::Fragment(fragment) => {
                let payload = fragment.payload(frame.bytes);
                assert_eq!(payload.len(), fragment.payload_len as usize);
                match waiting.insert(&fragment, payload, now_ns, number) {
                    FragmentOutcome::Held => {
                        held.insert(number);
                    }
                    FragmentOutcome::Refused(_) => {}
                    FragmentOutcome::Complete { bytes, context, packets } => {
                        held.insert(number);
                        assert!(packets.iter().all(|packet| held.remove(packet)));
                        match decoder.resume(&context, &bytes) {
                            Outcome::Transport(decoded) => check(&decoded, &bytes),
                            Outcome::Undecoded(_) => {}
                            Outcome::Fragment(_) => panic!("a fragment inside a datagram"),
                        }
                    }
                }
            }
        }
        if number % 8 == 7 {
            waiting.expire(now_ns);
            assert!(waiting.take_dropped().iter().all(|(packet, _)| held.remove(packet)));
        }
    }
    waiting.flush();
    assert!(waiting.take_dropped().iter().all(|(packet, _)| held.remove(packet)));
    assert!(held.is_empty() && waiting.is_empty());
    assert_eq!(waiting.held_bytes(), 0);
});
