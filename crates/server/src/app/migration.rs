//! Taking running instances over to another version of their template (semantics B19), each in a write of its own. What was
//! taken over already is left alone, so that stopping half-way and beginning again does no harm.

use crate::app::App;
use crate::app::act::{Destination, Options};
use crate::caller::Caller;
use crate::error::Error;
use std::collections::BTreeMap;
use std::sync::Arc;
use zhupi_engine::decide::{COMMENT_LIMIT, Report};
use zhupi_engine::ids::{InstanceId, NodeId, TemplateId, TenantId, UserId};
use zhupi_engine::{Command, Problem, Rejection, Status};
use zhupi_store::{InstanceFilter, InstanceRow, Page, PageOf};

/// Which instances go where.
#[derive(Clone, Debug)]
pub struct Wish {
    pub template: TemplateId,
    /// Absent: the version that is submitted now.
    pub to: Option<u32>,
    /// New ids of nodes and lanes whose id changed.
    pub nodes: BTreeMap<NodeId, NodeId>,
    pub reason: String,
    pub which: Which,
    /// Only look at what would change.
    pub only_look: bool,
}

/// Which instances are meant.
#[derive(Clone, Debug)]
pub enum Which {
    These(Vec<InstanceId>),
    /// What runs after this version, among the instances of this page of all the template's instances, from new to old.
    Following {
        version: u32,
        page: Page,
    },
}

/// What there was to say of an instance.
#[derive(Clone, Debug)]
pub struct Looked {
    pub instance: InstanceId,
    /// The version it follows now; absent where there is no such instance.
    pub version: Option<u32>,
    pub report: Report,
    pub outcome: Outcome,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was only looked at, and could go.
    Seen,
    Migrated,
    /// It follows that version already.
    Same,
    Refused(Error),
}

/// A wish that may be carried out.
struct Order {
    tenant: TenantId,
    actor: UserId,
    template: TemplateId,
    to: Destination,
    reason: String,
    only_look: bool,
}

impl App {
    /// Takes instances over, or looks at what would change. Only for those who administer the template.
    pub async fn migrate_instances(
        self: &Arc<Self>,
        caller: &Caller,
        wish: Wish,
    ) -> Result<PageOf<Looked>, Error> {
        let (tenant, actor, template) = (caller.tenant, caller.user, wish.template);
        let found = self.template_to_change(tenant, actor, template).await?;
        check_reason(&wish.reason)?;
        let version = wish.to.or(found.row.current_version).ok_or(Error::TemplateNotPublished)?;
        self.check_published(tenant, template, version).await?;
        let to = Destination { version, nodes: wish.nodes };
        let order = Order { tenant, actor, template, to, reason: wish.reason, only_look: wish.only_look };
        let ids = self.meant(&order, wish.which).await?;
        let mut rows = Vec::with_capacity(ids.rows.len());
        for id in ids.rows {
            rows.push(match self.migrate_one(&order, id).await {
                Ok(looked) => looked,
                Err(error) => {
                    let (report, outcome) = (Report::default(), refused(error)?);
                    Looked { instance: id, version: None, report, outcome }
                }
            });
        }
        Ok(PageOf { rows, next: ids.next })
    }

    async fn check_published(&self, tenant: TenantId, id: TemplateId, version: u32) -> Result<(), Error> {
        match self.template(tenant, id, version).await {
            Ok(_) => Ok(()),
            Err(Error::NotFound) => {
                let message = format!("there is no version {version}");
                Err(Error::Invalid(vec![Problem::error("to", "version_unknown", message)]))
            }
            Err(error) => Err(error),
        }
    }

    async fn meant(&self, order: &Order, which: Which) -> Result<PageOf<InstanceId>, Error> {
        let (version, page) = match which {
            Which::These(rows) => return Ok(PageOf { rows, next: None }),
            Which::Following { version, page } => (version, page),
        };
        let PageOf { rows, next } = self.list_running(order.tenant, order.template, &page).await?;
        let meant = rows.into_iter().filter(|row| row.template_version == version);
        Ok(PageOf { rows: meant.map(|row| row.id).collect(), next })
    }

    /// What runs among the instances of this page of all the template's instances, from new to old.
    pub(super) async fn list_running(
        &self,
        tenant: TenantId,
        template: TemplateId,
        page: &Page,
    ) -> Result<PageOf<InstanceRow>, Error> {
        let filter = InstanceFilter { template: Some(template), ..InstanceFilter::default() };
        let mut found = self.store.list_instances(tenant, &filter, page).await?;
        let runs = [Status::Running, Status::Suspended, Status::Returned];
        found.rows.retain(|row| runs.contains(&row.status));
        Ok(found)
    }

    async fn migrate_one(self: &Arc<Self>, order: &Order, id: InstanceId) -> Result<Looked, Error> {
        let (tenant, actor) = (order.tenant, order.actor);
        let now = self.store.load_instance(tenant, id).await?.map(|stored| stored.instance);
        let now = now.filter(|it| it.template == order.template).ok_or(Error::NotFound)?;
        let version = now.template_version;
        let looked =
            |version, report, outcome| Looked { instance: id, version: Some(version), report, outcome };
        if version == order.to.version {
            return Ok(looked(version, Report::default(), Outcome::Same));
        }
        let report = match self.preview_migration(tenant, actor, id, &order.to).await {
            Ok(report) => report,
            Err(error) => return Ok(looked(version, Report::default(), refused(error)?)),
        };
        if let Some(node) = report.lost.first() {
            let outcome = Outcome::Refused(Rejection::NodeNotReachable { node: node.clone() }.into());
            return Ok(looked(version, report, outcome));
        }
        if order.only_look {
            return Ok(looked(version, report, Outcome::Seen));
        }
        match self.act(tenant, actor, id, order.command(), Options::default()).await {
            Ok(acted) => Ok(looked(acted.instance.template_version, report, Outcome::Migrated)),
            Err(error) => Ok(looked(version, report, refused(error)?)),
        }
    }
}

impl Order {
    fn command(&self) -> Command {
        let Destination { version, nodes } = self.to.clone();
        Command::Migrate { version, nodes, reason: self.reason.clone() }
    }
}

fn refused(error: Error) -> Result<Outcome, Error> {
    of_one(error).map(Outcome::Refused)
}

/// What is the matter with one instance; what is the matter with the server ends it all.
pub(super) fn of_one(error: Error) -> Result<Error, Error> {
    match error {
        Error::Unavailable(_) | Error::Internal(_) => Err(error),
        other => Ok(other),
    }
}

pub(super) fn check_reason(reason: &str) -> Result<(), Error> {
    let problem = match reason.chars().count() {
        _ if reason.trim().is_empty() => Problem::error("reason", "required", "it is required"),
        0..=COMMENT_LIMIT => return Ok(()),
        _ => Problem::error("reason", "too_long", format!("at most {COMMENT_LIMIT} characters")),
    };
    Err(Error::Invalid(vec![problem]))
}
