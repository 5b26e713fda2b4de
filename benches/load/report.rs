//! The figures as tables that can be pasted into `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "printing is what the command is for")]

use std::time::Duration;

use super::{
    Options,
    batching::Batched,
    client::{Figures, Operation, Way},
    memory::Resident,
    token::TokenFigures,
};

/// Each part is printed when it is measured: a whole run takes a while.
pub(crate) fn settings(options: &Options) {
    println!(
        "{} rounds of {} s; latency with 1 connection, the rest with {}; the PDP takes {} ms\n",
        options.rounds, options.seconds, options.connections, options.pdp_latency_ms
    );
}

pub(crate) fn tokens(figures: &TokenFigures) {
    println!(
        "token check: {:.1} µs the first time, {:.2} µs again\n",
        micros(figures.first),
        micros(figures.again)
    );
}

pub(crate) fn operations(measured: &[(Operation, Vec<Figures>)]) {
    println!("| operation | database | served by | p50 µs | p99 µs | per second | CPU µs | PDP calls |");
    println!("|---|---|---|---|---|---|---|---|");
    for (operation, rows) in measured {
        for (way, figures) in operation.ways.iter().zip(rows) {
            let cpu = figures.cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.0}", micros(cpu)));
            println!(
                "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {cpu} | {:.2} |",
                operation.name,
                way.database,
                way.name,
                micros(figures.p50),
                micros(figures.p99),
                figures.per_second,
                figures.pdp_calls
            );
        }
    }
    println!();
    for (operation, rows) in measured {
        comparison(operation, rows);
    }
    println!();
}

/// What the design promises, as ratios and differences.
fn comparison(operation: &Operation, rows: &[Figures]) {
    let ways: Vec<(&Way, &Figures)> = operation.ways.iter().zip(rows).collect();
    for (_, ours) in ways.iter().filter(|(way, _)| way.name == "taskgate") {
        let database = ways.iter().find(|(_, it)| std::ptr::eq(*it, *ours)).map(|(way, _)| way.database);
        let others = ways.iter().filter(|(way, _)| Some(way.database) == database && way.name != "taskgate");
        for (way, other) in others {
            let cpu = ours.cpu.zip(other.cpu).map_or_else(String::new, |(ours, other)| {
                format!(", {:.2} times its CPU", ours.as_secs_f64() / other.as_secs_f64())
            });
            println!(
                "{} on {}: {:+.3} ms over {}, {:.2} times its throughput{cpu}",
                operation.name,
                way.database,
                (micros(ours.p50) - micros(other.p50)) / 1_000.0,
                way.name,
                ours.per_second / other.per_second
            );
        }
    }
}

/// What batching saves, beside a design that asks about each thing by itself.
pub(crate) fn batching(rows: &[(&'static str, Batched)]) {
    println!("| what | database | asked | PDP calls | ms |\n|---|---|---|---|---|");
    for (database, row) in rows {
        let millis = micros(row.time) / 1_000.0;
        println!("| {} | {database} | {} | {} | {millis:.1} |", row.what, row.how, row.calls);
    }
    println!();
}

#[expect(clippy::cast_precision_loss, reason = "KiB of one process are far below the precision of a double")]
pub(crate) fn memory(rows: &[Resident]) {
    println!(
        "| what | database | served by | MB before | MB after | per second |\n|---|---|---|---|---|---|"
    );
    for row in rows {
        let megabytes = |kib: u64| kib as f64 / 1_024.0;
        let per_second = row.per_second.map_or_else(|| "-".to_owned(), |it| format!("{it:.0}"));
        println!(
            "| {} | {} | {} | {:.1} | {:.1} | {per_second} |",
            row.what,
            row.database,
            row.served_by,
            megabytes(row.before),
            megabytes(row.after)
        );
    }
    println!();
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
