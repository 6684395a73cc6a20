//! Facts from outside an instance that a decision may need: lots, loads, turns, and who decided on linked instances. Only
//! what the template can ask for is looked up.

use crate::app::App;
use crate::error::Error;
use jiff::Timestamp;
use std::collections::BTreeMap;
use zhupi_engine::approvers::WhyNote;
use zhupi_engine::command::Outside;
use zhupi_engine::decide::values_brought;
use zhupi_engine::event::NewSlot;
use zhupi_engine::form::{FormData, Value};
use zhupi_engine::ids::{FieldId, NodeId, TemplateId, TenantId, UserId};
use zhupi_engine::instance::Instance;
use zhupi_engine::template::{Approval, Assign, Block, Separation};
use zhupi_engine::{Command, Event, Template};

impl App {
    /// What a command on an instance of this template may need from outside.
    pub(super) async fn outside(
        &self,
        tenant: TenantId,
        of: TemplateId,
        (template, instance): (&Template, &Instance),
        command: &Command,
    ) -> Result<Outside, Error> {
        let mut outside = Outside { seed: fastrand::u64(..), ..Outside::default() };
        let shares = |how: Assign| approvals(template).any(|node| node.assign == how);
        if shares(Assign::LeastLoaded) {
            outside.loads = self.store.open_tasks(tenant).await?;
        }
        if shares(Assign::RoundRobin) {
            outside.last = self.store.last_turns(tenant, of).await?;
        }
        outside.linked = self.linked(tenant, template, &values_brought(template, instance, command)).await?;
        Ok(outside)
    }

    /// Whoever submitted or decided the instances that the template's separated duties are about.
    async fn linked(
        &self,
        tenant: TenantId,
        template: &Template,
        form: &FormData,
    ) -> Result<BTreeMap<FieldId, Vec<UserId>>, Error> {
        let mut linked = BTreeMap::new();
        for rule in &template.settings.separation {
            let Separation::Linked { field, .. } = rule else { continue };
            let Some(Value::Linked(other)) = form.get(field) else { continue };
            if let Some(other) = self.store.load_instance(tenant, other.id).await? {
                linked.insert(field.clone(), other.instance.took_part());
            }
        }
        Ok(linked)
    }

    /// Remembers whose turn it was, for the next instance. Two requests at the same moment may fall to the same person;
    /// that a turn could not be kept is no reason to fail what has been decided.
    pub(super) async fn keep_turns(
        &self,
        tenant: TenantId,
        of: TemplateId,
        turns: Vec<(NodeId, UserId)>,
        at: Timestamp,
    ) {
        for (node, person) in turns {
            if let Err(error) = self.store.take_turn(tenant, of, &node, person, at.as_microsecond()).await {
                tracing::warn!(%error, %node, "whose turn it was could not be kept");
            }
        }
    }
}

/// Whose turn it was, at which node.
pub(super) fn turns_taken(events: &[Event]) -> Vec<(NodeId, UserId)> {
    let opened = events.iter().filter_map(|event| match event {
        Event::VisitOpened { node, slots, .. } => Some((node, slots)),
        _ => None,
    });
    let in_turn = |slot: &&NewSlot| slot.why.notes.iter().any(|it| matches!(it, WhyNote::HisTurn { .. }));
    opened
        .flat_map(|(node, slots)| slots.iter().filter(in_turn).map(|slot| (node.clone(), slot.owner)))
        .collect()
}

fn approvals(template: &Template) -> impl Iterator<Item = &Approval> {
    template.blocks().into_iter().filter_map(|block| match block {
        Block::Approval(node) => Some(node),
        Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Route(_)
        | Block::Auto(_) => None,
    })
}
