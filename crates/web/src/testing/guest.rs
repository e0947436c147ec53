//! A host as an agent shows it to the server, over real TLS with real messages.

use super::{Answer, Client, TestHost};
use crate::agents::enrol::secret_digest;
use crate::server::Server;
use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use overlock_model::effective::Effective;
use overlock_model::inventory::Inventory;
use overlock_model::os::Os;
use overlock_model::package::{Package, PackageType};
use overlock_model::plan::HostId;
use overlock_protocol::check_in::Instance;
use overlock_protocol::content::{Labels, Sections, sections};
use overlock_protocol::{
    Enrol, Enrolled, Hello, Message, Poll, Renew, Report, Section, SectionDigests, SectionReport,
    Update, state_digest,
};
use overlock_store::{Actor, By, EnrolmentToken, Uses};
use std::collections::BTreeSet;

/// Makes a token in the store; its secret.
pub async fn token(server: &Server, change: impl FnOnce(&mut EnrolmentToken)) -> String {
    let secret = crate::authority::hex(&crate::authority::random::<32>().unwrap());
    let now = server.shared().clock.now();
    let mut token = EnrolmentToken {
        id: secret[..12].to_owned(),
        uses: Uses::Once,
        bound: None,
        group: None,
        facts: Default::default(),
        needs_confirmation: false,
        expires: now + SignedDuration::from_mins(15),
    };
    change(&mut token);
    let by = By {
        actor: Actor::Local,
        at: now,
    };
    server
        .shared()
        .store
        .add_enrolment_token(&token, secret_digest(&secret), &by)
        .await
        .unwrap();
    secret
}

/// One host.
pub struct Guest {
    pub host: TestHost,
    pub client: Client,
    pub instance: Instance,
    pub count: u64,
    pub machine_id: String,
    pub sections: Sections,
}

/// What an agent asks for to be taken in.
pub fn wish(id: &HostId, secret: &str, request: &str) -> Enrol {
    Enrol {
        schema: Enrol::schema(),
        secret: secret.to_owned(),
        host: id.clone(),
        name: "web-1".into(),
        machine_id: "m1".into(),
        agent: "0.1.0".into(),
        request: request.to_owned(),
    }
}

pub fn packages(versions: &[(&str, &str)]) -> Sections {
    let mut inventory = Inventory::new(Os {
        id: "debian".into(),
        version_id: "12".into(),
        ..Os::default()
    });
    inventory.host = Some("web-1".into());
    inventory.effective = Some(Effective::default());
    inventory.packages = versions
        .iter()
        .map(|(name, version)| Package::new(PackageType::Deb, *name, *version))
        .collect();
    sections(&inventory, &Labels::new()).unwrap()
}

pub async fn post<M: Message>(client: &Client, path: &str, message: &M) -> Answer {
    let headers = [("content-type", "application/json")];
    client
        .send(Method::POST, path, &headers, message.to_bytes().unwrap())
        .await
}

impl Guest {
    /// A host that was let in by a new token.
    pub async fn enrolled(server: &Server, number: u8) -> Self {
        let secret = token(server, |_| {}).await;
        Self::with_token(server, number, &secret).await
    }

    pub async fn with_token(server: &Server, number: u8, secret: &str) -> Self {
        let id = HostId::from_random([number; 16]);
        let (key, request) = TestHost::request();
        let stranger = Client::new(server.address(), &server.shared().authority, None);
        let answer = post(&stranger, "/agent/v1/enrol", &wish(&id, secret, &request)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let enrolled: Enrolled = serde_json::from_slice(&answer.body).unwrap();
        let host = TestHost {
            id: enrolled.host,
            key,
            chain: enrolled.certificate,
        };
        Self {
            client: Client::new(server.address(), &server.shared().authority, Some(&host)),
            host,
            instance: Instance::from_random([number; 8]),
            count: 0,
            machine_id: "m1".into(),
            sections: packages(&[("openssl", "3.0.11-1")]),
        }
    }

    pub fn digests(&self) -> SectionDigests {
        self.sections
            .iter()
            .map(|(section, content)| (*section, content.digest()))
            .collect()
    }

    pub async fn hello(&self) -> Answer {
        let hello = Hello {
            schema: Hello::schema(),
            host: self.host.id.clone(),
            instance: self.instance.clone(),
            agent: "0.1.0".into(),
            machine_id: self.machine_id.clone(),
            boot_id: String::new(),
            time: Timestamp::now(),
            switched_off: BTreeSet::new(),
            helper: false,
        };
        post(&self.client, "/agent/v1/hello", &hello).await
    }

    /// A report of all sections in full.
    pub fn report_of_all(&mut self) -> Report {
        self.count += 1;
        Report {
            schema: Report::schema(),
            host: self.host.id.clone(),
            instance: self.instance.clone(),
            count: self.count,
            collected: Timestamp::now(),
            sections: self
                .sections
                .iter()
                .map(|(section, content)| SectionReport {
                    section: *section,
                    digest: content.digest(),
                    update: Update::Full {
                        lines: content.lines().to_vec(),
                    },
                })
                .collect(),
            dropped: Vec::new(),
        }
    }

    pub async fn report(&mut self) -> Answer {
        let report = self.report_of_all();
        post(&self.client, "/agent/v1/report", &report).await
    }

    pub fn poll_message(&mut self, hold_seconds: u32) -> Poll {
        self.count += 1;
        Poll {
            schema: Poll::schema(),
            host: self.host.id.clone(),
            instance: self.instance.clone(),
            count: self.count,
            state: state_digest(&self.digests()),
            hold_seconds,
        }
    }

    pub async fn poll(&mut self, hold_seconds: u32) -> Answer {
        let poll = self.poll_message(hold_seconds);
        post(&self.client, "/agent/v1/poll", &poll).await
    }

    /// Its wish for its next certificate.
    pub fn renewal(&mut self) -> Renew {
        self.count += 1;
        Renew {
            schema: Renew::schema(),
            host: self.host.id.clone(),
            instance: self.instance.clone(),
            count: self.count,
            request: self.host.own_request(),
        }
    }

    /// Says hello and reports all.
    pub async fn settle(&mut self) {
        let hello = self.hello().await;
        assert_eq!(hello.status, 200, "{}", hello.text());
        let report = self.report().await;
        assert_eq!(
            report.json()["verdict"]["verdict"],
            "accepted",
            "{}",
            report.text()
        );
    }

    /// The same key on another machine.
    pub fn twin(&self, number: u8) -> Self {
        Self {
            host: TestHost {
                id: self.host.id.clone(),
                key: rcgen::KeyPair::from_pem(&self.host.key.serialize_pem()).unwrap(),
                chain: self.host.chain.clone(),
            },
            client: self.client.clone(),
            instance: Instance::from_random([number; 8]),
            count: 0,
            machine_id: self.machine_id.clone(),
            sections: self.sections.clone(),
        }
    }

    pub fn content(&self, section: Section) -> &overlock_protocol::SectionContent {
        &self.sections[&section]
    }
}
