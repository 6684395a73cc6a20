//! The fixed words of the CRM surface: object types with their usual fields, states, signing modes and times.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use zhupi_engine::Status;
use zhupi_engine::instance::VisitState;
use zhupi_engine::template::{AllReject, Mode, OrReject};

/// A sort of CRM object that can be approved.
pub struct EntityType {
    pub name: &'static str,
    pub label: &'static str,
    /// Labels of the fields every CRM has for it; events may bring more.
    pub fields: &'static [(&'static str, &'static str)],
}

/// The register of object types: adding one is adding a line.
pub static ENTITY_TYPES: &[EntityType] = &[
    EntityType {
        name: "Lead", label: "线索", fields: &[("name", "姓名"), ("company_name", "公司名称")]
    },
    EntityType {
        name: "Customer", label: "客户", fields: &[("name", "客户名称"), ("category", "客户类型")]
    },
    EntityType {
        name: "Contact", label: "联系人", fields: &[("name", "姓名"), ("customer", "对应客户")]
    },
    EntityType {
        name: "Opportunity",
        label: "商机",
        fields: &[("title", "商机标题"), ("customer", "对应客户"), ("expect_amount", "预计销售金额")],
    },
    EntityType {
        name: "Contract",
        label: "合同",
        fields: &[
            ("customer", "对应客户"),
            ("opportunity", "对应商机"),
            ("title", "合同标题"),
            ("sn", "合同编号"),
            ("category", "合同类型"),
            ("total_amount", "合同总金额"),
        ],
    },
    EntityType {
        name: "ReceivedPaymentPlan",
        label: "回款计划",
        fields: &[("contract", "对应合同"), ("amount", "计划回款金额"), ("receive_date", "计划回款日期")],
    },
    EntityType {
        name: "ReceivedPayment",
        label: "回款记录",
        fields: &[("contract", "对应合同"), ("amount", "回款金额"), ("receive_date", "回款日期")],
    },
    EntityType {
        name: "Quotation",
        label: "报价单",
        fields: &[("title", "报价单标题"), ("customer", "对应客户"), ("total_amount", "报价总金额")],
    },
];

/// The type with this name, written exactly so.
pub fn entity_type(name: &str) -> Option<&'static EntityType> {
    ENTITY_TYPES.iter().find(|it| it.name == name)
}

/// What people call the type.
pub fn entity_label(name: &str) -> &'static str {
    entity_type(name).map_or("", |it| it.label)
}

/// What people call a field of the type, where the CRM itself did not say.
pub fn field_label(entity: &str, field: &str) -> Option<&'static str> {
    let fields = entity_type(entity)?.fields;
    fields.iter().find(|(name, _)| *name == field).map(|(_, label)| *label)
}

/// What people call a moment at which workflows start; `None` for one that does not exist.
pub fn trigger_label(timing: &str) -> Option<&'static str> {
    match timing {
        "created" => Some("新增"),
        "updated" => Some("编辑"),
        _ => None,
    }
}

/// The state of a record: word and label. A stopped one still waits for somebody.
pub fn record_status(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Draft | Status::Running | Status::Suspended | Status::Returned => ("applying", "审批中"),
        Status::Approved | Status::Revoking => ("pass", "已通过"),
        Status::Rejected => ("veto", "已否决"),
        Status::Withdrawn | Status::Revoked => ("revocation", "已撤回"),
        Status::Terminated => ("veto", "已终止"),
    }
}

/// The same state as the approval centre calls it.
pub fn centre_status(status: Status) -> (&'static str, &'static str) {
    match record_status(status) {
        ("applying", _) => ("applying", "待审批"),
        other => other,
    }
}

/// What the CRM object shows; `None`: no approval was asked for.
pub fn approve_status(status: Option<Status>) -> (&'static str, &'static str) {
    match status {
        None | Some(Status::Approved | Status::Revoking) => ("approved", "已通过"),
        Some(Status::Draft | Status::Running | Status::Suspended | Status::Returned) => {
            ("applying", "待审批")
        }
        Some(Status::Rejected | Status::Terminated) => ("rejected", "已驳回"),
        Some(Status::Withdrawn | Status::Revoked) => ("revocation", "已撤回"),
    }
}

/// The state of a node; `None`: nobody has come there yet.
pub fn node_status(state: Option<VisitState>) -> (&'static str, &'static str) {
    match state {
        None => ("waiting", "未开始"),
        Some(VisitState::Open) => ("applying", "审批中"),
        Some(VisitState::Passed | VisitState::AutoApproved | VisitState::Skipped) => ("pass", "已通过"),
        Some(VisitState::Rejected | VisitState::AutoRejected) => ("veto", "已否决"),
        Some(VisitState::Cancelled | VisitState::Returned) => ("revocation", "已撤回"),
    }
}

/// How several people decide: word and label.
pub fn signing(mode: Mode) -> (&'static str, &'static str) {
    match mode {
        Mode::OrSign { reject: OrReject::FirstDecides | OrReject::AllMustReject } => ("ORAPPROVE", "或签"),
        Mode::Countersign { reject: AllReject::AtOnce | AllReject::WaitForAll } => ("ANDAPPROVE", "会签"),
        Mode::InTurn => ("SEQUENCEAPPROVE", "依次审批"),
        Mode::Vote(_) => ("VOTEAPPROVE", "票签"),
    }
}

/// How several people decide, from the word.
pub fn signing_mode(word: &str) -> Option<Mode> {
    match word {
        "ORAPPROVE" => Some(Mode::OrSign { reject: OrReject::FirstDecides }),
        "ANDAPPROVE" => Some(Mode::Countersign { reject: AllReject::AtOnce }),
        "SEQUENCEAPPROVE" => Some(Mode::InTurn),
        _ => None,
    }
}

/// A moment to the minute, in the workspace's zone: the family's only way to write time.
pub fn minute(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long ago something was, for people.
pub fn distance(from: Timestamp, to: Timestamp) -> String {
    let minutes = (to.as_second() - from.as_second()).max(0) / 60;
    match minutes {
        0 => "不到 1 分钟".to_owned(),
        1..60 => format!("{minutes} 分钟"),
        60..1440 => format!("{} 小时", minutes / 60),
        1440..43_200 => format!("{} 天", minutes / 1440),
        43_200..525_600 => format!("{} 个月", minutes / 43_200),
        _ => format!("{} 年", minutes / 525_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_grow_from_minutes_to_years() {
        let from = Timestamp::from_second(1_700_000_000).unwrap();
        let after = |seconds: i64| distance(from, Timestamp::from_second(1_700_000_000 + seconds).unwrap());
        assert_eq!(after(-5), "不到 1 分钟");
        assert_eq!(after(28 * 60 + 59), "28 分钟");
        assert_eq!(after(3 * 3600), "3 小时");
        assert_eq!(after(40 * 86_400), "1 个月");
        assert_eq!(after(800 * 86_400), "2 年");
    }

    #[test]
    fn every_signing_mode_has_a_word_that_comes_back() {
        for word in ["ORAPPROVE", "ANDAPPROVE", "SEQUENCEAPPROVE"] {
            assert_eq!(signing(signing_mode(word).unwrap()).0, word);
        }
        assert!(signing_mode("VOTE").is_none());
    }

    #[test]
    fn minutes_are_told_in_the_workspace_zone() {
        let at: Timestamp = "2024-04-09T01:36:59Z".parse().unwrap();
        assert_eq!(minute(at, &TimeZone::get("Asia/Shanghai").unwrap()), "2024-04-09 09:36");
    }
}
