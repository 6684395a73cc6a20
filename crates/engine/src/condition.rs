//! Conditions of branch lanes: what an administrator states, and whether it holds for the facts at hand, with the reason
//! (semantics B10). Every comparison is total: an unknown or empty value makes it false, never an error.

mod check;
mod evaluate;
mod lint;

pub(crate) use check::check_groups;
pub(crate) use evaluate::duration;
pub use evaluate::{Facts, GroupsOutcome, evaluate_groups};
pub(crate) use lint::{Around, BranchLanes, LaneGroups, always_holds, lint_lanes, lint_matching};

use crate::ids::{DepartmentId, FieldId, GroupId, NodeId, OptionId, RoleId, UserId};
use crate::instance::Outcome;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Conditions of which all must hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group {
    /// At least one in a published template.
    pub conditions: Vec<Condition>,
}

/// One statement about one fact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Which fact.
    pub subject: Subject,
    /// What is said of it.
    pub test: Test,
}

/// The fact a condition looks at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// The value of a form control.
    Field(FieldId),
    /// The person who submitted. His department is the one he chose at submit.
    Initiator,
    /// A figure over the rows of a detail table.
    Rows {
        /// The `Table` control.
        table: FieldId,
        /// The column the figure is made of; ignored by `Count`.
        column: FieldId,
        /// Which figure.
        figure: Figure,
    },
    /// The length of a `DateRange` control.
    Duration {
        /// The control.
        field: FieldId,
        /// The unit the length is counted in.
        unit: DurationUnit,
    },
    /// What came of a lane of a fork, of a fork over a list (rejected if one element was), or of a sub-process.
    Lane(NodeId),
}

/// A figure over the rows of a detail table; `AnyRow` and `AllRows` apply the test to each row instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Sum of the column.
    Sum,
    /// Greatest value of the column.
    Max,
    /// Least value of the column.
    Min,
    /// Number of rows.
    Count,
    /// At least one row passes the test.
    AnyRow,
    /// There are rows and each passes the test.
    AllRows,
}

/// How the length of a date range is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationUnit {
    /// Calendar days, both ends counted: Monday to Tuesday is 2.
    #[default]
    Days,
    /// Half days: an end before noon counts half.
    HalfDays,
    /// Hours between the two moments.
    Hours,
}

/// What is said of a fact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Test {
    /// Nothing was filled in.
    IsEmpty,
    /// Something was filled in.
    NotEmpty,
    /// A number, amount, count or duration against a constant.
    Number {
        /// The comparison.
        op: Compare,
        /// The constant.
        value: Decimal,
        /// For money: the currency of the constant, the control's own where absent. Another one makes it false.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<String>,
    },
    /// A number within two limits.
    Between {
        /// Lower limit.
        low: Decimal,
        /// Upper limit.
        high: Decimal,
        /// Which limits belong to the range; `[low, high)` by default, so that neighbours neither gap nor overlap.
        #[serde(default)]
        ends: Ends,
        /// As in `Number`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<String>,
    },
    /// A text against a constant; both are trimmed.
    Text {
        /// The comparison.
        op: TextOp,
        /// The constants: any of them for `Equal`, `Contains`, `StartsWith`; none of them for `NotEqual`.
        values: Vec<String>,
        /// `A` and `a` are the same.
        #[serde(default)]
        ignore_case: bool,
    },
    /// The chosen option is one of these.
    In {
        /// Option ids.
        options: Vec<OptionId>,
    },
    /// An option was chosen and is none of these.
    NotIn {
        /// Option ids.
        options: Vec<OptionId>,
    },
    /// The chosen options, as a set, against these.
    Choices {
        /// The comparison.
        op: SetOp,
        /// Option ids.
        options: Vec<OptionId>,
    },
    /// The chosen people, as a set, against these.
    People {
        /// The comparison.
        op: SetOp,
        /// User ids.
        users: Vec<UserId>,
    },
    /// Each person (or department) belongs to the scope. An empty scope restricts nothing and is true.
    Belongs {
        /// Who.
        scope: Scope,
    },
    /// There is a person (or department) and none belongs to the scope.
    NotBelongs {
        /// Who not.
        scope: Scope,
    },
    /// A date, or the first day of a period, against a constant, as dates in the workspace's time zone. The next three look
    /// at the same day.
    Date {
        /// The comparison.
        op: Compare,
        /// The constant.
        value: Date,
    },
    /// A date within two dates, both included.
    DateBetween {
        /// First day.
        first: Date,
        /// Last day.
        last: Date,
    },
    /// A date at most so many days from the day of evaluation, before or after.
    WithinDays {
        /// Number of days.
        days: u16,
    },
    /// A date that falls on one of these days; 1 is Monday, 7 is Sunday.
    Weekday {
        /// Days of the week.
        days: Vec<u8>,
    },
    /// The number of files (or of people, options or rows) against a constant.
    CountIs {
        /// The comparison.
        op: Compare,
        /// The constant.
        value: u32,
    },
    /// At least one file has one of these extensions; without the dot, case does not matter.
    HasExtension {
        /// Extensions.
        extensions: Vec<String>,
    },
    /// The value of another control of the same kind.
    Field {
        /// The comparison; text and choices know only `Equal` and `NotEqual`.
        op: Compare,
        /// The other control.
        field: FieldId,
    },
    /// It came out so; false for what has not come out yet.
    Outcome(Outcome),
}

/// How two ordered values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Compare {
    /// Less than.
    #[serde(rename = "<")]
    Less,
    /// Less than or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// Greater than or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Greater than.
    #[serde(rename = ">")]
    Greater,
}

/// Which limits belong to a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Ends {
    /// `low <= x < high`
    #[default]
    #[serde(rename = "[)")]
    LowOnly,
    /// `low <= x <= high`
    #[serde(rename = "[]")]
    Both,
    /// `low < x <= high`
    #[serde(rename = "(]")]
    HighOnly,
    /// `low < x < high`
    #[serde(rename = "()")]
    Neither,
}

/// How two texts are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextOp {
    /// Is one of them.
    Equal,
    /// Is none of them.
    NotEqual,
    /// Contains one of them.
    Contains,
    /// Starts with one of them.
    StartsWith,
}

/// How two sets are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetOp {
    /// Both have the same members (WPS `contains_eq`).
    Equals,
    /// Every one of the constants was chosen.
    ContainsAll,
    /// At least one of the constants was chosen.
    ContainsAny,
    /// Something was chosen, but none of the constants.
    ContainsNone,
}

/// A set of people, described. Empty means everybody.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// These people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// Everybody in these departments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<DepartmentId>,
    /// Everybody who holds one of these roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleId>,
    /// Everybody in these groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupId>,
    /// Departments without their sub-departments.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
}

impl Scope {
    /// Nothing is named: everybody belongs.
    pub fn is_everybody(&self) -> bool {
        self.users.is_empty()
            && self.departments.is_empty()
            && self.roles.is_empty()
            && self.groups.is_empty()
    }
}
