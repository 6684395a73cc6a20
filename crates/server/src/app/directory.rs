//! Changes of people, departments, roles and groups: only by administrators, and only where the whole stays sound.

use crate::app::App;
use crate::caller::{Caller, Scope};
use crate::error::Error;
use zhupi_engine::directory::{Department, Role, User, UserGroup};
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_engine::{Directory, Problem};
use zhupi_store::{People, UserRow};

/// An entry to be added or replaced.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    User(UserRow),
    Department(Department),
    Role(Role),
    Group(UserGroup),
}

impl App {
    /// Adds or replaces an entry, unless that makes the directory worse than it is.
    pub async fn change_directory(&self, caller: &Caller, change: Change) -> Result<(), Error> {
        self.require_admin(caller).await?;
        self.put_entry(caller.tenant, change).await
    }

    /// The same for the operator, who needs no permission.
    pub async fn put_entry(&self, tenant: TenantId, change: Change) -> Result<(), Error> {
        check(&*self.directory(tenant).await?, &change)?;
        let leaves = match &change {
            Change::User(row) if !row.user.active => Some(row.user.id),
            _ => None,
        };
        let put = self.store.put_directory(tenant, &people(change), self.now_us()).await;
        self.directory_changed(tenant);
        put.map_err(refused)?;
        match leaves {
            Some(user) => {
                self.wake.sweeps.notify_one();
                self.end_sessions_of(tenant, user).await
            }
            None => Ok(()),
        }
    }

    /// Replaces an entry that was made from the directory as it stood at this version, and ends nobody's sessions.
    /// `Conflict` where anything of the directory has changed since: make it anew.
    pub async fn revise_directory(
        &self,
        caller: &Caller,
        (version, before): (i64, &Directory),
        change: Change,
    ) -> Result<(), Error> {
        self.require_admin(caller).await?;
        check(before, &change)?;
        let put = self.store.put_directory_at(caller.tenant, version, &people(change), self.now_us()).await;
        self.directory_changed(caller.tenant);
        put.map_err(refused)
    }

    /// Sets one's own password, knowing the current one; or somebody else's, as administrator.
    pub async fn change_password(
        &self,
        caller: &Caller,
        user: UserId,
        password: &str,
        current: Option<&str>,
    ) -> Result<(), Error> {
        let account = self.store.load_account_of(caller.tenant, user).await?.ok_or(Error::NotFound)?;
        if caller.user == user {
            caller.require(Scope::Admin)?;
            let current = current.ok_or_else(|| Error::field("current", "it is required"))?;
            let guesses = format!("password:{user}");
            self.count_try(caller.tenant, &guesses, self.config.limits.login_attempts).await?;
            if !self.passwords.verify(current, account.password_hash.as_deref()).await? {
                return Err(Error::field("current", "it is not the current password"));
            }
            self.store.clear_failures(caller.tenant, &guesses).await?;
        } else {
            self.require_admin(caller).await?;
        }
        self.put_password(caller.tenant, user, password).await
    }

    /// The same for the operator, who needs no permission.
    pub async fn put_password(&self, tenant: TenantId, user: UserId, password: &str) -> Result<(), Error> {
        check_password(password)?;
        let hash = self.passwords.hash(password).await?;
        if !self.store.set_password(tenant, user, &hash, self.now_us()).await? {
            return Err(Error::NotFound);
        }
        self.end_sessions_of(tenant, user).await
    }

    async fn end_sessions_of(&self, tenant: TenantId, user: UserId) -> Result<(), Error> {
        self.store.delete_sessions_of(tenant, user).await?;
        self.forget_callers();
        Ok(())
    }
}

/// Whether a password is long enough to be one.
pub fn check_password(password: &str) -> Result<(), Error> {
    if (8..=1000).contains(&password.len()) {
        Ok(())
    } else {
        Err(Error::field("password", "expected 8 to 1000 bytes"))
    }
}

fn check(before: &Directory, change: &Change) -> Result<(), Error> {
    let problems = new_problems(before, &changed(before, change));
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

fn refused(error: zhupi_store::Error) -> Error {
    match error {
        zhupi_store::Error::Duplicate { .. } => Error::Duplicate { what: "login".to_owned() },
        error => error.into(),
    }
}

/// The directory as it would be.
fn changed(before: &Directory, change: &Change) -> Directory {
    let mut users: Vec<User> = before.users().into_iter().cloned().collect();
    let mut departments: Vec<Department> = before.departments().into_iter().cloned().collect();
    let mut roles: Vec<Role> = before.roles().into_iter().cloned().collect();
    let mut groups: Vec<UserGroup> = before.groups().into_iter().cloned().collect();
    // The last of two with one id counts.
    match change.clone() {
        Change::User(row) => users.push(row.user),
        Change::Department(it) => departments.push(it),
        Change::Role(it) => roles.push(it),
        Change::Group(it) => groups.push(it),
    }
    let absences = before.absences().into_iter().cloned().collect();
    let mut after = Directory::new(users, departments, roles, groups).with_absences(absences);
    after.time_zone.clone_from(&before.time_zone);
    after.calendars.clone_from(&before.calendars);
    after
}

/// What is wrong afterwards and was not before. Old faults must not keep anybody from mending them one by one.
fn new_problems(before: &Directory, after: &Directory) -> Vec<Problem> {
    let old = before.check();
    let mut problems: Vec<Problem> = after.check().into_iter().filter(|it| !old.contains(it)).collect();
    if after.admins().is_empty() && !before.admins().is_empty() {
        problems.push(Problem::error("users", "no_admin_left", "the workspace would have no administrator"));
    }
    problems
}

fn people(change: Change) -> People {
    let mut people = People::default();
    match change {
        Change::User(it) => people.users.push(it),
        Change::Department(it) => people.departments.push(it),
        Change::Role(it) => people.roles.push(it),
        Change::Group(it) => people.groups.push(it),
    }
    people
}
