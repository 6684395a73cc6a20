//! How SQLite goes about the statements that have to stay as fast as they are when tables grow.

use crate::sql::Sql;
use crate::store::{Db, Store};
use crate::{instances, retention, search, tasks};

async fn plan(store: &Store, sql: &'static Sql) -> Vec<String> {
    let Db::Lite(lite) = store.db() else { panic!("not SQLite") };
    let explain = |db: &mut rusqlite::Connection| {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.lite()))?;
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get(3)?);
        }
        Ok(steps)
    };
    lite.run(explain).await.unwrap()
}

#[tokio::test]
async fn boxes_and_lists_are_ranges_of_an_index() {
    const RANGE_OF_TASKS: &str = "SEARCH t USING INDEX tasks_box \
        (tenant_id=? AND person_id=? AND box=? AND (at,instance_id,kind,n)<(?,?,?,?))";
    const BY_INITIATOR: &str = "SEARCH instances USING INDEX instances_initiator \
        (tenant_id=? AND initiator_id=? AND created_at<?)";
    const BY_TEMPLATE: &str = "SEARCH instances USING INDEX instances_template \
        (tenant_id=? AND template_id=? AND created_at<?)";
    let cases: [(&'static Sql, &str); 11] = [
        (&tasks::LIST, RANGE_OF_TASKS),
        (&tasks::LIST_OF_TEMPLATE, RANGE_OF_TASKS),
        (&tasks::LIST_MINE, BY_INITIATOR),
        (&tasks::LIST_MINE_OF_TEMPLATE, BY_INITIATOR),
        (&instances::LIST, "SEARCH instances USING INDEX instances_created (tenant_id=? AND created_at<?)"),
        (&instances::LIST_BY_INITIATOR, BY_INITIATOR),
        (&instances::LIST_BY_TEMPLATE, BY_TEMPLATE),
        (&instances::LIST_FINISHED, BY_TEMPLATE),
        (
            &instances::LIST_BY_BUSINESS_KEY,
            "SEARCH instances USING INDEX instances_business_key (tenant_id=? AND business_key=? AND created_at<?)",
        ),
        (
            &search::BY_SERIAL,
            "SEARCH instances USING INDEX instances_serial \
             (tenant_id=? AND serial=? AND created_at>? AND created_at<?)",
        ),
        (
            &instances::LOAD,
            "SEARCH instances USING INDEX sqlite_autoindex_instances_1 (tenant_id=? AND id=?)",
        ),
    ];
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    for (sql, first) in cases {
        let steps = plan(&store, sql).await;
        assert_eq!(steps[0], first, "{}", sql.lite());
        for step in &steps {
            // Only rows of the same microsecond may have to be sorted.
            assert!(!step.contains("SCAN") && !step.ends_with("FOR ORDER BY"), "{step} in {}", sql.lite());
        }
    }
}

#[tokio::test]
async fn what_is_outdated_is_a_range_of_an_index() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let statements = [&retention::OLD_DELIVERIES, &retention::KEYS, &retention::SESSIONS, &retention::TOKENS];
    for sql in statements {
        let steps = plan(&store, sql).await;
        assert!(steps.iter().any(|step| step.contains("<?)")), "{steps:?} in {}", sql.lite());
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?} in {}", sql.lite());
    }
}
