//! How the values of `card_spec` and of this crate look in an OpenAPI description.
//!
//! `card_spec` knows nothing of HTTP; the stand-ins here describe its values where a message carries them.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr,
        schema::{KnownFormat, Schema, SchemaFormat, Type},
    },
};

/// Stands in for `card_spec::money::Fen`.
#[derive(Debug)]
pub enum Money {}

/// Stands in for `card_spec::person::PersonNumber`.
#[derive(Debug)]
pub enum PersonNumber {}

/// Stands in for `card_spec::region::RegionCode`.
#[derive(Debug)]
pub enum RegionCode {}

/// Stands in for the twelve bytes that name a card.
#[derive(Debug)]
pub enum CardKey {}

fn text(pattern: &str, description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .description(Some(description))
        .build()
        .into()
}

fn integer(description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(description))
        .build()
        .into()
}

macro_rules! described {
    ($($name:ty, $title:literal, $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }
        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $title.into()
            }
        }
    )*};
}
described! {
    Money, "Money", integer("Integer fen, the hundredth part of a yuan; negative in a cancellation.");
    PersonNumber, "PersonNumber",
        text("^[0-9]{17}[0-9Xx]$", "A citizen identification number with its check character (GB 11643).");
    CardKey, "CardKey", text("^[0-9a-fA-F]{24}$", "A card identification code without its MAC.");
    RegionCode, "RegionCode", text("^[0-9]{6}$", "An administrative division code (GB/T 2260).");
    crate::id::TerminalId, "TerminalId", text("^[0-9]{12}$", "A terminal number, as in its PSAM.");
    crate::id::TransactionId, "TransactionId",
        text("^[0-9a-fA-F]{32}$", "128 random bits that name a transaction.");
    crate::calendar::Day, "Day", integer("A day as the number CCYYMMDD.");
    crate::calendar::Period, "Period", integer("A calendar month as the number CCYYMM.");
    crate::evidence::FingerPosition, "FingerPosition",
        integer("A finger from 1, the right thumb, to 10, the left little finger (ISO/IEC 19794-2).");
    crate::signature::Digest, "Digest", text("^[0-9a-fA-F]{64}$", "SHA-256.");
    crate::signature::PublicKey, "PublicKey", text("^[0-9a-fA-F]{64}$", "An Ed25519 public key (RFC 8032).");
    crate::signature::Signature, "Signature",
        text("^[A-Za-z0-9+/]{86}==$", "An Ed25519 signature (RFC 8032) in base64.");
    crate::timestamp::Timestamp, "Timestamp", integer("Milliseconds since 1970-01-01 UTC.");
}
