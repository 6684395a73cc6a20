//! Looking ahead as somebody assumes (semantics B14): who says no or sends back, whose time runs out, what is answered.
//! Everybody and everything of which nothing is assumed says yes.

use super::decision::can_decide;
use super::submit::offered;
use super::verdict::settle;
use super::{Draft, returning, sweep, time, waiting};
use crate::command::{Opinion, Return};
use crate::event::{Decision, Event};
use crate::ids::{SlotId, UserId, VisitId};
use crate::instance::{Instance, Slot, SlotState, VisitKind, VisitState};
use crate::preview::{Assumed, AssumedAct};
use crate::problem::Problem;
use crate::rejection::Rejection;

/// Words that satisfy every rule about words.
const WORDS: &str = "assumed";

/// Goes on as assumed until nothing is waited for any more. What of it could not happen comes back, each with its place:
/// `decisions[2]`.
pub(crate) fn play(draft: &mut Draft<'_>, decisions: &[Assumed]) -> Result<Vec<Problem>, Rejection> {
    let mut script = Script { decisions, fates: vec![Fate::NotReached; decisions.len()] };
    while can_decide(draft.instance.status) && !draft.is_exhausted() && script.step(draft)? {}
    Ok(script.unmet())
}

/// What became of something that was assumed.
#[derive(Clone, PartialEq, Debug)]
enum Fate {
    NotReached,
    Happened,
    Refused(Rejection),
}

struct Script<'s> {
    decisions: &'s [Assumed],
    fates: Vec<Fate>,
}

impl<'s> Script<'s> {
    /// The next thing that happens. Whether there was one.
    fn step(&mut self, draft: &mut Draft<'_>) -> Result<bool, Rejection> {
        let visit = draft.instance.pending().next().map(|(visit, _)| visit.id);
        if let Some(visit) = visit {
            self.at_people(draft, visit)?;
            return Ok(true);
        }
        if let Some(slot) = offered(&draft.instance) {
            self.at_pool(draft, slot)?;
            return Ok(true);
        }
        self.at_wait(draft)
    }

    /// What is assumed of a visit, with its number.
    fn here(&self, instance: &Instance, id: VisitId) -> Vec<(usize, &'s Assumed)> {
        let Some(visit) = instance.visit(id) else { return Vec::new() };
        let round_of = |assumed: &Assumed| {
            let same = instance.visits.iter().filter(|it| it.node == visit.node && it.id <= id);
            let same = same.filter(|it| it.kind != VisitKind::Pause);
            same.filter(|it| assumed.level.is_none_or(|level| level == it.level)).count()
        };
        let fits = |assumed: &Assumed| {
            assumed.node == visit.node
                && assumed.level.is_none_or(|level| level == visit.level)
                && round_of(assumed) == assumed.round as usize
        };
        self.decisions.iter().enumerate().filter(|(_, assumed)| fits(assumed)).collect()
    }

    fn set(&mut self, number: usize, fate: Fate) {
        if let Some(own) = self.fates.get_mut(number) {
            *own = fate;
        }
    }

    fn is_due(&self, number: usize) -> bool {
        self.fates.get(number) == Some(&Fate::NotReached)
    }

    fn at_people(&mut self, draft: &mut Draft<'_>, visit: VisitId) -> Result<(), Rejection> {
        if self.times_out(draft, visit)? || self.sends_back(draft, visit)? {
            return Ok(());
        }
        let Some((slot, by, decision)) = self.vote(draft, visit) else { return Ok(()) };
        draft.emit(Event::decision(draft.at, slot, by, decision, String::new()));
        settle(draft, visit)?;
        sweep::separate(draft)
    }

    /// Nobody does anything here until the time is up. Whether something followed from that.
    fn times_out(&mut self, draft: &mut Draft<'_>, visit: VisitId) -> Result<bool, Rejection> {
        let here = self.here(&draft.instance, visit);
        let due = here.into_iter().find(|(number, it)| it.act == AssumedAct::TimeOut && self.is_due(*number));
        let Some((number, _)) = due else { return Ok(false) };
        self.set(number, Fate::Happened);
        time::run_out(draft, visit)?;
        Ok(true)
    }

    fn sends_back(&mut self, draft: &mut Draft<'_>, id: VisitId) -> Result<bool, Rejection> {
        for (number, assumed) in self.here(&draft.instance, id) {
            let AssumedAct::Return(to) = &assumed.act else { continue };
            let Some((slot, by)) = asked(&draft.instance, id, assumed.person) else { continue };
            if !self.is_due(number) {
                continue;
            }
            let request = Return::new(Opinion::new(slot, WORDS), to.clone());
            match returning::send_back(draft, by, &request) {
                Ok(()) => {
                    self.set(number, Fate::Happened);
                    return Ok(true);
                }
                Err(refusal) => self.set(number, Fate::Refused(refusal)),
            }
        }
        Ok(false)
    }

    /// Who decides next, and what: somebody of whom something is assumed before the others.
    fn vote(&mut self, draft: &Draft<'_>, id: VisitId) -> Option<(SlotId, UserId, Decision)> {
        let here = self.here(&draft.instance, id);
        let decisions = here.iter().filter_map(|(number, assumed)| match assumed.act {
            AssumedAct::Decide(decision) => Some((*number, assumed.person, decision)),
            AssumedAct::Return(_) | AssumedAct::TimeOut | AssumedAct::Answer { .. } => None,
        });
        let mut of_everybody = None;
        for (number, person, decision) in decisions {
            match person {
                None => of_everybody = Some((number, decision)),
                Some(_) => {
                    if let Some((slot, by)) = asked(&draft.instance, id, person) {
                        self.set(number, Fate::Happened);
                        return Some((slot, by, decision));
                    }
                }
            }
        }
        let (slot, by) = asked(&draft.instance, id, None)?;
        let decision = of_everybody.map_or(Decision::Approve, |(number, decision)| {
            self.set(number, Fate::Happened);
            decision
        });
        Some((slot, by, decision))
    }

    /// Somebody claims it: the one of whom something is assumed, or the first.
    fn at_pool(&mut self, draft: &mut Draft<'_>, first: SlotId) -> Result<(), Rejection> {
        let Some(visit) = draft.instance.slot(first).map(|(visit, _)| visit) else { return Ok(()) };
        let id = visit.id;
        if self.times_out(draft, id)? {
            return Ok(());
        }
        let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
        let here = self.here(&draft.instance, id);
        let mut people = here.iter().filter_map(|(_, assumed)| assumed.person);
        let of = |person| visit.slots.iter().find(|it| it.state == SlotState::Offered && is_his(it, person));
        let slot = people.find_map(of).map_or(first, |slot| slot.id);
        draft.emit(Event::Claimed { at: draft.at, slot });
        Ok(())
    }

    /// What is waited for that is not a person.
    fn at_wait(&mut self, draft: &mut Draft<'_>) -> Result<bool, Rejection> {
        let waits = |it: &&crate::instance::Visit| it.state == VisitState::Open && !it.kind.asks_people();
        let Some(visit) = draft.instance.visits.iter().find(waits) else { return Ok(false) };
        let (id, kind) = (visit.id, visit.kind);
        let here = self.here(&draft.instance, id);
        let first = here.into_iter().next().filter(|_| kind != VisitKind::Pause);
        match first.map(|(number, assumed)| (number, &assumed.act)) {
            Some((number, AssumedAct::Answer { outcome, values })) => {
                self.set(number, Fate::Happened);
                waiting::answered(draft, id, *outcome, values.clone())?;
            }
            Some((number, AssumedAct::TimeOut)) => {
                self.set(number, Fate::Happened);
                waiting::time_is_up(draft, id)?;
            }
            Some((_, AssumedAct::Decide(_) | AssumedAct::Return(_))) | None => {
                return waiting::answer_all(draft);
            }
        }
        Ok(true)
    }

    fn unmet(self) -> Vec<Problem> {
        let unmet = |(number, fate)| {
            let path = format!("decisions[{number}]");
            match fate {
                Fate::Happened => None,
                Fate::NotReached => {
                    let message = "the path does not come to it";
                    Some(Problem::warning(path, "not_reached", message))
                }
                Fate::Refused(refusal) => Some(Problem::warning(path, refusal.code(), refusal.to_string())),
            }
        };
        self.fates.into_iter().enumerate().filter_map(unmet).collect()
    }
}

/// A slot of the visit that can be decided now, and by whom: of this person, or the first.
fn asked(instance: &Instance, visit: VisitId, person: Option<UserId>) -> Option<(SlotId, UserId)> {
    let slots = &instance.visit(visit)?.slots;
    let mut pending = slots.iter().filter(|slot| slot.state == SlotState::Pending);
    let slot = pending.find(|slot| person.is_none_or(|person| is_his(slot, person)))?;
    Some((slot.id, slot.assignee))
}

/// He is asked, or somebody in his place.
fn is_his(slot: &Slot, person: UserId) -> bool {
    slot.assignee == person || slot.owner == person
}
