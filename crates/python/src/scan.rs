//! One pass over captures, driven from Python.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use wiretropy_core::bpf::{Insn, Program};
use wiretropy_core::decode::Decoder;
use wiretropy_core::engine::{Engine, EngineSettings, Output, TraceRequest};
use wiretropy_core::flow::{ShardSettings, Timeouts};
use wiretropy_core::frames::FrameReader;
use wiretropy_core::meter::MeterSettings;
use wiretropy_core::packet::LinkType;
use wiretropy_core::record;
use wiretropy_core::source::{open, Input, Source, SourceSettings};

use crate::batch::Batch;
use crate::summary;

/// Instructions of a capture filter for each link type.
type Filters = HashMap<u16, Vec<(u16, u8, u8, u32)>>;

/// Everything that can be set of one pass; the defaults live in the Python package.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Settings {
    depth: Option<u64>,
    threshold: f64,
    decap: bool,
    verify_checksums: bool,
    filters: Option<Filters>,
    threads: usize,
    counts: bool,
    follow: bool,
    resync: bool,
    max_flows: usize,
    max_held_bytes: usize,
    max_decompressed: Option<u64>,
    tcp_timeout_ns: i64,
    closed_timeout_ns: i64,
    other_timeout_ns: i64,
    active_limit_ns: Option<i64>,
    trace_all: bool,
    trace_uids: Vec<String>,
}

impl Settings {
    fn shard(&self) -> ShardSettings {
        ShardSettings {
            meter: MeterSettings { depth: self.depth, threshold: self.threshold },
            timeouts: Timeouts {
                tcp_ns: self.tcp_timeout_ns,
                closed_ns: self.closed_timeout_ns,
                other_ns: self.other_timeout_ns,
                active_ns: self.active_limit_ns,
            },
            max_flows: self.max_flows,
            max_held_bytes: self.max_held_bytes,
        }
    }

    fn source(&self, stop: &Arc<AtomicBool>) -> SourceSettings {
        SourceSettings {
            follow: self.follow,
            resync: self.resync,
            stop: Arc::clone(stop),
            max_decompressed: self.max_decompressed,
        }
    }

    fn trace(&self) -> TraceRequest {
        if self.trace_all {
            return TraceRequest::Everything;
        }
        let uids: HashSet<String> = self.trace_uids.iter().cloned().collect();
        if uids.is_empty() {
            TraceRequest::Nothing
        } else {
            TraceRequest::Uids(uids)
        }
    }
}

/// A pass over captures: hands out batches of flow records, and packet rows of traced flows.
#[pyclass(frozen, module = "wiretropy._core")]
pub struct Scan {
    engine: Mutex<Engine>,
    stop: Arc<AtomicBool>,
}

#[pymethods]
impl Scan {
    /// Prepare a pass over `paths` (`-` is standard input).
    #[new]
    fn new(paths: Vec<PathBuf>, settings: Settings) -> PyResult<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let filters = settings.filters.as_ref().map(programs).transpose()?;
        let engine_settings = EngineSettings {
            shard: settings.shard(),
            decoder: Decoder { decap: settings.decap, verify_checksums: settings.verify_checksums },
            filters,
            threads: settings.threads,
            has_counts: settings.counts,
            trace: settings.trace(),
            sources: paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        };
        let source = open(inputs(paths), settings.source(&stop));
        Ok(Self { engine: Mutex::new(Engine::new(source, engine_settings)), stop })
    }

    /// The next output: its kind ("flows", "trace" or "idle") and batch; None at the end.
    ///
    /// "idle" means that there is nothing yet: a good time to look at signals and progress.
    fn next_output(&self, py: Python<'_>) -> PyResult<Option<(&'static str, Option<Batch>)>> {
        Ok(match py.detach(|| lock(&self.engine).next_output()) {
            Some(Output::Flows(batch)) => Some(("flows", Some(Batch(batch)))),
            Some(Output::Trace(batch)) => Some(("trace", Some(Batch(batch)))),
            Some(Output::Failed(error)) => return Err(PyRuntimeError::new_err(error.to_string())),
            Some(Output::Idle) => Some(("idle", None)),
            None => None,
        })
    }

    /// Bytes read of the inputs as stored, their total where known, and packets read.
    fn progress(&self, py: Python<'_>) -> (u64, Option<u64>, u64) {
        py.detach(|| lock(&self.engine).progress())
    }

    /// What was seen so far and where it went, as JSON text.
    fn summary(&self, py: Python<'_>) -> String {
        py.detach(|| summary::to_json(&lock(&self.engine).summary()))
    }

    /// End reading at the next opportunity; what was read until then is handed out.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Frames of a capture by their numbers: the captured bytes as they are.
#[pyclass(frozen, module = "wiretropy._core")]
pub struct Frames(Mutex<FrameReader>);

#[pymethods]
impl Frames {
    /// Prepare to read the packets with these numbers (from 1, ascending) of one file, with the
    /// settings of the pass that counted them: others might count other packets.
    #[new]
    fn new(path: PathBuf, numbers: Vec<u64>, settings: Settings) -> Self {
        // What was counted is there; nobody waits for more.
        let settings = SourceSettings { follow: false, ..settings.source(&Arc::default()) };
        Self(Mutex::new(FrameReader::new(open(inputs(vec![path]), settings), numbers)))
    }

    /// The next frames: columns number, ts_ns, link_type, fcs_len, origlen, frame; None at the end.
    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let batch = py.detach(|| lock(&self.0).next_batch());
        batch
            .map(|batch| batch.map(Batch))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Faults of the file met since this was asked last, as JSON text like those of a summary.
    fn faults(&self, py: Python<'_>) -> String {
        py.detach(|| summary::faults_to_json(&lock(&self.0).take_faults()))
    }
}

/// Column names of flow records with their Arrow types and whether they can be null.
#[pyfunction]
pub fn record_fields(has_counts: bool) -> Vec<(String, String, bool)> {
    let schema = record::schema(has_counts);
    let fields = schema.fields().iter();
    fields.map(|f| (f.name().clone(), f.data_type().to_string(), f.is_nullable())).collect()
}

/// Link types that can be decoded.
#[pyfunction]
pub fn link_types() -> Vec<u16> {
    wiretropy_core::decode::link_types().iter().map(|link| link.0).collect()
}

fn programs(filters: &Filters) -> PyResult<Vec<(LinkType, Program)>> {
    let each = filters.iter().map(|(&link, instructions)| {
        let insns = instructions.iter().map(|&(code, jt, jf, k)| Insn { code, jt, jf, k });
        let program = Program::new(insns.collect());
        program.map(|program| (LinkType(link), program))
    });
    let programs: Result<Vec<_>, _> = each.collect();
    programs.map_err(|error| PyValueError::new_err(error.to_string()))
}

fn inputs(paths: Vec<PathBuf>) -> Vec<Input> {
    let each = paths.into_iter().map(|path| match path.to_str() {
        Some("-") => Input::Stdin,
        _ => Input::File(path),
    });
    each.collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source must be able to move to another thread with its engine.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Box<dyn Source>>();
};
