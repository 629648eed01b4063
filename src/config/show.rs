//! `config show`: every value, and where it came from.

use serde_json::json;
use toml::Value;
use unicode_width::UnicodeWidthStr as _;

use super::leaf::inline;
use super::load::Loaded;
use super::origin::Origin;
use super::settings::ROOT;

/// Wider values are not lined up behind, or one long list would push every origin off the screen.
const WIDEST_VALUE: usize = 40;

impl Loaded {
    /// Gives the merged configuration as text, one `key = value  # from …` a line.
    #[must_use]
    pub fn show(&self) -> String {
        let mut rows = Vec::new();
        self.tree.visit(&ROOT, "", &mut |path, _, value, origin| rows.push((path, inline(value), origin)));
        let key_width = rows.iter().map(|(key, ..)| key.width()).max().unwrap_or(0);
        let value_widths = rows.iter().map(|(_, value, _)| value.width());
        let value_width = value_widths.filter(|&width| width <= WIDEST_VALUE).max().unwrap_or(0);
        let lines = rows.iter().map(|(key, value, origin)| {
            let behind_key = " ".repeat(key_width.saturating_sub(key.width()));
            let behind_value = " ".repeat(value_width.saturating_sub(value.width()));
            format!("{key}{behind_key} = {value}{behind_value}  # from {origin}\n")
        });
        lines.collect()
    }

    /// Gives the merged configuration as JSON: `{"schema":1,"files":[…],"values":[{"key","value","origin"}]}`.
    #[must_use]
    pub fn show_json(&self) -> String {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| json!({ "layer": file.layer.word(), "path": file.path.display().to_string() }))
            .collect();
        let mut values = Vec::new();
        self.tree.visit(&ROOT, "", &mut |path, _, value, origin| {
            values.push(json!({ "key": path, "value": to_json(value), "origin": origin_json(origin) }));
        });
        let shown = json!({
            "schema": 1,
            "files": files,
            "values": values,
            "ignored_variables": self.ignored_variables,
        });
        format!("{shown}\n")
    }
}

fn origin_json(origin: &Origin) -> serde_json::Value {
    match origin {
        Origin::Default => json!({ "from": "default" }),
        Origin::File { layer, file, line } => {
            json!({ "from": layer.word(), "file": file.display().to_string(), "line": line })
        }
        Origin::Variable(name) => json!({ "from": "variable", "name": name }),
        Origin::Flag(name) => json!({ "from": "flag", "name": name }),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Boolean(boolean) => json!(boolean),
        Value::Datetime(time) => json!(time.to_string()),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Table(entries) => entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}
