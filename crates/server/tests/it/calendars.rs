//! Calendars and absences over our own API.

use crate::harness::{Session, TestApp};
use serde_json::{Value as Json, json};

fn body(name: &str) -> Json {
    let day = ["09:00-12:00", "13:00-18:00"];
    json!({ "name": name, "week": [day, day, day, day, day, [], []], "holidays": ["2026-10-01"] })
}

async fn make(app: &TestApp, by: &Session, name: &str) -> String {
    let made = app.post("/v1/calendars").by(by).json(&body(name)).send().await.expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

fn codes(problem: &Json) -> Vec<String> {
    let problems = problem["problems"].as_array().expect("problems");
    problems.iter().map(|it| format!("{} {}", it["path"], it["code"]).replace('"', "")).collect()
}

#[tokio::test]
async fn administrators_make_change_and_delete_calendars() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let id = make(&app, &root, "中国").await;
    let path = format!("/v1/calendars/{id}");
    let mut changed = body("日本");
    changed["time_zone"] = json!("Asia/Tokyo");
    changed["make_up"] = json!({ "2026-10-10": ["09:00-12:00"] });
    app.call("PUT", &path).by(&root).json(&changed).send().await.expect(200);

    let wang = app.session(app.user("wang").await).await;
    let seen = app.get(&path).by(&wang).send().await.expect(200);
    assert_eq!(seen["name"], "日本");
    assert_eq!(seen["week"][0][1], "13:00-18:00");
    assert_eq!(seen["make_up"]["2026-10-10"][0], "09:00-12:00");
    app.post("/v1/calendars").by(&wang).json(&body("x")).send().await.expect_problem(403, "forbidden");
    app.call("PUT", &path).by(&wang).json(&body("x")).send().await.expect_problem(403, "forbidden");
    app.call("DELETE", &path).by(&wang).send().await.expect_problem(403, "forbidden");

    app.call("DELETE", &path).by(&root).send().await.expect(204);
    app.get(&path).by(&root).send().await.expect_problem(404, "not_found");
    assert_eq!(app.get("/v1/calendars").by(&root).send().await.expect(200), json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_calendar_is_said_with_its_place() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let post = |body: Json| app.post("/v1/calendars").by(&root).json(&body).send();
    let problem = post(json!({ "name": "", "week": [[], [], [], [], [], [], []] })).await;
    assert_eq!(codes(&problem.expect_problem(422, "invalid")), ["name required", "week no_working_time"]);
    let problem = post(json!({ "name": "x", "week": [["9-12"], [], [], [], [], [], []] })).await;
    assert_eq!(problem.expect_problem(400, "bad_request")["field"], "week[0][0]");
    let problem = post(json!({ "name": "x", "week": [[]] })).await;
    assert_eq!(problem.expect_problem(400, "bad_request")["field"], "week");
}

#[tokio::test]
async fn the_workspace_and_departments_work_by_a_calendar() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let (first, second) = (make(&app, &root, "一").await, make(&app, &root, "二").await);
    let sales =
        app.post("/v1/departments").by(&root).json(&json!({ "name": "sales" })).send().await.expect(201);
    let sales = sales["id"].as_str().expect("an id").to_owned();
    let put = |path: &str, calendar: Option<&str>| {
        app.call("PUT", path).by(&root).json(&json!({ "calendar": calendar })).send()
    };
    let of_sales = format!("/v1/departments/{sales}/calendar");
    put("/v1/default-calendar", Some(&first)).await.expect(204);
    put(&of_sales, Some(&second)).await.expect(204);
    let unknown = put("/v1/default-calendar", Some(&sales)).await;
    assert_eq!(unknown.expect_problem(400, "bad_request")["field"], "calendar");
    put(&of_sales, Some(&sales)).await.expect_problem(400, "bad_request");
    put(&format!("/v1/departments/{first}/calendar"), None).await.expect_problem(404, "not_found");

    let all = app.get("/v1/calendars").by(&root).send().await.expect(200);
    assert_eq!((&all[0]["default"], &all[0]["departments"]), (&json!(true), &json!([])));
    assert_eq!((&all[1]["default"], &all[1]["departments"]), (&json!(false), &json!([sales])));
    for id in [&first, &second] {
        let answer = app.call("DELETE", &format!("/v1/calendars/{id}")).by(&root).send().await;
        assert_eq!(codes(&answer.expect_problem(422, "invalid")), ["calendar calendar_in_use"]);
    }
    put("/v1/default-calendar", None).await.expect(204);
    put(&of_sales, None).await.expect(204);
    app.call("DELETE", &format!("/v1/calendars/{first}")).by(&root).send().await.expect(204);
}

#[tokio::test]
async fn a_published_list_of_holidays_is_imported_by_the_year() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let id = make(&app, &root, "中国").await;
    let put = |year: &str, days: Json| {
        let path = format!("/v1/calendars/{id}/years/{year}");
        app.call("PUT", &path).by(&root).json(&json!({ "year": 2026, "days": days })).send()
    };
    let days = json!([
        { "name": "元旦", "date": "2027-01-01", "isOffDay": true },
        { "name": "元旦", "date": "2027-01-03", "is_off": false }
    ]);
    let seen = put("2027", days.clone()).await.expect(200);
    assert_eq!(seen["holidays"], json!(["2026-10-01", "2027-01-01"]));
    assert_eq!(seen["make_up"], json!({ "2027-01-03": ["09:00-12:00", "13:00-18:00"] }));
    // Again for the same year: what was there before is gone.
    let seen = put("2027", json!([])).await.expect(200);
    assert_eq!((&seen["holidays"], &seen["make_up"]), (&json!(["2026-10-01"]), &json!({})));
    assert_eq!(codes(&put("2028", days).await.expect_problem(422, "invalid"))[0], "days[0].date wrong_year");
    let twice = json!([{ "date": "2027-01-01", "is_off": true }, { "date": "2027-01-01", "is_off": false }]);
    assert_eq!(codes(&put("2027", twice).await.expect_problem(422, "invalid")), ["days[1].date duplicate"]);
}

/// The clock of a test stands at 2026-03-02T01:00:00Z.
fn away(substitute: impl ToString, from: &str, until: &str) -> Json {
    json!({ "substitute": substitute.to_string(), "from": from, "until": until, "reason": "年假" })
}

#[tokio::test]
async fn everybody_says_when_he_is_away_and_administrators_say_it_for_others() {
    let app = TestApp::new().await;
    let (wang, li) = (app.user("wang").await, app.user("li").await);
    let (by_wang, by_li) = (app.session(wang).await, app.session(li).await);
    let root = app.session(app.admin("root").await).await;
    let now = away(li, "2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z");
    let made = app.post("/v1/absences").by(&by_wang).json(&now).send().await.expect(201);
    assert_eq!((&made["state"], &made["move_open"]), (&json!("now"), &json!(true)));
    assert_eq!(made["owner"]["name"], "wang");
    let path = format!("/v1/absences/{}", made["id"].as_str().expect("an id"));

    // Other people's absences are not there, and not theirs to make.
    app.get(&path).by(&by_li).send().await.expect_problem(404, "not_found");
    app.call("PUT", &path).by(&by_li).json(&now).send().await.expect_problem(404, "not_found");
    app.call("DELETE", &path).by(&by_li).send().await.expect_problem(404, "not_found");
    let mut for_wang = away(li, "2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z");
    for_wang["owner"] = json!(wang);
    app.post("/v1/absences").by(&by_li).json(&for_wang).send().await.expect_problem(403, "forbidden");
    let coming = app.post("/v1/absences").by(&root).json(&for_wang).send().await.expect(201);
    assert_eq!(coming["state"], "coming");

    let mine = app.get("/v1/absences").by(&by_wang).send().await.expect(200);
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(app.get("/v1/absences").by(&by_li).send().await.expect(200)["items"], json!([]));
    app.get("/v1/absences?all=true").by(&by_li).send().await.expect_problem(403, "forbidden");
    let of_wang = app.get(&format!("/v1/absences?owner={wang}")).by(&root).send().await.expect(200);
    assert_eq!(of_wang["items"], mine["items"]);

    // One that holds ends now; one that has not begun is gone.
    app.call("DELETE", &path).by(&by_wang).send().await.expect(204);
    let ended = app.get(&path).by(&by_wang).send().await.expect(200);
    assert_eq!((&ended["state"], &ended["until"]), (&json!("over"), &json!("2026-03-02T01:00:00Z")));
    app.call("DELETE", &path).by(&by_wang).send().await.expect_problem(422, "invalid");
    app.call("PUT", &path).by(&by_wang).json(&now).send().await.expect_problem(422, "invalid");
    let path = format!("/v1/absences/{}", coming["id"].as_str().expect("an id"));
    app.call("DELETE", &path).by(&by_wang).send().await.expect(204);
    app.get(&path).by(&by_wang).send().await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn what_is_wrong_with_an_absence_is_said_with_its_place() {
    let app = TestApp::new().await;
    let (wang, li) = (app.user("wang").await, app.user("li").await);
    let by_wang = app.session(wang).await;
    let post = |body: Json| app.post("/v1/absences").by(&by_wang).json(&body).send();
    let (begin, end) = ("2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z");
    for (body, expected) in [
        (away(wang, begin, end), "substitute substitute_is_owner"),
        (away(uuid::Uuid::nil(), begin, end), "substitute user_not_active"),
        (away(li, end, begin), "until ends_before_it_begins"),
        (away(li, "2026-02-01T00:00:00Z", begin), "until in_the_past"),
    ] {
        assert_eq!(codes(&post(body).await.expect_problem(422, "invalid")), [expected]);
    }
    let mut unknown = away(li, begin, end);
    unknown["templates"] = json!([uuid::Uuid::nil()]);
    assert_eq!(codes(&post(unknown).await.expect_problem(422, "invalid")), ["templates[0] template_unknown"]);
    assert_eq!(
        post(away("nobody", begin, end)).await.expect_problem(400, "bad_request")["field"],
        "substitute"
    );
}

#[tokio::test]
async fn a_person_is_away_once_at_a_time_and_a_substitute_who_is_away_too_is_warned_of() {
    let app = TestApp::new().await;
    let (wang, li) = (app.user("wang").await, app.user("li").await);
    let (by_wang, by_li) = (app.session(wang).await, app.session(li).await);
    let (begin, end) = ("2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z");
    let made = app.post("/v1/absences").by(&by_wang).json(&away(li, begin, end)).send().await.expect(201);
    assert_eq!(made.get("warnings"), None);
    let again = away(li, "2026-03-04T00:00:00Z", "2026-03-07T00:00:00Z");
    let refused = app.post("/v1/absences").by(&by_wang).json(&again).send().await;
    let problem = refused.expect_problem(422, "invalid");
    assert_eq!(codes(&problem), ["from overlaps"]);
    let words = problem["problems"][0]["message"].as_str().expect("words");
    let first = made["id"].as_str().expect("an id");
    assert!(
        words.contains(begin) && words.contains("li stands in already") && words.contains(first),
        "{words}"
    );
    // What one is replaced by may cover the same time, and the next one begins where it ends.
    let path = format!("/v1/absences/{first}");
    let longer = away(li, begin, "2026-03-06T00:00:00Z");
    app.call("PUT", &path).by(&by_wang).json(&longer).send().await.expect(200);
    let next = away(li, "2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z");
    app.post("/v1/absences").by(&by_wang).json(&next).send().await.expect(201);
    let back = app.post("/v1/absences").by(&by_li).json(&away(wang, begin, end)).send().await.expect(201);
    assert_eq!(back["warnings"][0]["code"], "substitute_away");
}
