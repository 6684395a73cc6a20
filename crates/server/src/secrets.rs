//! Everything secret: encryption at rest, tokens, passwords. Nothing here is ever logged.

use crate::config::{Config, ConfigError};
use crate::error::Error;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;

/// The master key, and what is done with it.
pub struct Vault {
    seal: LessSafeKey,
    derive: hmac::Key,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// With the master key of the configuration, or of the key file, which is made if it is missing.
    pub fn open(config: &Config) -> Result<Self, ConfigError> {
        let (setting, text) = match &config.master_key {
            Some(key) => ("master_key", key.0.clone()),
            None => ("key_file", read_key_file(&config.key_file)?),
        };
        let wrong = || ConfigError {
            setting: setting.to_owned(),
            message: "the master key has to be 32 bytes in base64".to_owned(),
        };
        let key: [u8; 32] = BASE64_STANDARD
            .decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(wrong)?;
        let unbound = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| wrong())?;
        Ok(Self { seal: LessSafeKey::new(unbound), derive: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// Encrypts for keeping. `context` says what the secret belongs to; it opens with the same words only.
    pub fn seal(&self, context: &str, secret: &[u8]) -> Result<String, Error> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut kept = secret.to_vec();
        self.seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut kept,
            )
            .map_err(|_| Error::internal("a secret could not be encrypted"))?;
        Ok(format!("v1.{}.{}", BASE64_URL_SAFE_NO_PAD.encode(nonce), BASE64_URL_SAFE_NO_PAD.encode(kept)))
    }

    /// Opens what `seal` made.
    pub fn open_sealed(&self, context: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        self.try_open(context, sealed)
            .ok_or_else(|| Error::internal("a secret cannot be decrypted: has the master key changed"))
    }

    fn try_open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let (nonce, kept) = sealed.strip_prefix("v1.")?.split_once('.')?;
        let nonce: [u8; NONCE_LEN] = BASE64_URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        let mut kept = BASE64_URL_SAFE_NO_PAD.decode(kept).ok()?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = self.seal.open_in_place(nonce, Aad::from(context.as_bytes()), &mut kept).ok()?;
        Some(plain.to_vec())
    }

    /// A value that only the holder of the master key can make of these words, in base64url.
    pub fn tag(&self, purpose: &str, words: &str) -> String {
        let mut context = hmac::Context::with_key(&self.derive);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(words.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(context.sign())
    }
}

fn read_key_file(path: &Path) -> Result<String, ConfigError> {
    let wrong = |cause: std::io::Error| ConfigError {
        setting: "key_file".to_owned(),
        message: format!("cannot use `{}`: {cause}", path.display()),
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => make_key_file(path).map_err(wrong),
        Err(cause) => Err(wrong(cause)),
    }
}

fn make_key_file(path: &Path) -> std::io::Result<String> {
    let key: [u8; 32] = random().map_err(std::io::Error::other)?;
    let text = BASE64_STANDARD.encode(key);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    match write_by(options.create_new(true), path, &text) {
        // Another process that starts on the same folder was faster: both have to use one key.
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => std::fs::read_to_string(path),
        outcome => outcome.map(|()| text),
    }
}

/// Writes a file that only its owner can read, in the place of the one that is there.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    write_by(std::fs::OpenOptions::new().create(true).truncate(true), path, text)
}

fn write_by(options: &mut std::fs::OpenOptions, path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the machine has no randomness"))?;
    Ok(bytes)
}

/// What a token is for; its first letters say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// In the cookie of a browser.
    Session,
    /// In the `Authorization` header of a program.
    Api,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            TokenKind::Session => "zhs_",
            TokenKind::Api => "zhp_",
        }
    }
}

/// A new token: 32 random bytes, and the workspace it belongs to.
pub fn new_token(kind: TokenKind, tenant: TenantId) -> Result<String, Error> {
    let mut bytes = tenant.0.as_bytes().to_vec();
    bytes.extend(random::<32>()?);
    Ok(format!("{}{}", kind.prefix(), BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

/// The workspace that a token names; absent where it is no token of this kind.
pub fn token_tenant(kind: TokenKind, token: &str) -> Option<TenantId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(kind.prefix())?).ok()?;
    if bytes.len() != 48 {
        return None;
    }
    Uuid::from_slice(bytes.get(..16)?).ok().map(TenantId)
}

/// What is kept of a token.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A new id for an API app: it names its workspace.
pub fn new_app_id(tenant: TenantId) -> Result<String, Error> {
    let mut bytes = tenant.0.as_bytes().to_vec();
    bytes.extend(random::<6>()?);
    Ok(format!("AK{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

/// The workspace that an app id names.
pub fn app_tenant(app_id: &str) -> Option<TenantId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(app_id.strip_prefix("AK")?).ok()?;
    if bytes.len() != 22 {
        return None;
    }
    Uuid::from_slice(bytes.get(..16)?).ok().map(TenantId)
}

/// A new secret of 32 random bytes.
pub fn new_secret() -> Result<String, Error> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Whether two values are the same, in a time that does not depend on where they differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Hashes and checks passwords, few at a time, since each takes 19 MiB and some ten milliseconds of a core.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Checked where there is no such account, so that it takes as long as where there is one.
    nobody: Arc<str>,
}

impl Passwords {
    /// Hashes one throw-away password.
    pub fn new() -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { turns: Arc::new(Semaphore::new(cores)), nobody: hash(&new_secret()?)?.into() })
    }

    /// The hash of a password, in the PHC form.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        self.aside(move || hash(&password)).await?
    }

    /// Whether the password is the one of this hash. Without a hash it is not, after the same time.
    pub async fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool, Error> {
        let password = password.to_owned();
        let known = kept.is_some();
        let kept = kept.unwrap_or(&self.nobody).to_owned();
        let fits = self.aside(move || verify(&password, &kept)).await?;
        Ok(fits && known)
    }

    async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let closed = |_| Error::internal("password hashing has stopped");
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(closed)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| Error::internal("password hashing was cut off"))
    }
}

fn hash(password: &str) -> Result<String, Error> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|cause| Error::internal(format!("a password could not be hashed: {cause}")))?;
    Ok(hash.to_string())
}

fn verify(password: &str, kept: &str) -> bool {
    PasswordHash::new(kept)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_that_appears_meanwhile_is_used() {
        let folder = std::env::temp_dir().join(format!("zt_{}", Uuid::now_v7().simple()));
        let path = folder.join("master.key");
        let keys = [(); 2].map(|()| make_key_file(&path).expect("a key"));
        assert_eq!(keys[0], keys[1]);
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), keys[0]);
        std::fs::remove_dir_all(&folder).expect("the folder to go");
    }
}
