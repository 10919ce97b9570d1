//! The private Python binding of the measuring core: thin, and without a thought of its own.
//!
//! Batches of records cross as Arrow PyCapsules; the interpreter is released while Rust works.

mod batch;
mod coding;
mod scan;
mod summary;

use pyo3::prelude::*;

/// wiretropy's measuring core; private, wrapped by the package.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<batch::Batch>()?;
    module.add_class::<scan::Scan>()?;
    module.add_class::<scan::Frames>()?;
    module.add_function(wrap_pyfunction!(scan::record_fields, module)?)?;
    module.add_function(wrap_pyfunction!(scan::link_types, module)?)?;
    module.add_function(wrap_pyfunction!(coding::coding_names, module)?)?;
    module.add_function(wrap_pyfunction!(coding::coding_statistics, module)?)?;
    module.add_function(wrap_pyfunction!(coding::payload_segments, module)?)?;
    Ok(())
}
