//! Uploading and downloading.

use crate::harness::{Session, TestApp};
use serde_json::Value as Json;

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

async fn upload(app: &TestApp, session: &Session, name: &str) -> Json {
    let call = app.post(&format!("/v1/files?name={name}")).by(session).header("content-type", "text/plain");
    call.body("hello").send().await.expect(201)
}

#[tokio::test]
async fn a_file_comes_back_as_it_went_in() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let file = upload(&app, &session, "%E5%90%88%E5%90%8C%20%22a%22.txt").await;
    assert_eq!(file["name"], "合同 \"a\".txt");
    assert_eq!(file["sha256"], HELLO_SHA256);
    assert_eq!(file["size"], 5);

    let path = format!("/v1/files/{}", file["id"].as_str().expect("an id"));
    assert_eq!(app.get(&path).by(&session).send().await.expect(200), file);
    let answer = app.get(&format!("{path}/content")).by(&session).send().await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.header("etag"), format!("\"{HELLO_SHA256}\""));
    assert_eq!(answer.header("content-type"), "text/plain");
    assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"____a_.txt\"; filename*=UTF-8''%E5%90%88%E5%90%8C%20%22a%22.txt"
    );
    let known =
        app.get(&format!("{path}/content")).by(&session).header("if-none-match", answer.header("etag"));
    assert_eq!(known.send().await.status, 304);
}

#[tokio::test]
async fn a_form_uploads_its_first_file() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nfirst\r\n\
                --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"C:\\temp\\a.pdf\"\r\n\
                content-type: application/pdf\r\n\r\nhello\r\n--x--\r\n";
    let call = app.post("/v1/files").by(&session).header("content-type", "multipart/form-data; boundary=x");
    let file = call.body(form).send().await.expect(201);
    assert_eq!(file["name"], "a.pdf");
    assert_eq!(file["media_type"], "application/pdf");
    assert_eq!(file["sha256"], HELLO_SHA256);
}

#[tokio::test]
async fn too_large_files_leave_nothing_behind() {
    let app = TestApp::with(&[("file_limit_bytes", "4")]).await;
    let session = app.session(app.user("wang").await).await;
    let raw = app.post("/v1/files?name=a.txt").by(&session).body("hello");
    raw.send().await.expect_problem(413, "too_large");
    let form =
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n--x--\r\n";
    let form = app
        .post("/v1/files")
        .by(&session)
        .header("content-type", "multipart/form-data; boundary=x")
        .body(form);
    form.send().await.expect_problem(413, "too_large");

    let kept = std::fs::read_dir(app.app.config.data.join("files").join(app.tenant.to_string()));
    assert_eq!(kept.map_or(0, Iterator::count), 0);
}

#[tokio::test]
async fn programs_and_nameless_files_are_refused() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let send = |path: &'static str| app.post(path).by(&session).body("hello").send();
    for name in ["setup.EXE", "setup.exe.", "setup.exe.%20."] {
        let path = format!("/v1/files?name={name}");
        app.post(&path).by(&session).body("hello").send().await.expect_problem(415, "wrong_media_type");
    }
    assert_eq!(send("/v1/files").await.expect_problem(400, "bad_request")["field"], "name");
    assert_eq!(send("/v1/files?name=a%0Ab").await.expect_problem(400, "bad_request")["field"], "name");
    let form = app.post("/v1/files").by(&session).header("content-type", "multipart/form-data").body("hello");
    form.send().await.expect_problem(400, "bad_request");
    let cut = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhel";
    let form = app
        .post("/v1/files")
        .by(&session)
        .header("content-type", "multipart/form-data; boundary=x")
        .body(cut);
    form.send().await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn others_files_do_not_exist() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let li = app.session(app.user("li").await).await;
    let root = app.session(app.admin("root").await).await;
    let elsewhere = app.workspace("elsewhere").await;
    let stranger = app.put_user(elsewhere, crate::harness::person("stranger")).await;
    let stranger = app.session_in(elsewhere, stranger).await;
    let file = upload(&app, &session, "a.txt").await;
    let path = format!("/v1/files/{}/content", file["id"].as_str().expect("an id"));

    app.get(&path).by(&li).send().await.expect_problem(404, "not_found");
    app.get(&path).by(&stranger).send().await.expect_problem(404, "not_found");
    app.get(&path).send().await.expect_problem(401, "unauthenticated");
    assert_eq!(app.get(&path).by(&root).send().await.status, 200);
}
