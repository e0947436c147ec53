//! Numbers for monitoring, in the text form of OpenMetrics.
//!
//! What happens is counted where it happens ([`Metrics`] is shared with the agents' routes and the judging); what is so is
//! read when it is asked for. Labels are words of ours only, never text from outside: their number is bounded.

use crate::problem::Problem;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use overlock_protocol::Verdict;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// One request, as far as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Served {
    method: &'static str,
    route: String,
    status: u16,
}

/// One word that says which.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Which {
    which: String,
}

impl Which {
    /// Of a word of ours.
    #[must_use]
    pub fn new(word: impl Into<String>) -> Self {
        Self { which: word.into() }
    }
}

/// What is counted while the server runs. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// By route and status; what no route has is counted as one. Check-ins are those of `/agent/v1/poll`.
    requests: Family<Served, Counter>,
    reports: Family<Which, Counter>,
    held_polls: Gauge,
    event_streams: Gauge,
}

/// What is so at the moment of asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Hosts by standing, and by what is missing of them.
    pub hosts: Vec<(String, i64)>,
    /// Open exposures by decision.
    pub exposures: Vec<(String, i64)>,
    /// Age of each feed in seconds.
    pub feeds: Vec<(String, i64)>,
    /// Hosts that wait to be judged.
    pub judging: i64,
    /// Hosts that could not be judged.
    pub set_aside: i64,
    /// Hosts of which something that is stored cannot be read.
    pub unreadable: i64,
    /// 1 while this server judges, 0 while it leaves that to one with newer tables.
    pub judges: i64,
    /// Number of the last row of the log.
    pub log_head: i64,
}

/// Counted while it is there.
#[derive(Debug)]
pub struct Open(Gauge);

impl Open {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// A poll is held open.
    #[must_use]
    pub fn held_poll(&self) -> Open {
        Open::of(&self.held_polls)
    }

    /// A stream of events is open.
    #[must_use]
    pub fn event_stream(&self) -> Open {
        Open::of(&self.event_streams)
    }

    /// A report was answered.
    pub fn report(&self, verdict: &Verdict) {
        let word = match verdict {
            Verdict::Accepted { .. } => "accepted",
            Verdict::SendAll { .. } => "send_all",
        };
        self.reports.get_or_create(&Which::new(word)).inc();
    }

    /// Counts every request that the router answers.
    pub fn counted(&self, router: Router) -> Router {
        let requests = self.requests.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let requests = requests.clone();
            async move {
                let method = method(request.method());
                let route = request
                    .extensions()
                    .get::<MatchedPath>()
                    .map_or("none", MatchedPath::as_str)
                    .to_owned();
                let response = next.run(request).await;
                requests
                    .get_or_create(&Served {
                        method,
                        route,
                        status: response.status().as_u16(),
                    })
                    .inc();
                response
            }
        }))
    }

    /// The text.
    pub(crate) fn text(&self, state: &State) -> Result<String, Problem> {
        let mut registry = Registry::with_prefix("overlock");
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register("reports", "Reports of agents", self.reports.clone());
        registry.register(
            "held_polls",
            "Polls that are held open",
            self.held_polls.clone(),
        );
        registry.register(
            "event_streams",
            "Streams of events that are open",
            self.event_streams.clone(),
        );
        for (name, about, values) in [
            (
                "hosts",
                "Hosts, by standing and by what is missing",
                &state.hosts,
            ),
            (
                "open_exposures",
                "Open exposures, by decision",
                &state.exposures,
            ),
            (
                "feed_age_seconds",
                "Age of what a feed last said",
                &state.feeds,
            ),
        ] {
            let family = Family::<Which, Gauge>::default();
            for (word, value) in values {
                family.get_or_create(&Which::new(word.clone())).set(*value);
            }
            registry.register(name, about, family);
        }
        for (name, about, value) in [
            (
                "judging_backlog",
                "Hosts that wait to be judged",
                state.judging,
            ),
            (
                "judging_set_aside",
                "Hosts that could not be judged and are tried again from time to time",
                state.set_aside,
            ),
            (
                "unreadable_hosts",
                "Hosts of which something that is stored cannot be read",
                state.unreadable,
            ),
            (
                "judging",
                "Whether this server judges; 0 while another has newer tables",
                state.judges,
            ),
            (
                "log_head",
                "Number of the last row of the log",
                state.log_head,
            ),
        ] {
            let gauge: Gauge = Gauge::default();
            gauge.set(value);
            registry.register(name, about, gauge);
        }
        let mut out = String::new();
        text::encode(&mut out, &registry).map_err(Problem::internal)?;
        Ok(out)
    }
}

/// Methods are the client's words: one that is not ours gets no series of its own.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn requests_are_counted_by_route_and_never_by_what_the_client_wrote() {
        let metrics = Metrics::default();
        let router = metrics.counted(Router::new().route("/a/{id}", get(async || "a")));
        for path in ["/a/1", "/a/2", "/evil\u{201d}"] {
            let Ok(request) = axum::http::Request::get(path).body(Body::empty()) else {
                continue;
            };
            router.clone().oneshot(request).await.unwrap();
        }
        let request = axum::http::Request::get("/wp-login").body(Body::empty());
        router.oneshot(request.unwrap()).await.unwrap();
        let text = metrics.text(&State::default()).unwrap();
        assert!(
            text.contains(
                r#"overlock_requests_total{method="GET",route="/a/{id}",status="200"} 2"#
            ),
            "{text}"
        );
        assert!(
            !text.contains("wp-login") && text.contains(r#"route="none""#),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }
}
