//! A copy of the database while it is in use.

use crate::error::{Error, Result};
use crate::store::{Db, Store};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

impl Store {
    /// Copies an embedded database into a new file, as it is at one moment; readers and writers go on. The file appears
    /// under its name only when it is complete, and only its owner may read it.
    pub async fn backup_to(&self, path: &Path) -> Result<()> {
        let Db::Lite(lite) = self.db() else {
            return Err(Error::Address(
                "a PostgreSQL database is backed up by its own tools, such as `pg_dump`".to_owned(),
            ));
        };
        let (from, to) = (lite.path().to_owned(), path.to_owned());
        let work = tokio::task::spawn_blocking(move || copy(&from, &to));
        work.await.map_err(|error| Error::Io(error.to_string()))?
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        return Err(Error::Io(format!("`{}` is there already", to.display())));
    }
    let mut partial = PathBuf::from(to).into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    remove_if_there(&partial)?;
    make_private(&partial)?;
    copy_pages(from, &partial)?;
    std::fs::rename(&partial, to).map_err(|error| Error::Io(error.to_string()))
}

/// All in one step: that holds one snapshot, which in this journal mode keeps nobody from writing. Several steps would
/// begin anew whenever somebody writes in between.
fn copy_pages(from: &Path, to: &Path) -> Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut target = Connection::open(to)?;
    let outcome = Backup::new(&source, &mut target)?.step(-1)?;
    target.close().map_err(|(_, error)| error)?;
    match outcome {
        StepResult::Done => Ok(()),
        _ => Err(Error::Unavailable("the database was busy for too long".to_owned())),
    }
}

/// An empty file that only its owner may read, since a backup holds all that the database holds.
fn make_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| Error::Io(error.to_string()))
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::Io(error.to_string())),
        _ => Ok(()),
    }
}
