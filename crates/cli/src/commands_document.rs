//! Does `docs/commands.md` say what the command says of itself?
//!
//! The page is the help texts; the test writes it anew when `LARDER_WRITE_DOCS` is set.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use clap::CommandFactory as _;

    use crate::arguments::Arguments;

    const INTRODUCTION: &str = "\
# Commands

<!-- Generated from the help texts. Change them in crates/cli/src/arguments.rs (flags of options: in
     crates/config/src/options.rs), then run LARDER_WRITE_DOCS=1 cargo test -p larder commands_md -->

Errors are one line on standard error that begins with `larder:`. Problems of a configuration file are one line each,
`file:line:column: what is wrong (what to write instead)`; on a terminal the lines of the file are shown and marked.

| exit status | meaning |
|---|---|
| 0 | done: the file is right, or the server ended after SIGTERM |
| 1 | `larder check` or `larder doctor` found problems; the application did not answer `larder explain --live`; a purge was refused, or nobody was there; `larder lookup` could not ask the table or a server; `larder warm` stored nothing or was interrupted |
| 2 | not started: bad arguments, bad configuration, a port in use, a name that does not resolve; nobody answered `larder doctor` |
| 3 | a purge is in force in memory, and accepted but not complete for published pages |

A running Larder lets requests in progress end on SIGTERM (`timeouts.drain`) and reads its configuration again on SIGHUP;
a configuration with problems leaves the old one in force and is complained about. [configuration.md](configuration.md)
describes every option.
";

    #[test]
    fn commands_md_is_up_to_date() {
        let mut command = Arguments::command().term_width(100);
        command.build();
        let mut expected = INTRODUCTION.to_owned();
        for name in
            ["serve", "demo", "check", "explain", "doctor", "purge", "warm", "lookup", "nginx-conf"]
        {
            let sub = command.find_subcommand_mut(name).expect(name);
            let help = sub.render_help().to_string();
            let lines: Vec<_> = help.lines().map(str::trim_end).collect();
            write!(expected, "\n## `larder {name}`\n\n```text\n{}\n```\n", lines.join("\n"))
                .expect("writes to a string");
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
        if std::env::var_os("LARDER_WRITE_DOCS").is_some() {
            std::fs::write(&path, &expected).expect("docs/commands.md is writable");
        }
        let actual = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(actual == expected, "out of date: see the comment at its top");
    }
}
