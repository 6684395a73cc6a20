//! The fixed words of the CRM surface: states, moments, signing modes and times.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use zhupi_engine::Status;
use zhupi_engine::instance::VisitState;
use zhupi_engine::template::{AllReject, Mode, OrReject};

/// What people call a moment at which workflows start; `None` for one that does not exist.
pub fn trigger_label(timing: &str) -> Option<&'static str> {
    match timing {
        "created" => Some("新增"),
        "updated" => Some("编辑"),
        "deleted" => Some("删除"),
        "stage_changed" => Some("阶段变更"),
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
