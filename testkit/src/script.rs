//! What a scripted peer does, step by step: read a request, send bytes, wait for the test, break off.

use crate::signal::Signal;

/// One thing a peer does on its connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads a whole request, body included, and records it.
    Request,
    /// Sends bytes as they are.
    Send(Vec<u8>),
    /// Sends a complete response in the canonical form; to a HEAD without its body.
    Respond {
        /// The status code and the reason phrase, as `200 OK`.
        status: String,
        /// Field lines, each ending in CRLF. `Content-Length` is added unless a length or coding is there.
        fields: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Holds until the test fires the signal.
    Wait(Signal),
    /// Tells the test that this point is reached.
    Fire(Signal),
    /// Reads until the proxy closes, recording nothing, and fires the signal then.
    AwaitClose(Signal),
    /// Closes the connection in order (FIN).
    Close,
    /// Breaks the connection (RST).
    Reset,
}

/// Steps in order. What a connection does after its last step depends on who runs it.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// No steps yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One complete response: `respond("200 OK", "Cache-Control: max-age=60\r\n", "page")`.
    #[must_use]
    pub fn answer(status: &str, fields: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new().respond(status, fields, body)
    }

    /// Adds any step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds [`Step::Request`].
    #[must_use]
    pub fn request(self) -> Self {
        self.then(Step::Request)
    }

    /// Adds [`Step::Send`].
    #[must_use]
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Adds [`Step::Respond`].
    #[must_use]
    pub fn respond(self, status: &str, fields: &str, body: impl Into<Vec<u8>>) -> Self {
        let (status, fields) = (status.to_owned(), fields.to_owned());
        self.then(Step::Respond { status, fields, body: body.into() })
    }

    /// Adds [`Step::Wait`].
    #[must_use]
    pub fn wait(self, signal: &Signal) -> Self {
        self.then(Step::Wait(signal.clone()))
    }

    /// Adds [`Step::Fire`].
    #[must_use]
    pub fn fire(self, signal: &Signal) -> Self {
        self.then(Step::Fire(signal.clone()))
    }

    /// Adds [`Step::AwaitClose`].
    #[must_use]
    pub fn await_close(self, signal: &Signal) -> Self {
        self.then(Step::AwaitClose(signal.clone()))
    }

    /// Adds [`Step::Close`].
    #[must_use]
    pub fn close(self) -> Self {
        self.then(Step::Close)
    }

    /// Adds [`Step::Reset`].
    #[must_use]
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }
}

/// The bytes of [`Step::Respond`].
pub(crate) fn response_bytes(status: &str, fields: &str, body: &[u8], method: &str) -> Vec<u8> {
    let lower = fields.to_ascii_lowercase();
    let framed = ["content-length:", "transfer-encoding:"]
        .iter()
        .any(|name| lower.lines().any(|line| line.starts_with(name)));
    let without_body = ["1", "204", "304"].iter().any(|code| status.starts_with(code));
    let mut out = format!("HTTP/1.1 {status}\r\n{fields}");
    if !framed && !without_body {
        out.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    out.push_str("\r\n");
    let mut out = out.into_bytes();
    if method != "HEAD" && !without_body {
        out.extend_from_slice(body);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_framed_once_and_a_head_has_no_body() {
        let cases = [
            ("200 OK", "", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            ("200 OK", "", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
            (
                "200 OK",
                "Content-Length: 9\r\n",
                "HEAD",
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            ),
            ("304 Not Modified", "", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
        ];
        for (status, fields, method, expected) in cases {
            let bytes = response_bytes(status, fields, b"hi", method);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }
}
