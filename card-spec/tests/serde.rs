//! Values inside JSON, for those who store and send them.

#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::{date::Date, money::Fen, person::PersonNumber, region::RegionCode};

#[test]
fn values_go_through_json() {
    let number = PersonNumber::parse("11010519491231002X").unwrap();
    assert_eq!(serde_json::to_string(&number).unwrap(), "\"11010519491231002X\"");
    assert_eq!(serde_json::from_str::<PersonNumber>("\"11010519491231002X\"").unwrap(), number);
    let region = RegionCode::parse("430100").unwrap();
    assert_eq!(serde_json::from_str::<RegionCode>(&serde_json::to_string(&region).unwrap()).unwrap(), region);
    let date = Date::new(2024, 1, 15).unwrap();
    assert_eq!(serde_json::to_string(&date).unwrap(), "\"2024-01-15\"");
    assert_eq!(serde_json::from_str::<Date>("\"20240115\"").unwrap(), date);
    assert_eq!(serde_json::to_string(&Fen(-452)).unwrap(), "-452");
}

#[test]
fn what_is_wrong_is_refused() {
    for bad in ["\"110105194912310021\"", "\"\"", "1"] {
        let error = serde_json::from_str::<PersonNumber>(bad).unwrap_err().to_string();
        assert!(!error.contains("19491231"), "{error}");
    }
    assert!(serde_json::from_str::<RegionCode>("\"990000\"").is_err());
    assert!(serde_json::from_str::<Date>("\"2024-02-30\"").is_err());
}
