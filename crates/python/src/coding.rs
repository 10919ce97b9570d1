//! Statistics of raw bytes, for verdicts that do not rest on flows.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wiretropy_core::meter::coding::{measure, names, Extent, SHORTEST};
use wiretropy_core::meter::{PacketRef, Segments};

const fn extent(is_wide: bool) -> Extent {
    if is_wide {
        Extent::Wide
    } else {
        Extent::Narrow
    }
}

/// Names of the columns of [`coding_statistics`].
#[pyfunction]
pub fn coding_names(is_wide: bool) -> Vec<String> {
    names(extent(is_wide))
}

/// The statistics of each payload one after the other, as native 32-bit floats.
#[pyfunction]
pub fn coding_statistics<'py>(
    py: Python<'py>,
    payloads: Vec<Bound<'py, PyBytes>>,
    is_wide: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let payloads: Vec<&[u8]> = payloads.iter().map(|payload| payload.as_bytes()).collect();
    if let Some(short) = payloads.iter().map(|payload| payload.len()).find(|&len| len < SHORTEST) {
        let message = format!("a payload must have at least {SHORTEST} bytes; got {short}");
        return Err(PyValueError::new_err(message));
    }
    let numbers = py.detach(|| {
        let mut numbers = vec![];
        for payload in payloads {
            measure(payload, extent(is_wide), &mut numbers);
        }
        numbers.into_iter().flat_map(f32::to_ne_bytes).collect::<Vec<u8>>()
    });
    Ok(PyBytes::new(py, &numbers))
}

/// Where the kinds of bytes of a payload begin: offset and kind of each segment.
#[pyfunction]
pub fn payload_segments(py: Python<'_>, payload: &[u8]) -> Vec<(u64, &'static str)> {
    py.detach(|| {
        let mut segments = Segments::default();
        segments.update(payload, PacketRef::default());
        segments.finish();
        segments.found().iter().map(|segment| (segment.start, segment.kind.name())).collect()
    })
}
