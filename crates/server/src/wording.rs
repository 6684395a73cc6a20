//! What the reader of a request complains of, in words for people: which member, what was expected there and what was found.
//! The reader itself speaks of the types of this program.

/// A time as people write it.
const TIME: &str = "a date or time such as `2026-03-02` or `2026-03-02T09:00:00Z`";

/// The member that is wrong, and what is wrong with it. `path` is where the reader stood, `.` for the whole; `words` is what
/// it said.
pub fn complaint(path: &str, words: &str) -> (String, String) {
    let path = path.trim_matches('.').replace(".[", "[");
    let words = words.rfind(" at line ").and_then(|at| words.get(..at)).unwrap_or(words);
    if let Some((name, _)) = named(words, "missing field ") {
        return (inside(&path, name), "it is required".to_owned());
    }
    if let Some((name, _)) = named(words, "duplicate field ") {
        return (inside(&path, name), "it is given twice".to_owned());
    }
    if let Some((name, rest)) = named(words, "unknown field ") {
        return (inside(&path, name), unknown_member(rest));
    }
    if let Some((name, rest)) = named(words, "unknown variant ") {
        let known = rest.strip_prefix("expected ").map_or_else(|| "nothing".to_owned(), alternatives);
        return (path, format!("expected {known}, found `{name}`"));
    }
    (path, of_value(words))
}

/// A name in backticks after a beginning, and what follows behind a comma.
fn named<'a>(words: &'a str, beginning: &str) -> Option<(&'a str, &'a str)> {
    let (name, rest) = words.strip_prefix(beginning)?.strip_prefix('`')?.split_once('`')?;
    Some((name, rest.trim_start_matches(", ")))
}

/// The path of a member; the reader may stand at it already.
fn inside(path: &str, name: &str) -> String {
    let is_there = path == name || path.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    match path {
        _ if is_there => path.to_owned(),
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

fn unknown_member(rest: &str) -> String {
    match rest.strip_prefix("expected ") {
        Some(known) => format!("nothing is known by this name; expected {}", alternatives(known)),
        None => "nothing is known by this name".to_owned(),
    }
}

/// One name, or one of several.
fn alternatives(known: &str) -> String {
    match known.strip_prefix("one of ") {
        None if known.contains("` or `") => format!("one of {}", known.replace("` or `", "`, `")),
        Some(_) | None => known.to_owned(),
    }
}

/// A value that is not what it should be.
fn of_value(words: &str) -> String {
    if let Some((length, wanted)) =
        words.strip_prefix("invalid length ").and_then(|it| it.split_once(", expected "))
    {
        return format!("expected {}, found a list of {length}", wanted_in_words(wanted));
    }
    let beginnings = ["invalid type: ", "invalid value: "];
    let rest = beginnings.iter().find_map(|beginning| words.strip_prefix(beginning));
    if let Some((found, wanted)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) {
        return format!("expected {}, found {}", wanted_in_words(wanted), found_in_words(found));
    }
    match words {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "expected a whole number".to_owned()
        }
        "number too large to fit in target type" => "the number is too large".to_owned(),
        "number too small to fit in target type" => "the number is too small".to_owned(),
        "provided string was not `true` or `false`" => "expected `true` or `false`".to_owned(),
        _ if words.contains("UUID parsing failed") => "expected an id, which is a UUID".to_owned(),
        _ if words.starts_with("failed to parse") || words.starts_with("failed to find") => {
            format!("expected {TIME}")
        }
        _ if speaks_of_types(words) => "it has not the form that is expected here".to_owned(),
        _ => words.to_owned(),
    }
}

fn speaks_of_types(words: &str) -> bool {
    ["struct ", "enum ", "variant", "::", "trait "].iter().any(|word| words.contains(word))
}

fn wanted_in_words(wanted: &str) -> String {
    let plain = match wanted {
        "a string" | "str" | "string" | "a borrowed string" | "a character" => "a text",
        "a boolean" => "`true` or `false`",
        "a map" => "an object",
        "a sequence" => "a list",
        "unit" | "null" => "nothing",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number from 0 up that is not too large",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number that is not too large",
        "f32" | "f64" => "a number",
        "string or map" => "a word, or an object with one member",
        _ if wanted.starts_with("a nonzero") => "a whole number that is not 0",
        _ if wanted.contains("UUID") || wanted.contains("uuid") => "an id, which is a UUID",
        _ if wanted.contains("Decimal") => "a number",
        _ if wanted.contains("timestamp") || wanted.contains("date") || wanted.contains("time") => TIME,
        _ if wanted.contains("tuple") || wanted.starts_with("an array of") => "a list of another length",
        _ if wanted.starts_with("struct ") || wanted.contains("tagged enum ") => "an object",
        _ if wanted.starts_with("enum ") || wanted.contains("variant") => {
            "a word, or an object with one member"
        }
        _ if speaks_of_types(wanted) => "something else",
        _ => wanted,
    };
    plain.to_owned()
}

fn found_in_words(found: &str) -> String {
    let plain = match found {
        "map" => "an object",
        "sequence" => "a list",
        "null" | "unit value" | "Option value" => "nothing",
        "newtype variant" | "tuple variant" | "struct variant" | "unit variant" => "something else",
        _ => return value_in_words(found),
    };
    plain.to_owned()
}

/// `string "x"`, ``integer `5` `` and the like.
fn value_in_words(found: &str) -> String {
    let value = found.split_once(' ').map(|(_, value)| value).unwrap_or(found);
    let value = value.strip_prefix("point ").unwrap_or(value);
    format!("`{}`", value.trim_matches(['`', '"']))
}

#[cfg(test)]
mod tests {
    use super::complaint;
    use serde::Deserialize;
    use serde_json::{Value as Json, json};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Request {
        id: uuid::Uuid,
        #[serde(default)]
        at: Option<jiff::Timestamp>,
        #[serde(default)]
        many: Vec<u32>,
        #[serde(default)]
        what: Option<What>,
        #[serde(default)]
        flag: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only read")]
    enum What {
        One { text: String },
        Other,
    }

    fn refused(body: &Json) -> String {
        let text = body.to_string();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let cause = serde_path_to_error::deserialize::<_, Request>(&mut reader).unwrap_err();
        let (path, words) = complaint(&cause.path().to_string(), &cause.inner().to_string());
        format!("{path}: {words}")
    }

    #[test]
    fn complaints_are_in_plain_words_and_name_the_place() {
        let id = uuid::Uuid::nil();
        let with = |more: Json| {
            let mut body = json!({ "id": id });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            refused(&body)
        };
        assert_eq!(refused(&json!({})), "id: it is required");
        assert_eq!(refused(&json!({ "id": "7" })), "id: expected an id, which is a UUID");
        assert_eq!(refused(&json!({ "id": 7 })), "id: expected an id, which is a UUID, found `7`");
        assert_eq!(
            with(json!({ "idd": 1 })),
            "idd: nothing is known by this name; expected one of `id`, `at`, `many`, `what`, `flag`"
        );
        assert_eq!(with(json!({ "many": {} })), "many: expected a list, found an object");
        let number = "expected a whole number from 0 up that is not too large";
        assert_eq!(with(json!({ "many": [1, -1] })), format!("many[1]: {number}, found `-1`"));
        assert_eq!(with(json!({ "many": ["x"] })), format!("many[0]: {number}, found `x`"));
        assert_eq!(with(json!({ "flag": null })), "flag: expected `true` or `false`, found nothing");
        assert_eq!(
            with(json!({ "what": { "kind": "two" } })),
            "what.kind: expected one of `one`, `other`, found `two`"
        );
        assert_eq!(with(json!({ "what": { "kind": "one" } })), "what.text: it is required");
        assert_eq!(with(json!({ "what": 3 })), "what: expected an object, found `3`");
        assert!(with(json!({ "at": "soon" })).starts_with("at: expected a date or time such as "));
        assert!(with(json!({ "at": 3 })).starts_with("at: expected a date or time such as "));
        assert_eq!(refused(&json!([])), ": expected an object, found a list of 0");
    }
}
