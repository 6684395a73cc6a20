//! Bodies read, rendered, and read again.

use super::super::numbers::{Numbering, People};
use super::*;
use serde_json::json;
use uuid::Uuid;
use zhupi_engine::condition::{Compare, Condition, Group, SetOp, Subject, Test};
use zhupi_engine::template::{Approvers, Block, Branch, ChainEnd, EmptyRule, Line, Mode, PersonRule, When};

const SEED: &str = include_str!("../../../../tests/it/wps_template.json");

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn department(number: u128) -> DepartmentId {
    DepartmentId(Uuid::from_u128(1_000_000 + number))
}

fn people() -> People {
    let mut people = People::default();
    for number in [7, 8, 9, 1028, 1029, 1233] {
        people.add_user(i64::try_from(number).unwrap(), user(number));
    }
    people.add_department(30, department(30));
    people
}

fn read(body: &Json) -> Result<Template, Vec<Problem>> {
    read_template(body, &people(), &Settings::default())
}

fn body(content: Json, flow: Json) -> Json {
    json!({"name": "t", "content": content, "flow_data": flow})
}

fn problems(body: &Json) -> Vec<String> {
    read(body).unwrap_err().into_iter().map(|problem| format!("{} {}", problem.path, problem.code)).collect()
}

fn branch(template: &Template, at: usize) -> &Branch {
    match &template.flow[at] {
        Block::Branch(branch) => branch,
        other => panic!("not a branch: {other:?}"),
    }
}

/// One line whose condition node says `conditions`, on node 1, over these controls.
fn conditioned(content: Json, conditions: Json) -> Json {
    let line = json!({"line_id": 5, "priority": 1, "flows": [
        {"id": 6, "node_type": 5, "title": "条件", "conditions": conditions},
    ]});
    body(content, json!([{"id": 1, "node_type": 1, "title": "审批", "members": [7], "lines": [line]}]))
}

fn groups(body: &Json) -> Vec<Group> {
    match &branch(&read(body).unwrap(), 1).lanes[0].when {
        When::AnyOf(groups) => groups.clone(),
        When::Default => panic!("no conditions"),
    }
}

#[test]
fn the_documented_sample_becomes_an_approval_and_a_branch_that_goes_on_either_way() {
    let sample: Json = serde_json::from_str(SEED).unwrap();
    let template = read(&sample).unwrap();
    assert_eq!(template.name, "dev-test测试1");
    assert!(template.settings.visible_to.is_everybody());
    assert_eq!(template.settings.managers, [user(1028)]);
    let found: Vec<String> = zhupi_engine::check_template(&template).into_iter().map(|it| it.code).collect();
    assert_eq!(found, ["scope_empty"]);
    let Block::Approval(approval) = &template.flow[0] else { panic!() };
    let pick = PersonRule::InitiatorPick { many: false, among: Scope::default() };
    assert_eq!(approval.approvers, Approvers::People(vec![pick]));
    assert_eq!((approval.mode, &approval.empty), (Mode::InTurn, &EmptyRule::TemplateAdmin));
    let lanes = &branch(&template, 1).lanes;
    let everybody =
        Condition { subject: Subject::Initiator, test: Test::Belongs { scope: Scope::default() } };
    assert_eq!(lanes[0].when, When::AnyOf(vec![Group { conditions: vec![everybody] }]));
    assert_eq!((lanes.len(), &lanes[1].when), (2, &When::Default));
}

const NESTED: &str = r#"{
  "name": "t",
  "content": [
    {"id": 0, "type": 6, "title": "类型", "options": [{"command": 1, "txt": "甲"}, {"command": 2, "txt": "乙"}],
     "dateplace": "日期", "future": {"x": 1}},
    {"id": 1, "type": 11, "title": "金额", "required": true}
  ],
  "flow_data": [
    {"id": 1, "node_type": 1, "title": "会签", "user_type": 0, "rule": 1, "members": [7], "approvers": [8, 7],
     "unknown": [1, null], "source": 1, "lines": [
      {"line_id": 1, "priority": 2, "colour": "red", "flows": []},
      {"line_id": 2, "priority": 1, "flows": [
        {"id": 11, "node_type": 5, "title": "大额", "extra_field": 3, "conditions": [
          [{"id": 1, "type": 11, "rule": "gte", "value": "1000"}],
          [{"id": 0, "type": 6, "rule": 1, "value": [2]}]
        ], "lines": [
          {"line_id": 3, "priority": 1, "flows": [
            {"id": 12, "node_type": 5, "title": "内", "conditions": [
              [{"id": -1, "type": 13, "rule": 2, "value": {"depts": [30], "users": [9]}}]
            ]},
            {"id": 13, "node_type": 1, "title": "上级", "user_type": 4, "level": 0}
          ]}
        ]},
        {"id": 14, "node_type": 2, "title": "抄送", "user_type": 4, "level": 3, "add_more_copyers": 1}
      ]}
    ]},
    {"id": 2, "node_type": 1, "title": "本人", "user_type": 2, "all_user_dismiss": 2},
    {"id": 3, "node_type": 1, "title": "主管", "user_type": 5, "level": 9, "rule": 2}
  ]
}"#;

#[test]
fn what_is_rendered_reads_as_the_same_template() {
    let sample: Json = serde_json::from_str(SEED).unwrap();
    let bodies = [sample, serde_json::from_str(NESTED).unwrap()];
    for body in bodies {
        let template = read(&body).unwrap();
        let rendered = render_template(&template, &Numbering::of(&template), &people());
        let again = read(&rendered).unwrap_or_else(|problems| panic!("{problems:?}\n{rendered:#}"));
        // Members that were absent and are now written with their default are the only difference allowed.
        assert_eq!(strip(&again), strip(&template), "{rendered:#}");
        assert_eq!(render_template(&again, &Numbering::of(&again), &people()), rendered);
    }
}

/// Without what only this surface keeps.
fn strip(template: &Template) -> Json {
    fn clean(json: &mut Json) {
        match json {
            Json::Object(map) => {
                map.remove("wps");
                map.values_mut().for_each(clean);
            }
            Json::Array(list) => list.iter_mut().for_each(clean),
            _ => {}
        }
    }
    let mut json = serde_json::to_value(template).unwrap();
    clean(&mut json);
    if let Some(fields) = json["form"].as_array_mut() {
        fields.iter_mut().filter_map(Json::as_object_mut).for_each(|field| {
            field.remove("extra");
        });
    }
    json
}

#[test]
fn unknown_members_survive_rendering() {
    let mut sample: Json = serde_json::from_str(SEED).unwrap();
    sample["future"] = json!({"a": [1, 2]});
    sample["content"][0]["odd"] = json!("x");
    sample["flow_data"][0]["odd"] = json!(1.5);
    sample["flow_data"][0]["lines"][0]["odd"] = json!(null);
    sample["flow_data"][0]["lines"][0]["flows"][0]["odd"] = json!(true);
    sample["flow_data"][0]["lines"][0]["flows"][0]["conditions"][0][0]["odd"] = json!("y");
    let template = read(&sample).unwrap();
    let rendered = render_template(&template, &Numbering::of(&template), &people());
    for pointer in [
        "/future",
        "/content/0",
        "/group_id",
        "/flow_data/0/odd",
        "/flow_data/0/lines/0/odd",
        "/flow_data/0/lines/0/flows/0/odd",
        "/flow_data/0/lines/0/flows/0/conditions",
    ] {
        assert_eq!(rendered.pointer(pointer), sample.pointer(pointer), "{pointer}");
    }
}

#[test]
fn conditions_come_as_lists_or_as_a_map_in_either_casing() {
    let amount = json!([{"id": 0, "type": 10, "title": "数"}]);
    let expected = vec![Group {
        conditions: vec![Condition {
            subject: Subject::Field("0".into()),
            test: Test::Number { op: Compare::GreaterOrEqual, value: 10.into(), currency: None },
        }],
    }];
    for conditions in [
        json!([[{"id": 0, "type": 10, "rule": 10, "value": 10}]]),
        json!([[{"ID": "0", "Type": 10, "Rule": "gte", "Value": "10", "Title": "数"}]]),
        json!({"1": {"id": 0, "Type": 10, "Rule": 10, "Title": "数", "Value": "10"}}),
        json!({"1": [{"id": 0, "type": 10, "rule": 10, "value": {"value": 10}}]}),
    ] {
        assert_eq!(groups(&conditioned(amount.clone(), conditions.clone())), expected, "{conditions}");
    }
}

#[test]
fn a_map_on_the_node_itself_names_its_lines() {
    let conditions =
        json!({"5": {"id": -1, "Type": 13, "Rule": 1, "Title": "t", "Value": {"depts": [30], "users": []}}});
    let lines = json!([
        {"line_id": 5, "priority": 1, "flows": [{"id": 7, "node_type": 1, "title": "a", "members": [8]}]},
        {"line_id": 6, "priority": 2, "flows": []},
    ]);
    let node = json!({"id": 1, "node_type": 1, "title": "a", "members": [7], "conditions": conditions, "lines": lines});
    let template = read(&body(json!([]), json!([node.clone()]))).unwrap();
    let lanes = &branch(&template, 1).lanes;
    let scope = Scope { departments: vec![department(30)], ..Scope::default() };
    let condition = Condition { subject: Subject::Initiator, test: Test::Belongs { scope } };
    assert_eq!(lanes[0].when, When::AnyOf(vec![Group { conditions: vec![condition] }]));
    assert_eq!((lanes.len(), &lanes[1].when), (2, &When::Default));
    let mut wrong = node;
    wrong["conditions"] = json!({"9": {"id": -1, "type": 13, "rule": 1, "value": {}}});
    assert_eq!(
        problems(&body(json!([]), json!([wrong]))),
        ["flow_data[0].conditions line_unknown", "flow_data[0].lines several_defaults"]
    );
}

#[test]
fn rules_mean_what_their_control_makes_of_them() {
    let options = json!([{"command": 1, "txt": "甲"}, {"command": 2, "txt": "乙"}]);
    let content = json!([
        {"id": 0, "type": 1, "title": "t"},
        {"id": 1, "type": 6, "title": "s", "options": options},
        {"id": 2, "type": 9, "title": "m", "options": options},
        {"id": 3, "type": 5, "title": "d"},
        {"id": 4, "type": 8, "title": "c"},
    ]);
    let test = |id: i64, rule: &str, value: Json| {
        let found =
            groups(&conditioned(content.clone(), json!([[{"id": id, "rule": rule, "value": value}]])));
        serde_json::to_value(found[0].conditions.iter().map(|it| &it.test).collect::<Vec<_>>()).unwrap()
    };
    assert_eq!(test(1, "belongs", json!([1, 2])), json!([{"in": {"options": ["1", "2"]}}]));
    assert_eq!(test(1, "equal", json!("乙")), json!([{"in": {"options": ["2"]}}]));
    assert_eq!(test(1, "not_belongs", json!(1)), json!([{"not_in": {"options": ["1"]}}]));
    let set = |op: SetOp| json!([{"choices": {"op": op, "options": ["1"]}}]);
    assert_eq!(test(2, "contains_any", json!([1])), set(SetOp::ContainsAny));
    assert_eq!(test(2, "contains_all", json!(["1"])), set(SetOp::ContainsAll));
    assert_eq!(test(2, "contains_eq", json!([{"command": 1}])), set(SetOp::Equals));
    assert_eq!(
        test(3, "lt", json!("2026-01-31 10:00")),
        json!([{"date": {"op": "<", "value": "2026-01-31"}}])
    );
    assert_eq!(test(0, "contains_all", json!(["a", "b"])).as_array().unwrap().len(), 2);
    assert_eq!(
        test(4, "contains_any", json!([7])),
        json!([{"people": {"op": "contains_any", "users": [user(7)]}}])
    );
    for (id, rule, value) in
        [(0, "gt", json!("a")), (1, "contains_all", json!([1, 2])), (3, "lt", json!("x"))]
    {
        let conditions = json!([[{"id": id, "rule": rule, "value": value}]]);
        assert_eq!(
            problems(&conditioned(content.clone(), conditions)),
            ["flow_data[0].lines[0].flows[0].conditions[0][0] condition_unsupported"]
        );
    }
}

#[test]
fn levels_are_kept_as_they_came() {
    for (user_type, line) in [(4, Line::Supervisors), (6, Line::DepartmentHeads)] {
        let node = json!({"id": 1, "node_type": 1, "title": "a", "user_type": user_type, "level": 0});
        let template = read(&body(json!([]), json!([node]))).unwrap();
        let Block::Approval(approval) = &template.flow[0] else { panic!() };
        let Approvers::Chain(chain) = &approval.approvers else { panic!() };
        assert_eq!((chain.line, &chain.end), (line, &ChainEnd::Levels(0)));
    }
}

#[test]
fn everything_wrong_is_named_with_its_place() {
    let content = json!([{"id": 0, "type": 13, "title": "x"}, {"id": 1, "type": 1, "title": 5}]);
    let flow = json!([
        {"id": 1, "node_type": 3, "title": "x"},
        {"id": 2, "node_type": 1, "title": "x", "user_type": 8},
        {"id": 3, "node_type": 1, "title": "x", "members": [4711, "x"]},
        {"id": 4, "node_type": 1, "title": "x", "user_type": 3, "level": 10},
        {"id": 5, "node_type": 1, "title": "x", "members": [7], "rule": 3, "all_user_dismiss": 9},
        {"id": 6, "node_type": 5, "title": "x"},
        {"node_type": 1, "members": [7]},
    ]);
    assert_eq!(
        problems(&json!({"content": content, "flow_data": flow, "managers": [{"corpid": 1, "userid": 5}]})),
        [
            "content[0].type control_unknown",
            "content[1].title wrong_type",
            "flow_data[0].node_type node_type_unknown",
            "flow_data[1].user_type user_type_unknown",
            "flow_data[2].members[1] wrong_type",
            "flow_data[2].members[0] user_unknown",
            "flow_data[3].level level_out_of_range",
            "flow_data[4].rule rule_unknown",
            "flow_data[4].all_user_dismiss all_user_dismiss_unknown",
            "flow_data[5].node_type condition_misplaced",
            "flow_data[6].id required",
            "managers[0].userid user_unknown",
            "name required",
        ]
    );
    assert_eq!(problems(&json!([])), [" wrong_type"]);
}

#[test]
fn everybody_mentioned_is_found_before_reading() {
    let sample: Json = serde_json::from_str(SEED).unwrap();
    assert_eq!(mentioned(&sample).users, [1028, 1029].into());
    let start = json!({"current_approver": 7, "dept_id": 30, "content": [{"text": "8,9"}], "flow_data": [{"members": [1028]}]});
    let found = mentioned(&start);
    assert_eq!((found.users, found.departments), ([7, 8, 9, 1028].into(), [8, 9, 30].into()));
    let rows = mentioned(&json!({"content": [{"text": "[{\"who\": 7}]"}, {"text": [{"who": 8}]}]}));
    assert_eq!(rows.users, [7, 8].into());
}

#[test]
fn a_start_names_values_by_title_and_people_by_node() {
    let sample: Json = serde_json::from_str(SEED).unwrap();
    let template = read(&sample).unwrap();
    let today = jiff::civil::date(2026, 3, 2);
    let start = |body: Json| start_submission(&body, &template, &Numbering::of(&template), &people(), today);
    let content = json!([{"type": 1, "title": "单行文本", "text": "你好", "not_print": false}]);
    let body = json!({"template_code": "x", "name": "请假", "current_approver": 1028, "content": content, "flow_data": []});
    let submit = start(body.clone()).unwrap();
    assert_eq!(submit.title, "请假");
    assert_eq!(serde_json::to_value(&submit.form).unwrap(), json!({"0": {"text": "你好"}}));
    assert_eq!(submit.picks, [("2".into(), vec![user(1028)])].into());
    let mut by_node = body.clone();
    by_node["flow_data"] = json!([{"id": 2, "node_type": 1, "approvers": [1029], "lines": [
        {"line_id": 5, "flows": [{"id": 6, "node_type": 5}]},
    ]}]);
    assert_eq!(start(by_node).unwrap().picks, [("2".into(), vec![user(1029)])].into());
    let mut wrong = body;
    wrong["content"][0]["title"] = json!("别的");
    wrong["flow_data"] = json!([{"id": 99, "node_type": 1}]);
    let found = start(wrong).unwrap_err();
    let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["flow_data[0].id", "content[0].title"]);
}

/// Each kind has a number, and a control that is rendered is read as what it was.
#[test]
fn every_control_is_rendered_and_read_again() {
    let kinds = (1..=106).filter_map(control_kind);
    let column = |kind| Field { required: true, ..Field::new("7", "列", kind) };
    let fields = kinds.zip(0..).map(|(kind, number)| Field {
        columns: if kind == FieldKind::Table { vec![column(FieldKind::Number)] } else { vec![] },
        best: (kind == FieldKind::Rating).then_some(10),
        duration_unit: (kind == FieldKind::DateRange).then_some(DurationUnit::Hours),
        ..Field::new(number.to_string().as_str(), "控件", kind)
    });
    let form = Form { fields: fields.collect() };
    assert_eq!(form.fields.len(), 19);
    let template = Template { name: "t".into(), form, flow: vec![], settings: Settings::default() };
    let mut content = render_template(&template, &Numbering::of(&template), &people());
    content["flow_data"] =
        json!([{"id": 50, "node_type": 1, "title": "审批", "user_type": 0, "members": [7]}]);
    let mut again = read(&content).unwrap().form;
    for field in again.fields.iter_mut().flat_map(|field| {
        std::iter::once(&mut field.other).chain(field.columns.iter_mut().map(|it| &mut it.other))
    }) {
        field.clear();
    }
    assert_eq!(again, template.form);
}

/// Read back without its rule it would be another control.
#[test]
fn a_control_with_rules_of_our_own_is_not_read_again() {
    let ruled = Field { formula: Some("1".into()), ..Field::new("1", "数", FieldKind::Number) };
    let template = Template {
        name: "t".into(),
        form: Form { fields: vec![ruled] },
        flow: vec![],
        settings: Settings::default(),
    };
    let body = render_template(&template, &Numbering::of(&template), &people());
    assert_eq!(problems(&body)[0], "content[0].type control_unknown");
}

#[test]
fn values_of_every_kind_are_read_at_a_start() {
    let content = json!([
        {"id": 1, "type": 14, "title": "期间"}, {"id": 2, "type": 101, "title": "部门"},
        {"id": 3, "type": 103, "title": "地址"}, {"id": 4, "type": 104, "title": "电话"},
        {"id": 5, "type": 105, "title": "评分"},
        {"id": 6, "type": 102, "title": "明细", "columns": [
            {"id": 1, "type": 1, "title": "品名"}, {"id": 2, "type": 10, "title": "数量"}, {"id": 3, "type": 8, "title": "谁"}]},
    ]);
    let flow = json!([{"id": 1, "node_type": 1, "title": "审批", "user_type": 0, "members": [7]}]);
    let template = read(&body(content, flow)).unwrap();
    let values = json!({"template_code": "x", "content": [
        {"id": 1, "text": "2026-01-05 ~ 2026-01-06"}, {"id": 2, "text": "30"}, {"id": 3, "text": "人民路 1 号"},
        {"id": 4, "text": "+86 138 0013 8000"}, {"id": 5, "text": 4},
        {"id": 6, "text": "[{\"品名\": \"纸\", \"2\": 3, \"谁\": 8}]"},
    ]});
    let today = jiff::civil::date(2026, 3, 2);
    let submit = start_submission(&values, &template, &Numbering::of(&template), &people(), today).unwrap();
    let plain = Json::Object(zhupi_engine::form::to_plain(&submit.form));
    assert_eq!(plain["2"], json!([department(30)]));
    assert_eq!(plain["3"]["detail"], "人民路 1 号");
    assert_eq!(plain["6"][0]["1"], "纸");
    assert_eq!(plain["6"][0]["3"], json!([user(8)]));
    assert_eq!(plain.as_object().unwrap().len(), 6, "{plain}");
}
