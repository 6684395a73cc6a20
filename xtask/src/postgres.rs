//! A PostgreSQL of our own: found on this machine, started in a new folder on a free port of the loopback, gone at the end.
//!
//! A small shell process stands between us and the server. It waits for the end of its input, which comes when we drop
//! the handle and also when we are killed; then it stops the server and removes the folder. Nothing is left behind.

use crate::programs::output;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// `$1`: the program folder, `$2`: the data folder's parent, `$3`: the port.
const KEEPER: &str = r#"
cd /
"$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=300 >"$2/log" 2>&1 </dev/null &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
"#;

/// A running server. Dropping it stops it.
pub struct Postgres {
    keeper: Child,
    dir: PathBuf,
    port: u16,
    version: String,
}

impl Postgres {
    /// Finds, prepares and starts a server with the settings PostgreSQL comes with.
    pub fn start() -> Result<Self, String> {
        let programs = find_programs()?;
        let version = output(Command::new(programs.join("postgres")).arg("--version"))?;
        let person = unprivileged()?;
        let dir = new_folder(person.as_ref())?;
        let port = free_port()?;
        output(
            as_person(person.as_ref(), &programs.join("initdb"))
                .current_dir("/")
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata"])
                .arg(dir.join("data")),
        )?;
        let keeper = as_person(person.as_ref(), Path::new("sh"))
            .args(["-c", KEEPER, "sh"])
            .args([&programs, &dir])
            .arg(port.to_string())
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("PostgreSQL did not start: {error}"))?;
        let server = Self { keeper, dir, port, version };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Where to connect, as its superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// What the server calls itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The process all others of the server descend from.
    pub fn process_id(&self) -> Result<u32, String> {
        let path = self.dir.join("data/postmaster.pid");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let first = text.lines().next().unwrap_or_default();
        first.trim().parse().map_err(|_| format!("no process id in {}", path.display()))
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let answers = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            let pid_file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
            if answers && pid_file.lines().any(|line| line.trim() == "ready") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL was not ready within {} s:\n{log}", PATIENCE.as_secs()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("PostgreSQL in {} was not stopped: {error}", self.dir.display());
        }
    }
}

/// The user PostgreSQL runs as where we are root: it refuses to run as root.
struct Person {
    name: &'static str,
    user: u32,
    group: u32,
}

fn find_programs() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .ok_or_else(|| "no PostgreSQL found: no `initdb` in PATH or /usr/lib/postgresql/*/bin".to_owned())
}

fn unprivileged() -> Result<Option<Person>, String> {
    let own = std::fs::metadata("/proc/self").map_err(|error| format!("/proc/self: {error}"))?.uid();
    if own != 0 {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        let number = |flag| output(Command::new("id").args([flag, name])).ok()?.parse().ok();
        if let (Some(user), Some(group)) = (number("-u"), number("-g")) {
            return Ok(Some(Person { name, user, group }));
        }
    }
    Err("PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`".to_owned())
}

fn as_person(person: Option<&Person>, path: &Path) -> Command {
    let Some(person) = person else { return Command::new(path) };
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={}", person.user), format!("--regid={}", person.group)])
        .args(["--clear-groups", "--"])
        .arg(path)
        .env("HOME", "/")
        .env("USER", person.name);
    command
}

fn new_folder(person: Option<&Person>) -> Result<PathBuf, String> {
    let dir = std::env::temp_dir().join(format!("zhupi-postgres-{}-{}", std::process::id(), free_port()?));
    let fail = |error: std::io::Error| format!("{}: {error}", dir.display());
    std::fs::create_dir(&dir).map_err(fail)?;
    if let Some(person) = person {
        chown(&dir, Some(person.user), Some(person.group)).map_err(fail)?;
    }
    Ok(dir)
}

fn free_port() -> Result<u16, String> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}
