//! `overlock-agent helper`.

use crate::cli::Places;
use crate::exit::{Failure, say};
use overlock_agent::helper::serve::{self, Helper};
use overlock_report::plain;

pub fn run(places: &Places) -> Result<(), Failure> {
    let helper = Helper::new(&places.helper, &places.config, &places.root);
    serve::serve(&helper, |line| say(&plain(line))).map_err(|error| {
        Failure::environment(
            anyhow::Error::new(error)
                .context(format!("cannot listen at `{}`", places.helper.display())),
        )
    })
}
