//! The headers of the Standard Webhooks specification, with which a receiver can tell that a call is ours, that it is
//! whole, and whether he has seen it before.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// A secret as the specification writes it: `whsec_` and the key in base64.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new one, from the system's source of randomness.
    pub fn random() -> Result<Self, ring::error::Unspecified> {
        let mut key = vec![0; SECRET_BYTES];
        SystemRandom::new().fill(&mut key)?;
        Ok(Self(key))
    }

    /// Reads a secret; `None` where it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.strip_prefix(PREFIX)?).ok().filter(|key| !key.is_empty()).map(Self)
    }

    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        signing.update(format!("{id}.{timestamp_s}.").as_bytes());
        signing.update(body);
        format!("v1,{}", STANDARD.encode(signing.sign()))
    }
}

/// The three headers. `secrets` has more than one while an old secret is still honoured after a rotation.
pub fn headers(secrets: &[Secret], id: &str, timestamp_s: i64, body: &[u8]) -> HeaderMap {
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp_s, body)).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp_s.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac` over `msg_1.1700000000.{"a":1}` and the 32 bytes 0, 1, … 31.
    const KNOWN: &str = "v1,AMaOha7DUT/0J0JMycRuYOBSvbx3WtwLd2khXXbaVj4=";

    fn known_secret() -> Secret {
        Secret((0..32).collect())
    }

    #[test]
    fn a_signature_is_the_one_another_implementation_computes() {
        assert_eq!(known_secret().sign("msg_1", 1_700_000_000, br#"{"a":1}"#), KNOWN);
    }

    #[test]
    fn a_secret_is_read_as_it_is_written() {
        let text = known_secret().to_text();
        assert_eq!(text, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert_eq!(Secret::parse(&text).map(|secret| secret.0), Some((0..32).collect()));
        for wrong in ["", "whsec_", "whsec_*", "AAECAwQF"] {
            assert!(Secret::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn both_secrets_sign_while_one_replaces_the_other() {
        let old = Secret(vec![1; 32]);
        let headers = headers(&[known_secret(), old.clone()], "msg_1", 1_700_000_000, br#"{"a":1}"#);
        let expected = format!("{KNOWN} {}", old.sign("msg_1", 1_700_000_000, br#"{"a":1}"#));
        assert_eq!(headers["webhook-signature"], expected.as_str());
        assert_eq!(headers["webhook-id"], "msg_1");
        assert_eq!(headers["webhook-timestamp"], "1700000000");
    }
}
