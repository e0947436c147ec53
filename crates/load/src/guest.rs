//! A simulated host: identity, what it has, and what it says.

use crate::connection::{Connection, Identity, Server};
use crate::draw::{PackageSet, Random, sections_of};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::check_in::Instance;
use overlock_protocol::content::Sections;
use overlock_protocol::section::SectionDigests;
use overlock_protocol::{
    Delta, Enrol, Enrolled, Greeting, Hello, Message, Poll, PollAnswer, Report, ReportAnswer,
    Section, SectionReport, Update, Verdict, state_digest,
};
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// A simulated host.
#[derive(Debug)]
pub struct Guest {
    /// Its name.
    pub name: String,
    /// Its id, as the server gave it.
    pub host: HostId,
    /// How it opens connections.
    pub tls: Arc<ClientConfig>,
    instance: Instance,
    machine_id: String,
    count: u64,
    sections: Sections,
    state: Digest,
    set: Arc<PackageSet>,
}

impl Guest {
    /// Enrols a new host.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn enrol(
        server: &Server,
        secret: &str,
        name: String,
        set: Arc<PackageSet>,
        random: &mut Random,
    ) -> Result<Self> {
        let key = KeyPair::generate()?;
        let request = CertificateParams::default()
            .serialize_request(&key)?
            .pem()?;
        let machine_id = format!("{:032x}", u128::from_le_bytes(random.bytes()));
        let mut connection = Connection::open(server, server.tls(None)?).await?;
        let enrolled: Enrolled = connection
            .ask(
                "/agent/v1/enrol",
                &Enrol {
                    schema: Enrol::schema(),
                    secret: secret.to_owned(),
                    host: HostId::from_random(random.bytes()),
                    name: name.clone(),
                    machine_id: machine_id.clone(),
                    agent: "0.1.0".to_owned(),
                    request,
                },
            )
            .await?;
        let chain = CertificateDer::pem_slice_iter(enrolled.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| anyhow::anyhow!("certificate: {error}"))?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|error| anyhow::anyhow!("key: {error}"))?;
        let identity = Identity { chain, key };
        let sections = sections_of(&set, &name)?;
        Ok(Self {
            name,
            host: enrolled.host,
            tls: server.tls(Some(&identity))?,
            instance: Instance::from_random(random.bytes()),
            machine_id,
            count: 0,
            state: state_digest(&digests(&sections)),
            sections,
            set,
        })
    }

    /// What it has.
    #[must_use]
    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    /// Its package set.
    #[must_use]
    pub fn set(&self) -> &PackageSet {
        &self.set
    }

    /// The state that it believes the server has.
    #[must_use]
    pub fn state(&self) -> Digest {
        self.state
    }

    /// Changes what it has: the next report is a delta.
    pub fn become_like(&mut self, sections: Sections) {
        self.sections = sections;
    }

    /// Starts anew, as after a restart of the agent.
    pub fn restart(&mut self, random: &mut Random) {
        self.instance = Instance::from_random(random.bytes());
        self.count = 0;
    }

    /// A copy of it on another machine: the same key, another instance.
    #[must_use]
    pub fn copied(&self, random: &mut Random) -> Self {
        let mut copy = Self {
            name: self.name.clone(),
            host: self.host.clone(),
            tls: self.tls.clone(),
            instance: self.instance.clone(),
            machine_id: self.machine_id.clone(),
            count: 0,
            sections: self.sections.clone(),
            state: self.state,
            set: self.set.clone(),
        };
        copy.restart(random);
        copy
    }

    /// What it says is its `/etc/machine-id`.
    #[must_use]
    pub fn machine_id(&self) -> &str {
        &self.machine_id
    }

    /// Says hello.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn hello(&self, connection: &mut Connection) -> Result<Greeting> {
        connection
            .ask(
                "/agent/v1/hello",
                &Hello {
                    schema: Hello::schema(),
                    host: self.host.clone(),
                    instance: self.instance.clone(),
                    agent: "0.1.0".to_owned(),
                    machine_id: self.machine_id.clone(),
                    boot_id: String::new(),
                    time: Timestamp::now(),
                    switched_off: [].into(),
                    helper: false,
                },
            )
            .await
    }

    /// Reports what differs from what the server has, in full or against it.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn report(
        &mut self,
        connection: &mut Connection,
        known: &SectionDigests,
        before: Option<&Sections>,
    ) -> Result<()> {
        let mut known = known.clone();
        let mut before = before;
        // Once as a delta where that is possible, once in full.
        for _ in 0..2 {
            self.count += 1;
            let report = Report {
                schema: Report::schema(),
                host: self.host.clone(),
                instance: self.instance.clone(),
                count: self.count,
                collected: Timestamp::now(),
                sections: self.differing(&known, before),
                dropped: Vec::new(),
            };
            let answer: ReportAnswer = connection.ask("/agent/v1/report", &report).await?;
            match answer.verdict {
                Verdict::Accepted { state } => {
                    self.state = state;
                    return Ok(());
                }
                Verdict::SendAll { known: now, .. } => {
                    known = now;
                    before = None;
                }
            }
        }
        bail!("the server asked for everything twice")
    }

    fn differing(&self, known: &SectionDigests, before: Option<&Sections>) -> Vec<SectionReport> {
        self.sections
            .iter()
            .map(|(section, content)| (*section, content, content.digest()))
            .filter(|(section, _, digest)| known.get(section) != Some(digest))
            .map(|(section, content, digest)| {
                let base = before
                    .and_then(|before| before.get(&section))
                    .filter(|base| known.get(&section) == Some(&base.digest()));
                SectionReport {
                    section,
                    digest,
                    update: match base {
                        Some(base) => Update::Delta {
                            base: base.digest(),
                            delta: Delta::between(base, content),
                        },
                        None => Update::Full {
                            lines: content.lines().to_vec(),
                        },
                    },
                }
            })
            .collect()
    }

    /// The bytes of an unchanged check-in that is answered at once.
    ///
    /// # Errors
    /// Never, for a message of ours.
    pub fn poll_bytes(&mut self) -> Result<Vec<u8>> {
        self.count += 1;
        Ok(Poll {
            schema: Poll::schema(),
            host: self.host.clone(),
            instance: self.instance.clone(),
            count: self.count,
            state: self.state,
            hold_seconds: 0,
        }
        .to_bytes()?)
    }

    /// An unchanged check-in that is answered at once.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn poll(&mut self, connection: &mut Connection) -> Result<PollAnswer> {
        let (status, bytes) = connection
            .post("/agent/v1/poll", self.poll_bytes()?)
            .await?;
        anyhow::ensure!(
            status.is_success(),
            "poll: {status}: {}",
            String::from_utf8_lossy(&bytes)
        );
        PollAnswer::parse(&bytes, &overlock_protocol::Limits::WIRE).context("answer of a poll")
    }

    /// Sections by digest.
    #[must_use]
    pub fn digests(&self) -> SectionDigests {
        digests(&self.sections)
    }
}

fn digests(sections: &Sections) -> SectionDigests {
    sections
        .iter()
        .map(|(section, content): (&Section, _)| (*section, content.digest()))
        .collect()
}
