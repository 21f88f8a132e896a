//! The real window on a display of its own, driven by mouse and keyboard, seen by its pixels.

use crate::{command, program, wait_for};
use fs_err as fs;
use image::RgbImage;
use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What is not seen for this long is a failure.
const PATIENCE: Duration = Duration::from_mins(4);
/// Looking costs the machine something, too.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// The colour of the one thing to do next.
const ACCENT: [u8; 3] = [0xE8, 0x7D, 0x0D];
/// Such a button is larger than lines and bars of plots.
const LEAST_BUTTON: [usize; 2] = [100, 20];
/// Below the bar with the name, which has that colour.
const BELOW_BAR: u32 = 45;

/// A display with our window on it. Both end when this is dropped.
pub struct Window {
    display: Child,
    app: Child,
    name: String,
    screens: PathBuf,
    whereabouts: PathBuf,
    steps: RefCell<Vec<String>>,
}

impl Window {
    /// Opens the window with its data in `folder/data`.
    ///
    /// # Panics
    /// If a program is missing (`make test` installs them), or the window does not come.
    pub fn open(folder: &Path, arguments: &[&OsStr]) -> Self {
        let (display, name) = start_display(&[]);
        let whereabouts = folder.join("whereabouts");
        let app = command("blendnet")
            .arg("--data-dir")
            .arg(folder.join("data"))
            .args(arguments)
            .env("DISPLAY", &name)
            .env("BLENDNET_WHEREABOUTS", &whereabouts)
            .env_remove("WAYLAND_DISPLAY")
            .stderr(fs::File::create(folder.join("window.log")).expect("a log").into_file())
            .spawn()
            .expect("the app starts");
        let screens = program("blendnet").with_file_name("").join("../screens");
        fs::create_dir_all(&screens).expect("a folder for screens");
        let window = Self::new(display, app, name, screens, whereabouts);
        let id = window.xdotool(&["search", "--sync", "--onlyvisible", "--name", "BlendNet"]);
        window.xdotool(&["windowmove", id.trim(), "0", "0", "windowfocus", id.trim()]);
        window
    }

    /// Another program on a display of its own; waits until its window is seen.
    ///
    /// # Panics
    /// If a program is missing, or the window does not come.
    pub fn of_other(mut command: Command, title: &str) -> Self {
        let (display, name) = start_display(&[]);
        command.env("DISPLAY", &name).env_remove("WAYLAND_DISPLAY").stderr(Stdio::null());
        let app = command.stdout(Stdio::null()).spawn().expect("the program starts");
        let screens = program("blendnet").with_file_name("").join("../screens");
        fs::create_dir_all(&screens).expect("a folder for screens");
        let window = Self::new(display, app, name, screens, PathBuf::new());
        window.xdotool(&["search", "--sync", "--onlyvisible", "--name", title]);
        window
    }

    /// Seconds from the start of a program until its window, called BlendNet, is seen.
    ///
    /// # Panics
    /// If a program is missing.
    pub fn start_secs(program: &Path, arguments: &[OsString]) -> f64 {
        let (display, name) = start_display(&[]);
        let began = Instant::now();
        let mut command = Command::new(program);
        command.args(arguments).env("DISPLAY", &name).env_remove("WAYLAND_DISPLAY");
        let app = command.stderr(Stdio::null()).spawn().expect("the program starts");
        let window = Self::new(display, app, name, PathBuf::new(), PathBuf::new());
        window.xdotool(&["search", "--sync", "--onlyvisible", "--name", "BlendNet"]);
        began.elapsed().as_secs_f64()
    }

    fn new(
        display: Child,
        app: Child,
        name: String,
        screens: PathBuf,
        whereabouts: PathBuf,
    ) -> Self {
        Self { display, app, name, screens, whereabouts, steps: RefCell::default() }
    }

    /// The file that says where everything is; see `app/src/gui/whereabouts.rs`.
    pub(crate) fn whereabouts(&self) -> &Path {
        &self.whereabouts
    }

    /// Notes a step of the user.
    pub fn step(&self, step: String) {
        self.steps.borrow_mut().push(step);
    }

    /// The steps of the user so far.
    pub fn steps(&self) -> Vec<String> {
        self.steps.borrow().clone()
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("xdotool");
        let output = command.args(arguments).env("DISPLAY", &self.name).output();
        let output = output.expect("xdotool is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The display, such as `:7`.
    pub fn display(&self) -> &str {
        &self.name
    }

    /// Process id of the app.
    pub fn pid(&self) -> u32 {
        self.app.id()
    }

    /// Closes the window by its key, and waits for the end of the app.
    ///
    /// # Panics
    /// If it does not end.
    pub fn close(&mut self) {
        self.key("ctrl+q");
        let app = &mut self.app;
        wait_for("the end of the app", PATIENCE, || {
            app.try_wait().is_ok_and(|status| status.is_some_and(|status| status.success()))
        });
    }

    /// Clicks.
    pub fn click(&self, (x, y): (u32, u32)) {
        let (x, y) = (x.to_string(), y.to_string());
        self.xdotool(&["mousemove", &x, &y]);
        self.xdotool(&["click", "1"]);
    }

    /// Moves the pointer.
    pub fn point_at(&self, (x, y): (u32, u32)) {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
    }

    /// Turns the wheel down over a place.
    pub fn scroll(&self, at: (u32, u32), notches: u32) {
        self.point_at(at);
        self.xdotool(&["click", "--repeat", &notches.to_string(), "--delay", "40", "5"]);
    }

    /// Turns the wheel up over a place.
    pub fn scroll_up(&self, at: (u32, u32), notches: u32) {
        self.point_at(at);
        self.xdotool(&["click", "--repeat", &notches.to_string(), "--delay", "40", "4"]);
    }

    /// Presses a key, such as `Return` or `ctrl+3`.
    pub fn key(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    /// Types.
    pub fn type_in(&self, text: &str) {
        self.xdotool(&["type", "--delay", "4", text]);
    }

    /// What is seen now.
    ///
    /// # Panics
    /// If the display is gone.
    pub fn look(&self) -> RgbImage {
        let mut command = Command::new("import");
        let output = command.args(["-window", "root", "png:-"]).env("DISPLAY", &self.name).output();
        let output = output.expect("imagemagick is installed");
        image::load_from_memory(&output.stdout).expect("a screenshot").to_rgb8()
    }

    /// Waits until something is seen, twice in a row as the same: what is found in a view that is about to
    /// be drawn anew is not where it will be clicked.
    ///
    /// # Panics
    /// If it is not seen for long; what is seen then lies in the folder of screens.
    pub fn sees<T: PartialEq>(&self, what: &str, seen: impl Fn(&RgbImage) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            match seen(&self.look()) {
                Some(found) if before.as_ref() == Some(&found) => return found,
                found => before = found,
            }
            if Instant::now() > until {
                self.keep("not-seen");
                panic!("{what} is not seen; see target/screens/not-seen.png");
            }
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
    }

    /// Keeps what is seen now as `target/screens/NAME.png`.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn keep(&self, name: &str) -> RgbImage {
        let seen = self.look();
        seen.save(self.screens.join(format!("{name}.png"))).expect("a screen is kept");
        seen
    }
}

/// What the app says and its exit code where the display has no OpenGL.
///
/// # Panics
/// If a program is missing.
pub fn opened_without_opengl(folder: &Path) -> Output {
    let (mut display, name) = start_display(&["-extension", "GLX"]);
    let mut command = command("blendnet");
    command.arg("--data-dir").arg(folder.join("data"));
    // Without GLX it is looked for at EGL, which would draw without the display.
    command.env("DISPLAY", &name).env("__EGL_VENDOR_LIBRARY_DIRS", "/no/such/folder");
    let output = command.env_remove("WAYLAND_DISPLAY").output();
    drop(display.kill());
    drop(display.wait());
    output.expect("the app starts")
}

fn start_display(options: &[&str]) -> (Child, String) {
    let mut display = Command::new("Xvfb")
        .args(options)
        .args(["-displayfd", "1", "-screen", "0", "1200x780x24", "-noreset", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is installed");
    let mut number = String::new();
    let stdout = display.stdout.take().expect("Xvfb tells its display");
    BufReader::new(stdout).read_line(&mut number).expect("Xvfb starts");
    (display, format!(":{}", number.trim()))
}

impl Drop for Window {
    fn drop(&mut self) {
        for child in [&mut self.app, &mut self.display] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The middle of the one thing to do next, the topmost area of its colour that is as large as a button;
/// `None` if there is nothing to do.
pub fn main_button(seen: &RgbImage) -> Option<(u32, u32)> {
    let is_accent = |x: u32, y: u32| seen.get_pixel_checked(x, y).is_some_and(|p| p.0 == ACCENT);
    let places = (BELOW_BAR..seen.height()).flat_map(|y| (0..seen.width()).map(move |x| (x, y)));
    let found = places.filter(|(x, y)| is_accent(*x, *y)).find_map(|(x, y)| {
        let width = (x..seen.width()).take_while(|x| is_accent(*x, y)).count();
        let height = (y..seen.height()).take_while(|y| is_accent(x, *y)).count();
        let is_button = width >= LEAST_BUTTON[0] && height >= LEAST_BUTTON[1];
        is_button.then_some((x, y, width, height))
    });
    let (x, y, width, height) = found?;
    let half = |length: usize| u32::try_from(length / 2).unwrap_or_default();
    Some((x + half(width), y + half(height)))
}

/// The part of the window in which the picture is.
pub fn picture_area(seen: &RgbImage) -> RgbImage {
    image::imageops::crop_imm(seen, 60, 180, 720, 400).to_image()
}

/// Share of pixels that differ by more than a little.
pub fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    let differs = |(a, b): (&image::Rgb<u8>, &image::Rgb<u8>)| {
        a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 4)
    };
    let differing = one.pixels().zip(other.pixels()).filter(|pair| differs(*pair)).count();
    differing as f64 / f64::from(one.width() * one.height())
}

/// How many colours are seen: a picture has many.
pub fn colors(seen: &RgbImage) -> usize {
    seen.pixels().map(|pixel| pixel.0).collect::<std::collections::BTreeSet<_>>().len()
}
