//! A small server that speaks the wire: real TLS with an authority of its own, sections kept in memory.
//!
//! It stands at the other end of what is tested here; the product's server has tests of its own.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use overlock_agent::path;
use overlock_model::plan::HostId;
use overlock_protocol::enrol::EnrolToken;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::report::Taken;
use overlock_protocol::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    PublicKeyData, SanType,
};
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the server knows and does.
pub struct Book {
    /// Sections of the one host.
    pub sections: BTreeMap<Section, SectionContent>,
    /// Paths of requests, in order.
    pub asked: Vec<String>,
    /// Reports as they came.
    pub reports: Vec<Report>,
    pub hellos: Vec<Hello>,
    /// Bytes of the largest poll and of the largest answer to one.
    pub poll_bytes: (usize, usize),
    /// Bytes of reports: unpacked, on the wire.
    pub report_bytes: (usize, usize),
    /// Given out instead of answers, first first.
    pub refusals: VecDeque<RefusalCode>,
    /// Given out to polls, first first.
    pub wanted: VecDeque<Wanted>,
    /// Host that the token is bound to.
    pub bound: Option<HostId>,
    /// How long certificates live.
    pub life: SignedDuration,
    /// How long polls are held; for ever where nothing is said.
    pub hold: Option<std::time::Duration>,
    /// Renewed certificates are of a stranger's authority.
    pub renew_badly: bool,
}

pub struct Peer {
    pub port: u16,
    pub token: EnrolToken,
    pub book: Mutex<Book>,
    authority: (String, Issuer<'static, KeyPair>),
    stranger: Issuer<'static, KeyPair>,
    secret: String,
    wake: watch::Sender<u64>,
}

fn authority(name: &str) -> (rcgen::Certificate, KeyPair, CertificateParams) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let certificate = params.self_signed(&key).unwrap();
    (certificate, key, params)
}

impl Peer {
    pub async fn start() -> Arc<Self> {
        let (certificate, key, params) = authority("fleet");
        let (_, stranger_key, stranger_params) = authority("fleet");
        let fingerprint =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
        let token = EnrolToken::new(fingerprint.as_ref().try_into().unwrap(), &[7; 32]);
        let issuer = Issuer::new(params, key);

        let server_key = KeyPair::generate().unwrap();
        let mut server = CertificateParams::new(Vec::new()).unwrap();
        server.subject_alt_names = vec![SanType::IpAddress(IpAddr::from([127, 0, 0, 1]))];
        let server = server.signed_by(&server_key, &issuer).unwrap();
        let chain = vec![server.der().clone(), certificate.der().clone()];

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .allow_unauthenticated()
                .build()
                .unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                chain,
                PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            secret: token.secret().to_owned(),
            token,
            authority: (certificate.pem(), issuer),
            stranger: Issuer::new(stranger_params, stranger_key),
            wake: watch::Sender::new(0),
            book: Mutex::new(Book {
                sections: BTreeMap::new(),
                asked: Vec::new(),
                reports: Vec::new(),
                hellos: Vec::new(),
                poll_bytes: (0, 0),
                report_bytes: (0, 0),
                refusals: VecDeque::new(),
                wanted: VecDeque::new(),
                bound: None,
                life: SignedDuration::from_hours(24),
                hold: None,
                renew_badly: false,
            }),
        });
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let serving = peer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, peer) = (acceptor.clone(), serving.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let client = stream
                        .get_ref()
                        .1
                        .peer_certificates()
                        .map(|all| all[0].clone().into_owned());
                    let service = service_fn(move |request| {
                        let (peer, client) = (peer.clone(), client.clone());
                        async move { Ok::<_, hyper::Error>(peer.answer(request, client).await) }
                    });
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        peer
    }

    pub fn url(&self) -> overlock_agent::ServerUrl {
        format!("https://127.0.0.1:{}", self.port)
            .try_into()
            .unwrap()
    }

    /// Ends polls that are held open, with what is wanted.
    pub fn want(&self, wanted: Wanted) {
        self.book.lock().unwrap().wanted.push_back(wanted);
        self.wake.send_modify(|count| *count += 1);
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        client: Option<CertificateDer<'static>>,
    ) -> Response<Full<Bytes>> {
        let asked = request.uri().path().to_owned();
        let zstd = request
            .headers()
            .get("content-encoding")
            .is_some_and(|how| how == "zstd");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let packed = body.len();
        let body = if zstd {
            let mut plain = Vec::new();
            ruzstd::decoding::StreamingDecoder::new(body.as_ref())
                .unwrap()
                .read_to_end(&mut plain)
                .unwrap();
            Bytes::from(plain)
        } else {
            body
        };
        // Before the sender sees it: waiting for a request must not miss this one.
        let mut wake = self.wake.subscribe();
        {
            let mut book = self.book.lock().unwrap();
            book.asked.push(asked.clone());
            if let Some(code) = book.refusals.pop_front() {
                self.wake.send_modify(|count| *count += 1);
                return refuse(code);
            }
        }
        if asked != path::ENROL && client.is_none() {
            return refuse(RefusalCode::Revoked);
        }
        let answer = match asked.as_str() {
            path::ENROL => {
                let enrol = Enrol::parse(&body, &Limits::WIRE).unwrap();
                if enrol.secret != self.secret {
                    return refuse(RefusalCode::TokenRefused);
                }
                let book = self.book.lock().unwrap();
                let expires = Timestamp::now() + book.life;
                ok(&Enrolled {
                    schema: Enrolled::schema(),
                    host: book.bound.clone().unwrap_or(enrol.host),
                    certificate: sign(&enrol.request, &self.authority.1, expires),
                    authority: self.authority.0.clone(),
                    expires,
                    renew_after: Timestamp::now() + book.life / 2,
                    needs_confirmation: false,
                })
            }
            path::HELLO => {
                let hello = Hello::parse(&body, &Limits::WIRE).unwrap();
                let mut book = self.book.lock().unwrap();
                book.hellos.push(hello);
                ok(&Greeting {
                    schema: Greeting::schema(),
                    time: Timestamp::now(),
                    known: known(&book),
                    hold_seconds: 60,
                    renew_after: Timestamp::now() + book.life / 2,
                })
            }
            path::REPORT => {
                let report = Report::parse(&body, &Limits::WIRE).unwrap();
                let mut book = self.book.lock().unwrap();
                book.report_bytes = (body.len(), packed);
                book.reports.push(report.clone());
                let mut sections = book.sections.clone();
                let mut missing = Vec::new();
                for one in report.sections {
                    let section = one.section;
                    match one.take(sections.get(&section), &Limits::WIRE).unwrap() {
                        Taken::Content(content) => drop(sections.insert(section, content)),
                        Taken::SendAll => missing.push(section),
                    }
                }
                for section in &report.dropped {
                    sections.remove(section);
                }
                let verdict = if missing.is_empty() {
                    book.sections = sections;
                    Verdict::Accepted {
                        state: state_digest(&known(&book)),
                    }
                } else {
                    Verdict::SendAll {
                        sections: missing,
                        known: known(&book),
                    }
                };
                ok(&ReportAnswer {
                    schema: ReportAnswer::schema(),
                    time: Timestamp::now(),
                    verdict,
                })
            }
            path::POLL => {
                let poll = Poll::parse(&body, &Limits::WIRE).unwrap();
                self.wake.send_modify(|count| *count += 1);
                let wanted = loop {
                    {
                        let mut book = self.book.lock().unwrap();
                        if let Some(wanted) = book.wanted.pop_front() {
                            break wanted;
                        }
                        let known = known(&book);
                        if poll.state != state_digest(&known) {
                            break Wanted::Report { known };
                        }
                    }
                    let hold = self.book.lock().unwrap().hold;
                    match hold {
                        None => wake.changed().await.unwrap(),
                        Some(hold) => {
                            tokio::time::sleep(hold).await;
                            break Wanted::Nothing;
                        }
                    }
                };
                let answer = PollAnswer {
                    schema: PollAnswer::schema(),
                    time: Timestamp::now(),
                    wanted,
                    next_seconds: 0,
                };
                let mut book = self.book.lock().unwrap();
                book.poll_bytes.0 = book.poll_bytes.0.max(packed);
                book.poll_bytes.1 = book.poll_bytes.1.max(answer.to_bytes().unwrap().len());
                ok(&answer)
            }
            path::RENEW => {
                let renew = Renew::parse(&body, &Limits::WIRE).unwrap();
                let book = self.book.lock().unwrap();
                let expires = Timestamp::now() + book.life;
                let issuer = if book.renew_badly {
                    &self.stranger
                } else {
                    &self.authority.1
                };
                ok(&Renewed {
                    schema: Renewed::schema(),
                    certificate: sign(&renew.request, issuer, expires),
                    expires,
                    renew_after: expires,
                })
            }
            other => panic!("{other}"),
        };
        self.wake.send_modify(|count| *count += 1);
        answer
    }

    /// Waits until the book shows something.
    pub async fn until(&self, mut what: impl FnMut(&Book) -> bool) {
        let mut wake = self.wake.subscribe();
        let waiting = async {
            while !what(&self.book.lock().unwrap()) {
                wake.changed().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), waiting)
            .await
            .expect("the agent never does it");
    }
}

fn known(book: &Book) -> SectionDigests {
    book.sections
        .iter()
        .map(|(section, content)| (*section, content.digest()))
        .collect()
}

fn sign(request: &str, issuer: &Issuer<'static, KeyPair>, expires: Timestamp) -> String {
    let mut request = CertificateSigningRequestParams::from_pem(request).unwrap();
    request.params.not_before =
        std::time::SystemTime::from(Timestamp::now() - SignedDuration::from_hours(1)).into();
    request.params.not_after = std::time::SystemTime::from(expires).into();
    request.signed_by(issuer).unwrap().pem()
}

fn ok(message: &impl Message) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from(message.to_bytes().unwrap())))
}

fn refuse(code: RefusalCode) -> Response<Full<Bytes>> {
    let refusal = Refusal::new(code, format!("{code:?}"));
    Response::builder()
        .status(403)
        .body(Full::new(Bytes::from(refusal.to_bytes().unwrap())))
        .unwrap()
}
