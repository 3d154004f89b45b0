//! Bodies of records.

use super::*;

pub fn body(terminal: TerminalId, sequence: u64, id: TransactionId, business: Business) -> Body {
    Body {
        version: record::BODY_VERSION,
        id,
        terminal,
        sequence,
        made_at: now(),
        clock: ClockQuality::Checked,
        cycle: "H43010000001-20261124-0001".into(),
        operator: "0017".into(),
        offline: false,
        business,
    }
}

/// Amounts that add up: 60 % of the scope from the pooled fund, the rest in cash.
pub fn amounts(fee: i64) -> Amounts {
    let own = fee / 10;
    let scope = fee - own;
    let pooled = scope * 6 / 10;
    Amounts {
        medfee_sumamt: Fen(fee),
        fulamt_ownpay_amt: Fen(own),
        inscp_scp_amt: Fen(scope),
        act_pay_dedc: Fen(scope / 10),
        hifp_pay: Fen(pooled),
        fund_pay_sumamt: Fen(pooled),
        psn_part_amt: Fen(fee - pooled),
        psn_cash_pay: Fen(fee - pooled),
        ..Amounts::default()
    }
}

pub fn settlement(person: PersonNumber, fee: i64) -> Settlement {
    Settlement {
        visit: "V1".into(),
        person,
        region: city(),
        card_id: "430100D15600000500000001A1B2C3D4".into(),
        med_type: "11".into(),
        insutype: "310".into(),
        rules_version: "430100-2026".into(),
        cache_age_ms: 60_000,
        lines: 3,
        lines_digest: Digest::of(b"lines"),
        amounts: amounts(fee),
        card: None,
    }
}

pub fn settled(person: PersonNumber, fee: i64) -> Business {
    Business::Settlement(Box::new(settlement(person, fee)))
}

pub fn cancelled(of: TransactionId, person: PersonNumber, fee: i64) -> Business {
    Business::Cancellation(Box::new(Cancellation {
        of,
        person,
        amounts: amounts(fee).negated(),
        refund: Refund::None,
    }))
}

pub fn abandoned() -> Business {
    Business::Abandoned { reason: record::AbandonReason::CardGone }
}
