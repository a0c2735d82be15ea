//! What is shown while something takes long: on a terminal, and nowhere else.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{Bed, Setup};
use tenantry::testing::{Fault, FaultRule};

/// A tenant that takes its time.
fn slow() -> Setup {
    Bed::new()
        .plain_clients(150)
        .sandbox(|sandbox| sandbox.latency(Duration::from_millis(700)))
}

#[test]
fn a_terminal_shows_how_far_a_read_is() {
    let bed = slow().start();
    let (screen, code) = bed.at_terminal(["pull"]).ends();
    assert!(screen.contains("reading clients: 100 of 150"), "{screen}");
    assert!(screen.contains("150 created"), "{screen}");
    assert_eq!(code, 0);
}

#[test]
fn pipes_and_quiet_terminals_see_nothing_of_it() {
    let bed = slow().start();
    let run = bed.run(["pull"]).exits(0);
    assert_eq!(run.stderr, "");
    let (screen, code) = bed.at_terminal(["diff", "--quiet"]).ends();
    assert_eq!((screen.as_str(), code), ("no differences\n", 0));
}

#[test]
fn a_wait_is_shown_with_its_reason() {
    let limited = || {
        Bed::new()
            .plain_clients(1)
            .sandbox(|sandbox| sandbox.rate(0.5, 1))
    };
    // The second of two reads finds the limit used up.
    let bed = limited().start();
    bed.run(["list", "-q"]).exits(0);
    let (screen, _) = bed.at_terminal(["pull"]).ends();
    assert!(screen.contains("waiting "), "{screen}");
    assert!(
        !screen.contains("\nwaiting "),
        "not on a line of its own: {screen}"
    );
    // A token is asked for without anything to count.
    let bed = limited().start();
    let fault = Fault::TooManyRequests {
        retry_after: Some(2),
    };
    bed.sandbox.fail_next(FaultRule::new(fault).token());
    let (screen, code) = bed.at_terminal(["token", "--no-token-cache"]).ends();
    assert!(
        screen.contains("waiting 2.0 s: POST /oauth/token: 429"),
        "{screen}"
    );
    assert_eq!(code, 0);
    let bed = limited().start();
    bed.run(["list", "-q"]).exits(0);
    let run = bed.run(["pull"]).exits(0);
    assert!(run.stderr.starts_with("waiting "), "{}", run.stderr);
    assert!(run.stderr.contains("429"), "{}", run.stderr);
}
