//! `cargo xtask run`: Zhupi with demo data on this machine.
//!
//! The server takes our place (`exec`), so that Ctrl-C reaches it alone and the prompt comes back when it has ended. A
//! second, short-lived process waits until the server is ready and prints where it is and who can log in.

use crate::programs::{cargo, program, root, succeed, target_dir};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The task by which we start ourselves again; not for people.
pub const ANNOUNCE: &str = "announce-when-ready";

const PATIENCE: Duration = Duration::from_secs(60);

/// Builds and starts the server; comes back only if that fails.
pub fn run(args: &[String]) -> Result<(), String> {
    succeed(&mut cargo(&["build", "--locked", "--package", "zhupi"]))?;
    let listen = option(args, "--listen").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let data = option(args, "--data").unwrap_or_else(|| "data".to_owned());
    let database = option(args, "--database").unwrap_or_else(|| format!("sqlite:{data}/zhupi.db"));
    let data_dir = root().join(&data);
    std::fs::create_dir_all(&data_dir)
        .map_err(|error| format!("cannot make `{}`: {error}", data_dir.display()))?;

    let ourselves =
        std::env::current_exe().map_err(|error| format!("cannot find our own program: {error}"))?;
    program(ourselves)
        .args([ANNOUNCE, &listen, &data])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start the announcer: {error}"))?;

    let error = program(target_dir().join("debug/zhupi"))
        .args(["serve", "--demo", "--listen", &listen, "--database", &database, "--data", &data])
        .args(others(args, &["--listen", "--database", "--data", "--demo"]))
        .exec();
    Err(format!("`zhupi` did not start: {error}"))
}

/// Waits until the server answers, then prints its address and the demo logins.
pub fn announce(args: &[String]) -> Result<(), String> {
    let [listen, data] = args else { return Err("this task is for `cargo xtask run` alone".to_owned()) };
    let deadline = Instant::now() + PATIENCE;
    while !is_ready(listen) {
        if Instant::now() > deadline {
            return Err(format!("no answer from http://{listen}/readyz within {} s", PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("\nZhupi is ready: http://{listen}   (API: http://{listen}/v1/docs, Ctrl-C stops it)");
    let path = root().join(data).join("demo-credentials.json");
    match std::fs::read_to_string(&path) {
        Ok(credentials) => print_logins(&credentials, data),
        Err(error) => println!("No demo logins: {}: {error}", path.display()),
    }
    Ok(())
}

/// So many logins are printed.
const LOGINS: usize = 12;

fn print_logins(credentials: &str, data: &str) {
    let users = users_of(credentials);
    println!("\n{:<20} {:<24} name", "login", "password");
    for user in users.iter().take(LOGINS) {
        let field = |name| text_after(user, name).unwrap_or_default();
        println!("{:<20} {:<24} {}", field("login"), field("password"), field("name"));
    }
    if users.len() > LOGINS {
        println!("… and {} more", users.len() - LOGINS);
    }
    println!("\nEverything needed to call each interface: {data}/demo-credentials.json\n");
}

/// The innermost objects with a login and a password. We wrote this file ourselves and print it for people, so reading it
/// by its marks is enough and saves a JSON reader.
fn users_of(credentials: &str) -> Vec<&str> {
    let objects = credentials.split('{').filter_map(|from| from.split('}').next());
    objects.filter(|it| text_after(it, "login").is_some() && text_after(it, "password").is_some()).collect()
}

fn text_after<'a>(object: &'a str, member: &str) -> Option<&'a str> {
    let (_, rest) = object.split_once(&format!("\"{member}\""))?;
    rest.split('"').nth(1)
}

fn is_ready(listen: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(listen)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

/// The value of `--name value` or `--name=value`.
fn option(args: &[String], name: &str) -> Option<String> {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == name {
            return rest.next().cloned();
        }
        if let Some(value) = arg.strip_prefix(name).and_then(|tail| tail.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// The arguments that are none of `known`; all of those but `--demo` have a value.
fn others(args: &[String], known: &[&str]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let name = arg.split('=').next().unwrap_or(arg);
        if !known.contains(&name) {
            kept.push(arg.clone());
        } else if name == arg && name != "--demo" {
            rest.next();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{option, others, text_after, users_of};

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        assert_eq!(option(&args("--listen 127.0.0.1:1"), "--listen").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(option(&args("--x --listen=127.0.0.1:2"), "--listen").as_deref(), Some("127.0.0.1:2"));
        assert_eq!(option(&args("--listened=1"), "--listen"), None);
    }

    #[test]
    fn what_is_not_ours_is_passed_on() {
        let known = ["--listen", "--demo"];
        assert_eq!(
            others(&args("--log debug --listen a --demo --more=1 --listen=b"), &known),
            args("--log debug --more=1")
        );
    }

    #[test]
    fn logins_are_found_in_the_credentials() {
        let text = r#"{"crm":{"users":[{"uid":"1"}]},"users":[{"login":"a","password":"p","roles":["r"]},{"login": "b", "password": "q"}],"esign":{"accounts":[{"account":"c","password":"r"}]}}"#;
        let users = users_of(text);
        let logins: Vec<_> = users.iter().filter_map(|user| text_after(user, "login")).collect();
        assert_eq!(logins, ["a", "b"]);
        assert_eq!(text_after(users[0], "password"), Some("p"));
    }
}
