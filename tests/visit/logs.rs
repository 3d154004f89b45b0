//! Whatever the parts write while they work with a person, the person is not in it.

use card_spec::generation::Generation;
use rusqlite::Connection;
use tests::{
    PLANTED_PIN, PLANTED_SECRET,
    books::agree,
    scene::{Scene, text},
};

#[test]
fn nothing_personal_in_what_is_said_noted_and_traced() {
    let mut scene = Scene::at_reader("logs", Generation::Three);
    let bill = scene.bill(&["1000.00"]);
    let bill = text(&bill).to_owned();
    // As chatty as it gets: for people, in both languages, with every step told.
    for language in ["zh", "en"] {
        let visit = ["visit", "--bill", &bill, "--lang", language];
        let said = scene.run_for_people(&visit, &[PLANTED_PIN]).done();
        assert!(!said.out.is_empty() && !said.err.is_empty(), "{said:?}");
        scene.run_for_people(&["card", "info", "--trace", "--lang", language], &[]).done();
        scene.run_for_people(&["eligibility", "--lang", language], &[]).done();
        scene.run_for_people(&["visit", "--bill", &bill, "--lang", language], &["000000"]).exit(3);
        // The right PIN gives the try back.
        scene.run_for_people(&["card", "pin", "verify", "--lang", language], &[PLANTED_PIN]).done();
        for command in [
            &["queue", "list"][..],
            &["queue", "show", "1"],
            &["queue", "verify"],
            &["audit"],
            &["receipt", "text", "1"],
            &["doctor"],
            &["certificate", "show"],
            &["operator", "list"],
            &["reconcile"],
        ] {
            scene.run_for_people(&[command, &["--lang", language]].concat(), &[]);
            scene.run(&[command, &["--lang", language]].concat(), &[]);
        }
    }
    scene.run(&["card", "info", "--trace"], &[]).done();
    agree(&scene);

    // The audit lies in the ledger; an auditor copies it out.
    scene.run(&["operator", "add", "0800", "--role", "auditor"], &[PLANTED_SECRET]).done();
    scene.run(&["operator", "sign-in", "0800"], &[PLANTED_SECRET]).done();
    let copy = scene.folder.path().join("plain.db");
    scene.run_private(&["queue", "export", "--sqlite", text(&copy)], &[]).done();
    let audit = table(&copy, "audit");
    assert!(audit.lines().count() > 3, "{audit}");
    scene.logs.keep("terminal-audit", audit.as_bytes());
    scene.logs.keep("terminal-cycles", table(&copy, "cycle").as_bytes());

    // The search finds what is there: the export does hold the person.
    let records = ["txn", "plan", "link"].map(|name| table(&copy, name)).concat();
    assert!(scene.holder.planted().iter().any(|word| records.contains(word)), "the export is whole");
    assert!(!records.contains(PLANTED_PIN) && !records.contains(PLANTED_SECRET), "a PIN is kept nowhere");
    let operators = table(&copy, "operator");
    assert!(!operators.contains(PLANTED_SECRET), "a secret is kept as its derivation only");
    scene.end();
}

/// Every row of a table as text; bytes that are text are shown as that.
fn table(file: &std::path::Path, name: &str) -> String {
    let database = Connection::open(file).unwrap();
    let mut statement = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
    let columns = statement.column_count();
    let rows = statement
        .query_map([], |row| {
            let mut line = String::new();
            for column in 0..columns {
                let value = match row.get_ref(column)? {
                    rusqlite::types::ValueRef::Blob(bytes) | rusqlite::types::ValueRef::Text(bytes) => {
                        String::from_utf8_lossy(bytes).into_owned()
                    }
                    other => format!("{other:?}"),
                };
                line.push_str(&value);
                line.push('|');
            }
            Ok(line)
        })
        .unwrap();
    rows.map(|row| row.unwrap() + "\n").collect()
}
