//! Ends a program with the one that started it.

use std::io;
use tokio_util::sync::CancellationToken;

/// Cancels `token` when standard input ends, which it does when the parent dies, however it dies.
/// What arrives before that is thrown away.
pub fn cancel_at_stdin_eof(token: CancellationToken) {
    cancel_at_eof(io::stdin(), token);
}

/// A thread of its own, since tokio would wait for its read when the program ends.
fn cancel_at_eof(mut input: impl io::Read + Send + 'static, token: CancellationToken) {
    let started = std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let mut sink = [0; 1024];
        while !ended(input.read(&mut sink)) {}
        token.cancel();
    });
    if let Err(error) = started {
        tracing::error!(%error, "the end of the parent can't be watched");
    }
}

/// A read that fails for good counts as the end; an interrupted one does not.
fn ended(read: io::Result<usize>) -> bool {
    match read {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_token_is_cancelled_when_the_other_end_closes() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let token = CancellationToken::new();
        cancel_at_eof(ours, token.clone());
        io::Write::write_all(&mut theirs, b"still here").unwrap();
        assert!(!token.is_cancelled());
        drop(theirs);
        token.cancelled().await;
    }
}
