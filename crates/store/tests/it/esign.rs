//! Signing flows, their records, and the jobs that follow from approvals.

use crate::databases::{on_both, workspace};
use futures_util::future::join_all;
use jiff::Timestamp;
use uuid::Uuid;
use zhupi_engine::ids::{FileId, InstanceId, TemplateId, TenantId, UserId};
use zhupi_engine::{Instance, Status};
use zhupi_store::{
    Act, ApproveRecord, Change, Committed, Error, NewDelivery, Page, SealJob, SealJobState, SignDocument,
    SignFlow, SignList, SignParticipant, SignPlace, Store,
};

const ANN: UserId = UserId(Uuid::from_u128(7));
const BOB: UserId = UserId(Uuid::from_u128(8));

fn document(name: &str) -> SignDocument {
    SignDocument {
        id: Uuid::now_v7(),
        file: FileId(Uuid::now_v7()),
        name: name.to_owned(),
        sha256: [4; 32],
        size: 12,
        created_at: 5,
    }
}

fn part(flow: Uuid, user: UserId) -> SignParticipant {
    SignParticipant { id: Uuid::now_v7(), flow, user }
}

async fn flow(store: &Store, tenant: TenantId) -> (SignFlow, SignParticipant) {
    let flow = SignFlow {
        id: Uuid::now_v7(),
        name: "合同".to_owned(),
        flow_type: 2,
        owner: ANN,
        places: "[]".to_owned(),
        created_at: 5,
        updated_at: 5,
        initiated_at: None,
    };
    let owner = part(flow.id, ANN);
    store.create_sign_flow(tenant, &flow, &[document("a.pdf")], owner).await.unwrap();
    (flow, owner)
}

fn record(flow: Uuid, participant: SignParticipant, positions: &str, at: i64) -> ApproveRecord {
    ApproveRecord {
        id: Uuid::now_v7(),
        flow,
        participant: participant.id,
        user: participant.user,
        positions: positions.to_owned(),
        source: "esign".to_owned(),
        saved_at: at,
    }
}

/// An instance with the flow's id in this state, and the approval that goes with it.
async fn instance(store: &Store, tenant: TenantId, flow: Uuid, status: Status) {
    let template = TemplateId(Uuid::from_u128(3));
    let mut next = Instance::draft(InstanceId(flow), template, 1, ANN);
    next.version = 1;
    next.status = status;
    let act = Act { actor: ANN, at: Timestamp::UNIX_EPOCH, command: "submit", events: vec![] };
    let mut change = Change::first(tenant, &next, act, None).unwrap();
    if status == Status::Approved {
        change.outbox.push(NewDelivery {
            id: Uuid::now_v7(),
            kind: "seal".to_owned(),
            target: flow.to_string(),
            payload: "{}".to_owned(),
            due_at: i64::MAX,
        });
    }
    assert_eq!(store.commit(change).await.unwrap(), Committed::Done);
}

#[tokio::test]
async fn documents_are_added_until_a_flow_is_sent_out() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let (made, _) = flow(&store, tenant).await;
        assert_eq!(store.load_sign_flow(tenant, made.id).await.unwrap(), Some(made.clone()));
        assert_eq!(store.load_sign_flow(other, made.id).await.unwrap(), None);
        store.add_sign_documents(tenant, made.id, &[document("b.pdf")], 6).await.unwrap();

        store.begin_sign_flow(tenant, made.id, "[1]", 7).await.unwrap();
        let late = store.add_sign_documents(tenant, made.id, &[document("c.pdf")], 8).await;
        assert_eq!(late, Err(Error::Conflict));
        let documents = store.list_sign_documents(tenant, made.id).await.unwrap();
        let names: Vec<&str> = documents.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a.pdf", "b.pdf"]);
        let begun = store.load_sign_flow(tenant, made.id).await.unwrap().unwrap();
        assert_eq!((begun.places.as_str(), begun.initiated_at), ("[1]", Some(7)));

        store.reopen_sign_flow(tenant, made.id).await.unwrap();
        store.add_sign_documents(tenant, made.id, &[document("c.pdf")], 8).await.unwrap();
        store.begin_sign_flow(tenant, made.id, "[]", 9).await.unwrap();
        instance(&store, tenant, made.id, Status::Running).await;
        store.reopen_sign_flow(tenant, made.id).await.unwrap();
        let running = store.load_sign_flow(tenant, made.id).await.unwrap().unwrap();
        assert_eq!(running.initiated_at, Some(9));
    })
    .await;
}

#[tokio::test]
async fn a_person_has_one_part_in_a_flow() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let (made, owner) = flow(&store, tenant).await;
        let again = store.ensure_sign_participant(tenant, part(made.id, ANN), 6).await.unwrap();
        assert_eq!(again, owner.id);
        let at_once =
            join_all((0..8).map(|_| store.ensure_sign_participant(tenant, part(made.id, BOB), 6))).await;
        let ids: Vec<Uuid> = at_once.into_iter().map(Result::unwrap).collect();
        assert!(ids.iter().all(|id| *id == ids[0] && *id != owner.id), "{ids:?}");
        let loaded = store.load_sign_participant(tenant, ids[0]).await.unwrap().unwrap();
        assert_eq!((loaded.flow, loaded.user), (made.id, BOB));
    })
    .await;
}

#[tokio::test]
async fn a_record_keeps_its_id_and_changes_until_the_end() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let (made, owner) = flow(&store, tenant).await;
        let id = store.save_approve_record(tenant, &record(made.id, owner, "[1]", 6)).await.unwrap();
        let bob = part(made.id, BOB);
        store.save_approve_record(tenant, &record(made.id, bob, "[2]", 7)).await.unwrap();
        let again = store.save_approve_record(tenant, &record(made.id, owner, "[3]", 8)).await.unwrap();
        assert_eq!(id, again);
        let all = store.list_approve_records(tenant, made.id).await.unwrap();
        let positions: Vec<&str> = all.iter().map(|it| it.positions.as_str()).collect();
        assert_eq!(positions, ["[2]", "[3]"]);

        instance(&store, tenant, made.id, Status::Approved).await;
        let late = store.save_approve_record(tenant, &record(made.id, owner, "[4]", 9)).await;
        assert_eq!(late, Err(Error::Conflict));
        assert_eq!(store.list_approve_records(tenant, made.id).await.unwrap(), all);
    })
    .await;
}

#[tokio::test]
async fn an_approval_leads_to_one_job_however_many_make_it() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let (made, _) = flow(&store, tenant).await;
        instance(&store, tenant, made.id, Status::Approved).await;
        let approval = store.list_approved_flows(5).await.unwrap().remove(0);
        assert_eq!(approval.target, made.id.to_string());
        let job = || SealJob {
            id: Uuid::now_v7(),
            flow: made.id,
            instance: InstanceId(made.id),
            state: SealJobState::Waiting,
            documents: "[]".to_owned(),
            positions: "[]".to_owned(),
            warnings: "[]".to_owned(),
            created_at: 9,
        };
        let made_at_once = join_all((0..4).map(|_| {
            let job = job();
            let (store, approval) = (&store, &approval);
            async move { store.create_seal_job(approval, &job).await }
        }));
        for outcome in made_at_once.await {
            outcome.unwrap();
        }
        assert_eq!(store.list_approved_flows(5).await.unwrap(), []);
        assert_eq!(store.list_seal_jobs(tenant, None, &Page::first(10)).await.unwrap().rows.len(), 1);
        let involved = async |user| store.list_seal_jobs(tenant, Some(user), &Page::first(10)).await.unwrap();
        assert_eq!((involved(ANN).await.rows.len(), involved(BOB).await.rows.len()), (1, 0));
        assert!(store.load_seal_job(tenant, made.id).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn the_job_of_what_was_revoked_is_void() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let (made, owner) = flow(&store, tenant).await;
        let id = InstanceId(made.id);
        instance(&store, tenant, made.id, Status::Approved).await;
        let approval = store.list_approved_flows(5).await.unwrap().remove(0);
        let job = SealJob {
            id: Uuid::now_v7(),
            flow: made.id,
            instance: id,
            state: SealJobState::Waiting,
            documents: "[]".to_owned(),
            positions: "[]".to_owned(),
            warnings: "[]".to_owned(),
            created_at: 9,
        };
        store.create_seal_job(&approval, &job).await.unwrap();
        let becomes = [
            (Status::Revoking, SealJobState::Waiting),
            (Status::Approved, SealJobState::Waiting),
            (Status::Revoked, SealJobState::Void),
        ];
        for (status, state) in becomes {
            let stored = store.load_instance(tenant, id).await.unwrap().unwrap();
            let mut next = stored.instance.clone();
            (next.version, next.status) = (next.version + 1, status);
            let act = Act { actor: ANN, at: Timestamp::UNIX_EPOCH, command: "revoke", events: vec![] };
            let change = Change::following(tenant, &stored, &next, act).unwrap();
            assert_eq!(store.commit(change).await.unwrap(), Committed::Done);

            let expected = SealJob { state, ..job.clone() };
            assert_eq!(store.load_seal_job(tenant, made.id).await.unwrap(), Some(expected.clone()));
            assert_eq!(store.list_seal_jobs(tenant, None, &Page::first(10)).await.unwrap().rows, [expected]);
            let late = store.save_approve_record(tenant, &record(made.id, owner, "[4]", 9)).await;
            assert_eq!(late, Err(Error::Conflict));
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_says_whom_each_flow_waits_for() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        for status in [Status::Draft, Status::Running, Status::Approved, Status::Revoked] {
            let (made, _) = flow(&store, tenant).await;
            if status != Status::Draft {
                instance(&store, tenant, made.id, status).await;
            }
        }
        let list = |place| SignList { person: ANN, place, skip: 0, limit: 10 };
        let (rows, total) = store.list_sign_flows(tenant, list(None)).await.unwrap();
        let places: Vec<SignPlace> = rows.iter().map(|row| row.place).collect();
        assert_eq!(places, [SignPlace::Ended, SignPlace::Ended, SignPlace::Others, SignPlace::Draft]);
        assert_eq!(total, 4);
        let (ended, total) = store.list_sign_flows(tenant, list(Some(SignPlace::Ended))).await.unwrap();
        assert_eq!((ended.len(), total), (2, 2));
        let part = SignList { skip: 1, limit: 2, ..list(None) };
        let (rows_of_part, total) = store.list_sign_flows(tenant, part).await.unwrap();
        assert_eq!((rows_of_part.as_slice(), total), (&rows[1..3], 4));
        assert_eq!(store.list_sign_flows(other, list(None)).await.unwrap(), (vec![], 0));
        let nobody = SignList { person: BOB, ..list(None) };
        assert_eq!(store.list_sign_flows(tenant, nobody).await.unwrap(), (vec![], 0));
    })
    .await;
}
