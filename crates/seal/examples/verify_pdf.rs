//! Tells what the signatures of a PDF file are worth:
//!
//! `verify_pdf signed.pdf root.pem another.der`
//!
//! Ends with an error unless there is a signature and all of them are valid.

use std::error::Error;
use std::{env, fs};

use zhupi_seal::certificate::read_certificates;
use zhupi_seal::verify;
use zhupi_seal::verify::Signature;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [file, roots @ ..] = arguments.as_slice() else { return Err("verify_pdf FILE [ROOT…]".into()) };
    let mut trusted = Vec::new();
    for root in roots {
        trusted.extend(read_certificates(&fs::read(root)?)?);
    }
    let found = verify(&fs::read(file)?, &trusted)?;
    found.iter().for_each(tell);
    if !found.is_empty() && found.iter().all(Signature::is_valid) {
        Ok(())
    } else {
        Err("not every signature is valid".into())
    }
}

fn tell(signature: &Signature) {
    let verdict = match (signature.is_valid(), signature.is_trusted()) {
        (true, true) => "valid and trusted",
        (true, false) => "valid, but nobody here vouches for the signer",
        (false, _) => "NOT VALID",
    };
    println!("{}: {verdict}", signature.fields.join(", "));
    if let Some(signer) = &signature.signer {
        println!("  signed by {}, certified by {}", signer.subject, signer.issuer);
    }
    println!("  {:?}, {:?}, {:?}", signature.coverage, signature.integrity, signature.time);
    for change in &signature.changes {
        println!("  later: {:?}, object {}: {}", change.kind, change.object, change.what);
    }
}
