//! Encryption at rest, tokens and passwords.

use crate::harness::TestApp;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;
use zhupi_server::clock::Clock;
use zhupi_server::config::{Config, Layer};
use zhupi_server::secrets::{self, Passwords, TokenKind};
use zhupi_server::{App, Error};

#[tokio::test]
async fn a_sealed_secret_opens_in_its_own_place_only() {
    let app = TestApp::new().await;
    let vault = &app.app.vault;
    let sealed = vault.seal("app:1", b"hush").expect("a secret");
    assert_ne!(vault.seal("app:1", b"hush").expect("a secret"), sealed);
    assert_eq!(vault.open_sealed("app:1", &sealed).expect("the secret"), b"hush");
    assert!(matches!(vault.open_sealed("app:2", &sealed), Err(Error::Internal(_))));
    let changed = format!("{}A", &sealed[..sealed.len() - 1]);
    assert!(changed == sealed || vault.open_sealed("app:1", &changed).is_err());
    assert!(vault.open_sealed("app:1", "v1.x").is_err());
}

#[tokio::test]
async fn the_key_file_is_for_its_owner_alone_and_is_used_again() {
    let app = TestApp::new().await;
    let file = app.app.config.key_file.clone();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).expect("a key file").permissions().mode() & 0o777, 0o600);
    }
    let sealed = app.app.vault.seal("x", b"hush").expect("a secret");
    let again = App::open_with(app.app.config.clone(), Clock::system()).await.expect("a server");
    assert_eq!(again.vault.open_sealed("x", &sealed).expect("the secret"), b"hush");
    again.store.close().await;
}

#[tokio::test]
async fn a_master_key_of_another_length_is_refused_by_name() {
    let folder = std::env::temp_dir().join(format!("zt_{}", Uuid::new_v4().simple()));
    let settings = [("data", folder.display().to_string()), ("master_key", "c2hvcnQ=".to_owned())];
    let layer: Layer = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let config = Config::from_layers(&[layer]).expect("settings");
    let refused = App::open(config).await.expect_err("a refusal").to_string();
    assert_eq!(refused, "setting `master_key`: the master key has to be 32 bytes in base64");
    std::fs::remove_dir_all(folder).expect("the folder");
}

#[test]
fn tokens_and_app_ids_name_their_workspace() {
    let tenant = TenantId(Uuid::now_v7());
    let token = secrets::new_token(TokenKind::Api, tenant).expect("a token");
    assert!(token.starts_with("zhp_"));
    assert_eq!(secrets::token_tenant(TokenKind::Api, &token), Some(tenant));
    assert_eq!(secrets::token_tenant(TokenKind::Session, &token), None);
    assert_eq!(secrets::token_tenant(TokenKind::Api, &token[..40]), None);
    let app = secrets::new_app_id(tenant).expect("an id");
    assert_eq!(secrets::app_tenant(&app), Some(tenant));
    assert_eq!(secrets::app_tenant("AKxyz"), None);
}

#[tokio::test]
async fn a_password_fits_its_own_hash_and_no_other() {
    let passwords = Passwords::new().expect("a machine with randomness");
    let kept = passwords.hash("correct horse").await.expect("a hash");
    assert!(kept.starts_with("$argon2id$"), "{kept}");
    assert!(passwords.verify("correct horse", Some(&kept)).await.expect("an answer"));
    assert!(!passwords.verify("wrong", Some(&kept)).await.expect("an answer"));
    assert!(!passwords.verify("correct horse", Some("nonsense")).await.expect("an answer"));
    assert!(!passwords.verify("correct horse", None).await.expect("an answer"));
}
