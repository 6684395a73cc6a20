//! The commands.

mod backup;
mod check;
mod migrate;
mod openapi;
mod serve;
mod user;
mod verify;

use crate::args::Task;

/// Does it. A failure is words for the operator.
pub async fn run(task: Task) -> Result<(), String> {
    match task {
        Task::Serve(config) => serve::serve(config).await,
        Task::Migrate(config) => migrate::migrate(&config).await,
        Task::Check { config, replay } => check::check(&config, replay).await,
        Task::Backup { config, to } => backup::backup(&config, &to).await,
        Task::AddUser { config, user } => user::add(config, user).await,
        Task::SetPassword { config, workspace, login } => user::password(config, &workspace, &login).await,
        Task::Verify { file, roots } => verify::verify(&file, &roots),
        Task::OpenApi => openapi::print(),
    }
}

/// What went wrong, with the cause that the server's callers do not get to see.
fn told(error: &zhupi_server::Error) -> String {
    error.cause().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
