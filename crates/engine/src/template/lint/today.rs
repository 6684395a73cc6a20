//! What each initiator of today would meet on his way: whom a node finds for him, where nobody is found, where nobody is
//! asked, and whether he could get through alone (semantics D7). What depends on the form is assumed to be possible.

use super::initiators::{Initiator, by_department, by_name, initiators};
use crate::approvers::{Found, Resolution, Scene, chain_levels, find_people, resolve};
use crate::command::Outside;
use crate::condition::{Facts, Group, Subject, evaluate_groups};
use crate::directory::Directory;
use crate::event::Decision;
use crate::ids::{NodeId, TokenId, UserId};
use crate::problem::Problem;
use crate::template::{
    AllReject, Approval, Approvers, Assign, Block, Branch, ChildWait, Dedup, EmptyRule, Heads, Lane, Level,
    Mode, Parallel, PersonRule, SelfRule, Start, Take, Template, Threshold, When,
};
use jiff::Timestamp;
use std::collections::HashMap;

/// Follows everybody who may submit through the flow.
pub(super) fn lint_ways(template: &Template, directory: &Directory, problems: &mut Vec<Problem>) {
    let all = initiators(template, directory);
    let everybody: Vec<usize> = (0..all.len()).collect();
    let mut walk = Walk { template, directory, all: &all, problems, apart: HashMap::new() };
    let ways = walk.blocks(&template.flow, "flow", &everybody, None);
    walk.lint_separation();
    let able = |can: fn(&Way) -> bool| -> Vec<&Initiator> {
        all.iter().zip(&ways).filter(|(_, way)| can(way)).map(|(it, _)| it).collect()
    };
    let (alone, free) = (able(|way| way.own), able(|way| way.free));
    if !alone.is_empty() {
        let names = by_name(&alone, directory);
        let message = format!("nobody else has to agree to what these people ask for: {names}");
        problems.push(Problem::warning("flow", "self_approval_path", message));
    }
    let decides = |block: &&Block| matches!(block, Block::Approval(node) if !node.handle);
    if !free.is_empty() && template.blocks().iter().any(decides) {
        let message = "there is a way through the flow on which nobody is asked";
        problems.push(Problem::warning("flow", "path_without_approval", message));
    }
}

/// How an initiator may get through.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Without coming to a node at which people decide.
    free: bool,
    /// With nobody else deciding: he decides himself, or his node passes by itself.
    own: bool,
}

impl Way {
    const FREE: Way = Way { free: true, own: false };
    const OWN: Way = Way { free: false, own: true };
    const NONE: Way = Way { free: false, own: false };

    /// First this, then that.
    fn then(self, next: Way) -> Way {
        let own = (self.own && (next.free || next.own)) || (self.free && next.own);
        Way { free: self.free && next.free, own }
    }

    /// This or that.
    fn or(self, other: Way) -> Way {
        Way { free: self.free || other.free, own: self.own || other.own }
    }
}

/// One visit of a node, as it would be today.
#[derive(Clone)]
pub(super) struct Visited {
    /// The rules found nobody.
    nobody: bool,
    /// Everybody who has a say.
    pub(super) people: Vec<UserId>,
    /// Those of them who are asked.
    pub(super) asked: Vec<UserId>,
    /// Somebody counts as having approved without being asked.
    some_auto: bool,
    /// One is enough.
    pub(super) any: bool,
    /// It passes though nobody is asked.
    by_itself: bool,
}

impl Visited {
    fn passes_alone(&self) -> bool {
        self.by_itself || (self.some_auto && (self.any || self.asked.is_empty()))
    }

    fn way_of(&self, initiator: UserId) -> Way {
        let himself = self.asked.contains(&initiator) && (self.any || self.asked == [initiator]);
        if self.passes_alone() || himself { Way::OWN } else { Way::NONE }
    }
}

/// The node before, and what it would come to for each initiator.
struct Before<'a> {
    node: &'a Approval,
    visits: Visits,
}

pub(super) struct Walk<'a> {
    pub(super) template: &'a Template,
    pub(super) directory: &'a Directory,
    pub(super) all: &'a [Initiator],
    pub(super) problems: &'a mut Vec<Problem>,
    /// What nodes come to that are kept apart from others.
    pub(super) apart: HashMap<&'a NodeId, Visits>,
}

/// The visits of a node, by initiator.
pub(super) type Visits = HashMap<usize, Vec<Visited>>;

/// Blocks that are passed without anybody being asked; what a sub-process asks is not known here.
fn by_itself(block: &Block) -> Way {
    match block {
        Block::Auto(auto) if auto.outcome == Decision::Reject => Way::NONE,
        Block::SubProcess(node) if node.wait != ChildWait::Detached => Way::NONE,
        Block::Approval(_)
        | Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Route(_)
        | Block::Auto(_) => Way::FREE,
    }
}

impl<'a> Walk<'a> {
    /// The ways of `who` through a list of blocks, in their order.
    fn blocks(
        &mut self,
        blocks: &'a [Block],
        path: &str,
        who: &[usize],
        before: Option<&Before<'a>>,
    ) -> Vec<Way> {
        let mut ways = vec![Way::FREE; who.len()];
        let mut last: Option<Before<'a>> = None;
        let mut follows = true;
        for (number, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{number}]");
            let before = if follows { last.as_ref().or(before) } else { None };
            let through = match block {
                Block::Approval(node) => {
                    let visits = self.visits(node, who);
                    self.lint_node(node, &path, who, &visits, before);
                    self.lint_quorums(node, &path, &visits);
                    if self.is_kept_apart(&node.id) {
                        self.apart.insert(&node.id, visits.clone());
                    }
                    let through = who.iter().map(|one| self.way(node, *one, visits.get(one))).collect();
                    last = Some(Before { node, visits });
                    follows = true;
                    through
                }
                Block::Branch(branch) => {
                    let through = self.branch(branch, &path, who, before);
                    follows = false;
                    through
                }
                Block::Parallel(fork) => {
                    follows = false;
                    self.fork(fork, &path, who)
                }
                Block::Each(each) => {
                    follows = false;
                    let through = self.blocks(&each.blocks, &format!("{path}.blocks"), who, None);
                    let required = self.template.form.field(&each.list).is_some_and(|it| it.required);
                    let none = if required { Way::NONE } else { Way::FREE };
                    through.into_iter().map(|way| way.or(none)).collect()
                }
                Block::Auto(_) | Block::Trigger(_) | Block::SubProcess(_) | Block::Route(_) => {
                    follows = false;
                    vec![by_itself(block); who.len()]
                }
                Block::Cc(_) | Block::Delay(_) => vec![Way::FREE; who.len()],
            };
            ways = ways.into_iter().zip(through).map(|(way, next)| way.then(next)).collect();
        }
        ways
    }

    /// All lanes one after another, or one that is enough.
    fn fork(&mut self, fork: &'a Parallel, path: &str, who: &[usize]) -> Vec<Way> {
        let (begin, all) = match fork.take {
            Take::All => (Way::FREE, true),
            Take::Matching => (Way::NONE, false),
        };
        let mut ways: HashMap<usize, Way> = who.iter().map(|one| (*one, begin)).collect();
        for (number, lane) in fork.lanes.iter().enumerate() {
            let may = |one: &usize| all || self.may_take(lane, *one);
            let inside: Vec<usize> = who.iter().copied().filter(may).collect();
            let path = format!("{path}.lanes[{number}].blocks");
            let through = self.blocks(&lane.blocks, &path, &inside, None);
            for (one, way) in inside.iter().zip(through) {
                let so_far = ways.entry(*one).or_insert(begin);
                *so_far = if all { so_far.then(way) } else { so_far.or(way) };
            }
        }
        who.iter().map(|one| ways.get(one).copied().unwrap_or_default()).collect()
    }

    fn branch(
        &mut self,
        branch: &'a Branch,
        path: &str,
        who: &[usize],
        before: Option<&Before<'a>>,
    ) -> Vec<Way> {
        let mut ways: HashMap<usize, Way> = HashMap::new();
        let mut left: Vec<usize> = who.to_vec();
        let mut lanes: Vec<(usize, &Lane)> = branch.lanes.iter().enumerate().collect();
        lanes.sort_by_key(|(_, lane)| (lane.when == When::Default, lane.priority));
        for (number, lane) in lanes {
            let path = format!("{path}.lanes[{number}]");
            let inside: Vec<usize> = left.iter().copied().filter(|one| self.may_take(lane, *one)).collect();
            if inside.is_empty() && !who.is_empty() && asks_for_initiators(lane) {
                let message = "nobody who may submit today fits what this lane says of the initiator";
                self.problems.push(Problem::warning(format!("{path}.when"), "lane_for_nobody", message));
            }
            let through = self.blocks(&lane.blocks, &format!("{path}.blocks"), &inside, before);
            for (one, way) in inside.iter().zip(through) {
                let so_far = ways.entry(*one).or_default();
                *so_far = so_far.or(way);
            }
            left.retain(|one| !self.must_take(lane, *one));
        }
        who.iter().map(|one| ways.get(one).copied().unwrap_or_default()).collect()
    }

    /// Nothing the lane says of the initiator speaks against it.
    fn may_take(&self, lane: &Lane, one: usize) -> bool {
        match &lane.when {
            When::Default => true,
            When::AnyOf(groups) => groups.iter().any(|group| self.fits(&of_initiator(group), one)),
        }
    }

    /// It says nothing but what is true of the initiator.
    fn must_take(&self, lane: &Lane, one: usize) -> bool {
        match &lane.when {
            When::Default => true,
            When::AnyOf(groups) => groups.iter().any(|group| {
                let own = of_initiator(group);
                !own.conditions.is_empty()
                    && own.conditions.len() == group.conditions.len()
                    && self.fits(&own, one)
            }),
        }
    }

    fn fits(&self, group: &Group, one: usize) -> bool {
        let Some(initiator) = self.all.get(one) else { return false };
        let facts = Facts {
            fields: &self.template.form,
            form: &initiator.draft.form,
            initiator: initiator.user,
            department: initiator.department,
            today: jiff::civil::Date::default(),
            directory: self.directory,
            instance: None,
        };
        group.conditions.is_empty() || evaluate_groups(std::slice::from_ref(group), &facts).holds
    }

    /// What the node would come to, for each of these initiators for whom that does not hang on the form.
    fn visits(&self, node: &Approval, who: &[usize]) -> Visits {
        if depends_on_request(&node.approvers) {
            return HashMap::new();
        }
        who.iter().filter_map(|one| Some((*one, self.visits_of(node, self.all.get(*one)?)?))).collect()
    }

    fn visits_of(&self, node: &Approval, initiator: &Initiator) -> Option<Vec<Visited>> {
        let scene = Scene {
            template: self.template,
            directory: self.directory,
            instance: &initiator.draft,
            token: TokenId(0),
            outside: &Outside::default(),
            at: Timestamp::UNIX_EPOCH,
        };
        match &node.approvers {
            Approvers::People(rules) => {
                let found = find_people(rules, Some(&node.id), scene);
                Some(vec![visited(found, node, node.mode, scene)?])
            }
            Approvers::Chain(chain) => {
                let mode = match chain.heads {
                    Heads::Any => Mode::default(),
                    Heads::All => Mode::Countersign { reject: AllReject::default() },
                };
                let mut levels = chain_levels(chain, scene).0;
                if levels.is_empty() {
                    levels.push(Vec::new());
                }
                levels.into_iter().map(|found| visited(found, node, mode, scene)).collect()
            }
        }
    }

    fn way(&self, node: &Approval, one: usize, visits: Option<&Vec<Visited>>) -> Way {
        let Some(initiator) = self.all.get(one) else { return Way::NONE };
        if node.handle {
            return Way::FREE;
        }
        match visits {
            Some(visits) => visits.iter().fold(Way::OWN, |way, visit| way.then(visit.way_of(initiator.user))),
            None if self.may_name_himself(node, initiator) => Way::OWN,
            None => Way::NONE,
        }
    }

    /// He fills in who decides, and may fill in himself.
    fn may_name_himself(&self, node: &Approval, initiator: &Initiator) -> bool {
        let Approvers::People(rules) = &node.approvers else { return false };
        let one_is_enough = node.assign != Assign::Everybody || one_is_enough(node.mode) || rules.len() == 1;
        let passes = matches!(node.self_rule(), SelfRule::Approve | SelfRule::Skip);
        passes
            && one_is_enough
            && rules.iter().any(|rule| match rule {
                PersonRule::InitiatorPick { among, .. } => self.directory.in_scope(initiator.user, among),
                PersonRule::FormPerson(_) => true,
                PersonRule::Members(_)
                | PersonRule::Initiator
                | PersonRule::Supervisor(_)
                | PersonRule::DepartmentHead(_)
                | PersonRule::Role(_)
                | PersonRule::Group(_)
                | PersonRule::ApproverPick { .. }
                | PersonRule::Item { .. } => false,
            })
    }

    fn lint_node(
        &mut self,
        node: &Approval,
        path: &str,
        who: &[usize],
        visits: &Visits,
        before: Option<&Before<'a>>,
    ) {
        let nobody = |one: &&usize| visits.get(*one).is_some_and(|all| all.iter().any(|it| it.nobody));
        let without: Vec<&Initiator> =
            who.iter().filter(nobody).filter_map(|one| self.all.get(*one)).collect();
        if !without.is_empty() && looks_above_initiator(&node.approvers) {
            let code = match &node.approvers {
                Approvers::Chain(_) => "chain_ends_at_nobody",
                Approvers::People(_) => "nobody_found",
            };
            let people = by_department(&without, self.directory);
            let message = format!("nobody is found for people of: {people}; {}", what_then(&node.empty));
            self.problems.push(Problem::warning(format!("{path}.approvers"), code, message));
        }
        if who.is_empty() || visits.len() < who.len() {
            return;
        }
        if visits.values().all(|all| all.iter().all(Visited::passes_alone)) {
            let message = "nobody is ever asked here: it passes by itself for everybody who may submit today";
            self.problems.push(Problem::warning(path, "node_always_auto", message));
        } else if let Some(before) = before
            && who.iter().all(|one| self.repeats(node, visits.get(one), before.visits.get(one)))
        {
            let title = &before.node.title;
            let message =
                format!("nobody is ever asked here: whoever approved at `{title}` just before counts");
            self.problems.push(Problem::warning(path, "node_always_auto", message));
        }
    }

    /// Whoever passed the node before passes this one too, without being asked again (semantics B7).
    fn repeats(&self, node: &Approval, visits: Option<&Vec<Visited>>, before: Option<&Vec<Visited>>) -> bool {
        let asks_again = node.wants_more_than_consent();
        let (Some([visit]), Some([.., last])) = (visits.map(Vec::as_slice), before.map(Vec::as_slice)) else {
            return false;
        };
        let told_apart = match self.template.settings.dedup {
            Dedup::None | Dedup::LastOnly => return false,
            Dedup::FirstOnly | Dedup::Consecutive => asks_again || last.passes_alone() || last.nobody,
        };
        let again = |user: &UserId| visit.asked.contains(user);
        let one_decided = last.any && last.asked.len() > 1;
        let enough = match (visit.any, one_decided) {
            (true, true) => last.asked.iter().all(again),
            (true, false) => last.asked.iter().any(again),
            (false, true) => false,
            (false, false) => visit.asked.iter().all(|user| last.asked.contains(user)),
        };
        !told_apart && !visit.asked.is_empty() && enough
    }
}

fn visited(found: Vec<Found>, node: &Approval, mode: Mode, scene: Scene<'_>) -> Option<Visited> {
    let nobody = !found.iter().any(|it| scene.directory.is_active(it.user));
    let none = Visited {
        nobody,
        people: Vec::new(),
        asked: Vec::new(),
        some_auto: false,
        any: false,
        by_itself: false,
    };
    match resolve(found, node, (mode, &node.empty), scene) {
        Resolution::Ask(candidates, mode) => Some(Visited {
            some_auto: candidates.iter().any(|it| it.auto.is_some()),
            people: candidates.iter().map(|it| it.user).collect(),
            asked: candidates.iter().filter(|it| it.auto.is_none()).map(|it| it.user).collect(),
            any: node.assign != Assign::Everybody || one_is_enough(mode),
            ..none
        }),
        Resolution::AutoApprove => Some(Visited { by_itself: true, ..none }),
        Resolution::AutoReject | Resolution::Refuse | Resolution::Nobody => Some(none),
        Resolution::PickMissing => None,
    }
}

fn one_is_enough(mode: Mode) -> bool {
    match mode {
        Mode::OrSign { .. } => true,
        Mode::Vote(vote) => !vote.strict && vote.threshold == Threshold::Count(1),
        Mode::Countersign { .. } | Mode::InTurn => false,
    }
}

fn what_then(empty: &EmptyRule) -> &'static str {
    match empty {
        EmptyRule::TemplateAdmin => "an administrator is asked then",
        EmptyRule::AutoApprove => "the node passes then",
        EmptyRule::AutoReject => "the request is rejected then",
        EmptyRule::Members(_) => "the people named for that case are asked then",
        EmptyRule::NextLevel => "the nearest head above is asked then",
        EmptyRule::InitiatorPicks => "they have to name somebody then",
        EmptyRule::BlockSubmit => "they cannot submit",
    }
}

fn of_initiator(group: &Group) -> Group {
    let own = group.conditions.iter().filter(|it| it.subject == Subject::Initiator);
    Group { conditions: own.cloned().collect() }
}

fn asks_for_initiators(lane: &Lane) -> bool {
    match &lane.when {
        When::Default => false,
        When::AnyOf(groups) => groups.iter().any(|group| !of_initiator(group).conditions.is_empty()),
    }
}

/// Who decides hangs on what is filled in or picked.
fn depends_on_request(approvers: &Approvers) -> bool {
    match approvers {
        Approvers::Chain(chain) => chain.start != Start::Initiator,
        Approvers::People(rules) => rules.iter().any(|rule| match rule {
            PersonRule::InitiatorPick { .. }
            | PersonRule::FormPerson(_)
            | PersonRule::ApproverPick { .. }
            | PersonRule::Item { .. } => true,
            PersonRule::Supervisor(Level { start, .. }) | PersonRule::DepartmentHead(Level { start, .. }) => {
                *start != Start::Initiator
            }
            PersonRule::Members(_) | PersonRule::Initiator | PersonRule::Role(_) | PersonRule::Group(_) => {
                false
            }
        }),
    }
}

/// Who decides hangs on where the initiator stands.
fn looks_above_initiator(approvers: &Approvers) -> bool {
    match approvers {
        Approvers::Chain(chain) => chain.start == Start::Initiator,
        Approvers::People(rules) => rules.iter().any(|rule| match rule {
            PersonRule::Supervisor(level) | PersonRule::DepartmentHead(level) => {
                level.start == Start::Initiator
            }
            PersonRule::Members(_)
            | PersonRule::InitiatorPick { .. }
            | PersonRule::Initiator
            | PersonRule::Role(_)
            | PersonRule::Group(_)
            | PersonRule::FormPerson(_)
            | PersonRule::ApproverPick { .. }
            | PersonRule::Item { .. } => false,
        }),
    }
}
