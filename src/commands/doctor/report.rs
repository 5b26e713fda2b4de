//! What was found, as lines for people or as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

/// Everything that was found, in order.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Finding>);

/// One line.
#[derive(Debug)]
struct Finding {
    status: Status,
    /// What was looked at.
    subject: &'static str,
    what: String,
    /// How to mend it.
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    /// Works, and may not be what is wanted.
    Warn,
    Fail,
}

impl Report {
    pub(super) fn ok(&mut self, subject: &'static str, what: impl Into<String>) {
        self.0.push(Finding { status: Status::Ok, subject, what: what.into(), fix: None });
    }

    pub(super) fn warn(&mut self, subject: &'static str, what: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { status: Status::Warn, subject, what: what.into(), fix: Some(fix.into()) });
    }

    pub(super) fn fail(&mut self, subject: &'static str, what: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { status: Status::Fail, subject, what: what.into(), fix: Some(fix.into()) });
    }

    /// These could not be looked at, because of what failed before.
    pub(super) fn skip(&mut self, subjects: &[&'static str]) {
        for subject in subjects {
            self.warn(subject, "not looked at", "mend what failed above first");
        }
    }

    pub(super) fn is_well(&self) -> bool {
        self.0.iter().all(|finding| finding.status != Status::Fail)
    }

    pub(super) fn json(&self) -> Value {
        let findings: Vec<Value> = self
            .0
            .iter()
            .map(|Finding { status, subject, what, fix }| {
                json!({"status": status.word(), "subject": subject, "what": what, "fix": fix})
            })
            .collect();
        json!({"ok": self.is_well(), "findings": findings})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { status, subject, what, fix } in &self.0 {
            let fix = fix.as_ref().map(|fix| format!(" - {fix}")).unwrap_or_default();
            let line = format!("{:<4}  {subject}: {what}{fix}", status.word());
            // Names come from elsewhere: an escape sequence in one must not reach the terminal.
            writeln!(f, "{}", line.replace(char::is_control, "?"))?;
        }
        Ok(())
    }
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_make_a_bad_report() {
        let mut report = Report::default();
        report.ok("a", "fine");
        report.warn("b", "odd", "look at it");
        assert!(report.is_well());

        report.fail("c", "gone", "bring it back");

        assert!(!report.is_well());
        assert_eq!(
            report.to_string(),
            "ok    a: fine\nwarn  b: odd - look at it\nFAIL  c: gone - bring it back\n"
        );
        assert_eq!(report.json()["findings"][0]["fix"], Value::Null);
    }

    #[test]
    fn names_cannot_write_to_the_terminal() {
        let mut report = Report::default();
        report.ok("roles", "\u{1b}[2Jadmin\nFAIL  all: gone");

        assert_eq!(report.to_string(), "ok    roles: ?[2Jadmin?FAIL  all: gone\n");
    }
}
