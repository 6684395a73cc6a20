//! The templates that sub-processes begin, looked at when the template with the node is.

use crate::app::App;
use crate::error::Error;
use zhupi_engine::ids::TenantId;
use zhupi_engine::template::{Block, SubProcess, check_child};
use zhupi_engine::{Problem, Template};
use zhupi_store::TemplateState;

impl App {
    /// What is wrong with the sub-processes of a template in view of the templates they begin.
    pub async fn check_children(&self, tenant: TenantId, template: &Template) -> Result<Vec<Problem>, Error> {
        let mut problems = Vec::new();
        for (path, block) in template.placed_blocks() {
            if let Block::SubProcess(node) = block {
                problems.extend(self.look_at_child(tenant, node, &path).await?);
            }
        }
        Ok(problems)
    }

    async fn look_at_child(
        &self,
        tenant: TenantId,
        node: &SubProcess,
        path: &str,
    ) -> Result<Vec<Problem>, Error> {
        let row = self.store.load_template(tenant, node.template).await?;
        let at = format!("{path}.template");
        let Some(row) = row.filter(|row| row.state != TemplateState::Deleted) else {
            let message = "there is no such template in this workspace";
            return Ok(vec![Problem::error(at, "child_unknown", message)]);
        };
        let Some(version) = row.current_version else {
            let message = format!("`{}` has no published version yet: it cannot begin before", row.name);
            return Ok(vec![Problem::warning(at, "child_not_ready", message)]);
        };
        let child = self.template(tenant, row.id, version).await?;
        let mut problems = check_child(node, path, &child);
        if row.state == TemplateState::Disabled {
            let message = format!("`{}` is disabled: it cannot begin", row.name);
            problems.push(Problem::warning(at, "child_not_ready", message));
        }
        Ok(problems)
    }
}
