//! A data folder for one test, and the program run on it.

use axum::body::Body;
use axum::http::Request;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tower::ServiceExt;
use uuid::Uuid;
use zhupi_server::caller::SESSION_COOKIE;
use zhupi_server::config::{Config, Layer};
use zhupi_server::{App, router};

/// A data folder, gone at the end of the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("zt_{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("zhupi.sqlite")
    }

    /// Runs the program on this folder.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.run_with(args, "")
    }

    /// The same, with this on its standard input.
    pub fn run_with(&self, args: &[&str], input: &str) -> Outcome {
        let mut program = Command::new(env!("CARGO_BIN_EXE_zhupi"))
            .args(args)
            .env("ZHUPI_DATA", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        program.stdin.take().expect("its input").write_all(input.as_bytes()).expect("to be read");
        let output = program.wait_with_output().expect("an end");
        Outcome {
            code: output.status.code().expect("a code"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs one statement on the database, behind the program's back.
    pub fn tamper(&self, statement: &str) {
        let database = rusqlite::Connection::open(self.database()).expect("a database");
        assert!(database.execute(statement, []).expect(statement) > 0, "{statement} found nothing");
    }

    /// Fills the database with two instances, one of them approved.
    pub async fn fill(&self) {
        self.run_with(&["user", "add", "--login", "ann", "--name", "Ann", "--admin"], "long enough\n")
            .expect(0);
        self.run_with(&["user", "add", "--login", "bob", "--name", "Bob"], "long enough\n").expect(0);
        let layer = Layer::from([("data".to_owned(), self.0.display().to_string())]);
        let app = App::open(Config::from_layers(&[layer]).expect("settings")).await.expect("a server");
        let tenant = app.workspace("").await.expect("a database").expect("a workspace").id;
        let session = async |login: &str| {
            let account = app.store.load_account(tenant, login).await.expect("a database").expect("a person");
            (account.user, app.begin_session(tenant, account.user).await.expect("a session"))
        };
        let (_, ann) = session("ann").await;
        let (bob_id, bob) = session("bob").await;
        let call = async |token: &str, path: &str, body: String| {
            let request = Request::post(path)
                .header("content-type", "application/json")
                .header("cookie", format!("{SESSION_COOKIE}={token}"))
                .header("x-csrf-token", app.csrf_token(token))
                .body(Body::from(body))
                .expect("a request");
            let answer = router(app.clone()).oneshot(request).await.expect("an answer");
            let status = answer.status();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
            assert!(status.is_success(), "{path}: {}", String::from_utf8_lossy(&body));
            serde_json::from_slice::<serde_json::Value>(&body).expect("JSON")
        };
        let flow = format!(
            r#"[{{"kind":"approval","id":"a","title":"A","approvers":{{"people":[{{"members":["{bob_id}"]}}]}}}}]"#
        );
        let definition = format!(r#"{{"name":"Leave","form":[],"flow":{flow}}}"#);
        let template =
            call(&ann, "/v1/templates", format!(r#"{{"code":"leave","definition":{definition}}}"#)).await;
        let id = template["id"].as_str().expect("an id");
        call(&ann, &format!("/v1/templates/{id}/publish"), String::new()).await;
        let submit = r#"{"template":"leave","form":{}}"#.to_owned();
        call(&ann, "/v1/instances", submit.clone()).await;
        let instance = call(&ann, "/v1/instances", submit).await;
        let instance = instance["id"].as_str().expect("an id");
        call(&bob, &format!("/v1/tasks/{instance}.0/approve"), "{}".to_owned()).await;
        app.store.close().await;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(cause) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {cause}", self.0.display());
        }
    }
}

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Outcome {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}
