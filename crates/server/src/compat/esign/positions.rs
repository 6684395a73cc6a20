//! `approveSealPositions`, checked member by member, and back again.

use super::wire::SealPosition;
use crate::app::sealing::{Pages, Position, Style, read_picture};
use crate::error::Error;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// So many positions in one record.
const MOST: usize = 200;
/// The longest keyword, and the longest list of pages, in characters.
const LONGEST: usize = 100;
/// No page is larger, in points.
const FARTHEST: f64 = 100_000.0;
const NAME: &str = "approveSealPositions";

/// The positions of a record: a list, or the JSON text of one, as the family's own table says.
pub fn read(given: &Json) -> Result<Vec<Position>, Error> {
    let parsed;
    let list = match given {
        Json::Array(list) => list,
        Json::String(text) => {
            parsed = serde_json::from_str::<Vec<Json>>(text)
                .map_err(|cause| Error::field(NAME, format!("the text is not a JSON list: {cause}")))?;
            &parsed
        }
        Json::Null => return Err(Error::field(NAME, "it is required")),
        _ => return Err(Error::field(NAME, "expected a list, or the JSON text of one")),
    };
    if list.is_empty() {
        return Err(Error::field(NAME, "expected at least one position"));
    }
    if list.len() > MOST {
        return Err(Error::field(NAME, format!("expected at most {MOST} positions")));
    }
    list.iter().enumerate().map(|(n, item)| read_one(n, item)).collect()
}

fn read_one(n: usize, item: &Json) -> Result<Position, Error> {
    let members =
        item.as_object().ok_or_else(|| Error::field(&format!("{NAME}[{n}]"), "expected an object"))?;
    let item = Item { n, members };
    let style = item.style()?;
    let by_keyword = match item.whole("posType", 0, 1)?.unwrap_or(0) {
        0 => style == Style::Keyword,
        _ => true,
    };
    let position = Position {
        seal: item.seal()?,
        picture: item.picture()?,
        picture_key: item.text("sealOsskey", 500)?,
        style,
        pages: item.pages(style)?,
        keyword: item.text("key", LONGEST)?,
        by_keyword,
        x: item.coordinate("posX", style != Style::Crossing && style != Style::Keyword)?,
        y: item.coordinate("posY", style != Style::Keyword)?,
    };
    if position.seal.is_none() && position.picture.is_empty() {
        return Err(item.wrong("sealId", "a seal is required, or its picture in `sealBase64`"));
    }
    if style == Style::Keyword && position.keyword.trim().is_empty() {
        return Err(item.wrong("key", "it is required where `signType` is 4"));
    }
    // Only with `signType` 4 has it an effect.
    Ok(Position { by_keyword: position.by_keyword && style == Style::Keyword, ..position })
}

/// One position being read.
struct Item<'a> {
    n: usize,
    members: &'a Map<String, Json>,
}

impl Item<'_> {
    fn wrong(&self, member: &str, message: impl Into<String>) -> Error {
        Error::field(&format!("{NAME}[{}].{member}", self.n), message)
    }

    fn style(&self) -> Result<Style, Error> {
        Ok(match self.whole("signType", 0, 4)? {
            None => return Err(self.wrong("signType", "it is required: 0 to 4")),
            Some(0) => Style::Unset,
            Some(1) => Style::SinglePage,
            Some(2) => Style::SeveralPages,
            Some(3) => Style::Crossing,
            Some(_) => Style::Keyword,
        })
    }

    /// A whole number within bounds, or the text of one.
    fn whole(&self, member: &str, least: i64, most: i64) -> Result<Option<i64>, Error> {
        let number = match self.members.get(member) {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Number(number)) => number.as_i64(),
            Some(Json::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Json::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(member, format!("expected {least} to {most}"))),
        }
    }

    fn coordinate(&self, member: &str, required: bool) -> Result<f64, Error> {
        let number = match self.members.get(member) {
            None | Some(Json::Null) if required => return Err(self.wrong(member, "it is required")),
            None | Some(Json::Null) => return Ok(0.0),
            Some(Json::Number(number)) => number.as_f64(),
            Some(Json::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if number.is_finite() && number.abs() <= FARTHEST => Ok(number),
            _ => Err(self.wrong(member, "expected a finite number of points")),
        }
    }

    fn text(&self, member: &str, longest: usize) -> Result<String, Error> {
        let text = match self.members.get(member) {
            None | Some(Json::Null) => return Ok(String::new()),
            Some(Json::String(text)) => text,
            Some(_) => return Err(self.wrong(member, "expected a text")),
        };
        if text.chars().count() > longest {
            return Err(self.wrong(member, format!("expected at most {longest} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong(member, "expected no control characters"));
        }
        Ok(text.clone())
    }

    fn seal(&self) -> Result<Option<Uuid>, Error> {
        let text = self.text("sealId", LONGEST)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        Uuid::parse_str(text.trim()).map(Some).map_err(|_| self.wrong("sealId", "there is no such seal"))
    }

    fn picture(&self) -> Result<String, Error> {
        let text = match self.members.get("sealBase64") {
            None | Some(Json::Null) => return Ok(String::new()),
            Some(Json::String(text)) if text.trim().is_empty() => return Ok(String::new()),
            Some(Json::String(text)) => text.trim(),
            Some(_) => return Err(self.wrong("sealBase64", "expected a text")),
        };
        read_picture(text).map_err(|why| self.wrong("sealBase64", why))?;
        Ok(text.to_owned())
    }

    /// Text or number; needed where the style is about pages.
    fn pages(&self, style: Style) -> Result<Pages, Error> {
        let text = match self.members.get("posPage") {
            Some(Json::Number(number)) => number.to_string(),
            _ => self.text("posPage", LONGEST)?,
        };
        let about_pages = match style {
            Style::Unset | Style::SinglePage | Style::SeveralPages => true,
            Style::Crossing | Style::Keyword => false,
        };
        if about_pages && text.trim().is_empty() {
            return Err(self.wrong("posPage", "it is required"));
        }
        let pages: Pages = text.parse().map_err(|why: String| self.wrong("posPage", why))?;
        if style == Style::SinglePage && !pages.is_single() {
            return Err(self.wrong("posPage", "expected one page, since `signType` is 1"));
        }
        if style == Style::Crossing && pages.is_single() {
            return Err(self.wrong("posPage", "expected several pages, since `signType` is 3"));
        }
        Ok(pages)
    }
}

/// A position in this family's words.
pub fn to_wire(position: &Position) -> SealPosition {
    SealPosition {
        pos_x: position.x,
        pos_y: position.y,
        seal_base64: position.picture.clone(),
        seal_id: position.seal.map(|seal| seal.to_string()).unwrap_or_default(),
        seal_osskey: position.picture_key.clone(),
        sign_type: match position.style {
            Style::Unset => 0,
            Style::SinglePage => 1,
            Style::SeveralPages => 2,
            Style::Crossing => 3,
            Style::Keyword => 4,
        },
        pos_page: position.pages.to_string(),
        key: position.keyword.clone(),
        pos_type: u8::from(position.by_keyword),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Json {
        json!({
            "posX": 100.0, "posY": 100.0, "sealBase64": "", "sealOsskey": "",
            "sealId": "826fc2b4-2de7-4920-82d6-55ee9cd3920a",
            "signType": 1, "posPage": "1", "key": "", "posType": 0,
        })
    }

    fn with(member: &str, value: Json) -> Json {
        let mut item = sample();
        item[member] = value;
        json!([item])
    }

    /// The member that a refusal names.
    fn refused(positions: &Json) -> String {
        match read(positions) {
            Err(Error::BadRequest { field: Some(field), .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_list_and_its_text_say_the_same() {
        let list = json!([sample()]);
        assert_eq!(read(&list).unwrap(), read(&json!(list.to_string())).unwrap());
        assert_eq!(serde_json::to_value(to_wire(&read(&list).unwrap()[0])).unwrap(), sample());
    }

    #[test]
    fn numbers_may_be_texts_and_pages_may_be_numbers() {
        for (member, value) in
            [("posPage", json!(1)), ("posX", json!("100")), ("signType", json!("1")), ("posType", json!(""))]
        {
            assert_eq!(read(&with(member, value)).unwrap(), read(&json!([sample()])).unwrap(), "{member}");
        }
    }

    #[test]
    fn every_member_is_checked_by_name() {
        let wrong = [
            ("posX", json!("far")),
            ("posX", json!("NaN")),
            ("posX", json!(1e300)),
            ("posY", json!(null)),
            ("posY", json!("inf")),
            ("signType", json!(5)),
            ("signType", json!(-1)),
            ("signType", json!(null)),
            ("signType", json!(1.5)),
            ("posType", json!(2)),
            ("posPage", json!("0")),
            ("posPage", json!("1-3")),
            ("posPage", json!("")),
            ("posPage", json!([1])),
            ("key", json!("x".repeat(101))),
            ("sealId", json!("")),
            ("sealId", json!("not a uuid")),
            ("sealId", json!(7)),
            ("sealBase64", json!("???")),
            ("sealOsskey", json!("x".repeat(501))),
        ];
        for (member, value) in wrong {
            let expected = format!("approveSealPositions[0].{member}");
            assert_eq!(refused(&with(member, value.clone())), expected, "{value}");
        }
    }

    #[test]
    fn a_keyword_is_needed_for_type_4_and_nothing_else() {
        assert_eq!(refused(&with("signType", json!(4))), "approveSealPositions[0].key");
        let mut item = sample();
        item["signType"] = json!(4);
        item["key"] = json!("甲方盖章");
        item.as_object_mut().unwrap().remove("posX");
        item.as_object_mut().unwrap().remove("posPage");
        let read = read(&json!([item])).unwrap();
        assert!(read[0].by_keyword);
        assert_eq!((read[0].pages.clone(), read[0].x), (Pages::All, 0.0));
    }

    #[test]
    fn a_crossing_seal_needs_several_pages() {
        assert_eq!(refused(&with("signType", json!(3))), "approveSealPositions[0].posPage");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for wrong in [json!(null), json!([]), json!("[]"), json!("{"), json!(7), json!({})] {
            assert_eq!(refused(&wrong), "approveSealPositions", "{wrong}");
        }
        assert_eq!(refused(&json!([7])), "approveSealPositions[0]");
        assert_eq!(refused(&json!(vec![sample(); 201])), "approveSealPositions");
    }
}
