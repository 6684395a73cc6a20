//! What the command line says. The flags of settings are made of the server's own table of them.

use clap::{Arg, ArgAction, ArgMatches, Command};
use std::path::PathBuf;
use zhupi_server::Config;
use zhupi_server::config::{Layer, SETTINGS, Setting};

/// What is to be done.
pub enum Task {
    Serve(Config),
    Migrate(Config),
    Check { config: Config, replay: bool },
    Backup { config: Config, to: PathBuf },
    AddUser { config: Config, user: NewUser },
    SetPassword { config: Config, workspace: String, login: String },
    Verify { file: PathBuf, roots: Vec<PathBuf> },
    OpenApi,
}

/// A person to be added by the operator.
pub struct NewUser {
    pub workspace: String,
    pub login: String,
    pub name: String,
    pub admin: bool,
}

/// What the command line asks for. Mistakes of usage end the program here.
pub fn read() -> Result<Task, String> {
    let matches = command().get_matches();
    let Some((name, given)) = matches.subcommand() else { return Err("no command".to_owned()) };
    match name {
        "serve" => Ok(Task::Serve(config(given)?)),
        "migrate" => Ok(Task::Migrate(config(given)?)),
        "check" => Ok(Task::Check { config: config(given)?, replay: given.get_flag("replay") }),
        "backup" => Ok(Task::Backup { config: config(given)?, to: PathBuf::from(text(given, "to")) }),
        "user" => user(given),
        "verify" => Ok(verify(given)),
        "openapi" => Ok(Task::OpenApi),
        other => Err(format!("there is no command `{other}`")),
    }
}

fn verify(matches: &ArgMatches) -> Task {
    let roots = matches.get_many::<String>("root").into_iter().flatten().map(PathBuf::from).collect();
    Task::Verify { file: PathBuf::from(text(matches, "file")), roots }
}

fn user(matches: &ArgMatches) -> Result<Task, String> {
    let Some((name, given)) = matches.subcommand() else { return Err("no command".to_owned()) };
    let config = config(given)?;
    let (workspace, login) = (text(given, "workspace"), text(given, "login"));
    match name {
        "add" => {
            let admin = given.get_flag("admin");
            let user = NewUser { workspace, login, name: text(given, "name"), admin };
            Ok(Task::AddUser { config, user })
        }
        _ => Ok(Task::SetPassword { config, workspace, login }),
    }
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

/// The settings of the flags, the environment and the file.
fn config(matches: &ArgMatches) -> Result<Config, String> {
    let names = SETTINGS.iter().map(|it| it.name).chain(["config"]);
    let flags: Layer = names
        .filter_map(|name| {
            let value = matches.try_get_one::<String>(name).ok().flatten()?;
            Some((name.to_owned(), value.clone()))
        })
        .collect();
    Config::load(flags).map_err(|error| error.to_string())
}

fn command() -> Command {
    Command::new("zhupi")
        .about("Zhupi (朱批), the self-hosted approval platform")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(
            "Every setting is also read from the environment (ZHUPI_LISTEN, …) and from the file of --config.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_all(Command::new("serve").about("Serve until interrupted")))
        .subcommand(with_database(Command::new("migrate").about("Bring the database up to date")))
        .subcommand(with_database(
            Command::new("check")
                .about("Verify the history of every instance; ends with 1 if something does not fit")
                .arg(
                    flag("replay")
                        .help("Also rebuild every instance from its history and compare it with what is kept"),
                ),
        ))
        .subcommand(with_database(
            Command::new("backup")
                .about("Copy an embedded database, also while it is in use")
                .arg(value("to").help("File to write, which must not exist").required(true)),
        ))
        .subcommand(
            Command::new("user")
                .about("Add people and set passwords, for the operator")
                .subcommand_required(true)
                .subcommand(with_database(with_login(
                    Command::new("add")
                        .about("Add a person; the password is read from standard input")
                        .arg(value("name").help("The name people see").required(true))
                        .arg(flag("admin").help("Make him an administrator of the workspace")),
                )))
                .subcommand(with_database(with_login(
                    Command::new("password").about("Set a password, read from standard input"),
                ))),
        )
        .subcommand(
            Command::new("verify")
                .about("Tell what the signatures of a PDF file are worth; ends with 1 unless all of them are valid")
                .arg(Arg::new("file").value_name("FILE").help("The file").required(true))
                .arg(
                    value("root")
                        .value_name("FILE")
                        .action(ArgAction::Append)
                        .help("Certificates (PEM or DER) of whoever may vouch for signers; may be given again"),
                ),
        )
        .subcommand(Command::new("openapi").about("Print the description of the API"))
}

fn with_all(command: Command) -> Command {
    let shown = SETTINGS.iter().filter(|setting| !setting.secret);
    command.args(shown.map(setting)).arg(config_file())
}

/// With the settings that say which database is meant.
fn with_database(command: Command) -> Command {
    let names = ["database", "data", "key_file", "log", "log_format"];
    let shown = SETTINGS.iter().filter(|setting| names.contains(&setting.name));
    command.args(shown.map(setting)).arg(config_file())
}

fn with_login(command: Command) -> Command {
    command
        .arg(value("login").help("The name to log in with").required(true))
        .arg(value("workspace").help("The code of the workspace").default_value("default"))
}

fn config_file() -> Arg {
    value("config").help("TOML file with settings").value_name("FILE")
}

fn setting(setting: &'static Setting) -> Arg {
    let help = match setting.default {
        "" => setting.help.to_owned(),
        default => format!("{} [default: {default}]", setting.help),
    };
    let arg = value(setting.name).long(setting.name.replace('_', "-")).help(help);
    match setting.default {
        "true" | "false" => arg.num_args(0..=1).default_missing_value("true").value_name("true|false"),
        _ => arg,
    }
}

fn value(name: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("VALUE")
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}
