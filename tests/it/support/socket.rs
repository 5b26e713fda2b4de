//! A client of graphql-transport-ws. [`Line`] says and hears single messages, the wrong ones too; [`Socket`] is what a
//! test of subscriptions needs: operations by their ids, each with its own answers.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue},
    },
};

use super::Persona;

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Wait for something that may come.
const MOMENT: Duration = Duration::from_millis(50);
/// Moments in vain after which nothing is tried any more so that something is heard.
const PERSEVERANCE: u32 = 1_200;

type Stream = WebSocketStream<TcpStream>;

/// One connection, message by message.
pub(crate) struct Line(pub(crate) Stream);

impl Line {
    /// Connects with further headers; the error is the answer to a handshake that was refused.
    pub(crate) async fn with(url: &str, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        Self::over(stream, url, headers).await
    }

    pub(crate) async fn over(stream: TcpStream, url: &str, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let address = url.trim_start_matches("http://");
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, HeaderValue::try_from(*value).unwrap());
        }
        Ok(Self(client_async(request, stream).await?.0))
    }

    pub(crate) async fn open(url: &str) -> Self {
        Self::with(url, &[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
    }

    /// Connects and is acknowledged.
    pub(crate) async fn initialised(url: &str, payload: Value) -> Self {
        let mut line = Self::open(url).await;
        line.says(&json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(line.hears().await["type"], "connection_ack");
        line
    }

    pub(crate) async fn says(&mut self, message: &Value) {
        self.sends(Message::text(message.to_string())).await;
    }

    /// A server that has closed already will be heard to have.
    pub(crate) async fn sends(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    async fn receives(&mut self) -> Message {
        let received = async {
            loop {
                match self.0.next().await.expect("something is heard").expect("it is a frame") {
                    Message::Ping(_) | Message::Pong(_) => {}
                    message => return message,
                }
            }
        };
        timeout(PATIENCE, received).await.expect("something is heard in time")
    }

    /// The next message.
    pub(crate) async fn hears(&mut self) -> Value {
        match self.receives().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no message but {other:?}"),
        }
    }

    /// The code and the reason with which the server closes, whatever it says before.
    pub(crate) async fn closes(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.receives().await {
                let frame = frame.expect("a code is told");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

/// What an operation hears.
#[derive(Debug)]
enum Event {
    Next(Value),
    Error(Value),
    Complete,
}

/// Who waits for what: operations by their ids.
type Waiting = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Event>>>>;

/// An acknowledged connection with any number of operations.
pub(crate) struct Socket {
    sink: Arc<tokio::sync::Mutex<SplitSink<Stream, Message>>>,
    waiting: Waiting,
    ids: AtomicU64,
    closed: watch::Receiver<Option<(u16, String)>>,
}

/// One operation on a socket.
pub(crate) struct Subscription {
    id: String,
    events: mpsc::UnboundedReceiver<Event>,
    sink: Arc<tokio::sync::Mutex<SplitSink<Stream, Message>>>,
    /// Moments in which nothing was heard.
    vain: u32,
}

impl Persona<'_> {
    /// Opens a socket with the token in `connection_init`, as a browser does.
    pub(crate) async fn connects(&self) -> Socket {
        let payload = match &self.token {
            Some(token) => json!({"authorization": format!("Bearer {token}")}),
            None => json!({}),
        };
        Socket::new(Line::initialised(self.url, payload).await)
    }
}

impl Socket {
    fn new(line: Line) -> Self {
        let (sink, mut stream) = line.0.split();
        let waiting = Waiting::default();
        let (close, closed) = watch::channel(None);
        let everybody = waiting.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                match message {
                    Message::Text(text) => route(&everybody, serde_json::from_str(&text).unwrap()),
                    Message::Close(frame) => {
                        close.send_replace(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                    }
                    _ => {}
                }
            }
            // Whoever still waits hears that there will be nothing.
            everybody.lock().unwrap().clear();
        });
        let sink = Arc::new(tokio::sync::Mutex::new(sink));
        Self { sink, waiting, ids: AtomicU64::new(0), closed }
    }

    /// Asks for an operation, of whatever kind.
    pub(crate) async fn subscribes(&self, document: &str) -> Subscription {
        self.subscribes_with(document, json!({})).await
    }

    pub(crate) async fn subscribes_with(&self, document: &str, variables: Value) -> Subscription {
        self.subscribes_to(json!({"query": document, "variables": variables})).await
    }

    /// Sends all the parameters of a request.
    pub(crate) async fn subscribes_to(&self, payload: Value) -> Subscription {
        let id = self.ids.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, events) = mpsc::unbounded_channel();
        self.waiting.lock().unwrap().insert(id.clone(), sender);
        let message = json!({"type": "subscribe", "id": id, "payload": payload});
        self.sink.lock().await.send(Message::text(message.to_string())).await.unwrap();
        Subscription { id, events, sink: self.sink.clone(), vain: 0 }
    }

    /// The code and the reason with which the server closes.
    pub(crate) async fn closes(&mut self) -> (u16, String) {
        let closed = timeout(PATIENCE, self.closed.wait_for(Option::is_some)).await;
        closed.expect("it closes in time").expect("with a code").clone().unwrap()
    }
}

fn route(waiting: &Waiting, message: Value) {
    let event = match message["type"].as_str().unwrap() {
        "next" => Event::Next(message["payload"].clone()),
        "error" => Event::Error(message["payload"].clone()),
        "complete" => Event::Complete,
        _ => return,
    };
    if let Some(sender) = waiting.lock().unwrap().get(message["id"].as_str().unwrap()) {
        // An operation that nobody looks at any more may still have answers.
        let _ = sender.send(event);
    }
}

impl Subscription {
    async fn event(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("the socket is open")
    }

    /// The next answer, whole: `data`, `errors`, `extensions`.
    pub(crate) async fn next(&mut self) -> Value {
        match self.event().await {
            Event::Next(payload) => payload,
            other => panic!("no answer but {other:?}"),
        }
    }

    /// The next answer, if one comes within a moment. Nobody can ask so for ever without hearing anything.
    pub(crate) async fn soon(&mut self) -> Option<Value> {
        match timeout(MOMENT, self.events.recv()).await {
            Ok(Some(Event::Next(payload))) => {
                self.vain = 0;
                Some(payload)
            }
            Ok(other) => panic!("no answer but {other:?}"),
            Err(_) => {
                self.vain += 1;
                assert!(self.vain < PERSEVERANCE, "nothing is heard, whatever is tried");
                None
            }
        }
    }

    /// The errors with which the operation is refused.
    pub(crate) async fn refusal(&mut self) -> Value {
        match self.event().await {
            Event::Error(errors) => errors,
            other => panic!("no refusal but {other:?}"),
        }
    }

    /// Waits until the server says that nothing more comes.
    pub(crate) async fn completes(&mut self) {
        let event = self.event().await;
        assert!(matches!(event, Event::Complete), "{event:?}");
    }

    /// Tells the server that nobody listens any more.
    pub(crate) async fn stops(self) {
        let message = json!({"type": "complete", "id": self.id}).to_string();
        self.sink.lock().await.send(Message::text(message)).await.unwrap();
    }
}
