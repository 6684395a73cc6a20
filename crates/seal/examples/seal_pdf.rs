//! Seals and signs a PDF file:
//!
//! `seal_pdf in.pdf demo '[{"signType": 1, "posPage": 1, "posX": 200, "posY": 200}]' out.pdf`
//!
//! In the place of `demo` may stand a PKCS#12 file and its password, as in `key.pfx:secret`. With `demo` a new authority
//! issues a new key; its root is written to `out.pdf.root.der` for `zhupi verify`. Tells how long it took and, on Linux,
//! the most memory it had.

use std::error::Error;
use std::time::Instant;
use std::{env, fs};

use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use zhupi_seal::authority::{Authority, Subject, Validity};
use zhupi_seal::draw::{Fonts, Seal};
use zhupi_seal::job::{Options, Party, seal};
use zhupi_seal::position::Position;
use zhupi_seal::signer::Algorithm;
use zhupi_seal::{LocalKey, Signer};

const ORGANISATION: &str = "朱批示例有限公司";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, key, positions, to] = arguments.as_slice() else {
        return Err("seal_pdf IN demo|FILE.pfx:PASSWORD POSITIONS OUT".into());
    };
    let file = fs::read(from)?;
    let (key, root) = open_key(key)?;
    let positions = match serde_json::from_str(positions)? {
        Value::Array(positions) => positions,
        single => vec![single],
    };
    let positions: Vec<Position> = positions.iter().map(Position::from_json).collect::<Result<_, _>>()?;
    let round = Seal::Round {
        organisation: ORGANISATION.to_owned(),
        purpose: "合同专用章".to_owned(),
        number: String::new(),
    };
    let picture = round.draw(&Fonts::installed(), 600)?.pack()?;
    let party = Party {
        signer: &key,
        picture: &picture,
        width_mm: Some(round.size_mm().0),
        positions: &positions,
        name: None,
        reason: Some("合同审批通过".to_owned()),
        location: None,
    };
    let length = file.len();
    let start = Instant::now();
    let options = Options { time: Timestamp::now(), stamps: None, owner_password: None };
    let sealed = seal(file, &[party], &options)?;
    println!(
        "{} places, signed with {:?} in {:?}",
        sealed.placements.len(),
        key.algorithm(),
        start.elapsed()
    );
    println!("{length} bytes before, {} after; warnings: {:?}", sealed.bytes.len(), sealed.warnings);
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        println!("{peak}");
    }
    fs::write(to, &sealed.bytes)?;
    if let Some(root) = root {
        fs::write(format!("{to}.root.der"), root)?;
    }
    Ok(())
}

/// The key, and the root that was made for it.
fn open_key(key: &str) -> Outcome<(LocalKey, Option<Vec<u8>>)> {
    if key != "demo" {
        let (path, password) = key.split_once(':').unwrap_or((key, ""));
        return Ok((LocalKey::from_pfx(&fs::read(path)?, password)?, None));
    }
    let now = Timestamp::now();
    let validity = Validity { from: now, until: now.checked_add((24 * 365).hours())? };
    let subject =
        |name: &str| Subject { name: name.to_owned(), organization: None, country: "CN".to_owned() };
    let authority = Authority::new(&subject("Demo Root"), Algorithm::P256Sha256, validity)?;
    let key = authority.issue(&subject(ORGANISATION), Algorithm::P256Sha256, validity)?.into_key()?;
    Ok((key, Some(authority.certificate().to_vec())))
}
