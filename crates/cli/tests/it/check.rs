//! `zhupi check` finds what somebody changed behind our back.

use crate::harness::Folder;

#[tokio::test]
async fn what_was_written_fits() {
    let folder = Folder::new();
    folder.fill().await;
    assert_eq!(folder.run(&["check"]).expect(0).out, "2 instances checked, 0 with faults\n");
    assert_eq!(folder.run(&["check", "--replay"]).expect(0).out, "2 instances checked, 0 with faults\n");
}

#[tokio::test]
async fn every_change_is_found_and_its_first_place_named() {
    let cases = [
        (
            "UPDATE history SET body = replace(body, 'approve', 'abprove') WHERE seq = 2",
            "entry 2 was changed",
        ),
        (
            "DELETE FROM history WHERE seq = 1 AND instance_id IN (SELECT instance_id FROM history WHERE seq = 2)",
            "entry 1 is missing",
        ),
        ("DELETE FROM history WHERE seq = 2", "entry 2 is missing"),
        (
            "UPDATE history SET actor_id = zeroblob(16) WHERE seq = 2",
            "entry 2 was changed: its columns differ",
        ),
        (
            "UPDATE instances SET head = zeroblob(32) WHERE version = 2",
            "the history ends at entry 2, but the instance names another last entry",
        ),
        ("DELETE FROM instances WHERE version = 2", "the instance is missing, but its history is there"),
        ("UPDATE instances SET status = 3 WHERE version = 2", "its column `status` differs from its state"),
        ("UPDATE instances SET title = 'x' WHERE version = 2", "its column `title` differs from its state"),
        ("UPDATE instances SET version = 9 WHERE version = 2", "its column `version` differs from its state"),
        (
            "UPDATE instances SET ended_at = NULL WHERE version = 2",
            "its column `ended_at` differs from its state",
        ),
    ];
    each_is_found(&["check"], &cases).await;
}

#[tokio::test]
async fn tasks_that_do_not_follow_from_the_state_are_found_by_replay() {
    let cases = [
        ("DELETE FROM tasks WHERE box = 1", "task 0 is missing"),
        ("UPDATE tasks SET person_id = zeroblob(16) WHERE box = 1", "task 0 differs from its state"),
        ("UPDATE tasks SET box = 0 WHERE box = 1", "task 0 differs from its state"),
        ("UPDATE tasks SET template_id = zeroblob(16) WHERE box = 1", "task 0 differs from its state"),
        (
            "INSERT INTO tasks SELECT tenant_id, instance_id, kind, 7, person_id, 0, at, template_id, node_id, is_read
             FROM tasks WHERE box = 1",
            "task 7 does not follow from its state",
        ),
    ];
    each_is_found(&["check", "--replay"], &cases).await;
}

async fn each_is_found(args: &[&str], cases: &[(&str, &str)]) {
    let folder = Folder::new();
    folder.fill().await;
    let sound = std::fs::read(folder.database()).expect("a database");
    for (statement, words) in cases {
        folder.tamper(statement);
        let outcome = folder.run(args).expect(1);
        assert!(outcome.out.contains(*words), "{statement}: {outcome:?}");
        assert!(outcome.out.ends_with("2 instances checked, 1 with faults\n"), "{outcome:?}");
        for ending in ["-wal", "-shm"] {
            let beside = folder.0.join(format!("zhupi.sqlite{ending}"));
            assert!(!beside.exists() || std::fs::remove_file(beside).is_ok());
        }
        std::fs::write(folder.database(), &sound).expect("a database");
    }
}

#[tokio::test]
async fn a_state_that_the_history_does_not_lead_to_is_found_by_replay() {
    let folder = Folder::new();
    folder.fill().await;
    folder.tamper(
        "UPDATE instances SET state = replace(state, 'Leave', 'Holiday'), title = replace(title, 'Leave', 'Holiday')
         WHERE version = 2",
    );
    folder.run(&["check"]).expect(0);
    let outcome = folder.run(&["check", "--replay"]).expect(1);
    assert!(outcome.out.contains("the history leads to another state"), "{outcome:?}");
}
