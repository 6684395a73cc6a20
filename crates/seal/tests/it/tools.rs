//! Programs of others that judge what we write. Where one is missing the test says so; in CI that is a failure.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of its own for one call, removed afterwards.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("zhupi-seal-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the program answered; nothing if it is not installed.
pub fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    answer(program, Command::new(program).args(arguments))
}

/// The same in a folder, where it finds and leaves its files.
pub fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    answer(program, Command::new(program).args(arguments).current_dir(folder))
}

fn answer(program: &str, command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(env::var_os("CI").is_none(), "{program} is missing: {error}");
            eprintln!("NOT RUN: {program} is missing");
            None
        }
    }
}

/// `qpdf --check` finds neither an error nor anything to warn of.
pub fn assert_sound(name: &str, bytes: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("check.pdf", bytes);
    let Some(output) = run("qpdf", &["--check", path.to_str().unwrap()]) else { return };
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let kept = env::temp_dir().join("zhupi-seal-unsound.pdf");
        fs::write(&kept, bytes).unwrap();
        panic!("{name}, kept as {}: {said}", kept.display());
    }
}
