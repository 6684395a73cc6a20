//! A small language for formulas and rules of forms: `round(sum(items.amount) * 1.06, 2)`, `days(period) > 3`.
//!
//! Numbers are exact decimals, dates are civil ones, and amounts keep their currency. Every expression is checked against
//! its form before it is ever evaluated: `expression/check.rs`. Evaluation is total and its cost is known beforehand: an
//! empty operand, a division by zero and a result that is too large all give nothing, and nothing else can happen.
//! Reading the text: `expression/parse.rs`. Why our own: ADR 11.

mod check;
mod evaluate;
mod function;
mod parse;

pub(crate) use check::{Checked, Currency, Place, Site, Type, check};
pub(crate) use evaluate::{Scalar, Scope, evaluate, holds};
pub(crate) use function::Function;
pub use parse::parse;

use crate::problem::Problem;
use rust_decimal::Decimal;

/// Most characters of an expression.
pub const TEXT_LIMIT: usize = 2_000;
/// Most operators, functions, names and constants of an expression.
pub const SIZE_LIMIT: usize = 500;
/// Deepest nesting of an expression; `a + b + c` is 3 deep.
pub const DEPTH_LIMIT: usize = 64;

/// An expression as it was written. What its names mean is not known yet.
#[derive(Clone, PartialEq, Debug)]
pub struct Term {
    /// Where it stands in the text, in characters from 0.
    pub at: usize,
    /// What stands there.
    pub node: Node,
}

/// One part of an expression with what it is made of.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// `12.5`
    Number(Decimal),
    /// `"text"`
    Text(String),
    /// `true`, `false`
    Bool(bool),
    /// `amount`, `items.price`, `{12}.{3}`
    Name {
        /// A control, or a column of the table at hand.
        field: String,
        /// A column of that table.
        column: Option<String>,
    },
    /// `-a`
    Negate(Box<Term>),
    /// `not a`
    Not(Box<Term>),
    /// `a + b`
    Binary(Operator, Box<Term>, Box<Term>),
    /// `sum(a)`
    Call(String, Vec<Term>),
}

/// What stands between two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// `or`
    Or,
    /// `and`
    And,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Operator {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
        }
    }
}

/// What is wrong with an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where in the text, in characters from 0.
    pub at: usize,
    /// What, for programs: stable words.
    pub code: &'static str,
    /// What, for people.
    pub message: String,
}

impl Fault {
    fn new(at: usize, code: &'static str, message: impl Into<String>) -> Self {
        Self { at, code, message: message.into() }
    }

    /// As a finding about what stands at this path.
    pub(crate) fn at_path(&self, path: &str) -> Problem {
        Problem::error(path, self.code, format!("{} (at character {})", self.message, self.at + 1))
    }
}
