//! What is wrong with blocks at which nobody decides: lists, delays, triggers, sub-processes, routes, and blocks after an
//! end.

use super::Check;
use crate::condition::{Group, Subject, Test, check_groups};
use crate::event::Decision;
use crate::form::{FieldKind, check_date_formula};
use crate::ids::{FieldId, NodeId};
use crate::instance::Outcome;
use crate::template::fields::check_trigger;
use crate::template::{
    Block, ChildReject, ChildWait, Each, Lane, LaneReject, Parallel, Route, SubProcess, Take, Template,
    Trigger, TriggerAction, When,
};
use std::collections::BTreeMap;

/// Most characters of an address.
const URL_LIMIT: usize = 2_000;
/// Longest wait for an answer, in minutes: one year.
const WITHIN_LIMIT: u32 = 366 * 24 * 60;

impl<'a> Check<'a> {
    pub(super) fn fork(&mut self, fork: &'a Parallel, path: &str, depth: usize) {
        if fork.lanes.len() < 2 {
            self.error(format!("{path}.lanes"), "lanes_missing", "a fork has at least two lanes");
        }
        let defaults = fork.lanes.iter().filter(|lane| lane.when == When::Default).count();
        match fork.take {
            Take::Matching if defaults == 0 => {
                let message = "an inclusive fork needs a default lane";
                self.error(format!("{path}.lanes"), "default_missing", message);
            }
            Take::Matching if defaults > 1 => {
                let message = "an inclusive fork has exactly one default lane";
                self.error(format!("{path}.lanes"), "default_repeated", message);
            }
            Take::Matching | Take::All => {}
        }
        if fork.on_reject == LaneReject::DropRows {
            let message = "rows are taken out where a branch runs for rows; these lanes do not";
            self.error(format!("{path}.on_reject"), "drop_rows_unfit", message);
        }
        for (number, lane) in fork.lanes.iter().enumerate() {
            self.fork_lane(fork, lane, &format!("{path}.lanes[{number}]"), depth);
        }
    }

    fn fork_lane(&mut self, fork: &'a Parallel, lane: &'a Lane, path: &str, depth: usize) {
        self.id(&lane.id, path);
        match (&lane.when, fork.take) {
            (When::AnyOf(groups), Take::Matching) => self.when(groups, &format!("{path}.when")),
            (When::AnyOf(_), Take::All) => {
                let message = "all lanes are taken, whatever their conditions";
                self.warn(format!("{path}.when"), "condition_idle", message);
            }
            (When::Default, Take::Matching | Take::All) => {}
        }
        self.in_fork(|check| check.blocks(&lane.blocks, &format!("{path}.blocks"), depth + 1));
    }

    pub(super) fn each(&mut self, each: &'a Each, path: &str, depth: usize) {
        let kinds = [FieldKind::Contact, FieldKind::Department, FieldKind::MultiSelect, FieldKind::Table];
        self.field_of_kind(&each.list, &kinds, &format!("{path}.list"));
        let list = self.template.form.field(&each.list);
        let table = list.filter(|field| field.kind == FieldKind::Table);
        if let Some(column) = &each.group_by
            && table.is_none_or(|table| !table.columns.iter().any(|it| it.id == *column))
        {
            let message = format!("the list has no column `{column}`");
            self.error(format!("{path}.group_by"), "field_unknown", message);
        }
        if each.on_reject == LaneReject::DropRows && table.is_none() {
            let message = "only a table has rows that can be taken out";
            self.error(format!("{path}.on_reject"), "drop_rows_unfit", message);
        }
        if each.blocks.is_empty() {
            self.warn(format!("{path}.blocks"), "blocks_missing", "nothing happens for the elements");
        }
        let outer = std::mem::replace(&mut self.item, list);
        self.in_fork(|check| check.blocks(&each.blocks, &format!("{path}.blocks"), depth + 1));
        self.item = outer;
    }

    pub(super) fn trigger(&mut self, trigger: &Trigger, path: &str) {
        self.title(&format!("{path}.title"), &trigger.title);
        self.problems.extend(check_trigger(&self.template.form, trigger, path));
        let path = format!("{path}.action");
        match &trigger.action {
            TriggerAction::Call { url } => self.url(url, &format!("{path}.call.url")),
            TriggerAction::CallAndWait { url, within, .. } => {
                self.url(url, &format!("{path}.call_and_wait.url"));
                if within.is_some_and(|minutes| !(1..=WITHIN_LIMIT).contains(&minutes)) {
                    let message = format!("a call may take 1 to {WITHIN_LIMIT} minutes");
                    self.error(format!("{path}.call_and_wait.within"), "minutes_unfit", message);
                }
            }
            TriggerAction::SetFields(fields) if fields.is_empty() => {
                self.error(format!("{path}.set_fields"), "fields_missing", "no field is set");
            }
            TriggerAction::SetFields(_) => {}
        }
    }

    fn url(&mut self, url: &str, path: &str) {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let sound = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
            && url.len() <= URL_LIMIT
            && !url.chars().any(|it| it.is_whitespace() || it.is_control());
        if !sound {
            self.error(path, "url_unfit", "an address begins with `https://` and names a host");
        } else if url.starts_with("http://") {
            self.warn(path, "url_not_encrypted", "what is sent there can be read on the way");
        }
    }

    /// A field that something may be written into.
    fn settable(&mut self, id: &FieldId, path: &str) {
        match self.template.form.field(id) {
            None => self.error(path, "field_unknown", format!("the form has no field `{id}`")),
            Some(field) if field.formula.is_some() || field.kind == FieldKind::Info => {
                let message = format!("`{}` cannot be set: the form makes it itself", field.title);
                self.error(path, "field_unfit", message);
            }
            Some(_) => {}
        }
    }

    pub(super) fn date_formula(&mut self, text: &str, path: &str) {
        if let Err(fault) = check_date_formula(&self.template.form, text) {
            self.problems.push(fault.at_path(path));
        }
    }

    pub(super) fn sub_process(&mut self, node: &SubProcess, path: &str) {
        self.title(&format!("{path}.title"), &node.title);
        self.ours(node.fill.values(), &format!("{path}.fill"));
        if let ChildWait::Until { take, .. } = &node.wait {
            self.taken(take, &format!("{path}.wait.until.take"));
        }
    }

    fn ours<'i>(&mut self, fields: impl Iterator<Item = &'i FieldId>, path: &str) {
        let unknown: Vec<&FieldId> = fields.filter(|it| self.template.form.field(it).is_none()).collect();
        for field in unknown {
            self.error(path, "field_unknown", format!("the form has no field `{field}`"));
        }
    }

    fn taken(&mut self, take: &BTreeMap<FieldId, FieldId>, path: &str) {
        for field in take.keys() {
            self.settable(field, path);
        }
    }

    pub(super) fn route(&mut self, route: &Route, path: &str) {
        self.title(&format!("{path}.title"), &route.title);
        self.when(&route.when, &format!("{path}.when"));
        // What was drawn before it is known already; what comes after it is not.
        let before = self.ids.contains(&route.to) && route.to != route.id;
        if !before || !self.is_around(&route.to) {
            let message = "a route goes back to a block before it, in the same list or in one around it";
            self.error(format!("{path}.to"), "route_target_unfit", message);
        }
    }

    /// Conditions, those on what came of branches included.
    pub(super) fn when(&mut self, groups: &[Group], path: &str) {
        check_groups(groups, &self.template.form, path, &mut self.problems);
        for (number, group) in groups.iter().enumerate() {
            for (place, condition) in group.conditions.iter().enumerate() {
                let Subject::Lane(id) = &condition.subject else { continue };
                let path = format!("{path}[{number}][{place}].subject");
                if !has_result(self.template, id) {
                    self.error(path, "lane_unknown", format!("there is no branch or node `{id}`"));
                } else if condition.test == Test::Outcome(Outcome::Rejected) && !collects(self.template, id) {
                    let message = "rejections are not collected there, so this is never true";
                    self.warn(path, "result_never_rejected", message);
                }
            }
        }
    }

    /// Nothing comes after an end.
    pub(super) fn dead_end(&mut self, blocks: &[Block], path: &str) {
        let ends = |block: &Block| matches!(block, Block::Auto(auto) if auto.outcome == Decision::Reject);
        if let Some(end) = blocks.iter().position(ends)
            && end + 1 < blocks.len()
        {
            let message = "nothing comes here: the block before always rejects";
            self.warn(format!("{path}[{}]", end + 1), "block_unreachable", message);
        }
    }
}

/// Whether conditions can ask for what came of this lane of a fork, or of this block.
fn has_result(template: &Template, id: &NodeId) -> bool {
    let lane_of = |block: &Block| block.is_fork() && block.lanes().iter().any(|lane| lane.id == *id);
    template.block(id).is_some() || template.blocks().into_iter().any(lane_of)
}

/// Whether a rejection there goes on as its result.
fn collects(template: &Template, id: &NodeId) -> bool {
    template.blocks().into_iter().any(|block| match block {
        Block::Parallel(fork) => {
            fork.on_reject == LaneReject::Collect
                && (fork.id == *id || fork.lanes.iter().any(|lane| lane.id == *id))
        }
        Block::Each(each) => each.on_reject == LaneReject::Collect && each.id == *id,
        Block::SubProcess(node) => {
            node.id == *id && matches!(&node.wait, ChildWait::Until { on_reject: ChildReject::Collect, .. })
        }
        Block::Approval(_)
        | Block::Cc(_)
        | Block::Branch(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::Route(_)
        | Block::Auto(_) => false,
    })
}
