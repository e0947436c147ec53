//! One connection to the server: a question, an answer, and the connection kept for the next.

use crate::packing::pack;
use crate::server_url::ServerUrl;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use overlock_protocol::{Limits, Message, MessageError, Refusal};
use rustls::ClientConfig;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// To reach the server and agree on keys.
const CONNECT: Duration = Duration::from_secs(20);
/// For an answer that is not held open.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);

/// Paths of the agents' endpoints.
pub mod path {
    /// Without a client certificate.
    pub const ENROL: &str = "/agent/v1/enrol";
    /// First of each run.
    pub const HELLO: &str = "/agent/v1/hello";
    /// Changed sections.
    pub const REPORT: &str = "/agent/v1/report";
    /// Held open.
    pub const POLL: &str = "/agent/v1/poll";
    /// The next certificate.
    pub const RENEW: &str = "/agent/v1/renew";
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server cannot be reached.
    #[error("cannot reach `{server}`")]
    Unreachable {
        /// Where.
        server: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The server is not who it should be, or does not accept who we are.
    #[error("cannot make a trusted connection to `{server}`")]
    Untrusted {
        /// Where.
        server: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to `{server}` broke")]
    Broken {
        /// Where.
        server: String,
        /// Cause.
        #[source]
        source: hyper::Error,
    },
    /// It took too long.
    #[error("`{server}` did not answer within {seconds} s")]
    Late {
        /// Where.
        server: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server refused.
    #[error("the server refuses: {}", .0.detail)]
    Refused(Refusal),
    /// Something that is no server of ours answered.
    #[error("`{server}` answers with status {status} and no message of ours")]
    Status {
        /// Where.
        server: String,
        /// HTTP status.
        status: u16,
    },
    /// The answer cannot be read.
    #[error("the answer of `{server}` cannot be used")]
    Answer {
        /// Where.
        server: String,
        /// Cause.
        #[source]
        source: MessageError,
    },
    /// The message cannot be written.
    #[error("the message cannot be written")]
    Message(#[source] MessageError),
}

impl CallError {
    /// Whether one side does not accept who the other is. In TLS 1.3 a server rejects a client's certificate only after
    /// the handshake, as an alert in place of the first answer.
    #[must_use]
    pub fn is_about_trust(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = match self {
            Self::Untrusted { .. } => return true,
            Self::Broken { source, .. } => Some(source),
            _ => None,
        };
        while let Some(error) = cause {
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// What a person may do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            trust if trust.is_about_trust() => Some(
                "is the token from this server, the clock of this host right, and the certificate still valid? \
                 `overlock-agent status` shows the last",
            ),
            Self::Unreachable { .. }
            | Self::Late { .. }
            | Self::Broken { .. }
            | Self::Untrusted { .. } => Some("is the server up, and may this host reach it?"),
            Self::Status { .. } | Self::Answer { .. } => Some(
                "is something between this host and the server, or the server much older or newer?",
            ),
            Self::Refused(_) | Self::Message(_) => None,
        }
    }
}

/// A connection that is opened when it is needed.
pub struct Connection {
    server: ServerUrl,
    config: Arc<ClientConfig>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) fn new(server: ServerUrl, config: ClientConfig) -> Self {
        Self {
            server,
            config: Arc::new(config),
            sender: None,
        }
    }

    /// Sends a message and reads the answer, which may take `patience`. After any error the next call connects anew.
    pub(crate) async fn ask<M: Message, A: Message>(
        &mut self,
        path: &'static str,
        message: M,
        patience: Duration,
    ) -> Result<A, CallError> {
        let bytes = message.to_bytes().map_err(CallError::Message)?;
        // A report is the largest thing an agent ever holds; it is not held twice.
        drop(message);
        let packed = pack(bytes);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, self.server.authority())
            .header(CONTENT_TYPE, "application/json");
        if packed.zstd {
            request = request.header(CONTENT_ENCODING, "zstd");
        }
        let request = request
            .body(Full::new(Bytes::from(packed.bytes)))
            .map_err(|error| self.unreachable(io::Error::other(error)))?;

        let mut kept = self.sender.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let mut sender = match kept {
            Some(sender) => sender,
            None => within(CONNECT, &self.server, self.connect()).await??,
        };
        let (status, body) = within(patience, &self.server, exchange(&mut sender, request))
            .await?
            .map_err(|source| self.broken(source))?;
        let body = body.ok_or_else(|| CallError::Status {
            server: self.server.to_string(),
            status: status.as_u16(),
        })?;
        if status.is_success() {
            let answer = A::parse(&body, &Limits::WIRE).map_err(|source| CallError::Answer {
                server: self.server.to_string(),
                source,
            })?;
            self.sender = Some(sender);
            return Ok(answer);
        }
        let refusal = Refusal::parse(&body, &Limits::WIRE).map_err(|_| CallError::Status {
            server: self.server.to_string(),
            status: status.as_u16(),
        })?;
        self.sender = Some(sender);
        Err(CallError::Refused(refusal))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, CallError> {
        let name = self
            .server
            .name()
            .ok_or_else(|| self.unreachable(io::ErrorKind::InvalidInput.into()))?;
        let stream = TcpStream::connect((self.server.host(), self.server.port()))
            .await
            .map_err(|source| self.unreachable(source))?;
        stream
            .set_nodelay(true)
            .map_err(|source| self.unreachable(source))?;
        let stream = TlsConnector::from(self.config.clone())
            .connect(name, stream)
            .await
            .map_err(|source| CallError::Untrusted {
                server: self.server.to_string(),
                source,
            })?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|source| self.broken(source))?;
        // It ends with the sender, or with an error that the sender sees as well.
        tokio::spawn(async move { connection.await.ok() });
        Ok(sender)
    }

    fn unreachable(&self, source: io::Error) -> CallError {
        CallError::Unreachable {
            server: self.server.to_string(),
            source,
        }
    }

    fn broken(&self, source: hyper::Error) -> CallError {
        CallError::Broken {
            server: self.server.to_string(),
            source,
        }
    }
}

/// Status and body; no body where it is larger than any answer.
async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Option<Bytes>), hyper::Error> {
    let response = sender.send_request(request).await?;
    let status = response.status();
    let most = usize::try_from(Limits::WIRE.message_bytes).unwrap_or(usize::MAX);
    match Limited::new(response.into_body(), most).collect().await {
        Ok(body) => Ok((status, Some(body.to_bytes()))),
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(error) => Err(*error),
            Err(_) => Ok((status, None)),
        },
    }
}

async fn within<T>(
    limit: Duration,
    server: &ServerUrl,
    future: impl Future<Output = T>,
) -> Result<T, CallError> {
    timeout(limit, future).await.map_err(|_| CallError::Late {
        server: server.to_string(),
        seconds: limit.as_secs(),
    })
}
