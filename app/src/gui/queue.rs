//! The renders of this window: those that run or wait for agents, and those that ended.

use std::path::{Path, PathBuf};

use super::running::Running;

/// Renders, oldest first, and the one that is looked at.
#[derive(Debug, Default)]
pub struct Queue {
    all: Vec<Running>,
    shown: Option<u64>,
    last_key: u64,
    priority: i32,
}

impl Queue {
    /// All of them, oldest first.
    pub fn all(&self) -> &[Running] {
        &self.all
    }

    /// The one that is looked at.
    pub fn shown(&self) -> Option<&Running> {
        self.all.iter().find(|render| Some(render.key) == self.shown)
    }

    /// The one that is looked at.
    pub fn shown_mut(&mut self) -> Option<&mut Running> {
        let shown = self.shown;
        self.all.iter_mut().find(|render| Some(render.key) == shown)
    }

    /// The render with this key.
    pub fn get(&self, key: u64) -> Option<&Running> {
        self.all.iter().find(|render| render.key == key)
    }

    /// The render with this key.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut Running> {
        self.all.iter_mut().find(|render| render.key == key)
    }

    /// Adds a render, looks at it, and gives its key.
    pub fn add(&mut self, mut render: Running) -> u64 {
        self.last_key += 1;
        render.key = self.last_key;
        self.shown = Some(render.key);
        self.all.push(render);
        self.last_key
    }

    /// Looks at another render.
    pub fn look_at(&mut self, key: u64) {
        if self.get(key).is_some() {
            self.shown = Some(key);
        }
    }

    /// A priority above all that were given before.
    pub fn before_all(&mut self) -> i32 {
        self.priority = self.priority.saturating_add(1);
        self.priority
    }

    /// Takes a render off the list, and looks at the newest one that is left if it was shown.
    pub fn remove(&mut self, key: u64) -> Option<Running> {
        let at = self.all.iter().position(|render| render.key == key)?;
        let removed = self.all.remove(at);
        if self.shown == Some(key) {
            self.shown = self.all.last().map(|render| render.key);
        }
        Some(removed)
    }

    /// Finds out what is drawn of all frames together, where they changed.
    pub fn count_frames(&mut self) {
        self.all.iter_mut().for_each(Running::count_frames);
    }

    /// Those that are not at their end.
    pub fn going(&self) -> impl Iterator<Item = &Running> {
        self.all.iter().filter(|render| render.is_going())
    }

    /// Whether pictures of this name are being written to the folder.
    pub fn writes(&self, name: &str, output: &Path) -> bool {
        let output = std::path::absolute(output).unwrap_or_else(|_e| PathBuf::from(output));
        let folder = |render: &Running| {
            std::path::absolute(&render.output).unwrap_or_else(|_e| render.output.clone())
        };
        self.going().any(|render| render.name == name && folder(render) == output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_render_is_looked_at_when_the_one_that_was_is_taken_off() {
        let mut queue = Queue::default();
        let keys = ["a", "b", "c"].map(|name| queue.add(Running::new(name.into(), "/out".into())));
        queue.look_at(keys[1]);
        assert_eq!(queue.remove(keys[1]).unwrap().name, "b");
        assert_eq!(queue.shown().unwrap().name, "c");
        queue.look_at(keys[1]);
        assert_eq!(queue.shown().unwrap().name, "c", "what is gone can't be looked at");
        for key in keys {
            queue.remove(key);
        }
        assert!(queue.shown().is_none());
    }

    #[test]
    fn the_same_pictures_are_not_written_by_two_renders_at_once() {
        let mut queue = Queue::default();
        let key = queue.add(Running::new("a.blend".into(), "/out".into()));
        assert!(queue.writes("a.blend", Path::new("/out")));
        assert!(!queue.writes("a.blend", Path::new("/other")));
        assert!(!queue.writes("b.blend", Path::new("/out")));
        let problem = crate::workflow::problem::Problem::farm("gone");
        queue.get_mut(key).unwrap().end(Err(problem));
        assert!(!queue.writes("a.blend", Path::new("/out")));
    }
}
