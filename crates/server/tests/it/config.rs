//! The settings: where they come from, and what is said about a wrong one.

use zhupi_server::config::{Config, Layer, SETTINGS, from_toml};

fn layer(settings: &[(&str, &str)]) -> Layer {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn config(settings: &[(&str, &str)]) -> Config {
    Config::from_layers(&[layer(settings)]).expect("settings")
}

#[test]
fn the_defaults_are_a_server_for_this_machine() {
    let config = config(&[]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database, "sqlite:zhupi-data/zhupi.sqlite");
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.key_file.to_string_lossy(), "zhupi-data/master.key");
    assert_eq!(config.limits.json_bytes, 1_048_576);
    assert!(config.workers);
    assert!(config.s3.is_none());
}

#[test]
fn the_first_layer_that_has_a_setting_decides() {
    let flags = layer(&[("listen", "127.0.0.1:1")]);
    let environment = layer(&[("listen", "127.0.0.1:2"), ("log", "debug")]);
    let file = from_toml("listen = '127.0.0.1:3'\nlog = 'warn'\nsession_hours = 3").expect("TOML");
    let config = Config::from_layers(&[flags, environment, file]).expect("settings");
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.log, "debug");
    assert_eq!(config.limits.session_hours, 3);
}

#[test]
fn a_wrong_setting_is_named() {
    let cases = [
        ("listen", "8080", "setting `listen`: expected an address and a port"),
        ("demo", "yes", "setting `demo`: expected `true` or `false`, found `yes`"),
        ("database", "mysql://x", "setting `database`: expected `sqlite:PATH` or `postgres://…`"),
        ("public_url", "ftp://x", "setting `public_url`: expected an http or https address, found `ftp://x`"),
        ("log_format", "xml", "setting `log_format`: expected `text` or `json`, found `xml`"),
        ("trusted_proxies", "10.0.0.0/99", "setting `trusted_proxies`: expected a network"),
        ("target_ports", "80,http", "setting `target_ports`: expected a port"),
        ("session_hours", "0", "setting `session_hours`: has to be greater than 0"),
        ("session_hours", "4294967295", "setting `session_hours`: has to be at most 876000"),
        ("keep_deliveries_days", "36501", "setting `keep_deliveries_days`: has to be at most 36500"),
        ("keep_request_keys_days", "4294967295", "setting `keep_request_keys_days`: has to be at most 36500"),
        ("json_limit_bytes", "-1", "setting `json_limit_bytes`: expected a number of bytes, found `-1`"),
    ];
    for (name, value, words) in cases {
        let refused = Config::from_layers(&[layer(&[(name, value)])]).expect_err(name).to_string();
        assert!(refused.starts_with(words), "{refused}");
    }
}

#[test]
fn a_file_with_an_unknown_setting_is_refused() {
    assert_eq!(
        from_toml("lisen = 1").expect_err("a mistake").to_string(),
        "setting `lisen`: there is no such setting"
    );
    assert_eq!(from_toml("listen = ").expect_err("a mistake").setting, "config");
    assert_eq!(from_toml("[listen]").expect_err("a mistake").setting, "listen");
}

#[test]
fn lists_in_the_file_are_lists() {
    let file = from_toml("trusted_proxies = ['10.0.0.0/8', '::1']").expect("TOML");
    assert_eq!(Config::from_layers(&[file]).expect("settings").trusted_proxies.len(), 2);
}

#[test]
fn demo_mode_stays_on_this_machine_unless_told() {
    let outcome = Config::from_layers(&[layer(&[("demo", "true"), ("listen", "0.0.0.0:80")])]);
    assert_eq!(outcome.expect_err("a refusal").setting, "listen");
    config(&[("demo", "true"), ("listen", "0.0.0.0:80"), ("demo_allow_remote", "true")]);
    config(&[("demo", "true"), ("listen", "[::1]:80")]);
}

#[test]
fn secrets_have_no_flag_and_do_not_show() {
    let secrets: Vec<&str> = SETTINGS.iter().filter(|it| it.secret).map(|it| it.name).collect();
    assert_eq!(secrets, ["master_key", "metrics_token", "s3_access_key", "s3_secret_key"]);
    let config = config(&[
        ("database", "postgres://zhupi:hush@db/zhupi"),
        ("master_key", "hush"),
        ("metrics_token", "hush"),
        ("s3_bucket", "b"),
        ("s3_secret_key", "hush"),
    ]);
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
}

#[test]
fn the_readme_tells_of_every_setting() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
    let readme = readme.expect("the README");
    for setting in SETTINGS {
        let default = match setting.default {
            "" => "–".to_owned(),
            default => format!("`{default}`"),
        };
        let row = format!("| `{}` | {default} | ", setting.name);
        assert!(readme.contains(&row), "the README's table of settings lacks `{row}{} |`", setting.help);
    }
}
