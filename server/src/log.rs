//! Log lines on standard error: what happened, how often, how long. Nobody's name, key or address.
//!
//! Only events of this program are written (QUIC and TLS put addresses into theirs), and of those only numbers,
//! truth values and texts: a value that would be printed by `Debug` is left out.

use std::{
    fmt::{self, Write},
    panic,
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer as _,
    filter::filter_fn,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer, layer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
};

use crate::{
    clock,
    config::{LogFormat, LogLevel},
};

/// Starts logging for this process, and sends panics there: their place only, since their text may hold data.
///
/// A second call changes nothing.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
    };
    let lines = layer()
        .event_format(Lines { format })
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .with_filter(filter_fn(is_ours))
        .with_filter(level);
    let subscriber = tracing_subscriber::registry().with(lines);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        panic::set_hook(Box::new(|panicked| {
            let (file, line) = panicked.location().map_or(("", 0), |at| (at.file(), at.line()));
            tracing::error!(file, line, "panic");
        }));
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("reknit_relay")
}

/// How a line looks.
struct Lines {
    format: LogFormat,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO | Level::DEBUG | Level::TRACE => "info",
        };
        let mut line = Line { format: self.format, text: String::new() };
        line.raw("time_ms", clock::wall().as_millis());
        line.text("level", level);
        event.record(&mut line);
        match self.format {
            LogFormat::Logfmt => writeln!(writer, "{}", line.text),
            LogFormat::Json => writeln!(writer, "{{{}}}", line.text),
        }
    }
}

struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn raw(&mut self, name: &str, value: impl fmt::Display) {
        // Writing to a string does not fail.
        let _infallible = match self.format {
            LogFormat::Logfmt => {
                let gap = if self.text.is_empty() { "" } else { " " };
                write!(self.text, "{gap}{name}={value}")
            }
            LogFormat::Json => {
                let gap = if self.text.is_empty() { "" } else { "," };
                write!(self.text, "{gap}\"{name}\":{value}")
            }
        };
    }

    fn text(&mut self, name: &str, value: &str) {
        let mut quoted = String::with_capacity(value.len() + 2);
        quoted.push('"');
        for char in value.chars() {
            match char {
                '"' | '\\' => quoted.extend(['\\', char]),
                char if char.is_control() => quoted.push('?'),
                char => quoted.push(char),
            }
        }
        quoted.push('"');
        self.raw(name, quoted);
    }
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.raw(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.raw(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.raw(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    /// The message comes this way; nothing else may.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.text("event", &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = layer()
            .event_format(Lines { format })
            .with_writer(move || writer.clone())
            .with_filter(filter_fn(is_ours));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        // Without the time at the front.
        text.split_once(['"', ' ']).map_or(String::new(), |(_, rest)| rest.to_owned())
    }

    #[test]
    fn a_line_holds_numbers_and_texts_and_nothing_that_is_printed_by_debug() {
        let secret = [7u8; 4];
        let log = || tracing::warn!(count = 3, name = "a\"b\u{1b}[2J", ?secret, "refused");
        let line = logged(LogFormat::Logfmt, log);
        assert_eq!(line, "level=\"warn\" event=\"refused\" count=3 name=\"a\\\"b?[2J\"\n");
        let line = logged(LogFormat::Json, log);
        let fields = line.split_once(',').unwrap().1;
        let expected =
            "\"level\":\"warn\",\"event\":\"refused\",\"count\":3,\"name\":\"a\\\"b?[2J\"}\n";
        assert_eq!(fields, expected);
    }

    #[test]
    fn other_programs_log_nothing_here() {
        let log = || tracing::error!(target: "quinn", "from 192.0.2.1");
        assert_eq!(logged(LogFormat::Logfmt, log), "");
    }
}
