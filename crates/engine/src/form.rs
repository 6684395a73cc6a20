//! The form of a template and the values people fill in. What a valid value is: `form/check.rs`.

mod access;
mod assign;
mod check;
mod defaults;
mod edit;
mod rows;
mod rules;
mod state;
mod words;

pub use access::{Access, FieldAccess, FieldKey};
pub use assign::assign;
pub(crate) use assign::check_assignment;
pub use check::{DEFAULT_CURRENCY, LIST_LIMIT, TEXT_LIMIT, read_partial, read_values, to_plain};
pub(crate) use check::{is_currency, plain_date};
pub(crate) use defaults::check_defaults;
pub use defaults::{FieldDefault, with_defaults};
pub use edit::{Edit, Edits, RowEdit, apply_edits, missing_values, read_edits, visible_form, visible_values};
pub use rows::{Row, RowId};
pub(crate) use rules::{check_date_formula, check_rules, date_by_formula};
pub use rules::{check_values, compute};
pub use state::{FieldState, field_states};
pub use words::readable;

use crate::condition::DurationUnit;
use crate::ids::{DepartmentId, FieldId, FileId, InstanceId, OptionId, UserId};
use jiff::civil::DateTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// The controls of a form, in the order people see them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Form {
    /// The controls.
    pub fields: Vec<Field>,
}

impl Form {
    /// The control with this id.
    pub fn field(&self, id: &FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| &field.id == id)
    }
}

/// One control of a form.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Unique within the form.
    pub id: FieldId,
    /// What sort of value it takes.
    pub kind: FieldKind,
    /// The label people see.
    pub title: String,
    /// A submission without a value is refused.
    #[serde(default)]
    pub required: bool,
    /// Left out of the printed document. The WPS table says the opposite of this name; we follow the name.
    #[serde(default)]
    pub not_print: bool,
    /// Hint shown while the control is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub placeholder: String,
    /// Choices of `Select` and `MultiSelect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<FieldOption>,
    /// Columns of `Table`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Field>,
    /// ISO 4217 code of a `Money` control; `CNY` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Reckoned by this expression from other controls; nobody fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// What it holds where a submission leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<FieldDefault>,
    /// Shown only where this condition holds. What is not shown takes no value and is not required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_if: Option<String>,
    /// Also required where this condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_if: Option<String>,
    /// How the length of a `DateRange` is counted; days where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_unit: Option<DurationUnit>,
    /// The best mark of a `Rating`; 5 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<u8>,
    /// Where the options of a `Select` or `MultiSelect` come from, if not from `options`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options_source: Option<OptionsSource>,
    /// What is approved hangs on it: a change after a return means asking again (semantics B4.5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub material: bool,
    /// Opaque text of the template's author: stored, never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<String>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

impl Field {
    /// The currency of a `Money` control: what its constants, limits and bare amounts are stated in.
    pub fn own_currency(&self) -> &str {
        self.currency.as_deref().unwrap_or(DEFAULT_CURRENCY)
    }

    /// The best mark of a `Rating`.
    pub fn best_mark(&self) -> u8 {
        self.best.unwrap_or(DEFAULT_BEST)
    }

    /// A control with nothing but what every control has.
    pub fn new(id: impl Into<FieldId>, title: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            id: id.into(),
            kind,
            title: title.into(),
            required: false,
            not_print: false,
            placeholder: String::new(),
            options: Vec::new(),
            columns: Vec::new(),
            currency: None,
            formula: None,
            default: None,
            show_if: None,
            required_if: None,
            duration_unit: None,
            best: None,
            options_source: None,
            material: false,
            extra: None,
            other: Map::new(),
        }
    }
}

/// What sort of value a control takes. The first twelve are the WPS control types 1–12, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// 单行文本
    Text,
    /// 多行文本
    TextArea,
    /// 文件
    File,
    /// 富文本
    RichText,
    /// 日期
    Date,
    /// 单选
    Select,
    /// 说明: shown to people, takes no value.
    Info,
    /// 联系人: one or more people.
    Contact,
    /// 多选
    MultiSelect,
    /// 数字
    Number,
    /// 金额
    Money,
    /// 图片
    Image,
    /// 日期区间
    DateRange,
    /// 部门
    Department,
    /// 明细: rows of columns.
    Table,
    /// 地址
    Address,
    /// 电话
    Phone,
    /// 评分: a mark from 1 to the best one.
    Rating,
    /// 关联审批: another instance that its initiator may see.
    LinkedInstance,
}

/// The best mark of a rating that names none.
pub const DEFAULT_BEST: u8 = 5;

/// Another system that offers the options of a choice control.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionsSource {
    /// Answers a GET with a list of `{"id", "label"}`, or with an object that has it as `options`.
    pub url: String,
}

/// One choice of a choice control.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldOption {
    /// What values and conditions hold.
    pub id: OptionId,
    /// What people see; may change without changing any behaviour.
    pub label: String,
}

/// The values of one instance, by control.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FormData(pub BTreeMap<FieldId, Value>);

impl FormData {
    /// The value of a control; `None` where nothing was filled in.
    pub fn get(&self, id: &FieldId) -> Option<&Value> {
        self.0.get(id)
    }
}

/// New values, by control; `None`: there is none any more.
pub type Changes = BTreeMap<FieldId, Option<Value>>;

/// A value that has been checked against its control. Never empty: an empty value is absent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Of `Text`, `TextArea` and `RichText`.
    Text(String),
    /// Of `Number`: an exact decimal.
    Number(Decimal),
    /// Of `Money`.
    Money(Money),
    /// Of `Date`; midnight where the control has no time part.
    Date(DateTime),
    /// Of `DateRange`.
    DateRange(DateRange),
    /// Of `Select`.
    Choice(OptionId),
    /// Of `MultiSelect`.
    Choices(BTreeSet<OptionId>),
    /// Of `Contact`.
    People(Vec<UserId>),
    /// Of `Department`.
    Departments(Vec<DepartmentId>),
    /// Of `File` and `Image`.
    Files(Vec<FileRef>),
    /// Of `Table`.
    Rows(#[serde(with = "rows")] Vec<Row>),
    /// Of `Select` and `MultiSelect` whose options come from another system: with the labels they had then.
    Sourced(Vec<FieldOption>),
    /// Of `Address`.
    Address(Address),
    /// Of `LinkedInstance`.
    Linked(Linked),
}

impl Value {
    /// How many entries a list has; 1 where it is none.
    pub fn entries(&self) -> usize {
        match self {
            Value::Choices(all) => all.len(),
            Value::People(all) => all.len(),
            Value::Departments(all) => all.len(),
            Value::Files(all) => all.len(),
            Value::Rows(all) => all.len(),
            Value::Sourced(all) => all.len(),
            Value::Text(_)
            | Value::Number(_)
            | Value::Money(_)
            | Value::Date(_)
            | Value::DateRange(_)
            | Value::Choice(_)
            | Value::Address(_)
            | Value::Linked(_) => 1,
        }
    }
}

/// Where something is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Address {
    /// Province, city, district: the greatest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub region: Vec<String>,
    /// Street, house and door.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Address {
    /// In one line.
    pub fn words(&self) -> String {
        let parts = self.region.iter().chain([&self.detail]).filter(|part| !part.is_empty());
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Another instance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Linked {
    /// Which.
    pub id: InstanceId,
    /// Its title when it was linked.
    #[serde(default)]
    pub title: String,
}

/// An exact amount in one currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Money {
    /// Never a float.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

/// A period with both ends included.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DateRange {
    /// First moment.
    pub start: DateTime,
    /// Last moment; not before `start`.
    pub end: DateTime,
}

/// A file of the tenant's file store, or of another system by its own key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRef {
    /// Our id, where the file lies with us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<FileId>,
    /// The name people see.
    pub name: String,
    /// The other system's own description of the file, kept as it came.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub other: Map<String, Json>,
}
