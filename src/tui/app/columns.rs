//! Which columns are shown: a person's own choice, kept from one console to the next.

use super::layers::Layer;
use super::{App, Screen};
use crate::tui::messages::Request;
use crate::tui::rows::Cursor;

impl App {
    /// Tells whether a column of a screen is wanted.
    #[must_use]
    pub fn wants_column(&self, screen: Screen, name: &str) -> bool {
        !self.hidden.get(screen.title()).is_some_and(|hidden| hidden.contains(name))
    }

    pub(super) fn choose_columns(&mut self) -> Vec<Request> {
        let names = (self.layout.columns)(self);
        self.layers.push(Layer::Columns(Cursor::default(), names));
        Vec::new()
    }

    /// Shows a column of the screen that was hidden, or hides it.
    pub(super) fn toggle_column(&mut self, name: &str) -> Vec<Request> {
        let hidden = self.hidden.entry(self.screen.title().to_owned()).or_default();
        if !hidden.remove(name) {
            hidden.insert(name.to_owned());
        }
        vec![Request::KeepColumns(self.hidden.clone())]
    }
}
