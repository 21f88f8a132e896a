//! Tells the artist through the desktop, with the program that desktops have for it.

use std::process::Stdio;

use tokio::process::Command;

/// Tells. A desktop without such a program is no trouble: the window says it too, and its button in
/// the task bar asks for attention.
pub(super) async fn tell(title: &str, text: &str) {
    let mut command = command(title, text);
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.status().await {
        tracing::debug!("notification: {error}");
    }
}

#[cfg(target_os = "macos")]
fn command(title: &str, text: &str) -> Command {
    // Title and text are arguments of the script, never part of it.
    let mut command = Command::new("osascript");
    command.args(["-e", "on run argv"]);
    command.args(["-e", "display notification (item 2 of argv) with title (item 1 of argv)"]);
    command.args(["-e", "end run", title, text]);
    command
}

#[cfg(not(target_os = "macos"))]
fn command(title: &str, text: &str) -> Command {
    let mut command = Command::new("notify-send");
    command.args(["--app-name=BlendNet", "--", title, text]);
    command
}
