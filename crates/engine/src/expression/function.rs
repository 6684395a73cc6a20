//! The functions of the language by their names.

/// What can be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function {
    Sum,
    Min,
    Max,
    Average,
    Count,
    Round,
    Floor,
    Ceil,
    Abs,
    Concat,
    Text,
    Contains,
    Length,
    Days,
    HalfDays,
    Hours,
    /// In the unit of the control.
    Duration,
    Start,
    End,
    Year,
    Month,
    Day,
    Weekday,
    Date,
    Today,
    IsEmpty,
    Coalesce,
    If,
    Money,
    Amount,
}

const ALL: [(&str, Function); 30] = [
    ("sum", Function::Sum),
    ("min", Function::Min),
    ("max", Function::Max),
    ("avg", Function::Average),
    ("count", Function::Count),
    ("round", Function::Round),
    ("floor", Function::Floor),
    ("ceil", Function::Ceil),
    ("abs", Function::Abs),
    ("concat", Function::Concat),
    ("text", Function::Text),
    ("contains", Function::Contains),
    ("length", Function::Length),
    ("days", Function::Days),
    ("half_days", Function::HalfDays),
    ("hours", Function::Hours),
    ("duration", Function::Duration),
    ("start", Function::Start),
    ("end", Function::End),
    ("year", Function::Year),
    ("month", Function::Month),
    ("day", Function::Day),
    ("weekday", Function::Weekday),
    ("date", Function::Date),
    ("today", Function::Today),
    ("is_empty", Function::IsEmpty),
    ("coalesce", Function::Coalesce),
    ("if", Function::If),
    ("money", Function::Money),
    ("amount", Function::Amount),
];

impl Function {
    /// The function of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// What it is called with, for people.
    pub(crate) fn usage(self) -> &'static str {
        match self {
            Function::Sum => "sum(numbers or amounts, …)",
            Function::Min => "min(numbers, amounts or dates, …)",
            Function::Max => "max(numbers, amounts or dates, …)",
            Function::Average => "avg(numbers or amounts, …)",
            Function::Count => "count(a table, a column or a list)",
            Function::Round => "round(a number or amount, digits)",
            Function::Floor => "floor(a number or amount, digits)",
            Function::Ceil => "ceil(a number or amount, digits)",
            Function::Abs => "abs(a number or amount)",
            Function::Concat => "concat(texts, numbers, amounts or dates, …)",
            Function::Text => "text(a number, amount, date or choice)",
            Function::Contains => "contains(a text or several choices, a text)",
            Function::Length => "length(a text)",
            Function::Days => "days(a period) or days(a date, a later date)",
            Function::HalfDays => "half_days(a period)",
            Function::Hours => "hours(a period) or hours(a date, a later date)",
            Function::Duration => "duration(a period)",
            Function::Start => "start(a period)",
            Function::End => "end(a period)",
            Function::Year => "year(a date)",
            Function::Month => "month(a date)",
            Function::Day => "day(a date)",
            Function::Weekday => "weekday(a date)",
            Function::Date => "date(a year, a month, a day)",
            Function::Today => "today()",
            Function::IsEmpty => "is_empty(a field)",
            Function::Coalesce => "coalesce(values of one type, …)",
            Function::If => "if(a condition, a value, another value)",
            Function::Money => "money(a number, \"CNY\")",
            Function::Amount => "amount(an amount, \"CNY\")",
        }
    }
}
