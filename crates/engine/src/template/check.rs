//! What is wrong with a template by itself. How people decide and in what time: `check/modes.rs`; what nodes say of one
//! another: `check/places.rs`; blocks at which nobody decides: `check/steps.rs`. For the people of today: `template/lint.rs`.

mod modes;
mod places;
mod steps;

use super::fields::{Most, check_access};
use super::lint::{lint_branches, lint_loops};
use super::naming::check_naming;
use super::{
    Approval, Approvers, Block, Branch, Cc, Chain, ChainEnd, EmptyRule, Level, Line, PersonRule, SelfRule,
    Start, Template, When,
};
use crate::form::{Field, FieldKind, RowId, check_defaults, check_rules, is_currency};
use crate::ids::{FieldId, NodeId};
use crate::problem::Problem;
use std::collections::HashSet;

/// Most nodes, branches and lanes of a template.
pub const NODE_LIMIT: usize = 500;
/// Most controls of a form.
pub const FIELD_LIMIT: usize = 300;
/// Highest level of a rule (the WPS seed's range).
pub const LEVEL_LIMIT: u8 = 9;
/// Deepest nesting of branches.
pub const DEPTH_LIMIT: usize = 20;
/// What the best mark of a rating may be.
const BEST_MARKS: std::ops::RangeInclusive<u8> = 2..=10;
/// What the ids of our own nodes begin with, such as the one at which the initiator mends.
const OWN_MARK: char = '@';
/// Most characters of a name or title, and of an id.
const TITLE_LIMIT: usize = 200;

/// All problems of a template by itself, with paths. Nothing with an error may be published.
pub fn check_template(template: &Template) -> Vec<Problem> {
    let mut check = Check::new(template);
    check.title("name", &template.name);
    check.form();
    check.blocks(&template.flow, "flow", 0);
    check.flow_as_a_whole();
    check.rules(&template.settings.cc_at_start, "settings.cc_at_start", Place::Told);
    check.rules(&template.settings.cc_at_end, "settings.cc_at_end", Place::Told);
    check.settings();
    if template.settings.completion_callback.as_ref().is_some_and(|it| it.trim().is_empty()) {
        check.error("settings.completion_callback", "callback_blank", "the callback names no handler");
    }
    let mut problems = check.problems;
    problems.extend(check_naming(template));
    lint_branches(template, &mut problems);
    lint_loops(template, &mut problems);
    problems
}

struct Check<'a> {
    template: &'a Template,
    problems: Vec<Problem>,
    ids: HashSet<NodeId>,
    /// The lists of blocks around, from the innermost fork on.
    lists: Vec<&'a [Block]>,
    /// Nodes with people that the own path may have passed.
    passed: Vec<&'a NodeId>,
    /// The list whose elements the blocks are repeated for.
    item: Option<&'a Field>,
}

/// Where rules stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Approval,
    Cc,
    /// At the start, at the end, or when a node has come out.
    Told,
}

impl<'a> Check<'a> {
    fn new(template: &'a Template) -> Self {
        Self {
            template,
            problems: Vec::new(),
            ids: HashSet::new(),
            lists: Vec::new(),
            passed: Vec::new(),
            item: None,
        }
    }

    fn error(&mut self, path: impl Into<String>, code: &str, message: impl Into<String>) {
        self.problems.push(Problem::error(path, code, message));
    }

    fn title(&mut self, path: &str, title: &str) {
        if title.trim().is_empty() {
            self.error(path, "title_missing", "a name is required");
        }
        if title.chars().count() > TITLE_LIMIT {
            self.error(path, "title_too_long", format!("a name may have at most {TITLE_LIMIT} characters"));
        }
    }

    fn form(&mut self) {
        let fields = &self.template.form.fields;
        if fields.len() > FIELD_LIMIT {
            self.error("form", "too_many", format!("a form may have at most {FIELD_LIMIT} fields"));
        }
        self.fields(fields, "form");
        self.problems.extend(check_rules(&self.template.form));
        self.problems.extend(check_defaults(&self.template.form));
    }

    fn fields(&mut self, fields: &[Field], path: &str) {
        let mut ids = HashSet::new();
        for (number, field) in fields.iter().enumerate() {
            let path = format!("{path}[{number}]");
            self.id_text(field.id.as_str(), &path);
            if !ids.insert(&field.id) {
                self.error(
                    format!("{path}.id"),
                    "id_repeated",
                    format!("the id `{}` is used twice", field.id),
                );
            }
            self.title(&format!("{path}.title"), &field.title);
            self.field(field, &path);
        }
    }

    fn field(&mut self, field: &Field, path: &str) {
        let mut options = HashSet::new();
        for option in field.options.iter().filter(|option| !options.insert(&option.id)) {
            self.error(
                format!("{path}.options"),
                "id_repeated",
                format!("the option `{}` is there twice", option.id),
            );
        }
        if field.options.iter().any(|option| !is_id(option.id.as_str())) {
            self.error(format!("{path}.options"), "id_invalid", ID_RULE);
        }
        if let Some(currency) = field.currency.as_ref().filter(|it| !is_currency(it)) {
            let message = format!("`{currency}` is no currency such as CNY");
            self.error(format!("{path}.currency"), "currency_unknown", message);
        }
        match field.kind {
            FieldKind::Select | FieldKind::MultiSelect
                if field.options.is_empty() && field.options_source.is_none() =>
            {
                self.error(format!("{path}.options"), "options_missing", "there is nothing to choose from");
            }
            FieldKind::Table if field.columns.is_empty() => {
                self.error(format!("{path}.columns"), "columns_missing", "a table needs columns");
            }
            FieldKind::Table => {
                if field.columns.iter().any(|column| column.kind == FieldKind::Table) {
                    self.error(format!("{path}.columns"), "table_in_table", "a table may not hold a table");
                }
                self.fields(&field.columns, &format!("{path}.columns"));
            }
            FieldKind::Rating if !BEST_MARKS.contains(&field.best_mark()) => {
                let message = format!("the best mark is from {} to {}", BEST_MARKS.start(), BEST_MARKS.end());
                self.error(format!("{path}.best"), "best_unfit", message);
            }
            FieldKind::Info if field.required => {
                self.error(format!("{path}.required"), "required_unfit", "an info field takes no value");
            }
            FieldKind::Text
            | FieldKind::TextArea
            | FieldKind::File
            | FieldKind::RichText
            | FieldKind::Date
            | FieldKind::Select
            | FieldKind::Info
            | FieldKind::Contact
            | FieldKind::MultiSelect
            | FieldKind::Number
            | FieldKind::Money
            | FieldKind::Image
            | FieldKind::DateRange
            | FieldKind::Department
            | FieldKind::Address
            | FieldKind::Phone
            | FieldKind::Rating
            | FieldKind::LinkedInstance => {}
        }
        self.options_source(field, path);
        if field.columns.iter().any(|column| column.id.as_str() == RowId::MEMBER) {
            let message = format!("`{}` is the number of a row and no column", RowId::MEMBER);
            self.error(format!("{path}.columns"), "id_reserved", message);
        }
    }

    fn options_source(&mut self, field: &Field, path: &str) {
        let Some(source) = &field.options_source else { return };
        let path = format!("{path}.options_source");
        if !matches!(field.kind, FieldKind::Select | FieldKind::MultiSelect) {
            self.error(&path, "options_source_unfit", "only a field to choose in has options");
        }
        if !field.options.is_empty() {
            self.error(
                &path,
                "options_source_unfit",
                "options come from another system or stand here, not both",
            );
        }
        if !["http://", "https://"].iter().any(|scheme| source.url.starts_with(scheme)) {
            self.error(&path, "options_source_invalid", "the address must begin with http:// or https://");
        }
    }

    fn flow_as_a_whole(&mut self) {
        if self.ids.len() > NODE_LIMIT {
            self.error("flow", "too_many", format!("a flow may have at most {NODE_LIMIT} nodes and lanes"));
        }
        if !self.template.blocks().iter().any(|block| matches!(block, Block::Approval(_))) {
            self.error("flow", "approval_missing", "nobody decides in this flow");
        }
    }

    fn blocks(&mut self, blocks: &'a [Block], path: &str, depth: usize) {
        if depth > DEPTH_LIMIT {
            return self.error(path, "too_deep", format!("branches may be nested {DEPTH_LIMIT} deep"));
        }
        self.lists.push(blocks);
        for (number, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{number}]");
            self.id(block.id(), &path);
            match block {
                Block::Approval(node) => self.approval(node, &path),
                Block::Cc(node) => self.cc(node, &path),
                Block::Branch(branch) => self.branch(branch, &path, depth),
                Block::Parallel(fork) => self.fork(fork, &path, depth),
                Block::Each(each) => self.each(each, &path, depth),
                Block::Route(route) => self.route(route, &path),
                Block::Trigger(trigger) => self.trigger(trigger, &path),
                Block::SubProcess(node) => self.sub_process(node, &path),
                Block::Delay(delay) => {
                    self.title(&format!("{path}.title"), &delay.title);
                    self.due(&delay.until, &format!("{path}.until"));
                }
                Block::Auto(auto) => self.title(&format!("{path}.title"), &auto.title),
            }
        }
        self.dead_end(blocks, path);
        self.lists.pop();
    }

    /// The branch of a fork: what lies outside is not around it, and what is passed inside is not passed afterwards.
    fn in_fork(&mut self, inside: impl FnOnce(&mut Self)) {
        let lists = std::mem::take(&mut self.lists);
        let passed = self.passed.len();
        inside(self);
        self.lists = lists;
        self.passed.truncate(passed);
    }

    /// The block lies in the same list, or in one around it.
    fn is_around(&self, id: &NodeId) -> bool {
        self.lists.iter().any(|list| list.iter().any(|block| block.id() == id))
    }

    fn id(&mut self, id: &NodeId, path: &str) {
        self.id_text(id.as_str(), path);
        if id.as_str().starts_with(OWN_MARK) {
            let message = format!("ids that begin with `{OWN_MARK}` are kept for Zhupi's own nodes");
            self.error(format!("{path}.id"), "id_reserved", message);
        }
        if !self.ids.insert(id.clone()) {
            self.error(format!("{path}.id"), "id_repeated", format!("the id `{id}` is used twice"));
        }
    }

    fn id_text(&mut self, id: &str, path: &str) {
        if !is_id(id) {
            self.error(format!("{path}.id"), "id_invalid", ID_RULE);
        }
    }

    fn approval(&mut self, node: &'a Approval, path: &str) {
        self.title(&format!("{path}.title"), &node.title);
        match &node.approvers {
            Approvers::People(rules) => {
                if rules.is_empty() {
                    self.error(format!("{path}.approvers"), "approver_missing", "nobody is named to decide");
                }
                self.rules(rules, &format!("{path}.approvers"), Place::Approval);
            }
            Approvers::Chain(chain) => self.chain(chain, &format!("{path}.approvers")),
        }
        self.problems.extend(check_access(&self.template.form, &node.fields, Most::Edit, path));
        if node.self_rule == Some(SelfRule::Approve) && self.template.form.fields.iter().any(holds_money) {
            let message = "the initiator may approve his own money here";
            self.problems.push(Problem::warning(format!("{path}.self_rule"), "self_approve_money", message));
        }
        if matches!(&node.empty, EmptyRule::Members(users) if users.is_empty()) {
            self.error(
                format!("{path}.empty"),
                "approver_missing",
                "nobody is named for the case that nobody is found",
            );
        }
        self.rules(&node.tells.passed, &format!("{path}.tells.passed"), Place::Told);
        self.rules(&node.tells.rejected, &format!("{path}.tells.rejected"), Place::Told);
        self.decides(node, path);
        self.deadline(node, path);
        self.places(node, path);
        self.passed.push(&node.id);
    }

    fn cc(&mut self, node: &Cc, path: &str) {
        self.title(&format!("{path}.title"), &node.title);
        if node.people.is_empty() && !node.allow_more {
            self.error(format!("{path}.people"), "people_missing", "nobody is named to be told");
        }
        self.rules(&node.people, &format!("{path}.people"), Place::Cc);
        self.problems.extend(check_access(&self.template.form, &node.fields, Most::Read, path));
    }

    fn branch(&mut self, branch: &'a Branch, path: &str, depth: usize) {
        match branch.lanes.iter().filter(|lane| lane.when == When::Default).count() {
            0 => self.error(format!("{path}.lanes"), "default_missing", "a branch needs a default lane"),
            1 => {}
            _ => self.error(
                format!("{path}.lanes"),
                "default_repeated",
                "a branch has exactly one default lane",
            ),
        }
        let before = self.passed.clone();
        let mut inside = Vec::new();
        for (number, lane) in branch.lanes.iter().enumerate() {
            let path = format!("{path}.lanes[{number}]");
            self.id(&lane.id, &path);
            if let When::AnyOf(groups) = &lane.when {
                self.when(groups, &format!("{path}.when"));
            }
            self.blocks(&lane.blocks, &format!("{path}.blocks"), depth + 1);
            inside.extend(self.passed.split_off(before.len()));
        }
        self.passed.extend(inside);
    }

    fn rules(&mut self, rules: &[PersonRule], path: &str, place: Place) {
        if rules.iter().filter(|rule| places::is_picked(rule)).count() > 1 {
            self.error(path, "pick_repeated", "people are picked once for a node");
        }
        for (number, rule) in rules.iter().enumerate() {
            let path = format!("{path}[{number}]");
            match rule {
                PersonRule::Members(users) if users.is_empty() && place == Place::Approval => {
                    self.error(path, "approver_missing", "nobody is named to decide");
                }
                PersonRule::InitiatorPick { .. } | PersonRule::ApproverPick { .. }
                    if place == Place::Told =>
                {
                    self.error(path, "pick_unfit", "people are picked for a node, and told at none");
                }
                PersonRule::ApproverPick { at, .. } => self.approver_pick(at, &path),
                PersonRule::Item { column } => self.item_rule(column.as_ref(), &path),
                PersonRule::Supervisor(level) => {
                    self.level(level, &path);
                    self.needs_person(&level.start, &path);
                }
                PersonRule::DepartmentHead(level) => self.level(level, &path),
                PersonRule::FormPerson(field) => self.field_of_kind(field, &[FieldKind::Contact], &path),
                PersonRule::Members(_)
                | PersonRule::InitiatorPick { .. }
                | PersonRule::Initiator
                | PersonRule::Role(_)
                | PersonRule::Group(_) => {}
            }
        }
    }

    fn level(&mut self, level: &Level, path: &str) {
        self.level_number(level.level, path);
        self.start(&level.start, path);
    }

    fn level_number(&mut self, level: u8, path: &str) {
        if level > LEVEL_LIMIT {
            self.error(
                format!("{path}.level"),
                "level_too_high",
                format!("levels go from 0 to {LEVEL_LIMIT}"),
            );
        }
    }

    fn start(&mut self, start: &Start, path: &str) {
        let path = format!("{path}.start");
        self.item_start(start, &path);
        match start {
            Start::Initiator | Start::Item => {}
            Start::FormPerson(field) => self.field_of_kind(field, &[FieldKind::Contact], &path),
            Start::FormDepartment(field) => self.field_of_kind(field, &[FieldKind::Department], &path),
        }
    }

    fn needs_person(&mut self, start: &Start, path: &str) {
        let department = *start == Start::Item && self.item_is_department();
        if department || matches!(start, Start::FormDepartment(_)) {
            self.error(
                format!("{path}.start"),
                "start_unfit",
                "a department has no supervisor; use its heads",
            );
        }
    }

    fn chain(&mut self, chain: &Chain, path: &str) {
        self.start(&chain.start, path);
        if chain.line == Line::Supervisors {
            self.needs_person(&chain.start, path);
        }
        match &chain.end {
            ChainEnd::Levels(level) | ChainEnd::FromTop(level) => self.level_number(*level, path),
            ChainEnd::Limit(field) => {
                self.field_of_kind(field, &[FieldKind::Money, FieldKind::Number], &format!("{path}.end"));
            }
            ChainEnd::Department(_) if chain.line == Line::Supervisors => {
                let message = "the reporting line leads through people, not through departments";
                self.error(format!("{path}.end"), "end_unfit", message);
            }
            ChainEnd::Role { .. } | ChainEnd::Department(_) => {}
        }
    }

    fn field_of_kind(&mut self, id: &FieldId, kinds: &[FieldKind], path: &str) {
        match self.template.form.field(id) {
            None => self.error(path, "field_unknown", format!("the form has no field `{id}`")),
            Some(field) if !kinds.contains(&field.kind) => {
                self.error(
                    path,
                    "field_unfit",
                    format!("`{}` is not a field of the right type", field.title),
                );
            }
            Some(_) => {}
        }
    }
}

const ID_RULE: &str =
    "an id has 1 to 200 characters, none of them a control character, and no blank at its ends";

fn is_id(text: &str) -> bool {
    (1..=TITLE_LIMIT).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && text.trim() == text
}

fn holds_money(field: &Field) -> bool {
    field.kind == FieldKind::Money || field.columns.iter().any(holds_money)
}
