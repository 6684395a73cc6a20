//! The WPS-4 request signature: what is signed, where a request carries it, and whether it is fresh and seen for the first
//! time. Which app signed, and with which token it comes: `call.rs`.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, DATE};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How far the date of a request may lie from our clock, in either direction.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// How many requests a node remembers to refuse their repetition.
const REMEMBERED: usize = 1 << 18;

/// Headers that may carry the access token where `Authorization` carries the signature.
const TOKEN_HEADERS: [&str; 2] = ["wps-docs-token", "x-access-token"];

/// What a request says of its sender. Nothing in it is proven yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    pub app_id: String,
    pub signature: String,
    pub date: String,
    pub token: String,
}

/// Everything the signature covers, exactly as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub method: &'a str,
    /// Path and query without `/o/{cid}`, see `signed_target`.
    pub target: &'a str,
    pub content_type: &'a str,
    pub date: &'a str,
    pub body: &'a [u8],
}

/// Reads the sender from the header pair `Wps-Docs-Date` / `Wps-Docs-Authorization` with the token in `Authorization`, or
/// from the pair `Date` / `Authorization` with the token in a header of its own. The message says what is missing.
pub fn read_credentials(headers: &HeaderMap) -> Result<Credentials, &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let (authorization, date, token) = match text("wps-docs-authorization") {
        Some(authorization) => {
            let date = text("wps-docs-date").ok_or("the header `Wps-Docs-Date` is missing")?;
            let token = text(AUTHORIZATION.as_str())
                .ok_or("the access token is missing: send it as `Authorization`")?;
            (authorization, date, token)
        }
        None => {
            let authorization = text(AUTHORIZATION.as_str())
                .filter(|value| value.starts_with("WPS-4"))
                .ok_or("the header `Wps-Docs-Authorization` is missing")?;
            let date = text(DATE.as_str()).ok_or("the header `Date` is missing")?;
            let token = TOKEN_HEADERS
                .into_iter()
                .find_map(text)
                .ok_or("the access token is missing: send it as `Wps-Docs-Token`")?;
            (authorization, date, token)
        }
    };
    let (app_id, signature) = read_authorization(authorization)?;
    let token = strip_bearer(token);
    Ok(Credentials { app_id, signature, date: date.to_owned(), token: token.to_owned() })
}

fn read_authorization(value: &str) -> Result<(String, String), &'static str> {
    let (scheme, rest) =
        value.split_once(' ').ok_or("the signature is not of the form `WPS-4 AppId:Signature`")?;
    if scheme == "WPS-4-GM" {
        return Err("WPS-4-GM is not supported, use WPS-4");
    }
    if scheme != "WPS-4" {
        return Err("only WPS-4 signatures are accepted");
    }
    let (app_id, signature) =
        rest.trim().rsplit_once(':').ok_or("the signature is not of the form `WPS-4 AppId:Signature`")?;
    Ok((app_id.to_owned(), signature.to_owned()))
}

fn strip_bearer(token: &str) -> &str {
    match token.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => token,
    }
}

/// The part of a request target that is signed: all of it but the gateway prefix `/o/{cid}`.
pub fn signed_target(target: &str) -> &str {
    let Some(rest) = target.strip_prefix("/o/") else { return target };
    rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or(target)
}

/// Whether a body of this content type is covered by the signature.
pub fn covers_body(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    content_type.contains("application/json") || content_type.contains("application/x-www-form-urlencoded")
}

/// Whether `signature` was made over `signed` with the app's key. Takes the same time wherever the two differ.
pub fn verify(app_key: &str, signed: &Signed<'_>, signature: &str) -> bool {
    let Some(claimed) = from_hex(signature) else { return false };
    mac(app_key, signed).is_some_and(|mac| mac.verify_slice(&claimed).is_ok())
}

fn mac(app_key: &str, signed: &Signed<'_>) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_key.as_bytes()).ok()?;
    mac.update(b"WPS-4");
    mac.update(signed.method.as_bytes());
    mac.update(signed.target.as_bytes());
    mac.update(signed.content_type.as_bytes());
    mac.update(signed.date.as_bytes());
    if !signed.body.is_empty() && covers_body(signed.content_type) {
        mac.update(hex(&Sha256::digest(signed.body)).as_bytes());
    }
    Some(mac)
}

/// Whether the date of a request is near enough to `now`; `None` where it is no date.
pub fn is_fresh(date: &str, now: Timestamp) -> Option<bool> {
    let sent = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(now.duration_since(sent).abs() <= MAX_SKEW)
}

/// Signatures of requests that were carried out, and may not come again. Each node remembers its own, the newest `REMEMBERED`.
#[derive(Debug, Default)]
pub struct Replays {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    until: HashMap<Fingerprint, Timestamp>,
    order: VecDeque<Fingerprint>,
}

/// The hash of an app's id and its signature.
type Fingerprint = [u8; 32];

/// What was remembered of one request, to forget it if the request fails. Empty where nothing was.
#[derive(Clone, Debug, Default)]
pub struct Remembered(Arc<OnceLock<Fingerprint>>);

impl Replays {
    /// Remembers a request; `false` where it came before. Forgets what is too old to be accepted anyway.
    pub fn first_time(&self, credentials: &Credentials, now: Timestamp, remembered: &Remembered) -> bool {
        let Credentials { app_id, signature, .. } = credentials;
        let key: Fingerprint = Sha256::digest(format!("{app_id}:{}", signature.to_ascii_lowercase())).into();
        let mut guard = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *guard;
        while let Some(oldest) = seen.order.front() {
            let is_over = seen.until.get(oldest).is_none_or(|until| *until < now);
            if !is_over && seen.order.len() < REMEMBERED {
                break;
            }
            seen.until.remove(oldest);
            seen.order.pop_front();
        }
        if seen.until.contains_key(&key) {
            return false;
        }
        // A request may be dated ahead by the whole skew, and is accepted until the skew after its date.
        seen.until.insert(key, now.saturating_add(MAX_SKEW * 2).unwrap_or(Timestamp::MAX));
        seen.order.push_back(key);
        remembered.0.get_or_init(|| key);
        true
    }

    /// Forgets a request that was not carried out.
    pub fn forget(&self, remembered: &Remembered) {
        let Some(key) = remembered.0.get() else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.until.remove(key);
        // It is among the newest.
        if let Some(at) = seen.order.iter().rposition(|it| it == key) {
            seen.order.remove(at);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "YWEAMK0DkP1vV0Napq74QJzXLx";
    const DATE: &str = "Wed, 23 Jan 2013 06:43:08 GMT";

    fn signed<'a>(method: &'a str, target: &'a str, body: &'a [u8]) -> Signed<'a> {
        Signed { method, target, content_type: "application/json", date: DATE, body }
    }

    #[test]
    fn known_signatures_are_accepted() {
        let get = format!("/api/v2/workflow/developer/approvals/{CODE}?operator=1233");
        assert!(verify(
            "sk098765",
            &signed("GET", &get, b""),
            "4282a67d48e9c7beff8cbe077c7ef3e91125bef164f2eeea3db1a2de22c81055",
        ));
        let put = format!("/api/v2/workflow/developer/condition/templates/{CODE}?operator=1233");
        assert!(verify(
            "sk098765",
            &signed("PUT", &put, br#"{"name":"dev-test"}"#),
            "b70860727d30358f4e2e0266121b09c09573349832ea8fd817cc3cc691b0a768",
        ));
    }

    #[test]
    fn every_part_counts() {
        let target = "/api/v2/x?operator=1";
        let good = signed("PUT", target, b"{}");
        let signature = hex(&mac("key", &good).unwrap().finalize().into_bytes());
        assert!(verify("key", &good, &signature));
        let forged = [
            Signed { method: "POST", ..good },
            Signed { target: "/api/v2/x?operator=2", ..good },
            Signed { content_type: "application/json; charset=utf-8", ..good },
            Signed { date: "Wed, 23 Jan 2013 06:43:09 GMT", ..good },
            Signed { body: b"{ }", ..good },
        ];
        for signed in forged {
            assert!(!verify("key", &signed, &signature), "{signed:?}");
        }
        assert!(!verify("other", &good, &signature));
        for signature in ["", "0", "zz", "é", &signature[2..]] {
            assert!(!verify("key", &good, signature), "{signature}");
        }
    }

    #[test]
    fn the_gateway_prefix_is_not_signed() {
        assert_eq!(signed_target("/o/woa/api/v2/x?a=%2Fo%2F"), "/api/v2/x?a=%2Fo%2F");
        assert_eq!(signed_target("/api/v2/x"), "/api/v2/x");
        assert_eq!(signed_target("/o/woa"), "/o/woa");
    }

    #[test]
    fn both_header_pairs_are_read() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            read_credentials(&headers)
        };
        let expected = Credentials {
            app_id: "AK1".into(),
            signature: "ab".into(),
            date: DATE.into(),
            token: "zhp_t".into(),
        };
        let docs = [("wps-docs-date", DATE), ("wps-docs-authorization", "WPS-4 AK1:ab")];
        assert_eq!(read(&[docs[0], docs[1], ("authorization", "zhp_t")]), Ok(expected.clone()));
        assert_eq!(read(&[docs[0], docs[1], ("authorization", "Bearer zhp_t")]), Ok(expected.clone()));
        let plain = [("date", DATE), ("authorization", "WPS-4 AK1:ab")];
        assert_eq!(read(&[plain[0], plain[1], ("wps-docs-token", "zhp_t")]), Ok(expected.clone()));
        assert_eq!(read(&[plain[0], plain[1], ("x-access-token", "Bearer zhp_t")]), Ok(expected));
        assert!(read(&[]).is_err());
        assert!(read(&[docs[0], docs[1]]).is_err());
        assert!(read(&plain).is_err());
        assert!(
            read(&[docs[0], ("wps-docs-authorization", "WPS-4-GM AK1:ab"), ("authorization", "t")]).is_err()
        );
    }

    #[test]
    fn a_date_may_differ_by_a_quarter_of_an_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(is_fresh(DATE, at("2013-01-23T06:43:08Z")), Some(true));
        assert_eq!(is_fresh(DATE, at("2013-01-23T06:58:08Z")), Some(true));
        assert_eq!(is_fresh(DATE, at("2013-01-23T06:28:08Z")), Some(true));
        assert_eq!(is_fresh(DATE, at("2013-01-23T06:58:09Z")), Some(false));
        assert_eq!(is_fresh(DATE, at("2013-01-23T06:28:07Z")), Some(false));
        assert_eq!(is_fresh("yesterday", at("2013-01-23T06:43:08Z")), None);
    }

    #[test]
    fn a_request_is_new_once_while_it_could_be_accepted() {
        let replays = Replays::default();
        let now: Timestamp = "2013-01-23T06:43:08Z".parse().unwrap();
        let come = |app_id: &str, signature: &str, minutes: i64| {
            let (date, token) = (String::new(), String::new());
            let sent = Credentials { app_id: app_id.into(), signature: signature.into(), date, token };
            let remembered = Remembered::default();
            let is_first = replays.first_time(&sent, now + SignedDuration::from_mins(minutes), &remembered);
            (is_first, remembered)
        };
        assert!(come("AK1", "ab", 0).0);
        let (is_first, nothing) = come("AK1", "AB", 30);
        assert!(!is_first);
        replays.forget(&nothing);
        assert!(!come("AK1", "ab", 30).0);
        let (is_first, failed) = come("AK2", "ab", 30);
        assert!(is_first);
        replays.forget(&failed);
        assert!(come("AK2", "ab", 30).0);
        assert!(!come("AK2", "ab", 30).0);
        assert!(come("AK1", "ab", 31).0);
    }
}
