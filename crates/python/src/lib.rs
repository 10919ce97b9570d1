//! The private Python binding of the measuring core.
