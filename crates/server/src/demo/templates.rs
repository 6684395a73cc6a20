//! Templates of everyday use, as an administrator would draw them.

use super::company::{Company, MANAGER};
use super::rules;
use crate::error::Error;
use zhupi_engine::condition::{Compare, Condition, DurationUnit, Figure, Group, Scope, Subject, Test};
use zhupi_engine::form::{Field, FieldKind, FieldOption, Form};
use zhupi_engine::template::{
    Approval, Approvers, Block, Branch, Cc, Chain, ChainEnd, Demand, EmptyRule, Heads, Lane, Level, Line,
    Mode, Order, PersonRule, Settings, Start, Template, When,
};

/// The template whose completion another system is told of, and the handler it names there.
pub const CALLBACK_CODE: &str = "payment";
const CALLBACK_CLASS: &str = "com.yunshan.erp.PaymentApprovedHandler";

/// The template that the documented sample of the WPS surface replaces.
const WPS_CODE: &str = "YWEAMK0DkP1vV0Napq74QJzXLx";

/// A template with its code and the heading it is listed under.
pub struct Drawn {
    pub code: &'static str,
    pub category: &'static str,
    pub template: Template,
}

pub fn all(company: &Company) -> Result<Vec<Drawn>, Error> {
    let drawn = |code, category, template| Drawn { code, category, template };
    Ok(vec![
        drawn("leave", "人事", leave(company)?),
        drawn("expense", "财务", expense(company)?),
        drawn("purchase", "采购", purchase(company)?),
        drawn("seal-use", "行政", seal_use(company)?),
        drawn("travel", "行政", travel(company)?),
        drawn(CALLBACK_CODE, "财务", payment(company)?),
        drawn("contract", "法务", contract(company)?),
        drawn("onboarding", "人事", onboarding(company)?),
        drawn("project", "项目", rules::project(company)?),
        drawn("acceptance", "采购", rules::acceptance(company)?),
        drawn("service", "行政", rules::service(company)?),
        drawn("overtime", "人事", rules::overtime(company)?),
        drawn(WPS_CODE, "示例", sample(company)?),
    ])
}

fn leave(company: &Company) -> Result<Template, Error> {
    let days = Subject::Duration { field: "period".into(), unit: DurationUnit::Days };
    let long = Condition { subject: days, test: at_least(4) };
    let form = vec![
        required(choice("type", "请假类型", &["年假", "病假", "事假", "婚假"])),
        required(Field::new("period", "请假时间", FieldKind::DateRange)),
        required(Field::new("reason", "请假事由", FieldKind::TextArea)),
        Field::new("proof", "证明材料", FieldKind::Image),
    ];
    let flow = vec![
        approval("head", "部门负责人", head(1)),
        branch("length", ("天数", "三天以上"), long, vec![approval("upper", "上级部门负责人", head(2))]),
        approval("hr", "人事备案", role(company, "人事专员")?),
    ];
    template(company, "请假", form, flow)
}

fn expense(company: &Company) -> Result<Template, Error> {
    let columns = vec![
        required(choice("kind", "费用类别", &["交通", "住宿", "餐饮", "办公", "其他"])),
        required(Field::new("sum", "金额", FieldKind::Money)),
        Field::new("note", "说明", FieldKind::Text),
    ];
    let form = vec![
        required(Field::new("subject", "报销事由", FieldKind::Text)),
        required(Field { columns, ..Field::new("items", "费用明细", FieldKind::Table) }),
        required(Field::new("total", "合计金额", FieldKind::Money)),
        Field::new("invoices", "发票", FieldKind::File),
    ];
    let chain = Chain {
        line: Line::DepartmentHeads,
        end: ChainEnd::Limit("total".into()),
        start: Start::Initiator,
        order: Order::BottomUp,
        heads: Heads::Any,
    };
    let limit = Block::Approval(Approval::new("heads", "逐级审批至权限", Approvers::Chain(chain)));
    let total = Subject::Rows { table: "items".into(), column: "sum".into(), figure: Figure::Sum };
    let large = Condition { subject: total, test: at_least(10_000) };
    let flow = vec![
        limit,
        branch(
            "size",
            ("金额", "一万元以上"),
            large,
            vec![approval("finance", "财务负责人", named(company, &["cao.min"])?)],
        ),
        approval("accountant", "会计审核", role(company, "会计")?),
        approval("cashier", "出纳付款", role(company, "出纳")?),
    ];
    template(company, "报销", form, flow)
}

fn purchase(company: &Company) -> Result<Template, Error> {
    let large = Condition { subject: Subject::Field("budget".into()), test: at_least(50_000) };
    let form = vec![
        required(Field::new("goods", "采购内容", FieldKind::Text)),
        required(Field::new("budget", "预算金额", FieldKind::Money)),
        required(Field::new("needed", "需要日期", FieldKind::Date)),
        Field::new("supplier", "建议供应商", FieldKind::Text),
        Field::new("quotes", "报价单", FieldKind::File),
    ];
    let flow = vec![
        approval("head", "部门负责人", head(1)),
        branch(
            "size",
            ("预算", "五万元以上"),
            large,
            vec![approval("boss", "总经理", role(company, "总经理")?)],
        ),
        Block::Approval(Approval {
            mode: Mode::InTurn,
            ..Approval::new("buyers", "采购办理", role(company, "采购专员")?)
        }),
        cc("told", "抄送财务", PersonRule::Role(company.role("会计")?)),
    ];
    template(company, "采购", form, flow)
}

fn seal_use(company: &Company) -> Result<Template, Error> {
    let form = vec![
        required(choice("seal", "印章", &["公章", "合同专用章", "财务专用章", "法定代表人名章"])),
        required(Field::new("document", "用章文件名称", FieldKind::Text)),
        required(Field::new("copies", "份数", FieldKind::Number)),
        Field::new("files", "文件", FieldKind::File),
    ];
    let legal = Approval {
        opinion: Demand::OnReject,
        ..Approval::new("legal", "法务审核", role(company, "法务专员")?)
    };
    let keeper = Approval {
        control: true,
        always_ask: true,
        ..Approval::new("keeper", "印章管理员", role(company, "印章管理员")?)
    };
    let flow = vec![approval("head", "部门负责人", head(1)), Block::Approval(legal), Block::Approval(keeper)];
    template(company, "用章", form, flow)
}

fn travel(company: &Company) -> Result<Template, Error> {
    let form = vec![
        required(Field::new("where", "目的地", FieldKind::Text)),
        required(Field::new("period", "出差时间", FieldKind::DateRange)),
        required(Field::new("budget", "预计费用", FieldKind::Money)),
        Field::new("companions", "同行人", FieldKind::Contact),
    ];
    let supervisor = by(PersonRule::Supervisor(Level::nth(1)));
    let flow = vec![
        approval("supervisor", "直接上级", supervisor),
        cc("told", "通知行政订票", PersonRule::Group(company.group("行政通知")?)),
    ];
    template(company, "出差", form, flow)
}

fn payment(company: &Company) -> Result<Template, Error> {
    let form = vec![
        required(Field::new("payee", "收款单位", FieldKind::Text)),
        required(Field::new("amount", "付款金额", FieldKind::Money)),
        required(Field::new("due", "最晚付款日", FieldKind::Date)),
        Field::new("contract", "合同编号", FieldKind::Text),
    ];
    let chain = Chain {
        line: Line::DepartmentHeads,
        end: ChainEnd::Levels(2),
        start: Start::Initiator,
        order: Order::BottomUp,
        heads: Heads::Any,
    };
    let finance = named(company, &["dong.ze", "zou.ping"])?;
    let flow = vec![
        Block::Approval(Approval::new("heads", "两级部门负责人", Approvers::Chain(chain))),
        Block::Approval(Approval {
            mode: Mode::InTurn, ..Approval::new("finance", "会计与出纳", finance)
        }),
    ];
    let mut template = template(company, "付款", form, flow)?;
    template.settings.completion_callback = Some(CALLBACK_CLASS.to_owned());
    Ok(template)
}

fn contract(company: &Company) -> Result<Template, Error> {
    let form = vec![
        required(Field::new("title", "合同名称", FieldKind::Text)),
        Field::new("party", "对方单位", FieldKind::Text),
        Field::new("amount", "合同金额", FieldKind::Money),
        Field::new("files", "合同文本", FieldKind::File),
    ];
    let large = Condition { subject: Subject::Field("amount".into()), test: at_least(100_000) };
    let both = Approval {
        mode: Mode::Countersign { reject: Default::default() },
        ..Approval::new("legal", "法务会签", role(company, "法务专员")?)
    };
    let flow = vec![
        Block::Approval(both),
        branch(
            "size",
            ("金额", "十万元以上"),
            large,
            vec![approval("boss", "总经理", role(company, "总经理")?)],
        ),
    ];
    let mut template = template(company, "合同", form, flow)?;
    template.settings.allow_add_cc = true;
    Ok(template)
}

fn onboarding(company: &Company) -> Result<Template, Error> {
    let form = vec![
        required(Field::new("name", "姓名", FieldKind::Text)),
        required(Field::new("department", "入职部门", FieldKind::Department)),
        required(Field::new("date", "入职日期", FieldKind::Date)),
        required(Field::new("mentor", "导师", FieldKind::Contact)),
    ];
    let start = Start::FormDepartment("department".into());
    let level = Level { start, ..Level::nth(1) };
    let support = Scope { groups: vec![company.group("信息技术支持")?], ..Scope::default() };
    let pick = PersonRule::InitiatorPick { many: false, among: support };
    let mentor = Approval {
        empty: EmptyRule::NextLevel,
        ..Approval::new("mentor", "导师确认", by(PersonRule::FormPerson("mentor".into())))
    };
    let flow = vec![
        approval("head", "用人部门负责人", by(PersonRule::DepartmentHead(level))),
        Block::Approval(mentor),
        approval("support", "信息技术准备", by(pick)),
    ];
    template(company, "入职", form, flow)
}

fn sample(company: &Company) -> Result<Template, Error> {
    let pick = PersonRule::InitiatorPick { many: true, among: Scope::default() };
    let flow = vec![approval("2", "审批", by(pick))];
    template(company, "dev-test", vec![Field::new("0", "单行文本", FieldKind::Text)], flow)
}

// ---- pieces ----

pub fn template(
    company: &Company,
    name: &str,
    fields: Vec<Field>,
    flow: Vec<Block>,
) -> Result<Template, Error> {
    let settings = Settings { managers: vec![company.user(MANAGER)?], ..Settings::default() };
    Ok(Template { name: name.to_owned(), form: Form { fields }, flow, settings })
}

pub fn required(field: Field) -> Field {
    Field { required: true, ..field }
}

/// Options are numbered from 1 in the order of their labels.
pub fn choice(id: &str, title: &str, labels: &[&str]) -> Field {
    let option = |(number, label): (usize, &&str)| FieldOption {
        id: (number + 1).to_string().into(),
        label: (*label).to_owned(),
    };
    Field {
        options: labels.iter().enumerate().map(option).collect(),
        ..Field::new(id, title, FieldKind::Select)
    }
}

pub fn approval(id: &str, title: &str, approvers: Approvers) -> Block {
    Block::Approval(Approval::new(id, title, approvers))
}

fn cc(id: &str, title: &str, rule: PersonRule) -> Block {
    Block::Cc(Cc {
        id: id.into(),
        title: title.to_owned(),
        people: vec![rule],
        allow_more: false,
        fields: Default::default(),
        other: Default::default(),
    })
}

/// Two lanes: one on a condition, and the default one, which goes straight on.
fn branch(id: &str, (title, lane_title): (&str, &str), condition: Condition, blocks: Vec<Block>) -> Block {
    let lane = |name: &str, title: &str, priority, when, blocks| Lane {
        id: format!("{id}-{name}").into(),
        title: title.to_owned(),
        priority,
        when,
        blocks,
        other: Default::default(),
    };
    let when = When::AnyOf(vec![Group { conditions: vec![condition] }]);
    let lanes = vec![
        lane("when", lane_title, 1, when, blocks),
        lane("else", "其他情况", 2, When::Default, Vec::new()),
    ];
    Block::Branch(Branch { id: id.into(), title: title.to_owned(), lanes, other: Default::default() })
}

pub fn at_least(number: i64) -> Test {
    Test::Number { op: Compare::GreaterOrEqual, value: number.into(), currency: None }
}

pub fn head(level: u8) -> Approvers {
    by(PersonRule::DepartmentHead(Level::nth(level)))
}

pub fn by(rule: PersonRule) -> Approvers {
    Approvers::People(vec![rule])
}

pub fn role(company: &Company, name: &str) -> Result<Approvers, Error> {
    Ok(by(PersonRule::Role(company.role(name)?)))
}

pub fn named(company: &Company, logins: &[&str]) -> Result<Approvers, Error> {
    let users: Result<Vec<_>, _> = logins.iter().map(|login| company.user(login)).collect();
    Ok(by(PersonRule::Members(users?)))
}
