//! Bars on a terminal while feeds are fetched; silence elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use overlock_feeds::progress::Progress;
use std::collections::HashMap;
use std::sync::Mutex;

/// Draws a bar for each feed on standard error.
pub struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub fn new() -> Self {
        // indicatif draws nothing where standard error is no terminal.
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self {
            all,
            bars: Mutex::new(HashMap::new()),
        }
    }

    fn with(&self, feed: &str, act: impl FnOnce(&ProgressBar)) {
        if let Ok(bars) = self.bars.lock()
            && let Some(bar) = bars.get(feed)
        {
            act(bar);
        }
    }
}

/// A bar that counts what is looked at.
pub struct Counter(ProgressBar);

impl Counter {
    /// Of these things.
    pub fn of(what: &str) -> Self {
        let style = ProgressStyle::with_template("{prefix:28} {bar:30} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        Self(bar.with_style(style).with_prefix(what.to_owned()))
    }

    /// So many of so many.
    pub fn at(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bars {
    fn started(&self, feed: &str) {
        let style = ProgressStyle::with_template("{prefix:28} {bar:30} {bytes:>10} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self
            .all
            .add(ProgressBar::new(0))
            .with_style(style)
            .with_prefix(feed.to_owned());
        if let Ok(mut bars) = self.bars.lock() {
            bars.insert(feed.to_owned(), bar);
        }
    }

    fn announced(&self, feed: &str, bytes: u64) {
        self.with(feed, |bar| bar.set_length(bytes));
    }

    fn advanced(&self, feed: &str, bytes: u64) {
        self.with(feed, |bar| bar.inc(bytes));
    }

    fn checking(&self, feed: &str) {
        self.with(feed, |bar| bar.set_message("checking"));
    }

    fn finished(&self, feed: &str) {
        self.with(feed, |bar| bar.finish_with_message("done"));
    }

    fn failed(&self, feed: &str, why: &str) {
        let why = overlock_report::plain(why).into_owned();
        self.with(feed, |bar| bar.abandon_with_message(why.clone()));
    }
}
