//! The demo company: who works where, and who holds which role.

use crate::error::Error;
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::directory::{Department, Role, User, UserGroup};
use zhupi_engine::ids::{DepartmentId, GroupId, RoleId, UserId};
use zhupi_store::{People, UserRow};

/// A line is a department: indented below the one it belongs to, then its head, then everybody else in it. The first
/// person of all administers the workspace.
const DEPARTMENTS: &str = "\
云杉科技 | shen.yunshan 沈云山 | gu.qing 顾青
  研发中心 | lu.zhiyuan 陆志远 |
    平台部 | fang.mu 方牧 | qiu.lan 邱岚
      服务组 | tang.ye 唐叶 | luo.bin 罗斌, jiang.yi 江一, bai.he 白荷, cen.yue 岑越, dai.ning 戴宁
      前端组 | song.ke 宋可 | ye.fan 叶帆, mo.li 莫璃, shi.an 施安, ning.xi 宁夕
    产品部 | xu.jia 许嘉 | han.lu 韩露
      设计组 | pei.ran 裴然 | tao.ji 陶霁, ruan.qi 阮琪
      调研组 | gong.xu 龚旭 | lian.yi 连漪, wan.qing 万晴
  营销中心 | zhao.heng 赵衡 |
    销售部 | he.song 何松 | zhu.ying 祝英
      华东组 | qin.chuan 秦川 | yan.shu 严舒, meng.fei 孟飞, jin.yao 金瑶, bian.wei 卞蔚
      华北组 | lei.ting 雷霆 | su.mian 苏棉, kang.le 康乐, xia.zhi 夏至
    市场部 | wen.ruo 温若 | bao.jin 鲍瑾, lin.xiao 林晓
      品牌组 | yu.tong 于童 | cheng.yan 程砚, shu.wen 舒文
  财务部 | cao.min 曹敏 | dong.ze 董泽, liang.yu 梁玉, zou.ping 邹平
  人力行政部 | jian.ning 简宁 |
    人力组 | mi.xue 米雪 | ou.yang 欧阳, hua.rong 花荣
    行政组 | ji.chen 纪晨 | tong.lei 童蕾, bu.yi 卜易
  法务部 | wei.zheng 魏征 | nie.lan 聂岚, fu.sheng 傅生
";

const ROLES: &[(&str, &[&str])] = &[
    ("总经理", &["shen.yunshan"]),
    ("会计", &["dong.ze", "liang.yu"]),
    ("出纳", &["zou.ping"]),
    ("人事专员", &["ou.yang", "hua.rong"]),
    ("法务专员", &["nie.lan", "fu.sheng"]),
    ("印章管理员", &["tong.lei"]),
    ("采购专员", &["bu.yi", "ji.chen"]),
    (TEMPLATE_MANAGERS, &[MANAGER]),
];

const GROUPS: &[(&str, &[&str])] =
    &[("行政通知", &["ji.chen", "tong.lei", "bu.yi"]), ("信息技术支持", &["luo.bin", "dai.ning"])];

/// Whoever holds this role draws templates.
pub const TEMPLATE_MANAGERS: &str = "模板管理员";

/// Administers the templates of the demo.
pub const MANAGER: &str = "gu.qing";

/// What a head may approve by himself, in yuan.
const LIMITS: &[(&str, i64)] = &[
    ("shen.yunshan", 100_000_000),
    ("lu.zhiyuan", 200_000),
    ("zhao.heng", 200_000),
    ("fang.mu", 20_000),
    ("xu.jia", 20_000),
    ("he.song", 20_000),
    ("wen.ruo", 20_000),
];

/// The company with its ids, by login and name.
pub struct Company {
    pub people: People,
    users: BTreeMap<String, UserId>,
    departments: BTreeMap<String, DepartmentId>,
    roles: BTreeMap<String, RoleId>,
    groups: BTreeMap<String, GroupId>,
}

impl Company {
    pub fn found() -> Result<Self, Error> {
        let mut company = Self {
            people: People::default(),
            users: BTreeMap::new(),
            departments: BTreeMap::new(),
            roles: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        company.settle()?;
        company.give_roles()?;
        company.give_limits()?;
        Ok(company)
    }

    pub fn user(&self, login: &str) -> Result<UserId, Error> {
        self.users.get(login).copied().ok_or_else(|| missing(login))
    }

    pub fn department(&self, name: &str) -> Result<DepartmentId, Error> {
        self.departments.get(name).copied().ok_or_else(|| missing(name))
    }

    pub fn role(&self, name: &str) -> Result<RoleId, Error> {
        self.roles.get(name).copied().ok_or_else(|| missing(name))
    }

    pub fn group(&self, name: &str) -> Result<GroupId, Error> {
        self.groups.get(name).copied().ok_or_else(|| missing(name))
    }

    pub fn name(&self, user: UserId) -> String {
        let row = self.people.users.iter().find(|row| row.user.id == user);
        row.map_or_else(String::new, |row| row.user.name.clone())
    }

    /// What a person is good for, in words.
    pub fn roles_of(&self, row: &UserRow) -> Vec<String> {
        let id = row.user.id;
        let mut roles = Vec::new();
        if row.user.admin {
            roles.push("workspace administrator".to_owned());
        }
        let headed = self.people.departments.iter().filter(|it| it.heads.contains(&id));
        roles.extend(headed.map(|it| format!("head of {}", it.name)));
        let held = self.people.roles.iter().filter(|it| it.members.contains(&id));
        roles.extend(held.map(|it| it.name.clone()));
        if roles.is_empty() {
            roles.push("employee".to_owned());
        }
        roles
    }

    fn settle(&mut self) -> Result<(), Error> {
        // The departments above the line that is read, each with its head.
        let mut above: Vec<(DepartmentId, UserId)> = Vec::new();
        for line in DEPARTMENTS.lines() {
            let depth = (line.len() - line.trim_start().len()) / 2;
            let mut parts = line.split('|').map(str::trim);
            let (Some(name), Some(head), Some(members)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(missing(line));
            };
            above.truncate(depth);
            let department = DepartmentId(Uuid::now_v7());
            let boss = above.last().map(|(_, head)| *head);
            let head = self.employ(head, department, boss)?;
            for member in members.split(',').map(str::trim).filter(|member| !member.is_empty()) {
                self.employ(member, department, Some(head))?;
            }
            self.departments.insert(name.to_owned(), department);
            self.people.departments.push(Department {
                id: department,
                name: name.to_owned(),
                parent: above.last().map(|(parent, _)| *parent),
                heads: vec![head],
            });
            above.push((department, head));
        }
        Ok(())
    }

    fn employ(
        &mut self,
        person: &str,
        department: DepartmentId,
        supervisor: Option<UserId>,
    ) -> Result<UserId, Error> {
        let (login, name) = person.split_once(' ').ok_or_else(|| missing(person))?;
        let id = UserId(Uuid::now_v7());
        let admin = self.users.is_empty();
        self.users.insert(login.to_owned(), id);
        self.people.users.push(UserRow {
            user: User {
                id,
                name: name.to_owned(),
                active: true,
                departments: vec![department],
                supervisor,
                approval_limit: None,
                admin,
            },
            login: login.to_owned(),
            email: Some(format!("{login}@yunshan.example")),
            mobile: None,
            locale: Some("zh-CN".to_owned()),
        });
        Ok(id)
    }

    fn give_roles(&mut self) -> Result<(), Error> {
        for (name, logins) in ROLES {
            let id = RoleId(Uuid::now_v7());
            let members = self.all(logins)?;
            self.roles.insert((*name).to_owned(), id);
            self.people.roles.push(Role { id, name: (*name).to_owned(), members });
        }
        for (name, logins) in GROUPS {
            let id = GroupId(Uuid::now_v7());
            let members = self.all(logins)?;
            self.groups.insert((*name).to_owned(), id);
            self.people.groups.push(UserGroup { id, name: (*name).to_owned(), members });
        }
        Ok(())
    }

    fn give_limits(&mut self) -> Result<(), Error> {
        for (login, limit) in LIMITS {
            let id = self.user(login)?;
            for row in self.people.users.iter_mut().filter(|row| row.user.id == id) {
                row.user.approval_limit = Some((*limit).into());
            }
        }
        Ok(())
    }

    fn all(&self, logins: &[&str]) -> Result<Vec<UserId>, Error> {
        logins.iter().map(|login| self.user(login)).collect()
    }
}

fn missing(name: &str) -> Error {
    Error::internal(format!("the demo company has no `{name}`"))
}
