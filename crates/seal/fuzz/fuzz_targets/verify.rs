//! Any bytes as a signed document, as certificates and as a key file: an answer or a named refusal. Run with
//! `cargo fuzz run verify`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zhupi_seal::LocalKey;
use zhupi_seal::certificate::read_certificates;
use zhupi_seal::verify;

fuzz_target!(|file: &[u8]| {
    if let Ok(found) = verify(file, &[]) {
        assert!(found.iter().all(|signature| !signature.is_trusted()), "nobody is trusted without roots");
    }
    let _ = read_certificates(file);
    let _ = LocalKey::from_pfx(file, "");
});
