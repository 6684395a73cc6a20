//! Instances made by hand, for tests that are about rows and not about rules.

use jiff::Timestamp;
use uuid::Uuid;
use zhupi_engine::approvers::{Why, WhyRule};
use zhupi_engine::ids::{InstanceId, NodeId, SlotId, TemplateId, TenantId, TokenId, UserId, VisitId};
use zhupi_engine::instance::{CcEntry, Comment, Decided, Slot, SlotState, Visit, VisitKind, VisitState};
use zhupi_engine::template::{Mode, OrReject};
use zhupi_engine::{Event, Instance, Status};
use zhupi_store::{Act, Change, Committed, Store, Stored};

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub fn somebody() -> UserId {
    UserId(Uuid::now_v7())
}

pub fn act(actor: UserId, second: i64, text: &str) -> Act {
    let event = Event::Commented {
        at: at(second),
        by: actor,
        text: text.to_owned(),
        mentions: vec![],
        attachments: vec![],
    };
    Act { actor, at: at(second), command: "comment", events: vec![event] }
}

/// A submitted request that asks all these people at once.
pub fn request(initiator: UserId, asked: &[UserId], second: i64) -> Instance {
    let mut instance =
        Instance::draft(InstanceId(Uuid::now_v7()), TemplateId(Uuid::from_u128(7)), 1, initiator);
    let slots = asked.iter().zip(0..).map(|(&user, n)| Slot {
        id: SlotId(n),
        owner: user,
        assignee: user,
        why: Why { rule: WhyRule::Member, notes: vec![] },
        state: SlotState::Pending,
        pending_at: Some(at(second)),
        decided: None,
        weight: 1,
        veto: false,
        group: None,
        parent: None,
        added_by: None,
        adding: None,
        moves: 0,
        back_to: None,
        absent: None,
        held: vec![],
    });
    instance.visits.push(Visit {
        id: VisitId(0),
        token: TokenId(0),
        node: NodeId("manager".to_owned()),
        round: 1,
        level: 0,
        mode: Mode::OrSign { reject: OrReject::default() },
        slots: slots.collect(),
        upcoming: vec![],
        state: VisitState::Open,
        kind: VisitKind::Approve,
        quorums: Vec::new(),
        stuck: None,
        superseded: false,
        due_at: None,
        timers: Vec::new(),
        opened_at: at(second),
        closed_at: None,
    });
    instance.title = format!("报销 {second}");
    instance.status = Status::Running;
    instance.submitted_at = Some(at(second));
    instance.version = 1;
    instance
}

pub fn tell(instance: &mut Instance, user: UserId, second: i64) {
    instance.cc.push(CcEntry { user, node: None, by: None, at: at(second), read_at: None });
}

/// One decides, the others are not needed any more.
pub fn approve(instance: &mut Instance, slot: usize, by: UserId, second: i64) {
    let visit = &mut instance.visits[0];
    for (n, it) in visit.slots.iter_mut().enumerate() {
        if n == slot {
            it.state = SlotState::Approved;
            it.decided = Some(Decided {
                by,
                at: at(second),
                comment: String::new(),
                content: 0,
                signature: None,
                attachments: Vec::new(),
                picks: Default::default(),
            });
        } else {
            it.state = SlotState::NotNeeded;
        }
    }
    visit.state = VisitState::Passed;
    instance.status = Status::Approved;
    instance.version += 1;
}

pub fn comment(instance: &mut Instance, by: UserId, second: i64) {
    instance.comments.push(Comment {
        by,
        at: at(second),
        text: "好".to_owned(),
        mentions: vec![],
        attachments: vec![],
    });
    instance.version += 1;
}

/// Commits a request that was just made.
pub async fn submit(store: &Store, tenant: TenantId, instance: &Instance) -> Stored {
    let made = instance.submitted_at.unwrap().as_second() - at(0).as_second();
    let change = Change::first(tenant, instance, act(instance.initiator, made, "submit"), None).unwrap();
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
    load(store, tenant, instance.id).await
}

pub async fn load(store: &Store, tenant: TenantId, id: InstanceId) -> Stored {
    store.load_instance(tenant, id).await.unwrap().unwrap()
}

/// A change that adds a comment.
pub fn commenting(tenant: TenantId, before: &Stored, by: UserId, second: i64) -> Change {
    let mut next = before.instance.clone();
    comment(&mut next, by, second);
    Change::following(tenant, before, &next, act(by, second, "comment")).unwrap()
}
