//! From text to terms. Operators by rising strength: `or`, `and`, `not`, comparisons (which do not chain), `+ -`, `* /`,
//! unary `-`. A name is letters, digits and `_`, not beginning with a digit; any other id stands in braces: `{12}`.

use super::{DEPTH_LIMIT, Fault, Node, Operator, SIZE_LIMIT, TEXT_LIMIT, Term};
use rust_decimal::Decimal;

/// Reads an expression. The first thing that makes no sense is the fault: code `expression_invalid`, or
/// `expression_too_large` where it is longer, bigger or deeper than allowed.
pub fn parse(text: &str) -> Result<Term, Fault> {
    if text.chars().count() > TEXT_LIMIT {
        let message = format!("an expression may have at most {TEXT_LIMIT} characters");
        return Err(Fault::new(0, "expression_too_large", message));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, size: 0, depth: 0 };
    let term = parser.or()?;
    match parser.peek() {
        Token::End => Ok(term.0),
        other => Err(parser.unexpected(&other.words())),
    }
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Number(Decimal),
    Text(String),
    /// With whether it stood in braces, and so can be no word of the language.
    Name(String, Quoted),
    Sign(&'static str),
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quoted {
    Yes,
    No,
}

impl Token {
    fn words(&self) -> String {
        match self {
            Token::Number(number) => format!("`{number}`"),
            Token::Text(text) => format!("\"{text}\""),
            Token::Name(name, _) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end".to_owned(),
        }
    }
}

/// Longer ones first.
const SIGNS: [&str; 16] =
    ["<=", ">=", "!=", "<>", "==", "(", ")", ",", ".", "+", "-", "*", "/", "=", "<", ">"];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        let rest = chars.get(at..).unwrap_or_default();
        if char.is_whitespace() {
            at += 1;
            continue;
        }
        let (length, token) = match char {
            '0'..='9' => number(at, rest)?,
            '"' => quoted_text(at, rest)?,
            '{' => braced(at, rest)?,
            _ if char.is_alphabetic() || char == '_' => {
                let name: String = rest.iter().take_while(|it| is_name_part(**it)).collect();
                (name.chars().count(), Token::Name(name, Quoted::No))
            }
            _ => sign(at, rest)?,
        };
        tokens.push((at, token));
        at += length;
    }
    tokens.push((at, Token::End));
    Ok(tokens)
}

fn is_name_part(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn number(at: usize, rest: &[char]) -> Result<(usize, Token), Fault> {
    let text: String = rest.iter().take_while(|it| it.is_ascii_digit() || **it == '.').collect();
    let number = Decimal::from_str_exact(&text).ok().filter(|_| !text.ends_with('.'));
    match number {
        Some(number) => Ok((text.len(), Token::Number(number))),
        None => {
            Err(Fault::new(at, "expression_invalid", format!("`{text}` is no number of at most 28 digits")))
        }
    }
}

/// `\"` and `\\` stand for themselves.
fn quoted_text(at: usize, rest: &[char]) -> Result<(usize, Token), Fault> {
    let mut text = String::new();
    let mut escaped = false;
    for (number, char) in rest.iter().enumerate().skip(1) {
        match (escaped, char) {
            (false, '\\') => escaped = true,
            (false, '"') => return Ok((number + 1, Token::Text(text))),
            (_, char) => {
                text.push(*char);
                escaped = false;
            }
        }
    }
    Err(Fault::new(at, "expression_invalid", "the text has no end"))
}

fn braced(at: usize, rest: &[char]) -> Result<(usize, Token), Fault> {
    let name: Vec<char> = rest.iter().skip(1).take_while(|it| **it != '}').copied().collect();
    if name.is_empty() || rest.get(name.len() + 1) != Some(&'}') {
        return Err(Fault::new(at, "expression_invalid", "`{` needs an id and a `}`"));
    }
    Ok((name.len() + 2, Token::Name(name.into_iter().collect(), Quoted::Yes)))
}

fn sign(at: usize, rest: &[char]) -> Result<(usize, Token), Fault> {
    let begins = |sign: &&&str| sign.chars().zip(rest).filter(|(a, b)| a == *b).count() == sign.len();
    match SIGNS.iter().find(begins) {
        Some(sign) => Ok((sign.len(), Token::Sign(sign))),
        None => {
            let char: String = rest.iter().take(1).collect();
            Err(Fault::new(at, "expression_invalid", format!("`{char}` means nothing here")))
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    size: usize,
    /// Of brackets, calls and unary operators that are open.
    depth: usize,
}

/// A term with its depth.
type Read = Result<(Term, usize), Fault>;

impl Parser {
    fn or(&mut self) -> Read {
        self.chain(Self::and, &[("or", Operator::Or)])
    }

    fn and(&mut self) -> Read {
        self.chain(Self::not, &[("and", Operator::And)])
    }

    fn not(&mut self) -> Read {
        let at = self.at();
        if !self.take("not") {
            return self.comparison();
        }
        let (operand, depth) = self.nested(Self::not)?;
        self.made(at, Node::Not(Box::new(operand)), depth)
    }

    fn comparison(&mut self) -> Read {
        const SIGNS: [(&str, Operator); 8] = [
            ("=", Operator::Equal),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<>", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
            (">=", Operator::GreaterOrEqual),
            (">", Operator::Greater),
        ];
        let left = self.sum()?;
        match self.take_one_of(&SIGNS) {
            Some((at, operator)) => {
                let right = self.sum()?;
                self.binary(at, operator, left, right)
            }
            None => Ok(left),
        }
    }

    fn sum(&mut self) -> Read {
        self.chain(Self::product, &[("+", Operator::Add), ("-", Operator::Subtract)])
    }

    fn product(&mut self) -> Read {
        self.chain(Self::negation, &[("*", Operator::Multiply), ("/", Operator::Divide)])
    }

    fn negation(&mut self) -> Read {
        let at = self.at();
        if !self.take("-") {
            return self.operand();
        }
        let (operand, depth) = self.nested(Self::negation)?;
        self.made(at, Node::Negate(Box::new(operand)), depth)
    }

    fn operand(&mut self) -> Read {
        let at = self.at();
        let token = self.peek();
        self.next += 1;
        match token {
            Token::Number(number) => self.made(at, Node::Number(number), 0),
            Token::Text(text) => self.made(at, Node::Text(text), 0),
            Token::Name(word, Quoted::No) if word == "true" => self.made(at, Node::Bool(true), 0),
            Token::Name(word, Quoted::No) if word == "false" => self.made(at, Node::Bool(false), 0),
            Token::Name(name, quoted) if quoted == Quoted::No && self.take("(") => self.call(at, name),
            Token::Name(word, Quoted::No) if matches!(word.as_str(), "and" | "or" | "not") => {
                self.next -= 1;
                Err(self.unexpected(&format!("`{word}`")))
            }
            Token::Name(name, _) => self.name(at, name),
            Token::Sign("(") => {
                let inner = self.nested(Self::or)?;
                self.expect(")")?;
                Ok(inner)
            }
            other @ (Token::Sign(_) | Token::End) => {
                self.next -= 1;
                Err(self.unexpected(&other.words()))
            }
        }
    }

    fn name(&mut self, at: usize, field: String) -> Read {
        let column = if self.take(".") {
            match self.peek() {
                Token::Name(column, _) => {
                    self.next += 1;
                    Some(column)
                }
                other => return Err(self.unexpected(&other.words())),
            }
        } else {
            None
        };
        self.made(at, Node::Name { field, column }, 0)
    }

    fn call(&mut self, at: usize, name: String) -> Read {
        let mut operands = Vec::new();
        let mut deepest = 0;
        if !self.take(")") {
            loop {
                let (operand, depth) = self.nested(Self::or)?;
                operands.push(operand);
                deepest = deepest.max(depth);
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.made(at, Node::Call(name, operands), deepest)
    }

    /// Operands of one strength, from left to right.
    fn chain(&mut self, operand: fn(&mut Self) -> Read, signs: &[(&str, Operator)]) -> Read {
        let mut left = operand(self)?;
        while let Some((at, operator)) = self.take_one_of(signs) {
            let right = operand(self)?;
            left = self.binary(at, operator, left, right)?;
        }
        Ok(left)
    }

    fn binary(&mut self, at: usize, operator: Operator, left: (Term, usize), right: (Term, usize)) -> Read {
        let depth = left.1.max(right.1);
        self.made(at, Node::Binary(operator, Box::new(left.0), Box::new(right.0)), depth)
    }

    /// What stands inside something; so deep that reading it could not end well is refused on the way.
    fn nested(&mut self, inner: fn(&mut Self) -> Read) -> Read {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(self.too_deep());
        }
        let read = inner(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn made(&mut self, at: usize, node: Node, depth: usize) -> Read {
        self.size += 1;
        if self.size > SIZE_LIMIT {
            let message = format!("an expression may have at most {SIZE_LIMIT} parts");
            return Err(Fault::new(at, "expression_too_large", message));
        }
        if depth >= DEPTH_LIMIT {
            return Err(self.too_deep());
        }
        Ok((Term { at, node }, depth + 1))
    }

    fn too_deep(&self) -> Fault {
        let message = format!("an expression may be at most {DEPTH_LIMIT} deep");
        Fault::new(self.at(), "expression_too_large", message)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(0, |(at, _)| *at)
    }

    fn peek(&self) -> Token {
        self.tokens.get(self.next).map_or(Token::End, |(_, token)| token.clone())
    }

    /// Whether the next token is this sign or word; then it is behind us.
    fn take(&mut self, wanted: &str) -> bool {
        let found = match self.tokens.get(self.next) {
            Some((_, Token::Sign(sign))) => *sign == wanted,
            Some((_, Token::Name(name, Quoted::No))) => name == wanted,
            Some((_, Token::Name(_, Quoted::Yes) | Token::Number(_) | Token::Text(_) | Token::End))
            | None => false,
        };
        self.next += usize::from(found);
        found
    }

    fn take_one_of(&mut self, signs: &[(&str, Operator)]) -> Option<(usize, Operator)> {
        let at = self.at();
        signs.iter().find(|(sign, _)| self.take(sign)).map(|(_, operator)| (at, *operator))
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take(sign) {
            return Ok(());
        }
        let message = format!("{} stands where `{sign}` is missing", self.peek().words());
        Err(Fault::new(self.at(), "expression_invalid", message))
    }

    fn unexpected(&self, what: &str) -> Fault {
        Fault::new(self.at(), "expression_invalid", format!("{what} stands where it makes no sense"))
    }
}
