use crate::host::GateCheck;
use crate::host::answer::{clean_lines, last_line, unhex};
use crate::model::{GateReport, Verdict};
use crate::process::{quote, quote_words};

/// The word of an exit code that says "I cannot tell" (`EX_TEMPFAIL`, sysexits.h).
const INCONCLUSIVE: &str = "75";

/// Makes a report of what a gate's record says: index, exit code or word, retries, and what it printed, in hexadecimal digits, or behind a `=`
/// the one line that it was.
pub(super) fn report(gate: &GateCheck, code: &str, retries: &str, said: &str) -> GateReport {
    let output = said.strip_prefix('=').map_or_else(|| clean_lines(&unhex(said)), |line| clean_lines(line.as_bytes()));
    let verdict = match code {
        "0" => Verdict::Pass,
        INCONCLUSIVE => Verdict::Inconclusive,
        _ => Verdict::Fail,
    };
    let mut message = match code {
        "0" => String::new(),
        "lost" => "what it prints cannot be read on the host".to_owned(),
        "gone" => "the release's manifest was gone after it".to_owned(),
        "late" => format!("took longer than {} s", gate.timeout.as_secs_f64()),
        code => format!("exit {code}"),
    };
    if verdict != Verdict::Pass {
        match retries {
            _ if verdict != Verdict::Fail => {}
            "0" => {}
            "1" => message = format!("{message} (after a retry)"),
            more => message = format!("{message} (after {more} retries)"),
        }
        let last = last_line(&output);
        if !last.is_empty() {
            message = format!("{message}: {last}");
        }
    }
    GateReport { gate: gate.name.clone(), verdict, message, output, dry: gate.dry }
}

/// Writes what runs the gates, one after the other: their own quoting is done, this one's is done here.
pub(super) fn gate_calls(gates: &[GateCheck]) -> String {
    let mut text = String::new();
    for (index, gate) in gates.iter().enumerate() {
        let is_name = |name: &str| {
            let mut bytes = name.bytes();
            bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let mut settings = String::new();
        // One that is no name of a shell's variable cannot be set by one.
        for (name, value) in gate.environment.iter().filter(|(name, _)| is_name(name)) {
            settings.push_str(&format!("{name}={};export {name};", quote(value)));
        }
        let words = [
            index.to_string(),
            gate.timeout.as_secs().max(1).to_string(),
            gate.retries.to_string(),
            if gate.dry { "dry" } else { "decides" }.to_owned(),
            gate.run.clone(),
            settings,
        ];
        text.push_str(&format!("gate {} || return 0\n", quote_words(words.iter().map(String::as_str))));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::report;
    use crate::host::GateCheck;
    use crate::model::Verdict;

    #[test]
    fn a_gates_report_says_why_in_one_line_and_keeps_no_control_characters() {
        let gate = GateCheck {
            name: "answers".into(),
            run: "true".into(),
            environment: vec![],
            timeout: Duration::from_secs(30),
            retries: 2,
            dry: false,
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let pass = report(&gate, "0", "0", &hex(b"fine\n"));
        assert_eq!((pass.verdict, pass.message.as_str(), pass.output.as_str()), (Verdict::Pass, "", "fine"));
        let fail = report(&gate, "3", "2", &hex(b"one\n\x1b[31mno \xff answer\x1b[0m\n"));
        assert_eq!(fail.message, "exit 3 (after 2 retries): no \u{fffd} answer");
        // A line that is nothing but plain text comes as it is.
        let fail = report(&gate, "3", "0", "=it  is = 41");
        assert_eq!((fail.message.as_str(), fail.output.as_str()), ("exit 3: it  is = 41", "it  is = 41"));
        assert_eq!(report(&gate, "late", "0", "").message, "took longer than 30 s");
        assert_eq!(report(&gate, "75", "0", &hex(b"no data")).verdict, Verdict::Inconclusive);
    }
}
