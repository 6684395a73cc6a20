//! Titles and serial numbers by patterns: `{template} of {initiator}: {field:reason}`, `BX-{yyyy}{MM}-{seq:4}`.

use super::Template;
use crate::directory::Directory;
use crate::form::{Access, FieldKind, FormData, readable};
use crate::ids::FieldId;
use crate::instance::Instance;
use crate::problem::Problem;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Most characters of a pattern.
const PATTERN_LIMIT: usize = 200;
/// How many digits a serial number may be filled up to.
const DIGITS: std::ops::RangeInclusive<usize> = 1..=12;

/// How instances are numbered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialRule {
    /// Text with `{yyyy}`, `{yy}`, `{MM}`, `{dd}` and, exactly once, `{seq}` or `{seq:4}`.
    pub pattern: String,
    /// When counting begins anew.
    #[serde(default)]
    pub reset: Reset,
}

/// When counting begins anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Never.
    #[default]
    Never,
    /// On the first of January.
    Yearly,
    /// On the first of each month.
    Monthly,
    /// Each day.
    Daily,
}

impl SerialRule {
    /// The period that is counted through on this day: numbers of one period are never given twice.
    pub fn period(&self, today: Date) -> String {
        match self.reset {
            Reset::Never => String::new(),
            Reset::Yearly => format!("{:04}", today.year()),
            Reset::Monthly => format!("{:04}-{:02}", today.year(), today.month()),
            Reset::Daily => today.to_string(),
        }
    }

    /// The serial number with this count on this day.
    pub fn serial(&self, count: u64, today: Date) -> String {
        let word = |slot: &Slot<'_>| match (slot.name, slot.argument) {
            ("yyyy", None) => format!("{:04}", today.year()),
            ("yy", None) => format!("{:02}", today.year() % 100),
            ("MM", None) => format!("{:02}", today.month()),
            ("dd", None) => format!("{:02}", today.day()),
            ("seq", digits) => {
                let width = digits.and_then(|digits| digits.parse().ok()).unwrap_or(1);
                format!("{count:0width$}")
            }
            _ => String::new(),
        };
        fill(&self.pattern, word)
    }
}

/// The title by the template's rule; `None` where it has none. Everybody reads titles, in lists and in messages: what is
/// hidden at a node does not stand in one.
pub(crate) fn title(template: &Template, instance: &Scene<'_>) -> Option<String> {
    let rule = template.settings.title_rule.as_ref()?;
    let hidden = template.hidden_somewhere();
    let word = |slot: &Slot<'_>| match (slot.name, slot.argument) {
        ("template", None) => template.name.clone(),
        ("initiator", None) => instance.directory.name(instance.instance.initiator),
        ("department", None) => {
            let department = instance.department;
            let found = department.and_then(|id| instance.directory.department(id));
            found.map_or_else(String::new, |department| department.name.clone())
        }
        ("date", None) => instance.today.to_string(),
        ("serial", None) => instance.serial.unwrap_or_default().to_owned(),
        ("field", Some(id)) => {
            let id = FieldId::from(id);
            let value = template.form.field(&id).zip(instance.form.get(&id));
            let value = value.filter(|(field, _)| hidden.of(&field.id) != Access::Hide);
            value.map_or_else(String::new, |(field, value)| readable(field, value, instance.directory))
        }
        _ => String::new(),
    };
    Some(fill(rule, word).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What titles are made of.
pub(crate) struct Scene<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) directory: &'a Directory,
    pub(crate) department: Option<crate::ids::DepartmentId>,
    pub(crate) form: &'a FormData,
    pub(crate) serial: Option<&'a str>,
    pub(crate) today: Date,
}

/// What is wrong with the patterns of a template: codes `pattern_invalid`, `pattern_too_long`, `field_unknown`,
/// `field_unfit`, `serial_number_missing`, `serial_repeats`.
pub(super) fn check_naming(template: &Template) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(rule) = &template.settings.title_rule {
        let path = "settings.title_rule";
        for slot in slots(rule, path, &mut problems) {
            match (slot.name, slot.argument) {
                ("template" | "initiator" | "department" | "date" | "serial", None) => {}
                ("field", Some(id)) => problems.extend(check_field(template, id, path)),
                _ => problems.push(no_such(path, &slot)),
            }
        }
    }
    if let Some(rule) = &template.settings.serial {
        problems.extend(check_serial(rule));
    }
    problems
}

fn check_field(template: &Template, id: &str, path: &str) -> Option<Problem> {
    match template.form.field(&FieldId::from(id)) {
        None => Some(Problem::error(path, "field_unknown", format!("the form has no field `{id}`"))),
        Some(field) if matches!(field.kind, FieldKind::Info | FieldKind::Table) => {
            let message = format!("`{}` makes no part of a title", field.title);
            Some(Problem::error(path, "field_unfit", message))
        }
        Some(field) if template.hidden_somewhere().of(&field.id) == Access::Hide => {
            let message = format!("`{}` is hidden at a node, so titles leave it out", field.title);
            Some(Problem::warning(path, "title_hides_field", message))
        }
        Some(_) => None,
    }
}

fn check_serial(rule: &SerialRule) -> Vec<Problem> {
    let path = "settings.serial.pattern";
    let mut problems = Vec::new();
    let slots = slots(&rule.pattern, path, &mut problems);
    for slot in &slots {
        match (slot.name, slot.argument) {
            ("yyyy" | "yy" | "MM" | "dd" | "seq", None) => {}
            ("seq", Some(digits)) if digits.parse().is_ok_and(|digits| DIGITS.contains(&digits)) => {}
            _ => problems.push(no_such(path, slot)),
        }
    }
    if slots.iter().filter(|slot| slot.name == "seq").count() != 1 {
        problems.push(Problem::error(
            path,
            "serial_number_missing",
            "`{seq}` has to stand in it exactly once",
        ));
    }
    let has = |name: &str| slots.iter().any(|slot| slot.name == name);
    let (year, month, day) = (has("yyyy") || has("yy"), has("MM"), has("dd"));
    let tells_apart = match rule.reset {
        Reset::Never => true,
        Reset::Yearly => year,
        Reset::Monthly => year && month,
        Reset::Daily => year && month && day,
    };
    if !tells_apart {
        let message = "counting begins anew more often than the date in it changes, so numbers would repeat";
        problems.push(Problem::error(path, "serial_repeats", message));
    }
    problems
}

fn no_such(path: &str, slot: &Slot<'_>) -> Problem {
    let argument = slot.argument.map_or_else(String::new, |argument| format!(":{argument}"));
    Problem::error(path, "pattern_invalid", format!("`{{{}{argument}}}` means nothing here", slot.name))
}

/// What stands in braces.
struct Slot<'p> {
    name: &'p str,
    argument: Option<&'p str>,
}

enum Piece<'p> {
    Text(&'p str),
    Slot(Slot<'p>),
}

fn slots<'p>(pattern: &'p str, path: &str, problems: &mut Vec<Problem>) -> Vec<Slot<'p>> {
    if pattern.chars().count() > PATTERN_LIMIT {
        let message = format!("a pattern may have at most {PATTERN_LIMIT} characters");
        problems.push(Problem::error(path, "pattern_too_long", message));
    }
    let (pieces, is_whole) = pieces(pattern);
    if !is_whole || pattern.trim().is_empty() {
        problems.push(Problem::error(path, "pattern_invalid", "a pattern is text with names in braces"));
    }
    let slot = |piece| match piece {
        Piece::Slot(slot) => Some(slot),
        Piece::Text(_) => None,
    };
    pieces.into_iter().filter_map(slot).collect()
}

fn fill(pattern: &str, word: impl Fn(&Slot<'_>) -> String) -> String {
    let text = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Slot(slot) => word(slot),
    };
    pieces(pattern).0.iter().map(text).collect()
}

/// The pieces of a pattern, and whether each brace has its counterpart.
fn pieces(pattern: &str) -> (Vec<Piece<'_>>, bool) {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    let mut is_whole = true;
    while let Some((text, after)) = rest.split_once('{') {
        is_whole &= !text.contains('}');
        pieces.push(Piece::Text(text));
        let Some((slot, after)) = after.split_once('}') else { return (pieces, false) };
        is_whole &= !slot.contains('{');
        let (name, argument) = match slot.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (slot, None),
        };
        pieces.push(Piece::Slot(Slot { name, argument }));
        rest = after;
    }
    is_whole &= !rest.contains('}');
    pieces.push(Piece::Text(rest));
    (pieces, is_whole)
}
