//! What the documents show can be done as it stands there.

use std::collections::BTreeSet;
use zhupi_engine::{Severity, Template, check_template};

const TEMPLATES: &str = include_str!("../../../../docs/templates.md");

#[test]
fn the_documented_template_has_every_kind_of_node_and_can_be_published() {
    let text = TEMPLATES.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let template: Template = serde_json::from_str(text).unwrap();
    let errors: Vec<_> =
        check_template(&template).into_iter().filter(|it| it.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let written = serde_json::to_string(&template).unwrap();
    assert_eq!(serde_json::from_str::<Template>(&written).unwrap(), template);
    let kind = |block| serde_json::to_value(block).unwrap()["kind"].as_str().unwrap().to_owned();
    let kinds: BTreeSet<String> = template.blocks().into_iter().map(kind).collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
}
