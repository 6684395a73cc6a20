//! `zhupi verify`: what the signatures of a PDF file are worth, without a server and without a network.

use std::fs;
use std::path::{Path, PathBuf};
use zhupi_seal::certificate::read_certificates;
use zhupi_seal::chain::Chain;
use zhupi_seal::cms::Integrity;
use zhupi_seal::verify::{Change, ChangeKind, Coverage, Kind, Signature, SigningTime};

/// Nothing larger is read, in bytes.
const FILE_LIMIT: u64 = 1 << 30;

/// Tells of each signature who made it, what it covers and what came after it. Fails where there is none, one is not valid,
/// or roots are given and none of them vouches for one.
pub fn verify(file: &Path, roots: &[PathBuf]) -> Result<(), String> {
    let mut trusted = Vec::new();
    for root in roots {
        let found = read_certificates(&read(root)?).map_err(|error| about(root, &error))?;
        trusted.extend(found);
    }
    let signatures = zhupi_seal::verify(&read(file)?, &trusted).map_err(|error| about(file, &error))?;
    for (number, signature) in (1..).zip(&signatures) {
        tell(number, signature, !roots.is_empty());
    }
    let valid = signatures.iter().filter(|it| it.is_valid()).count();
    let vouched = signatures.iter().all(|it| roots.is_empty() || it.is_trusted());
    match signatures.len() {
        0 => Err("the file is not signed".to_owned()),
        all if valid < all => Err(format!("{} of {all} signatures are not valid", all - valid)),
        _ if !vouched => Err("none of the roots given vouches for every signature".to_owned()),
        1 => Ok(()),
        all => {
            println!("{all} signatures, all of them valid");
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let length = fs::metadata(path).map_err(|error| about(path, &error))?.len();
    if length > FILE_LIMIT {
        return Err(about(path, &format!("it has {length} bytes, and at most {FILE_LIMIT} are read")));
    }
    fs::read(path).map_err(|error| about(path, &error))
}

fn about(path: &Path, what: &dyn std::fmt::Display) -> String {
    format!("`{}`: {what}", path.display())
}

fn tell(number: usize, signature: &Signature, asked_for_trust: bool) {
    let verdict = if signature.is_valid() { "valid" } else { "NOT VALID" };
    println!("Signature {number}, {}: {verdict}", kind(signature.kind));
    if let Some(signer) = &signature.signer {
        println!("  signer       {}", signer.subject);
        println!("  certificate  by {}, number {}", signer.issuer, signer.serial);
    }
    println!("  vouched for  {}", trust(signature.chain.as_ref(), asked_for_trust));
    println!("  signed       {}", time(&signature.time));
    for (name, words) in [("reason", &signature.reason), ("place", &signature.location)] {
        if let Some(words) = words {
            println!("  {name:<11}  {words}");
        }
    }
    println!("  content      {}", integrity(&signature.integrity));
    println!("  covers       {}", coverage(signature));
    for change in &signature.changes {
        println!("  later        {}", later(change));
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Approval => "of a person or a company",
        Kind::Certification { .. } => "by which the author certifies the document",
        Kind::TimeStamp => "of a time stamp authority",
    }
}

fn trust(chain: Option<&Chain>, asked: bool) -> String {
    match chain {
        Some(Chain::Trusted) => "by one of the roots given".to_owned(),
        Some(Chain::Unknown) | None if !asked => "not looked at: give --root for that".to_owned(),
        Some(Chain::Unknown) | None => "by none of the roots given".to_owned(),
        Some(Chain::Expired) => "no: a certificate was not in force any more".to_owned(),
        Some(Chain::NotYetValid) => "no: a certificate was not in force yet".to_owned(),
        Some(Chain::Unfit { why }) => format!("no: {why}"),
    }
}

fn time(time: &SigningTime) -> String {
    match time {
        SigningTime::Unknown => "nobody says when".to_owned(),
        SigningTime::Claimed(time) => format!("{time}, as the signer says"),
        SigningTime::Stamped { time, authority, .. } => format!("{time}, as {} says", authority.name),
        SigningTime::StampWrong { what } => format!("the time stamp is wrong: {what}"),
    }
}

fn integrity(integrity: &Integrity) -> String {
    match integrity {
        Integrity::Intact => "as it was signed".to_owned(),
        Integrity::DigestWrong => "CHANGED since it was signed".to_owned(),
        Integrity::SignatureWrong => "the signature is not by the key of its certificate".to_owned(),
        Integrity::Unsupported { what } | Integrity::Unreadable { what } => {
            format!("cannot be checked: {what}")
        }
    }
}

fn coverage(signature: &Signature) -> String {
    match signature.coverage {
        Coverage::EntireFile => "the whole file".to_owned(),
        Coverage::EntireRevision => format!("the file as it was, its first {} bytes", signature.length),
        Coverage::Part { what } => format!("only a part of the file: {what}"),
    }
}

fn later(change: &Change) -> String {
    let kind = match change.kind {
        ChangeKind::Signature => "another signature",
        ChangeKind::FormFill => "a form was filled in",
        ChangeKind::Metadata => "what describes the document",
        ChangeKind::Annotation => "a note or a field",
        ChangeKind::PageContent => "what a page shows",
        ChangeKind::Other => "something else",
    };
    let page = change.page.map(|page| format!(" on page {page}")).unwrap_or_default();
    format!("{kind}{page}: {}", change.what)
}
