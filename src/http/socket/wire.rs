//! One WebSocket: frames out of bytes, and the end of somebody who does not read.
//!
//! At most one message waits to be sent, beside the answer to a ping. Whoever serves the socket takes up nothing new
//! before it [`is_clear`](Wire::is_clear), so that a client that reads slowly is served slowly and costs no memory.
//! How long a client may read nothing at all, the connection itself knows ([`patience`](super::super::patience)).

use std::{future::pending, io, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use super::close::Close;

/// Largest message of a client, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Ten thousand idle sockets must not cost much.
const READ_BUFFER_BYTES: usize = 2 * 1024;
/// How long the other side may take to agree that a socket is closed.
const CLOSING: Duration = Duration::from_secs(3);

/// Why nothing more can be said to the other side, or only goodbye.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Gone,
    Closed(Close),
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Closed(close)
    }
}

/// What happens on the wire.
#[derive(Debug)]
pub(super) enum Traffic {
    /// Everything was sent.
    Sent,
    Heard(Utf8Bytes),
    /// A ping or a pong, which the library answers.
    SignOfLife,
}

pub(super) struct Wire {
    socket: WebSocketStream<TokioIo<Upgraded>>,
    /// Something waits to be sent.
    is_sending: bool,
    /// What comes in is no sequence of frames any more.
    is_garbled: bool,
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

impl Wire {
    pub(super) async fn new(upgraded: Upgraded) -> Self {
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits())).await;
        Self { socket, is_sending: false, is_garbled: false }
    }

    /// Whether everything was sent.
    pub(super) const fn is_clear(&self) -> bool {
        !self.is_sending
    }

    /// Begins to send; [`traffic`](Self::traffic) goes on with it.
    pub(super) fn send(&mut self, message: Message) -> Result<(), End> {
        self.is_sending = true;
        self.socket.start_send_unpin(message).map_err(|error| fatal(&error))
    }

    /// Sends what waits, else hears the other side if somebody listens. May be dropped and asked for again.
    pub(super) async fn traffic(&mut self, listens: bool) -> Result<Traffic, End> {
        if self.is_sending {
            self.socket.flush().await.map_err(|error| fatal(&error))?;
            self.is_sending = false;
            Ok(Traffic::Sent)
        } else if listens {
            self.heard().await
        } else {
            pending().await
        }
    }

    async fn heard(&mut self) -> Result<Traffic, End> {
        let heard = self.socket.next().await;
        self.is_garbled = matches!(heard, Some(Err(_)));
        match heard {
            Some(Ok(Message::Text(text))) => Ok(Traffic::Heard(text)),
            Some(Ok(Message::Binary(_))) => Err(Close::invalid("Invalid message: binary").into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Traffic::SignOfLife),
            Some(Err(error)) => Err(fatal(&error)),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        }
    }

    /// Says goodbye and waits, but not for long, until the other side has heard it.
    pub(super) async fn end(mut self, end: End) {
        let farewell = async {
            if let End::Closed(close) = end {
                let frame = CloseFrame { code: close.code.into(), reason: close.reason().into() };
                self.socket.send(Message::Close(Some(frame))).await?;
            }
            if self.is_garbled {
                self.read_away().await?;
            }
            // Answers a close frame, or waits for the answer to ours.
            while let Some(heard) = self.socket.next().await {
                heard?;
            }
            Ok::<_, Error>(())
        };
        // Whether the other side heard it makes no difference any more.
        let _ = timeout(CLOSING, farewell).await;
    }

    /// A connection that is closed with something unread takes back what it sent, our goodbye included.
    async fn read_away(&mut self) -> io::Result<()> {
        let stream = self.socket.get_mut();
        stream.shutdown().await?;
        let mut bytes = vec![0; READ_BUFFER_BYTES];
        while stream.read(&mut bytes).await? > 0 {}
        Ok(())
    }
}

/// What is left to say after an error.
fn fatal(error: &Error) -> End {
    match error {
        Error::Capacity(_) => Close::TOO_BIG.into(),
        Error::Utf8(_) => Close::NOT_UTF8.into(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone,
        Error::Protocol(_) => Close::PROTOCOL_ERROR.into(),
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Close::SLOW.into(),
        _ => End::Gone,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read, Write};

    use tokio_tungstenite::tungstenite::protocol::WebSocket;

    use super::*;
    use crate::fuzz::fuzz;

    /// What a client sends, and nowhere to answer.
    struct Sent(Cursor<Vec<u8>>);

    impl Read for Sent {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Read::read(&mut self.0, buffer)
        }
    }

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn fuzz_frames() {
        // With masks of nothing: a text, one in two pieces with a ping between them, a close.
        let seeds = [
            "\u{1}\u{7f}\0\0\0\0hello",
            "\u{1}\0\0\0\0\0\u{9}\0\0\0\0\0\0\0\0\0\0\0",
            "\u{8}\0\0\0\0\0",
            "{\"type\":\"ping\"}",
        ];
        fuzz("frames", &seeds, |bytes| {
            let mut bytes = bytes.to_vec();
            // The first two bytes of most frames: the last piece, and masked.
            bytes.iter_mut().take(2).for_each(|byte| *byte |= 0x80);
            let sent = Sent(Cursor::new(bytes));
            let mut socket = WebSocket::from_raw_socket(sent, Role::Server, Some(limits()));
            while let Ok(message) = socket.read() {
                assert!(message.len() <= MAX_MESSAGE_BYTES);
            }
        });
    }
}
