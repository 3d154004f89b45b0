//! What the wizard knows, put on its screen.

use edge::{checks::Health, indicator::Sign, setup::Found};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use terminal::setup::{Face, SetupError, Standing, Step, span};

use super::{
    state::{Busy, Form, Problem, Seen, Wizard},
    work::Row,
};
use crate::{
    FieldProblem, LampSeen, Light, LookRow, SetupBusy, SetupFace, SetupPage, SetupRole, SetupWindow, StepRow,
    StepStanding, locale, locale::Locale, trouble::Trouble,
};

/// Shows everything anew. Rows are few, and a person presses seldom: nothing is saved by showing less.
pub(super) fn show(wizard: &Wizard, window: &SetupWindow) {
    let face = window.global::<SetupFace<'_>>();
    let locale = wizard.locale;
    let words = |text: &str| SharedString::from(locale.words(text));
    let step = wizard.step();
    face.set_page(page(wizard));
    face.set_steps(rows(wizard.steps().iter().enumerate().map(|(at, (step, standing))| StepRow {
        number: (at + 1).to_string().into(),
        name: words(step.name(locale.language())),
        standing: match standing {
            Standing::Done => StepStanding::Done,
            Standing::Now => StepStanding::Now,
            Standing::Later => StepStanding::Later,
        },
    })));
    face.set_title(step.map_or_else(SharedString::new, |step| words(step.name(locale.language()))));
    face.set_hint(step.map_or_else(SharedString::new, |step| words(step.hint(locale.language()))));
    face.set_busy(busy(wizard.busy));
    let trouble = |of: fn(&Trouble, Locale) -> String| {
        wizard.trouble.as_ref().map_or_else(SharedString::new, |trouble| of(trouble, locale).into())
    };
    face.set_trouble_what(trouble(Trouble::what));
    face.set_trouble_next(trouble(Trouble::next));
    face.set_problem(match wizard.problem {
        None => FieldProblem::None,
        Some(Problem::Terminal) => FieldProblem::Terminal,
        Some(Problem::Address) => FieldProblem::Address,
        Some(Problem::Code) => FieldProblem::Code,
        Some(Problem::Line) => FieldProblem::Line,
        Some(Problem::SecretsDiffer) => FieldProblem::SecretsDiffer,
        Some(Problem::Supervisor) => FieldProblem::Supervisor,
    });
    face.set_can_go_back(wizard.can_go_back());
    face.set_can_go_on(wizard.can_go_on());
    face.set_is_settled(
        step.is_some_and(|step| wizard.setup.as_ref().is_some_and(|setup| setup.is_settled(step))),
    );
    let at = locale::ALL.iter().position(|known| *known == locale).unwrap_or_default();
    face.set_locale(i32::try_from(at).unwrap_or_default());
    face.set_role(match wizard.role {
        Face::Counter => SetupRole::Counter,
        Face::Kiosk => SetupRole::Kiosk,
        Face::Bank => SetupRole::Bank,
        Face::Community => SetupRole::Community,
    });
    devices(wizard, window);
    lamps(wizard, &face);
    center(wizard, &face);
    progress(wizard, &face);
    let setup = wizard.setup.as_ref();
    let reported = setup.and_then(|setup| setup.reported());
    face.set_report_file(reported.map_or_else(SharedString::new, |report| report.file.clone().into()));
    face.set_report_digest(reported.map_or_else(SharedString::new, |report| report.digest.clone().into()));
    let enrolled = setup.and_then(|setup| setup.enrolled());
    face.set_institution(
        enrolled.map_or_else(SharedString::new, |enrolled| enrolled.institution_name.clone().into()),
    );
}

/// Fills the fields with what was settled before; only when the set-up was read, since then they are the installer's.
pub(super) fn fill_fields(wizard: &Wizard, window: &SetupWindow) {
    let face = window.global::<SetupFace<'_>>();
    let Some(setup) = &wizard.setup else { return };
    if let Some(place) = setup.place() {
        face.set_terminal(place.terminal.to_string().into());
    }
    if let Some(center) = setup.center() {
        face.set_address(center.address.clone().into());
        face.set_enrolment(center.enrolment.clone().into());
    }
}

/// What stands in the fields.
pub(super) fn form(window: &SetupWindow) -> Form {
    let face = window.global::<SetupFace<'_>>();
    Form {
        terminal: face.get_terminal().into(),
        printer: face.get_printer().into(),
        lines: [
            face.get_line_ready().into(),
            face.get_line_busy().into(),
            face.get_line_fault().into(),
            face.get_line_buzzer().into(),
        ],
        address: face.get_address().into(),
        enrolment: face.get_enrolment().into(),
        code: String::from(face.get_code()).into(),
        supervisor: face.get_supervisor().into(),
        secret: String::from(face.get_secret()).into(),
        secret_again: String::from(face.get_secret_again()).into(),
    }
}

/// Fills the fields of the lines with what is chosen.
pub(super) fn fill_lines(wizard: &Wizard, window: &SetupWindow) {
    let (face, pins) = (window.global::<SetupFace<'_>>(), wizard.pins());
    let text = |sign: Sign| {
        sign.line(&pins).map_or_else(SharedString::new, |line| SharedString::from(line.to_string()))
    };
    face.set_line_ready(text(Sign::Ready));
    face.set_line_busy(text(Sign::Busy));
    face.set_line_fault(text(Sign::Fault));
    face.set_line_buzzer(text(Sign::Buzzer));
}

/// Empties the fields that held something secret.
pub(super) fn forget_secrets(window: &SetupWindow) {
    let face = window.global::<SetupFace<'_>>();
    face.set_code(SharedString::new());
    face.set_secret(SharedString::new());
    face.set_secret_again(SharedString::new());
}

fn page(wizard: &Wizard) -> SetupPage {
    match wizard.step() {
        Some(Step::Language) => SetupPage::Language,
        Some(Step::Place) => SetupPage::Place,
        Some(Step::Devices) if wizard.is_at_lamps => SetupPage::Lamps,
        Some(Step::Devices) => SetupPage::Devices,
        Some(Step::Center) => SetupPage::Center,
        Some(Step::Enrolment) => SetupPage::Enrolment,
        Some(Step::Keys) => SetupPage::Keys,
        Some(Step::Fill) => SetupPage::Fill,
        Some(Step::SelfTest) => SetupPage::SelfTest,
        Some(Step::Training) => SetupPage::Training,
        Some(Step::Report) => SetupPage::Report,
        None if wizard.is_done() => SetupPage::Done,
        None => SetupPage::Opening,
    }
}

/// The page's name for [`crate::PageTeller`].
pub(super) fn page_name(wizard: &Wizard) -> &'static str {
    if wizard.pin_digits().is_some() {
        return "setup.pin";
    }
    match page(wizard) {
        SetupPage::Opening => "setup.opening",
        SetupPage::Language => "setup.language",
        SetupPage::Place => "setup.place",
        SetupPage::Devices => "setup.devices",
        SetupPage::Lamps => "setup.lamps",
        SetupPage::Center if wizard.met.is_some() => "setup.center-met",
        SetupPage::Center => "setup.center",
        SetupPage::Enrolment => "setup.enrolment",
        SetupPage::Keys => "setup.keys",
        SetupPage::Fill => "setup.fill",
        SetupPage::SelfTest => "setup.self-test",
        SetupPage::Training => "setup.training",
        SetupPage::Report => "setup.report",
        SetupPage::Done => "setup.done",
    }
}

fn busy(busy: Option<Busy>) -> SetupBusy {
    match busy {
        None => SetupBusy::None,
        Some(Busy::Opening) => SetupBusy::Opening,
        Some(Busy::Working) => SetupBusy::Working,
        Some(Busy::Sensor) => SetupBusy::Sensor,
        Some(Busy::Printer) => SetupBusy::Printer,
        Some(Busy::Lamp) => SetupBusy::Lamp,
        Some(Busy::Meeting) => SetupBusy::Meeting,
        Some(Busy::Filling) => SetupBusy::Filling,
        Some(Busy::Testing) => SetupBusy::Testing,
        Some(Busy::Training) => SetupBusy::Training,
    }
}

fn devices(wizard: &Wizard, window: &SetupWindow) {
    let face = window.global::<SetupFace<'_>>();
    face.set_devices(rows(device_rows(wizard)));
    let mut lines = wizard.found.lines.clone();
    if wizard.devices.board.is_some() {
        lines.insert(0, edge::sensor::ON_BOARD.to_owned());
    }
    face.set_lines(rows(lines.into_iter().map(SharedString::from)));
    let printer = wizard.devices.printer.as_ref();
    if let Some(printer) = printer.filter(|_| face.get_printer().is_empty()) {
        face.set_printer(printer.device.clone().into());
    }
    let columns = printer.map_or(terminal::receipt::COLUMNS_80_MM, |printer| printer.columns);
    face.set_paper(if columns == terminal::receipt::COLUMNS_80_MM { "80 mm" } else { "58 mm" }.into());
    let slot =
        |name: &Option<String>| wizard.found.slots.iter().find(|slot| Some(&slot.name) == name.as_ref());
    window.set_card_is_in(slot(&wizard.devices.card).is_some_and(|slot| slot.has_chip));
    window.set_psam_is_in(slot(&wizard.devices.psam).is_some_and(|slot| slot.is_psam));
}

/// One row for each kind of device, with what to do where something is missing.
fn device_rows(wizard: &Wizard) -> Vec<LookRow> {
    let locale = wizard.locale;
    let pick = |chinese: &str, english: &str| locale.words(locale.language().pick(chinese, english));
    let Found { service, service_version, slots, usb, .. } = &wizard.found;
    let row = |light, title: String, text: String, todo: String| LookRow {
        light,
        title: title.into(),
        text: text.into(),
        todo: todo.into(),
    };
    let mut shown = Vec::new();
    shown.push(match service {
        true => row(
            Light::Ok,
            pick("卡服务", "Card service"),
            service_version.as_ref().map_or_else(String::new, |version| format!("pcscd {version}")),
            String::new(),
        ),
        false => row(
            Light::Bad,
            pick("卡服务", "Card service"),
            pick("没有运行", "does not run"),
            pick("启动 pcscd：systemctl start pcscd", "start pcscd: systemctl start pcscd"),
        ),
    });
    let slot =
        |name: &Option<String>| name.as_ref().and_then(|name| slots.iter().find(|slot| slot.name == *name));
    shown.push(match slot(&wizard.devices.psam) {
        Some(psam) => row(Light::Ok, pick("PSAM", "PSAM"), psam.name.clone(), String::new()),
        None => row(
            Light::Bad,
            pick("PSAM", "PSAM"),
            pick("没有找到", "not found"),
            pick(
                "断电，把 PSAM 小卡装入读卡器的小卡槽，缺角对齐，再通电",
                "unplug the reader, put the PSAM into its small slot by the cut corner, plug it in again",
            ),
        ),
    });
    shown.push(match (slot(&wizard.devices.card), slots.is_empty(), usb.is_empty()) {
        (Some(card), ..) => row(
            Light::Ok,
            pick("社保卡卡槽", "Slot for cards"),
            if card.has_chip {
                format!("{} · {}", card.name, pick("有卡", "a card is in it"))
            } else {
                card.name.clone()
            },
            String::new(),
        ),
        (None, true, false) => row(
            Light::Bad,
            pick("社保卡卡槽", "Slot for cards"),
            pick("读卡器已插上，但驱动没有认出", "a reader is plugged in, but no driver takes it"),
            pick("安装厂家驱动后重新插拔", "install its maker's driver and plug it in again"),
        ),
        (None, true, true) => row(
            Light::Bad,
            pick("社保卡卡槽", "Slot for cards"),
            pick("没有读卡器", "no reader"),
            pick("把读卡器插到 USB 口，插好会自动出现", "plug the reader in; it shows up by itself"),
        ),
        (None, false, _) => row(
            Light::Care,
            pick("社保卡卡槽", "Slot for cards"),
            slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>().join(" · "),
            pick("先装好 PSAM，卡槽由它确定", "first the PSAM: the slot is found beside it"),
        ),
    });
    if let Some(board) = &wizard.devices.board {
        shown.push(row(Light::Ok, pick("读卡主板", "Reader board"), board.clone(), String::new()));
    }
    shown.push(match (&wizard.sensor, &wizard.devices.sensor) {
        (Some(Ok(said)), Some(device)) => {
            row(Light::Ok, pick("指纹仪", "Sensor"), format!("{device} · {said}"), String::new())
        }
        (Some(Err(trouble)), _) => {
            row(Light::Bad, pick("指纹仪", "Sensor"), trouble.what(locale), trouble.next(locale))
        }
        (_, Some(device)) => row(Light::Ok, pick("指纹仪", "Sensor"), device.clone(), String::new()),
        _ => row(
            Light::Off,
            pick("指纹仪", "Sensor"),
            pick("没有，或还没有找", "none, or not looked for yet"),
            pick("有的话，在右边点它的接口", "if there is one, press its line at the right"),
        ),
    });
    shown.push(match (&wizard.printer, &wizard.devices.printer) {
        (Some(Err(trouble)), _) => {
            row(Light::Bad, pick("打印机", "Printer"), trouble.what(locale), trouble.next(locale))
        }
        (Some(Ok(())), Some(printer)) => row(
            Light::Ok,
            pick("打印机", "Printer"),
            format!("{} · {}", printer.device, pick("已试打", "has printed a line")),
            String::new(),
        ),
        (_, Some(printer)) => row(
            Light::Care,
            pick("打印机", "Printer"),
            printer.device.clone(),
            pick("在右边点“试打”，看纸上有没有字", "press “test print” at the right and look at the paper"),
        ),
        _ => row(
            Light::Off,
            pick("打印机", "Printer"),
            pick("没有", "none"),
            pick("有的话，在右边填它的设备名", "if there is one, enter its device at the right"),
        ),
    });
    shown.push(lamps_row(wizard));
    if wizard.role == Face::Kiosk {
        let recorded = &wizard.found.recorded;
        let text = edge::words::recorded(recorded, locale.language());
        let light = if recorded.chinese.0 < recorded.chinese.1 { Light::Off } else { Light::Ok };
        let todo = match light {
            Light::Ok => String::new(),
            _ => pick(
                "缺的由机器朗读；录音放入 voice 文件夹",
                "a machine speaks what is missing; recordings go to the folder voice",
            ),
        };
        shown.push(row(light, pick("语音录音", "Recorded sentences"), locale.words(&text), todo));
    }
    shown
}

fn lamps_row(wizard: &Wizard) -> LookRow {
    let locale = wizard.locale;
    let pick = |chinese: &str, english: &str| locale.words(locale.language().pick(chinese, english));
    let pins = wizard.pins();
    let lines = locale.words(&edge::words::pins(&pins, locale.language()));
    let (light, text, todo) = match (pins.is_empty(), &wizard.devices.board) {
        (false, _) if wizard.all_lit() => (Light::Ok, lines, String::new()),
        (false, _) => (
            Light::Care,
            lines,
            pick("点下面的“指示灯和蜂鸣器”，逐个试", "press “lamps and buzzer” below and try each of them"),
        ),
        (true, Some(_)) => (Light::Ok, pick("在读卡主板上", "on the reader board"), String::new()),
        (true, None) => (
            Light::Off,
            pick("没有", "none"),
            pick("有的话，点下面的“指示灯和蜂鸣器”", "if there are any, press “lamps and buzzer” below"),
        ),
    };
    LookRow {
        light,
        title: pick("指示灯和蜂鸣器", "Lamps and buzzer").into(),
        text: text.into(),
        todo: todo.into(),
    }
}

fn lamps(wizard: &Wizard, face: &SetupFace<'_>) {
    let seen = Sign::ALL.map(|sign| match wizard.seen(sign) {
        Seen::Untried => LampSeen::Untried,
        Seen::Asked => LampSeen::Asked,
        Seen::Lit => LampSeen::Lit,
        Seen::Dark => LampSeen::Dark,
    });
    face.set_lamps_seen(rows(seen));
    face.set_lit_by_low(wizard.pins().low);
    face.set_has_board(wizard.devices.board.is_some());
}

fn center(wizard: &Wizard, face: &SetupFace<'_>) {
    let locale = wizard.locale;
    let pick = |chinese: &str, english: &str| locale.words(locale.language().pick(chinese, english));
    let settled = wizard.setup.as_ref().and_then(|setup| setup.center());
    let groups = match (&wizard.met, settled) {
        (Some(met), _) => met.fingerprint.groups(),
        (None, Some(center)) => center.fingerprint.groups(),
        (None, None) => Vec::new(),
    };
    face.set_fingerprint(rows(groups.into_iter().map(SharedString::from)));
    face.set_is_foreign(wizard.is_foreign);
    let off = wizard.met.as_ref().filter(|met| met.clock_is_off);
    face.set_clock_is_off(off.is_some());
    let words = off
        .and_then(|met| met.offset_ms)
        .map(|offset_ms| SetupError::ClockOff { offset_ms }.words(locale.language()).what);
    face.set_clock_what(locale.words(&words.unwrap_or_default()).into());
    face.set_met_note(wizard.met.as_ref().map_or_else(SharedString::new, |met| {
        let name = pick("证书机构", "Authority");
        let took = pick("连接用时", "connected in");
        let clock = met.offset_ms.map_or_else(String::new, |offset_ms| {
            let span = locale.words(&span(offset_ms, locale.language()));
            format!(" · {} {span}", pick("时钟相差", "clocks differ by"))
        });
        format!("{name}: {} · {took} {} ms{clock}", met.authority, met.took_ms).into()
    }));
}

fn progress(wizard: &Wizard, face: &SetupFace<'_>) {
    let locale = wizard.locale;
    let pick = |chinese: &str, english: &str| locale.words(locale.language().pick(chinese, english));
    let settled = wizard.setup.as_ref().and_then(|setup| setup.filled());
    let filled = wizard.filled.or(settled.map(|filled| (filled.cursor, filled.newest)));
    face.set_filled(filled.map_or(
        -1.0,
        |(cursor, newest)| {
            if newest == 0 { 1.0 } else { cursor as f32 / newest as f32 }
        },
    ));
    face.set_filled_text(filled.map_or_else(SharedString::new, |(cursor, newest)| {
        format!("{cursor} / {newest} {}", pick("条变更", "changes")).into()
    }));
    let kept = wizard.setup.as_ref().and_then(|setup| setup.tested());
    let checks: Vec<LookRow> = match (wizard.checks.is_empty(), kept) {
        (true, Some(tested)) => tested
            .checks
            .iter()
            .map(|check| LookRow {
                light: match check.outcome {
                    terminal::setup::Outcome::Good => Light::Ok,
                    terminal::setup::Outcome::Look => Light::Care,
                    terminal::setup::Outcome::Bad => Light::Bad,
                    terminal::setup::Outcome::NotThere => Light::Off,
                },
                title: locale.words(&check.title).into(),
                text: locale.words(&check.text).into(),
                todo: SharedString::new(),
            })
            .collect(),
        _ => wizard.checks.iter().map(|row| check_row(row, locale)).collect(),
    };
    face.set_checks(rows(checks));
    face.set_progress(
        wizard.progress.map_or_else(SharedString::new, |progress| {
            locale.words(progress.words(locale.language())).into()
        }),
    );
    face.set_receipt(rows(wizard.receipt.iter().map(SharedString::from)));
    let digits = wizard.pin_digits().map_or(-1, |digits| i32::try_from(digits).unwrap_or(i32::MAX));
    face.set_pin_digits(digits);
}

fn check_row(row: &Row, locale: Locale) -> LookRow {
    LookRow {
        light: match row.health {
            Health::Good => Light::Ok,
            Health::Look => Light::Care,
            Health::Bad => Light::Bad,
            Health::NotChecked => Light::Off,
        },
        title: locale.words(&row.title).into(),
        text: locale.words(&row.text).into(),
        todo: locale.words(&row.advice).into(),
    }
}

fn rows<T: Clone + 'static>(rows: impl IntoIterator<Item = T>) -> ModelRc<T> {
    ModelRc::new(rows.into_iter().collect::<VecModel<T>>())
}
