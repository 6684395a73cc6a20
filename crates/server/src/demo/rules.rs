//! Templates beyond a straight line: branches at the same time, votes, pools, rows decided one by one, a way back, and
//! duties that have to be in different hands.

use super::company::Company;
use super::templates::{approval, at_least, by, choice, head, named, required, role, template};
use crate::error::Error;
use zhupi_engine::condition::{Condition, DurationUnit, Group, Scope, Subject, Test};
use zhupi_engine::event::Decision;
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKey, FieldKind};
use zhupi_engine::template::{
    Abstain, Approval, Assign, Auto, Ballot, Block, Branch, Deadline, Due, Each, Lane, LaneReject, Limit,
    MaxRounds, Mode, Parallel, PersonRule, Reset, RevokeRule, Route, Separation, SerialRule, Take, Tells,
    Template, Threshold, TimeoutAction, TimeoutWhat, TooManyRounds, Vote, When,
};

/// The choice of the service desk's initiator that sends his request back to those who carry it out.
const NOT_SOLVED: &str = "2";

/// 立项: three offices at the same time, a weighted vote with a veto, a formula, its own number and title.
pub fn project(company: &Company) -> Result<Template, Error> {
    let amount = Field { formula: Some("price * number".to_owned()), ..money("amount", "小计") };
    let columns = vec![
        required(Field::new("item", "项目", FieldKind::Text)),
        required(money("price", "单价")),
        required(Field::new("number", "数量", FieldKind::Number)),
        amount,
    ];
    let total =
        Field { formula: Some("round(sum(costs.amount), 2)".to_owned()), ..money("total", "总投入") };
    let risks = Field {
        show_if: Some("total > 100000".to_owned()),
        required_if: Some("total > 100000".to_owned()),
        ..Field::new("risks", "风险与应对", FieldKind::TextArea)
    };
    let form = vec![
        required(Field::new("name", "项目名称", FieldKind::Text)),
        required(Field::new("period", "起止时间", FieldKind::DateRange)),
        required(Field { columns, ..Field::new("costs", "投入明细", FieldKind::Table) }),
        Field { material: true, ..total },
        risks,
    ];
    let lanes = vec![
        lane(
            "technology",
            "技术",
            vec![approval("architects", "技术评估", named(company, &["lu.zhiyuan"])?)],
        ),
        lane("money", "财务", vec![approval("controller", "财务评估", named(company, &["cao.min"])?)]),
        lane("law", "法务", vec![approval("lawyers", "法务评估", role(company, "法务专员")?)]),
    ];
    let offices = Block::Parallel(Parallel {
        id: "offices".into(),
        title: "同时评估".to_owned(),
        take: Take::All,
        on_reject: LaneReject::EndInstance,
        lanes,
        other: Default::default(),
    });
    let members = ["lu.zhiyuan", "zhao.heng", "cao.min", "wei.zheng", "jian.ning"];
    let vote = Vote { abstain: Abstain::KeepsBase, ..Vote::at(Threshold::Percent(6_000)) };
    let board = Approval {
        mode: Mode::Vote(vote),
        ballots: vec![
            ballot(company, &["lu.zhiyuan", "zhao.heng"], 2, false)?,
            ballot(company, &["wei.zheng"], 1, true)?,
        ],
        always_ask: true,
        deadline: two_days(),
        tells: Tells {
            rejected: vec![PersonRule::DepartmentHead(zhupi_engine::template::Level::nth(1))],
            ..Tells::default()
        },
        ..Approval::new("board", "立项委员会表决", named(company, &members)?)
    };
    let flow = vec![offices, Block::Approval(board), approval("boss", "总经理", role(company, "总经理")?)];
    let mut template = template(company, "立项", form, flow)?;
    template.settings.title_rule = Some("{serial} {field:name}".to_owned());
    template.settings.serial =
        Some(SerialRule { pattern: "LX-{yyyy}-{seq:3}".to_owned(), reset: Reset::Yearly });
    template.settings.revoke = RevokeRule::Consent { days: 7 };
    template.settings.max_rounds = Some(MaxRounds { returns: 3, then: TooManyRounds::Reject });
    Ok(template)
}

/// 验收: each recipient accepts or refuses his own rows, and nobody who decided on the purchase pays for it.
pub fn acceptance(company: &Company) -> Result<Template, Error> {
    let columns = vec![
        required(Field::new("goods", "物品", FieldKind::Text)),
        required(Field::new("owner", "使用人", FieldKind::Contact)),
        required(money("sum", "金额")),
    ];
    let total = Field { formula: Some("sum(items.sum)".to_owned()), ..money("total", "应付合计") };
    let form = vec![
        required(Field::new("purchase", "采购单", FieldKind::LinkedInstance)),
        required(Field { columns, ..Field::new("items", "到货明细", FieldKind::Table) }),
        total,
    ];
    let owner = by(PersonRule::Item { column: Some("owner".into()) });
    let owners = Block::Each(Each {
        id: "owners".into(),
        title: "逐人验收".to_owned(),
        list: "items".into(),
        group_by: Some("owner".into()),
        on_reject: LaneReject::DropRows,
        blocks: vec![approval("owner", "使用人验收", owner)],
        other: Default::default(),
    });
    let flow = vec![owners, approval("paid", "会计复核", role(company, "会计")?)];
    let mut template = template(company, "验收", form, flow)?;
    template.settings.separation =
        vec![Separation::Linked { field: "purchase".into(), nodes: vec!["paid".into()] }];
    Ok(template)
}

/// 服务: whoever claims it carries it out, and it comes back to the desk until whoever asked says that it is solved.
pub fn service(company: &Company) -> Result<Template, Error> {
    let form = vec![
        required(Field::new("what", "问题描述", FieldKind::TextArea)),
        Field::new("phone", "联系电话", FieldKind::Phone),
        choice("solved", "是否解决", &["已解决", "未解决"]),
        Field::new("mark", "满意度", FieldKind::Rating),
    ];
    let desk = Approval {
        handle: true,
        assign: Assign::Pool,
        ..Approval::new("desk", "信息技术支持", by(PersonRule::Group(company.group("信息技术支持")?)))
    };
    let answers = [("solved", Access::Require), ("mark", Access::Edit)];
    let asker = Approval {
        self_rule: Some(zhupi_engine::template::SelfRule::Approve),
        fields: FieldAccess(answers.map(|(key, access)| (FieldKey::from(key), access)).into()),
        ..Approval::new("asker", "申请人确认", by(PersonRule::Initiator))
    };
    let not_solved = Condition {
        subject: Subject::Field("solved".into()),
        test: Test::In { options: vec![NOT_SOLVED.into()] },
    };
    let back = Block::Route(Route {
        id: "again".into(),
        title: "未解决则重新处理".to_owned(),
        to: "desk".into(),
        when: vec![Group { conditions: vec![not_solved] }],
        other: Default::default(),
    });
    template(company, "服务请求", form, vec![Block::Approval(desk), Block::Approval(asker), back])
}

/// 加班: a short one passes by itself; a long one has a time limit, and goes up when it is over.
pub fn overtime(company: &Company) -> Result<Template, Error> {
    let period = Field {
        duration_unit: Some(DurationUnit::Hours),
        ..Field::new("period", "加班时间", FieldKind::DateRange)
    };
    let form = vec![required(period), required(Field::new("reason", "事由", FieldKind::TextArea))];
    let hours = Subject::Duration { field: "period".into(), unit: DurationUnit::Hours };
    let long = Condition { subject: hours, test: at_least(3) };
    let supervisor =
        Approval { deadline: two_days(), ..Approval::new("supervisor", "部门负责人", head(1)) };
    let clerk = Approval {
        assign: Assign::RoundRobin,
        ..Approval::new("clerk", "考勤登记", role(company, "人事专员")?)
    };
    let passes = Auto {
        id: "short".into(),
        title: "三小时以内自动通过".to_owned(),
        outcome: Decision::Approve,
        other: Default::default(),
    };
    let asked = Lane {
        priority: 1,
        when: When::AnyOf(vec![Group { conditions: vec![long] }]),
        ..lane("long", "三小时及以上", vec![Block::Approval(supervisor), Block::Approval(clerk)])
    };
    let branch = Branch {
        id: "length".into(),
        title: "时长".to_owned(),
        lanes: vec![asked, lane("brief", "三小时以内", vec![Block::Auto(passes)])],
        other: Default::default(),
    };
    template(company, "加班", form, vec![Block::Branch(branch)])
}

// ---- pieces ----

fn money(id: &str, title: &str) -> Field {
    Field::new(id, title, FieldKind::Money)
}

/// Of a fork whose lanes are all taken, or the default lane of a branch.
fn lane(id: &str, title: &str, blocks: Vec<Block>) -> Lane {
    Lane {
        id: id.into(),
        title: title.to_owned(),
        priority: 0,
        when: When::Default,
        blocks,
        other: Default::default(),
    }
}

fn ballot(company: &Company, logins: &[&str], weight: u32, veto: bool) -> Result<Ballot, Error> {
    let users: Result<Vec<_>, _> = logins.iter().map(|login| company.user(login)).collect();
    let who = Scope { users: users?, ..Scope::default() };
    Ok(Ballot { who, weight, veto, group: None })
}

/// Two working days: a reminder half way, and then the supervisor decides.
fn two_days() -> Deadline {
    let day = 8 * 60;
    let reminder = TimeoutWhat::Remind { times: 1, every: day, working: true, tell_supervisor: false };
    Deadline::Own(Limit {
        due: Due::Working(2 * day),
        actions: vec![
            TimeoutAction { after: -(day as i32), working: true, what: reminder },
            TimeoutAction { after: 0, working: true, what: TimeoutWhat::HandToSupervisor },
        ],
    })
}
