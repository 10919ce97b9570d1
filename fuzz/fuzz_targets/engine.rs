//! A whole capture through the engine: every packet and byte is accounted for, every flow comes
//! out once, entropies lie in [0, 8].
#![no_main]

use libfuzzer_sys::fuzz_target;
use wiretropy_fuzz::{run, source_of, Choices};

fuzz_target!(|data: &[u8]| {
    let Some((&first, capture)) = data.split_first() else {
        return;
    };
    run(source_of(capture, true), Choices::of(first));
});
