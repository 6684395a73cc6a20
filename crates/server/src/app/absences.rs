//! Changes of absences: one's own by everybody, other people's by administrators.

use crate::app::App;
use crate::caller::{Caller, Scope};
use crate::error::Error;
use jiff::Timestamp;
use zhupi_engine::absence::Absence;
use zhupi_engine::decide::COMMENT_LIMIT;
use zhupi_engine::ids::{AbsenceId, UserId};
use zhupi_engine::{Directory, Problem};

/// Most absences of one person that are not over.
const ABSENCES_LIMIT: usize = 100;
/// Most templates an absence may name.
const TEMPLATES_LIMIT: usize = 200;

impl App {
    /// Adds an absence, or replaces one that is not over. Gives back what its author should look at.
    pub async fn put_absence(&self, caller: &Caller, absence: &Absence) -> Result<Vec<Problem>, Error> {
        self.require_own(caller, absence.owner).await?;
        let before = self.store.load_absence(caller.tenant, absence.id).await?;
        let directory = self.directory(caller.tenant).await?;
        let now = self.now();
        let mut problems = faults(absence, &directory, now);
        if before.as_ref().is_some_and(|it| it.until <= now) {
            problems.push(Problem::error("until", "absence_over", "the absence is over"));
        }
        for (n, template) in absence.templates.iter().enumerate().take(TEMPLATES_LIMIT) {
            if self.store.load_template(caller.tenant, *template).await?.is_none() {
                let message = format!("no template `{template}`");
                problems.push(Problem::error(format!("templates[{n}]"), "template_unknown", message));
            }
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let put = self.store.put_absence(caller.tenant, absence, before.as_ref(), now.as_microsecond()).await;
        self.absence_changed(caller);
        put?;
        Ok(oddities(absence, &directory))
    }

    /// Takes away an absence that has not begun, or ends one that holds.
    pub async fn end_absence(&self, caller: &Caller, id: AbsenceId) -> Result<(), Error> {
        let absence = self.absence(caller, id).await?;
        let now = self.now();
        let at = now.as_microsecond();
        if absence.until <= now {
            let over = Problem::error("until", "absence_over", "the absence is over");
            return Err(Error::Invalid(vec![over]));
        }
        let ended = if absence.from < now {
            let shorter = Absence { until: moment(at), ..absence.clone() };
            self.store.put_absence(caller.tenant, &shorter, Some(&absence), at).await
        } else {
            self.store.delete_absence(caller.tenant, &absence, at).await
        };
        self.absence_changed(caller);
        Ok(ended?)
    }

    /// An absence, for its owner and administrators; for everybody else there is none.
    pub async fn absence(&self, caller: &Caller, id: AbsenceId) -> Result<Absence, Error> {
        let found = self.store.load_absence(caller.tenant, id).await?.ok_or(Error::NotFound)?;
        let own = found.owner == caller.user;
        if own || self.directory(caller.tenant).await?.is_admin(caller.user) {
            Ok(found)
        } else {
            Err(Error::NotFound)
        }
    }

    async fn require_own(&self, caller: &Caller, owner: UserId) -> Result<(), Error> {
        if owner == caller.user { caller.require(Scope::Write) } else { self.require_admin(caller).await }
    }

    fn absence_changed(&self, caller: &Caller) {
        self.directory_changed(caller.tenant);
        self.wake.sweeps.notify_one();
    }
}

/// As the database keeps it.
pub fn moment(at_us: i64) -> Timestamp {
    Timestamp::from_microsecond(at_us).unwrap_or_default()
}

/// What keeps an absence from being saved.
fn faults(absence: &Absence, directory: &Directory, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong =
        |path: &str, code: &str, message: &str| problems.push(Problem::error(path, code, message));
    if directory.user(absence.owner).is_none() {
        wrong("owner", "user_unknown", "there is no such person");
    }
    if absence.substitute == absence.owner {
        wrong("substitute", "substitute_is_owner", "nobody stands in for himself");
    } else if !directory.is_active(absence.substitute) {
        wrong("substitute", "user_not_active", "the person is unknown or disabled");
    }
    if absence.until <= absence.from {
        wrong("until", "ends_before_it_begins", "it has to be later than `from`");
    } else if absence.until <= now {
        wrong("until", "in_the_past", "it has to be in the future");
    }
    if absence.templates.len() > TEMPLATES_LIMIT {
        wrong("templates", "too_many", "at most 200 templates are named");
    }
    if absence.reason.chars().count() > COMMENT_LIMIT {
        wrong("reason", "text_too_long", "at most 2000 characters");
    }
    let others = directory.absences_of(absence.owner).iter().filter(|it| it.id != absence.id);
    let others: Vec<&Absence> = others.filter(|it| it.until > now).collect();
    if others.len() >= ABSENCES_LIMIT {
        wrong("owner", "too_many", "at most 100 absences to come are kept for a person");
    }
    if let Some(other) = others.into_iter().find(|it| it.overlaps(absence)) {
        let (id, substitute) = (other.id, directory.name(other.substitute));
        let when = format!("from {} until {}", other.from, other.until);
        wrong("from", "overlaps", &format!("{when} {substitute} stands in already: absence `{id}`"));
    }
    problems
}

/// What works, but perhaps not as meant.
fn oddities(absence: &Absence, directory: &Directory) -> Vec<Problem> {
    let of_substitute = directory.absences_of(absence.substitute).iter().filter(|it| it.overlaps(absence));
    let away = of_substitute.map(|other| {
        let message = if other.substitute == absence.owner {
            format!("from {} the substitute is away too and names you: then it stays with you", other.from)
        } else {
            format!("from {} the substitute is away too: then it goes on to his substitute", other.from)
        };
        Problem::warning("substitute", "substitute_away", message)
    });
    away.collect()
}
