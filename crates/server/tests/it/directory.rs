//! Looking at the directory, and changing it.

use crate::harness::TestApp;
use serde_json::{Value as Json, json};

#[tokio::test]
async fn people_are_listed_page_by_page() {
    let app = TestApp::new().await;
    for name in ["an", "bai", "chen", "deng"] {
        app.user(name).await;
    }
    let session = app.session(app.user("wang").await).await;

    let mut names = Vec::new();
    let mut path = "/v1/users?limit=2".to_owned();
    loop {
        let page = app.get(&path).by(&session).send().await.expect(200);
        names.extend(page["items"].as_array().expect("items").iter().map(|it| it["name"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/users?limit=2&after={next}");
    }
    assert_eq!(names, ["an", "bai", "chen", "deng", "wang"]);

    let found = app.get("/v1/users?text=HEN").by(&session).send().await.expect(200);
    assert_eq!(found["items"][0]["login"], "chen");
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn contacts_are_for_oneself_and_administrators() {
    let app = TestApp::new().await;
    let wang = app.user("wang").await;
    let path = format!("/v1/users/{wang}");
    let li = app.session(app.user("li").await).await;
    let root = app.session(app.admin("root").await).await;
    let himself = app.session(wang).await;

    assert_eq!(app.get(&path).by(&li).send().await.expect(200).get("contact"), None);
    assert!(app.get(&path).by(&root).send().await.expect(200)["contact"].is_object());
    assert!(app.get(&path).by(&himself).send().await.expect(200)["contact"].is_object());
}

#[tokio::test]
async fn departments_come_in_tree_order() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let make = async |name: &str, parent: Option<&Json>| {
        let body = json!({ "name": name, "parent": parent });
        app.post("/v1/departments").by(&root).json(&body).send().await.expect(201)["id"].clone()
    };
    let company = make("company", None).await;
    let sales = make("sales", Some(&company)).await;
    make("legal", Some(&company)).await;
    make("north", Some(&sales)).await;
    let body = json!({ "name": "wang", "login": "wang", "departments": [sales] });
    app.post("/v1/users").by(&root).json(&body).send().await.expect(201);

    let all = app.get("/v1/departments").by(&root).send().await.expect(200);
    let lines: Vec<String> = all
        .as_array()
        .expect("departments")
        .iter()
        .map(|it| format!("{} {} {}", it["level"], it["name"].as_str().unwrap_or_default(), it["people"]))
        .collect();
    assert_eq!(lines, ["1 company 0", "2 sales 1", "3 north 0", "2 legal 0"]);

    let path = format!("/v1/departments/{}", sales.as_str().expect("an id"));
    let detail = app.get(&path).by(&root).send().await.expect(200);
    assert_eq!(detail["people"][0]["name"], "wang");
}

#[tokio::test]
async fn only_administrators_change_the_directory() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    for path in ["/v1/departments", "/v1/roles", "/v1/groups"] {
        let answer = app.post(path).by(&session).json(&json!({ "name": "x" })).send().await;
        answer.expect_problem(403, "forbidden");
    }
    let body = json!({ "name": "x", "login": "x" });
    app.post("/v1/users").by(&session).json(&body).send().await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn a_change_that_makes_a_circle_is_refused_with_its_place() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let make = async |name: &str, parent: Option<&Json>| {
        let body = json!({ "name": name, "parent": parent });
        app.post("/v1/departments").by(&root).json(&body).send().await.expect(201)["id"].clone()
    };
    let upper = make("upper", None).await;
    let lower = make("lower", Some(&upper)).await;

    let path = format!("/v1/departments/{}", upper.as_str().expect("an id"));
    let body = json!({ "name": "upper", "parent": lower });
    let problem = app.call("PUT", &path).by(&root).json(&body).send().await.expect_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["code"], "department_circle");
}

#[tokio::test]
async fn unknown_people_make_no_role() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let body = json!({ "name": "cashier", "members": ["0190aaaa-0000-7000-8000-000000000000"] });
    let problem = app.post("/v1/roles").by(&root).json(&body).send().await.expect_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["code"], "user_unknown");
}

#[tokio::test]
async fn roles_and_groups_are_made_changed_and_listed() {
    let app = TestApp::new().await;
    let wang = app.user("wang").await;
    let root = app.session(app.admin("root").await).await;
    for path in ["/v1/roles", "/v1/groups"] {
        let body = json!({ "name": "cashier" });
        let made = app.post(path).by(&root).json(&body).send().await.expect(201);
        let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
        let body = json!({ "name": "cashiers", "members": [wang] });
        app.call("PUT", &one).by(&root).json(&body).send().await.expect(200);

        let all = app.get(path).by(&root).send().await.expect(200);
        assert_eq!(all[0]["name"], "cashiers");
        assert_eq!(all[0]["members"][0]["name"], "wang");
    }
}

#[tokio::test]
async fn a_login_belongs_to_one_person() {
    let app = TestApp::new().await;
    app.user("wang").await;
    let root = app.session(app.admin("root").await).await;
    let body = json!({ "name": "another", "login": "wang" });
    let problem = app.post("/v1/users").by(&root).json(&body).send().await.expect_problem(409, "duplicate");
    assert_eq!(problem["field"], "login");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::new().await;
    let id = app.admin("root").await;
    let root = app.session(id).await;
    let body = json!({ "name": "root", "login": "root", "admin": false });
    let call = app.call("PUT", &format!("/v1/users/{id}")).by(&root).json(&body);
    assert_eq!(call.send().await.expect_problem(422, "invalid")["problems"][0]["code"], "no_admin_left");
}

#[tokio::test]
async fn a_disabled_persons_sessions_end() {
    let app = TestApp::new().await;
    let wang = app.user("wang").await;
    let session = app.session(wang).await;
    let root = app.session(app.admin("root").await).await;
    let path = format!("/v1/users/{wang}");
    let put = |active: bool| {
        let body = json!({ "name": "wang", "login": "wang", "active": active });
        app.call("PUT", &path).by(&root).json(&body).send()
    };
    put(false).await.expect(200);
    put(true).await.expect(200);
    app.get("/v1/me").by(&session).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_or_by_an_administrator() {
    let app = TestApp::new().await;
    let wang = app.user("wang").await;
    app.password(wang, "old password").await;
    let path = format!("/v1/users/{wang}/password");
    let himself = app.session(wang).await;
    let li = app.session(app.user("li").await).await;
    let root = app.session(app.admin("root").await).await;

    let put = |by, body: Json| app.call("PUT", &path).by(by).json(&body).send();
    put(&li, json!({ "password": "new password" })).await.expect_problem(403, "forbidden");
    put(&himself, json!({ "password": "new password" })).await.expect_problem(400, "bad_request");
    let wrong = json!({ "password": "new password", "current": "wrong" });
    assert_eq!(put(&himself, wrong).await.expect_problem(400, "bad_request")["field"], "current");
    let right = json!({ "password": "new password", "current": "old password" });
    put(&himself, right).await.expect(204);
    app.get("/v1/me").by(&himself).send().await.expect_problem(401, "unauthenticated");

    put(&root, json!({ "password": "short" })).await.expect_problem(400, "bad_request");
    put(&root, json!({ "password": "from the admin" })).await.expect(204);
    let login = json!({ "login": "wang", "password": "from the admin" });
    app.post("/v1/sessions").json(&login).send().await.expect(200);
}
