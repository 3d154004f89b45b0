//! Pensions at a bank counter: a holder is paid, somebody else is not, and a worn finger is no dead end.

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
        "三位退休人员：养老金未发，从未认证；卡、PSAM、指纹仪",
        "Three pensioners who were never certified; cards, a PSAM, a fingerprint sensor",
    );
    let people = demo.jinbao_json(&[
        "sim", "people", "--city", CITY, "--seed", SEED, "--size", "1000", "--count", "200",
    ])?;
    let [one, two, three] = pensioners(&people).ok_or("too few of these people wait for a certification")?;
    for person in [one, two, three].map(|person| person.to_string()) {
        let card = format!("card-{person}.json");
        let order =
            ["sim", "card", "new", "--city", CITY, "--seed", SEED, "--person", &person, "--out", &card];
        demo.jinbao(&order, &[])?;
    }
    demo.jinbao(
        &["sim", "psam", "new", "--terminal", TERMINAL, "--key-seed", SEED, "--out", "psam.json"],
        &[],
    )?;
    put_in(demo, one);
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
    enrol(demo, one)?;

    step(
        6,
        "未认证，不能发放；凭指纹认证，再凭指纹领取",
        "Not certified: nothing is paid. Certified, then paid, by the finger",
    );
    demo.jinbao_may_fail(&["pension", "show"], &[])?;
    demo.jinbao(&["finger", "certify"], &[])?;
    demo.jinbao(&["pension", "pay", "--yes"], &[])?;

    step(7, "同一个月不会再发一次", "The same month is not paid again");
    if demo.start(&["pension", "pay", "--yes"], &[])?.0 {
        return Err("a month was paid twice".to_owned());
    }

    step(
        8,
        "别人拿着第二位的卡来冒领：拦住；半小时内换谁来都不再试",
        "Somebody else comes with the second card: stopped, and no new tries for half an hour",
    );
    put_in(demo, two);
    enrol(demo, two)?;
    demo.jinbao(&["finger", "certify"], &[])?;
    demo.hand(&tap(two + 1, ""))?;
    for _ in 0..2 {
        if demo.start(&["pension", "pay", "--yes"], &[])?.0 {
            return Err("somebody else was paid".to_owned());
        }
    }

    step(
        9,
        "第三位手指磨损：双人核验，记录在案",
        "The third holder comes with a worn finger: PIN and two clerks, on the record",
    );
    put_in(demo, three);
    enrol(demo, three)?;
    demo.jinbao(&["finger", "certify"], &[])?;
    demo.hand(&tap(three, "bare"))?;
    let pay = ["pension", "pay", "--yes", "--finger-wait", "2"];
    let staff = ["--staff", "--second", SECOND.0];
    demo.jinbao(&[&pay[..], &staff[..]].concat(), &[PIN, SECOND.1])?;

    step(10, "中心的账与告警", "The center's books and alarms");
    demo.jinbao(&["queue", "list"], &[])?;
    demo.jinbao(&["center", "pension", "paid"], &[])?;
    demo.jinbao(&["center", "pension", "alarms"], &[])?;
    demo.jinbao(&["reconcile"], &[])?;
    println!("\n✓ 演示完成。 The demo is complete.");
    Ok(())
}

/// A person's card lies in the reader.
fn put_in(demo: &mut Demo, person: u64) {
    demo.reader_argument = Some(format!("sim:card-{person}.json,psam.json"));
}

/// A person puts a finger on whenever it is asked for.
fn tap(person: u64, how: &str) -> String {
    format!("tap {person} {FINGER} {how}").trim_end().to_owned()
}

fn enrol(demo: &Demo, person: u64) -> Result<(), String> {
    demo.hand(&tap(person, ""))?;
    demo.jinbao(&["finger", "enrol", "--finger", FINGER, "--consent", "--staff"], &[PIN])
}

/// The first three who draw a pension and were never certified.
fn pensioners(people: &Value) -> Option<[u64; 3]> {
    let waits = |person: &&Value| {
        person["state"] == "active"
            && person["pension"].is_object()
            && person["pension"]["certified_until"].is_null()
    };
    let waiting =
        people["people"].as_array()?.iter().filter(waits).filter_map(|person| person["index"].as_u64());
    waiting.take(3).collect::<Vec<_>>().try_into().ok()
}
