//! Running the center.

use std::io::Write;

use super::{
    Serve,
    print::{Printer, words},
};
use crate::{center::Center, error::Error};

/// Runs until SIGINT or SIGTERM. The first line says that the ports are open and where: JSON with `--json` and
/// with `--port 0`, for whoever started the center and waits for it.
pub(super) fn serve(mut center: Center, serve: &Serve, printer: Printer) -> Result<(), Error> {
    if let Some(port) = serve.port {
        let next = if port == 0 { 0 } else { port.checked_add(1).unwrap_or(0) };
        center.configuration.enrolment_listen.set_port(port);
        center.configuration.terminal_listen.set_port(next);
    }
    let running = center.start()?;
    center.access.note("staff", "serve", &running.terminals.to_string())?;
    if printer.json || serve.port == Some(0) {
        let line = serde_json::json!({
            "ready": true,
            "enrolment": running.enrolment.to_string(),
            "terminals": running.terminals.to_string(),
            "authority": center.authority_path(),
            "issuer_keys": center.has_issuer_keys(),
            "process": std::process::id(),
        });
        println!("{line}");
    } else {
        println!("{}: {}", words("入网端口", "enrolment port"), running.enrolment);
        println!("{}: {}", words("业务端口", "terminals' port"), running.terminals);
        println!("{}: {}", words("证书机构", "authority"), center.authority_path().display());
        if !center.has_issuer_keys() {
            println!(
                "{}",
                words(
                    "无发卡方密钥：圈存将被拒绝，TAC 不校验 (keys import)",
                    "no issuer keys: loads are refused, TACs stay unchecked (keys import)"
                )
            );
        }
        println!("{}", words("按 Ctrl-C 停止", "Ctrl-C stops it"));
    }
    // Whoever waits for the line may be behind a pipe.
    let _ = std::io::stdout().flush();
    running.run_until_told();
    Ok(())
}
