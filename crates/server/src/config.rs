//! Every setting of Zhupi, in one table. A value comes from a flag, else from the environment (`ZHUPI_` and the name in
//! capitals), else from the TOML file, else from the default. The environment is read here and nowhere else.

use crate::outbound::Allowed;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::ParseIntError;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;

/// A row of the table of settings.
#[derive(Debug)]
pub struct Setting {
    /// As in the TOML file; a flag has dashes for the underscores.
    pub name: &'static str,
    /// Where nothing is set; empty: absent.
    pub default: &'static str,
    /// For people.
    pub help: &'static str,
    /// A secret has no flag, since flags are seen by every user of the machine.
    pub secret: bool,
}

const fn setting(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, default, help, secret: false }
}

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting { name, default: "", help, secret: true }
}

/// The table.
pub const SETTINGS: &[Setting] = &[
    setting("listen", "127.0.0.1:8080", "address and port to listen on"),
    setting("database", "", "sqlite:PATH or postgres://…; by default a file in the data folder"),
    setting("data", "zhupi-data", "folder for the key file, uploaded files and the embedded database"),
    setting("public_url", "", "address under which browsers reach Zhupi; by default made of `listen`"),
    setting("demo", "false", "fill an empty database with a demo company"),
    setting("demo_allow_remote", "false", "let demo mode listen on an address other machines can reach"),
    secret("master_key", "32 bytes in base64 that encrypt secrets at rest; by default kept in `key_file`"),
    setting("key_file", "", "file with the master key, made at first start; by default in the data folder"),
    setting("log", "info", "what to log, such as `info` or `warn,zhupi_server=debug`"),
    setting("log_format", "text", "text or json"),
    setting("trusted_proxies", "", "networks whose X-Forwarded-For is believed, such as `10.0.0.0/8,::1`"),
    secret("metrics_token", "bearer token that /metrics asks for; absent: /metrics is open"),
    setting(
        "allow_private_targets",
        "",
        "private networks and hosts that callbacks may reach: `10.1.0.0/16,127.0.0.1:9000,erp.local`",
    ),
    setting("target_ports", "80,443,1024-65535", "ports that callbacks may reach"),
    setting("json_limit_bytes", "1048576", "greatest size of a JSON body"),
    setting("file_limit_bytes", "52428800", "greatest size of an uploaded file"),
    setting("refused_file_types", "exe,dll,com,bat,cmd,msi,scr,ps1,vbs,sh", "file name endings not accepted"),
    setting("request_timeout_s", "30", "longest time a request may take"),
    setting("idle_timeout_s", "75", "longest wait for the head of a request on a connection"),
    setting("shutdown_timeout_s", "20", "longest time to finish requests and work at shutdown"),
    setting("requests_per_minute", "6000", "requests of one caller; 0: unlimited"),
    setting("address_requests_per_minute", "12000", "requests from one network address; 0: unlimited"),
    setting(
        "login_attempts",
        "10",
        "failed logins of one name, or ten times as many of one address, in the window",
    ),
    setting("login_window_minutes", "15", "how long a failed login counts"),
    setting("session_hours", "12", "how long a session lasts without use"),
    setting(
        "keep_deliveries_days",
        "90",
        "how long deliveries that were taken are kept with their attempts; 0: for ever",
    ),
    setting("keep_request_keys_days", "30", "how long an `Idempotency-Key` is known; 0: for ever"),
    setting("workers", "true", "run deliveries and timers in this process"),
    setting("s3_bucket", "", "keep uploaded files in this bucket instead of the data folder"),
    setting("s3_endpoint", "", "address of the S3 service, where it is not Amazon's"),
    setting("s3_region", "us-east-1", "region of the bucket"),
    secret("s3_access_key", "access key of the bucket"),
    secret("s3_secret_key", "secret key of the bucket"),
];

/// What Zhupi runs with.
#[derive(Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub database: String,
    pub data: PathBuf,
    pub public_url: Url,
    pub demo: bool,
    pub master_key: Option<Hidden>,
    pub key_file: PathBuf,
    pub log: String,
    pub log_format: LogFormat,
    pub trusted_proxies: Vec<Network>,
    pub metrics_token: Option<Hidden>,
    pub allow_private_targets: Vec<Allowed>,
    pub target_ports: Vec<Ports>,
    pub limits: Limits,
    pub workers: bool,
    pub s3: Option<S3>,
}

/// The address of a database may hold its password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// Numbers that protect the service.
#[derive(Clone, Debug)]
pub struct Limits {
    pub json_bytes: usize,
    pub file_bytes: usize,
    pub refused_file_types: Vec<String>,
    pub request_timeout_s: u64,
    pub idle_timeout_s: u64,
    pub shutdown_timeout_s: u64,
    pub requests_per_minute: u32,
    pub address_requests_per_minute: u32,
    pub login_attempts: u32,
    pub login_window_minutes: u32,
    pub session_hours: u32,
    pub keep_deliveries_days: u32,
    pub keep_request_keys_days: u32,
}

/// A bucket for uploaded files.
#[derive(Clone, Debug)]
pub struct S3 {
    pub bucket: String,
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key: Option<Hidden>,
    pub secret_key: Option<Hidden>,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    Text,
    Json,
}

/// A value that never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// A setting that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("setting `{setting}`: {message}")]
pub struct ConfigError {
    pub setting: String,
    pub message: String,
}

/// Values by setting name, from one place.
pub type Layer = BTreeMap<String, String>;

impl Config {
    /// Of these flags, the environment and the file that the flag or the variable `config` names.
    pub fn load(flags: Layer) -> Result<Self, ConfigError> {
        let environment = environment();
        let path = flags.get("config").or_else(|| environment.get("config"));
        let file = match path {
            Some(path) => file(path)?,
            None => Layer::new(),
        };
        Self::from_layers(&[flags, environment, file])
    }

    /// The first layer that has a setting decides it.
    pub fn from_layers(layers: &[Layer]) -> Result<Self, ConfigError> {
        let read = Read { layers };
        let listen: SocketAddr = read.parse("listen", "an address and a port, such as `127.0.0.1:8080`")?;
        let demo = read.flag("demo")?;
        if demo && !listen.ip().is_loopback() && !read.flag("demo_allow_remote")? {
            let message = "demo mode listens on loopback addresses only, since its passwords are known; \
                           set `demo_allow_remote` to allow others";
            return Err(error("listen", message));
        }
        let data = PathBuf::from(read.text("data"));
        let public_url = match read.optional("public_url") {
            Some(text) => web_address("public_url", &text)?,
            None => web_address("public_url", &format!("http://{listen}"))?,
        };
        Ok(Self {
            listen,
            database: read_database(&read, &data)?,
            public_url,
            demo,
            master_key: read.hidden("master_key"),
            key_file: read.optional("key_file").map_or_else(|| data.join("master.key"), PathBuf::from),
            data,
            log: read.text("log"),
            log_format: read_log_format(&read)?,
            trusted_proxies: read.list("trusted_proxies", "a network, such as `10.0.0.0/8`")?,
            metrics_token: read.hidden("metrics_token"),
            allow_private_targets: read_targets(&read, demo)?,
            target_ports: read.list("target_ports", "a port or a range of them, such as `1024-65535`")?,
            limits: read_limits(&read)?,
            workers: read.flag("workers")?,
            s3: read_s3(&read),
        })
    }

    /// Browsers reach Zhupi over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// Where the values of one setting are looked for.
struct Read<'a> {
    layers: &'a [Layer],
}

impl Read<'_> {
    fn text(&self, name: &str) -> String {
        let set = self.layers.iter().find_map(|layer| layer.get(name));
        let default = || SETTINGS.iter().find(|it| it.name == name).map_or("", |it| it.default);
        set.map_or_else(|| default().to_owned(), |it| it.trim().to_owned())
    }

    fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    fn hidden(&self, name: &str) -> Option<Hidden> {
        self.optional(name).map(Hidden)
    }

    fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<T, ConfigError> {
        let text = self.text(name);
        text.parse().map_err(|_| error(name, &format!("expected {expected}, found `{text}`")))
    }

    fn flag(&self, name: &str) -> Result<bool, ConfigError> {
        self.parse(name, "`true` or `false`")
    }

    fn list<T: FromStr>(&self, name: &str, expected: &str) -> Result<Vec<T>, ConfigError> {
        let text = self.text(name);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items
            .map(|item| {
                item.parse().map_err(|_| error(name, &format!("expected {expected}, found `{item}`")))
            })
            .collect()
    }
}

fn environment() -> Layer {
    let known = SETTINGS.iter().map(|it| it.name).chain(["config"]);
    known
        .filter_map(|name| {
            let value = std::env::var(format!("ZHUPI_{}", name.to_uppercase())).ok()?;
            Some((name.to_owned(), value))
        })
        .collect()
}

fn file(path: &str) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| error("config", &format!("cannot read `{path}`: {cause}")))?;
    from_toml(&text)
}

/// The layer that a TOML text makes. Lists become comma-separated.
pub fn from_toml(text: &str) -> Result<Layer, ConfigError> {
    let table: toml::Table =
        text.parse().map_err(|cause: toml::de::Error| error("config", cause.message()))?;
    table
        .into_iter()
        .map(|(name, value)| {
            if !SETTINGS.iter().any(|it| it.name == name) {
                return Err(error(&name, "there is no such setting"));
            }
            let text = plain(&value).ok_or_else(|| error(&name, "expected a text, number, flag or list"))?;
            Ok((name, text))
        })
        .collect()
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            Some(items.iter().map(plain).collect::<Option<Vec<String>>>()?.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn error(setting: &str, message: &str) -> ConfigError {
    ConfigError { setting: setting.to_owned(), message: message.to_owned() }
}

fn web_address(setting: &str, text: &str) -> Result<Url, ConfigError> {
    let address = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    address.ok_or_else(|| error(setting, &format!("expected an http or https address, found `{text}`")))
}

fn read_database(read: &Read<'_>, data: &std::path::Path) -> Result<String, ConfigError> {
    let Some(database) = read.optional("database") else {
        return Ok(format!("sqlite:{}", data.join("zhupi.sqlite").display()));
    };
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|start| database.starts_with(start)) {
        return Ok(database);
    }
    Err(error("database", "expected `sqlite:PATH` or `postgres://…`"))
}

fn read_log_format(read: &Read<'_>) -> Result<LogFormat, ConfigError> {
    match read.text("log_format").as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(error("log_format", &format!("expected `text` or `json`, found `{other}`"))),
    }
}

/// Demo mode may call receivers on this machine.
fn read_targets(read: &Read<'_>, demo: bool) -> Result<Vec<Allowed>, ConfigError> {
    let expected = "a network with or without a port, or a host name, such as `10.1.0.0/16`";
    let mut targets: Vec<Allowed> = read.list("allow_private_targets", expected)?;
    if demo {
        targets.push(Allowed::Network { base: IpAddr::from([127, 0, 0, 0]), prefix: 8, port: None });
    }
    Ok(targets)
}

/// The longest span a setting may name, a hundred years: moments so far away can still be reckoned.
const MOST_DAYS: u32 = 36_500;

fn read_limits(read: &Read<'_>) -> Result<Limits, ConfigError> {
    let limits = Limits {
        json_bytes: read.parse("json_limit_bytes", "a number of bytes")?,
        file_bytes: read.parse("file_limit_bytes", "a number of bytes")?,
        refused_file_types: read.list("refused_file_types", "a file name ending")?,
        request_timeout_s: read.parse("request_timeout_s", "a number of seconds")?,
        idle_timeout_s: read.parse("idle_timeout_s", "a number of seconds")?,
        shutdown_timeout_s: read.parse("shutdown_timeout_s", "a number of seconds")?,
        requests_per_minute: read.parse("requests_per_minute", "a number")?,
        address_requests_per_minute: read.parse("address_requests_per_minute", "a number")?,
        login_attempts: read.parse("login_attempts", "a number")?,
        login_window_minutes: read.parse("login_window_minutes", "a number of minutes")?,
        session_hours: read.parse("session_hours", "a number of hours")?,
        keep_deliveries_days: read.parse("keep_deliveries_days", "a number of days")?,
        keep_request_keys_days: read.parse("keep_request_keys_days", "a number of days")?,
    };
    let positive = [
        ("json_limit_bytes", limits.json_bytes > 0),
        ("file_limit_bytes", limits.file_bytes > 0),
        ("request_timeout_s", limits.request_timeout_s > 0),
        ("login_attempts", limits.login_attempts > 0),
        ("login_window_minutes", limits.login_window_minutes > 0),
        ("session_hours", limits.session_hours > 0),
    ];
    if let Some((name, _)) = positive.iter().find(|(_, fine)| !fine) {
        return Err(error(name, "has to be greater than 0"));
    }
    let spans = [
        ("login_window_minutes", limits.login_window_minutes, MOST_DAYS * 24 * 60),
        ("session_hours", limits.session_hours, MOST_DAYS * 24),
        ("keep_deliveries_days", limits.keep_deliveries_days, MOST_DAYS),
        ("keep_request_keys_days", limits.keep_request_keys_days, MOST_DAYS),
    ];
    match spans.iter().find(|(_, span, most)| span > most) {
        Some((name, _, most)) => Err(error(name, &format!("has to be at most {most}"))),
        None => Ok(limits),
    }
}

fn read_s3(read: &Read<'_>) -> Option<S3> {
    Some(S3 {
        bucket: read.optional("s3_bucket")?,
        endpoint: read.optional("s3_endpoint"),
        region: read.text("s3_region"),
        access_key: read.hidden("s3_access_key"),
        secret_key: read.hidden("s3_secret_key"),
    })
}

/// A network: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    pub address: IpAddr,
    pub bits: u8,
}

impl Network {
    /// Whether the address lies in it. An IPv4 address written as IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => same_start(
                u128::from(network.to_bits()) << 96,
                u128::from(address.to_bits()) << 96,
                self.bits,
            ),
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                same_start(network.to_bits(), address.to_bits(), self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn same_start(one: u128, other: u128, bits: u8) -> bool {
    bits == 0 || (one ^ other) >> (128 - u32::from(bits)) == 0
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| ())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(()) } else { Ok(Self { address, bits }) }
    }
}

/// A port, or a range of them with both ends: `443`, `1024-65535`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ports(pub RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Ok(Self(first.trim().parse()?..=last.trim().parse()?))
    }
}
