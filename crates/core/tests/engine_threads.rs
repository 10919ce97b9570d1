//! Worker threads leave when they should, and what goes wrong in one does not stay there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use std::sync::mpsc;
use std::time::Duration;

use engine_kit::{settings, udp, Script};
use wiretropy_core::engine::{Engine, EngineSettings};
use wiretropy_core::error::{Fault, Severity};
use wiretropy_core::packet::Chunk;
use wiretropy_core::source::Source;

/// Flows of the run that is broken off: several times what queues and workers can hold.
const FLOWS: u32 = 250_000;

/// Far longer than any of this takes, far shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(60);

fn with_threads(threads: usize) -> EngineSettings {
    EngineSettings { threads, ..settings() }
}

/// Run `work` in a thread of its own, so that one which hangs fails a test instead of stopping it.
fn within_patience<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(PATIENCE).expect("done within the time")
}

/// Wait until workers have filled the queue and read no more.
fn wait_for_stand_still(engine: &Engine) {
    let mut calm = 0;
    let mut before = 0;
    while calm < 10 || before == 0 {
        std::thread::sleep(Duration::from_millis(100));
        let (_, _, packets) = engine.progress();
        calm = if packets == before { calm + 1 } else { 0 };
        before = packets;
    }
    assert!(before < FLOWS.into(), "{before} packets read");
}

#[test]
fn an_engine_can_be_dropped_while_outputs_wait() {
    within_patience(|| {
        // One flow a packet, and every flow ends when the active limit of the next has passed.
        let packets = (0..FLOWS).map(|at| {
            let ts_ns = i64::from(at) * engine_kit::SECOND_NS;
            udp((at, 7), (1, 9), b"payload", ts_ns)
        });
        let mut engine = Engine::new(Script::new(packets, 1000), with_threads(3));
        assert!(engine.next_output().is_some());
        wait_for_stand_still(&engine);
        drop(engine);
    });
}

struct Broken(u32);

impl Source for Broken {
    fn fill(&mut self, chunk: &mut Chunk, _: usize) -> bool {
        chunk.clear();
        self.0 += 1;
        assert!(self.0 < 4, "a mistake in a source");
        true
    }
    fn take_faults(&mut self) -> Vec<Fault> {
        vec![]
    }
    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

#[test]
fn a_panic_in_a_worker_goes_on_in_the_caller() {
    for threads in [1, 2, 4] {
        let text = within_patience(move || {
            let mut engine = Engine::new(Box::new(Broken(0)), with_threads(threads));
            let run = std::panic::AssertUnwindSafe(|| while engine.next_output().is_some() {});
            let panic = std::panic::catch_unwind(run).expect_err("a panic");
            panic.downcast_ref::<&str>().map(ToString::to_string)
        });
        assert_eq!(text.as_deref(), Some("a mistake in a source"), "{threads} threads");
    }
}

#[test]
fn after_the_last_output_there_is_none() {
    for threads in [1, 2] {
        within_patience(move || {
            let packets = [udp((1, 7), (2, 9), b"payload", 0)];
            let mut engine = Engine::new(Script::new(packets, 1000), with_threads(threads));
            while engine.next_output().is_some() {}
            assert!(engine.next_output().is_none() && engine.next_output().is_none());
        });
    }
}

/// Tells its faults one at each call.
struct Faulty(Vec<u64>);

impl Source for Faulty {
    fn fill(&mut self, chunk: &mut Chunk, _: usize) -> bool {
        chunk.clear();
        self.0.len() > 1
    }
    fn take_faults(&mut self) -> Vec<Fault> {
        let fault = |offset| Fault {
            id: "skipped-bytes",
            file: 0,
            path: "capture".into(),
            offset,
            packets: 0,
            message: String::new(),
            severity: Severity::Warning,
            cut_packet: None,
        };
        self.0.pop().map(fault).into_iter().collect()
    }
    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

#[test]
fn faults_are_listed_by_their_place_whenever_they_are_told() {
    for offsets in [vec![1, 2, 3], vec![3, 1, 2], vec![2, 3, 1]] {
        let mut engine = Engine::new(Box::new(Faulty(offsets)), settings());
        while engine.next_output().is_some() {}
        let told: Vec<u64> = engine.summary().faults.iter().map(|fault| fault.offset).collect();
        assert_eq!(told, [1, 2, 3]);
    }
}
