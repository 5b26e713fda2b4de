//! The figures as a table that can be pasted into `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "printing is what the command is for")]

use std::time::Duration;

use super::{
    Options,
    batching::Batched,
    client::{Figures, Operation},
    token::TokenFigures,
};

pub(crate) struct Report {
    lines: Vec<String>,
    /// What the design promises, as ratios and differences.
    summary: Vec<String>,
    batching: Vec<String>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        let settings = format!(
            "{} rounds of {} s; latency with 1 connection, the rest with {}; the PDP takes {} µs",
            options.rounds, options.seconds, options.connections, options.pdp_delay_us
        );
        let head = [
            "| operation | served by | p50 µs | p99 µs | per second | CPU µs | PDP calls |",
            "|---|---|---|---|---|---|---|",
        ];
        let lines = std::iter::once(settings).chain([String::new()]).chain(head.map(str::to_owned)).collect();
        Self { lines, summary: Vec::new(), batching: Vec::new() }
    }

    pub(crate) fn tokens(&mut self, figures: &TokenFigures) {
        self.summary.push(format!(
            "token check: {:.1} µs the first time, {:.2} µs again",
            micros(figures.first),
            micros(figures.again)
        ));
    }

    pub(crate) fn operation(&mut self, operation: &Operation, rows: &[Figures]) {
        for (way, figures) in operation.ways.iter().zip(rows) {
            let cpu = figures.cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.0}", micros(cpu)));
            self.lines.push(format!(
                "| {} | {} | {:.0} | {:.0} | {:.0} | {cpu} | {:.2} |",
                operation.name,
                way.name,
                micros(figures.p50),
                micros(figures.p99),
                figures.per_second,
                figures.pdp_calls
            ));
        }
        if let [others @ .., ours] = rows {
            for (way, other) in operation.ways.iter().zip(others) {
                self.summary.push(format!(
                    "{}: {:+.3} ms over {}, {:.0} % of its throughput",
                    operation.name,
                    (micros(ours.p50) - micros(other.p50)) / 1_000.0,
                    way.name,
                    100.0 * ours.per_second / other.per_second
                ));
            }
        }
    }

    /// What batching saves, beside a design that asks about each thing by itself.
    pub(crate) fn batching(&mut self, rows: &[Batched]) {
        self.batching.extend(["| what | asked | PDP calls | ms |", "|---|---|---|---|"].map(str::to_owned));
        for row in rows {
            let line =
                format!("| {} | {} | {} | {:.1} |", row.what, row.how, row.calls, micros(row.time) / 1_000.0);
            self.batching.push(line);
        }
    }

    pub(crate) fn print(&self) {
        let parts = [&self.lines, &self.summary, &self.batching].map(|part| part.join("\n"));
        println!("{}", parts.join("\n\n"));
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
