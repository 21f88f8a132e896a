//! Where everything in the real window is: named as a screen reader is told, clicked by a real mouse.

use fs_err as fs;
use serde::Deserialize;

use crate::Window;

/// Something in the window.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Thing {
    /// What sort, such as `Button`.
    pub role: String,
    /// What it is called, or says.
    pub name: String,
    /// Whether it does something.
    pub enabled: bool,
    /// From left, top to right, bottom.
    pub at: [f64; 4],
}

impl Thing {
    /// Its middle.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "on a display")]
    pub fn middle(&self) -> (u32, u32) {
        let [left, top, right, bottom] = self.at;
        (f64::midpoint(left, right) as u32, f64::midpoint(top, bottom) as u32)
    }
}

impl Window {
    /// All that is in the window now.
    pub fn things(&self) -> Vec<Thing> {
        let text = fs::read_to_string(self.whereabouts()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until something of this role and name does something, and stays where it is. Of several
    /// the lowest: tabs, at the top, have names of buttons below.
    ///
    /// # Panics
    /// If it does not for long.
    pub fn finds(&self, role: &str, name: &str) -> Thing {
        let find = || {
            let fits = |thing: &Thing| thing.role == role && thing.name == name && thing.enabled;
            self.things().into_iter().filter(fits).max_by(|a, b| a.at[1].total_cmp(&b.at[1]))
        };
        self.sees(&format!("the {role} `{name}`"), |_| find())
    }

    /// Waits until something in the window says this.
    ///
    /// # Panics
    /// If nothing does for long.
    pub fn reads(&self, text: &str) -> String {
        let read = || self.things().into_iter().map(|thing| thing.name).find(|n| n.contains(text));
        self.sees(&format!("`{text}`"), |_| read().map(drop));
        read().unwrap_or_default()
    }

    /// A step: clicks a button.
    pub fn press(&self, name: &str) {
        self.press_a("Button", name);
    }

    /// A step: clicks something of another role.
    pub fn press_a(&self, role: &str, name: &str) {
        self.click(self.finds(role, name).middle());
        self.step(format!("click {name}"));
    }

    /// A step: types into a field, instead of what is there, and enters it.
    pub fn enter(&self, field: &str, text: &str) {
        self.click(self.finds("TextInput", field).middle());
        self.key("ctrl+a");
        self.type_in(text);
        self.key("Return");
        self.step(format!("type into {field}, Enter"));
    }
}
