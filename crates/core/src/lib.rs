//! The measuring core of wiretropy: packets in, flow records out.
//!
//! A [`source`] yields packets and decides nothing; [`decode`] finds the five-tuple and the
//! payload of each; [`flow`] groups packets into conversations; [`stream`] puts the bytes of one
//! TCP direction back in order; [`meter`] measures them; [`record`] turns finished flows into
//! columns. Nothing here reads a clock, knows Python or judges what it measured.

pub mod bpf;
pub mod columns;
pub mod decode;
pub mod engine;
pub mod error;
pub mod flow;
pub mod frames;
pub mod identity;
pub mod limits;
pub mod meter;
pub mod packet;
pub mod record;
pub mod source;
pub mod stream;
pub mod turnstile;
