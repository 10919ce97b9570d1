//! A record batch that hands itself over through the Arrow PyCapsule interface.

use std::ffi::CStr;

use arrow_array::ffi::{to_ffi, FFI_ArrowSchema};
use arrow_array::{Array, RecordBatch, StructArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

const SCHEMA_NAME: &CStr = c"arrow_schema";
const ARRAY_NAME: &CStr = c"arrow_array";

/// Rows in Arrow memory; any Arrow library takes it without copying.
#[pyclass(frozen, module = "wiretropy._core")]
pub struct Batch(pub RecordBatch);

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// The schema alone (Arrow PyCapsule interface).
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.0.schema().as_ref()).map_err(to_error)?;
        PyCapsule::new_with_value(py, schema, SCHEMA_NAME)
    }

    /// Schema and rows (Arrow PyCapsule interface). Another schema cannot be requested.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // The interface allows a producer to ignore the request.
        drop(requested_schema);
        let rows = StructArray::from(self.0.clone()).into_data();
        let (array, _) = to_ffi(&rows).map_err(to_error)?;
        let array = PyCapsule::new_with_value(py, array, ARRAY_NAME)?;
        Ok((self.__arrow_c_schema__(py)?, array))
    }
}

fn to_error(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
