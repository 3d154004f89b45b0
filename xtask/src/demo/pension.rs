//! A pension at a bank counter: the holder is paid, somebody else is not, and a worn finger is no dead end.

use serde_json::Value;

use super::{CITY, Demo, PIN, SEED, Server, TERMINAL, step};

/// The clerk who serves, the one who confirms, and who looks after the machine.
const CLERK: (&str, &str) = ("0002", "cashier-2");
const SECOND: (&str, &str) = ("0003", "cashier-3");
const INSTALLER: (&str, &str) = ("0009", "installer-9");
const SUPERVISOR: (&str, &str) = ("0001", "supervisor-1");

/// Right index finger.
const FINGER: &str = "2";

pub(super) fn tell(demo: &mut Demo) -> Result<(), String> {
    demo.prepare("社保合作银行中山路支行")?;

    step(
        4,
        "一位退休人员：养老金未发，从未认证；卡、PSAM、指纹仪",
        "A pensioner who was never certified; a card, a PSAM, a fingerprint sensor",
    );
    let people = demo.jinbao_json(&[
        "sim", "people", "--city", CITY, "--seed", SEED, "--size", "1000", "--count", "200",
    ])?;
    let index = pensioner(&people).ok_or("nobody of these people waits for a certification")?;
    let person = index.to_string();
    demo.jinbao(
        &["sim", "card", "new", "--city", CITY, "--seed", SEED, "--person", &person, "--out", "card.json"],
        &[],
    )?;
    demo.jinbao(
        &["sim", "psam", "new", "--terminal", TERMINAL, "--key-seed", SEED, "--out", "psam.json"],
        &[],
    )?;
    demo.start_reader()?;
    let arguments = ["sim", "module", "--pty", "finger.tty", "--control", "hand.sock", "--json"];
    demo.module = Some(Server::start(demo, &arguments)?.0);
    demo.jinbao(&["operator", "sign-in", SUPERVISOR.0], &[SUPERVISOR.1])?;
    demo.jinbao(&["operator", "add", SECOND.0, "--role", "cashier"], &[SECOND.1])?;
    demo.jinbao(&["operator", "add", INSTALLER.0, "--role", "installer"], &[INSTALLER.1])?;
    demo.jinbao(&["operator", "sign-in", INSTALLER.0], &[INSTALLER.1])?;
    let device = demo.folder.join("finger.tty").display().to_string();
    demo.jinbao(&["finger", "bind", "--sensor", &device], &[])?;
    demo.jinbao(&["finger", "probe"], &[])?;
    demo.jinbao(&["operator", "sign-in", CLERK.0], &[CLERK.1])?;

    step(5, "采集指纹，只写入本人的卡", "The finger is enrolled, on the holder's own card alone");
    let (own, others) = (format!("tap {person} {FINGER}"), format!("tap {} {FINGER}", index + 1));
    demo.hand(&own)?;
    demo.jinbao(&["finger", "enrol", "--finger", FINGER, "--consent", "--staff"], &[PIN])?;

    step(6, "未认证，不能发放；凭指纹认证", "Not certified: nothing is paid. Certified by the finger");
    demo.jinbao_may_fail(&["pension", "show"], &[])?;
    demo.jinbao(&["finger", "certify"], &[])?;

    step(7, "别人拿着卡来冒领：拦住", "Somebody else comes with the card: stopped");
    demo.hand(&others)?;
    if demo.start(&["pension", "pay", "--yes"], &[])?.0 {
        return Err("somebody else was paid".to_owned());
    }

    step(
        8,
        "本人来领，手指磨损：双人核验，记录在案",
        "The holder comes with a worn finger: PIN and two clerks, on the record",
    );
    demo.hand(&format!("{own} bare"))?;
    let pay = ["pension", "pay", "--yes", "--finger-wait", "2"];
    let staff = ["--staff", "--second", SECOND.0];
    demo.jinbao(&[&pay[..], &staff[..]].concat(), &[PIN, SECOND.1])?;

    step(9, "同一个月不会再发一次", "The same month is not paid again");
    demo.hand(&own)?;
    if demo.start(&["pension", "pay", "--yes"], &[])?.0 {
        return Err("a month was paid twice".to_owned());
    }

    step(10, "中心的账与告警", "The center's books and alarms");
    demo.jinbao(&["queue", "list"], &[])?;
    demo.jinbao(&["center", "pension", "paid"], &[])?;
    demo.jinbao(&["center", "pension", "alarms"], &[])?;
    demo.jinbao(&["reconcile"], &[])?;
    println!("\n✓ 演示完成。 The demo is complete.");
    Ok(())
}

/// The first who draws a pension and was never certified.
fn pensioner(people: &Value) -> Option<u64> {
    let waits = |person: &&Value| {
        person["state"] == "active"
            && person["pension"].is_object()
            && person["pension"]["certified_until"].is_null()
    };
    people["people"].as_array()?.iter().find(waits)?["index"].as_u64()
}
