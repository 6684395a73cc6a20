//! What people of the demo company have asked for lately, and how far it got.

use super::company::{Company, MANAGER};
use crate::app::Shared;
use crate::app::act::{Options, Submission};
use crate::error::Error;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use zhupi_engine::command::{AddSign, Handing, Opinion, Resubmit, Return, ReturnTo};
use zhupi_engine::event::AddKind;
use zhupi_engine::form::{Edit, Edits, Value, read_values};
use zhupi_engine::ids::{InstanceId, SlotId, TemplateId, TenantId, UserId};
use zhupi_engine::instance::{Instance, SlotState, Status};
use zhupi_engine::{Command, Submit};

/// A request: the template's code, who asks, the form (`@login` is a person, `#name` a department, `!code` the latest
/// approved request of a template), and what happened. The next person who is asked
/// - `a` approves, `r` rejects, `n` abstains, `b` sends it back to the initiator,
/// - `t` hands it to whoever runs the templates, `j` brings him in beside himself, `k` claims it from a pool,
/// - `y` approves and says that it is solved, `z` that it is not.
///
/// The initiator `c` says something, `s` sends on what was sent back, `w` withdraws.
type Story = (&'static str, &'static str, &'static str, &'static str);

const STORIES: &[Story] = &[
    (
        "leave",
        "luo.bin",
        r#"{"type":"1","period":{"start":"2026-08-03","end":"2026-08-05"},"reason":"回乡探亲"}"#,
        "aa",
    ),
    (
        "leave",
        "ye.fan",
        r#"{"type":"2","period":{"start":"2026-08-06","end":"2026-08-06"},"reason":"发烧就诊"}"#,
        "aa",
    ),
    (
        "expense",
        "yan.shu",
        r#"{"subject":"拜访南京客户","items":[{"kind":"1","sum":"436.50"},{"kind":"2","sum":"780"}],"total":"1216.50"}"#,
        "aaaa",
    ),
    (
        "expense",
        "su.mian",
        r#"{"subject":"展会物料","items":[{"kind":"4","sum":"12860.00","note":"展架与印刷"}],"total":"12860"}"#,
        "aaaaa",
    ),
    (
        "purchase",
        "tang.ye",
        r#"{"goods":"测试服务器两台","budget":"86000","needed":"2026-09-01","supplier":"远航科技"}"#,
        "aaaa",
    ),
    ("purchase", "cheng.yan", r#"{"goods":"品牌手册印刷","budget":"9800","needed":"2026-08-20"}"#, "aaa"),
    ("seal-use", "qin.chuan", r#"{"seal":"2","document":"华东区经销协议","copies":3}"#, "aaa"),
    ("seal-use", "bao.jin", r#"{"seal":"1","document":"展会参展确认函","copies":1}"#, "ar"),
    (
        "travel",
        "meng.fei",
        r#"{"where":"杭州","period":{"start":"2026-08-10","end":"2026-08-12"},"budget":"2600","companions":["@jin.yao"]}"#,
        "a",
    ),
    (
        "travel",
        "kang.le",
        r#"{"where":"天津","period":{"start":"2026-08-11","end":"2026-08-11"},"budget":"600"}"#,
        "a",
    ),
    ("contract", "bian.wei", r#"{"title":"卞氏物流框架合同","party":"卞氏物流","amount":"48000"}"#, "aa"),
    ("contract", "xia.zhi", r#"{"title":"华北云服务采购合同","party":"北辰数据","amount":"260000"}"#, "aaa"),
    (
        "onboarding",
        "hua.rong",
        r##"{"name":"季然","department":["#服务组"],"date":"2026-09-01","mentor":["@jiang.yi"]}"##,
        "aaa",
    ),
    (
        "leave",
        "mo.li",
        r#"{"type":"1","period":{"start":"2026-08-17","end":"2026-08-23"},"reason":"年假出行"}"#,
        "aaa",
    ),
    (
        "leave",
        "dai.ning",
        r#"{"type":"3","period":{"start":"2026-08-13","end":"2026-08-14"},"reason":"搬家"}"#,
        "r",
    ),
    (
        "expense",
        "tao.ji",
        r#"{"subject":"设计资源订阅","items":[{"kind":"5","sum":"1999.00"}],"total":"1999"}"#,
        "aar",
    ),
    (
        "expense",
        "lian.yi",
        r#"{"subject":"用户访谈礼品","items":[{"kind":"4","sum":"300"}],"total":"300"}"#,
        "w",
    ),
    ("purchase", "shi.an", r#"{"goods":"显示器一台","budget":"2399","needed":"2026-08-30"}"#, "r"),
    (
        "travel",
        "wan.qing",
        r#"{"where":"成都","period":{"start":"2026-08-18","end":"2026-08-21"},"budget":"5400"}"#,
        "cw",
    ),
    ("contract", "jin.yao", r#"{"title":"江南渠道代理合同","party":"江南商贸","amount":"99999.99"}"#, "ar"),
    (
        "payment",
        "liang.yu",
        r#"{"payee":"远航科技","amount":"86000","due":"2026-09-10","contract":"YS-2026-081"}"#,
        "r",
    ),
    ("payment", "yan.shu", r#"{"payee":"会展中心","amount":"15000","due":"2026-08-30"}"#, "aw"),
    (
        "leave",
        "jiang.yi",
        r#"{"type":"1","period":{"start":"2026-08-24","end":"2026-08-25"},"reason":"家庭聚会"}"#,
        "a",
    ),
    (
        "leave",
        "cen.yue",
        r#"{"type":"2","period":{"start":"2026-08-20","end":"2026-08-20"},"reason":"体检"}"#,
        "",
    ),
    (
        "leave",
        "pei.ran",
        r#"{"type":"4","period":{"start":"2026-09-01","end":"2026-09-10"},"reason":"婚假"}"#,
        "a",
    ),
    (
        "leave",
        "bai.he",
        r#"{"type":"1","period":{"start":"2026-08-27","end":"2026-08-28"},"reason":"孩子开学"}"#,
        "c",
    ),
    ("expense", "zhu.ying", r#"{"subject":"客户宴请","items":[{"kind":"3","sum":"860"}],"total":"860"}"#, ""),
    (
        "expense",
        "qiu.lan",
        r#"{"subject":"云资源代付","items":[{"kind":"5","sum":"24800"}],"total":"24800"}"#,
        "a",
    ),
    (
        "expense",
        "han.lu",
        r#"{"subject":"行业报告","items":[{"kind":"5","sum":"5200"}],"total":"5200"}"#,
        "aa",
    ),
    ("purchase", "fang.mu", r#"{"goods":"机房空调维保","budget":"52000","needed":"2026-09-15"}"#, "a"),
    ("purchase", "gong.xu", r#"{"goods":"访谈录音笔","budget":"1280","needed":"2026-09-02"}"#, "a"),
    ("purchase", "yu.tong", r#"{"goods":"年会舞台搭建","budget":"68000","needed":"2026-12-20"}"#, ""),
    ("seal-use", "nie.lan", r#"{"seal":"2","document":"法律顾问续聘协议","copies":2}"#, "a"),
    ("seal-use", "lei.ting", r#"{"seal":"1","document":"华北区授权书","copies":5}"#, "aa"),
    ("seal-use", "ou.yang", r#"{"seal":"4","document":"劳动合同一批","copies":12}"#, ""),
    (
        "travel",
        "song.ke",
        r#"{"where":"深圳","period":{"start":"2026-09-03","end":"2026-09-05"},"budget":"6200"}"#,
        "",
    ),
    (
        "travel",
        "lin.xiao",
        r#"{"where":"上海","period":{"start":"2026-09-08","end":"2026-09-09"},"budget":"1800"}"#,
        "c",
    ),
    ("payment", "bu.yi", r#"{"payee":"洁净物业","amount":"7200","due":"2026-09-05"}"#, "a"),
    ("payment", "dong.ze", r#"{"payee":"税务师事务所","amount":"30000","due":"2026-09-20"}"#, ""),
    ("payment", "shu.wen", r#"{"payee":"广告制作","amount":"18800","due":"2026-09-12"}"#, "aa"),
    ("contract", "ruan.qi", r#"{"title":"字体授权合同","party":"字里行间","amount":"36000"}"#, "a"),
    ("contract", "fu.sheng", r#"{"title":"知识产权代理合同","party":"明理事务所","amount":"150000"}"#, ""),
    (
        "onboarding",
        "ou.yang",
        r##"{"name":"温宁","department":["#华东组"],"date":"2026-09-15","mentor":["@meng.fei"]}"##,
        "a",
    ),
    (
        "onboarding",
        "mi.xue",
        r##"{"name":"叶知秋","department":["#设计组"],"date":"2026-10-08","mentor":["@ruan.qi"]}"##,
        "",
    ),
    (
        "project",
        "tang.ye",
        r#"{"name":"日志平台","period":{"start":"2026-09-01","end":"2026-12-31"},"costs":[{"item":"服务器","price":"21500","number":"4"},{"item":"实施","price":"1800.50","number":"12"}],"risks":"旧系统并行三个月"}"#,
        "aaaaaaa",
    ),
    (
        "project",
        "wen.ruo",
        r#"{"name":"品牌焕新","period":{"start":"2026-10-08","end":"2027-03-31"},"costs":[{"item":"设计","price":"68000","number":"1"}]}"#,
        "aaan",
    ),
    (
        "project",
        "pei.ran",
        r#"{"name":"设计语言","period":{"start":"2026-09-15","end":"2026-11-30"},"costs":[{"item":"外部顾问","price":"1200","number":"20"}]}"#,
        "ab",
    ),
    (
        "project",
        "song.ke",
        r#"{"name":"移动端重构","period":{"start":"2026-09-01","end":"2027-01-31"},"costs":[{"item":"测试机","price":"3999","number":"6"}]}"#,
        "absaa",
    ),
    (
        "acceptance",
        "ji.chen",
        r#"{"purchase":"!purchase","items":[{"goods":"品牌手册","owner":["@cheng.yan"],"sum":"6000"},{"goods":"品牌手册英文版","owner":["@yu.tong"],"sum":"3800"}]}"#,
        "ar",
    ),
    (
        "acceptance",
        "bu.yi",
        r#"{"purchase":"!purchase","items":[{"goods":"补印","owner":["@cheng.yan"],"sum":"1200"}]}"#,
        "",
    ),
    ("service", "han.lu", r#"{"what":"会议室投影没有信号","phone":"13800000000"}"#, "kazkay"),
    ("service", "mi.xue", r#"{"what":"新同事邮箱开通"}"#, "k"),
    ("service", "shu.wen", r#"{"what":"打印机卡纸"}"#, ""),
    (
        "overtime",
        "jiang.yi",
        r#"{"period":{"start":"2026-08-29T18:00","end":"2026-08-29T20:00"},"reason":"值守上线"}"#,
        "",
    ),
    (
        "overtime",
        "luo.bin",
        r#"{"period":{"start":"2026-08-29T18:00","end":"2026-08-29T23:30"},"reason":"数据迁移"}"#,
        "ta",
    ),
    (
        "overtime",
        "ye.fan",
        r#"{"period":{"start":"2026-08-30T09:00","end":"2026-08-30T18:00"},"reason":"客户演示"}"#,
        "j",
    ),
];

/// Time that passes before each step.
pub const PAUSE: SignedDuration = SignedDuration::from_mins(95);

/// How long all stories take: the demo's clock begins so much before now.
pub fn length() -> SignedDuration {
    let steps: usize = STORIES.iter().map(|(_, _, _, acts)| 1 + acts.len()).sum();
    PAUSE * i32::try_from(steps).unwrap_or(i32::MAX)
}

pub async fn tell(
    app: &Shared,
    tenant: TenantId,
    company: &Company,
    templates: &BTreeMap<&'static str, TemplateId>,
) -> Result<(), Error> {
    let mut teller = Teller { app, tenant, company, latest: BTreeMap::new() };
    for story in STORIES {
        let code = story.0;
        let template =
            templates.get(code).ok_or_else(|| Error::internal(format!("no demo template `{code}`")))?;
        let told = teller.tell(*template, story).await?;
        if told.status == Status::Approved {
            teller.latest.insert(code, told.id);
        }
    }
    Ok(())
}

/// Whoever tells the stories, with what he has told.
struct Teller<'a> {
    app: &'a Shared,
    tenant: TenantId,
    company: &'a Company,
    /// The latest approved request of each template, by its code.
    latest: BTreeMap<&'static str, InstanceId>,
}

impl Teller<'_> {
    async fn tell(&self, template: TemplateId, story: &Story) -> Result<Arc<Instance>, Error> {
        let (_, initiator, form, acts) = story;
        let initiator = self.company.user(initiator)?;
        let definition = self.app.template(self.tenant, template, 1).await?;
        let mut values: Json = serde_json::from_str(form).map_err(Error::internal)?;
        self.put_ids(&mut values)?;
        let none = serde_json::Map::new();
        let form =
            read_values(&definition.form, values.as_object().unwrap_or(&none)).map_err(Error::Invalid)?;
        let picks = match definition.block(&"support".into()) {
            Some(node) => BTreeMap::from([(node.id().clone(), vec![self.company.user("luo.bin")?])]),
            None => BTreeMap::new(),
        };
        self.app.clock.advance(PAUSE);
        let submission = Submission {
            template,
            submit: Submit { form, picks, ..Submit::default() },
            business_key: None,
            idempotency_key: None,
            instance: None,
            draft: None,
        };
        let mut instance = self.app.submit(self.tenant, initiator, submission).await?.instance;
        for act in acts.chars() {
            self.app.clock.advance(PAUSE);
            let (actor, command) = self.next(act, &instance)?;
            let done = self.app.act(self.tenant, actor, instance.id, command, Options::default()).await?;
            instance = done.instance;
        }
        Ok(instance)
    }

    /// What an act of a story is, and whose.
    fn next(&self, act: char, instance: &Instance) -> Result<(UserId, Command), Error> {
        let initiator = instance.initiator;
        let slots = instance.visits.iter().flat_map(|visit| &visit.slots);
        let offered = || slots.clone().find(|slot| slot.state == SlotState::Offered);
        let asked = match act {
            'k' => offered().map(|slot| (slot.id, slot.assignee)),
            _ => instance.pending().next().map(|(_, slot)| (slot.id, slot.assignee)),
        };
        let manager = self.company.user(MANAGER)?;
        match (act, asked) {
            ('c', _) => Ok((initiator, Command::comment("请尽快处理，谢谢"))),
            ('w', _) => Ok((initiator, Command::Withdraw { reason: "计划有变".to_owned() })),
            ('s', _) => Ok((
                initiator,
                Command::Resubmit(Resubmit { comment: "已补充".to_owned(), ..Resubmit::default() }),
            )),
            (_, Some((slot, actor))) => self.decision(act, slot, manager).map(|command| (actor, command)),
            (_, None) => {
                let title = &instance.title;
                Err(Error::internal(format!("a demo story goes on after its end: `{title}`")))
            }
        }
    }

    /// What whoever is asked does.
    fn decision(&self, act: char, slot: SlotId, manager: UserId) -> Result<Command, Error> {
        let words = |text: &str| Opinion::new(slot, text);
        let solved = |option: &str, text: &str| {
            let chosen = Edit::Set(Value::Choice(option.into()));
            Command::Approve(Opinion { edits: Edits([("solved".into(), chosen)].into()), ..words(text) })
        };
        match act {
            'a' => Ok(Command::Approve(words("同意"))),
            'r' => Ok(Command::Reject(words("材料不全，请补充后重新提交"))),
            'n' => Ok(Command::Abstain(words("与本部门无关"))),
            'b' => Ok(Command::Return(Return::new(words("请补充预算依据"), ReturnTo::Initiator))),
            't' => {
                Ok(Command::Transfer(Handing { slot, to: manager, comment: "请代为处理".to_owned() }))
            }
            'j' => Ok(Command::AddSign(AddSign {
                slot,
                people: vec![manager],
                kind: AddKind::After,
                mode: AddSign::all(),
                advisory: false,
                comment: "请一并确认".to_owned(),
            })),
            'k' => Ok(Command::Claim { slot }),
            'y' => Ok(solved("1", "已经好了，谢谢")),
            'z' => Ok(solved("2", "又坏了")),
            other => Err(Error::internal(format!("a demo story knows no act `{other}`"))),
        }
    }

    /// Replaces `@login`, `#department` and `!code` by ids.
    fn put_ids(&self, value: &mut Json) -> Result<(), Error> {
        match value {
            Json::String(text) => {
                let known = match text.split_at_checked(1) {
                    Some(("@", login)) => json!(self.company.user(login)?),
                    Some(("#", name)) => json!(self.company.department(name)?),
                    Some(("!", code)) => json!({ "id": self.latest.get(code) }),
                    _ => return Ok(()),
                };
                *value = known;
                Ok(())
            }
            Json::Array(all) => all.iter_mut().try_for_each(|it| self.put_ids(it)),
            Json::Object(all) => all.values_mut().try_for_each(|it| self.put_ids(it)),
            Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
        }
    }
}
